"""A visitor's short clip, painted through the studio's line: picture by picture, and at the end, whenever that is, the film."""

import shutil
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stylekit.clip import Camera, Clip
from stylekit.errors import RecipeError
from stylekit.pictures import to_array
from stylekit.recipe import Recipe
from stylekit.reel import Reel
from stylekit.studio import hosting
from stylekit.studio.backends import here
from stylekit.studio.film import Films
from stylekit.studio.run import PATIENCE, Order, Studio, opened, pictures_of
from stylekit.video import Video, filmed

SIZES = (192, 256, 384, 512)
"""Longest sides of a film to choose from, in pixels."""

MOMENT = 0.7
"""Seconds between two looks at a picture that is painted."""


@dataclass(frozen=True)
class Wish:
    """What is to be painted as a film."""

    clip: str | None
    """the path of an upload; None for the photo, over which a camera moves"""
    move: str
    """of the camera"""
    seconds: float
    begin: float = 0.0
    """where in the clip"""
    size: int = SIZES[1]


class Shown(NamedTuple):
    """What there is to see."""

    picture: np.ndarray | None = None
    """(H, W, 3) uint8"""
    number: int = 0
    """of the picture that is painted, from 1 on"""
    of: int = 0
    """pictures in all, as far as the clip says it"""
    left: float = 0.0
    """seconds to the end, once that can be said"""


def paint(studio: Studio, films: Films, order: Order, wish: Wish, stopped: Callable[[], bool]) -> Generator[Shown, None, None]:
    """Paint the film; at the end, or once `stopped`, `films.made` is the film of what was painted, if anything was.

    Raises StylekitError; close it to give it up.
    """
    yield Shown()  # early, so that a cancel finds something to close
    with studio.line.ticket() as ticket:
        while studio.line.ahead(ticket):
            if stopped():
                return
            time.sleep(PATIENCE)
            yield Shown()
        for _ in here.fetch(order.recipe.encoder):
            pass
        folder = studio.folder()
        try:
            yield from _painted(studio, films, order, wish, stopped, folder)
        finally:
            if films.made is None or films.made.parent != folder:
                shutil.rmtree(folder, ignore_errors=True)


def _painted(
    studio: Studio, films: Films, order: Order, wish: Wish, stopped: Callable[[], bool], folder: Path
) -> Generator[Shown, None, None]:
    video, source = Video(_recipe(studio, order, wish)), _source(studio, order, wish)
    assert order.content
    _, styles = pictures_of(order.content, order.styles, video.recipe)
    encoder = here.encoder(video.recipe.encoder, "cpu" if hosting.borrows_gpu() else None)
    reel = Reel(folder / "stylekit.mp4", {})
    count = max(1, round((source.seconds or wish.seconds) * source.rate))
    began, shown, deadline = time.monotonic(), 0.0, time.monotonic() + studio.limits.max_seconds
    for shot in filmed(source, styles, video, encoder=encoder):
        now = time.monotonic()
        if shot.finished:
            reel.add(shot)
        if shot.finished or now - shown > MOMENT:
            shown = now
            left = (now - began) / len(reel) * max(0, count - len(reel)) if len(reel) > 1 else 0.0
            yield Shown(to_array(shot.frame.image), shot.number + 1, count, left)
        if stopped() or now > deadline:
            if not len(reel):  # even of one picture that is not finished, something is kept
                reel.add(shot)
            break
    if len(reel):
        reel.write(source.rate, source if isinstance(source, Clip) else None)
        reel.delete()
        films.replace(reel.film)


def _recipe(studio: Studio, order: Order, wish: Wish) -> Recipe:
    """The recipe of the page, as a film is painted."""
    if order.content is None or not order.styles:
        raise RecipeError(studio.words("error.two_pictures"))
    if order.recipe.init == "image" or order.recipe.tiling:
        raise RecipeError(studio.words("video.no_start"))
    size = min(wish.size, studio.limits.max_size)
    recipe = replace(order.recipe, size=size, keyframes=(), repeats=0, until=1.0)
    studio.limits.check(recipe, len(order.styles))
    return recipe


def _source(studio: Studio, order: Order, wish: Wish) -> Clip | Camera:
    """The part of the clip, or the photo and the camera."""
    assert order.content
    seconds, size = min(wish.seconds, studio.limits.max_clip_seconds), min(wish.size, studio.limits.max_size)
    if wish.clip is None:
        return Camera(opened(order.content, 2 * size, enlarge=False).image, size, wish.move, seconds)
    return Clip(wish.clip, size, wish.begin, wish.begin + seconds)
