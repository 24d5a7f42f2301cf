"""Our own small encoder: a slim VGG-19, several times faster, its weights beside this file (see compact.md).

It has VGG-19's blocks of 3x3 convolutions and the poolings between them, up to relu5_1, without three convolutions that it
does about as well without: the third of block 3, the last two of block 4. The first four layers have a quarter to two thirds
of the channels: those from which the others are best predicted, selected and then trained to stand for all (training/). From
relu3_1 on, each ReLU has as many channels as VGG-19's. A few principal components hold most of the variance of what goes into
it, and of what the next convolution makes of it: so a 3x3 convolution of few channels stands between two 1x1 convolutions
(Kim et al., arXiv 1511.06530); behind relu2_2 one narrows, too. All together have an eleventh of VGG-19's arithmetic.

relu3_1 and relu4_2 are given as they are: VGG-19's features, channel by channel. For another layer it gives
`root @ features`, where root is the symmetric square root of P'P and P is the linear map from these features to VGG-19's that
was learned in training: distances between features, Gram matrices and covariances are then those in VGG-19's space
(||P D P'|| = ||root D root||), at a fraction of its channels. training/calibrate.py has amplified the weak directions of the
roots, so that their losses have the size that VGG-19's have.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from stylekit.encoders import Encoder, Reach, convolve, pool
from stylekit.errors import WeightsError
from stylekit.recipe import PADDINGS, POOLINGS

WEIGHTS = Path(__file__).with_name("compact.safetensors")
SHA256 = "0e7d4d381cc86c50daf0e4a70bf33b73a17961e2f948ba9d3be188ee3222fc04"

WIDTHS = {
    "relu1_1": (24, 24, 24),
    "relu1_2": (16, 16, 16),
    "relu2_1": (32, 32, 32),
    "relu2_2": (80, 80, 56),
    "relu3_1": (80, 256, 72),
    "relu3_2": (64, 256, 56),
    "relu3_4": (56, 256, 96),
    "relu4_1": (72, 512, 128),
    "relu4_2": (144, 512, 256),
    "relu5_1": (144, 512, 192),
}
"""Channels behind each 3x3 convolution; at the ReLU, to which a 1x1 convolution widens them; and kept, to which another one
narrows them. Where two neighbours are equal, there is none between them."""
POOLED = ("relu1_2", "relu2_2", "relu3_4", "relu4_2")
"""Layers behind whose ReLU the picture is halved."""
NARROWED = ("relu4_1", "relu5_1")
"""Layers of which what is kept is given; of the others, what is at the ReLU."""
OWN = ("relu3_1", "relu4_2")
"""Layers that have VGG-19's channels at the ReLU, in its order, and need no root."""


class Compact(Encoder):
    """The compact encoder. `Compact()` has random weights (for training); `Compact.load()` the ones of the package."""

    name = "compact"
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
    paddings = PADDINGS[1:]
    poolings = POOLINGS

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.widen, self.narrow, self.root = (nn.ModuleDict() for _ in range(4))
        self.reaches = {}
        before, reach = 3, Reach()
        for name, (rank, wide, kept) in WIDTHS.items():
            self.conv[name] = nn.Conv2d(before, rank, 3, padding=1, bias=rank == wide)
            if rank < wide:
                self.widen[name] = nn.Conv2d(rank, wide, 1)
            if kept < wide:
                self.narrow[name] = nn.Conv2d(wide, kept, 1, bias=False)
            if name in self.layers and name not in OWN:
                given = kept if name in NARROWED else wide
                self.root[name] = nn.Conv2d(given, given, 1, bias=False)
            self.reaches[name] = reach = reach.behind(kernel=3)
            before, reach = kept, reach.behind(kernel=2, stride=2) if name in POOLED else reach

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
        encoder.load_state_dict(load_safetensors(data))
        return encoder

    def packed(self) -> dict[str, Tensor]:
        """The weights as a file holds them: in float16."""
        return {name: tensor.half().contiguous() for name, tensor in self.state_dict().items()}

    @staticmethod
    def normalized(image: Tensor) -> Tensor:
        """An sRGB image in [0, 1] with roughly zero mean and unit spread: what the first convolution sees."""
        return (image - 0.45) * 4

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        for layer, features in self.walk_unprojected(image):
            if layer in wanted:
                yield layer, self.root[layer](features) if layer in self.root else features
            if layer == wanted[-1]:
                return

    def walk_unprojected(self, image: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield `(layer, features)` of the network's own features, for training; goes no deeper than it is asked to."""
        padding, pooling = self.mode
        x = self.normalized(image)
        for name in self.conv:
            x = self.convolved(name, x, padding)
            if name in POOLED and name not in self.layers and pooling == "max":
                x = torch.relu_(pool(x, pooling))  # the same as behind the ReLU, which then has a quarter to do
            else:
                x = torch.relu_(x)
                if name in self.layers and name not in NARROWED:
                    yield name, x
                if name in POOLED:
                    x = pool(x, pooling)
            if name in self.narrow:
                x = self.narrow[name](x)
            if name in NARROWED:
                yield name, x

    def convolved(self, name: str, x: Tensor, padding: str) -> Tensor:
        """What the convolutions of `name` make of what is kept of the layer before."""
        x = convolve(self.conv[name], x, padding)
        return self.widen[name](x) if name in self.widen else x
