"""Optical flow: where each place of a picture was in the picture before, and where that can be believed.

The flow itself is OpenCV's DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016). What it cannot know,
because it was hidden or is new, or lies on the edge of something that moves, is found as in Ruder, Dosovitskiy, Brox, "Artistic
style transfer for videos" (GCPR 2016): follow the flow there, and then the other flow back; who does not arrive where he began
has been fooled.

Images are tensors (1, 3, H, W), sRGB in [0, 1]; a flow is (1, 2, H, W), in pixels, x before y; both on the CPU.
"""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from stylekit.pictures import to_array

LEAST_SIDE = 16
"""Pixels of a side below which nothing is seen to move."""

ROUND_TRIP, SLACK = 0.01, 0.5
"""Squared pixels by which a round trip may miss its beginning: so much of the squares of both flows, and so many always."""

EDGE, EDGE_SLACK = 0.01, 0.002
"""Squared change of the flow from pixel to pixel beyond which something ends there: of the square of the flow, and always."""


@lru_cache(maxsize=1)
def _dis() -> Any:
    import cv2

    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def flow(image: Tensor, other: Tensor) -> Tensor:
    """(1, 2, H, W): what is at p in `image` is at p + flow in `other`, a picture of the same size."""
    import cv2

    if min(image.shape[2:]) < LEAST_SIDE:
        return torch.zeros(1, 2, *image.shape[2:])
    pair = [cv2.cvtColor(to_array(each), cv2.COLOR_RGB2GRAY) for each in (image, other)]
    return torch.from_numpy(_dis().calc(*pair, None)).permute(2, 0, 1)[None].contiguous()


def warp(x: Tensor, along: Tensor, mode: str = "bicubic") -> Tensor:
    """x (1, C, H, W) moved: at each place p what is at p + along in it; beyond its border, what is at the border."""
    return functional.grid_sample(x, _places(along), mode=mode, padding_mode="border", align_corners=False)


def trusted(back: Tensor, forth: Tensor) -> Tensor:
    """(1, 1, H, W): 1 where the flow `back` to another picture can be believed, else 0; `forth` is that picture's flow here."""
    there = warp(forth, back, "bilinear")
    missed = _squared(back + there) > ROUND_TRIP * (_squared(back) + _squared(there)) + SLACK
    across, down = (
        _squared(functional.pad(back, pad, mode="replicate").diff(dim=dim)) for dim, pad in ((3, (0, 1, 0, 0)), (2, (0, 0, 0, 1)))
    )
    edge = across + down > EDGE * _squared(back) + EDGE_SLACK
    inside = (_places(back).abs() <= 1).all(-1)[:, None]
    return (inside & ~missed & ~edge).to(back.dtype)


def _places(along: Tensor) -> Tensor:
    """(1, H, W, 2): where each place's flow leads, as grid_sample counts: -1 and 1 are the picture's borders."""
    height, width = along.shape[2:]
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([(x + along[0, 0]) * 2 / width - 1, (y + along[0, 1]) * 2 / height - 1], -1)[None]


def _squared(flow: Tensor) -> Tensor:
    """(1, 1, H, W): the squared length at each place."""
    return flow.square().sum(1, keepdim=True)
