"""A contact sheet of settings, to choose with one's eyes: `python -m bench.presets OUT.png statistic=gram statistic=sliced`.

Each variant is `field=value` of Recipe, several with commas (`statistic=gram,style_weight=20`), or the name of a preset. Columns
are variants, rows are pairs of pictures.
"""

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor

from bench.encoder import sheet
from stylekit import PRESETS, Masks, Recipe, load_encoder, open_picture, stylize

ROOT = Path(__file__).parents[1]
PAIRS = (
    (ROOT / "assets/photos/coffee.jpg", ROOT / "assets/artworks/harbour-night.jpg"),
    (ROOT / "assets/photos/astronaut.jpg", ROOT / "assets/artworks/indigo-waves.jpg"),
    (ROOT / "assets/photos/cat.jpg", ROOT / "assets/artworks/stained-glass.jpg"),
)


def recipe_of(variant: str, **common: object) -> Recipe:
    """The recipe that a variant stands for."""
    if variant in PRESETS:
        return PRESETS[variant].recipe(**common)
    settings = dict(part.split("=", 1) for part in variant.split(",") if part)
    return Recipe(**(common | {name: value_of(value) for name, value in settings.items()}))


def value_of(text: str) -> object:
    """A number, list or object where `text` is JSON; with semicolons for commas; else the word itself."""
    try:
        return json.loads(text.replace(";", ","))
    except ValueError:
        return text


def painted(content: Path, styles: list[Path], recipe: Recipe, half: bool) -> Tensor:
    """The result; with `half`, the left half is painted by the first artwork and the right one by the second."""
    picture = open_picture(content, recipe.size).image
    pictures = [open_picture(path, 2 * recipe.size, enlarge=False).image for path in styles]
    ramp = ((torch.linspace(-6, 6, picture.shape[3])[None] + torch.zeros(picture.shape[2], 1)).sigmoid())[None, None]
    masks = Masks(content=[1 - ramp, ramp]) if half else Masks()
    *_, last = stylize(picture, pictures, recipe, encoder=load_encoder(recipe.encoder), masks=masks)
    return last.image


def main() -> None:
    """Paint and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="PNG to write")
    parser.add_argument("variants", nargs="+", help="settings such as statistic=gram,style_weight=20, or presets")
    parser.add_argument("--size", type=int, default=384, help="longest side in pixels (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=150, help="steps of a run (default: %(default)s)")
    parser.add_argument("--second", type=Path, help="a second artwork for all")
    parser.add_argument("--half", action="store_true", help="the first artwork left, the second right, by soft masks")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows: list[list[Tensor]] = []
    for content, style in PAIRS:
        rows.append([])
        for variant in args.variants:
            styles = [style, args.second] if args.second else [style]
            rows[-1].append(painted(content, styles, recipe_of(variant, size=args.size, steps=args.steps), args.half))
            sheet(rows, args.variants, args.out)
            print(content.stem, variant, flush=True)


if __name__ == "__main__":
    main()
