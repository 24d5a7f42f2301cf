"""Job: all that a run needs, as one value: pictures, masks and recipe. Checked once, here; can be pickled and sent elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from stylekit.encoders import Encoder
from stylekit.errors import RecipeError, SizeError
from stylekit.objective import Held, Masks, padded
from stylekit.pyramid import REPEATED, Level, levels, longest_for, scaled
from stylekit.recipe import MOST_STYLES, PALETTE_METHODS, Keyframe, Recipe, Weights
from stylekit.resize import fit

ASPECT = 0.05
"""How far the aspect ratios of a mask and its picture may lie apart: small copies are rounded to whole pixels."""

LONGEST_STYLE = 16_384
"""Pixels that a very elongated style picture may be enlarged to, so that its short side is enough for the encoder."""


@dataclass(frozen=True, eq=False)
class Job:
    """Paint `content` in the style of `styles` as `recipe` says. Raises RecipeError and SizeError where that cannot be.

    Images are float tensors (1, 3, H, W), sRGB in [0, 1], of any size. The result has the content's aspect ratio and
    `recipe.size` pixels on its longest side; of a recipe with tiling, both sides are rounded to whole multiples of the deepest
    layer's stride (16 for relu5_1), which alone tile exactly.
    """

    content: Tensor
    styles: Sequence[Tensor]
    """one to four"""
    recipe: Recipe
    masks: Masks = field(default_factory=Masks)
    start: Tensor | None = None
    """what init "image" begins with; or the painting as it was after `done` steps"""
    palette: Tensor | None = None
    """whose colours are brought back; None = the content's"""
    done: int = 0
    """steps of the recipe that were taken before: the run is resumed behind them"""
    held: Held | None = None
    """of a picture of a clip: what it is held to"""

    def __post_init__(self) -> None:
        _check_pictures(self.content, self.styles, self.start, self.palette)
        _check_masks(self.masks, self.content, self.styles)
        if self.held is not None:
            _check_values(self.held.picture, "picture", 3)
            _check_values(self.held.where, "mask", 1)
        for name in ("style_shares", "style_scales"):
            if len(getattr(self.recipe, name)) > len(self.styles):
                count = len(getattr(self.recipe, name))
                raise RecipeError(f"{name} has {count} numbers for {len(self.styles)} style pictures.")
        if self.palette is not None and self.recipe.color_method not in PALETTE_METHODS:
            raise RecipeError(
                f"The colour method {self.recipe.color_method} takes the photo's colours; with a palette, choose another such as "
                "linear."
            )
        if not 0 <= self.done <= self.recipe.all_steps:
            raise RecipeError(f"The recipe has {self.recipe.all_steps} steps; {self.done} cannot have been taken.")
        if (self.recipe.init == "image" or self.done > 0) != (self.start is not None):
            raise RecipeError("Init image needs a picture to start from, and only that init takes one.")

    def check(self, encoder: Encoder) -> None:
        """Raises RecipeError or SizeError if this encoder cannot judge these pictures as the recipe asks."""
        recipe = self.recipe
        if encoder.name != recipe.encoder:
            raise RecipeError(f"The recipe asks for the encoder {recipe.encoder}, but {encoder.name} was given.")
        layers = encoder.check_layers([*recipe.content_losses, *recipe.layer_weights])
        encoder.variant(recipe.padding, recipe.pooling)
        encoder.check_size(*scaled(self.content.shape[2:], recipe.size), layers)
        for style in self.styles:
            if longest_for(style.shape[2:], encoder.smallest_side(layers)) > LONGEST_STYLE:
                raise SizeError(
                    f"A style picture of {style.shape[3]}x{style.shape[2]} pixels is too elongated; cut a part out of it."
                )

    def levels(self, encoder: Encoder) -> list[Level]:
        """The sizes of the run and the steps at each: from small to large, then, for each repeat, the last two once more."""
        recipe, smallest = self.recipe, self._smallest(encoder)
        plan = levels(recipe.size, recipe.steps, max(recipe.coarsest, longest_for(self.content.shape[2:], smallest)))
        repeat = levels(recipe.size, recipe.steps_of_a_repeat, plan[-REPEATED:][0].size)
        return plan + recipe.repeats * repeat

    def size(self, longest: int, encoder: Encoder) -> tuple[int, int]:
        """(height, width) of the painting at a level of so many pixels on its longest side."""
        return scaled(self.content.shape[2:], longest, self._smallest(encoder) if self.recipe.tiling else 1)

    def _smallest(self, encoder: Encoder) -> int:
        """The deepest layer's stride: only whole ones of it fit without a seam."""
        return encoder.smallest_side([*self.recipe.content_losses, *self.recipe.layer_weights])

    @property
    def colors(self) -> Tensor:
        """The picture whose colours are brought back."""
        return self.content if self.palette is None else self.palette

    @property
    def places(self) -> tuple[Tensor | None, ...]:
        """Where on the content each artwork applies, on the CPU, None for everywhere; nothing if none has a mask."""
        masks = self.masks.on(torch.device("cpu")).content
        return tuple(padded(masks, len(self.styles), None)) if any(mask is not None for mask in masks) else ()

    def kept(self, size: tuple[int, int]) -> tuple[Tensor, Tensor] | None:
        """(the content, where it is kept), at `size`; None where it is kept nowhere."""
        mask = self.masks.keep
        return None if mask is None else (fit(self.content.detach().float(), size), fit(mask.detach().float(), size))

    @property
    def played(self) -> tuple[Keyframe, ...]:
        """The keyframes of the steps that were taken before; the last may be of the moment at which it is resumed."""
        steps = self.recipe.all_steps
        return tuple(k for k in self.recipe.keyframes if self.done and k.step(steps) <= self.done)

    @property
    def weights(self) -> Weights:
        """Those that it begins with."""
        return self.recipe.weights_at(self.done) if self.done else self.recipe.weights


def _check_pictures(content: Tensor, styles: Sequence[Tensor], *others: Tensor | None) -> None:
    if isinstance(styles, Tensor):
        raise RecipeError("The styles are a list of pictures, such as [style].")
    if not 1 <= len(styles) <= MOST_STYLES:
        raise RecipeError(f"Give at least one style picture, and at most {MOST_STYLES}, not {len(styles)}.")
    for picture in (content, *styles, *(other for other in others if other is not None)):
        _check_values(picture, "picture", 3)


def _check_masks(masks: Masks, content: Tensor, styles: Sequence[Tensor]) -> None:
    for group in (masks.content, masks.style):
        if len(group) > len(styles):
            raise RecipeError(f"There are {len(group)} masks for {len(styles)} styles; give each style one, or None.")
    on_content = [(mask, content) for mask in (*masks.content, masks.keep)]
    for mask, picture in (*on_content, *zip(masks.style, styles, strict=False)):
        if mask is None:
            continue
        _check_values(mask, "mask", 1)
        (height, width), (rows, columns) = mask.shape[2:], picture.shape[2:]
        if abs(height * columns - width * rows) > max(height * columns, width * rows) * ASPECT:
            raise SizeError(
                f"A mask of {width}x{height} pixels does not fit a picture of {columns}x{rows}; give it the same aspect ratio."
            )
    if any(mask is not None and not mask.any() for mask in masks.style):
        raise RecipeError("A mask on an artwork leaves nothing of it to look at; paint some of it white, or give None.")


def _check_values(picture: Tensor, kind: str, channels: int) -> None:
    if picture.ndim != 4 or picture.shape[:2] != (1, channels) or not picture.numel() or not picture.is_floating_point():
        raise SizeError(f"A {kind} is a float tensor of shape (1, {channels}, H, W), not {picture.dtype} {tuple(picture.shape)}.")
    if not bool(picture.isfinite().all()) or picture.min() < 0 or picture.max() > 1:
        raise SizeError(f"A {kind} has finite values between 0 and 1.")
