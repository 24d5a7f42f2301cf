"""Real encoders, only tiny, and pictures to use them on. The first remembers what it was asked for."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from stylekit.encoders import Encoder, Reach, convolve, pool
from stylekit.encoders.vgg19 import POOLED
from stylekit.recipe import PADDINGS, POOLINGS


class Toy(Encoder):
    """Five blocks of 4 to 12 channels with fixed random weights, in the layer names and strides of VGG-19."""

    name = "toy"
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
    paddings = PADDINGS[1:]

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(7)
        self.conv, self.reaches = nn.ModuleDict(), {}
        before, reach = 3, Reach()
        for layer, channels, stride in zip(self.layers, (4, 6, 8, 10, 10, 12), (1, 2, 2, 2, 1, 2), strict=True):
            conv = nn.Conv2d(before, channels, 2 + stride, stride, padding=1)
            with torch.no_grad():
                conv.weight.copy_(torch.randn(conv.weight.shape, generator=random) / (conv.weight[0].numel() / 2) ** 0.5)
                conv.bias.copy_(0.1 * torch.randn(channels, generator=random))
            self.conv[layer], before = conv, channels
            self.reaches[layer] = reach = reach.behind(2 + stride, stride)
        self.requires_grad_(False)
        self.asked: list[list[str]] = []
        self.deepest: list[str] = []

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        self.asked.append(list(wanted))
        x = (image - 0.5) * 4
        for layer, conv in self.conv.items():
            x = torch.relu(convolve(conv, x, self.mode[0]))
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
        self.conv, self.reaches = nn.ModuleDict(), {}
        before, channels, reach = 3, 4, Reach()
        for layer, relu in zip(self.layers[::2], self.layers[1::2], strict=True):
            conv = nn.Conv2d(before, channels, 3, padding=1)
            with torch.no_grad():
                conv.weight.copy_(torch.randn(conv.weight.shape, generator=random) / (9 * before / 2) ** 0.5)
                conv.bias.copy_(0.1 * torch.randn(channels, generator=random))
            self.conv[layer], before = conv, channels
            self.reaches[layer] = self.reaches[relu] = reach = reach.behind(3)
            if relu in POOLED:
                channels, reach = channels + 1, reach.behind(2, 2)
        self.requires_grad_(False)

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        padding, pooling = self.mode
        x = (image - 0.5) * 4
        for layer, conv in self.conv.items():
            relu, before = layer.replace("conv", "relu"), convolve(conv, x, padding)
            x = torch.relu(before)
            for name, features in ((layer, before), (relu, x)):
                if name in wanted:
                    yield name, features
                if name == wanted[-1]:
                    return
            x = pool(x, pooling) if relu in POOLED else x


def picture(seed: int, height: int = 40, width: int = 56) -> Tensor:
    """A smooth random picture (1, 3, height, width) in [0, 1] with some grain."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 7, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (smooth + 0.05 * torch.randn(1, 3, height, width, generator=random)).clamp(0, 1)
