"""Tensors to other sizes: squeezed, cut to cover, and made into tiles.

An image is a tensor (1, C, H, W) in [0, 1]; a size is (height, width).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from stylekit.errors import SizeError

TILE_FADE = 0.25
"""Of a side: how far in a tile's borders fade into each other."""


def check_size(size: object) -> None:
    """Raises SizeError for a side that is not a positive int."""
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise SizeError(f"A size is a whole number of pixels, at least 1, such as 512; {size!r} is not.")


def fit(image: Tensor, size: tuple[int, int]) -> Tensor:
    """`image` (1, C, H, W) in [0, 1] at `size` = (height, width), whatever that does to its aspect ratio.

    Bicubic with antialiasing, clamped to [0, 1]; on the device of `image`. If it has that size, `image` itself.
    """
    for side in size:
        check_size(side)
    if image.shape[-2:] == tuple(size):
        return image
    return resample(image, size).clamp(0, 1)


def resample(x: Tensor, size: tuple[int, int], mode: str = "bicubic", wrap: bool = False) -> Tensor:
    """x (1, C, H, W) of any values at `size` = (height, width), with antialiasing; `mode` is bicubic or bilinear.

    With `wrap`, what is beyond a border is the opposite side, as in a tile.
    """
    if not wrap:
        return functional.interpolate(x, tuple(size), mode=mode, align_corners=False, antialias=True)
    # so many pixels more that they are whole ones at both sizes, and enough for the bicubic kernel
    units = [math.gcd(side, new) for side, new in zip(x.shape[2:], size, strict=True)]
    more = [math.ceil(3 * unit / side) * side // unit for side, unit in zip(x.shape[2:], units, strict=True)]
    top, left = (n * new // side for n, new, side in zip(more, size, x.shape[2:], strict=True))
    wide = functional.pad(x, (more[1], more[1], more[0], more[0]), mode="circular")
    wide = functional.interpolate(wide, (size[0] + 2 * top, size[1] + 2 * left), mode=mode, align_corners=False, antialias=True)
    return wide[..., top : top + size[0], left : left + size[1]].contiguous()


def fill(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The largest centred part of `image` (1, C, H, W) with the aspect ratio of `size` = (height, width), at that size.

    Cut first, then resized, so that a long strip never becomes a huge picture on its way.
    """
    for side in size:
        check_size(side)
    height, width = image.shape[-2:]
    scale = max(size[0] / height, size[1] / width)
    rows, columns = max(1, round(size[0] / scale)), max(1, round(size[1] / scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    return fit(image[..., top : top + rows, left : left + columns], size)


def tile(image: Tensor) -> Tensor:
    """`image` (1, 3, H, W) with each border faded into the opposite one, so that it is a tile: without, there would be an edge.

    At a border both are mixed half and half, and the picture is its own from TILE_FADE of a side on.
    """
    # x'[i] = (1 - w[i]) x[i] + w[i] x[n-1-i], w from 1/2 at the border down to 0
    for axis in (2, 3):
        side = image.shape[axis]
        places = torch.arange(side, device=image.device, dtype=image.dtype)
        away = torch.minimum(places, side - 1 - places) / (TILE_FADE * side)
        weight = (0.25 + 0.25 * torch.cos(torch.pi * away.clamp_max(1))).view([-1 if n == axis else 1 for n in range(4)])
        image = image.lerp(image.flip(axis), weight)
    return image


def tiles(image: Tensor) -> bool:
    """Whether `image` (1, C, H, W) is a tile: nowhere does the step from one border to the opposite one stand out.

    That is, it is no larger than the mean step between neighbouring rows, or columns, and twice their standard deviation.
    """
    for axis in (2, 3):
        across, inside = (image - image.roll(1, axis)).abs().mean([1, 5 - axis]).flatten().split([1, image.shape[axis] - 1])
        if len(inside) > 1 and across > inside.mean() + 2 * inside.std():
            return False
    return True
