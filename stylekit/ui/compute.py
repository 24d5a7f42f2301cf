"""Where the frames come from: computed here, or on a GPU that ZeroGPU lends for one run.

ZeroGPU runs the loop in a forked process that sees nothing of ours change. So the dials travel through a small file, which is
looked at before each step, and the frames come back with their tensors on the CPU. The engine knows nothing of it.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from stylekit.encoders import Encoder, load_encoder, vgg19
from stylekit.recipe import Recipe
from stylekit.transfer import Dials, Frame, StyleObjective, stylize
from stylekit.ui import hosting

_lock = threading.Lock()
_loaded: dict[str, Encoder] = {}
"""The encoders' frozen weights: the one thing that visitors share."""

Further = Mapping[str, Any]
"""What else `stylize` takes: start, masks, palette."""

Lent = Callable[[Tensor, Sequence[Tensor], Recipe, Path, Further], Iterator[Frame]]


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


def frames(content: Tensor, styles: Sequence[Tensor], recipe: Recipe, dials: Dials, further: Further) -> Iterator[Frame]:
    """`stylize`, wherever it runs; raises what that raises."""
    if hosting.borrows_gpu():
        lend = cast(Any, hosting.spaces).GPU(duration=seconds_needed)
        return on_loan(lend(run), content, styles, recipe, dials, further)
    return stylize(content, styles, recipe, encoder=encoder(recipe.encoder), dials=dials, **further)


def on_loan(
    lent: Lent, content: Tensor, styles: Sequence[Tensor], recipe: Recipe, dials: Dials, further: Further
) -> Iterator[Frame]:
    """The frames of `lent`, which is `run` in another process, with `dials` turned in this one."""
    with tempfile.TemporaryDirectory(prefix="stylekit-") as folder:
        file, sent = Path(folder) / "dials.json", dials.weights
        _write(file, recipe.with_weights(sent))
        for frame in lent(content, styles, recipe, file, further):
            if dials.weights != sent:
                sent = dials.weights
                _write(file, recipe.with_weights(sent))
            yield frame


def run(content: Tensor, styles: Sequence[Tensor], recipe: Recipe, file: Path, further: Further) -> Iterator[Frame]:
    """What runs in the other process: `stylize` with the weights that `file` says."""
    dials, seen = Dials(recipe.weights), 0
    for frame in stylize(content, styles, recipe, encoder=encoder(recipe.encoder), dials=dials, **further):
        yield replace(
            frame,
            painting=frame.image.cpu(),
            colors=None,
            kept=None,
            terms={name: loss.cpu() for name, loss in frame.terms.items()},
        )
        if (changed := file.stat().st_mtime_ns) != seen:
            dials.weights, seen = Recipe.from_json(file.read_text()).weights, changed


def gatys_units(content: Tensor, styles: Sequence[Tensor], recipe: Recipe) -> tuple[float, dict[str, float]]:
    """The recipe's weights in the units of Gatys et al. 2016; raises what `StyleObjective.gatys_units` raises."""
    judge = encoder(recipe.encoder)
    content, *styles = (picture.to(judge.device) for picture in (content, *styles))
    return StyleObjective(content, styles, recipe, judge).gatys_units(recipe.weights)


def seconds_needed(content: Tensor, styles: Sequence[Tensor], recipe: Recipe, file: Path, further: Further) -> int:
    """What to ask of ZeroGPU: little, because a visitor's quota is checked against it beforehand."""
    megapixels = (recipe.size / 1000) ** 2
    return min(120, 15 + round(recipe.steps * (0.02 + 0.15 * megapixels)))


def _write(file: Path, recipe: Recipe) -> None:
    """Replace the file in one go, so that nobody reads half of it."""
    part = file.with_suffix(".part")
    part.write_text(recipe.to_json())
    os.replace(part, file)
