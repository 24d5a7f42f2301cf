"""Our own small encoder: shaped like VGG-19, several times faster, its weights beside this file (see compact.md).

Five blocks, each ending on layers that stand for VGG-19's of the same name. Three begin with a convolution of stride 2 (its
kernel is divisible by its stride, so that no pixel counts more than its neighbour: no checker pattern), which stands for
VGG-19's convolutions and pooling there; the last begins with a max pooling. relu4_2 is the widest: the content loss is measured
there, and so many of VGG-19's 512 channels can only be made from many of ours.

What it gives for a layer is `root @ features`, where root is the symmetric square root of P'P and P is the linear map from
these features to VGG-19's that was learned in training: distances between features, Gram matrices and covariances
are then those in VGG-19's space (||P D P'|| = ||root D root||), at a fraction of its channels. In the roots of the style layers
training/even_out.py has raised what is weak, so that their losses have the size that VGG-19's have.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from stylekit.encoders import Encoder, convolve
from stylekit.errors import WeightsError
from stylekit.recipe import PADDINGS

WEIGHTS = Path(__file__).with_name("compact.safetensors")
SHA256 = "84918504f983d8923ef197a70294e8903d1e1a5bbc9673c9047659813c898cc7"

CONVOLUTIONS = (
    ("relu1_1", 24, 3),
    ("down2", 48, 4),
    ("relu2_1", 48, 3),
    ("down3", 128, 4),
    ("relu3_1", 80, 3),
    ("down4", 224, 4),
    ("relu4_1", 160, 3),
    ("relu4_2", 320, 3),
    ("down5", 256, 1),
    ("mid5", 192, 3),
    ("relu5_1", 192, 3),
)
"""(name, channels, side of the kernel), from the image on, each followed by a ReLU. `down` halves the size: by its own stride
if its kernel is even, otherwise by a max pooling behind it."""


class Compact(Encoder):
    """The compact encoder. `Compact()` has random weights (for training); `Compact.load()` the ones of the package."""

    name = "compact"
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
    paddings = PADDINGS[1:]
    pooling_note = "It shrinks in the way that it has learned: leave the pooling at max, or choose the encoder vgg19."

    def __init__(self, convolutions: Sequence[tuple[str, int, int]] = CONVOLUTIONS) -> None:
        super().__init__()
        self.conv = nn.ModuleDict()
        self.root = nn.ModuleDict()
        before = 3
        for name, channels, side in convolutions:
            self.conv[name] = nn.Conv2d(before, channels, side, stride=2 - side % 2, padding=(side - 1) // 2)
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
        tensors = _unpacked(load_safetensors(data))
        shapes = {name: tensors[f"conv.{name}.weight"].shape for name, *_ in CONVOLUTIONS if f"conv.{name}.weight" in tensors}
        encoder = cls([(name, shape[0], shape[2]) for name, shape in shapes.items()])
        encoder.load_state_dict(tensors)
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

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        for layer, features in self.walk_unprojected(image, wanted[-1]):
            if layer in wanted:
                yield layer, self.root[layer](features)

    def walk_unprojected(self, image: Tensor, deepest: str) -> Iterator[tuple[str, Tensor]]:
        """Yield `(layer, features)` of the network's own features down to the layer `deepest`, for training."""
        padding, _ = self.way
        x = (image - 0.45) * 4  # to roughly zero mean and unit spread
        for name, conv in self.conv.items():
            x = torch.relu_(convolve(conv, x, padding))
            if name.startswith("down") and conv.stride == (1, 1):
                x = nn.functional.max_pool2d(x, 2)
            if name in self.layers:
                yield name, x
            if name == deepest:
                return


def _unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Float32 weights of a file's tensors: see `Compact.packed`; older files have none in eight bits."""
    steps = {name.replace("step", "weight"): step.float() for name, step in tensors.items() if name.endswith(".step")}
    weights = {name: tensor.float() for name, tensor in tensors.items() if not name.endswith(".step")}
    return {name: w * steps[name][:, None, None, None] if name in steps else w for name, w in weights.items()}
