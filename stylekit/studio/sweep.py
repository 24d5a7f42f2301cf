"""The sweep board: a grid of small pictures through the studio's line, on a visitor's own pictures and settings."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stylekit.errors import PictureError, RecipeError, WorldError
from stylekit.job import Job
from stylekit.objective import Masks
from stylekit.pictures import save_png, save_quickly, to_array
from stylekit.recipe import SETTINGS, STYLE_LAYERS, PerArtwork, PerLayer, Recipe
from stylekit.studio import backends, hosting
from stylekit.studio.backends import here
from stylekit.studio.run import PATIENCE, PREVIEW, Order, Studio, opened, pictures_of
from stylekit.studio.timeline import Moment, save_thumbnail
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
    painting: np.ndarray | None = None
    """of a finished one, (H, W, 3) uint8: what is gone on from, without the colours that were brought back"""


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
                    now = Shown(cell, to_array(frame.image), last, to_array(frame.painting) if last else None)
                    yield [*done, now]
                    done += [now] if last else []


def put_up(studio: Studio, order: Order, shown: Shown) -> Moment:
    """A finished picture of the board as a painting on the easel, to be gone on with. Raises WorldError."""
    assert order.content and shown.painting is not None
    recipe, image = shown.cell.job.recipe, _image(shown.picture)
    try:
        folder = studio.folder()
        path, plain, before = folder / "1" / "stylekit.png", folder / "1" / "plain.webp", folder / "photo.webp"
        path.parent.mkdir()
        save_png(path, image, recipe_json=recipe.to_json())
        save_quickly(plain, _image(shown.painting))
        save_quickly(before, opened(order.content, recipe.size).image)
        thumbnail = save_thumbnail(path.with_name("thumbnail.jpg"), image)
    except (OSError, PictureError) as error:
        raise WorldError(studio.words("error.not_kept")) from error
    made_of, size = (order.content, *order.styles), max(image.shape[2:])
    return Moment(path, thumbnail, plain, before, recipe, made_of, recipe.all_steps, size, 0, sources=order.sources)


def _image(picture: np.ndarray) -> Tensor:
    """(1, 3, H, W) of (H, W, 3) uint8."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float() / 255
