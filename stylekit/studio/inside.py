"""Looking inside on a visitor's own pictures: small runs through the studio's line, and what explore says of them."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stylekit import explore
from stylekit.encoders import Encoder
from stylekit.errors import BusyError, RecipeError
from stylekit.explore import Box, Example, Pull, Reconstruction, Shuffled
from stylekit.job import Job
from stylekit.objective import Masks
from stylekit.pictures import to_array
from stylekit.pyramid import scaled
from stylekit.recipe import Recipe
from stylekit.resize import fit
from stylekit.studio import backends, hosting
from stylekit.studio.backends import here
from stylekit.studio.run import PATIENCE, PERIOD, Order, Studio, pictures_of
from stylekit.studio.session import Session
from stylekit.transfer import Dials, Frame

SIZE = 192
"""Longest side in pixels at which Gram matrices and pulls are measured: some tenths of a second on two cores."""

LOOKS = threading.BoundedSemaphore(2)
"""Looks of all visitors at a time; a run is not to wait for them."""

Heard = Callable[[], bool]


class Panel(NamedTuple):
    """One picture that forms, and all that is known of it."""

    reconstruction: Reconstruction
    picture: np.ndarray
    """(H, W, 3) uint8"""
    done: float
    """share of its steps"""


def layers(studio: Studio, order: Order, heard: Heard = lambda: True) -> Generator[list[Panel], None, None]:
    """The figure of what each layer sees, panel by panel; an empty list while it waits. Raises StylekitError."""
    made = [(r, r.recipe) for r in explore.reconstructions(order.recipe)]
    yield from _painted(studio, order, made, heard)


def texture(studio: Studio, order: Order, layer: str, heard: Heard = lambda: True) -> Generator[list[Panel], None, None]:
    """A picture from one layer's statistics alone. Raises StylekitError."""
    recipe = explore.from_style(replace(order.recipe, statistic="gram", formulation="relative"), [layer], steps=80)
    yield from _painted(studio, order, [(Reconstruction("style", (layer,), recipe), recipe)], heard)


def _painted(
    studio: Studio, order: Order, made: list[tuple[Reconstruction, Recipe]], heard: Heard
) -> Generator[list[Panel], None, None]:
    """Paint these one after the other, where and when the studio's runs are painted."""
    panels: list[Panel] = []
    yield []  # early, so that a cancel finds something to close
    with studio.line.ticket() as ticket:
        while studio.line.ahead(ticket):
            if not heard():
                return
            threading.Event().wait(PATIENCE)
            yield []
        _fetched(order.recipe)
        for reconstruction, recipe in made:
            content, styles = _pictures(studio, order, recipe)
            frames = backends.frames(Job(content, styles, recipe), Dials(recipe.weights))
            assert isinstance(frames, Generator)
            with closing(frames):
                for panel in _panels(reconstruction, frames):
                    if not heard():
                        return
                    yield [*panels, panel]
            panels.append(panel)


def _panels(reconstruction: Reconstruction, frames: Iterator[Frame]) -> Iterator[Panel]:
    """As many of the frames as a page shows, and the last."""
    shown = -1.0
    for frame in frames:
        last = frame.step == frame.steps
        if last or (frame.step and frame.seconds - shown >= PERIOD):
            shown = frame.seconds
            yield Panel(reconstruction, to_array(frame.image), frame.step / frame.steps)


def _pictures(studio: Studio, order: Order, recipe: Recipe) -> tuple[Tensor, list[Tensor]]:
    """The visitor's photo and first artwork. Raises RecipeError where one is missing."""
    if order.content is None or not order.styles:
        raise RecipeError(studio.words("error.two_pictures"))
    content, styles = pictures_of(order.content, order.styles[:1], recipe)
    return content.image, styles


def _fetched(recipe: Recipe) -> None:
    for _ in here.fetch(recipe.encoder):
        pass


def _encoder(recipe: Recipe) -> Encoder:
    """The studio's own; where a GPU is lent for runs alone, on the CPU."""
    _fetched(recipe)
    return here.encoder(recipe.encoder, "cpu" if hosting.borrows_gpu() else None).variant(recipe.padding, recipe.pooling)


@contextmanager
def _looking(studio: Studio) -> Iterator[None]:
    """A place among those who look. Raises BusyError when all are taken for long."""
    if not LOOKS.acquire(timeout=10):
        raise BusyError(studio.words("inside.busy"))
    try:
        yield
    finally:
        LOOKS.release()


# ------------------------------------------------------------------------------------------------------------ Gram matrices


class Matrices(NamedTuple):
    """A layer's Gram matrices, and what excites each of its channels."""

    layer: str
    grams: Mapping[str, Tensor]
    """{"photo", "artwork" and, if there is one, "painting": (C, C)}"""
    boxes: list[Box]
    """the patch of the artwork that excites each channel most"""
    artwork: Tensor
    """(1, 3, H, W), as it was looked at"""


def matrices(studio: Studio, session: Session, order: Order, layer: str) -> Matrices:
    """Look at a layer of photo, artwork and the painting on the easel. Raises StylekitError."""
    with _looking(studio):
        encoder = _encoder(order.recipe)
        photo, artwork = _small_pictures(studio, order)
        seen = {"photo": photo, "artwork": artwork}
        if (canvas := session.kept()) is not None:
            seen["painting"] = pictures_of(str(canvas.path), [], replace(order.recipe, size=SIZE))[0].image
        grams = {name: explore.gram(picture.to(encoder.device), layer, encoder).cpu() for name, picture in seen.items()}
        channels = range(len(grams["artwork"]))
        boxes = explore.most_exciting(artwork.to(encoder.device), layer, channels, encoder)
        return Matrices(layer, grams, boxes, artwork)


def shuffled(studio: Studio, order: Order, layer: str) -> Shuffled:
    """The artwork's places in disorder. Raises StylekitError."""
    with _looking(studio):
        encoder = _encoder(order.recipe)
        return explore.shuffled(_small_pictures(studio, order)[1].to(encoder.device), layer, encoder)


def example(studio: Studio, order: Order, at: tuple[float, float]) -> tuple[Example, Tensor]:
    """The worked example at a place of the photo, as shares (down, right) of it, and its pixels (3, 4, 4)."""
    with _looking(studio):
        encoder = _encoder(order.recipe)
        photo = _small_pictures(studio, order)[0]
        row, column = (
            max(0, min(side - explore.EXAMPLE, round(share * side - explore.EXAMPLE / 2)))
            for share, side in zip(at, photo.shape[2:], strict=True)
        )
        crop = photo[0, :, row : row + explore.EXAMPLE, column : column + explore.EXAMPLE]
        return explore.worked_example(photo.to(encoder.device), encoder, row, column), crop


def _small_pictures(studio: Studio, order: Order) -> tuple[Tensor, Tensor]:
    content, styles = _pictures(studio, order, replace(order.recipe, size=SIZE))
    return content, fit(styles[0], scaled(styles[0].shape[2:], SIZE))


# -------------------------------------------------------------------------------------------------------------- who pulls


def pulls(studio: Studio, session: Session, order: Order) -> dict[str, Pull] | None:
    """How each term pulls at the picture that is painted now, or at the one on the easel; None where there is none.

    Measured at SIZE pixels at most. Raises StylekitError.
    """
    with _looking(studio):
        going_on = session.watched
        if going_on is not None:
            job, painting, weights = going_on
        elif (canvas := session.kept()) is not None:
            recipe = replace(order.recipe, size=SIZE, init="content", keyframes=(), repeats=0)
            weights, painting = recipe.weights, pictures_of(str(canvas.path), [], recipe)[0].image
            if order.content is None or not order.styles:
                raise RecipeError(studio.words("error.two_pictures"))
            content, styles = pictures_of(order.content, order.styles, recipe)
            masks = order.drawings.masks() if order.drawings else None
            job = Job(content.image, styles, recipe, masks or Masks())
        else:
            return None
        height, width = painting.shape[2:]
        small = fit(painting, scaled((height, width), min(SIZE, max(height, width))))
        return explore.pulls(job, small, weights, _encoder(job.recipe))


def heat(where: Tensor) -> np.ndarray:
    """A map (H, W) as grey values (H, W) uint8; its strongest hundredth is white."""
    top = torch.quantile(where.flatten(), 0.99).clamp_min(1e-30)
    return np.asarray((where / top).clamp(0, 1).mul(255).round().to(torch.uint8).cpu())
