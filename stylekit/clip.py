"""Clips in and out: a file's pictures with their times, upright, and the film that is made of them, with the clip's own sound.

PyAV (FFmpeg) reads and writes. Times are the clip's own, so a clip of variable frame rate keeps its pace.
"""

import contextlib
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from stylekit.errors import PictureError, UsageError
from stylekit.pyramid import scaled
from stylekit.resize import fit

TICKS = Fraction(1, 90_000)
"""Of a second, in which a film's times are written: MPEG's own clock, of which usual frame rates are whole numbers."""

RATE = 24
"""Pictures per second of a camera that moves over a photo, and of a clip that says nothing."""

MOVES = ("zoom-in", "zoom-out", "pan-left", "pan-right")
"""Ways of a camera over a photo."""

COPIED = ("aac", "mp3", "opus", "ac3", "alac")
"""Kinds of sound that go into an MP4 as they are; others become AAC."""

CLOSER = 0.75
"""Share of a photo's sides that such a camera sees from nearby."""


class Moment(NamedTuple):
    """A picture of a clip."""

    at: float
    """seconds since the first one that was asked for"""
    image: Tensor
    """(1, 3, H, W), sRGB in [0, 1], upright"""


@dataclass(frozen=True)
class Clip:
    """A file, and the part of it that is wanted. Raises PictureError if there is no picture in it, UsageError for its times."""

    path: str
    size: int
    """longest side of the pictures, in pixels; both sides become even, as films have them"""
    begin: float = 0.0
    """seconds"""
    end: float | None = None
    """seconds; None = to its end"""

    def __post_init__(self) -> None:
        if self.begin < 0 or (self.end is not None and self.end <= self.begin):
            raise UsageError("A part of a clip begins at 0 seconds or later, and ends after it begins.")
        with _opened(self.path) as file:
            if not file.streams.video:
                raise PictureError("It has no pictures, only sound; choose a video.")

    @property
    def seconds(self) -> float | None:
        """Length of the part, as far as the file says its own."""
        with _opened(self.path) as file:
            stream = file.streams.video[0]
            known = [
                x * base for x, base in ((stream.duration, stream.time_base), (file.duration, Fraction(1, 10**6))) if x and base
            ]
        ends = [float(known[0])] if known else []
        ends += [] if self.end is None else [self.end]
        return max(0.0, min(ends) - self.begin) if ends else None

    @property
    def rate(self) -> Fraction:
        """Pictures per second, in the mean."""
        with _opened(self.path) as file:
            return file.streams.video[0].average_rate or Fraction(RATE)

    def __iter__(self) -> Iterator[Moment]:
        """The pictures, one at a time. Raises PictureError where the file is damaged before its first picture."""
        first: float | None = None
        with _opened(self.path) as file, _readable():
            stream = file.streams.video[0]
            stream.thread_type = "AUTO"
            file.seek(int(self.begin / (stream.time_base or TICKS)), stream=stream)  # to the key picture before it
            for frame in _decoded(file):
                time = float(frame.time or 0.0) - float((stream.start_time or 0) * (stream.time_base or TICKS))
                if time < self.begin - 1e-6:
                    continue
                if self.end is not None and time >= self.end - 1e-6:
                    return
                first = time if first is None else first
                yield Moment(time - first, _image(frame, self.size))
        if first is None:
            raise PictureError("There is no picture in this part of the clip; choose another.")


def even(size: tuple[int, int]) -> tuple[int, int]:
    """Both sides even and at least 16, as H.264 needs them."""
    return max(16, size[0] // 2 * 2), max(16, size[1] // 2 * 2)


def _decoded(file: Any) -> Iterator[Any]:
    """All pictures; one that is damaged after the first ends the clip there."""
    import av

    seen = False
    try:
        for frame in file.decode(video=0):
            yield frame
            seen = True
    except av.error.FFmpegError:
        if not seen:
            raise


def _image(frame: Any, size: int) -> Tensor:
    """A decoded picture, upright, at its size."""
    turned = np.rot90(frame.to_ndarray(format="rgb24"), k=(frame.rotation or 0) // 90)
    image = torch.from_numpy(np.ascontiguousarray(turned.transpose(2, 0, 1)))[None].float() / 255
    return fit(image, even(scaled(image.shape[2:], size)))


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """What FFmpeg says becomes a sentence."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise PictureError(f"This video cannot be read ({error.strerror}); save it as MP4 and try again.") from error


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    import av

    if not os.path.isfile(path):
        raise PictureError("There is no such file; check its name.")
    with _readable(), av.open(path) as file:
        yield file


@dataclass(frozen=True, eq=False)
class Camera:
    """A clip of a photo over which a camera moves slowly, with a soft beginning and end. Raises UsageError."""

    photo: Tensor
    """(1, 3, H, W)"""
    size: int
    """longest side of the pictures"""
    move: str = "zoom-in"
    """one of MOVES"""
    seconds: float = 5.0
    """up to 600"""
    rate: Fraction = Fraction(RATE)

    def __post_init__(self) -> None:
        if self.move not in MOVES:
            raise UsageError(f"A camera moves as one of {', '.join(MOVES)}, not {self.move[:40]!r}.")
        if not 0 < self.seconds <= 600:
            raise UsageError(f"A camera moves for more than 0 and up to 600 seconds, not {self.seconds:g}.")

    def __iter__(self) -> Iterator[Moment]:
        """The pictures, one at a time."""
        count, size = max(2, round(self.seconds * self.rate)), even(scaled(self.photo.shape[2:], self.size))
        for number in range(count):
            share = 0.5 - 0.5 * math.cos(math.pi * number / (count - 1))
            share = 1 - share if self.move in ("zoom-out", "pan-left") else share
            zooms = self.move.startswith("zoom")
            side, across = (1 - (1 - CLOSER) * share, 0.5) if zooms else (CLOSER, share)
            yield Moment(float(number / self.rate), _seen(self.photo, side, across, size))


def _seen(photo: Tensor, side: float, across: float, size: tuple[int, int]) -> Tensor:
    """The part of a photo with `side` of its sides, `across` (0 to 1) the room that leaves; to fractions of a pixel."""
    near = (round(size[0] / CLOSER), round(size[1] / CLOSER))  # no pixel is passed over between two pictures
    sharp = fit(photo, near) if photo.shape[3] > near[1] else photo
    turn = torch.tensor([[[side, 0, (2 * across - 1) * (1 - side)], [0, side, 0]]], dtype=photo.dtype)
    grid = functional.affine_grid(turn, [1, 3, *size], align_corners=False)
    return functional.grid_sample(sharp, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(0, 1)


def write(
    path: str | os.PathLike[str],
    pictures: Iterable[tuple[float, npt.NDArray[np.uint8]]],
    rate: Fraction,
    sound: Clip | None = None,
) -> None:
    """Write (seconds, (H, W, 3)) as MP4, H.264, with the sound of that part of a clip. Raises OSError, av's errors."""
    import av

    from stylekit.film import CODECS, tag

    container, encoder, pixels, settings, layout = CODECS[".mp4"]
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(av.open(str(path), "w", format=container, options=layout))
        source = stack.enter_context(av.open(sound.path)) if sound else None
        stream: Any = file.add_stream(encoder, rate=rate, options=settings)
        track = _track(file, source)
        begun = False
        for at, picture in pictures:
            if not begun:
                stream.height, stream.width, stream.pix_fmt, begun = *picture.shape[:2], pixels, True
                stream.time_base = stream.codec_context.time_base = TICKS
                tag(stream.codec_context)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = round(at / TICKS), TICKS
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
        if sound is not None and track is not None:
            for packet in _sound(source, track, sound):
                file.mux(packet)


def _track(file: Any, source: Any) -> Any:
    """The film's sound, of the kind of the clip's own where MP4 has it; None if there is none."""
    if source is None or not source.streams.audio:
        return None
    sound = source.streams.audio[0]
    if sound.codec_context.name in COPIED:
        return file.add_stream_from_template(sound)
    return file.add_stream("aac", rate=sound.rate, layout=sound.layout.name)


def _sound(source: Any, track: Any, part: Clip) -> Iterator[Any]:
    """The packets of a part of the clip's sound, moved to its beginning: as they are, or as AAC."""
    stream = source.streams.audio[0]
    base, start = stream.time_base, stream.start_time or 0
    first, last = start + part.begin / base, math.inf if part.end is None else start + part.end / base
    source.seek(int(part.begin * 1_000_000))
    copied = stream.codec_context.name in COPIED
    for packet in source.demux(stream):
        if packet.pts is None or not first <= packet.pts < last:
            continue
        if copied:
            packet.pts = packet.dts = packet.pts - round(first)
            packet.stream = track
            yield packet
            continue
        for frame in packet.decode():
            frame.pts = round(frame.pts - first)
            yield from track.encode(frame)
    if not copied:
        yield from track.encode()
