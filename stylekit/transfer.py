"""Style transfer as a generator: `stylize` gives a Frame after every step, and reads the dials before every step.

Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576) and "Image Style Transfer Using Convolutional
Neural Networks" (CVPR 2016): the pixels themselves are optimised until a network sees the photo's content and the artwork's
style in them. Where this departs from the papers:

- every loss is relative (see losses.py), so that a weight means the same at every size, for every encoder and picture;
- from coarse to fine (see pyramid.py), which is where long strokes and speed come from;
- the mean and the covariance of the features by default, the Gram matrix on request;
- the weights may be turned while it runs.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from stylekit.color import recolored
from stylekit.encoders import Encoder
from stylekit.errors import RecipeError, SizeError
from stylekit.losses import FORMULATIONS, STATISTICS, Memory, guide_at, in_gatys_units
from stylekit.optimizers import OPTIMIZERS, Losses
from stylekit.pyramid import levels, longest_for, scaled
from stylekit.recipe import MOST_STYLES, Recipe, Weights
from stylekit.resize import fill, fit, tile, tiles

T = TypeVar("T")

ASPECT = 0.05
"""How far the aspect ratios of a mask and its picture may lie apart: small copies are rounded to whole pixels."""

LONGEST_STYLE = 16_384
"""Pixels that a very elongated style picture may be enlarged to, so that its short side is enough for the encoder."""


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
        for mine, theirs in ((self._weights.layers, weights.layers), (self._weights.content_layers, weights.content_layers)):
            if other := set(theirs) ^ set(mine):
                raise RecipeError(f"The layers stay the same while it paints; give one left out weight 0 ({sorted(other)[0]}).")
        self._weights = weights


@dataclass(frozen=True, eq=False)
class Masks:
    """Where each style applies, and where the photo is kept: tensors (1, 1, h, w) in [0, 1]; soft edges are welcome.

    Of any size, but of the aspect ratio of the picture that they belong to; None = everywhere.
    """

    styles: Sequence[Tensor | None] = ()
    """on the content, one per style"""
    artworks: Sequence[Tensor | None] = ()
    """on each style picture: the part of it that is looked at"""
    photo: Tensor | None = None
    """on the content, 1 where it stays as it is"""


@dataclass(frozen=True, eq=False)
class Frame:
    """What a step shows. Cheap to make and to skip: it holds tensors on the device; reading `losses` or `image` is what costs."""

    step: int
    """0 is the starting picture, before any step"""
    steps: int
    level: int
    """1 is the smallest size"""
    levels: int
    painting: Tensor
    """(1, 3, H, W), sRGB in [0, 1], this frame's own, before colours are brought back"""
    terms: Losses
    """unweighted, as scalars on the device: content, style, tv and each layer's, without those whose weight is 0

    Of this painting; but L-BFGS does not clamp its pixels to [0, 1], so its losses are those of it before clamping."""
    weights: Weights
    """those that led to this painting"""
    seconds: float
    """of computing since the beginning; the consumer's time between frames does not count"""
    colors: Tensor | None = None
    """whose colours are brought back, with `weights.color` and `color_method`"""
    color_method: str = "luminance"
    kept: tuple[Tensor, Tensor] | None = None
    """the photo and its mask, where it stays as it is whatever becomes of the colours"""

    @property
    def image(self) -> Tensor:
        """(1, 3, H, W), sRGB in [0, 1]: the painting, with as much of the photo's colours as was asked for."""
        if self.colors is None or not self.weights.color:
            return self.painting
        source = tile(self.colors) if self.weights.tiling else self.colors
        image = recolored(self.painting, source, self.color_method, self.weights.color)
        return image if self.kept is None else image.lerp(*self.kept)

    @property
    def losses(self) -> dict[str, float]:
        """`terms` as numbers; waits for the device."""
        return {name: float(loss) for name, loss in self.terms.items()}


class StyleObjective:
    """The loss of recipe.py for one size of the picture: how far an image is from the content and from the style."""

    def __init__(
        self, content: Tensor, styles: Sequence[Tensor], recipe: Recipe, encoder: Encoder, masks: Masks | None = None
    ) -> None:
        """content (1, 3, H, W) in the size of the image; styles (1, 3, h, w) in any size."""
        self.content, self.styles, self.recipe, self.masks = content, styles, recipe, masks or Masks()
        self._encoder = encoder.variant(recipe.padding, recipe.pooling)
        self._wrapping = encoder.variant("circular", recipe.pooling) if "circular" in encoder.paddings else self._encoder
        self._statistic, self._formulation = STATISTICS[recipe.statistic], FORMULATIONS[recipe.formulation]
        self._depth = encoder.check_layers(recipe.layer_weights)
        self.photo = None if self.masks.photo is None else fit(self.masks.photo, _size(content))
        self._content: dict[tuple[str, bool], Tensor] = {}
        self._smallest = encoder.smallest_side([*recipe.content_losses, *self._depth])
        self._scales: list[float] = []
        self._style: list[dict[str, Memory]] = []
        self._mixed: dict[str, tuple[list[float], Memory]] = {}

    def __call__(self, image: Tensor, weights: Weights) -> tuple[Tensor, Losses]:
        """(total, terms) of `image` (1, 3, H, W); what has weight 0 is not computed, except tv, which costs nothing."""
        image = self.kept(image, weights.tiling)
        # sorted, so that equal weights are added up in the same order and give the same picture
        style_layers = sorted(layer for layer, weight in weights.layers.items() if weight) if weights.style else []
        content_weights = dict(weights.content_layers)
        content_weights[self.recipe.content_layer] = 1 + content_weights.get(self.recipe.content_layer, 0.0)
        content_layers = sorted(layer for layer, weight in content_weights.items() if weight) if weights.content else []
        encoder = self._wrapping if weights.tiling else self._encoder
        self._see_content(content_layers, weights.tiling)
        self._see_styles(style_layers, _padded(weights.scales, len(self.styles), 1.0))
        features = encoder(image, {*content_layers, *style_layers})
        tv = self._formulation.tv(image, self.content, self.recipe.tv_kind, weights.gamma, weights.tiling)
        terms, total = {"tv": tv}, weights.tv * tv
        if content_layers:
            compared = {k: self._formulation.content(features[k], self._content[k, weights.tiling]) for k in content_layers}
            terms["content"] = torch.stack([content_weights[layer] * loss for layer, loss in compared.items()]).sum()
            total = total + weights.content * terms["content"]
        if style_layers:
            per_layer = {layer: self._style_loss(layer, features[layer], weights) for layer in style_layers}
            terms["style"] = torch.stack([weights.layers[k] * loss for k, loss in per_layer.items()]).sum() / len(weights.layers)
            total = total + weights.style * terms["style"]
            terms |= per_layer
        return total, terms

    @torch.no_grad()
    def gatys_units(self, weights: Weights) -> tuple[float, dict[str, float]]:
        """`in_gatys_units` for these pictures: (alpha, {layer: beta * w_l}) that have the same effect in the paper's loss.

        Raises RecipeError unless the recipe's losses are the relative ones of Gram matrices.
        """
        if (self.recipe.statistic, self.recipe.formulation) != ("gram", "relative"):
            raise RecipeError("The paper's units are for Gram matrices: choose the statistic gram and the formulation relative.")
        layer = self.recipe.content_layer
        self._see_content([layer], False)
        self._see_styles(self._depth, _padded(weights.scales, len(self.styles), 1.0))
        mixed = {name: self._mixture(name, self._shares(name, weights)) for name in self._depth}
        return in_gatys_units(weights.content, weights.style, weights.layers, self._content[layer, False], mixed)

    def kept(self, image: Tensor, tiling: bool) -> Tensor:
        """`image` with the photo where it is kept."""
        return image if self.photo is None else image.lerp(*self.kept_photo(tiling))

    def kept_photo(self, tiling: bool) -> tuple[Tensor, Tensor]:
        """The photo, and the mask of where it is kept; as a tile, both fade over their borders."""
        assert self.photo is not None
        return (tile(self.content), tile(self.photo)) if tiling else (self.content, self.photo)

    def _see_content(self, layers: list[str], tiling: bool) -> None:
        """What the content looks like in these layers; each is looked at once."""
        if unseen := [layer for layer in layers if (layer, tiling) not in self._content]:
            encoder, content = (self._wrapping, tile(self.content)) if tiling else (self._encoder, self.content)
            with torch.no_grad():
                self._content |= {(layer, tiling): seen for layer, seen in encoder(content, unseen).items()}

    def _style_loss(self, layer: str, features: Tensor, weights: Weights) -> Tensor:
        """The distance from all styles: of their mixture, or, with masks, from each in its place."""
        loss, shares = self._formulation.style or self._statistic.loss, self._shares(layer, weights)
        if not any(mask is not None for mask in self.masks.styles):
            guide = self._guide(None, features)
            return _area(guide) * loss(self._statistic.see(features, guide), self._mixture(layer, shares))
        parts = []
        for k, mask in enumerate(_padded(self.masks.styles, len(self.styles), None)):
            guide = self._guide(mask, features)
            seen = self._statistic.see(features, guide)
            parts.append(len(self.styles) * shares[k] * _area(guide) * loss(seen, self._style[k][layer]))
        return torch.stack(parts).sum()

    def _guide(self, mask: Tensor | None, features: Tensor) -> Tensor | None:
        """(1, 1, h, w): how much each place of a layer counts for a style; None = all alike."""
        if self.photo is not None:
            painted = 1 - self.photo
            mask = painted if mask is None else fit(mask, _size(painted)) * painted
        return None if mask is None else guide_at(mask, _size(features))

    def _shares(self, layer: str, weights: Weights) -> list[float]:
        """How much of each style this layer has; they add up to 1, and are equal where all are 0."""
        count = len(self.styles)
        shares = _padded(weights.shares, count, 1.0)
        shares = shares if any(shares) else [1.0] * count
        # style k is at home at depth k / (count - 1), and fades out until the homes of its neighbours
        depth = self._depth.index(layer) / max(1, len(self._depth) - 1) * (count - 1)
        near = [share * (1 - weights.split + weights.split * max(0.0, 1 - abs(depth - k))) for k, share in enumerate(shares)]
        chosen = near if sum(near) else shares
        return [share / sum(chosen) for share in chosen]

    def _mixture(self, layer: str, shares: list[float]) -> Memory:
        """What the styles together look like in a layer; kept until the shares are turned."""
        if layer not in self._mixed or self._mixed[layer][0] != shares:
            used = [k for k, share in enumerate(shares) if share]
            mixed = self._statistic.mix([self._style[k][layer] for k in used], [shares[k] for k in used])
            self._mixed[layer] = (shares, mixed)
        return self._mixed[layer][1]

    def _see_styles(self, layers: list[str], scales: list[float]) -> None:
        """What each style looks like in these layers with its brush so many times as large; each is looked at once."""
        if scales != self._scales:
            self._scales, self._style, self._mixed = scales, [{} for _ in scales], {}
        masks = _padded(self.masks.artworks, len(self.styles), None)
        for style, scale, mask, known in zip(self.styles, scales, masks, self._style, strict=True):
            if unseen := [layer for layer in layers if layer not in known]:
                brush = _brush(style, max(self.content.shape[2:]), scale, self._smallest)
                with torch.no_grad():
                    for layer, features in self._encoder(brush, unseen).items():
                        guide = None if mask is None else guide_at(mask, _size(features))
                        known[layer] = self._statistic.see(features, guide)


def stylize(
    content: Tensor,
    styles: Sequence[Tensor],
    recipe: Recipe,
    *,
    encoder: Encoder,
    dials: Dials | None = None,
    start: Tensor | None = None,
    masks: Masks | None = None,
    palette: Tensor | None = None,
) -> Iterator[Frame]:
    """Paint `content` (1, 3, H, W) in the style of `styles` (one to four (1, 3, h, w)), all sRGB in [0, 1].

    Frame 0 comes at once, then one after each of `recipe.steps` steps; close the generator to stop. The result has the
    content's aspect ratio and `recipe.size` pixels on its longest side; of a recipe with tiling, both sides are rounded to whole
    multiples of the deepest layer's stride (16 for relu5_1), which alone tile exactly. `dials` (default: the recipe's weights)
    is read before each step. `start` is the image that init "image" begins with; `palette` (1, 3, h, w) is whose colours are
    brought back (default: the content's), by another method than luminance. Checks everything now, before it returns:
    RecipeError, SizeError; DivergedError later if the losses are not finite from the start.
    """
    masks = masks or Masks()
    _check_pictures(content, styles, start, palette)
    _check_masks(masks, content, styles)
    for name in ("style_shares", "style_scales"):
        if len(getattr(recipe, name)) > len(styles):
            raise RecipeError(f"{name} has {len(getattr(recipe, name))} numbers for {len(styles)} style pictures.")
    if (recipe.init == "image") != (start is not None):
        raise RecipeError("Init image needs a picture to start from, and only that init takes one.")
    if palette is not None and recipe.color_method == "luminance":
        raise RecipeError("The colour method luminance takes the photo's colours; with a palette, choose another such as linear.")
    if encoder.name != recipe.encoder:
        raise RecipeError(f"The recipe asks for the encoder {recipe.encoder}, but {encoder.name} was given.")
    layers = encoder.check_layers([*recipe.content_losses, *recipe.weights.layers])
    encoder.variant(recipe.padding, recipe.pooling)
    encoder.check_size(*scaled(content.shape[2:], recipe.size), layers)
    for style in styles:
        if longest_for(style.shape[2:], encoder.smallest_side(layers)) > LONGEST_STYLE:
            raise SizeError(
                f"A style picture of {style.shape[3]}x{style.shape[2]} pixels is too elongated; cut a part out of it."
            )
    weights = recipe.weights if dials is None else dials.weights
    if (set(weights.layers), set(weights.content_layers)) != (set(recipe.layer_weights), set(recipe.more_content_layers)):
        raise RecipeError("The dials must have the layers of the recipe.")
    content, *styles = (picture.detach().to(encoder.device, torch.float32) for picture in (content, *styles))
    colors = content if palette is None else palette.detach().float()
    return _paint(content, styles, recipe, encoder, dials or Dials(weights), start, _placed(masks, encoder.device), colors)


def _paint(
    content: Tensor,
    styles: Sequence[Tensor],
    recipe: Recipe,
    encoder: Encoder,
    dials: Dials,
    start: Tensor | None,
    masks: Masks,
    colors: Tensor,
) -> Iterator[Frame]:
    shape = content.shape[2:]
    smallest = encoder.smallest_side([*recipe.content_losses, *recipe.layer_weights])
    plan = levels(recipe.size, recipe.steps, max(recipe.coarsest, longest_for(shape, smallest)))
    stride = smallest if recipe.tiling else 1  # the deepest layer's: only whole ones of it fit without a seam
    image = _first_image(content, styles, recipe, scaled(shape, plan[0].size, stride), start)
    optimizer, weights = OPTIMIZERS[recipe.optimizer](image, recipe.averaging), dials.weights
    step, seconds = 0, 0.0
    frame = partial(Frame, steps=recipe.steps, levels=len(plan), colors=colors, color_method=recipe.color_method)
    yield frame(step, level=1, painting=optimizer.image, terms={}, weights=weights, seconds=seconds)

    for number, level in enumerate(plan, start=1):
        began = time.perf_counter()
        size = scaled(shape, level.size, stride)
        objective = StyleObjective(fit(content, size), styles, recipe, encoder, masks)
        shown = partial(frame, level=number)
        if number > 1:
            optimizer.size_changed(size, weights.tiling)
        for _ in range(level.steps):
            if (turned := dials.weights) != weights:
                if replace(turned, color=weights.color) != weights:  # colours come back in the frame, not in the painting
                    optimizer.objective_changed()
                weights = turned
            optimizer.step(partial(objective, weights=weights))
            step += 1
            painting = objective.kept(optimizer.image, weights.tiling)
            kept = None if objective.photo is None else objective.kept_photo(weights.tiling)
            seconds += time.perf_counter() - began
            yield shown(step, painting=painting, terms=optimizer.losses, weights=weights, seconds=seconds, kept=kept)
            began = time.perf_counter()


def _first_image(
    content: Tensor, styles: Sequence[Tensor], recipe: Recipe, size: tuple[int, int], start: Tensor | None
) -> Tensor:
    """What the painting starts from (1, 3, *size)."""
    if start is not None:
        image = fill(start.detach().to(content.device, torch.float32), size)
        return tile(image) if recipe.tiling and not tiles(image) else image
    if recipe.init == "noise":  # drawn on the CPU, so that a seed means the same on every device
        return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(recipe.seed)).to(content.device)
    image = fill(styles[0], size) if recipe.init == "style" else fit(content, size)
    return tile(image) if recipe.tiling else image


def _brush(style: Tensor, longest: int, scale: float, smallest: int) -> Tensor:
    """The style picture at a level, for a brush `scale` times as large as if both pictures were equally long.

    Not enlarged beyond its own pixels times `scale`, unless the encoder sees nothing otherwise.
    """
    shape = style.shape[2:]
    side = max(1, round(scale * min(longest, max(shape))))
    return fit(style, scaled(shape, max(side, longest_for(shape, smallest))))


def _padded(values: Sequence[T], count: int, rest: T) -> list[T]:
    """`count` values: the given ones, then `rest`."""
    return [*values, *[rest] * count][:count]


def _area(guide: Tensor | None) -> Tensor | float:
    """The share of the picture that a style has: its loss counts as much, so that every place is pulled equally hard."""
    return 1.0 if guide is None else guide.mean()


def _size(image: Tensor) -> tuple[int, int]:
    return image.shape[2], image.shape[3]


def _placed(masks: Masks, device: torch.device) -> Masks:
    def place(mask: Tensor | None) -> Tensor | None:
        return None if mask is None else mask.detach().to(device, torch.float32)

    return Masks([place(m) for m in masks.styles], [place(m) for m in masks.artworks], place(masks.photo))


def _check_pictures(content: Tensor, styles: Sequence[Tensor], *others: Tensor | None) -> None:
    if isinstance(styles, Tensor):
        raise RecipeError("The styles are a list of pictures, such as [style].")
    if not 1 <= len(styles) <= MOST_STYLES:
        raise RecipeError(f"Give at least one style picture, and at most {MOST_STYLES}, not {len(styles)}.")
    for picture in (content, *styles, *(other for other in others if other is not None)):
        _check_values(picture, "picture", 3)


def _check_masks(masks: Masks, content: Tensor, styles: Sequence[Tensor]) -> None:
    for group in (masks.styles, masks.artworks):
        if len(group) > len(styles):
            raise RecipeError(f"There are {len(group)} masks for {len(styles)} styles; give each style one, or None.")
    on_content = [(mask, content) for mask in (*masks.styles, masks.photo)]
    for mask, picture in (*on_content, *zip(masks.artworks, styles, strict=False)):
        if mask is None:
            continue
        _check_values(mask, "mask", 1)
        (height, width), (rows, columns) = _size(mask), _size(picture)
        if abs(height * columns - width * rows) > max(height * columns, width * rows) * ASPECT:
            raise SizeError(
                f"A mask of {width}x{height} pixels does not fit a picture of {columns}x{rows}; give it the same aspect ratio."
            )
    if any(mask is not None and not mask.any() for mask in masks.artworks):
        raise RecipeError("A mask on an artwork leaves nothing of it to look at; paint some of it white, or give None.")


def _check_values(picture: Tensor, kind: str, channels: int) -> None:
    if picture.ndim != 4 or picture.shape[:2] != (1, channels) or not picture.numel() or not picture.is_floating_point():
        raise SizeError(f"A {kind} is a float tensor of shape (1, {channels}, H, W), not {picture.dtype} {tuple(picture.shape)}.")
    if not bool(picture.isfinite().all()) or picture.min() < 0 or picture.max() > 1:
        raise SizeError(f"A {kind} has finite values between 0 and 1.")
