"""The losses: pure functions of tensors, the formula above each.

Notation: `F` are the features of one layer, `(1, C, H, W)`, read as a C x M matrix with M = H W locations; `s` marks the
style picture, `c` the content picture. Statistics are averages over the locations, so that they do not depend on the size.

Sources: Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576) and "Image Style Transfer Using
Convolutional Neural Networks" (CVPR 2016) for the content loss and the Gram matrix; Mahendran and Vedaldi, "Understanding
Deep Image Representations by Inverting Them" (arXiv 1412.0035) for total variation as an image prior.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

FLOOR = 1e-4
"""Smallest denominator of a relative loss, as a share of the picture's own energy: a flat picture is no division by zero."""

TV_FLOOR = 1e-4
"""Smallest denominator of the relative TV loss: neighbouring pixels that differ by 0.01 (of 1) in the root mean square."""


class Moments(NamedTuple):
    """What a style layer remembers of a picture: the average feature vector and the average of its products."""

    mean: Tensor
    """(C,)"""
    second: Tensor
    """(C, C), the Gram matrix divided by the number of locations"""


def moments(features: Tensor) -> Moments:
    """First and second moment of `features` (1, C, H, W) over its locations."""
    # mean = 1/M sum_k F_k        second = 1/M F F^T
    return Moments(*_MomentsOf.apply(features.squeeze(0).flatten(1)))


class _MomentsOf(torch.autograd.Function):
    """(mean, second) of F (C, M), with a gradient of one matrix product; torch's own would take two, and a copy of F each."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(flat)
        return flat.mean(1), flat @ flat.T / flat.shape[1]

    @staticmethod
    def backward(ctx: Any, mean: Tensor, second: Tensor) -> Tensor:
        # dF = 1/M (dmean 1^T + (dsecond + dsecond^T) F)
        (flat,) = ctx.saved_tensors
        places = flat.shape[1]
        out = torch.empty_like(flat)  # in the memory order of the features, or else it would be copied into that later
        return torch.addmm(mean[:, None] / places, (second + second.T) / places, flat, out=out)


def mix(parts: list[Moments]) -> Moments:
    """Moments of several pictures as if they were one picture, each with an equal share of the locations."""
    return Moments(torch.stack([p.mean for p in parts]).mean(0), torch.stack([p.second for p in parts]).mean(0))


def covariance(m: Moments) -> Tensor:
    """Centred covariance (C, C)."""
    # C = 1/M F F^T - mean mean^T
    return m.second - torch.outer(m.mean, m.mean)


def gram_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of Gram matrices; 0 = same, 1 = as far as an all-zero Gram matrix."""
    # ||G - G_s||_F^2 / ||G_s||_F^2
    return _squares(x.second - s.second) / _squares(s.second).clamp_min(_tiny(s.second))


def mean_covariance_loss(x: Moments, s: Moments) -> Tensor:
    """Relative distance of means and of covariances, half each; bolder than the Gram matrix at the same weight.

    The Gram matrix of non-negative features is dominated by their mean; taking the mean apart lets the textures speak.
    """
    # 1/2 ||C - C_s||_F^2 / ||C_s||_F^2  +  1/2 ||m - m_s||^2 / ||m_s||^2
    cov_s, floor = covariance(s), FLOOR * _squares(s.second) + _tiny(s.second)
    cov = _squares(covariance(x) - cov_s) / _squares(cov_s).clamp_min(floor)
    mean = _squares(x.mean - s.mean) / _squares(s.mean).clamp_min(_tiny(s.mean))
    return 0.5 * cov + 0.5 * mean


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Relative distance of features (1, C, H, W); 0 = same, 1 = as far as a picture of the average feature everywhere."""
    # ||F - F_c||^2 / ||F_c - mean(F_c)||^2
    spread = _squares(target - target.mean((2, 3), keepdim=True))
    return _squares(features - target) / spread.clamp_min(FLOOR * _squares(target) + _tiny(target))


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of `image` (1, 3, H, W); 0 for a flat picture."""
    # TV(x) = mean (x[i+1,j] - x[i,j])^2 + mean (x[i,j+1] - x[i,j])^2
    down, right = image[:, :, 1:] - image[:, :, :-1], image[:, :, :, 1:] - image[:, :, :, :-1]
    return sum((d.square().mean() for d in (down, right) if d.numel()), image.new_zeros(()))


def tv_loss(image: Tensor, content: Tensor) -> Tensor:
    """Total variation relative to the content picture's; 1 = as busy as the photo."""
    # TV(x) / TV(content)
    return total_variation(image) / total_variation(content).clamp_min(TV_FLOOR)


def gatys_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Content loss with the constants of Gatys et al. 2016, equation 1; depends on size and encoder."""
    # 1/2 sum (F - P)^2
    return 0.5 * _squares(features - target)


def gatys_style_loss(x: Moments, s: Moments) -> Tensor:
    """Style loss of one layer with the constants of Gatys et al. 2016, equation 4.

    Their Gram matrices are sums over M locations, divided by 1/(4 N^2 M^2) in the loss; with averaged matrices M^2
    cancels, so that, unlike in the paper, the two pictures need not have the same size.
    """
    # E = 1/(4 N^2 M^2) ||F F^T - S S^T||_F^2 = 1/(4 N^2) ||G - G_s||_F^2
    return _squares(x.second - s.second) / (4 * len(x.mean) ** 2)


def _squares(x: Tensor) -> Tensor:
    return x.square().sum()


def _tiny(x: Tensor) -> float:
    """Last resort for a target of nothing but zeros, which has no scale of its own: finite, and gone for any other."""
    return 1e-12 * x.numel()
