"""How much a visitor may ask, who is next, and what this machine is. Reads all environment variables but the weights'.

STYLEKIT_CONCURRENCY   paintings that are computed at the same time (default 1); the others wait in line
STYLEKIT_QUEUE         visitors who may wait in line (20)
STYLEKIT_MAX_SIZE      longest side of a result in pixels (1024; 512 on a Space without a GPU)
STYLEKIT_MAX_STEPS     steps of one run (1000)
STYLEKIT_MAX_SECONDS   computing time of one run (1800; 300 on a Space); then it stops and keeps its picture
STYLEKIT_MAX_UPLOAD_MB size of an uploaded file (25)
"""

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType

import torch

from stylekit.encoders import allow_tf32, pick_device, vgg19
from stylekit.errors import BusyError, RecipeError, UsageError, WeightsError
from stylekit.memory import keep_freed
from stylekit.recipe import Recipe
from stylekit.threads import limit_threads

try:  # ZeroGPU's package: there on a Space with borrowed GPUs, and to be imported before CUDA is touched
    spaces: ModuleType | None = importlib.import_module("spaces")
except ImportError:
    spaces = None


@dataclass(frozen=True)
class Limits:
    """How much a visitor may ask."""

    concurrency: int = 1
    queue: int = 20
    max_size: int = 1024
    max_steps: int = 1000
    max_seconds: int = 1800
    max_upload_mb: int = 25

    @classmethod
    def from_environment(cls) -> "Limits":
        """The defaults of this place, changed by the variables above. Raises UsageError for one that is no number."""
        on_space = "SPACE_ID" in os.environ
        here = cls(max_seconds=300 if on_space else 1800, max_size=512 if on_space and not has_gpu() else 1024)
        return replace(here, **{name: _number(name) for name in vars(here) if f"STYLEKIT_{name.upper()}" in os.environ})

    def check(self, recipe: Recipe) -> None:
        """Raises RecipeError if the recipe asks for more than this place gives."""
        if recipe.size > self.max_size:
            raise RecipeError(f"This studio paints up to {self.max_size} pixels; choose a smaller size.")
        if recipe.steps > self.max_steps:
            raise RecipeError(f"This studio takes up to {self.max_steps} steps; choose fewer.")


def _number(name: str) -> int:
    variable = f"STYLEKIT_{name.upper()}"
    text = os.environ[variable]
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"The environment variable {variable} must be a whole number above 0, not {text!r}.")
    return int(text)


class Line:
    """Who is being painted for and who waits, first come, first served. Shared by all visitors; knows only numbers."""

    def __init__(self, places: int, most_waiting: int) -> None:
        self._lock = threading.Lock()
        self._places, self._most_waiting = places, most_waiting
        self._tickets: list[int] = []  # in the order of arrival; the first `places` of them are being served
        self._next = 0

    @contextmanager
    def ticket(self) -> Iterator[int]:
        """A place in the line, given back at the end. Raises BusyError when too many wait already."""
        with self._lock:
            if len(self._tickets) >= self._places + self._most_waiting:
                raise BusyError("The studio is full; please try again in a few minutes.")
            number, self._next = self._next, self._next + 1
            self._tickets.append(number)
        try:
            yield number
        finally:
            with self._lock:
                self._tickets.remove(number)

    def ahead(self, ticket: int) -> int:
        """How many must finish before this one's turn; 0 = it is."""
        with self._lock:
            return max(0, self._tickets.index(ticket) - self._places + 1)


def has_gpu() -> bool:
    """Whether a GPU is here, or can be borrowed."""
    return pick_device().type != "cpu" or borrows_gpu()


def borrows_gpu() -> bool:
    """Whether this is a Space that lends a GPU for each run (ZeroGPU)."""
    return spaces is not None and os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")


def default_encoder() -> str:
    """VGG-19 where a GPU and its weights are; else compact, which is quick and needs no download."""
    try:
        return "vgg19" if has_gpu() and vgg19.find_weights() is not None else "compact"
    except WeightsError:
        return "compact"


def device_name() -> str:
    """Where pictures are computed, in words."""
    device = pick_device()
    if borrows_gpu():
        return "GPU on loan"
    if device.type == "cuda":
        return torch.cuda.get_device_name()
    cores = torch.get_num_threads()
    return "Apple GPU" if device.type == "mps" else f"CPU, {cores} core{'s' if cores > 1 else ''}"


def prepare() -> None:
    """Once at the start: use as many cores as there are for us, let steps keep their memory and an NVIDIA GPU be quick."""
    keep_freed()
    allow_tf32()
    if (cores := os.environ.get("CPU_CORES", "")).isdecimal():
        torch.set_num_threads(max(1, int(cores)))
    limit_threads()
