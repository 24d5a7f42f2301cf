"""Our own small encoder: a slim VGG-19, several times faster, its weights beside this file (see compact.md).

It has VGG-19's blocks of 3x3 convolutions and the max poolings between them, up to relu5_1, with a quarter to a half of the
channels: the ones that say most about the others, chosen and then trained to stand for all (training/). relu4_2 is the widest:
the content loss is measured there.

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
SHA256 = "2a06c670cb92ccec48e23b5cb67713e2c61cbe024e336b253ddff934ed711f41"

CHANNELS = {
    "relu1_1": 24,
    "relu1_2": 24,
    "relu2_1": 48,
    "relu2_2": 64,
    "relu3_1": 128,
    "relu3_2": 80,
    "relu3_3": 64,
    "relu3_4": 112,
    "relu4_1": 160,
    "relu4_2": 256,
    "relu4_3": 128,
    "relu4_4": 160,
    "relu5_1": 192,
}
"""Of each 3x3 convolution, from the image on. A ReLU follows each, and a max pooling stands before every further block."""


class Compact(Encoder):
    """The compact encoder. `Compact()` has random weights (for training); `Compact.load()` the ones of the package."""

    name = "compact"
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
    paddings = PADDINGS[1:]
    poolings = POOLINGS

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.ModuleDict()
        self.root = nn.ModuleDict()
        before = 3
        for name, channels in CHANNELS.items():
            self.conv[name] = nn.Conv2d(before, channels, 3, padding=1)
            if name in self.layers:
                self.root[name] = nn.Conv2d(channels, channels, 1, bias=False)
            before = channels

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
            if name.startswith("conv.") and name.endswith(".weight"):
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
        for name, conv in self.conv.items():
            if begins_block(name):
                x = pool(x, pooling)
            x = torch.relu_(convolve(conv, x, padding))
            if name in self.layers:
                yield name, x
            if name == deepest:
                return


def _unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Float32 weights of a file's tensors: see `Compact.packed`. A kernel without a step is in float16."""
    steps = {name.replace("step", "weight"): step.float() for name, step in tensors.items() if name.endswith(".step")}
    weights = {name: tensor.float() for name, tensor in tensors.items() if not name.endswith(".step")}
    return {name: w * steps[name][:, None, None, None] if name in steps else w for name, w in weights.items()}
