"""What keeping freed memory is worth: steps per second and peak memory with it and without, in turns: `python -m bench.memory`.

Each turn is a process of its own, which paints in a thread, as the page does.
"""

import argparse
import multiprocessing
import platform
import resource
import statistics
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import torch

from bench.speed import load, seconds_per_step
from stylekit.memory import keep_freed


def turn(keep: bool, encoder: str, size: int, steps: int, threads: int) -> tuple[list[float], float]:
    """Seconds of each step, and the process's peak of memory in megabytes; to be called in a new process."""
    torch.set_num_threads(threads)
    if keep and not keep_freed():
        raise RuntimeError("Here malloc cannot be told to keep what is freed, so there is nothing to compare.")
    with ThreadPoolExecutor(1) as pool:
        seconds = pool.submit(seconds_per_step, load(encoder), size, steps).result()
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", choices=("compact", "vgg19"), default="compact")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024], help="longest sides in pixels")
    parser.add_argument("--rounds", type=int, default=3, help="turns with and without (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=20, help="steps per turn (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    args = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {args.threads} threads, torch {torch.__version__}")
    print(f"{args.encoder}, medians of {args.rounds} x {args.steps} steps\n")
    print("| longest side | without, steps/s | with, steps/s | ratio | peak without, MB | with, MB |\n|---|---|---|---|---|---|")
    for size in args.sizes:
        times: list[list[float]] = [[], []]
        peaks: list[list[float]] = [[], []]
        for _ in range(args.rounds):
            for keep in (False, True):
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                    seconds, peak = process.submit(turn, keep, args.encoder, size, args.steps, args.threads).result()
                times[keep] += seconds
                peaks[keep].append(peak)
        without, kept = (1 / statistics.median(seconds) for seconds in times)
        most, most_kept = map(max, peaks)
        print(f"| {size} | {without:.2f} | {kept:.2f} | {kept / without:.2f} | {most:.0f} | {most_kept:.0f} |", flush=True)


if __name__ == "__main__":
    main()
