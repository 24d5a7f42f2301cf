"""Paint the samples of the page's presets, into assets/presets: `PYTHONPATH=. python assets/make_strip.py`.

Each is the middle of what stylekit paints of one sample photo and one sample artwork with that preset, at the page's own size.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from stylekit import PRESETS, Preset, Recipe, load_encoder, open_picture, stylize
from stylekit.pictures import to_pil
from stylekit.ui.samples import looks, sample_of

HERE = Path(__file__).parent
PHOTO, ARTWORK = HERE / "photos" / "cat.jpg", HERE / "artworks" / "harbour-night.jpg"

SIZE = 200, 160
"""Width and height in pixels: twice of what the page gives them."""

PART = (0.2, 0.08, 0.8, 0.8)
"""Of the painting: left, upper, right, lower."""


def painting(preset: Preset, size: int) -> Image.Image:
    """The sample photo in the style of the sample artwork; twice beside itself, if it is a tile."""
    recipe = preset.recipe(size=size)
    content, style = open_picture(PHOTO, size), open_picture(ARTWORK, 2 * size, enlarge=False)
    *_, last = stylize(content.image, [style.image], recipe, encoder=load_encoder(recipe.encoder))
    image = last.image
    return to_pil(image.roll((image.shape[2] // 2, image.shape[3] // 2), (2, 3)) if recipe.tiling else image)


def sample(painted: Image.Image) -> Image.Image:
    """The part that is shown, without changing its proportions."""
    left, upper, right, lower = (round(share * side) for share, side in zip(PART, 2 * painted.size))
    width = min(right - left, (lower - upper) * SIZE[0] // SIZE[1])
    middle = (left + right) // 2
    part = painted.crop((middle - width // 2, upper, middle - width // 2 + width, upper + width * SIZE[1] // SIZE[0]))
    return part.resize(SIZE, Image.Resampling.LANCZOS)


def main(words: Sequence[str] | None = None) -> None:
    """Paint the samples of all presets, or of some."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="presets (default: all)")
    parser.add_argument("--size", type=int, default=Recipe().size, help="of the painting, in pixels (default: %(default)s)")
    args = parser.parse_args(words)
    for preset in [PRESETS[name] for name in args.names] or looks():
        sample_of(preset).parent.mkdir(parents=True, exist_ok=True)
        sample(painting(preset, args.size)).save(sample_of(preset), quality=82, method=6)


if __name__ == "__main__":
    main()
