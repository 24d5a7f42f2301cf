"""A film of a run: its pictures in a time that is even, as MP4 or animated WebP.

    footage = Footage()
    for frame in recorded(paint(job, encoder=encoder), footage):
        ...
    write_film("run.mp4", footage, Film(seconds=10, loop=True), photo=job.content)

A run changes much in its first steps and little in its last. So the film goes by how much the picture changes, not by steps:
`Footage` keeps a picture whenever it differs enough from the last one kept, and asks for more of a difference when there are too
many; `Film` then walks along the sum of the differences, so that equal times show equal change. Between two pictures that lie
further apart than that, the first fades into the second.

Pictures are kept as JPEGs, those of small levels at their own size, so a film takes up to MOST_SHOTS pictures or MOST_BYTES bytes
of memory, however long the run. PyAV (FFmpeg) writes it; it is imported when a film is written.
"""

import contextlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from stylekit.errors import PictureError, UsageError, WorldError
from stylekit.pictures import save_png, to_array
from stylekit.pyramid import scaled
from stylekit.recipe import Number, PerArtwork, PerLayer, Switch, Weights, setting
from stylekit.resize import fit
from stylekit.transfer import Frame

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3), sRGB"""

FILMABLE = (".mp4", ".webp")
"""File extensions of films."""

RATES = {".mp4": 24, ".webp": 12}
"""Pictures per second: WebP needs many times the bytes, so it gets fewer."""

SECONDS, SIZES = (1, 120), (32, 1920)
"""Least and most of a film's length and of its longest side. Phones decode H.264 up to 1920 pixels."""

LARGEST = 1080
"""Longest side of a film whose size is not said, where the painting is larger."""

MOST_SHOTS, MOST_BYTES = 300, 96 << 20
"""Pictures that are kept of a run, and what they may take together."""

SEEN = 128
"""Longest side of the copies by which change is measured."""

LEAST_CHANGE = 0.001
"""Mean absolute difference, in [0, 1], below which two pictures are the same to the eye."""

INDEX = "shots.json"
"""What is said of the pictures of footage that was saved."""

QUALITY = 99
"""Of the JPEGs that are kept: at 92 their noise alone is as large as what a step changes, and half as many bytes."""

CODECS: dict[str, tuple[str, str, str, dict[str, str], dict[str, str]]] = {
    # yuv420p and the index in front are what browsers and phones play while it loads
    ".mp4": ("mp4", "libx264", "yuv420p", {"crf": "19", "preset": "medium"}, {"movflags": "+faststart"}),
    ".webp": ("webp", "libwebp_anim", "bgra", {"quality": "80"}, {"loop": "0"}),
}
"""Container, encoder, pixels, and the settings of the encoder and of the container."""

BT709 = 1
"""ITU-T H.273: the number of BT.709 as primaries, transfer and matrix; limited range has the number 1, too."""

GROUND, TRACK, QUIET, TEXT, TURNED = "#171513", "#4a443f", "#b3aaa1", "#ece7e0", "#e37a5e"
"""Colours of the sliders that are drawn in."""


@dataclass(frozen=True)
class Film:
    """How a film is to be. Raises UsageError."""

    seconds: float = 10.0
    """in all; a little of it rests on the first picture, more on the last"""
    size: int | None = None
    """longest side of the picture in pixels; None = the painting's, up to LARGEST"""
    sliders: bool = False
    """draws below the picture how the weights are turned"""
    loop: bool = False
    """goes back as well, so that it may be repeated without a jump"""

    def __post_init__(self) -> None:
        for name, value, (least, most) in (("length", self.seconds, SECONDS), ("size", self.size, SIZES)):
            if value is not None and not least <= value <= most:
                unit = "seconds" if name == "length" else "pixels"
                raise UsageError(f"A film's {name} lies between {least} and {most} {unit}, not {value:g}.")

    def walk(self, rate: float) -> list[float]:
        """For each picture of the film, how much of all the change has been shown, from 0 to 1 (and back, of a loop)."""
        times, shares = ((0, 0.08, 0.5, 0.65, 1), (0, 0, 1, 1, 0)) if self.loop else ((0, 0.06, 0.84, 1), (0, 0, 1, 1))
        count = max(2, round(self.seconds * rate))
        return [float(share) for share in np.interp(np.arange(count) / (count - (not self.loop)), times, shares)]


class Shot(NamedTuple):
    """A picture that is kept."""

    jpeg: bytes
    seen: Pixels
    """small, to measure by"""
    step: int
    steps: int
    weights: Weights


class Footage:
    """What is kept of a run for a film: pictures that differ, up to `most` of them in `most_bytes`.

    Their longest side has up to `size` pixels, or LARGEST: no film of it will be sharper.
    """

    def __init__(self, size: int | None = None, most: int = MOST_SHOTS, most_bytes: int = MOST_BYTES) -> None:
        self.size, self.most, self.most_bytes = size or LARGEST, max(2, most), most_bytes
        self.kept: list[Shot] = []
        self.before = 0
        """steps that were taken before the first of the frames to come: a run that goes on may count anew"""
        self._least = LEAST_CHANGE
        self._last: Frame | None = None

    def take(self, frame: Frame) -> None:
        """Keep the frame's picture if it differs enough from the last one kept."""
        self._last = frame
        seen = _small(frame.image, self.kept[0].seen.shape[:2] if self.kept else None)
        if self.kept and change(seen, self.kept[-1].seen) < self._least:
            return
        self.kept.append(self._shot(frame, seen))
        while len(self.kept) > self.most or (len(self.kept) > 2 and self.bytes > self.most_bytes):
            self._least *= 1.25
            self.kept = list(_differing(self.kept, self._least))

    @property
    def bytes(self) -> int:
        """Of memory that the pictures take."""
        return sum(len(shot.jpeg) + shot.seen.nbytes for shot in self.kept)

    @property
    def shots(self) -> list[Shot]:
        """Those kept, and the last one that was taken, however little it differs; empty if none was taken."""
        if self._last is None or self._last.step + self.before == self.kept[-1].step:
            return self.kept
        return [*self.kept, self._shot(self._last, _small(self._last.image, self.kept[0].seen.shape[:2]))]

    def _shot(self, frame: Frame, seen: Pixels) -> Shot:
        step, steps = frame.step + self.before, frame.steps + self.before
        return Shot(_jpeg(frame.image, self.size), seen, step, steps, frame.weights)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was taken, as a zip of JPEGs and one JSON; raises OSError."""
        shots = self.shots
        said = [{"step": s.step, "steps": s.steps, "weights": _plain(s.weights)} for s in shots]
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(INDEX, json.dumps(said))
            for number, shot in enumerate(shots):
                file.writestr(f"{number}.jpg", shot.jpeg)

    def load(self, path: str | os.PathLike[str], until: int | None = None) -> None:
        """Begin with what was saved, up to a step; raises OSError, ValueError or KeyError for what `save` has not written."""
        with zipfile.ZipFile(path) as file:
            said = json.loads(file.read(INDEX))
            jpegs = [file.read(f"{number}.jpg") for number in range(len(said))]
        for jpeg, facts in zip(jpegs, said, strict=True):
            if until is not None and facts["step"] > until:
                break
            with Image.open(io.BytesIO(jpeg)) as picture:
                width, height = picture.size
            size = self.kept[0].seen.shape[:2] if self.kept else scaled((height, width), SEEN)
            self.kept.append(Shot(jpeg, _opened(jpeg, size), facts["step"], facts["steps"], Weights(**facts["weights"])))


def _plain(weights: Weights) -> dict[str, Any]:
    """The weights as JSON has them."""
    return {name: setting(name).plain(value) for name, value in vars(weights).items()}


def recorded(frames: Iterable[Frame], footage: Footage) -> Generator[Frame, None, None]:
    """The same frames, each seen by `footage` on its way; closing this closes `frames`."""
    with _closing(frames):
        for frame in frames:
            footage.take(frame)
            yield frame


def kept_every(frames: Iterable[Frame], every: int, path: str | os.PathLike[str]) -> Generator[Frame, None, None]:
    """The same frames; of each `every` steps a picture is saved on the way, as `<stem>-<step>.png` beside `path`.

    Each has its recipe inside, which paints it again. Raises UsageError now, and PictureError where it cannot be saved.
    """
    if every < 1:
        raise UsageError(f"Pictures are kept every so many steps, at least 1, not {every}.")
    return _kept_every(frames, every, Path(path))


def _kept_every(frames: Iterable[Frame], every: int, path: Path) -> Generator[Frame, None, None]:
    with _closing(frames):
        for frame in frames:
            if frame.step % every == 0 and frame.step:
                name = f"{path.stem}-{frame.step:0{len(str(frame.steps))}}.png"
                save_png(path.with_name(name), frame.image, recipe_json=frame.recipe.to_json())
            yield frame


def _closing(frames: Iterable[Frame]) -> contextlib.AbstractContextManager[Any]:
    """Closes `frames` at the end, if that is a generator."""
    return contextlib.closing(frames) if isinstance(frames, Generator) else contextlib.nullcontext()


def change(picture: Pixels, other: Pixels) -> float:
    """The mean absolute difference of two pictures of one size, in [0, 1]; sRGB steps look about equally large."""
    return float(np.abs(picture.astype(np.int16) - other).mean()) / 255


def _differing(shots: Iterable[Shot], least: float) -> Iterator[Shot]:
    """Of these, each that differs from the one before it by at least that."""
    last: Shot | None = None
    for shot in shots:
        if last is None or change(shot.seen, last.seen) >= least:
            last = shot
            yield shot


def _small(image: Tensor, size: tuple[int, ...] | None) -> Pixels:
    """(1, 3, H, W) at (height, width), or SEEN pixels on its longest side."""
    height, width = size or scaled(image.shape[2:], SEEN)
    return to_array(fit(image, (height, width)))


def _jpeg(image: Tensor, most: int) -> bytes:
    """(1, 3, H, W), no larger than `most` pixels on its longest side."""
    size = scaled(image.shape[2:], min(most, max(image.shape[2:])))
    file = io.BytesIO()
    Image.fromarray(to_array(fit(image, size))).save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()


# ------------------------------------------------------------------------------------------------ from shots to pictures


def pictures(footage: Footage, film: Film, rate: float, photo: Tensor | None = None) -> Iterator[Pixels]:
    """The film's pictures, `rate` a second; all of one size with even sides. With `photo` (1, 3, H, W), a loop begins with it.

    Raises UsageError if nothing was taken.
    """
    shots = footage.shots
    if not shots:
        raise UsageError("There is nothing to make a film of yet; let it paint a step first.")
    if film.loop and photo is not None:
        first = shots[0]
        shots = [first._replace(jpeg=_jpeg(photo, footage.size), seen=_small(photo, first.seen.shape[:2])), *shots]
    return _pictures(shots, film, rate)


def _pictures(shots: list[Shot], film: Film, rate: float) -> Iterator[Pixels]:
    size = _size(shots[-1], film)
    opened = lru_cache(maxsize=4)(lambda number: _opened(shots[number].jpeg, size))
    apart = [change(one.seen, other.seen) for one, other in pairwise(shots)]
    along = np.cumsum([0.0, *apart])
    sliders = Sliders(shots, size[1]) if film.sliders else None
    for share in film.walk(rate):
        at = float(np.interp(share * along[-1], along, np.arange(len(shots)))) if along[-1] else share * (len(shots) - 1)
        before = min(int(at), len(shots) - 1)
        after, mix = min(before + 1, len(shots) - 1), at - before
        picture = _mixed(opened(before), opened(after), mix)
        yield picture if sliders is None else np.concatenate([picture, sliders.drawn(before, after, mix)])


def _size(shot: Shot, film: Film) -> tuple[int, int]:
    """(height, width) of the film's picture, both even as yuv420p needs them."""
    with Image.open(io.BytesIO(shot.jpeg)) as picture:
        width, height = picture.size
    height, width = scaled((height, width), film.size or min(LARGEST, max(height, width)))
    return max(16, height + height % 2), max(16, width + width % 2)


def _opened(jpeg: bytes, size: tuple[int, ...]) -> Pixels:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture.convert("RGB").resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _mixed(picture: Pixels, other: Pixels, share: float) -> Pixels:
    """`picture` with `share` of `other` in it."""
    if not share:
        return picture
    return np.asarray(Image.blend(Image.fromarray(picture), Image.fromarray(other), share))


# ------------------------------------------------------------------------------------------------------- the sliders


class Slider(NamedTuple):
    """One of the weights, as it is drawn."""

    name: str
    least: float
    most: float
    value: float

    @property
    def place(self) -> float:
        """Of the knob, in [0, 1]."""
        return min(1.0, max(0.0, (self.value - self.least) / (self.most - self.least)))


def sliders_of(weights: Weights) -> dict[str, Slider]:
    """Every number in the weights, by a name short enough to be drawn."""
    found: dict[str, Slider] = {}
    for name, value in vars(weights).items():
        short = name.removesuffix("_weight").removesuffix("s").replace("_", " ")
        match setting(name):
            case Number(slider=(least, most, _)):
                parts = {short: value}
            case PerLayer(slider=(least, most, _)):
                parts = {layer if name == "layer_weights" else f"content {layer}": value[layer] for layer in value}
            case PerArtwork(slider=(least, most, _)):
                parts = {f"{short} {'ABCD'[n]}": number for n, number in enumerate(value)}
            case Switch():
                least, most, parts = 0, 1, {short: float(value)}
            case _:
                continue
        found |= {part: Slider(part, least, max(most, number), number) for part, number in parts.items()}
    return found


ALWAYS = ("content", "style", "tv")
"""Sliders that are drawn even if nobody turned them; and those of the style's layers."""

ROOMY = 4
"""Columns below which there is no room for these, but only for what was turned."""


class Sliders:
    """Draws the weights of shots as a strip of `width` pixels: a knob on a track, in colour where it was turned."""

    def __init__(self, shots: list[Shot], width: int) -> None:
        self._shots, self._width = shots, width
        self._all = [sliders_of(shot.weights) for shot in shots]
        first = self._all[0]
        layers = list(shots[0].weights.layer_weights)
        letter = max(11, round(width / 42))
        self._font, self._row = ImageFont.load_default(letter), 2 * letter + 6
        self._columns = max(1, width // (8 * letter))
        always = (*ALWAYS, *layers) if self._columns >= ROOMY else ()
        self._names = [n for n in first if n in always or any(each.get(n) != first[n] for each in self._all)]
        self._most = {n: max(each[n].most for each in self._all if n in each) for n in self._names}
        rows = -(-(len(self._names) + 1) // self._columns)
        self.height = 2 * ((rows * self._row + 8) // 2 + 1)

    def drawn(self, before: int, after: int, mix: float) -> Pixels:
        """(height, width, 3) of a moment between two shots."""
        strip = Image.new("RGB", (self._width, self.height), GROUND)
        draw = ImageDraw.Draw(strip)
        one, other = self._shots[before], self._shots[after]
        step = round(one.step + mix * (other.step - one.step))
        self._draw(draw, 0, ("step", f"{step}"), step / max(one.steps, 1), 0.0)
        for number, name in enumerate(self._names, start=1):
            start, now, then = (
                each.get(name, self._all[0][name]) for each in (self._all[0], self._all[before], self._all[after])
            )
            now = now._replace(value=now.value + mix * (then.value - now.value), most=self._most[name])
            self._draw(draw, number, (name, f"{now.value:.3g}"), now.place, start._replace(most=self._most[name]).place)
        return np.asarray(strip)

    def _draw(self, draw: ImageDraw.ImageDraw, number: int, said: tuple[str, str], place: float, start: float) -> None:
        """A track with its knob at `place`, below its name and value; it was at `start` when the run began."""
        row, column = divmod(number, self._columns)
        cell, pad = self._width / self._columns, 6
        left, right, top = column * cell + pad, (column + 1) * cell - pad, row * self._row + 5
        line, knob = top + self._row - 9, left + place * (right - left)
        draw.text((left, top), said[0], QUIET, self._font)
        draw.text((right, top), said[1], TEXT, self._font, anchor="ra")
        draw.line([left, line, right, line], TRACK, 2)
        if abs(place - start) > 1e-6:
            draw.line([left + start * (right - left), line, knob, line], TURNED, 2)
        color = TEXT if place == start else TURNED
        draw.ellipse([knob - 3, line - 3, knob + 3, line + 3], color)


# ------------------------------------------------------------------------------------------------------ to the disk


def check_filmable(path: str | os.PathLike[str]) -> str:
    """The extension of a film's path in small letters; raises PictureError for one that names no format."""
    suffix = Path(path).suffix.lower()
    if suffix not in FILMABLE:
        raise PictureError(f"The film's extension names no format that can be written; use {' or '.join(FILMABLE)}.")
    return suffix


def write_film(path: str | os.PathLike[str], footage: Footage, film: Film, photo: Tensor | None = None) -> None:
    """Write the film; its extension names the format. Raises PictureError, UsageError and WorldError, and leaves nothing then."""
    for _ in written(path, footage, film, photo):
        pass


def written(
    path: str | os.PathLike[str], footage: Footage, film: Film, photo: Tensor | None = None
) -> Generator[float, None, None]:
    """Like `write_film`, a picture at a time: how much of it is done, up to 1. Closed before that, it leaves nothing."""
    suffix = check_filmable(path)
    taken = pictures(footage, film, RATES[suffix], photo)
    return _written(Path(path), suffix, taken, len(film.walk(RATES[suffix])))


def _written(path: Path, suffix: str, taken: Iterator[Pixels], count: int) -> Generator[float, None, None]:
    unfinished = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        for number, _ in enumerate(_encoded(unfinished, suffix, taken), start=1):
            yield number / (count + 1)
        os.replace(unfinished, path)
    except OSError as error:  # PyAV's errors are OSErrors as well
        why = os.strerror(error.errno).lower() if error.errno and 0 < error.errno < 200 else type(error).__name__
        raise WorldError(f"The film could not be written ({why}); write it to another place.") from error
    finally:
        with contextlib.suppress(OSError):  # after the rename it is gone already
            unfinished.unlink()
    yield 1.0


def _encoded(path: Path, suffix: str, taken: Iterator[Pixels]) -> Iterator[None]:
    """Encode the pictures into a file, one at a time."""
    import av

    container, encoder, pixels, settings, layout = CODECS[suffix]
    with av.open(str(path), "w", format=container, options=layout) as file:
        stream: Any = None
        for number, picture in enumerate(taken):
            if stream is None:
                stream = file.add_stream(encoder, rate=RATES[suffix], options=settings)
                stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], pixels
                if pixels == "yuv420p":
                    tag(stream.codec_context)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            if pixels == "yuv420p":
                frame = frame.reformat(format=pixels, dst_colorspace="ITU709", dst_color_range="MPEG")
            else:
                frame = frame.reformat(format=pixels)
            frame.pts = number
            file.mux(stream.encode(frame))
            yield
        file.mux(stream.encode())


def tag(context: Any) -> None:
    """Say that the colours are BT.709, or each player would guess."""
    context.color_primaries = context.color_trc = context.colorspace = context.color_range = BT709
