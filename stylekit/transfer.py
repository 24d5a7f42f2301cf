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
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stylekit.encoders import Encoder
from stylekit.errors import RecipeError, SizeError
from stylekit.images import fill, fit
from stylekit.losses import (
    Moments,
    content_loss,
    gatys_content_loss,
    gatys_style_loss,
    gram_loss,
    mean_covariance_loss,
    mix,
    moments,
    total_variation,
    tv_loss,
)
from stylekit.optimizers import OPTIMIZERS, Losses
from stylekit.pyramid import levels, longest_for, scaled
from stylekit.recipe import Recipe, Weights

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
        if other := set(weights.layers) ^ set(self._weights.layers):
            raise RecipeError(f"The style layers stay the same while it paints; give one left out weight 0 ({sorted(other)[0]}).")
        self._weights = weights


@dataclass(frozen=True, eq=False)
class Frame:
    """What a step shows. Cheap to make and to skip: it holds tensors on the device; reading `losses` is what waits."""

    step: int
    """0 is the starting picture, before any step"""
    steps: int
    level: int
    """1 is the smallest size"""
    levels: int
    image: Tensor
    """(1, 3, H, W), sRGB in [0, 1], this frame's own"""
    terms: Losses
    """unweighted, as scalars on the device: content, style, tv and each layer's, without those whose weight is 0

    Of this image; but L-BFGS does not clamp its pixels to [0, 1], so its losses are those of the image before clamping."""
    weights: Weights
    """those that led to this image"""
    seconds: float
    """of computing since the beginning; the consumer's time between frames does not count"""

    @property
    def losses(self) -> dict[str, float]:
        """`terms` as numbers; waits for the device."""
        return {name: float(loss) for name, loss in self.terms.items()}


class StyleObjective:
    """The loss of recipe.py for one size of the picture: how far an image is from the content and from the style."""

    def __init__(self, content: Tensor, styles: Sequence[Tensor], recipe: Recipe, encoder: Encoder) -> None:
        """content (1, 3, H, W) in the size of the image; styles (1, 3, h, w) in the sizes that fit to it."""
        self.content, self.styles, self.recipe, self.encoder = content, styles, recipe, encoder
        self._content: dict[str, Tensor] = {}
        self._style: dict[str, Moments] = {}

    def __call__(self, image: Tensor, weights: Weights) -> tuple[Tensor, Losses]:
        """(total, terms) of `image` (1, 3, H, W); what has weight 0 is not computed, except tv, which costs nothing."""
        # sorted, so that equal weights are added up in the same order and give the same picture
        style_layers = sorted(layer for layer, weight in weights.layers.items() if weight) if weights.style else []
        content_layers = [self.recipe.content_layer] if weights.content else []
        self._see_targets(content_layers, style_layers)
        features = self.encoder(image, {*content_layers, *style_layers})
        terms = {"tv": total_variation(image) if self._gatys else tv_loss(image, self.content)}
        total = weights.tv * terms["tv"]
        for layer in content_layers:
            loss = gatys_content_loss if self._gatys else content_loss
            terms["content"] = loss(features[layer], self._content[layer])
            total = total + weights.content * terms["content"]
        if style_layers:
            per_layer = {layer: self._style_loss(moments(features[layer]), self._style[layer]) for layer in style_layers}
            terms["style"] = torch.stack([weights.layers[k] * loss for k, loss in per_layer.items()]).sum() / len(weights.layers)
            total = total + weights.style * terms["style"]
            terms |= per_layer
        return total, terms

    def _see_targets(self, content_layers: list[str], style_layers: list[str]) -> None:
        """What the content and style pictures look like in these layers; each is looked at once."""
        with torch.no_grad():
            if unseen := [layer for layer in content_layers if layer not in self._content]:
                self._content |= self.encoder(self.content, unseen)
            if unseen := [layer for layer in style_layers if layer not in self._style]:
                seen = [self.encoder(style, unseen) for style in self.styles]
                self._style |= {layer: mix([moments(features[layer]) for features in seen]) for layer in unseen}

    @property
    def _gatys(self) -> bool:
        return self.recipe.formulation == "gatys"

    def _style_loss(self, x: Moments, s: Moments) -> Tensor:
        if self._gatys:
            return gatys_style_loss(x, s)
        return (gram_loss if self.recipe.statistic == "gram" else mean_covariance_loss)(x, s)


def stylize(
    content: Tensor,
    styles: Sequence[Tensor],
    recipe: Recipe,
    *,
    encoder: Encoder,
    dials: Dials | None = None,
    start: Tensor | None = None,
) -> Iterator[Frame]:
    """Paint `content` (1, 3, H, W) in the style of `styles` (one or more (1, 3, h, w), equal shares), all sRGB in [0, 1].

    Frame 0 comes at once, then one after each of `recipe.steps` steps; close the generator to stop. The result has the
    content's aspect ratio and `recipe.size` pixels on its longest side. `dials` (default: the recipe's weights) is read
    before each step. `start` is the image that init "image" begins with. Checks everything now, before it returns:
    RecipeError, SizeError; DivergedError later if the losses are not finite from the start.
    """
    _check_pictures(content, styles, start)
    if (recipe.init == "image") != (start is not None):
        raise RecipeError("Init image needs a picture to start from, and only that init takes one.")
    if encoder.name != recipe.encoder:
        raise RecipeError(f"The recipe asks for the encoder {recipe.encoder}, but {encoder.name} was given.")
    layers = encoder.check_layers([recipe.content_layer, *recipe.weights.layers])
    encoder.check_size(*scaled(content.shape[2:], recipe.size), layers)
    for style in styles:
        if longest_for(style.shape[2:], encoder.smallest_side(layers)) > LONGEST_STYLE:
            raise SizeError(
                f"A style picture of {style.shape[3]}x{style.shape[2]} pixels is too elongated; cut a part out of it."
            )
    weights = recipe.weights if dials is None else dials.weights
    if set(weights.layers) != set(recipe.layer_weights):
        raise RecipeError("The dials must have the style layers of the recipe.")
    content, *styles = (picture.detach().to(encoder.device, torch.float32) for picture in (content, *styles))
    return _paint(content, styles, recipe, encoder, dials or Dials(weights), start)


def _paint(
    content: Tensor, styles: Sequence[Tensor], recipe: Recipe, encoder: Encoder, dials: Dials, start: Tensor | None
) -> Iterator[Frame]:
    shape = content.shape[2:]
    smallest = encoder.smallest_side([recipe.content_layer, *recipe.layer_weights])
    plan = levels(recipe.size, recipe.steps, max(recipe.coarsest, longest_for(shape, smallest)))
    image = _first_image(content, styles, recipe, scaled(shape, plan[0].size), start)
    optimizer, weights = OPTIMIZERS[recipe.optimizer](image), dials.weights
    step, seconds = 0, 0.0
    yield Frame(step, recipe.steps, 1, len(plan), optimizer.image, {}, weights, seconds)

    for number, level in enumerate(plan, start=1):
        began = time.perf_counter()
        size = scaled(shape, level.size)
        objective = StyleObjective(fit(content, size), [_brush(s, level.size, smallest) for s in styles], recipe, encoder)
        if number > 1:
            optimizer.size_changed(size)
        for _ in range(level.steps):
            if dials.weights != weights:
                weights = dials.weights
                optimizer.objective_changed()
            optimizer.step(partial(objective, weights=weights))
            step += 1
            seconds += time.perf_counter() - began
            yield Frame(step, recipe.steps, number, len(plan), optimizer.image, optimizer.losses, weights, seconds)
            began = time.perf_counter()


def _first_image(
    content: Tensor, styles: Sequence[Tensor], recipe: Recipe, size: tuple[int, int], start: Tensor | None
) -> Tensor:
    """What the painting starts from (1, 3, *size)."""
    if start is not None:
        return fill(start.detach().to(content.device, torch.float32), size)
    if recipe.init == "style":
        return fill(styles[0], size)
    if recipe.init == "noise":  # drawn on the CPU, so that a seed means the same on every device
        return torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(recipe.seed)).to(content.device)
    return fit(content, size)


def _brush(style: Tensor, longest: int, smallest: int) -> Tensor:
    """The style picture at a level: as long as the content, but not enlarged, unless the encoder sees nothing otherwise."""
    shape = style.shape[2:]
    return fit(style, scaled(shape, max(min(longest, max(shape)), longest_for(shape, smallest))))


def _check_pictures(content: Tensor, styles: Sequence[Tensor], start: Tensor | None) -> None:
    if isinstance(styles, Tensor):
        raise RecipeError("The styles are a list of pictures, such as [style].")
    if not styles:
        raise RecipeError("Give at least one style picture.")
    for picture in (content, *styles, *([] if start is None else [start])):
        if picture.ndim != 4 or picture.shape[:2] != (1, 3) or not picture.numel() or not picture.is_floating_point():
            raise SizeError(f"A picture is a float tensor of shape (1, 3, H, W), not {picture.dtype} {tuple(picture.shape)}.")
        if not bool(picture.isfinite().all()) or picture.min() < 0 or picture.max() > 1:
            raise SizeError("A picture has finite values between 0 and 1.")
