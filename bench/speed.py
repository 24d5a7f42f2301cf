"""Steps per second of both encoders, taken in turns in one run: `python -m bench.speed` (see --help).

Prints medians and their ratio. VGG-19 has random weights where its own are not on this machine: that costs the same time.
"""

import argparse
import itertools
import platform
import statistics
from pathlib import Path

import torch

from stylekit.encoders import Encoder, load_encoder, pick_device, vgg19
from stylekit.memory import keep_freed
from stylekit.pictures import open_picture
from stylekit.recipe import Recipe
from stylekit.transfer import stylize

ASSETS = Path(__file__).parents[1] / "assets"


def load(name: str) -> Encoder:
    """The encoder, or for VGG-19 one of its shape."""
    if name == "vgg19" and vgg19.find_weights() is None:
        from torchvision.models import vgg19 as shape

        return vgg19.VGG19(shape(weights=None).state_dict()).eval().requires_grad_(False).to(pick_device())
    return load_encoder(name)


def seconds_per_step(encoder: Encoder, size: int, steps: int) -> list[float]:
    """The time of each step of a run at one size, the first two left out."""
    recipe = Recipe(encoder=encoder.name, size=size, coarsest=size, steps=steps + 2)
    pictures = [open_picture(ASSETS / name, size).image for name in ("photos/coffee.jpg", "artworks/indigo-waves.jpg")]
    times = [frame.seconds for frame in stylize(pictures[0], pictures[1:], recipe, encoder=encoder)]
    return [after - before for before, after in itertools.pairwise(times[2:])]


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="longest sides in pixels")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each encoder takes (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=15, help="steps per turn (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_freed()
    encoders = {name: load(name) for name in ("compact", "vgg19")}
    device = pick_device()
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.processor() or platform.machine()}, {device}"
    print(f"{where}, {args.threads} threads, torch {torch.__version__}, medians of {args.rounds} x {args.steps} steps\n")
    print("| longest side | compact, steps/s | VGG-19, steps/s | ratio |\n|---|---|---|---|")
    for size in args.sizes:
        times: dict[str, list[float]] = {name: [] for name in encoders}
        for _ in range(args.rounds):
            for name, encoder in encoders.items():
                times[name] += seconds_per_step(encoder, size, args.steps)
        compact, vgg = (1 / statistics.median(times[name]) for name in encoders)
        print(f"| {size} | {compact:.1f} | {vgg:.2f} | {compact / vgg:.1f} |", flush=True)


if __name__ == "__main__":
    main()
