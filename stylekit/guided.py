"""The guided filter: smooths one picture along another, so that its edges stay where the other has some.

He, Sun, Tang, "Guided Image Filtering" (ECCV 2010; PAMI 35, 2013). Colours smoothed along the lightness of their picture lose
flecks, which lightness does not have, and end where its forms end.
"""

import torch
from torch import Tensor
from torch.nn import functional

SOFTNESS = 1e-4
"""The filter's epsilon: variance of a guide in [0, 1] up to which it counts as flat, so that all there becomes one."""

FINE = 4
"""Radius in places from which on the local lines are fitted on a coarser grid: the same windows, a fraction of the work."""


def guided_filter(values: Tensor, guide: Tensor, radius: int, wrap: bool = False) -> Tensor:
    """`values` (1, C, H, W) as locally linear functions of `guide` (1, 1, H, W) in [0, 1], in windows of 2 radius + 1 pixels.

    With `wrap`, what is beyond a border is the opposite side, as in a tile; else windows end at the border.
    """
    # p ~ a I + b in each window:  a = cov(I, p) / (var I + SOFTNESS),  b = mean p - a mean I;  q = mean(a) I + mean(b)
    step = max(1, radius // FINE)
    reach = max(1, radius // step)
    coarse = _shrunk(torch.cat((guide, values, guide.square(), guide * values), 1), step)
    channels = values.shape[1]
    i, p, ii, ip = _box(coarse, reach, wrap).split([1, channels, 1, channels], 1)
    a = (ip - i * p) / (ii - i.square() + SOFTNESS)
    a, b = _grown(_box(torch.cat((a, p - a * i), 1), reach, wrap), step, guide.shape[2:], wrap).split(channels, 1)
    filtered: Tensor = a * guide + b
    return filtered


def _shrunk(x: Tensor, step: int) -> Tensor:
    """Means of step x step places (1, C, ceil(H / step), ceil(W / step)); fewer at the end."""
    small: Tensor = functional.avg_pool2d(x, step, ceil_mode=True, count_include_pad=False)
    return small


def _grown(x: Tensor, step: int, size: torch.Size, wrap: bool) -> Tensor:
    """The inverse of `_shrunk`: linear between the middles, (1, C, *size)."""
    if step == 1:
        return x
    x = functional.pad(x, (1, 1, 1, 1), mode="circular" if wrap else "replicate")
    x = functional.interpolate(x, scale_factor=step, mode="bilinear", align_corners=False)
    return x[..., step : step + size[0], step : step + size[1]]


def _box(x: Tensor, reach: int, wrap: bool) -> Tensor:
    """Means over squares of 2 reach + 1 places (1, C, H, W), one axis after the other."""
    for axis in (0, 1):
        kernel, padding = [1, 1], [0, 0]
        kernel[axis], padding[axis] = 2 * reach + 1, reach
        if wrap:
            x = functional.avg_pool2d(functional.pad(x, (padding[1],) * 2 + (padding[0],) * 2, mode="circular"), kernel, 1)
        else:
            x = functional.avg_pool2d(x, kernel, 1, padding, count_include_pad=False)
    return x
