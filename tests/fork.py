"""Paints in a forked process as ZeroGPU does, turns the style weight at step 10, and prints each step's as JSON."""

import json
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from stylekit import Dials, Frame, Job, Recipe, open_picture
from stylekit.studio.backends import here, zerogpu

ASSETS = Path(__file__).parents[1] / "assets"
RECIPE = Recipe(size=64, steps=40, style_weight=5.0)


def in_another_process(job: Job, file: Path) -> Iterator[Frame]:
    """What ZeroGPU does, by fork: frames come through a pipe, and nothing of ours is seen to change."""
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)

    def work() -> None:
        for frame in zerogpu.run(job, file):
            there.send(frame)
            time.sleep(0.02)
        there.send(None)

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    while (sent := here.recv()) is not None:
        yield sent
    process.join()


def main() -> None:
    """Print [style weight of frame 0, of frame 1, ...]."""
    torch.set_num_threads(1)
    content = open_picture(ASSETS / "photos/coffee.jpg", 64).image
    style = open_picture(ASSETS / "artworks/indigo-waves.jpg", 64).image
    dials, seen = Dials(RECIPE.weights), []
    here.encoder("compact")
    for frame in zerogpu.on_loan(in_another_process, Job(content, [style], RECIPE), dials):
        if frame.step == 10:
            dials.weights = replace(RECIPE, style_weight=44.0).weights
        seen.append(frame.weights.style_weight)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
