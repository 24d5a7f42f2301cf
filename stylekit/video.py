"""Moving pictures: a clip painted picture by picture, each begun with the painting before it, moved to where things are now.

    video = Video(Recipe(size=512))
    for shot in filmed(Clip("walk.mp4", 512), [artwork], video, encoder=encoder):
        if shot.finished:
            ...

Ruder, Dosovitskiy, Brox, "Artistic style transfer for videos" (GCPR 2016): the painting before, carried along the optical flow,
is where the next one begins, and, where the flow can be believed, what it is held to. Places that were hidden for a moment are
held to older paintings, in which they are seen. After a cut it begins anew. Unlike there, what comes into sight for the first
time begins with the clip's own picture in the painting's colours: few steps would not find its shape below what was there before.

Without optical flow, a painting can be held to the painting before plus what changed in the clip (arXiv 2102.05822, there for
networks that are trained to paint): strokes then stay where they are on the screen while things move below them.
"""

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from stylekit.clip import Moment
from stylekit.color import as_saved, linear_map
from stylekit.encoders import Encoder
from stylekit.errors import RecipeError, UsageError
from stylekit.flow import flow, trusted, warp
from stylekit.job import Job
from stylekit.objective import Held
from stylekit.recipe import Recipe
from stylekit.sweep import Axis
from stylekit.transfer import Frame, paint

STEPS = 8
"""Of a picture that begins with the one before it: 12 lower the style loss by 3 per cent and flicker a third more."""

HOLDS = ("flow", "difference", "none")
"""What a painting is held to: the one before, moved; or that plus what changed; or nothing."""

WEIGHT = 2.0
"""Of the temporal loss."""

EARLIER = (1, 2, 4)
"""How many pictures ago those paintings are that one is held to, the nearest first."""

ALIKE, UNLIKE = 0.05, 0.15
"""Mean difference of the colours up to which a place may well be what was moved there, and from which on it is not."""

CUT = 0.35
"""Share of a picture in which the flow can be believed, below which it is another scene."""


@dataclass(frozen=True)
class Video:
    """How a clip is painted. Raises RecipeError and UsageError."""

    recipe: Recipe = field(default_factory=Recipe)
    """of the first picture of each scene, and, but for steps and sizes, of all"""
    steps: int = STEPS
    """of each other picture"""
    hold: str = "flow"
    """one of HOLDS"""
    weight: float = WEIGHT
    """of the temporal loss, 0 to 10,000"""
    turns: tuple[tuple[float, Mapping[str, Any]], ...] = ()
    """(seconds, {setting: number}): what the settings are then; between two such moments they glide"""

    def __post_init__(self) -> None:
        if self.hold not in HOLDS:
            raise RecipeError(f"A painting of a clip is held by one of {', '.join(HOLDS)}, not {self.hold!r}.")
        if not 1 <= self.steps <= 10_000:
            raise RecipeError(f"Each picture of a clip takes from 1 to 10000 steps, not {self.steps}.")
        if not 0 <= self.weight <= 10_000:
            raise RecipeError(f"The weight of the temporal loss lies between 0 and 10000, not {self.weight:g}.")
        recipe = self.recipe
        if recipe.keyframes or recipe.until != 1 or recipe.repeats or recipe.init == "image" or recipe.tiling:
            raise RecipeError("A clip is painted without keyframes, repeats, tiling and a picture to start from.")
        if any(before >= after for (before, _), (after, _) in zip(self.turns, self.turns[1:], strict=False)):
            raise UsageError("What is turned in a clip is given in the order of its seconds, each once.")
        for at, _ in self.turns:
            if not same_but_live(self.recipe_at(at), recipe):
                raise RecipeError("In a clip, only what may be turned while it paints glides, such as style_weight or relu5_1.")

    def recipe_at(self, seconds: float) -> Recipe:
        """The recipe of a moment of the clip."""
        recipe = self.recipe
        for name in {name: None for _, values in self.turns for name in values}:
            known = [(at, float(values[name])) for at, values in self.turns if name in values]
            after = next((n for n, (at, _) in enumerate(known) if at > seconds), len(known))
            if not after:
                continue
            value = known[after - 1][1]
            if after < len(known):
                (at, one), (end, other) = known[after - 1], known[after]
                value = one + (other - one) * (seconds - at) / (end - at)
            recipe = Axis(name, (value,)).applied(recipe, value)
        return recipe


def turned(texts: Sequence[str]) -> tuple[tuple[float, dict[str, float]], ...]:
    """The `turns` of texts such as `5:style_weight=20`; raises RecipeError."""
    turns: dict[float, dict[str, float]] = {}
    for text in texts:
        seconds, colon, said = text.partition(":")
        axis = Axis.of(said) if colon else None
        try:
            at = float(seconds)
            if axis is None or len(axis.values) != 1 or not 0 <= at < math.inf:
                raise ValueError
            turns.setdefault(at, {})[axis.name] = float(axis.values[0])
        except (TypeError, ValueError) as error:
            raise RecipeError(f"{text[:40]!r} must look like 5:style_weight=20, the seconds first.") from error
    return tuple(sorted(turns.items()))


def same_but_live(recipe: Recipe, other: Recipe) -> bool:
    """Whether two recipes differ only in what may be turned while it paints."""
    return recipe.with_weights(other.weights) == other


class Past(NamedTuple):
    """A picture that is painted."""

    source: Tensor
    """(1, 3, H, W): the clip's"""
    painting: Tensor
    """(1, 3, H, W), as 8 bits have it: what the next one goes on from"""


class Shot(NamedTuple):
    """What is shown while a clip is painted."""

    number: int
    """of the clip's pictures, from 0 on"""
    moment: Moment
    frame: Frame
    finished: bool
    """whether it is the last frame of this picture"""
    begins: bool
    """whether a scene begins with it"""


def filmed(
    moments: Iterable[Moment],
    styles: Sequence[Tensor],
    video: Video,
    *,
    encoder: Encoder,
    painted: Mapping[int, Tensor] | None = None,
    first: int = 0,
) -> Iterator[Shot]:
    """Paint a clip; its Shots come while its pictures are painted, the last of each `finished`. Raises as `paint` does.

    `painted` has the finished paintings (1, 3, H, W) of pictures that need not be painted again, by their numbers; `first` is
    that of the first of the moments, with which a scene begins, or which is painted.
    """
    past: deque[Past] = deque(maxlen=max(EARLIER))
    for number, moment in enumerate(moments, first):
        if painted is not None and number in painted:
            past.appendleft(Past(moment.image, painted[number]))
            continue
        job, begins = job_of(moment, list(past), styles, video)
        if begins:
            past.clear()
        frames = paint(job, encoder=encoder)
        assert isinstance(frames, Generator)
        with closing(frames):
            for frame in frames:
                finished = frame.step == frame.steps
                if frame.step:
                    yield Shot(number, moment, frame, finished, begins)
        past.appendleft(Past(moment.image, as_saved(frame.painting)))


def job_of(moment: Moment, past: Sequence[Past], styles: Sequence[Tensor], video: Video) -> tuple[Job, bool]:
    """(how a picture is painted after those `past`, the last first; whether it begins a scene)."""
    size = max(moment.image.shape[2:])
    recipe = replace(video.recipe_at(moment.at), size=size)
    held = held_to(moment.image, past, video)
    if held is None:
        return Job(moment.image, styles, recipe), True
    later = replace(recipe, init="image", steps=video.steps, coarsest=size)
    return Job(moment.image, styles, later, start=held.picture, held=held if held.weight else None), False


def held_to(image: Tensor, past: Sequence[Past], video: Video) -> Held | None:
    """What the next painting begins with, and how far it is held to it; None if a scene begins."""
    if not past:
        return None
    last = past[0]
    back, known = _followed(image, last.source)
    if known.mean() < CUT:
        return None
    if video.hold == "none":
        return Held(last.painting, torch.ones_like(known), 0.0)
    if video.hold == "difference":
        return Held((last.painting + image - last.source).clamp(0, 1), torch.ones_like(known), video.weight)
    picture, where = warp(last.painting, back).clamp(0, 1), known
    for ago in EARLIER[1:]:  # only where no later one is known
        if ago <= len(past) and bool((where < 1).any()):
            older = past[ago - 1]
            back, seen = _followed(image, older.source)
            seen = seen * (1 - where)
            picture = picture.lerp(warp(older.painting, back).clamp(0, 1), seen)
            where = where + seen
    return Held(picture.lerp(_toned(image, last), _new(image, last, 1 - where)), where, video.weight)


def _new(image: Tensor, last: Past, unknown: Tensor) -> Tensor:
    """(1, 1, H, W): where something is that was in none of the paintings, so that they are no beginning for it."""
    moved = warp(last.source, flow(image, last.source))
    return ((moved - image).abs().mean(1, keepdim=True) - ALIKE).div(UNLIKE - ALIKE).clamp(0, 1) * unknown


def _toned(image: Tensor, last: Past) -> Tensor:
    """The clip's picture, with the painting's colours in the place of the clip's."""
    source, painting, colours = (x.flatten(2)[0] for x in (last.source, last.painting, image))
    a, b = linear_map(source, painting, "linear")
    return (a @ colours + b).clamp(0, 1).view_as(image)


def _followed(image: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """(the flow from a picture back to an earlier one, where it can be believed)."""
    back = flow(image, before)
    return back, trusted(back, flow(before, image))


def scenes(moments: Iterable[Moment]) -> list[range]:
    """The numbers of the pictures of each scene: what is painted in one does not depend on the others."""
    begins, count, before = [0], 0, None
    for count, moment in enumerate(moments, 1):
        if before is not None and _followed(moment.image, before)[1].mean() < CUT:
            begins.append(count - 1)
        before = moment.image
    return [range(begin, end) for begin, end in zip(begins, [*begins[1:], count], strict=True)]
