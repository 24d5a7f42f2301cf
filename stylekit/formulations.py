"""Content loss, total variation, and the units in which papers and programs count: pure functions, the formula above each.

Notation as in statistics.py; `c` marks the content picture.

From top to bottom: the content loss, total variation, the losses of known papers and programs, BY_NAME (all formulations that
there are), and the exchange between two of them.

Sources: Gatys, Ecker, Bethge (arXiv 1508.06576; CVPR 2016) for the content loss; Mahendran and Vedaldi, "Understanding Deep Image
Representations by Inverting Them" (arXiv 1412.0035) for total variation as an image prior; the programs' files, as of 2023.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from stylekit.statistics import FLOOR, Moments, bures, covariance, exact, gram_scale, squares, tiny

TV_FLOOR = 1e-4
"""Smallest denominator of the relative TV loss: neighbouring pixels that differ by 0.01 (of 1) in the root mean square."""

SOFT = 1e-8
"""Squared difference of neighbouring pixels at which TV with a gamma below 1 is rounded off: a fortieth of an 8-bit step."""


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Relative distance of features (1, C, H, W); 0 = same, 1 = as far as a picture of the average feature everywhere."""
    # ||F - F_c||^2 / ||F_c - mean(F_c)||^2
    return squares(features - target) / _content_scale(target)


def _content_scale(target: Tensor) -> Tensor:
    """What the relative content loss is measured by."""
    spread = squares(target - target.mean((2, 3), keepdim=True))
    return spread.clamp_min(FLOOR * squares(target) + tiny(target))


def total_variation(image: Tensor, kind: str = "squared", gamma: float = 1.25, wrap: bool = False) -> Tensor:
    """How much neighbouring pixels of `image` (1, 3, H, W) differ, averaged over the pixels; 0 for a flat picture.

    squared spares soft shading and fears edges; absolute takes both alike and leaves flat patches; power lies between the
    two for gamma between 1/2 and 1, and beyond squared above 1. `gamma` > 0 counts for power alone. With `wrap` the first
    row and column are neighbours of the last, as in a tile that is laid side by side.
    """
    # squared    mean (x[i+1,j] - x[i,j])^2 + mean (x[i,j+1] - x[i,j])^2
    # absolute   mean |x[i+1,j] - x[i,j]|   + mean |x[i,j+1] - x[i,j]|
    # power      mean ((x[i+1,j] - x[i,j])^2 + (x[i,j+1] - x[i,j])^2)^gamma, over the pixels that have both neighbours
    down, right = _differences(image, 2, wrap), _differences(image, 3, wrap)
    if kind == "power":
        both = down[..., : right.shape[3]].square() + right[..., : down.shape[2], :].square()
        # below 1 rounded off at 0, where the slope would be infinite
        parts = [both**gamma if gamma >= 1 else both * (both + SOFT) ** (gamma - 1)]
    else:
        measure = {"squared": torch.square, "absolute": torch.abs}[kind]
        parts = [measure(down), measure(right)]
    return sum((part.mean() for part in parts if part.numel()), image.new_zeros(()))


def tv_loss(image: Tensor, content: Tensor, kind: str = "squared", gamma: float = 1.25, wrap: bool = False) -> Tensor:
    """Total variation relative to the content picture's; 1 = as busy as the photo."""
    # TV(x) / TV(content); the floor is that of TV_FLOOR in each kind's units
    floor = TV_FLOOR ** {"squared": 1.0, "absolute": 0.5, "power": gamma}[kind]
    return total_variation(image, kind, gamma, wrap) / total_variation(content, kind, gamma, wrap).clamp_min(floor)


def _differences(image: Tensor, axis: int, wrap: bool) -> Tensor:
    """Each pixel's difference to the next one along `axis`; the last has none, or the first one's with `wrap`."""
    return image.roll(-1, axis) - image if wrap else image.diff(dim=axis)


# The losses of known papers and programs, as they are there but for two things. Gram matrices are averages over the
# locations here and mostly sums there; their denominators take the M's out again, each picture's own here, so that unlike
# there the two need not have the same size. And whether the sum over layers is an average is the recipe's business.


def gatys_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Content loss with the constants of Gatys et al. 2016, equation 1; depends on size and encoder."""
    # 1/2 sum (F - P)^2
    return 0.5 * squares(features - target)


def gatys_style_loss(x: Moments, s: Moments) -> Tensor:
    """Style loss of one layer with the constants of Gatys et al. 2016, equation 4."""
    # E = 1/(4 N^2 M^2) ||F F^T - S S^T||_F^2 = 1/(4 N^2) ||G - G_s||_F^2, N channels
    return 0.25 * mean_squares_style_loss(x, s)


def mean_squares_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Content loss of most programs; depends on the encoder's scale."""
    # 1/(W H C) sum (F - P)^2
    return (features - target).square().mean()


def mean_squares_style_loss(x: Moments, s: Moments) -> Tensor:
    """Style loss of many programs, four times that of Gatys et al."""
    # 1/C^2 ||G - G_s||_F^2
    return squares(x.second - s.second) / len(x.mean) ** 2


def pytorch_style_loss(x: Moments, s: Moments) -> Tensor:
    """Style loss of the PyTorch tutorial, where deep layers with many channels count little."""
    # 1/C^2 ||F F^T / (C M) - S S^T / (C M)||_F^2 = 1/C^4 ||G - G_s||_F^2
    return mean_squares_style_loss(x, s) / len(x.mean) ** 2


def crowsonkb_style_loss(x: Moments, s: Moments) -> Tensor:
    """Style loss of crowsonkb/style-transfer-pytorch; depends on the encoder's scale.

    There the root is what 12 steps of Newton and Schulz give, somewhat too small where the covariance is nearly singular.
    """
    # mean_c (m - m_s)^2 + mean_c diag(S + S_s - 2 (S_s^1/2 S S_s^1/2)^1/2), S = C + 1e-4 I
    p, q = exact(x), exact(s)
    little = 1e-4 * torch.eye(len(p.mean)).to(p.mean)
    return ((squares(p.mean - q.mean) + bures(covariance(p) + little, covariance(q) + little)) / len(p.mean)).to(x.mean)


def absolute_sum(image: Tensor, wrap: bool = False) -> Tensor:
    """Total variation as in tf.image.total_variation, for pixels in [0, 1]; grows with the size."""
    # sum |x[i+1,j] - x[i,j]| + sum |x[i,j+1] - x[i,j]|
    return _differences(image, 2, wrap).abs().sum() + _differences(image, 3, wrap).abs().sum()


def nine_point_variation(image: Tensor, wrap: bool = False) -> Tensor:
    """Total variation of crowsonkb/style-transfer-pytorch: squared differences to all eight neighbours."""
    # 2 ((mean right^2 + mean down^2) / 3 + (mean falling^2 + mean rising^2) / 12), the border repeated outwards once
    before = 0 if wrap else 1
    x = functional.pad(image, (before, 1, before, 1), mode="circular" if wrap else "replicate")
    inner = x[..., before:, before:]
    right, down = inner[..., :-1, :].diff(dim=3), inner[..., :-1].diff(dim=2)
    falling, rising = x[..., 1:, 1:] - x[..., :-1, :-1], x[..., :-1, 1:] - x[..., 1:, :-1]
    straight, diagonal = (a.square().mean() + b.square().mean() for a, b in ((right, down), (falling, rising)))
    return 2 * (straight / 3 + diagonal / 12)


class Formulation(NamedTuple):
    """The units of the losses: a paper's or a program's own, or relative ones."""

    content: Callable[[Tensor, Tensor], Tensor]
    """(features (1, C, H, W), the content picture's)"""
    style: Callable[[Any, Any], Tensor] | None
    """(what is measured of the painting, of the style) in one layer; None: the statistic's own relative loss"""
    tv: Callable[[Tensor, Tensor, str, float, bool], Tensor]
    """(image (1, 3, H, W), the content picture, kind, gamma, wrap); programs that know one kind have that, whatever is asked"""


def _plain_tv(image: Tensor, _: Tensor, kind: str, gamma: float, wrap: bool) -> Tensor:
    return total_variation(image, kind, gamma, wrap)


def _absolute_tv(image: Tensor, _: Tensor, _kind: str, _gamma: float, wrap: bool) -> Tensor:
    return absolute_sum(image, wrap)


def _nine_point_tv(image: Tensor, _: Tensor, _kind: str, _gamma: float, wrap: bool) -> Tensor:
    return nine_point_variation(image, wrap)


BY_NAME = {
    "relative": Formulation(content_loss, None, tv_loss),
    # Gatys et al. 2015 and 2016; they have no total variation
    "gatys": Formulation(gatys_content_loss, gatys_style_loss, _plain_tv),
    # content sum/(W H C), style sum/C^2 of F F^T/(H W)
    "lecture": Formulation(mean_squares_content_loss, mean_squares_style_loss, _plain_tv),
    # content mean squares, style sum of (F F^T - S S^T)^2 / (h w c)^2: the same numbers as lecture
    "per_layer": Formulation(mean_squares_content_loss, mean_squares_style_loss, _plain_tv),
    # TensorFlow's tutorial, style mean squares of F F^T/(H W): lecture with another total variation
    "tensorflow": Formulation(mean_squares_content_loss, mean_squares_style_loss, _absolute_tv),
    # PyTorch's tutorial (without total variation) and ProGamerGov/neural-style-pt, style mean squares of F F^T/(C H W)
    "pytorch": Formulation(mean_squares_content_loss, pytorch_style_loss, _absolute_tv),
    # gordicaleksa/pytorch-neural-style-transfer, style SUM of squares of F F^T/(C H W): the same numbers as tensorflow
    "gordicaleksa": Formulation(mean_squares_content_loss, mean_squares_style_loss, _absolute_tv),
    "crowsonkb": Formulation(mean_squares_content_loss, crowsonkb_style_loss, _nine_point_tv),
}
"""All formulations, by the names of recipe.FORMULATIONS, which says what statistic each needs. neural-style-pt and gordicaleksa
count pixels from 0 to about 255: here total variation needs 255 times the weight that it has there; and their encoders' features
are of that scale."""


def in_gatys_units(
    alpha: float, beta: float, layer_weights: Mapping[str, float], content_target: Tensor, style_moments: Mapping[str, Moments]
) -> tuple[float, dict[str, float]]:
    """What weights of the relative Gram losses are in the units of Gatys et al. 2016, for these targets.

    content_target: the content picture's features (1, C, H, W); style_moments: {layer: the style's}, where layers of weight 0
    may be missing. Returns (alpha, {layer: beta * w_l}) of the paper's total loss, where w_l holds the division by the number
    of layers.
    """
    # alpha ||F - F_c||^2 / ||F_c - mean(F_c)||^2            = alpha_g 1/2 ||F - F_c||^2
    # beta/L w_l ||G - G_s||_F^2 / ||G_s||_F^2, L of w_l > 0  = (beta_g w_l) 1/(4 N^2) ||G - G_s||_F^2
    each = beta / max(1, sum(weight > 0 for weight in layer_weights.values()))
    units = {layer: 4 * len(s.mean) ** 2 / float(gram_scale(s)) for layer, s in style_moments.items()}
    in_units = {layer: each * weight * units[layer] if weight else 0.0 for layer, weight in layer_weights.items()}
    return 2 * alpha / float(_content_scale(content_target)), in_units
