"""The card of a painting: its recipe as text, the command line that repeats it, and a picture of all three for a wall or a post.

The command line is exact: given the files that it names, it paints the same picture, bit for bit on one machine.
"""

import re
import shlex
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import segno
from PIL import Image, ImageDraw, ImageFont

from stylekit.errors import RecipeError
from stylekit.recipe import LIVE, SETTINGS, PerArtwork, PerLayer, Recipe, Setting, Switch, Weights, setting

WIDTH, MARGIN, GAP = 1200, 48, 24
"""Of the picture, in pixels: as posts have it."""

TALLEST, THUMB = 1100, 220
"""Pixels that the painting may be high, and that the photo and each artwork are wide."""

MOST_LINES, LINE = 16, 34
"""Lines of text on it, and how high each is in pixels: a hand on a slider leaves many keyframes."""

GROUND, INK, QUIET = "#f7f5f1", "#2c2825", "#665f56"

FONTS = ("DejaVuSans.ttf", "Arial.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "Helvetica.ttc")
"""Looked for on the system; Pillow's own has no letters beyond ASCII."""

FIRST = ("content_weight", "style_weight", "tv_weight", "size", "steps", "encoder")
"""Settings that are named whatever they are."""


@dataclass(frozen=True)
class Files:
    """The names of the files that a painting was made of, as the command line has them."""

    content: str
    styles: Sequence[str]
    palette: str | None = None
    start: str | None = None
    """what init "image" began with"""


# ------------------------------------------------------------------------------------------------------------- in words


def text(recipe: Recipe, files: Files) -> str:
    """The recipe as lines of text: what is usual is left out, but for the weights, the size and the encoder."""
    return "\n".join([f"{files.content} in the style of {' and '.join(files.styles)}", *lines(recipe)])


def lines(recipe: Recipe) -> list[str]:
    """The same without the files."""
    usual = Recipe()
    weights = f"Content {_number(recipe.content_weight)}, style {_number(recipe.style_weight)}"
    first = f"{recipe.size} pixels, {recipe.steps} steps, encoder {recipe.encoder}"
    found = [f"{weights}, smoothness {_number(recipe.tv_weight)}", first]
    named = {*FIRST, "keyframes", "until", "repeats"}
    for name in SETTINGS:
        value = short(setting(name), getattr(recipe, name))
        if name not in named and value != getattr(usual, name):
            found.append(f"{name.replace('_', ' ').capitalize()}: {_plain(value)}")
    if recipe.repeats:
        found.append(f"Continued at the end: {recipe.repeats} time{'s' if recipe.repeats > 1 else ''}")
    found += _turns(recipe)
    if recipe.until < 1:
        found.append(f"Stopped at step {round(recipe.until * recipe.all_steps)} of {recipe.all_steps}")
    return found


def short(described: Setting, value: Any) -> Any:
    """A setting's value without what counts for nothing: further layers of weight 0, and ones of artworks at the end."""
    if isinstance(described, PerLayer) and described.empty:
        return {layer: weight for layer, weight in value.items() if weight}
    if isinstance(described, PerArtwork):
        counting = [number for number, part in enumerate(value, start=1) if part != 1]
        return value[: max(counting, default=0)]
    return value


def _turns(recipe: Recipe) -> Iterator[str]:
    """What each keyframe changes."""
    before = recipe.weights
    for keyframe in recipe.keyframes:
        changes = changed(before, keyframe.weights)
        step, before = keyframe.step(recipe.all_steps), keyframe.weights
        if changes or keyframe.resumed:
            yield f"At step {step}: {', '.join(changes) or 'gone on with'}"


def changed(before: Weights, after: Weights) -> list[str]:
    """What differs, such as "style weight 5 -> 20", "relu5_1 1 -> 0.3"."""
    found = []
    for name in LIVE:
        one, other = getattr(before, name), getattr(after, name)
        if one == other:
            continue
        if isinstance(setting(name), PerLayer):
            layers = dict.fromkeys([*one, *other])
            parts = [(layer, one.get(layer, 0.0), other.get(layer, 0.0)) for layer in layers]
            found += [f"{layer} {_number(a)} -> {_number(b)}" for layer, a, b in parts if a != b]
        else:
            found.append(f"{name.replace('_', ' ')} {_plain(one)} -> {_plain(other)}")
    return found


def _plain(value: Any) -> str:
    """A setting's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return ", ".join(_plain(part) for part in value) or "1 each"
    return ", ".join(f"{layer} {_number(weight)}" for layer, weight in value.items()) or "none"


def _number(value: float) -> str:
    """All digits that it has, so that it can be read back."""
    return repr(value).removesuffix(".0")


# ----------------------------------------------------------------------------------------------------- the command line


def command(recipe: Recipe, files: Files, out: str, painted: str, *, on_page: bool = False) -> str:
    """The command line that paints it again as `out`. Raises RecipeError where the picture that it began with is not known.

    What options cannot say, such as keyframes, is read from the picture `painted`. With `on_page`, pictures are opened as the
    page opens them.
    """
    if recipe.init == "image" and not files.start:
        raise RecipeError("The picture that this painting began with is not kept; choose it again to paint it anew.")
    parts = ["python", "-m", "stylekit", "stylize", *map(_path, [files.content, *files.styles]), "-o", _path(out)]
    parts += ["--recipe", _path(painted)] if _needs_file(recipe) else _options(recipe)
    for option, path in (("--start", files.start), ("--palette", files.palette)):
        parts += [option, _path(path)] if path else []
    return " ".join(map(quoted, [*parts, *(["--as-on-page"] if on_page else [])]))


def _needs_file(recipe: Recipe) -> bool:
    """Whether options alone would give another recipe: they cannot take a layer away, and have no keyframes."""
    usual = list(Recipe().layer_weights)
    return bool(recipe.keyframes) or list(recipe.layer_weights)[: len(usual)] != usual


def _options(recipe: Recipe) -> Iterator[str]:
    """The options that make the usual recipe this one."""
    usual = Recipe()
    for name, described in SETTINGS.items():
        value, option = short(described, getattr(recipe, name)), f"--{name.replace('_', '-')}"
        if value == getattr(usual, name) or (name, value) == ("init", "image"):  # --start says so
            continue
        match described:
            case PerLayer():
                others = {layer: weight for layer, weight in value.items() if weight != getattr(usual, name).get(layer)}
                yield option.removesuffix("s")
                yield from (f"{layer}={_number(weight)}" for layer, weight in others.items())
            case Switch():
                yield option if value else f"--no-{option[2:]}"
            case PerArtwork():
                yield from (option, *map(_number, value))
            case _:
                yield from (option, value if isinstance(value, str) else _number(value))


def _path(name: str) -> str:
    """A file's name that is not taken for an option."""
    return f"./{name}" if name.startswith("-") else name


def quoted(part: str) -> str:
    """A word of a command line, in quotes where a shell would part it: double ones where they do, for Windows has no others."""
    if re.fullmatch(r"[\w./=+:,@-]+", part, re.ASCII):
        return part
    return f'"{part}"' if re.fullmatch(r"[\w ./=+:,@()·-]+", part) else shlex.quote(part)


# ---------------------------------------------------------------------------------------------------------- the picture


def picture(
    painting: Image.Image, photo: Image.Image, artworks: Sequence[Image.Image], recipe: Recipe, link: str = ""
) -> Image.Image:
    """A card (RGB, WIDTH wide): the painting, below it what it was made of and its settings, and `link`, if any, as a QR code."""
    shown = _within(painting, WIDTH - 2 * MARGIN, TALLEST)
    made_of = [_within(each, THUMB, THUMB) for each in (photo, *artworks)]
    code = _code(link) if link else None
    left = MARGIN + THUMB + GAP
    room = WIDTH - left - MARGIN - (code.width + GAP if code else 0)
    said = [row for line in lines(recipe) for row in _wrapped(line, room)]
    if len(said) > MOST_LINES:
        said = [*said[: MOST_LINES - 1], f"and {len(said) - MOST_LINES + 1} lines more"]
    below = max(sum(each.height + GAP for each in made_of), len(said) * LINE, code.height if code else 0)
    top = MARGIN + shown.height + GAP + 12
    paper = Image.new("RGB", (WIDTH, top + below + MARGIN + 28), GROUND)
    paper.paste(shown, ((WIDTH - shown.width) // 2, MARGIN))
    y = top
    for each in made_of:
        paper.paste(each, (MARGIN, y))
        y += each.height + GAP
    draw = ImageDraw.Draw(paper)
    for number, row in enumerate(said):
        draw.text((left, top + LINE * number), _writable(row), INK, _font(22))
    draw.text((MARGIN, paper.height - MARGIN + 4), "stylekit", QUIET, _font(18), anchor="ls")
    if code:
        paper.paste(code, (WIDTH - MARGIN - code.width, top))
    return paper


def _within(picture: Image.Image, width: int, height: int) -> Image.Image:
    """As large as fits; not enlarged beyond twice its size, which would show its pixels."""
    scale = min(width / picture.width, height / picture.height, 2)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return _on_white(picture).resize(size, Image.Resampling.LANCZOS)


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A") if "A" in picture.getbands() else None)
    return white


def _code(link: str) -> Image.Image:
    """A QR code of the link, at least three pixels a module."""
    rows = [bytes(0 if dark else 255 for dark in row) for row in segno.make_qr(link, error="l").matrix_iter(border=2)]
    code = Image.frombytes("L", (len(rows[0]), len(rows)), b"".join(rows)).convert("RGB")
    times = max(3, 200 // code.width)
    return code.resize((code.width * times, code.height * times), Image.Resampling.NEAREST)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _writable(line: str) -> str:
    """The line with letters that the font has."""
    if isinstance(font := _font(12), ImageFont.FreeTypeFont) and font.getname()[0] != "Aileron":
        return line
    return unicodedata.normalize("NFKD", line).encode("ascii", "ignore").decode()


def _wrapped(line: str, room: float) -> Iterator[str]:
    """The line in rows that fit, parted at its commas; what is longer is cut."""
    font, row = _font(22), ""
    for word in line.split(", "):
        if row and font.getlength(f"{row}, {word}") > room:
            yield row + ","
            row = "    " + word
        else:
            row = f"{row}, {word}" if row else word
        while font.getlength(row) > room and len(row) > 1:
            row = row[:-1]
    yield row
