"""Where the frames come from: computed here, or on a GPU that ZeroGPU lends for one run.

ZeroGPU runs the loop in a forked process that sees nothing of ours change. So the dials travel through a small file, which is
looked at before each step, and the frames come back with their tensors on the CPU. The engine knows nothing of it.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from stylekit.encoders import Encoder, load_encoder, vgg19
from stylekit.job import Job
from stylekit.objective import Objective
from stylekit.recipe import Recipe
from stylekit.transfer import Dials, Frame, paint
from stylekit.ui import hosting

_lock = threading.Lock()
_loaded: dict[str, Encoder] = {}
"""The encoders' frozen weights: the one thing that visitors share."""

Lent = Callable[[Job, Path], Iterator[Frame]]


def encoder(name: str) -> Encoder:
    """The encoder, loaded at its first use. Raises RecipeError and WeightsError as `load_encoder` does."""
    with _lock:
        if name not in _loaded:
            _loaded[name] = load_encoder(name)
        return _loaded[name]


def fetch(name: str) -> Generator[tuple[int, int], None, None]:
    """Download what the encoder needs and is not here, yielding (bytes, bytes in all); nothing if all is here."""
    if name == "vgg19" and name not in _loaded and vgg19.find_weights() is None:
        yield from vgg19.download()


def frames(job: Job, dials: Dials) -> Iterator[Frame]:
    """`paint`, wherever it runs; raises what that raises."""
    if hosting.borrows_gpu():
        lend = cast(Any, hosting.spaces).GPU(duration=seconds_needed)
        return on_loan(lend(run), job, dials)
    return paint(job, encoder=encoder(job.recipe.encoder), dials=dials)


def on_loan(lent: Lent, job: Job, dials: Dials) -> Iterator[Frame]:
    """The frames of `lent`, which is `run` in another process, with `dials` turned in this one."""
    with tempfile.TemporaryDirectory(prefix="stylekit-") as folder:
        file, sent = Path(folder) / "dials.json", dials.weights
        _write(file, job.recipe.with_weights(sent))
        for frame in lent(job, file):
            if dials.weights != sent:
                sent = dials.weights
                _write(file, job.recipe.with_weights(sent))
            size = (frame.painting.shape[2], frame.painting.shape[3])
            yield replace(frame, colors=job.colors, kept=job.kept(size))


def run(job: Job, file: Path) -> Iterator[Frame]:
    """What runs in the other process: `paint` with the weights that `file` says. What the caller has is not sent back."""
    dials, seen = Dials(Recipe.from_json(file.read_text()).weights), file.stat().st_mtime_ns
    for frame in paint(job, encoder=encoder(job.recipe.encoder), dials=dials):
        terms = {name: loss.cpu() for name, loss in frame.terms.items()}
        yield replace(frame, painting=frame.painting.cpu(), terms=terms, colors=None, kept=None)
        if (changed := file.stat().st_mtime_ns) != seen:
            dials.weights, seen = Recipe.from_json(file.read_text()).weights, changed


def gatys_units(job: Job) -> tuple[float, dict[str, float]]:
    """The recipe's weights in the units of Gatys et al. 2016; raises what `Objective.gatys_units` raises."""
    judge = encoder(job.recipe.encoder)
    content, *styles = (picture.to(judge.device) for picture in (job.content, *job.styles))
    return Objective(content, styles, job.recipe, judge).gatys_units(job.recipe.weights)


def seconds_needed(job: Job, file: Path) -> int:
    """What to ask of ZeroGPU: little, because a visitor's quota is checked against it beforehand."""
    megapixels = (job.recipe.size / 1000) ** 2
    return min(120, 15 + round((job.recipe.all_steps - job.done) * (0.02 + 0.15 * megapixels)))


def _write(file: Path, recipe: Recipe) -> None:
    """Replace the file in one go, so that nobody reads half of it."""
    part = file.with_suffix(".part")
    part.write_text(recipe.to_json())
    os.replace(part, file)
