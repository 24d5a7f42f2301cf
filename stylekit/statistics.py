"""What is measured of a style, and how far a painting is from it: pure functions of tensors, the formula above each.

Notation: `F` are the features of one layer, `(1, C, H, W)`, read as a C x M matrix with M = H W locations; `s` marks the
style picture, `x` the painting. Statistics are averages over the locations, so that they do not depend on the size. Every loss
here is relative: 0 = the same, 1 = as far as a picture of nothing.

From top to bottom: moments (what most statistics measure), the losses of moments, sliced projections, nearest neighbours, and
BY_NAME, all statistics that there are.

Sources: Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576) and "Image Style Transfer Using
Convolutional Neural Networks" (CVPR 2016) for the Gram matrix; Gatys et al., "Controlling Perceptual Factors in Neural Style
Transfer" (arXiv 1611.07865) for guides; Li et al., "Demystifying Neural Style Transfer" (arXiv 1701.01036) and Huang and Belongie
(arXiv 1703.06868) for means and variances; Heitz et al., "A Sliced Wasserstein Loss for Neural Texture Synthesis" (arXiv
2006.07229); Kolkin, Salavon, Shakhnarovich, "Style Transfer by Relaxed Optimal Transport and Self-Similarity" (CVPR 2019, arXiv
1904.12785) for nearest neighbours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

FLOOR = 1e-4
"""Smallest denominator of a relative loss, as a share of the picture's own energy: a flat picture is no division by zero."""

SOFTNESS = 0.01
"""Noise that the Bures metric adds to both covariances, as a share of the style's heaviest eigenvalues."""

LEVELS = 1024
"""Equal parts of the probability in which a quantile function is remembered."""

MOST_SORTED = 2**20
"""Numbers that the sliced statistic sorts for one layer at most; of a larger one it takes every n-th row and column."""

MOST_COMPARED = 512
"""Places of one layer at most whose features are compared each with each."""

DEEP = 4
"""Pixels between two places of a layer from which on `nearest` compares it: of denser layers each place sees less than lies
between those that are compared, which would become specks (found so); of them the moments are compared alone."""

PARTS, LEAST = 16, 512
"""Into how many parts the locations of a large layer are divided for its Gram matrix, each of so many locations at least: on
four cores one product of few channels and very many locations takes up to seven times as long as the parts side by side."""


class Moments(NamedTuple):
    """Of the features of one layer: their mean and the mean of their products."""

    mean: Tensor
    """(C,)"""
    second: Tensor
    """(C, C), the Gram matrix divided by the number of locations"""


class Quantiles(NamedTuple):
    """Of the features of one layer: how often which values occur along each of C directions of the feature space."""

    values: Tensor
    """(C, LEVELS), ascending: the means over LEVELS equal parts of the sorted projections"""


class Tangent(NamedTuple):
    """A style's Gaussian, and how far any other near it is in the metric of Bures and Wasserstein: a quadratic form."""

    mean: Tensor
    """(C,)"""
    covariance: Tensor
    """(C, C)"""
    axes: Tensor
    """(C, C), the covariance's eigenvectors in its columns"""
    weights: Tensor
    """(C, C): how much a deviation of the covariance counts, squared, for each pair of axes"""
    scale: Tensor
    """(), how far a picture of nothing is"""


class Sampled(NamedTuple):
    """Of the features of one layer: their moments, and the features themselves at some places."""

    moments: Moments
    vectors: Tensor
    """(C, N), N up to MOST_COMPARED"""
    weights: Tensor
    """(N,), how much each counts; they add up to 1, or are all 0"""


class Neighbours(NamedTuple):
    """A style's features at some places, as directions away from their mean; and its Gaussian."""

    gaussian: Tangent
    directions: Tensor
    """(C, N), of length 1, but shorter close to the mean"""
    weights: Tensor
    """(N,)"""
    near: Tensor
    """(), squared length at which a feature is close to the mean"""
    scale: Tensor
    """(), how far a picture of nothing is"""


Averaged = TypeVar("Averaged", Moments, Quantiles)
"""What is averaged where several pictures are mixed."""

Measured = TypeVar("Measured", Moments, Quantiles, Sampled)
"""What a statistic gives for the features of one layer."""


def guide_at(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """`mask` (1, 1, H, W) in [0, 1] as a guide (1, 1, *size) of a layer: each location has the average of its area."""
    return functional.adaptive_avg_pool2d(mask, size)


def moments(features: Tensor, guide: Tensor | None = None) -> Moments:
    """First and second moment of `features` (1, C, H, W) over its locations, weighted by `guide` (1, 1, H, W) >= 0.

    The guide is measured by its own sum, so that a small region is measured as clearly as a large one. The weights
    enter once (the paper squares them in the Gram matrix), so that guides which add up to one leave no dead gap between
    two regions at a soft edge. A guide of nothing but zeros gives zeros, and no gradient leads there: right for a painting
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


def mix(parts: Sequence[Averaged], shares: Sequence[float] = ()) -> Averaged:
    """What is measured of several pictures as if they were one picture, in `shares` of the locations (default: equal ones).

    Only the ratio of the shares counts; if all are 0 they are taken as equal. Quantile functions are averaged level by
    level, which is the barycentre of optimal transport: colours between two colours, not some of each.
    """
    # mean = sum_i share_i mean_i / sum_i share_i, and so for all that is measured
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
    return squares(x.second - s.second) / gram_scale(s)


def covariance_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of covariances: texture alone, whatever the mean; 0 = same, 1 = as far as a flat picture."""
    # ||C - C_s||_F^2 / ||C_s||_F^2
    cov_s, floor = covariance(s), FLOOR * squares(s.second) + tiny(s.second)
    return squares(covariance(x) - cov_s) / squares(cov_s).clamp_min(floor)


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
    floor = FLOOR * squares(second_s) + tiny(second_s)
    return 0.5 * squares(variance - variance_s) / squares(variance_s).clamp_min(floor) + 0.5 * _mean_loss(x, s)


def wasserstein_loss(x: Moments, s: Moments) -> Tensor:
    """Relative squared Wasserstein-2 distance of the Gaussians with these means and covariances; 0 = same, 1 = all-zero.

    How far features must travel, in the mean of squares, to become the style's. Measured by tr G_s = ||m_s||^2 + tr C_s, how
    far they would all have to travel from zero: unlike tr C_s alone it vanishes for no picture but a black hole.
    """
    # ( ||m - m_s||^2 + tr C + tr C_s - 2 tr (C_s^1/2 C C_s^1/2)^1/2 ) / tr G_s
    p, q = exact(x), exact(s)
    distance = squares(p.mean - q.mean) + bures(covariance(p), covariance(q))
    return (distance / q.second.trace().clamp_min(tiny(q.mean))).to(x.mean)


def bures(c: Tensor, c_s: Tensor) -> Tensor:
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


@torch.no_grad()
def tangent(s: Moments) -> Tangent:
    """The metric of Bures and Wasserstein at a style's covariance, for `bures_loss`: the one eigendecomposition that it takes."""
    # C_s = V diag(l) V^T        w_ij = 1/2 / (l_i + l_j + 2 f)        scale = sum_i w_ii l_i^2 + ||m_s||^2
    q = exact(s)
    covariance_s = covariance(q)
    values, axes = torch.linalg.eigh(torch.nan_to_num(covariance_s, 0, 0, 0))
    values = values.clamp_min(0)  # rounding
    softness = (SOFTNESS * _heaviest(covariance_s)).clamp_min(FLOOR * _heaviest(q.second)) + tiny(q.mean)
    weights = 0.5 / (values[:, None] + values + 2 * softness)
    scale = (weights.diagonal() * values.square()).sum() + squares(q.mean) + tiny(q.mean)
    return Tangent(*(t.to(s.mean) for t in (q.mean, covariance_s, axes, weights, scale)))


def _heaviest(c: Tensor) -> Tensor:
    """The mean of the eigenvalues of `c` (C, C), each weighted by itself: whatever the number of channels."""
    # tr C^2 / tr C
    return squares(c) / c.trace().clamp_min(tiny(c))


def bures_loss(x: Moments, s: Tangent) -> Tensor:
    """`wasserstein_loss` to second order in the covariance: the Bures metric, linearised at the style's.

    It sees the directions that the artwork hardly uses, such as colours in a black and white one, and divides by what is
    there, where distances of covariances see the strongest alone; and costs two products of matrices (C, C), no root.
    SOFTNESS keeps directions that the artwork lacks from weighing infinitely: it is the distance of both Gaussians with as
    much noise added.
    """
    # ( sum_ij w_ij E_ij^2  +  ||m - m_s||^2 ) / the same for C = 0 and m = 0,  E = V^T (C - C_s) V,  w = 1/2 / (l_i + l_j + 2 f)
    turned = s.axes.T @ (covariance(x) - s.covariance) @ s.axes
    return ((turned.square() * s.weights).sum() + squares(x.mean - s.mean)) / s.scale


def exact(m: Moments) -> Moments:
    """In double precision, which roots of products of covariances need; Apple's GPUs have none."""
    return Moments(*((t.cpu() if t.device.type == "mps" else t).double() for t in m))


def _mean_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of means."""
    # ||m - m_s||^2 / ||m_s||^2
    return squares(x.mean - s.mean) / squares(s.mean).clamp_min(tiny(s.mean))


def gram_scale(s: Moments) -> Tensor:
    """What the relative distance of Gram matrices is measured by."""
    return squares(s.second).clamp_min(tiny(s.second))


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
    style's own mean square along them, as in `wasserstein_loss`: a picture of zeros is at distance 1.
    """
    # mean (q - q_s)^2 / mean q_s^2
    return squares(x.values - s.values) / squares(s.values).clamp_min(tiny(s.values))


def sampled(features: Tensor, guide: Tensor | None = None) -> Sampled:
    """Moments of `features` (1, C, H, W), and the features at up to MOST_COMPARED places, which `guide` (1, 1, H, W) chooses.

    Fixed places, where Kolkin et al. draw them anew: so the loss is one function, which L-BFGS needs. A small region of a guide
    has as many as a large picture. What lies between the places is left to the moments.
    """
    # v_n = F at place n of N        w_n = g_n / sum g, or 1/N of places that lie as densely as the guide is strong
    flat, (height, width) = features.squeeze(0).flatten(1), features.shape[2:]
    if guide is None:
        places = _evenly(height, width).to(features.device)
        return Sampled(moments(features), flat.index_select(1, places), flat.new_full((len(places),), 1 / len(places)))
    shares, route = _shares(guide), _route(height, width).to(features.device)
    few = len(route) <= MOST_COMPARED
    places = route if few else _as_dense_as(shares, route)
    weights = shares[places] if few else _shares((shares[places] > 0).to(shares.dtype))
    return Sampled(moments(features, guide), flat.index_select(1, places) * shares.sum().sign(), weights)


@lru_cache(maxsize=16)
def _evenly(height: int, width: int) -> Tensor:
    """Up to MOST_COMPARED of the places of a layer (N,), one at random in each of N equally large parts; always the same."""
    route = _route(height, width)
    count = min(len(route), MOST_COMPARED)
    return route[((torch.arange(count) + _jitter(count)) * (len(route) / count)).long()]


@lru_cache(maxsize=16)
def _route(height: int, width: int) -> Tensor:
    """All places of a layer (H W,) in Morton's order, in which neighbours on the way are neighbours in the layer."""
    y, x = torch.arange(height)[:, None], torch.arange(width)[None]
    bits = range(max(height, width).bit_length())
    code = sum(((y >> k & 1) << 2 * k + 1) + ((x >> k & 1) << 2 * k) for k in bits)
    return torch.as_tensor(code).flatten().argsort()


def _jitter(count: int) -> Tensor:
    """(count,) random numbers from 0 to 1; always the same."""
    return torch.rand(count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _as_dense_as(shares: Tensor, route: Tensor) -> Tensor:
    """MOST_COMPARED places (N,), one at random in each of N parts of the route that have equal shares of `shares` (M,)."""
    sums = shares[route].cumsum(0)
    at = ((torch.arange(MOST_COMPARED) + _jitter(MOST_COMPARED)) / MOST_COMPARED).to(sums) * sums[-1]
    return route[torch.searchsorted(sums, at).clamp_max(len(route) - 1)]


def union(parts: Sequence[Sampled], shares: Sequence[float] = ()) -> Sampled:
    """What is measured of several pictures as if they were one picture, as in `mix`: some features of each, in its share."""
    # share_i N_i of the features of picture i, evenly spread, which together have its share of the weight
    shares = shares if sum(shares) else [1.0] * len(parts)
    used = [(part, share / sum(shares)) for part, share in zip(parts, shares, strict=True) if share]
    kept = [_some(len(part.weights), ratio).to(part.weights.device) for part, ratio in used]
    return Sampled(
        mix([part.moments for part in parts], shares),
        torch.cat([part.vectors[:, places] for (part, _), places in zip(used, kept, strict=True)], 1),
        torch.cat([ratio * _shares(part.weights[places]) for (part, ratio), places in zip(used, kept, strict=True)]),
    )


def _some(count: int, ratio: float) -> Tensor:
    """`ratio` of the numbers below `count`, evenly spread; one at least."""
    some = max(1, round(ratio * count))
    return torch.arange(some) * count // some


@torch.no_grad()
def neighbours(s: Sampled) -> Neighbours:
    """A style as `nearest_loss` takes it."""
    # b_j = (s_j - m_s) / sqrt(|s_j - m_s|^2 + e), e = FLOOR tr C_s        scale = sum_j w_j 1/2 |b_j - b_0|^2, b_0 that of s = 0
    mean = s.moments.mean
    near = FLOOR * covariance(s.moments).trace().clamp_min(0) + tiny(mean)
    directions, nothing = _away(s.vectors, mean, near), _away(torch.zeros_like(mean)[:, None], mean, near)
    scale = 0.5 * ((directions - nothing).square().sum(0) * s.weights).sum() + tiny(mean)
    return Neighbours(tangent(s.moments), directions, s.weights, near, scale)


def _away(vectors: Tensor, mean: Tensor, near: Tensor) -> Tensor:
    """Directions (C, N) in which `vectors` (C, N) lie from `mean` (C,), of length 1 unless they are close to it."""
    away = vectors - mean[:, None]
    return away * (away.square().sum(0) + near).rsqrt()


def nearest_loss(x: Sampled, s: Neighbours) -> Tensor:
    """Relaxed earth mover's distance of features, and `bures_loss`, half each; 0 = same, 1 = as far as a picture of nothing.

    Every place of the painting wants to look like one of the artwork's, and every place of the artwork to be found in the
    painting; the worse of the two counts. Single forms of the artwork come out, where moments know averages alone; but
    directions know neither strength nor proportion, hence the moments (means and covariances in the paper, too). In the paper
    directions are those from 0, of the features of all layers together; those from the style's mean tell more apart.
    """
    # 1/2 max(sum_i w_i min_j D_ij, sum_j w_j min_i D_ij) / scale + 1/2 bures,    D_ij = 1/2 |a_i - b_j|^2 = 1 - cos
    a = _away(x.vectors, s.gaussian.mean, s.near)
    nearest_of_style, nearest_of_painting = _nearest(a.detach(), x.weights, s)
    there = (a - s.directions[:, nearest_of_style]).square().sum(0) @ x.weights
    back = (s.directions - a.index_select(1, nearest_of_painting)).square().sum(0) @ s.weights
    return 0.25 * torch.maximum(there, back) / s.scale + 0.5 * bures_loss(x.moments, s.gaussian)


@torch.no_grad()
def _nearest(a: Tensor, weights: Tensor, s: Neighbours) -> tuple[Tensor, Tensor]:
    """Of each direction in `a` (C, N) the nearest of the style's (N,), and the other way round; none of weight 0."""
    # 1/2 |a_i - b_j|^2 = 1/2 |a_i|^2 + 1/2 |b_j|^2 - a_i b_j
    of_a, of_b = (
        (0.5 * directions.square().sum(0)).masked_fill(w == 0, torch.inf)
        for directions, w in ((a, weights), (s.directions, s.weights))
    )
    apart = torch.addmm(of_a[:, None] + of_b, a.T, s.directions, alpha=-1)
    return apart.argmin(1), apart.argmin(0)


@dataclass(frozen=True)
class Statistic(Generic[Measured]):
    """What may be measured of a style, and how far a painting is from that."""

    measure: Callable[[Tensor, Tensor | None], Measured]
    """(features (1, C, H, W), guide (1, 1, H, W) or None) -> what is measured; the layer's size does not matter"""
    loss: Callable[[Measured, Any], Tensor]
    """(the painting's, the style's target) -> 0 = same, about 1 = as far as a picture of which nothing is measured"""
    target: Callable[[Measured], Any] = lambda measured: measured
    """what is measured of the style -> what a painting's is compared with: made once, where the other two are of every step"""
    mix: Callable[[Sequence[Any], Sequence[float]], Measured] = mix
    """(what is measured of several styles, their shares) -> the same of all together"""
    shallow: "Statistic[Any] | None" = None
    """what is measured of layers whose places lie less than DEEP pixels apart, where that is something else"""

    def at(self, stride: int) -> "Statistic[Any]":
        """The statistic of a layer whose places lie `stride` pixels apart."""
        return self.shallow if self.shallow is not None and stride < DEEP else self


BURES = Statistic(moments, bures_loss, tangent)

BY_NAME: dict[str, Statistic[Any]] = {
    "bures": BURES,
    "mean_covariance": Statistic(moments, mean_covariance_loss),
    "gram": Statistic(moments, gram_loss),
    "covariance": Statistic(moments, covariance_loss),
    "mean_variance": Statistic(moments, mean_variance_loss),
    "wasserstein": Statistic(moments, wasserstein_loss),
    "sliced": Statistic(quantiles, sliced_loss),
    "nearest": Statistic(sampled, nearest_loss, neighbours, union, shallow=BURES),
}
"""All statistics, by the names of recipe.STATISTICS; their losses have one scale."""


def squares(x: Tensor) -> Tensor:
    """Sum of squares."""
    return x.square().sum()


def tiny(x: Tensor) -> float:
    """Last resort for a target of nothing but zeros, which has no scale of its own: finite, and gone for any other."""
    return 1e-12 * x.numel()
