"""Clips: real files that PyAV writes, read again."""

import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from stylekit.clip import Camera, Clip, write
from stylekit.errors import PictureError, UsageError

RED, GREEN, BLUE = [200, 30, 30], [30, 170, 40], [40, 40, 200]
TIMES = (0.0, 0.1, 0.15, 0.4, 0.5, 0.9)
"""Of a clip of variable frame rate."""


def colours(*times):
    """(seconds, picture) that grow brighter, red above and blue below."""
    for number, at in enumerate(times):
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:24], picture[24:] = RED, BLUE
        yield at, np.clip(picture + 5 * number, 0, 255).astype(np.uint8)


@pytest.fixture
def silent(tmp_path):
    write(tmp_path / "silent.mp4", colours(*TIMES), Fraction(10))
    return str(tmp_path / "silent.mp4")


@pytest.fixture(params=["aac", "pcm_s16le"])
def loud(request, tmp_path):
    """With two seconds of a tone that grows louder; in a kind of sound that MP4 has, and in one that it has not."""
    path = str(tmp_path / "loud.mov")
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        track = file.add_stream(request.param, rate=8000, layout="mono")
        for _, picture in colours(*np.arange(20) / 10):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())
        seconds = np.arange(16000) / 8000
        samples = (seconds * 16000 * np.sin(seconds * 2 * np.pi * 440)).astype(np.int16)[None]
        for begin in range(0, 16000, 1000):
            frame = av.AudioFrame.from_ndarray(samples[:, begin : begin + 1000], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, begin
            file.mux(track.encode(frame))
        file.mux(track.encode())
    return path


def loudness(path):
    """(seconds of sound, of the first and of the last quarter the mean absolute value)."""
    with av.open(str(path)) as file:
        float32 = av.AudioResampler(format="fltp")
        frames = [each for frame in file.decode(audio=0) for each in float32.resample(frame)]
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in frames])
        rate = file.streams.audio[0].rate
    quarter = len(samples) // 4
    return len(samples) / rate, np.abs(samples[:quarter]).mean(), np.abs(samples[-quarter:]).mean()


def test_a_clip_of_variable_frame_rate_keeps_its_times_and_colours(silent):
    moments = list(Clip(silent, 64))
    assert [round(m.at, 3) for m in moments] == list(TIMES)
    top, bottom = moments[0].image[0, :, 4:20].mean((1, 2)) * 255, moments[0].image[0, :, 28:44].mean((1, 2)) * 255
    assert (top - torch.tensor(RED)).abs().max() < 8 and (bottom - torch.tensor(BLUE)).abs().max() < 8


def test_a_part_counts_from_its_own_beginning_and_says_how_long_it_is(silent):
    part = Clip(silent, 32, begin=0.12, end=0.6)
    assert [round(m.at, 3) for m in part] == [0.0, 0.25, 0.35]
    assert {m.image.shape for m in part} == {(1, 3, 24, 32)}
    assert part.seconds == pytest.approx(0.48)


def test_a_clip_of_a_turned_phone_is_upright(silent, tmp_path):
    data = bytearray(Path(silent).read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # ISO 14496-12: behind version, times, track, duration, layer and volume
    a, b = 0, 1 << 16
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, -b, a, 0, 48 << 16, 0, 1 << 30)  # a quarter to the right
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(data)
    image = next(iter(Clip(str(turned), 64))).image
    assert image.shape == (1, 3, 64, 48)
    left, right = image[0, :, :, 4:20].mean((1, 2)) * 255, image[0, :, :, 28:44].mean((1, 2)) * 255
    assert (right - torch.tensor(RED)).abs().max() < 8 and (left - torch.tensor(BLUE)).abs().max() < 8


def test_the_sound_of_a_part_comes_along(loud, tmp_path):
    part = Clip(loud, 64, begin=1.0, end=1.8)
    write(
        tmp_path / "out.mp4", ((m.at, colour) for m, (_, colour) in zip(part, colours(*range(99)), strict=False)), part.rate, part
    )
    whole, kept = loudness(loud), loudness(tmp_path / "out.mp4")
    assert kept[0] == pytest.approx(0.8, abs=0.3)
    assert kept[1] > 2 * whole[1]  # the second half is louder
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert file.streams.audio[0].codec_context.name == "aac"
        assert file.streams.video[0].codec_context.name == "h264"


def test_what_is_no_clip_is_said_in_a_sentence(tmp_path, silent, loud):
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(PictureError, match="cannot be read"):
        Clip(str(text), 64)
    with pytest.raises(PictureError, match="There is no such file"):
        Clip(str(tmp_path / "none.mp4"), 64)
    with pytest.raises(PictureError, match="no picture in this part"):
        list(Clip(silent, 64, begin=50))
    with pytest.raises(UsageError, match="ends after it begins"):
        Clip(silent, 64, begin=2, end=1)


def test_a_clip_that_breaks_off_ends_there(silent, tmp_path):
    data = Path(silent).read_bytes()  # its index is in front
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(data[: len(data) - 40])
    assert 1 <= len(list(Clip(str(torn), 64))) <= len(TIMES)


def test_a_camera_moves_softly_and_sees_the_whole_photo_at_its_end():
    photo = torch.rand(1, 3, 96, 120, generator=torch.Generator().manual_seed(1))
    photo = torch.nn.functional.avg_pool2d(photo, 9, 1, 4)
    out = [m.image for m in Camera(photo, 60, "zoom-out", 1.0)]
    assert len(out) == 24 and {x.shape for x in out} == {(1, 3, 48, 60)}
    whole = torch.nn.functional.interpolate(photo, (48, 60), mode="bicubic", antialias=True)
    assert (out[-1] - whole).abs().mean() < 0.02 < (out[0] - whole).abs().mean()
    changes = [float((b - a).abs().mean()) for a, b in pairwise(out)]
    assert changes[0] < 0.5 * max(changes) and changes[-1] < 0.5 * max(changes)
    left, right = list(Camera(photo, 60, "pan-left", 0.2)), list(Camera(photo, 60, "pan-right", 0.2))
    assert torch.allclose(left[0].image, right[-1].image, atol=1e-5) and not torch.allclose(left[0].image, left[-1].image)
    for wrong in ({"move": "fly"}, {"seconds": 0}):
        with pytest.raises(UsageError):
            Camera(photo, 60, **wrong)
