"""The sweep board: a grid of small pictures through the studio's line, on a visitor's own pictures and settings."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from stylekit.errors import RecipeError
from stylekit.job import Job
from stylekit.objective import Masks
from stylekit.pictures import to_array
from stylekit.recipe import SETTINGS, STYLE_LAYERS, PerArtwork, PerLayer, Recipe
from stylekit.studio import backends, hosting
from stylekit.studio.backends import here
from stylekit.studio.run import PATIENCE, PREVIEW, Order, Studio, opened, pictures_of
from stylekit.sweep import LETTERS, Axis, Cell, finished, grid
from stylekit.transfer import Dials

SIZE, STEPS = 160, 60
"""Of every picture: two or three seconds on two cores."""

MOST_CELLS = 16
"""Pictures of a board: others wait as long as it paints."""

MOMENT = 1.0
"""Seconds between two looks at a picture that is painted: all pictures are sent each time."""

LEFT_OUT = ("encoder", "size", "steps", "repeats", "until", "keyframes")
"""Settings that a board does not vary: they change how long it takes, or say what became of a run."""


class Shown(NamedTuple):
    """A picture of the board."""

    cell: Cell
    picture: np.ndarray
    """(H, W, 3) uint8"""
    finished: bool


def names(artworks: int = len(LETTERS)) -> list[str]:
    """What may be varied: the style layers, all plain settings, and of parts those of so many artworks."""
    found = [name for name, kind in SETTINGS.items() if name not in LEFT_OUT and not isinstance(kind, PerLayer | PerArtwork)]
    each = [name for name, kind in SETTINGS.items() if isinstance(kind, PerArtwork)]
    return [*STYLE_LAYERS, *found, *(f"{name}.{letter}" for name in each for letter in LETTERS[:artworks])]


def board(
    studio: Studio, order: Order, rows: Axis, columns: Axis | None, heard: Callable[[], bool] = lambda: True
) -> Generator[list[Shown], None, None]:
    """Paint the grid, as it fills; an empty list while it waits. Raises StylekitError; close it to stop."""
    yield []  # early, so that a cancel finds something to close
    for axis in (rows, columns):
        if axis and axis.name not in names():
            raise RecipeError(studio.words("sweep.left_out", name=axis.name))
    order = replace(order, recipe=small(order.recipe, studio))
    with studio.line.ticket() as ticket:
        while studio.line.ahead(ticket):
            if not heard():
                return
            time.sleep(PATIENCE)
            yield []
        for _ in here.fetch(order.recipe.encoder):
            pass
        yield from _painted(_cells(studio, order, rows, columns), time.monotonic() + studio.limits.max_seconds, heard)


def small(recipe: Recipe, studio: Studio) -> Recipe:
    """The recipe as a board paints it."""
    size, steps = min(SIZE, recipe.size, studio.limits.max_size), min(STEPS, recipe.steps, studio.limits.max_steps)
    return replace(recipe, size=size, steps=steps, keyframes=(), repeats=0, until=1.0)


def _cells(studio: Studio, order: Order, rows: Axis, columns: Axis | None) -> Sequence[Cell]:
    """The jobs, all checked before the first is painted."""
    if order.content is None or not order.styles:
        raise RecipeError(studio.words("error.two_pictures"))
    recipe = order.recipe
    content, styles = pictures_of(order.content, order.styles, recipe)
    if recipe.init == "image" and not order.start:
        raise RecipeError(studio.words("error.start"))
    start = opened(order.start, recipe.size).image if order.start and recipe.init == "image" else None
    palette = opened(order.palette, PREVIEW).image if order.palette else None
    masks = order.drawings.masks() if order.drawings else None
    cells = grid(Job(content.image, styles, recipe, masks or Masks(), start, palette), rows, columns)
    if len(cells) > MOST_CELLS:
        raise RecipeError(studio.words("sweep.too_many", most=MOST_CELLS, count=len(cells)))
    encoder = here.encoder(recipe.encoder, "cpu" if hosting.borrows_gpu() else None)
    for cell in cells:
        studio.limits.check(cell.job.recipe, len(styles))
        cell.job.check(encoder)
    return cells


def _painted(cells: Sequence[Cell], deadline: float, heard: Callable[[], bool]) -> Iterator[list[Shown]]:
    done: list[Shown] = []
    shown = 0.0
    for cell in cells:
        frames = backends.frames(cell.job, Dials(cell.job.recipe.weights))
        assert isinstance(frames, Generator)
        with closing(frames):
            for frame in frames:
                if not heard() or time.monotonic() > deadline:
                    return
                last = finished(frame)
                if last or (frame.step and time.monotonic() - shown > MOMENT):
                    shown = time.monotonic()
                    yield [*done, (now := Shown(cell, to_array(frame.image), last))]
                    done += [now] if last else []
