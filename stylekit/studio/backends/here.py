"""A run in this process, on the fastest device that it has."""

import threading
from collections.abc import Generator, Iterator

from stylekit.encoders import Encoder, load_encoder, vgg19
from stylekit.job import Job
from stylekit.objective import Objective
from stylekit.transfer import Dials, Frame, paint

_lock = threading.Lock()
_loaded: dict[tuple[str, str | None], Encoder] = {}
"""The encoders' frozen weights: the one thing that visitors share."""


def encoder(name: str, device: str | None = None) -> Encoder:
    """The encoder, loaded at its first use. Raises RecipeError and WeightsError as `load_encoder` does."""
    with _lock:
        if (name, device) not in _loaded:
            _loaded[name, device] = load_encoder(name, device)
        return _loaded[name, device]


def fetch(name: str) -> Generator[tuple[int, int], None, None]:
    """Download what the encoder needs and is not here, yielding (bytes, bytes in all); nothing if all is here."""
    if name == "vgg19" and vgg19.find_weights() is None:
        yield from vgg19.download()


def frames(job: Job, dials: Dials) -> Iterator[Frame]:
    """`paint`, with the studio's own encoder."""
    return paint(job, encoder=encoder(job.recipe.encoder), dials=dials)


def gatys_units(job: Job, device: str | None = None) -> tuple[float, dict[str, float]]:
    """The recipe's weights in the units of Gatys et al. 2016, computed on this device (default: the fastest)."""
    judge = encoder(job.recipe.encoder, device)
    content, *styles = (picture.to(judge.device) for picture in (job.content, *job.styles))
    return Objective(content, styles, job.recipe, judge).gatys_units(job.recipe.weights)
