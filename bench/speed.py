"""Steps per second of both encoders, taken in turns in one run: `python -m bench.speed` (see --help).

Prints medians and their ratio. VGG-19 has random weights where its own are not on this machine: that costs the same time.
With --busy N ..., the compact encoder beside N other processes that never rest: with threads that spin while they wait, as torch
has them by default, and with threads that yield, as stylekit has them. Each turn is a process of its own.

With --augment N ..., how many pictures a minute `augment` paints in so many processes with one thread each, against one by one in
one process with two threads; the start of the processes is left out. The ratio is the median of those of the rounds.
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
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest.mock import patch

import torch

from stylekit.augment import STEPS, Plan, Task, carried_out, painted
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


def one_by_one(tasks: Sequence[Task], threads: int) -> float:
    """Variants per minute in one process, without the first one; to be called in a new process."""
    torch.set_num_threads(threads)
    keep_freed()
    encoder = load("compact")
    painted(tasks[0], encoder)
    began = time.perf_counter()
    for task in tasks[1:]:
        painted(task, encoder)
    return 60 * (len(tasks) - 1) / (time.perf_counter() - began)


def side_by_side(tasks: Sequence[Task], workers: int) -> float:
    """Variants per minute in so many processes, from when each of them has had time for one."""
    times = [time.perf_counter() for _ in carried_out(tasks, workers)][workers - 1 :]
    return 60 * (len(times) - 1) / (times[-1] - times[0])


def compare_workers(args: argparse.Namespace) -> None:
    """A table of `augment`'s processes against one process, for `--augment`."""
    print("| longest side | processes | pictures/min | one by one, 2 threads | ratio |\n|---|---|---|---|---|")
    yield_cores()  # for the processes that are begun
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as folder:
            plan = Plan(ASSETS / "photos", ASSETS / "artworks", Path(folder), 2, Recipe(size=size, steps=STEPS))
            rates: dict[int, list[float]] = {workers: [] for workers in [0, *args.augment]}
            for _ in range(args.rounds):
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                    rates[0].append(process.submit(one_by_one, plan.tasks(), 2).result())
                for workers in args.augment:
                    rates[workers].append(side_by_side(plan.tasks(), workers))
        alone = statistics.median(rates[0])
        for workers in args.augment:
            ratio = statistics.median(mine / one for mine, one in zip(rates[workers], rates[0]))
            rate = statistics.median(rates[workers])
            print(f"| {size} | {workers} | {rate:.0f} | {alone:.0f} | {ratio:.2f} |", flush=True)


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="longest sides in pixels")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=15, help="steps per turn (default: %(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[torch.get_num_threads()], help="of torch's, such as 1 2")
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--busy", type=int, nargs="+", help="compare how threads wait beside so many busy processes")
    others.add_argument("--augment", type=int, nargs="+", metavar="N", help="compare so many processes of `augment`, such as 1 2")
    args = parser.parse_args()
    device = pick_device()
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.processor() or platform.machine()}, {device}"
    threads = " or ".join(map(str, args.threads))
    print(f"{where}, {os.cpu_count()} cores, torch {torch.__version__}, ", end="")
    if args.augment:
        print(f"{STEPS} steps a picture, medians of {args.rounds} rounds\n")
        compare_workers(args)
        return
    print(f"{threads} threads, medians of {args.rounds} x {args.steps} steps\n")
    if args.busy is None:
        compare_encoders(args)
    else:
        compare_waiting(args)


if __name__ == "__main__":
    main()
