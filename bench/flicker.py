"""How much painted clips flicker: `python -m bench.flicker CLIP ... [--style ARTWORK]` (see --help).

Prints a table in Markdown, one row for each way of holding a picture to those before, and one for pictures painted one by one:

- flicker: mean squared difference, of values in [0, 1], of a picture to the one before moved along the clip's own optical flow,
  where that can be believed (see flow.py), within scenes; times 1000;
- of the source: the same of the clip itself, and how many times that is;
- style: the style loss at the last picture; lower is more of the artwork;
- seconds of a picture, median of all but the first of each scene.

Without a clip, a camera pans over a sample photo. With --out, a strip of pictures of each row is saved for looking at.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from stylekit import Encoder, Recipe, encoders, load_encoder, open_picture
from stylekit.clip import Camera, Clip, Moment
from stylekit.flow import flow, trusted, warp
from stylekit.memory import keep_freed
from stylekit.pictures import to_pil
from stylekit.video import HOLDS, Video, filmed

ASSETS = Path(__file__).parents[1] / "assets"


class Row(NamedTuple):
    """A painted clip."""

    images: list[Tensor]
    scenes: list[bool]
    """whether one begins with this picture"""
    style: float
    seconds: float


def painted(moments: Sequence[Moment], style: Tensor, video: Video, encoder: Encoder, apart: bool = False) -> Row:
    """Paint the clip, or, `apart`, each of its pictures as if it were the only one."""
    images, scenes, times, loss = [], [], [], 0.0
    for part in [[moment] for moment in moments] if apart else [moments]:
        began = time.perf_counter()
        for shot in filmed(part, [style], video, encoder=encoder):
            if not shot.finished:
                continue
            images.append(shot.frame.image)
            scenes.append(shot.begins)
            loss = shot.frame.losses["style"]
            times += [time.perf_counter() - began] if apart or not shot.begins else []
            began = time.perf_counter()
    return Row(images, scenes, loss, statistics.median(times))


def flicker(moments: Sequence[Moment], images: Sequence[Tensor], scenes: Sequence[bool]) -> float:
    """See above."""
    found = []
    pairs = zip(itertools.pairwise(moments), itertools.pairwise(images), scenes[1:], strict=True)
    for (before, now), (old, new), begins in pairs:
        if not begins:
            back = flow(now.image, before.image)
            where = trusted(back, flow(before.image, now.image))
            found.append(float((where * (new - warp(old, back)).square()).mean() / where.mean()))
    return statistics.mean(found)


def strip(images: Sequence[Tensor], count: int = 6) -> Image.Image:
    """Some pictures beside each other."""
    chosen = [to_pil(image) for image in images[:: max(1, len(images) // count)][:count]]
    width, height = chosen[0].size
    sheet = Image.new("RGB", (width * len(chosen), height))
    for number, picture in enumerate(chosen):
        sheet.paste(picture, (number * width, 0))
    return sheet


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", help="videos (default: a camera that pans over a sample)")
    parser.add_argument("--style", default=str(ASSETS / "artworks/harbour-night.jpg"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--begin", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=0.8)
    parser.add_argument("--weights", type=float, nargs="+", default=[2.0], help="of the temporal loss, with flow")
    parser.add_argument("--out", type=Path, help="a folder for strips of pictures")
    args = parser.parse_args()
    keep_freed()
    encoder = load_encoder("compact")
    style, recipe = open_picture(args.style, args.size, enlarge=False).image, Recipe(size=args.size)
    print(f"{args.size} px, {encoders.pick_device()}, {torch.get_num_threads()} threads\n")
    print("| clip | held by | flicker | of the source | times | style | s/picture |\n|---|---|---|---|---|---|---|")
    for path in args.clips or [""]:
        photo = open_picture(ASSETS / "photos/coffee.jpg", 2 * args.size, enlarge=False).image
        source = (
            Clip(path, args.size, args.begin, args.begin + args.seconds) if path else Camera(photo, args.size, "pan-right", 3.0)
        )
        moments = list(itertools.islice(source, round(args.seconds * source.rate)))
        ways = [(f"flow, {weight:g}", Video(recipe, weight=weight), False) for weight in args.weights]
        ways += [(hold, Video(recipe, hold=hold), False) for hold in HOLDS[1:]] + [("one by one", Video(recipe), True)]
        scenes: list[bool] = []
        for name, video, apart in ways:
            row = painted(moments, style, video, encoder, apart)
            scenes = scenes or row.scenes
            mine, own = (flicker(moments, images, scenes) for images in (row.images, [m.image for m in moments]))
            known = f"| {Path(path).name or 'pan'} | {name} | {1000 * mine:.3f} | {1000 * own:.3f} | {mine / own:.2f} "
            print(f"{known}| {row.style:.3f} | {row.seconds:.1f} |", flush=True)
            if args.out:
                strip(row.images).save(args.out / f"{Path(path).stem or 'pan'}-{name.replace(', ', '-')}.jpg", quality=92)


if __name__ == "__main__":
    main()
