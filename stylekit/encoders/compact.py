"""Our own small encoder: a slim VGG-19, several times faster, its weights beside this file (see compact.md).

It has VGG-19's blocks of 3x3 convolutions and the max poolings between them, up to relu5_1. Up to relu3_1 it has a quarter to
two thirds of the channels: the ones that say most about the others, chosen and then trained to stand for all (training/).
From relu3_2 on, a 3x3 convolution has few channels and stands between two 1x1 convolutions: what VGG-19's give has few main
components, so that as many channels as VGG-19 has at its ReLUs cost a fraction of its arithmetic (Kim et al., arXiv
1511.06530). relu4_2 keeps the most: the content loss is measured there.

What it gives for a layer is `root @ features`, where root is the symmetric square root of P'P and P is the linear map from
these features to VGG-19's that was learned in training: distances between features, Gram matrices and covariances
are then those in VGG-19's space (||P D P'|| = ||root D root||), at a fraction of its channels. In the roots of the style layers
training/even_out.py has raised what is weak, so that their losses have the size that VGG-19's have.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from stylekit.encoders import Encoder, begins_block, convolve, pool
from stylekit.errors import WeightsError
from stylekit.recipe import PADDINGS, POOLINGS

WEIGHTS = Path(__file__).with_name("compact.safetensors")
SHA256 = "c4e2e3a2822b208c3cb13e67417b6fd111391d0901b8266dea1b5e55839dea35"

WIDTHS = {
    "relu1_1": (24, 24, 24),
    "relu1_2": (16, 16, 16),
    "relu2_1": (48, 48, 48),
    "relu2_2": (80, 80, 80),
    "relu3_1": (144, 144, 144),
    "relu3_2": (72, 256, 72),
    "relu3_3": (56, 256, 56),
    "relu3_4": (56, 256, 96),
    "relu4_1": (72, 512, 112),
    "relu4_2": (160, 512, 256),
    "relu4_3": (128, 512, 192),
    "relu4_4": (128, 512, 192),
    "relu5_1": (96, 512, 160),
}
"""Channels behind each 3x3 convolution; at the ReLU, to which a 1x1 convolution widens them; and kept, to which another one
narrows them. Where two neighbours are equal, there is none between them."""


class Compact(Encoder):
    """The compact encoder. `Compact()` has random weights (for training); `Compact.load()` the ones of the package."""

    name = "compact"
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
    paddings = PADDINGS[1:]
    poolings = POOLINGS

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.widen, self.narrow, self.root = (nn.ModuleDict() for _ in range(4))
        before = 3
        for name, (rank, wide, kept) in WIDTHS.items():
            self.conv[name] = nn.Conv2d(before, rank, 3, padding=1, bias=rank == wide)
            if rank < wide:
                self.widen[name] = nn.Conv2d(rank, wide, 1)
            if kept < wide:
                self.narrow[name] = nn.Conv2d(wide, kept, 1, bias=False)
            if name in self.layers:
                self.root[name] = nn.Conv2d(kept, kept, 1, bias=False)
            before = kept

    @classmethod
    def load(cls, path: Path = WEIGHTS, sha256: str = SHA256) -> "Compact":
        """The encoder with the weights of `path`; raises WeightsError if the file is missing or not the one expected."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise WeightsError("The compact encoder's weights are missing from this installation; install it anew.") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise WeightsError("The compact encoder's weights are damaged (their sha256 differs); install stylekit anew.")
        encoder = cls()
        encoder.load_state_dict(_unpacked(load_safetensors(data)))
        return encoder

    def packed(self) -> dict[str, Tensor]:
        """The weights as a file holds them: kernels in eight bits, with a step in float16 per filter, all else in float16.

        The rounding moves the features by less than a hundredth of the error that training leaves.
        """
        tensors = {}
        for name, tensor in self.state_dict().items():
            if name.endswith(".weight") and not name.startswith("root."):
                step = (tensor.abs().amax((1, 2, 3)) / 127).clamp_min(1e-7).half()
                tensors[name.replace("weight", "step")] = step
                tensors[name] = (tensor / step.float()[:, None, None, None]).round().clamp(-127, 127).char().contiguous()
            else:
                tensors[name] = tensor.half().contiguous()
        return tensors

    @staticmethod
    def normalized(image: Tensor) -> Tensor:
        """An sRGB image in [0, 1] with roughly zero mean and unit spread: what the first convolution sees."""
        return (image - 0.45) * 4

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        for layer, features in self.walk_unprojected(image, wanted[-1]):
            if layer in wanted:
                yield layer, self.root[layer](features)

    def walk_unprojected(self, image: Tensor, deepest: str) -> Iterator[tuple[str, Tensor]]:
        """Yield `(layer, features)` of the network's own features down to the layer `deepest`, for training."""
        padding, pooling = self.way
        x = self.normalized(image)
        for name, following in zip(WIDTHS, [*WIDTHS, ""][1:], strict=True):
            x = self.at_relu(name, x, padding)
            if begins_block(following):
                x = pool(x, pooling)
            if name in self.narrow:
                x = self.narrow[name](x)
            if name in self.layers:
                yield name, x
            if name == deepest:
                return

    def at_relu(self, name: str, x: Tensor, padding: str) -> Tensor:
        """What the convolutions of `name` and its ReLU make of what is kept of the one before."""
        x = convolve(self.conv[name], x, padding)
        return torch.relu_(self.widen[name](x) if name in self.widen else x)


def _unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Float32 weights of a file's tensors: see `Compact.packed`. A kernel without a step is in float16."""
    steps = {name.replace("step", "weight"): step.float() for name, step in tensors.items() if name.endswith(".step")}
    weights = {name: tensor.float() for name, tensor in tensors.items() if not name.endswith(".step")}
    return {name: w * steps[name][:, None, None, None] if name in steps else w for name, w in weights.items()}
