"""Real encoders, only tiny, and pictures to use them on. The first remembers what it was asked for."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from stylekit.encoders import Encoder, convolve
from stylekit.encoders.vgg19 import pool
from stylekit.recipe import PADDINGS, POOLINGS


class Toy(Encoder):
    """Five blocks of 4 to 12 channels with fixed random weights, in the layer names and strides of VGG-19."""

    name = "toy"
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
    paddings = PADDINGS[1:]

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(7)
        self.conv = nn.ModuleDict()
        before = 3
        for layer, channels in zip(self.layers, (4, 6, 8, 10, 10, 12), strict=True):
            stride = 2 if layer.endswith("_1") and layer != "relu1_1" else 1
            conv = nn.Conv2d(before, channels, 2 + stride if stride == 2 else 3, stride, padding=1)
            with torch.no_grad():
                conv.weight.copy_(torch.randn(conv.weight.shape, generator=random) / (conv.weight[0].numel() / 2) ** 0.5)
                conv.bias.copy_(0.1 * torch.randn(channels, generator=random))
            self.conv[layer], before = conv, channels
        self.requires_grad_(False)
        self.asked: list[list[str]] = []
        self.deepest: list[str] = []

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        self.asked.append(list(wanted))
        x = (image - 0.5) * 4
        for layer, conv in self.conv.items():
            x = torch.relu(convolve(conv, x, self.way[0]))
            if layer in wanted:
                yield layer, x
            if layer == wanted[-1]:
                self.deepest.append(layer)
                return


class Small19(Encoder):
    """VGG-19 up to relu5_2 with 4 to 8 channels and fixed random weights, in place of the real one: it has its name."""

    name = "vgg19"
    layers = tuple(
        f"{kind}{block}_{n}"
        for block, count in enumerate((2, 2, 4, 4, 2), start=1)
        for n in range(1, count + 1)
        for kind in ("conv", "relu")
    )
    paddings = PADDINGS[1:]
    poolings = POOLINGS

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(19)
        self.conv = nn.ModuleDict()
        before = 3
        for layer in self.layers[::2]:
            channels = 3 + int(layer[4])
            conv = nn.Conv2d(before, channels, 3, padding=1)
            with torch.no_grad():
                conv.weight.copy_(torch.randn(conv.weight.shape, generator=random) / (9 * before / 2) ** 0.5)
                conv.bias.copy_(0.1 * torch.randn(channels, generator=random))
            self.conv[layer], before = conv, channels
        self.requires_grad_(False)

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        padding, pooling = self.way
        x = (image - 0.5) * 4
        for layer, conv in self.conv.items():
            if layer.endswith("_1") and layer != "conv1_1":
                x = pool(x, pooling)
            before = convolve(conv, x, padding)
            x = torch.relu(before)
            for name, features in ((layer, before), (layer.replace("conv", "relu"), x)):
                if name in wanted:
                    yield name, features
                if name == wanted[-1]:
                    return


def picture(seed: int, height: int = 40, width: int = 56) -> Tensor:
    """A smooth random picture (1, 3, height, width) in [0, 1] with some grain."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 7, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (smooth + 0.05 * torch.randn(1, 3, height, width, generator=random)).clamp(0, 1)
