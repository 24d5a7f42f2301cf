"""A run on a GPU that ZeroGPU lends for it: the loop runs in a forked process that sees nothing of ours change.

So the dials travel through a small file, which is looked at before each step, and the frames come back with their tensors on the
CPU. When the page starts, ZeroGPU's package reports what it is to lend a GPU to; a Space that has nothing is refused. Hence `run`
is decorated when this is imported, which must be before CUDA is touched.
"""

import importlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from stylekit.errors import BusyError, StylekitError
from stylekit.job import Job
from stylekit.recipe import Recipe
from stylekit.studio import hosting
from stylekit.studio.backends import here
from stylekit.studio.backends.parcel import packed, unpacked
from stylekit.transfer import Dials, Frame

spaces: ModuleType | None = importlib.import_module("spaces") if hosting.borrows_gpu() else None
"""ZeroGPU's package: there on a Space of that kind. It changes torch, so it is left alone elsewhere."""

FAILED = "ZeroGPU worker error"
"""The title of the package's error, which is gradio's, for what fails in the other process; others say why no GPU is lent."""

Lent = Callable[[Job, Path], Iterator[Frame | StylekitError]]


def seconds_needed(job: Job, file: Path) -> int:
    """What to ask of ZeroGPU: little, because a visitor's quota is checked against it beforehand."""
    megapixels = (job.recipe.size / 1000) ** 2
    return min(120, 15 + round((job.recipe.all_steps - job.done) * (0.02 + 0.15 * megapixels)))


def lent(task: Lent) -> Lent:
    """`task`, for which a GPU is lent where they are lent."""
    return cast(Any, spaces).GPU(duration=seconds_needed)(task) if spaces else task


@lent
def run(job: Job, file: Path) -> Iterator[Frame | StylekitError]:
    """What runs in the other process: `paint` with the weights that `file` says. What the caller has is not sent back.

    An error of ours is the last thing that it gives: of what is raised there, ZeroGPU hands on no more than the name.
    """
    try:
        dials, seen = Dials(Recipe.from_json(file.read_text()).weights), file.stat().st_mtime_ns
        for frame in here.frames(job, dials):
            yield packed(frame)
            if (changed := file.stat().st_mtime_ns) != seen:
                dials.weights, seen = Recipe.from_json(file.read_text()).weights, changed
    except StylekitError as error:
        yield error


def frames(job: Job, dials: Dials) -> Iterator[Frame]:
    """`paint` on a GPU on loan; BusyError says in ZeroGPU's words why none is lent."""
    try:
        yield from on_loan(run, job, dials)
    except StylekitError:
        raise
    except Exception as error:
        if getattr(error, "title", FAILED) == FAILED:
            raise
        raise BusyError(str(getattr(error, "message", error))) from error


def on_loan(run: Lent, job: Job, dials: Dials) -> Iterator[Frame]:
    """The frames of `run` in another process, with `dials` turned in this one."""
    with tempfile.TemporaryDirectory(prefix="stylekit-") as folder:
        file, sent = Path(folder) / "dials.json", dials.weights
        _write(file, job.recipe.with_weights(sent))
        for frame in run(job, file):
            if isinstance(frame, StylekitError):
                raise frame
            if dials.weights != sent:
                sent = dials.weights
                _write(file, job.recipe.with_weights(sent))
            yield unpacked(frame, job)


def _write(file: Path, recipe: Recipe) -> None:
    """Replace the file in one go, so that nobody reads half of it."""
    part = file.with_suffix(".part")
    part.write_text(recipe.to_json())
    os.replace(part, file)
