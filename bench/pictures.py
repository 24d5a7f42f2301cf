"""How good the paintings of chosen settings are, in numbers and on a contact sheet: `python -m bench.pictures OUT` (see --help).

    python -m bench.pictures OUT --presets balanced bold --pairs 6 --sizes 256
    python -m bench.pictures OUT --variant now: --variant gram:statistic=gram,style_weight=10 --pairs cat+stained-glass
    python -m bench.pictures OUT --photos holiday --artworks museum --encoders compact vgg19

Writes into the folder OUT: table.md (means over the pairs), pictures-SIZE.csv, sheet-SIZE.png, and the paintings. The first
variant is the one that the others are held against: `.031 (9/12)` is nearer to the artwork, or truer to the photo, on 9 of 12
pairs. The rows `photo` and `artwork` say what the untouched pictures have.

The columns, whose formulas are in bench/metrics.py: palette, chroma, and patches at three scales, from fine to coarse: distances
to the artwork; octaves: how many times as strong the bands of brightness are as the artwork's, from fine to coarse, 1 is right;
bands: how far they are from 1, as the root mean square of their logarithms to base 2; directions: how many times as much as in
the artwork the finest grain lies along rows and columns, 1 is right; speckle: chroma noise, to be held against the artwork's
own; structure: the photo's shapes, 1 is all; W2 and content: the losses of crowsonkb/style-transfer-pytorch under VGG-19, where
its weights are at hand; seconds of processor time.
"""

import argparse
import csv
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.encoder import SHARED, sheet
from bench.metrics import BANDS, chroma, directions, halved, octaves, palette, patches, speckle, structure
from bench.presets import value_of
from stylekit.encoders import Encoder, load_encoder
from stylekit.encoders.vgg19 import VGG19, find_weights, read_weights
from stylekit.objective import Objective
from stylekit.pictures import open_picture, save_png, to_array
from stylekit.presets import PRESETS
from stylekit.recipe import Recipe
from stylekit.resize import fit
from stylekit.transfer import stylize

ASSETS = Path(__file__).parents[1] / "assets"
PAIRS = (
    "cat+harbour-night",
    "astronaut+indigo-waves",
    "coffee+orchard-linocut",
    "photographer+stained-glass",
    "rocket+river-in-dots",
    "cat+guitar-in-planes",
    "astronaut+ink-mountains",
    "coffee+autumn-birches",
    "rocket+harbour-night",
    "astronaut+orchard-linocut",
    "cat+river-in-dots",
    "photographer+autumn-birches",
)
"""A photo and an artwork of the samples each; the first six have every photo, a black and white artwork, and a grey photo."""

STANDIN = SHARED / "weights/vgg19_standin.safetensors"
DIGITS = {"seconds": 1, "W2": 3, "content": 3, "structure": 3, "palette": 3}
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".heic"}
CELL = 512
"""Longest side of a picture on the sheet, in pixels."""

MORE, NEITHER = {"structure"}, {"directions", "speckle", "seconds", *(f"octave {n}" for n in range(1, BANDS + 1))}
"""Columns where more is better, and where neither is; of the others, less is."""


class Variant(NamedTuple):
    """Settings that are judged, by the name that they have in the table."""

    name: str
    settings: str
    """of Recipe, as `field=value,...`; a preset's name may come first"""

    def recipe(self, **common: Any) -> Recipe:
        """The recipe, with `common` where the variant says nothing."""
        settings = dict(common)
        for part in filter(None, self.settings.split(",")):
            name, equals, value = part.partition("=")
            if not equals and name not in PRESETS:
                raise SystemExit(f"{name} is no preset; there are {', '.join(PRESETS)}.")
            settings |= {name: value_of(value)} if equals else PRESETS[name].settings
        return Recipe(**settings)


def variant_of(text: str) -> Variant:
    """`name:field=value,...` as a variant; without a name, the settings are its name."""
    name, colon, settings = text.partition(":")
    return Variant(name, settings) if colon else Variant(text, text)


class Pair:
    """A photo and an artwork at one size, and the losses of the reference that judges what is painted of them."""

    def __init__(self, photo: Path, artwork: Path, size: int, reference: Encoder | None) -> None:
        self.name, self.artwork, self.size = f"{photo.stem}+{artwork.stem}", artwork, size
        self.photo = open_picture(photo, size).image
        self.style = open_picture(artwork, size, enlarge=False).image
        recipe = PRESETS["crowsonkb"].recipe(size=size)
        self._weights = recipe.weights
        self._losses = None if reference is None else Objective(self.photo, [self.style], recipe, reference)

    def painted(self, recipe: Recipe, encoder: Encoder) -> tuple[Tensor, float]:
        """The result of a run (1, 3, H, W) in 8 bits, and the seconds of processor time that it took."""
        style = open_picture(self.artwork, round(self.size * max((1.0, *recipe.style_scales))), enlarge=False).image
        began = time.process_time()
        *_, last = stylize(self.photo, [style], recipe, encoder=encoder)
        seconds = time.process_time() - began
        return torch.from_numpy(to_array(last.image)).permute(2, 0, 1)[None].float() / 255, seconds

    @torch.no_grad()
    def measured(self, image: Tensor, seconds: float = math.nan) -> dict[str, float]:
        """All columns of the table, by name; NaN where there is no reference, or nothing was painted."""
        ratios = octaves(image, self.style)
        row = {"palette": palette(image, self.style), "chroma": chroma(image, self.style)}
        row |= {f"patches/{2**k}": patches(halved(image, k), halved(self.style, k)) for k in range(3)}
        row["bands"] = statistics.fmean(math.log2(ratio) ** 2 for ratio in ratios) ** 0.5
        row |= {f"octave {k}": ratio for k, ratio in enumerate(ratios, 1)}
        row |= {"directions": directions(image) / directions(self.style), "speckle": speckle(image)}
        row |= {"structure": structure(fit(image, tuple(self.photo.shape[2:])), self.photo)}
        return row | self._judged(image) | {"seconds": seconds}

    def _judged(self, image: Tensor) -> dict[str, float]:
        if self._losses is None:
            return {"W2": math.nan, "content": math.nan}
        terms = self._losses(fit(image, self._losses.size), self._weights)[1]
        return {"W2": float(terms["style"]), "content": float(terms["content"])}


def paths_of(asked: Sequence[str], photos: Path, artworks: Path) -> list[tuple[Path, Path]]:
    """The pairs as paths: a number takes the first ones, `photo+artwork` names two of the folders or two files."""
    samples = (photos, artworks) == (ASSETS / "photos", ASSETS / "artworks")
    if not asked or (len(asked) == 1 and asked[0].isdigit()):
        names: Sequence[str] = PAIRS if samples else _some_of(photos, artworks)
        asked = names[: int(asked[0]) if asked else None]
    return [_two(name, photos, artworks) for name in asked]


def _some_of(*folders: Path) -> list[str]:
    """As many pairs of two folders as there are in PAIRS, drawn from all, and always the same."""
    names = [[path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURES] for folder in folders]
    pairs = ["+".join(pair) for pair in product(*names)]
    return Random(0).sample(pairs, min(len(PAIRS), len(pairs)))


def _two(name: str, photos: Path, artworks: Path) -> tuple[Path, Path]:
    photo, plus, artwork = name.partition("+")
    if not plus:
        raise SystemExit(f"A pair is photo+artwork, such as {PAIRS[0]}; {name!r} is not.")
    return _file(photo, photos), _file(artwork, artworks)


def _file(name: str, folder: Path) -> Path:
    """A file by its path, or by its name in the folder, with or without its ending."""
    found = (
        [Path(name)] if Path(name).is_file() else sorted(p for p in folder.glob(f"{name}*") if p.stem == name or p.name == name)
    )
    if not found:
        raise SystemExit(f"There is no picture {name} in {folder}.")
    return found[0]


def reference_of(path: Path | None) -> tuple[Encoder | None, str]:
    """VGG-19 with the weights of a file, or with those of this machine; None and why, where there are none."""
    path = path or (STANDIN if STANDIN.is_file() else find_weights())
    if path is None:
        return None, "W2 and content are empty: VGG-19's weights are not on this machine; name a file with --reference."
    return VGG19(read_weights(path)).eval().requires_grad_(False), f"W2 and content by {path.name}."


def cell(values: Sequence[float], first: Sequence[float], column: str) -> str:
    """The mean, and on how many pairs it is better than the first variant's, if there are any."""
    if any(map(math.isnan, values)):
        return ""
    text = f"{statistics.fmean(values):.{DIGITS.get(column, 2 if column.startswith('octave') else 4)}f}"
    if not first or column in NEITHER:
        return text
    sign = -1 if column in MORE else 1
    return f"{text} ({sum(sign * v < sign * f for v, f in zip(values, first, strict=True))}/{len(values)})"


def table(rows: dict[str, list[dict[str, float]]], first: str) -> str:
    """Markdown: a line per variant, a column per number; `first` is the variant that others are held against."""
    columns = list(next(iter(rows.values()))[0])
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name, found in rows.items():
        base = rows[first] if name not in (first, "photo", "artwork") else []
        cells = [cell([row[c] for row in found], [row[c] for row in base], c) for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_csv(path: Path, rows: dict[str, list[dict[str, float]]], names: Sequence[str]) -> None:
    """Every painting's numbers."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["variant", "pair", *next(iter(rows.values()))[0]])
        for variant, found in rows.items():
            writer.writerows(
                [variant, name, *(f"{v:.5g}" for v in row.values())] for name, row in zip(names, found, strict=False)
            )


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--presets", nargs="*", default=[], help="presets to judge (default: balanced, if no variant is named)")
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        help="NAME:statistic=gram,style_weight=10; a preset's name may come first: NAME:bold,pooling=l2",
    )
    parser.add_argument("--encoders", nargs="+", default=["compact"], help="(default: %(default)s)")
    parser.add_argument(
        "--sizes", "--size", type=int, nargs="+", default=[512], help="longest sides in pixels (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=Recipe().steps, help="steps of a run (default: %(default)s)")
    parser.add_argument("--pairs", nargs="*", default=[], help="how many, or photo+artwork by names or paths (default: twelve)")
    parser.add_argument("--photos", type=Path, default=ASSETS / "photos", help="folder of photos (default: the samples)")
    parser.add_argument("--artworks", type=Path, default=ASSETS / "artworks", help="folder of artworks (default: the samples)")
    parser.add_argument("--reference", type=Path, help="VGG-19's weights (default: those of this machine, if any)")
    parser.add_argument("--threads", type=int, default=1, help="processor cores to use (default: %(default)s)")
    return parser.parse_args(words)


class Judged:
    """The paintings of one size: their numbers, and what the sheet shows."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, float]]] = {}
        self.columns: dict[str, list[Tensor]] = {}
        self.pairs: list[str] = []

    def add(self, name: str, pair: Pair, image: Tensor, seconds: float = math.nan) -> None:
        """A picture of a pair, in the column `name`."""
        self.rows.setdefault(name, []).append(pair.measured(image, seconds))
        self.columns.setdefault(name, []).append(shown(image))

    def write(self, folder: Path, size: int) -> None:
        """The sheet and every number, once all columns have as many pairs."""
        write_csv(folder / f"pictures-{size}.csv", self.rows, self.pairs)
        sheet([list(row) for row in zip(*self.columns.values(), strict=True)], list(self.columns), folder / f"sheet-{size}.png")


def judge(
    pair: Pair, variants: Sequence[Variant], encoders: Mapping[str, Encoder], steps: int, out: Path, judged: Judged
) -> None:
    """Paint a pair with all variants and encoders, into `judged` and the folder `out`."""
    judged.pairs.append(pair.name)
    judged.add("photo", pair, pair.photo)
    judged.add("artwork", pair, pair.style)
    for variant, encoder in product(variants, encoders.values()):
        recipe = variant.recipe(size=pair.size, steps=steps, encoder=encoder.name)
        name = variant.name if len(encoders) == 1 else f"{variant.name}, {encoder.name}"
        image, seconds = pair.painted(recipe, encoder)
        save_png(out / f"{pair.name}, {name}, {pair.size}.png", image, recipe_json=recipe.to_json())
        judged.add(name, pair, image, seconds)
        print(f"{pair.name}, {name}, {pair.size} pixels: {seconds:.1f} s", flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Paint, judge and write everything."""
    args = arguments(words)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    variants = [variant_of(text) for text in [*args.presets, *args.variant] or ["balanced"]]
    reference, why = reference_of(args.reference)
    encoders = {name: reference if name == "vgg19" and reference else load_encoder(name) for name in args.encoders}
    paths = paths_of(args.pairs, args.photos, args.artworks)
    report = f"{args.steps} steps unless a preset has its own, {len(paths)} pairs, threads: {args.threads}. {why}\n"
    for size in args.sizes:
        judged = Judged()
        for photo, artwork in paths:
            judge(Pair(photo, artwork, size, reference), variants, encoders, args.steps, args.out, judged)
            judged.write(args.out, size)
        report += f"\n{size} pixels\n\n" + table(judged.rows, list(judged.rows)[2])
        (args.out / "table.md").write_text(report, encoding="utf-8")
    print(report)


def shown(image: Tensor) -> Tensor:
    """`image`, at most CELL pixels long."""
    scale = min(1.0, CELL / max(image.shape[2:]))
    return fit(image, (max(1, round(scale * image.shape[2])), max(1, round(scale * image.shape[3]))))


if __name__ == "__main__":
    main()
