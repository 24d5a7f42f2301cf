"""A tiny real encoder and smooth pictures, both seeded: fast stand-ins for the tests of the engine."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from stylekit import Recipe
from stylekit.encoders import Encoder

CHANNELS = (4, 5, 6, 7, 8)
"""Of the five blocks; all different, so that a mixed-up layer cannot go unnoticed."""


class Toy(Encoder):
    """Convolutions with seeded random weights; each block but the first halves the size. `calls` holds what was asked for."""

    name = "toy"
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.calls: list[tuple[str, ...]] = []
        """the layers of each call, in the order of depth"""
        self.shapes: list[tuple[int, int]] = []
        """(height, width) of the image of each call"""
        self.conv = nn.ModuleDict()
        channels = 3
        for layer in self.layers:
            block = int(layer[4])
            after = CHANNELS[block - 1]
            down = block > 1 and layer.endswith("_1")
            self.conv[layer] = nn.Conv2d(channels, after, *((4, 2) if down else (3, 1)), padding=1)
            channels = after
        generator = torch.Generator().manual_seed(seed)
        for conv in self.conv.values():
            nn.init.normal_(conv.weight, std=(2 / conv.weight[0].numel()) ** 0.5, generator=generator)
            nn.init.uniform_(conv.bias, 0.0, 0.3, generator=generator)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor, layers: Any) -> dict[str, Tensor]:
        """As any encoder's, and noted down."""
        layers = set(layers)
        self.calls.append(tuple(layer for layer in self.layers if layer in layers))
        self.shapes.append((image.shape[2], image.shape[3]))
        return super().forward(image, layers)

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        x = 2 * image - 1
        for layer, conv in self.conv.items():
            x = torch.relu(conv(x))
            if layer in wanted:
                yield layer, x
            if layer == wanted[-1]:
                return


def picture(seed: int = 0, height: int = 32, width: int = 32, detail: int = 6) -> Tensor:
    """A smooth colourful picture (1, 3, height, width) in [0, 1] with about `detail` blobs to a side."""
    blobs = torch.rand(1, 3, detail, detail, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(blobs, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)


def flat(value: float = 0.0, height: int = 32, width: int = 32) -> Tensor:
    """A picture of one grey."""
    return torch.full((1, 3, height, width), value)


def recipe(**settings: Any) -> Recipe:
    """A short recipe for the toy encoder, of one level."""
    return Recipe(**({"encoder": "toy", "size": 32, "steps": 4, "coarsest": 32} | settings))
