"""From what a visitor paints on the photo, and on the first artwork, to masks: each colour of the brush is a region."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stylekit.recipe import MOST_STYLES
from stylekit.transfer import Masks

COLORS = ("#2f9e44", "#e03131", "#1971c2", "#f59f00", "#9c36b5")
"""Of the brush: where the photo is kept, then where artwork A, B, C and D alone applies."""


def masks_of(
    drawing: Mapping[str, Any] | None, artworks: int, softness: float = 0.0, cutout: Mapping[str, Any] | None = None
) -> Masks | None:
    """The masks of the image editors' values, for so many artworks; None where nothing is painted.

    `drawing` is on the photo; what is painted in no colour belongs to all artworks. `cutout` is on the first artwork: what is
    painted is all that is looked at. A value's `layers` are arrays (H, W, 4) uint8. `softness` is the reach of the soft edges
    as a share of the longer side: the masks are blurred together and go on adding up to 1.
    """
    regions, parts = regions_of(drawing, softness), regions_of(cutout, softness)
    looked_at = [] if parts is None else [1 - parts[:, 1:2]]
    if regions is None:
        return Masks(artworks=looked_at) if looked_at else None
    photo, free, mine = regions[:, :1], regions[:, 1:2], regions[:, 2:]
    used = [k for k in range(min(artworks, MOST_STYLES)) if bool(mine[:, k].any())]
    styles = [mine[:, k : k + 1] + free for k in range(artworks)] if used else []
    return Masks(styles=styles, artworks=looked_at, photo=photo if bool(photo.any()) else None)


def regions_of(drawing: Mapping[str, Any] | None, softness: float) -> Tensor | None:
    """(1, 2 + MOST_STYLES, H, W) in [0, 1], adding up to 1: photo kept, painted in no colour, then each artwork's."""
    layers = [np.asarray(layer) for layer in (drawing or {}).get("layers") or () if layer is not None]
    layers = [layer for layer in layers if layer.ndim == 3 and layer.shape[2] == 4 and layer[:, :, 3].any()]
    if not layers:
        return None
    red_green_blue = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in COLORS], np.float32)
    covered = np.zeros((*layers[0].shape[:2], len(COLORS)), np.float32)
    for layer in layers:  # later ones lie on top
        away = np.square(layer[:, :, None, :3].astype(np.float32) - red_green_blue).sum(3)
        alpha = layer[:, :, 3:].astype(np.float32) / 255
        covered = covered * (1 - alpha) + alpha * (away == away.min(2, keepdims=True))
    stack = torch.from_numpy(covered).permute(2, 0, 1)[None].clamp(0, 1)
    stack = torch.cat((stack[:, :1], (1 - stack.sum(1, keepdim=True)).clamp(0, 1), stack[:, 1:]), 1)
    return blurred(stack, softness * max(stack.shape[2:]))


def blurred(stack: Tensor, reach: float) -> Tensor:
    """`stack` (1, C, H, W) with edges that fade over about `reach` pixels to each side: three box blurs, nearly a Gaussian."""
    pad = round(reach / 3)
    for _ in range(3 if pad else 0):
        padded = torch.nn.functional.pad(stack, [pad] * 4, mode="replicate")
        stack = torch.nn.functional.avg_pool2d(padded, 2 * pad + 1, stride=1)
    return stack
