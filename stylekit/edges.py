"""Edges: what a painting's finest marks are like, seen in its own pixels and not by a network.

    e = max(0, D y)

`y` (9,) is the brightness of 3x3 pixels. The rows of `D` are the eight patterns of such a square that are not flat, and their
negatives: steps, lines and checks, upright, level and across; the discrete cosine transform's, which are orthonormal. What is
measured of `e` is what is measured of an encoder's layer, of which this is the shallowest.

Why a network is not enough: its first layer sees colours more than edges, so that its losses hardly tell which way the finest
grain runs, and it came to run along rows and columns, with VGG-19 no less than with the compact encoder (bench/README.md). Why
a pattern and its negative are two: noise can have the variance of strokes, but not their mean strength, for strokes are few and
strong.

Sources: Ahmed, Natarajan, Rao, "Discrete Cosine Transform" (1974); Portilla and Simoncelli, "A Parametric Texture Model Based on
Joint Statistics of Complex Wavelet Coefficients" (IJCV 2000) for textures by what oriented filters answer; Shang et al.,
"Understanding and Improving Convolutional Neural Networks via Concatenated Rectified Linear Units" (arXiv 1603.05201).
"""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

SIDE = 3
"""Of the patterns, in pixels."""

BRIGHTNESS = (0.299, 0.587, 0.114)
"""Of red, green and blue, as on television (BT.601)."""


@cache
def patterns(device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """(1, 3, 1, 1), what makes brightness of colours, and D (16, 9); made once for each device and precision."""
    # c_u(n) = cos(pi u (n + 1/2) / 3), scaled to length 1; D_uv = c_u c_v', all but D_00; then their negatives
    n = torch.arange(SIDE, dtype=torch.float64)
    waves = torch.cos(math.pi * n[:, None] * (n + 0.5) / SIDE)
    waves = waves / waves.norm(dim=1, keepdim=True)
    each = torch.einsum("ui,vj->uvij", waves, waves).reshape(SIDE**2, SIDE**2)[1:]
    brightness = torch.tensor(BRIGHTNESS, dtype=torch.float64).view(1, 3, 1, 1)
    return brightness.to(device, dtype), torch.cat([each, -each]).to(device, dtype)


def edges(image: Tensor, wrap: bool = False) -> Tensor:
    """(1, 16, H, W) of an image (1, 3, H, W), sRGB in [0, 1]: how much of each pattern is around each pixel, and of its negative.

    Beyond the border the outermost pixels go on, or with `wrap` the opposite side.
    """
    brightness, every = patterns(image.device, image.dtype)
    y = functional.pad(functional.conv2d(image, brightness), (1, 1, 1, 1), mode="circular" if wrap else "replicate")
    squares = functional.unfold(y, SIDE)[0]  # (9, H W): a matrix product is three times as fast as a convolution here
    return (every @ squares).relu_().view(1, -1, *image.shape[2:])
