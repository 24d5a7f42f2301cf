"""Style transfer as a generator: `stylize` gives a Frame after every step, and reads the dials before every step.

Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576) and "Image Style Transfer Using Convolutional
Neural Networks" (CVPR 2016): the pixels themselves are optimised until a network sees the photo's content and the artwork's
style in them. Where this departs from the papers:

- every loss is relative (see statistics.py and formulations.py), so that a weight means the same at every size, for every
  encoder and picture;
- from coarse to fine (see pyramid.py), which is where long strokes and speed come from;
- the mean and the covariance of the features by default, the Gram matrix on request;
- the weights may be turned while it runs, and what was turned is recorded and can be played again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from stylekit.color import chroma_moments, cleaned, matched, matched_in_places, recolored
from stylekit.encoders import Encoder
from stylekit.job import Job
from stylekit.objective import Objective, padded, with_kept
from stylekit.optimizers import OPTIMIZERS, Losses, Optimizer
from stylekit.pyramid import Level, part
from stylekit.recipe import Keyframe, Recipe, Weights, check_same_layers
from stylekit.resize import fill, fit, tile, tiles
from stylekit.statistics import Moments, mix
from stylekit.variables import VARIABLES

IN_THE_FRAME = ("color_strength", "match_color", "clean_color")
"""Weights of what becomes of the colours in the frame, not in the painting."""


class Dials:
    """The weights that may be turned while it runs: assign `dials.weights` from any thread; the next step uses them.

    A plain value without a lock. Weights for other layers than at first raise RecipeError where they are assigned.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    @property
    def weights(self) -> Weights:
        """The weights of the next step."""
        return self._weights

    @weights.setter
    def weights(self, weights: Weights) -> None:
        check_same_layers(self._weights, weights)
        self._weights = weights


@dataclass(frozen=True, eq=False)
class Frame:
    """What a step shows. Cheap to make and to skip: it holds tensors on the device; reading `losses` or `image` is what costs."""

    step: int
    """0 is the starting picture, before any step"""
    steps: int
    level: int
    """1 is the smallest size"""
    plan: tuple[Level, ...]
    """the sizes of the whole run and the steps at each"""
    painting: Tensor
    """(1, 3, H, W), sRGB in [0, 1], this frame's own: what is optimised, before the photo is kept and colours are brought back"""
    terms: Losses
    """unweighted, as scalars on the device: content, style, tv and each layer's, without those whose weight is 0

    Of this painting; but L-BFGS does not clamp its pixels to [0, 1], so its losses are those of it before clamping; and with
    averaging they are those of the picture that went into the average last."""
    weights: Weights
    """those that led to this painting"""
    seconds: float
    """of computing since the beginning; the consumer's time between frames does not count"""
    begun_with: Recipe
    """the recipe, with the weights of the beginning"""
    keyframes: tuple[Keyframe, ...] = ()
    """what was turned up to here"""
    stuck: bool = False
    """whether no move lowers the loss any more: nothing changes until the weights or the size do"""
    colors: Tensor | None = None
    """whose colours are brought back, with `weights.color_strength` and `color_method`"""
    color_method: str = "luminance"
    artworks: tuple[Moments, ...] = ()
    """the artworks' colours, which are taken in the shares of `weights`"""
    places: tuple[Tensor | None, ...] = ()
    """with masks, the place of each artwork, (1, 1, h, w) in [0, 1], or None for all of the picture"""
    kept: tuple[Tensor, Tensor] | None = None
    """the photo and its mask, where it stays as it is whatever becomes of the colours"""

    @cached_property
    def image(self) -> Tensor:
        """(1, 3, H, W), sRGB in [0, 1]: the painting with the photo where it is kept, and the colours that were asked for."""
        tiling, weights = self.weights.tiling, self.weights
        image = self.painting if self.kept is None else with_kept(self.painting, self.kept, tiling)
        shares = padded(weights.style_shares, len(self.artworks), 1.0)
        artwork = mix(self.artworks, shares) if self.artworks else None
        painted = image
        if artwork is not None and weights.style_weight:
            elsewhere = None if self.kept is None else 1 - self.kept[1].cpu()
            if self.places:
                places = tuple(place if place is None else fit(place, (image.shape[2], image.shape[3])) for place in self.places)
                painted = matched_in_places(image, self.artworks, places, shares, weights.match_color, elsewhere)
            else:
                painted = matched(image, artwork, weights.match_color, elsewhere)
        painted = cleaned(painted, weights.clean_color, tiling)
        if self.colors is not None and weights.color_strength:
            colors = tile(self.colors) if tiling else self.colors
            painted = recolored(painted, colors, self.color_method, weights.color_strength, artwork, tiling)
        return painted if self.kept is None or painted is image else with_kept(painted, self.kept, tiling)

    @property
    def levels(self) -> int:
        """How many sizes the run has."""
        return len(self.plan)

    @cached_property
    def losses(self) -> dict[str, float]:
        """`terms` as numbers, read in one go; waits for the device."""
        return dict(zip(self.terms, torch.stack([*self.terms.values()]).cpu().tolist(), strict=True)) if self.terms else {}

    @property
    def recipe(self) -> Recipe:
        """The recipe that paints this picture again, up to this step, with all that was turned on the way."""
        until = self.step / self.steps if self.step < self.steps else 1.0
        return replace(self.begun_with, keyframes=self.keyframes, until=until)


class Turn(NamedTuple):
    """What the next step is to do."""

    weights: Weights
    resumed: bool = False
    """whether the optimiser begins anew, from the picture alone"""
    rounded: bool = False
    """whether that picture is one of 8 bits"""


class Performance:
    """Plays a recipe's keyframes on the dials, until a hand turns them, and records every turn."""

    def __init__(self, job: Job, dials: Dials) -> None:
        self._dials, self._steps = dials, job.recipe.all_steps
        self._due = {k.step(self._steps): k for k in job.recipe.keyframes[len(job.played) :]}
        self._last = job.weights if job.done else dials.weights
        self.keyframes = job.played
        """what was turned up to now"""

    def turn(self, step: int) -> Turn:
        """What to do after `step` steps."""
        if self._dials.weights != self._last:  # a hand on the dials ends the playing
            self._due.clear()
        keyframe = self._due.pop(step, None)
        if keyframe is not None:
            self._dials.weights = keyframe.weights
        how = (keyframe.resumed, keyframe.rounded) if keyframe else (False, False)
        turn = Turn(self._dials.weights, *how)
        if turn.weights != self._last or turn.resumed:
            self.keyframes = (*self.keyframes, Keyframe(step / self._steps, turn.weights, *how))
        self._last = turn.weights
        return turn


class Step(NamedTuple):
    """What `descend` says after a step."""

    number: int
    level: int
    objective: Objective
    weights: Weights
    seconds: float


def descend(
    optimizer: Optimizer,
    plan: Sequence[Level],
    objective_at: Callable[[int], Objective],
    turn_at: Callable[[int], Turn],
    done: int = 0,
    weights: Weights | None = None,
) -> Iterator[Step]:
    """Go down the plan's levels with the optimiser, a step at a time, from the smallest size to the largest.

    `objective_at(longest)` is the loss for pictures with so many pixels on their longest side; `turn_at(step)` says before each
    step what to do. Counts from `done`; `weights` are those that the optimiser's picture was made with, if it was made before.
    Levels without steps are passed over.
    """
    step, seconds = done, 0.0
    for number, level in enumerate(plan, start=1):
        if not level.steps:
            continue
        began = time.perf_counter()
        objective = objective_at(level.size)
        for _ in range(level.steps):
            turn = turn_at(step)
            if turn.resumed:  # before the size changes: what is continued is a picture of the size before
                optimizer.restart(turn.rounded)
            if objective.size != optimizer.variables.size:
                optimizer.size_changed(objective.size, wrap=weights is not None and weights.tiling)
            if not turn.resumed and weights is not None and not same_loss(turn.weights, weights):
                optimizer.objective_changed()
            weights = turn.weights
            optimizer.step(partial(objective, weights=weights))
            step += 1
            seconds += time.perf_counter() - began
            yield Step(step, number, objective, weights, seconds)
            began = time.perf_counter()


def same_loss(weights: Weights, others: Weights) -> bool:
    """Whether the loss is the same with both."""
    return replace(weights, **{name: getattr(others, name) for name in IN_THE_FRAME}) == others


def paint(job: Job, *, encoder: Encoder, dials: Dials | None = None) -> Iterator[Frame]:
    """Carry out a job: frame 0 comes at once, then one after each step; close the generator to stop.

    `dials` (default: the job's weights) is read before each step. Checks everything now, before it returns: RecipeError,
    SizeError; DivergedError later if the losses are not finite.
    """
    job.check(encoder)
    dials = dials or Dials(job.weights)
    check_same_layers(job.weights, dials.weights)
    return _frames(job, encoder, dials)


def _frames(job: Job, encoder: Encoder, dials: Dials) -> Iterator[Frame]:
    recipe, device = job.recipe, encoder.device
    content, *styles = (picture.detach().to(device, torch.float32) for picture in (job.content, *job.styles))
    plan, masks = job.levels(encoder), job.masks.on(device)
    level = next(n for n, level in enumerate(part(plan, max(0, job.done - 1), recipe.all_steps)) if level.steps)
    start = _first_image(job, content, styles, job.size(plan[level].size, encoder))
    optimizer = OPTIMIZERS[recipe.optimizer](VARIABLES[recipe.variables](start), recipe.averaging)
    performance = Performance(job, dials)
    begun_with = recipe if job.done else recipe.with_weights(dials.weights)
    colors = job.colors.detach().float()  # on the CPU, where a picture goes to be seen
    on_styles = padded(job.masks.on(torch.device("cpu")).style, len(styles), None)
    artworks = tuple(chroma_moments(s.detach().cpu().float(), m) for s, m in zip(job.styles, on_styles, strict=True))
    kept_at = lru_cache(maxsize=1)(job.kept)

    def frame(step: int, level: int, weights: Weights, seconds: float) -> Frame:
        return Frame(
            step=step,
            steps=recipe.all_steps,
            level=level,
            plan=tuple(plan),
            painting=optimizer.image,
            terms=optimizer.losses,
            weights=weights,
            seconds=seconds,
            begun_with=begun_with,
            keyframes=performance.keyframes,
            stuck=optimizer.stuck,
            colors=colors,
            color_method=recipe.color_method,
            artworks=artworks,
            places=job.places,
            kept=kept_at(optimizer.variables.size),
        )

    def objective_at(longest: int) -> Objective:
        smaller = recipe.size / longest
        return Objective(fit(content, job.size(longest, encoder)), styles, recipe, encoder, masks, job.held, smaller)

    yield frame(job.done, level + 1, dials.weights, 0.0)
    remaining = part(plan, job.done, round(recipe.until * recipe.all_steps))
    before = recipe.weights_at(job.done - 1) if job.done else dials.weights
    for step in descend(optimizer, remaining, objective_at, performance.turn, job.done, before):
        yield frame(step.number, step.level, step.weights, step.seconds)


def _first_image(job: Job, content: Tensor, styles: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """What the painting starts from (1, 3, *size)."""
    recipe = job.recipe
    if job.start is not None:
        image = fill(job.start.detach().to(content.device, torch.float32), size)
        return tile(image) if recipe.tiling and not job.done and not tiles(image) else image
    if recipe.init == "noise":  # drawn on the CPU, so that a seed means the same on every device
        return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(recipe.seed)).to(content.device)
    image = fill(styles[0], size) if recipe.init == "style" else fit(content, size)
    return tile(image) if recipe.tiling else image


def stylize(
    content: Tensor,
    styles: Sequence[Tensor],
    recipe: Recipe,
    *,
    encoder: Encoder,
    dials: Dials | None = None,
    **further: Any,
) -> Iterator[Frame]:
    """Paint `content` (1, 3, H, W) in the style of `styles` (one to four (1, 3, h, w)), all sRGB in [0, 1].

    The short form of `paint(Job(content, styles, recipe, ...), ...)`: `further` are a Job's masks, start and palette.
    Checks everything now, before it returns: RecipeError, SizeError; DivergedError later if the losses are not finite.
    """
    return paint(Job(content, styles, recipe, **further), encoder=encoder, dials=dials)
