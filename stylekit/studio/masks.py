"""From what a visitor paints on the photo and on the artworks to masks: each colour of the brush is a region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylekit.errors import SizeError
from stylekit.objective import Masks
from stylekit.pyramid import scaled

COLORS = ("#00b84a", "#d80000", "#1450ff", "#ffd21e", "#f050ff")
"""Of the brush: where the photo is kept, then where artwork A, B, C and D alone applies.

So far apart that paint over other paint, which shines through it, is still nearest to its own colour."""

OPACITY = 0.6
"""Of the brush: the picture shines through what is painted on it. Paint of this opacity covers all."""

MOST_LAYERS, LONGEST_LAYER = 8, 4096
"""How many layers a drawing may have, and the pixels of a side: the page's own has one of PREVIEW pixels."""

LONGEST = 1024
"""Pixels to which a larger drawing is brought down: a mask's edges are soft, and the painting's layers are coarser."""

SOFTNESS, MOST_SOFTNESS = 0.02, 0.5
"""The usual and the largest reach of soft edges, as a share of the longer side."""

Layers = Sequence[np.ndarray]
"""What is painted on one picture: arrays (H, W, 4) uint8 of one size, later ones on top; empty where nothing is."""


@dataclass(frozen=True, eq=False)
class Drawings:
    """All that a visitor has painted, brought down to a small size; masks are made of it once it is their turn."""

    content: Layers = ()
    styles: Mapping[int, Layers] = field(default_factory=dict)
    """on each artwork that is chosen, by its number from 0 to 3"""
    softness: float = 0.0
    """reach of the soft edges as a share of the longer side"""

    @classmethod
    def of(cls, content: Any, styles: Mapping[int, Any], softness: float, size: int) -> "Drawings":
        """From values of the mask editors, for a painting of `size` pixels.

        Raises SizeError for drawings that no editor of the page makes.
        """
        if not isinstance(softness, int | float) or not 0 <= softness <= MOST_SOFTNESS:
            raise SizeError(f"The reach of soft edges must lie between 0 and {MOST_SOFTNESS:g}.")
        longest = min(size, LONGEST)
        on_styles = {number: _layers_of(value, longest) for number, value in styles.items()}
        return cls(_layers_of(content, longest), on_styles, softness)

    @property
    def on_each(self) -> dict[object, Layers]:
        """What is painted on "content" and on the artworks, by their numbers."""
        drawn: dict[object, Layers] = {"content": self.content}
        return drawn | {number: layers for number, layers in self.styles.items()}  # noqa: C416  keys of two kinds

    @property
    def empty(self) -> bool:
        """Whether nothing is painted at all."""
        return not any(len(layers) for layers in self.on_each.values())

    def over(self, below: Mapping[object, Layers]) -> "Drawings":
        """These on top of earlier ones, which are brought to their size where something is painted on both."""
        styles = {number: _stacked(below.get(number, ()), layers) for number, layers in self.styles.items()}
        return Drawings(_stacked(below.get("content", ()), self.content), styles, self.softness)

    def masks(self) -> Masks | None:
        """For the artworks that are chosen, in their order; None where nothing is painted.

        On the photo, what is painted in no colour belongs to all artworks. On an artwork, what is painted is all that is
        looked at. All masks lie in [0, 1]; those of the artworks and of what is kept of the photo add up to 1.
        """
        parts = [regions_of(layers, self.softness) for layers in self.styles.values()]
        looked_at = [None if part is None else 1 - part[:, 1:2] for part in parts]
        looked_at = looked_at if any(mask is not None for mask in looked_at) else []
        regions = regions_of(self.content, self.softness)
        if regions is None:
            return Masks(style=looked_at) if looked_at else None
        kept, free, mine = regions[:, :1], regions[:, 1:2], regions[:, 2:]
        used = bool(mine[:, list(self.styles)].any())
        styles = [(mine[:, number : number + 1] + free).clamp(0, 1) for number in self.styles] if used else []
        return Masks(content=styles, style=looked_at, keep=kept if bool(kept.any()) else None)


def _layers_of(value: Mapping[str, Any] | None, longest: int) -> Layers:
    """The layers of an editor's value on which something is painted, with at most `longest` pixels on a side."""
    layers = [np.asarray(layer) for layer in (value or {}).get("layers") or () if layer is not None]
    layers = [layer for layer in layers if layer.ndim == 3 and layer.shape[2] == 4]
    if len(layers) > MOST_LAYERS:
        raise SizeError(f"A drawing has up to {MOST_LAYERS} layers, not {len(layers)}; clear it and paint it again.")
    if len({layer.shape for layer in layers}) > 1:
        raise SizeError("The layers of a drawing have different sizes; clear it and paint it again.")
    if any(max(layer.shape) > LONGEST_LAYER for layer in layers):
        raise SizeError(f"A drawing has up to {LONGEST_LAYER} pixels on a side; paint it on a smaller picture.")
    return [_smaller(layer, longest) for layer in layers if layer[:, :, 3].any()]


def _stacked(below: Layers, above: Layers) -> Layers:
    """Layers of one size, those of `below` first."""
    size = above[0].shape[1::-1] if above else None
    resized = [np.asarray(Image.fromarray(layer).resize(size, Image.Resampling.NEAREST)) for layer in below if size]
    return [*(resized or below), *above]


def _smaller(layer: np.ndarray, longest: int) -> np.ndarray:
    """A layer (H, W, 4) with at most `longest` pixels on a side; the nearest ones, so that no two colours are mixed."""
    height, width = layer.shape[:2]
    rows, columns = scaled((height, width), min(longest, max(height, width)))
    places = [(2 * np.arange(n) + 1) * side // (2 * n) for n, side in ((rows, height), (columns, width))]
    return layer[np.ix_(*places)]


def regions_of(layers: Layers, softness: float) -> Tensor | None:
    """(1, 2 + MOST_STYLES, H, W) in [0, 1], adding up to 1: photo kept, painted in no colour, then each artwork's."""
    if not layers:
        return None
    covered = torch.zeros(len(COLORS), *layers[0].shape[:2], dtype=torch.float64)
    for layer in layers:  # later ones lie on top
        covers = torch.from_numpy(layer[:, :, 3].astype(np.float64) / (255 * OPACITY)).clamp_max(1)
        covered = covered * (1 - covers) + covers * _nearest_color(layer)
    stack = torch.cat((covered[:1], 1 - covered.sum(0, keepdim=True), covered[1:]))[None]
    return blurred(stack, softness * max(stack.shape[2:])).clamp(0, 1).float()


def _nearest_color(layer: np.ndarray) -> Tensor:
    """(len(COLORS), H, W): 1 for the color that is nearest to a layer's, else 0."""
    colors = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in COLORS]
    away = [np.square(layer[:, :, :3].astype(np.int32) - color).sum(2) for color in colors]
    return torch.nn.functional.one_hot(torch.from_numpy(np.argmin(away, 0)), len(COLORS)).permute(2, 0, 1)


def blurred(stack: Tensor, reach: float) -> Tensor:
    """`stack` (1, C, H, W) with edges that fade over about `reach` pixels to each side: three box blurs, nearly a Gaussian."""
    for _ in range(3):
        for axis in (2, 3):
            stack = _boxed(stack, min(round(reach / 3), stack.shape[axis]), axis)
    return stack


def _boxed(stack: Tensor, pad: int, axis: int) -> Tensor:
    """The mean of `pad` pixels to each side and of the pixel itself along an axis; beyond the border, its pixel goes on.

    By sums from the border on, so that a wide box costs no more than a narrow one; in float64, so that they are exact.
    """
    # mean[i] = (s[i + 2 pad + 1] - s[i]) / (2 pad + 1), s[j] the sum of the j + 1 first, one more in front
    if not pad:
        return stack
    side, width = stack.shape[axis], 2 * pad + 1
    before, after = (stack.narrow(axis, place, 1) for place in (0, side - 1))
    wide = torch.cat((*[before] * (pad + 1), stack, *[after] * pad), axis)
    sums = wide.cumsum(axis, dtype=torch.float64)
    return ((sums.narrow(axis, width, side) - sums.narrow(axis, 0, side)) / width).to(stack.dtype)
