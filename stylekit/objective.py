"""What a painting is compared with, and how far it is from it.

Targets are measured once per size, when they are first needed. The loss is a pure function of the image, its features, the
targets and the coefficients, tensors in and tensors out: so it can be captured, computed in parts or in other precision.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from stylekit import formulations, statistics
from stylekit.edges import edges
from stylekit.encoders import Encoder
from stylekit.errors import RecipeError
from stylekit.formulations import in_gatys_units
from stylekit.optimizers import Losses
from stylekit.pyramid import longest_for, scaled
from stylekit.recipe import EDGES, Recipe, Weights
from stylekit.resize import fit, tile
from stylekit.statistics import guide_at

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Masks:
    """Where each style applies, and where the photo is kept: tensors (1, 1, h, w) in [0, 1]; soft edges are welcome.

    Of any size, but of the aspect ratio of the picture that they belong to; None = everywhere.
    """

    content: Sequence[Tensor | None] = ()
    """on the content, one per style"""
    style: Sequence[Tensor | None] = ()
    """on each style picture: the part of it that is looked at"""
    keep: Tensor | None = None
    """on the content, 1 where it stays as it is"""

    def on(self, device: torch.device) -> "Masks":
        """The same on a device, in single precision."""
        return Masks(
            [_placed(m, device) for m in self.content], [_placed(m, device) for m in self.style], _placed(self.keep, device)
        )


@dataclass(frozen=True, eq=False)
class Held:
    """What a picture of a clip is held to: the painting before it, moved to where things are now."""

    picture: Tensor
    """(1, 3, h, w), sRGB in [0, 1]"""
    where: Tensor
    """(1, 1, h, w) in [0, 1]: how far each place of it is known"""
    weight: float
    """of the temporal loss, at least 0"""

    def at(self, size: tuple[int, int], device: torch.device) -> "Held":
        """The same for paintings of `size`."""
        picture, where = (fit(x.detach().to(device, torch.float32), size) for x in (self.picture, self.where))
        return Held(picture, where, self.weight)


HELD_UNIT = 0.01
"""Mean squared difference, of values in [0, 1], that is a temporal loss of 1."""


class StyleTarget(NamedTuple):
    """What a layer of the painting is compared with, and where."""

    measured: Any
    """of the style, as the loss of the recipe's statistic takes it"""
    guide: Tensor | None
    """(1, 1, h, w): how much each place of the layer counts; None = all alike"""
    share: Tensor | float
    """of the layer's loss"""


class Targets(NamedTuple):
    """All that a painting of one size is compared with, for the terms whose weight is not 0."""

    picture: Tensor
    """the content (1, 3, H, W)"""
    content: Mapping[str, Tensor]
    """{layer: the content's features}"""
    style: Mapping[str, Sequence[StyleTarget]]
    """{layer, or EDGES: targets}: one of the styles' mixture, or one for each style with masks"""
    held: Held | None = None
    """in a clip, the painting before"""


class Coefficients(NamedTuple):
    """How much each term counts, as scalars on the device."""

    content: Tensor
    style: Tensor
    tv: Tensor
    content_layers: Mapping[str, Tensor]
    style_layers: Mapping[str, Tensor]
    """those of the edges, too, if they count"""
    layers: Tensor
    """number of the encoder's style layers"""


class Units(NamedTuple):
    """How the terms are measured: what stays as it is while the weights are turned, except for `tv`."""

    content: Callable[[Tensor, Tensor], Tensor]
    """(features, the content's) -> loss"""
    measure: Mapping[str, Callable[[Tensor, Tensor | None], Any]]
    """{layer: (features, guide) -> what is measured of a style}"""
    style: Mapping[str, Callable[[Any, Any], Tensor]]
    """{layer: (measured of the painting, of the style) -> loss}"""
    tv: Callable[[Tensor, Tensor], Tensor]
    """(image, the content) -> loss"""


def loss(
    image: Tensor, features: Mapping[str, Tensor], targets: Targets, coefficients: Coefficients, units: Units
) -> tuple[Tensor, Losses]:
    """(total, terms) of an image (1, 3, H, W) with these features, as in recipe.py; only the terms that have targets."""
    tv = units.tv(image, targets.picture)
    terms, total = {"tv": tv}, coefficients.tv * tv
    if targets.content:
        each = [coefficients.content_layers[k] * units.content(features[k], target) for k, target in targets.content.items()]
        terms["content"] = torch.stack(each).sum()
        total = total + coefficients.content * terms["content"]
    if targets.style:
        per_layer = {layer: _style_loss(layer, features[layer], parts, units) for layer, parts in targets.style.items()}
        each = [coefficients.style_layers[layer] * part for layer, part in per_layer.items()]
        terms["style"] = torch.stack(each).sum() / coefficients.layers
        total = total + coefficients.style * terms["style"]
        terms |= per_layer
    if targets.held is not None:
        terms["temporal"] = held_loss(image, targets.held)
        total = total + targets.held.weight * terms["temporal"]
    return total, terms


def held_loss(image: Tensor, held: Held) -> Tensor:
    """Mean squared difference of an image (1, 3, H, W) from what it is held to, where that is known, in HELD_UNIT.

    Ruder, Dosovitskiy, Brox, "Artistic style transfer for videos" (GCPR 2016).
    """
    return (held.where * (image - held.picture).square()).mean() / HELD_UNIT


def _style_loss(layer: str, features: Tensor, parts: Sequence[StyleTarget], units: Units) -> Tensor:
    """The distance of one layer from all its targets."""
    measure, style = units.measure[layer], units.style[layer]
    losses = [part.share * style(measure(features, part.guide), part.measured) for part in parts]
    return losses[0] if len(losses) == 1 else torch.stack(losses).sum()


class Objective:
    """The loss of recipe.py for one size of the picture: how far an image is from the content and from the style."""

    def __init__(
        self,
        content: Tensor,
        styles: Sequence[Tensor],
        recipe: Recipe,
        encoder: Encoder,
        masks: Masks | None = None,
        held: Held | None = None,
        smaller: float = 1.0,
    ) -> None:
        """content (1, 3, H, W) in the size of the image; styles (1, 3, h, w) in any size; all on the encoder's device.

        The finished picture is `smaller` times as long as the image.
        """
        self.content, self.styles, self.recipe, self.masks = content, styles, recipe, masks or Masks()
        self.keep = None if self.masks.keep is None else fit(self.masks.keep, _size(content))
        self._held = None if held is None else held.at(_size(content), content.device)
        self._smaller = smaller
        self._encoder = encoder.variant(recipe.padding, recipe.pooling)
        self._wrapping = encoder.variant("circular", recipe.pooling) if "circular" in encoder.paddings else self._encoder
        self._formulation = formulations.BY_NAME[recipe.formulation]
        strides = {EDGES: 1} | {layer: encoder.stride(layer) for layer in encoder.check_layers(recipe.layer_weights)}
        deepest = math.log2(max(2, *map(encoder.stride, encoder.layers)))
        self._depth = {layer: math.log2(stride) / deepest for layer, stride in strides.items()}  # 0 to 1
        self._statistics = {layer: statistics.BY_NAME[recipe.statistic].at(stride) for layer, stride in strides.items()}
        self._smallest = encoder.smallest_side([*recipe.content_losses, *recipe.layer_weights])
        self._content: dict[tuple[str, bool], Tensor] = {}
        self._style: list[tuple[float, dict[str, Any]]] = [(0.0, {}) for _ in styles]  # (style scale, {layer: measured})
        self._made: dict[tuple[int | None, str], tuple[Any, Any]] = {}  # {(style, layer): ((shares, style scales), target)}
        self._guides: dict[tuple[int | None, str], Tensor | None] = {}
        self._coefficients: tuple[Weights, Coefficients] | None = None

    def __call__(self, image: Tensor, weights: Weights) -> tuple[Tensor, Losses]:
        """(total, terms) of `image` (1, 3, H, W); what has weight 0 is not computed, except tv, which costs nothing."""
        image = self.kept(image, weights.tiling)
        content_layers, style_layers = sorted(self._content_weights(weights)), sorted(self._style_weights(weights))
        self._measure_content(content_layers, weights.tiling)
        self._measure_styles(style_layers, weights)
        features = self._seen(image, {*content_layers, *style_layers}, weights.tiling)
        targets = Targets(
            self.content,
            {layer: self._content[layer, weights.tiling] for layer in content_layers},
            {layer: self._style_targets(layer, _size(features[layer]), weights) for layer in style_layers},
            self._held,
        )
        return loss(image, features, targets, self.coefficients(weights), self._units(weights))

    def _seen(self, picture: Tensor, layers: Collection[str], tiling: bool = False) -> dict[str, Tensor]:
        """The features of a picture in layers of the encoder, and its edges, if they are among them."""
        encoder = self._wrapping if tiling else self._encoder
        features: dict[str, Tensor] = encoder(picture, set(layers) - {EDGES})
        return features | {EDGES: edges(picture, tiling)} if EDGES in layers else features

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the images that it judges."""
        return _size(self.content)

    def kept(self, image: Tensor, tiling: bool) -> Tensor:
        """`image` with the photo where it is kept; as a tile, photo and mask fade over their borders."""
        return image if self.keep is None else with_kept(image, (self.content, self.keep), tiling)

    @torch.no_grad()
    def gatys_units(self, weights: Weights) -> tuple[float, dict[str, float]]:
        """`in_gatys_units` for these pictures: (alpha, {layer: beta * w_l}) that have the same effect in the paper's loss;
        the edges, which it does not have, are left out.

        Raises RecipeError unless the recipe's losses are the relative ones of Gram matrices.
        """
        if (self.recipe.statistic, self.recipe.formulation) != ("gram", "relative"):
            raise RecipeError("The paper's units are for Gram matrices: choose the statistic gram and the formulation relative.")
        self._measure_content([self.recipe.content_layer], False)
        layers = list(self.recipe.layer_weights)
        self._measure_styles(layers, weights)
        mixed = {layer: self._target(None, layer, weights) for layer in layers}
        target = self._content[self.recipe.content_layer, False]
        return in_gatys_units(weights.content_weight, weights.style_weight, weights.layer_weights, target, mixed)

    # ------------------------------------------------------------------------------------------------------ coefficients

    def coefficients(self, weights: Weights) -> Coefficients:
        """The weights as scalars on the device; made once for the same weights."""
        if self._coefficients is None or self._coefficients[0] != weights:
            number = partial(self.content.new_full, ())  # filled where it is: torch.tensor would copy it there, and wait
            style_layers = self._style_weights(weights)
            made = Coefficients(
                number(weights.content_weight),
                number(weights.style_weight * self._smaller**weights.large_forms),
                number(weights.tv_weight),
                {layer: number(weight) for layer, weight in self._content_weights(weights).items()},
                {layer: number(weight) for layer, weight in style_layers.items()},
                number(float(max(1, len(style_layers.keys() - {EDGES})))),
            )
            self._coefficients = (weights, made)
        return self._coefficients[1]

    def _content_weights(self, weights: Weights) -> dict[str, float]:
        """Of the content's layers, without those that count for nothing."""
        layers = dict(weights.more_content_layers)
        layers[self.recipe.content_layer] = 1 + layers.get(self.recipe.content_layer, 0.0)
        return {layer: weight for layer, weight in layers.items() if weight and weights.content_weight}

    def _style_weights(self, weights: Weights) -> dict[str, float]:
        """Of the style's layers and the edges, without those that count for nothing."""
        layers = {**weights.layer_weights, EDGES: weights.edge_weight}
        return {layer: weight for layer, weight in layers.items() if weight and weights.style_weight}

    def _units(self, weights: Weights) -> Units:
        kind, gamma, wrap = self.recipe.tv_kind, weights.tv_gamma, weights.tiling
        return Units(
            self._formulation.content,
            {layer: statistic.measure for layer, statistic in self._statistics.items()},
            {layer: self._formulation.style or statistic.loss for layer, statistic in self._statistics.items()},
            lambda image, content: self._formulation.tv(image, content, kind, gamma, wrap),
        )

    # ----------------------------------------------------------------------------------------------------------- targets

    @torch.no_grad()
    def _measure_content(self, layers: list[str], tiling: bool) -> None:
        """The content's features in these layers; each is measured once."""
        if unseen := [layer for layer in layers if (layer, tiling) not in self._content]:
            content = tile(self.content) if tiling else self.content
            self._content |= {(layer, tiling): features for layer, features in self._seen(content, unseen, tiling).items()}

    @torch.no_grad()
    def _measure_styles(self, layers: list[str], weights: Weights) -> None:
        """What is measured of each style in these layers, at its style scale; each is measured once."""
        scales, masks = self._scales(weights), padded(self.masks.style, len(self.styles), None)
        for k, (style, scale, mask) in enumerate(zip(self.styles, scales, masks, strict=True)):
            if self._style[k][0] != scale:
                self._style[k] = (scale, {})
            known = self._style[k][1]
            if unseen := [layer for layer in layers if layer not in known]:
                picture = _at_scale(style, max(self.content.shape[2:]), scale, self._smallest)
                for layer, features in self._seen(picture, unseen).items():
                    guide = None if mask is None else guide_at(mask, _size(features))
                    known[layer] = self._statistics[layer].measure(features, guide)

    def _style_targets(self, layer: str, size: tuple[int, int], weights: Weights) -> list[StyleTarget]:
        """Of a layer of `size`: the styles' mixture, or, with masks, each style in its place."""
        if not any(mask is not None for mask in self.masks.content):
            guide = self._guide(None, layer, size)
            return [StyleTarget(self._target(None, layer, weights), guide, _area(guide))]
        targets, shares = [], self._shares(layer, weights)
        for k in range(len(self.styles)):
            guide = self._guide(k, layer, size)
            share = len(self.styles) * shares[k] * _area(guide)
            targets.append(StyleTarget(self._target(k, layer, weights), guide, share))
        return targets

    def _guide(self, style: int | None, layer: str, size: tuple[int, int]) -> Tensor | None:
        """(1, 1, *size): how much each place of a layer counts for a style, or for their mixture; made once."""
        if (style, layer) not in self._guides:
            mask = None if style is None else padded(self.masks.content, len(self.styles), None)[style]
            if self.keep is not None:
                painted = 1 - self.keep
                mask = painted if mask is None else fit(mask, _size(painted)) * painted
            self._guides[style, layer] = None if mask is None else guide_at(mask, size)
        return self._guides[style, layer]

    def _target(self, style: int | None, layer: str, weights: Weights) -> Any:
        """What a layer is compared with, of a style, or of their mixture; kept until shares or style scales are turned."""
        alone = [float(k == style) for k in range(len(self.styles))]
        made_for = (self._shares(layer, weights) if style is None else alone, self._scales(weights))
        if (style, layer) not in self._made or self._made[style, layer][0] != made_for:
            used = [(k, share) for k, share in enumerate(made_for[0]) if share]
            statistic = self._statistics[layer]
            measured = statistic.mix([self._style[k][1][layer] for k, _ in used], [share for _, share in used])
            target = measured if self._formulation.style else statistic.target(measured)
            self._made[style, layer] = (made_for, target)
        return self._made[style, layer][1]

    def _shares(self, layer: str, weights: Weights) -> list[float]:
        """How much of each style this layer has; they add up to 1, and are equal where all are 0."""
        count = len(self.styles)
        shares = padded(weights.style_shares, count, 1.0)
        shares = shares if any(shares) else [1.0] * count
        # style k is at home at depth k / (count - 1), and fades out until the homes of its neighbours
        depth, split = self._depth[layer] * (count - 1), weights.style_split
        near = [share * (1 - split + split * max(0.0, 1 - abs(depth - k))) for k, share in enumerate(shares)]
        chosen = near if sum(near) else shares
        return [share / sum(chosen) for share in chosen]

    def _scales(self, weights: Weights) -> list[float]:
        return padded(weights.style_scales, len(self.styles), 1.0)


def _placed(mask: Tensor | None, device: torch.device) -> Tensor | None:
    return None if mask is None else mask.detach().to(device, torch.float32)


def with_kept(image: Tensor, kept: tuple[Tensor, Tensor], tiling: bool) -> Tensor:
    """`image` (1, 3, H, W) with `kept` = (the photo, the mask of where it stays), both at its size."""
    photo, mask = (part.to(image.device) for part in kept)
    return image.lerp(*((tile(photo), tile(mask)) if tiling else (photo, mask)))


def _at_scale(style: Tensor, longest: int, scale: float, smallest: int) -> Tensor:
    """The style picture at a level, for strokes `scale` times as large as if both pictures were equally long.

    Not enlarged beyond its own pixels times `scale`, unless the encoder sees nothing otherwise.
    """
    shape = style.shape[2:]
    side = max(1, round(scale * min(longest, max(shape))))
    return fit(style, scaled(shape, max(side, longest_for(shape, smallest))))


def padded(values: Sequence[T], count: int, rest: T) -> list[T]:
    """`count` values: the given ones, then `rest`."""
    return [*values, *[rest] * count][:count]


def _area(guide: Tensor | None) -> Tensor | float:
    """The share of the picture that a style has: its loss counts as much, so that every place is pulled equally hard."""
    return 1.0 if guide is None else guide.mean()


def _size(image: Tensor) -> tuple[int, int]:
    return image.shape[2], image.shape[3]
