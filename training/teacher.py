"""The network whose features the compact encoder learns to reproduce. Its weights are not part of this project."""

from pathlib import Path

import torch
from torch import Tensor, nn

from stylekit.encoders.compact import Compact
from stylekit.encoders.vgg19 import VGG19, read_weights

CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu4_2": 512, "relu5_1": 512}
"""Of VGG-19's features, layer by layer."""


class Teacher(nn.Module):
    """VGG-19 in bfloat16, which is exact enough for a target and twice as fast where the processor knows it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.vgg19 = VGG19(read_weights(path)).requires_grad_(False).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """`{layer: (B, C, h, w)}` float32 of sRGB images (B, 3, H, W) in [0, 1]."""
        with torch.autocast(images.device.type, torch.bfloat16):
            features = self.vgg19(images, Compact.layers)
        return {layer: x.float() for layer, x in features.items()}
