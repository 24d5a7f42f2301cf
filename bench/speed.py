"""Steps per second of both encoders, taken in turns in one run: `python -m bench.speed` (see --help).

Prints medians and their ratio. VGG-19 has random weights where its own are not on this machine: that costs the same time.
With --busy N ..., the compact encoder beside N other processes that never rest: with threads that spin while they wait, as torch
has them by default, and with threads that yield, as stylekit has them. Each turn is a process of its own.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest.mock import patch

import torch

from stylekit.encoders import Encoder, load_encoder, pick_device, vgg19
from stylekit.memory import keep_freed
from stylekit.pictures import open_picture
from stylekit.recipe import Recipe
from stylekit.threads import WAITING, yield_cores
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


def compare_encoders(args: argparse.Namespace) -> None:
    """A table of both encoders."""
    torch.set_num_threads(args.threads[0])
    keep_freed()
    encoders = {name: load(name) for name in ("compact", "vgg19")}
    print("| longest side | compact, steps/s | VGG-19, steps/s | ratio |\n|---|---|---|---|")
    for size in args.sizes:
        times: dict[str, list[float]] = {name: [] for name in encoders}
        for _ in range(args.rounds):
            for name, encoder in encoders.items():
                times[name] += seconds_per_step(encoder, size, args.steps)
        compact, vgg = (1 / statistics.median(times[name]) for name in encoders)
        print(f"| {size} | {compact:.1f} | {vgg:.2f} | {compact / vgg:.1f} |", flush=True)


def turn(size: int, steps: int, threads: int) -> float:
    """Steps per second; to be called in a new process."""
    torch.set_num_threads(threads)
    keep_freed()
    seconds = seconds_per_step(load("compact"), size, steps)
    return len(seconds) / sum(seconds)


def turn_in_a_process(yielding: bool, *arguments: int) -> float:
    """`turn`, whose threads spin or yield while they wait."""
    with patch.dict(os.environ):
        for name in WAITING:
            os.environ.pop(name, None)
        if yielding:
            yield_cores()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            return process.submit(turn, *arguments).result()


@contextlib.contextmanager
def busied(count: int) -> Iterator[None]:
    """Beside so many processes that compute without end."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.callback(stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"])).kill)
        yield


def compare_waiting(args: argparse.Namespace) -> None:
    """A table of threads that spin and that yield, beside other processes."""
    print("| longest side | busy | threads | spinning, steps/s | yielding, steps/s | ratio |\n|---|---|---|---|---|---|")
    for size, busy in itertools.product(args.sizes, args.busy):
        speeds: dict[tuple[int, bool], list[float]] = {turn: [] for turn in itertools.product(args.threads, (False, True))}
        for _ in range(args.rounds):
            for threads, yielding in speeds:
                with busied(busy):
                    speeds[threads, yielding].append(turn_in_a_process(yielding, size, args.steps, threads))
        for threads in args.threads:
            spun, yielded = (statistics.median(speeds[threads, yielding]) for yielding in (False, True))
            print(f"| {size} | {busy} | {threads} | {spun:.1f} | {yielded:.1f} | {yielded / spun:.2f} |", flush=True)


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="longest sides in pixels")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=15, help="steps per turn (default: %(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[torch.get_num_threads()], help="of torch's, such as 1 2")
    parser.add_argument("--busy", type=int, nargs="+", help="compare how threads wait beside so many busy processes")
    args = parser.parse_args()
    device = pick_device()
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.processor() or platform.machine()}, {device}"
    threads = " or ".join(map(str, args.threads))
    print(f"{where}, {os.cpu_count()} cores, {threads} threads, torch {torch.__version__}", end=", ")
    print(f"medians of {args.rounds} x {args.steps} steps\n")
    if args.busy is None:
        compare_encoders(args)
    else:
        compare_waiting(args)


if __name__ == "__main__":
    main()
