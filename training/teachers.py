"""The networks whose features the compact encoder learns to reproduce. Their weights are not part of this project.

Layers relu1_1 to relu4_2 come from a VGG-19 file (anything that STYLEKIT_VGG19 may name); relu5_1 comes from the 16-times
smaller VGG-19 of Wang et al., "Collaborative Distillation" (CVPR 2020, MIT), which also tells how VGG-19 sees large shapes.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from stylekit.encoders.vgg19 import VGG19, read_weights

VGG_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2")
CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu4_2": 512, "relu5_1": 512}
"""Of the features that the teachers give, layer by layer."""


class Small(nn.Module):
    """Wang et al.'s encoder down to relu5_1, with the 1x1 map that brings it into VGG-19's space."""

    blocks = (("11", "12"), ("21", "22"), ("31", "32", "33", "34"), ("41", "42", "43", "44"), ("51",))

    def __init__(self, path: Path) -> None:
        super().__init__()
        weights = load_file(path)
        self.conv = nn.ModuleDict()
        for name in {key.split(".")[0] for key in weights}:
            out, into, size, _ = weights[f"{name}.weight"].shape
            self.conv[name] = nn.Conv2d(into, out, size, padding=size // 2, padding_mode="reflect" if size > 1 else "zeros")
            self.conv[name].load_state_dict({p: weights[f"{name}.{p}"] for p in ("weight", "bias")})

    def forward(self, image: Tensor) -> Tensor:
        """relu5_1 (B, 512, H/16, W/16) of an sRGB image (B, 3, H, W) in [0, 1]."""
        x = self.conv["conv0"](image)
        for number, block in enumerate(self.blocks):
            x = torch.max_pool2d(x, 2) if number else x
            for name in block:
                x = torch.relu(self.conv[f"conv{name}"](x))
        return torch.relu(self.conv["conv51_aux"](x))


class Teachers(nn.Module):
    """Both teachers in bfloat16, which is exact enough for a target and twice as fast where the processor knows it."""

    def __init__(self, vgg19: Path, small: Path) -> None:
        super().__init__()
        self.vgg19, self.small = VGG19(read_weights(vgg19)), Small(small)
        self.requires_grad_(False).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """`{layer: (B, C, h, w)}` float32 of sRGB images (B, 3, H, W) in [0, 1]."""
        with torch.autocast(images.device.type, torch.bfloat16):
            features = self.vgg19(images, VGG_LAYERS) | {"relu5_1": self.small(images)}
        return {layer: x.float() for layer, x in features.items()}
