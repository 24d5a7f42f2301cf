"""The losses: pure functions of tensors, the formula above each.

Notation: `F` are the features of one layer, `(1, C, H, W)`, read as a C x M matrix with M = H W locations; `s` marks the
style picture, `c` the content picture. Statistics are averages over the locations, so that they do not depend on the size.
`x` is what is remembered of the painting.

From top to bottom: moments (what most statistics remember), the losses of moments, sliced projections, STATISTICS (all that
may be remembered of a style), the content loss, total variation, FORMULATIONS (the units in which known papers and programs
count), and the exchange between two of these units.

Sources: Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576) and "Image Style Transfer Using
Convolutional Neural Networks" (CVPR 2016) for the content loss and the Gram matrix; Gatys et al., "Controlling Perceptual
Factors in Neural Style Transfer" (arXiv 1611.07865) for guides; Li et al., "Demystifying Neural Style Transfer" (arXiv
1701.01036) and Huang and Belongie (arXiv 1703.06868) for means and variances; Heitz et al., "A Sliced Wasserstein Loss for
Neural Texture Synthesis" (arXiv 2006.07229); Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting
Them" (arXiv 1412.0035) for total variation as an image prior.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any, NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

FLOOR = 1e-4
"""Smallest denominator of a relative loss, as a share of the picture's own energy: a flat picture is no division by zero."""

TV_FLOOR = 1e-4
"""Smallest denominator of the relative TV loss: neighbouring pixels that differ by 0.01 (of 1) in the root mean square."""

SOFT = 1e-8
"""Squared difference of neighbouring pixels at which TV with a gamma below 1 is rounded off: a fortieth of an 8-bit step."""

LEVELS = 1024
"""Equal parts of the probability in which a quantile function is remembered."""

MOST_SORTED = 2**20
"""Numbers that the sliced statistic sorts for one layer at most; of a larger one it takes every n-th row and column."""

PARTS, LEAST = 16, 512
"""Into how many parts the locations of a large layer are divided for its Gram matrix, each of so many locations at least: on
four cores one product of few channels and very many locations takes up to seven times as long as the parts side by side."""


class Moments(NamedTuple):
    """What a style layer remembers of a picture: the average feature vector and the average of its products."""

    mean: Tensor
    """(C,)"""
    second: Tensor
    """(C, C), the Gram matrix divided by the number of locations"""


class Quantiles(NamedTuple):
    """What the sliced statistic remembers: how often which values occur along each of C directions of the feature space."""

    values: Tensor
    """(C, LEVELS), ascending: the means over LEVELS equal parts of the sorted projections"""


Memory: TypeAlias = Any
"""Moments or Quantiles: what a Statistic's `see` gives, and its `mix` and `loss` take."""

Remembered = TypeVar("Remembered", Moments, Quantiles)


def guide_at(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """`mask` (1, 1, H, W) in [0, 1] as a guide (1, 1, *size) of a layer: each location has the average of its area."""
    return functional.adaptive_avg_pool2d(mask, size)


def moments(features: Tensor, guide: Tensor | None = None) -> Moments:
    """First and second moment of `features` (1, C, H, W) over its locations, weighted by `guide` (1, 1, H, W) >= 0.

    The guide is measured by its own sum, so that a small region is remembered as clearly as a large one. The weights
    enter once (the paper squares them in the Gram matrix), so that guides which add up to one leave no dead gap between
    two regions at a soft edge. A guide of nothing but zeros remembers zeros, and no gradient leads there: right for a painting
    without this region; that a style has none of its own is for the caller to refuse.
    """
    # mean = 1/M sum_k F_k              second = 1/M F F^T
    # mean = sum_k g_k F_k / sum g      second = F diag(g) F^T / sum g
    return Moments(*_MomentsOf.apply(features, None if guide is None else _shares(guide)))


def _shares(guide: Tensor) -> Tensor:
    """The guide's locations (M,) as shares of the whole; zeros if it is zero everywhere."""
    return guide.flatten() / guide.sum().clamp_min(torch.finfo(guide.dtype).tiny)


class _MomentsOf(torch.autograd.Function):
    """(mean, second) of F (1, C, H, W), with a gradient of one product; torch's own would take two, and a copy of F each."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, shares: Tensor | None) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features, shares)
        flat = features.squeeze(0).flatten(1)
        if shares is None:
            return flat.mean(1), _products(flat, flat) / flat.shape[1]
        return flat @ shares, _products(flat * shares, flat)

    @staticmethod
    def backward(ctx: Any, mean: Tensor, second: Tensor) -> tuple[Tensor, None]:
        # dF = (dmean 1^T + (dsecond + dsecond^T) F) diag(shares), where all shares are 1/M without a guide
        features, shares = ctx.saved_tensors
        height, width = features.shape[2:]
        places = height * width if shares is None else 1
        # as a 1x1 convolution: of large layers, on four cores, up to seven times as fast as a product of matrices
        out = functional.conv2d(features, ((second + second.T) / places)[:, :, None, None], mean / places)
        return out if shares is None else out * shares.view(height, width), None


def _products(a: Tensor, b: Tensor) -> Tensor:
    """a b^T (C, C) of matrices (C, M), added up from the products of up to PARTS parts of the columns."""
    places = a.shape[1]
    parts = max(1, min(PARTS, places // LEAST))
    length = places // parts
    rest = parts * length  # where it begins: fewer columns than parts
    split = [x[:, :rest].unflatten(1, (parts, length)).transpose(0, 1) for x in (a, b)]
    return torch.bmm(split[0], split[1].mT).sum(0) + a[:, rest:] @ b[:, rest:].T


def mix(parts: Sequence[Remembered], shares: Sequence[float] = ()) -> Remembered:
    """The memory of several pictures as if they were one picture, in `shares` of the locations (default: equal ones).

    Only the ratio of the shares counts; if all are 0 they are taken as equal. Quantile functions are averaged level by
    level, which is the barycentre of optimal transport: colours between two colours, not some of each.
    """
    # mean = sum_i share_i mean_i / sum_i share_i, and so for all that is remembered
    shares = shares if sum(shares) else [1.0] * len(parts)
    ratios = [share / sum(shares) for share in shares]
    return type(parts[0])(
        *(torch.stack([r * t for r, t in zip(ratios, tensors, strict=True)]).sum(0) for tensors in zip(*parts, strict=True))
    )


def covariance(m: Moments) -> Tensor:
    """Centred covariance (C, C)."""
    # C = 1/M F F^T - mean mean^T
    return m.second - torch.outer(m.mean, m.mean)


def gram_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of Gram matrices; 0 = same, 1 = as far as an all-zero Gram matrix."""
    # ||G - G_s||_F^2 / ||G_s||_F^2
    return _squares(x.second - s.second) / _gram_scale(s)


def covariance_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of covariances: texture alone, whatever the mean; 0 = same, 1 = as far as a flat picture."""
    # ||C - C_s||_F^2 / ||C_s||_F^2
    cov_s, floor = covariance(s), FLOOR * _squares(s.second) + _tiny(s.second)
    return _squares(covariance(x) - cov_s) / _squares(cov_s).clamp_min(floor)


def mean_covariance_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of means and of covariances, half each; bolder than the Gram matrix at the same weight.

    The Gram matrix of non-negative features is dominated by their mean; taking the mean apart lets the textures speak.
    """
    # 1/2 ||C - C_s||_F^2 / ||C_s||_F^2  +  1/2 ||m - m_s||^2 / ||m_s||^2
    return 0.5 * covariance_loss(x, s) + 0.5 * _mean_loss(x, s)


def mean_variance_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of means and of each channel's variance, half each: forgets which features occur together.

    As in Li et al. and in Huang and Belongie, but for variances where they take their roots, the standard deviations: a
    channel that is dead in the painting then still has a finite slope.
    """
    # 1/2 ||v - v_s||^2 / ||v_s||^2  +  1/2 ||m - m_s||^2 / ||m_s||^2, v the diagonal of C
    variance, variance_s, second_s = covariance(x).diagonal(), covariance(s).diagonal(), s.second.diagonal()
    floor = FLOOR * _squares(second_s) + _tiny(second_s)
    return 0.5 * _squares(variance - variance_s) / _squares(variance_s).clamp_min(floor) + 0.5 * _mean_loss(x, s)


def wasserstein_loss(x: Moments, s: Moments) -> Tensor:
    """Relative squared Wasserstein-2 distance of the Gaussians with these means and covariances; 0 = same, 1 = all-zero.

    How far features must travel, in the mean of squares, to become the style's. Measured by tr G_s = ||m_s||^2 + tr C_s, how
    far they would all have to travel from zero: unlike tr C_s alone it vanishes for no picture but a black hole.
    """
    # ( ||m - m_s||^2 + tr C + tr C_s - 2 tr (C_s^1/2 C C_s^1/2)^1/2 ) / tr G_s
    p, q = _exact(x), _exact(s)
    distance = _squares(p.mean - q.mean) + _bures(covariance(p), covariance(q))
    return (distance / q.second.trace().clamp_min(_tiny(q.mean))).to(x.mean)


def _bures(c: Tensor, c_s: Tensor) -> Tensor:
    """Squared distance of covariances (C, C) in the metric of Bures and Wasserstein; no gradient for the second."""
    # tr C + tr C_s - 2 tr (C_s^1/2 C C_s^1/2)^1/2
    #
    # With B B^T = C_s the matrix B^T C B has the same eigenvalues as the one whose root is taken. The trace of the root
    # needs these alone, whose gradient is safe for equal ones. An eigenvalue 0 is given slope 0, though its root is
    # infinitely steep: the features have no part in that direction, hence nothing that could be pulled.
    with torch.no_grad():
        values, vectors = torch.linalg.eigh(torch.nan_to_num(c_s, 0, 0, 0))
        root = vectors * values.clamp_min(0).sqrt()
    values = torch.linalg.eigvalsh(root.T @ torch.nan_to_num(c, 0, 0, 0) @ root)  # NaN would raise; the traces report it
    overlap: Tensor = values.clamp_min(torch.finfo(values.dtype).tiny).sqrt().sum()
    return (c.trace() + c_s.trace() - 2 * overlap).clamp_min(0)  # rounding


def _exact(m: Moments) -> Moments:
    """In double precision, which roots of products of covariances need; Apple's GPUs have none."""
    return Moments(*((t.cpu() if t.device.type == "mps" else t).double() for t in m))


def _mean_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of means."""
    # ||m - m_s||^2 / ||m_s||^2
    return _squares(x.mean - s.mean) / _squares(s.mean).clamp_min(_tiny(s.mean))


def _gram_scale(s: Moments) -> Tensor:
    """What the relative distance of Gram matrices is measured by."""
    return _squares(s.second).clamp_min(_tiny(s.second))


def quantiles(features: Tensor, guide: Tensor | None = None) -> Quantiles:
    """Sorted projections of `features` (1, C, H, W) on C fixed directions; `guide` (1, 1, H, W) says how much each counts.

    Fixed, where Heitz et al. draw them anew in every step: so the loss is one function, which L-BFGS needs. Large layers
    are thinned out to a regular grid of rows and columns, so that sorting stays cheap.
    """
    # the values of V F, each row sorted; V the directions
    _, channels, height, width = features.shape
    step = next(n for n in count(1) if channels * -(-height // n) * -(-width // n) <= MOST_SORTED)
    flat = features[0, :, ::step, ::step].flatten(1)
    weights = flat.new_ones(flat.shape[1]) if guide is None else guide[..., ::step, ::step]
    return Quantiles(_means_of_levels(_directions(channels).to(flat) @ flat, _shares(weights)))


@cache
def _directions(channels: int) -> Tensor:
    """C random directions (C, C) at right angles, so that none of the feature space goes unseen; always the same."""
    random = torch.randn(channels, channels, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    orthogonal: Tensor = torch.linalg.qr(random).Q
    return orthogonal


def _means_of_levels(values: Tensor, shares: Tensor) -> Tensor:
    """Each row of `values` (C, M), sorted, as means over LEVELS equal parts of the probability (C, LEVELS).

    shares (M,) are the probabilities of the columns. The quantile function q is a staircase; its area A is piecewise linear,
    and known at any t from the stair that t falls on: in its upper corner, less what lies beyond t.
    """
    # A(t) = integral of q from 0 to t        mean of level j = (A((j+1)/LEVELS) - A(j/LEVELS)) * LEVELS
    values, order = values.sort(dim=1, stable=True)
    widths = shares[order]
    corners, areas = widths.cumsum(1), (widths * values).cumsum(1)
    levels = torch.arange(1, LEVELS + 1, device=values.device, dtype=values.dtype) / LEVELS * corners[:, -1:]
    stairs = torch.searchsorted(corners, levels).clamp_max(values.shape[1] - 1)
    upto = areas.gather(1, stairs) - (corners.gather(1, stairs) - levels) * values.gather(1, stairs)
    return torch.diff(upto, dim=1, prepend=upto.new_zeros(len(upto), 1)) * LEVELS


def sliced_loss(x: Quantiles, s: Quantiles) -> Tensor:
    """Relative squared Wasserstein-2 distance of the projections, the mean over all directions; 0 = same, 1 = all-zero.

    Sees the shapes of the distributions, not their first two moments alone, but only along its directions. Measured by the
    style's own mean square along them, as in `wasserstein_loss`: what is remembered of a picture of zeros is at distance 1.
    """
    # mean (q - q_s)^2 / mean q_s^2
    return _squares(x.values - s.values) / _squares(s.values).clamp_min(_tiny(s.values))


class Statistic(NamedTuple):
    """What may be remembered of a style, and how far a painting is from that."""

    see: Callable[[Tensor, Tensor | None], Memory]
    """(features (1, C, H, W), guide (1, 1, H, W) or None) -> what is remembered; the layer's size does not matter"""
    mix: Callable[[Sequence[Memory], Sequence[float]], Memory]
    """(memories of several pictures, their shares) -> one memory"""
    loss: Callable[[Memory, Memory], Tensor]
    """(the painting's memory, the style's) -> 0 = same, about 1 = as far as a picture of which nothing is remembered"""


STATISTICS = {
    "mean_covariance": Statistic(moments, mix, mean_covariance_loss),
    "gram": Statistic(moments, mix, gram_loss),
    "covariance": Statistic(moments, mix, covariance_loss),
    "mean_variance": Statistic(moments, mix, mean_variance_loss),
    "wasserstein": Statistic(moments, mix, wasserstein_loss),
    "sliced": Statistic(quantiles, mix, sliced_loss),
}
"""All that may be remembered of a style, by name; the relative losses of all have one scale."""


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Relative distance of features (1, C, H, W); 0 = same, 1 = as far as a picture of the average feature everywhere."""
    # ||F - F_c||^2 / ||F_c - mean(F_c)||^2
    return _squares(features - target) / _content_scale(target)


def _content_scale(target: Tensor) -> Tensor:
    """What the relative content loss is measured by."""
    spread = _squares(target - target.mean((2, 3), keepdim=True))
    return spread.clamp_min(FLOOR * _squares(target) + _tiny(target))


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
    return 0.5 * _squares(features - target)


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
    return _squares(x.second - s.second) / len(x.mean) ** 2


def pytorch_style_loss(x: Moments, s: Moments) -> Tensor:
    """Style loss of the PyTorch tutorial, where deep layers with many channels count little."""
    # 1/C^2 ||F F^T / (C M) - S S^T / (C M)||_F^2 = 1/C^4 ||G - G_s||_F^2
    return mean_squares_style_loss(x, s) / len(x.mean) ** 2


def crowsonkb_style_loss(x: Moments, s: Moments) -> Tensor:
    """Style loss of crowsonkb/style-transfer-pytorch; depends on the encoder's scale.

    There the root is what 12 steps of Newton and Schulz give, somewhat too small where the covariance is nearly singular.
    """
    # mean_c (m - m_s)^2 + mean_c diag(S + S_s - 2 (S_s^1/2 S S_s^1/2)^1/2), S = C + 1e-4 I
    p, q = _exact(x), _exact(s)
    little = 1e-4 * torch.eye(len(p.mean)).to(p.mean)
    return ((_squares(p.mean - q.mean) + _bures(covariance(p) + little, covariance(q) + little)) / len(p.mean)).to(x.mean)


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
    style: Callable[[Memory, Memory], Tensor] | None
    """(the painting's memory, the style's), of one layer; None: the statistic's own relative loss"""
    tv: Callable[[Tensor, Tensor, str, float, bool], Tensor]
    """(image (1, 3, H, W), the content picture, kind, gamma, wrap); programs that know one kind have that, whatever is asked"""
    statistics: tuple[str, ...]
    """the STATISTICS that it is defined for"""


def _plain_tv(image: Tensor, _: Tensor, kind: str, gamma: float, wrap: bool) -> Tensor:
    return total_variation(image, kind, gamma, wrap)


def _absolute_tv(image: Tensor, _: Tensor, _kind: str, _gamma: float, wrap: bool) -> Tensor:
    return absolute_sum(image, wrap)


def _nine_point_tv(image: Tensor, _: Tensor, _kind: str, _gamma: float, wrap: bool) -> Tensor:
    return nine_point_variation(image, wrap)


FORMULATIONS = {
    "relative": Formulation(content_loss, None, tv_loss, tuple(STATISTICS)),
    # Gatys et al. 2015 and 2016; they have no total variation
    "gatys": Formulation(gatys_content_loss, gatys_style_loss, _plain_tv, ("gram",)),
    # content sum/(W H C), style sum/C^2 of F F^T/(H W)
    "lecture": Formulation(mean_squares_content_loss, mean_squares_style_loss, _plain_tv, ("gram",)),
    # content mean squares, style sum of (F F^T - S S^T)^2 / (h w c)^2: the same numbers as lecture
    "per_layer": Formulation(mean_squares_content_loss, mean_squares_style_loss, _plain_tv, ("gram",)),
    # TensorFlow's tutorial, style mean squares of F F^T/(H W): lecture with another total variation
    "tensorflow": Formulation(mean_squares_content_loss, mean_squares_style_loss, _absolute_tv, ("gram",)),
    # PyTorch's tutorial (without total variation) and ProGamerGov/neural-style-pt, style mean squares of F F^T/(C H W)
    "pytorch": Formulation(mean_squares_content_loss, pytorch_style_loss, _absolute_tv, ("gram",)),
    # gordicaleksa/pytorch-neural-style-transfer, style SUM of squares of F F^T/(C H W): the same numbers as tensorflow
    "gordicaleksa": Formulation(mean_squares_content_loss, mean_squares_style_loss, _absolute_tv, ("gram",)),
    "crowsonkb": Formulation(mean_squares_content_loss, crowsonkb_style_loss, _nine_point_tv, ("wasserstein",)),
}
"""The units of the losses, by name. neural-style-pt and gordicaleksa count pixels from 0 to about 255: here total variation
needs 255 times the weight that it has there; and their encoders' features are of that scale."""


def in_gatys_units(
    alpha: float, beta: float, layer_weights: Mapping[str, float], content_target: Tensor, style_moments: Mapping[str, Moments]
) -> tuple[float, dict[str, float]]:
    """What weights of the relative Gram losses are in the units of Gatys et al. 2016, for these targets.

    content_target: the content picture's features (1, C, H, W); style_moments: {layer: the style's}, where layers of weight 0
    may be missing. Returns (alpha, {layer: beta * w_l}) of the paper's total loss, whose sum over layers is not divided by
    their number as the recipe's is.
    """
    # alpha ||F - F_c||^2 / ||F_c - mean(F_c)||^2            = alpha_g 1/2 ||F - F_c||^2
    # beta/L w_l ||G - G_s||_F^2 / ||G_s||_F^2, L layers     = (beta_g w_l) 1/(4 N^2) ||G - G_s||_F^2
    each = beta / len(layer_weights)
    units = {layer: 4 * len(s.mean) ** 2 / float(_gram_scale(s)) for layer, s in style_moments.items()}
    in_units = {layer: each * weight * units[layer] if weight else 0.0 for layer, weight in layer_weights.items()}
    return 2 * alpha / float(_content_scale(content_target)), in_units


def _squares(x: Tensor) -> Tensor:
    return x.square().sum()


def _tiny(x: Tensor) -> float:
    """Last resort for a target of nothing but zeros, which has no scale of its own: finite, and gone for any other."""
    return 1e-12 * x.numel()
