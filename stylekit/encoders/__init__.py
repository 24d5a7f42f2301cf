"""Encoders: networks that turn a picture into features, layer by layer. The only room that knows a network.

`load_encoder("compact")` needs nothing but this package; `load_encoder("vgg19")` needs torchvision's weights.
"""

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from stylekit.errors import RecipeError, SizeError
from stylekit.recipe import ENCODERS, POOLINGS

MARGIN = 16
"""Pixels that "mirror" continues a picture by, or the next whole stride: at 32 the border looks no better (bench/borders.py)."""

AVERAGE, L2 = 1.4, 1.3
"""Times the mean, and times the root of the mean square, of four neighbours: about as large as the largest of them.

Without, each of the four poolings would lower what all later layers see, relu5_1 to a third. Measured on the samples in
assets/, at 128 to 448 pixels, with VGG-19's own filters up to conv3_4 and fitted ones below: these keep the means of relu2_1
to relu5_1 within a fifth of those with max pooling, and compact's features within a quarter. (crowsonkb's 2
and, by this count, 1.56 raise relu5_1 four and two times.)
"""


class Reach(NamedTuple):
    """How far apart the neighbours of a layer lie in the image, and how much of the image each of them sees; in pixels."""

    stride: int = 1
    receptive_field: int = 1

    def behind(self, kernel: int, stride: int = 1) -> "Reach":
        """The reach behind one more convolution or pooling, of `kernel` places a side."""
        # Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019
        return Reach(self.stride * stride, self.receptive_field + (kernel - 1) * self.stride)


class Encoder(nn.Module, ABC):
    """A frozen network from an sRGB image to features. Owns its normalisation; goes no deeper than asked.

    An encoder of one's own says its `name`, `layers` and `reaches`, and walks the layers. It has one way of treating borders
    and of shrinking, called "zeros" and "max" whatever it is, unless it lists more in `paddings` and `poolings`; then its
    `_walk` does as `padding, pooling = self.mode` says. "mirror" every encoder has: it is done here, around `_walk`.
    """

    name: str
    layers: tuple[str, ...]
    """Every layer that can be asked for, from shallow to deep."""
    reaches: dict[str, Reach]
    """Of every layer. Counted with `Reach().behind(...)`, operation by operation, where the network is built."""
    paddings: tuple[str, ...] = ("zeros",)
    """Every padding that `_walk` does; "zeros" is among them."""
    poolings: tuple[str, ...] = POOLINGS[:1]
    """Every pooling that `variant` can give; the first of POOLINGS is among them."""
    mode: tuple[str, str] = ("zeros", POOLINGS[0])
    """(padding, pooling): what it sees beyond the border, how it shrinks between blocks."""

    def variant(self, padding: str = "zeros", pooling: str = POOLINGS[0]) -> "Encoder":
        """This network with another `padding` and `pooling`; itself if it has them already.

        The weights are shared and not copied, so that a variant costs nothing, and moves with the original to another
        device; the original goes on as it is. "mirror" continues the picture by MARGIN mirrored pixels, and drops what was
        seen of them. "circular" makes features of a picture that is its own neighbour on all sides, a tile: they roll with
        the picture. Exactly so where both sides are multiples of the deepest layer's stride; with others, the rows and
        columns that halving drops are missing at the seam.

        Raises RecipeError for what this encoder does not have.
        """
        self._check_has("padding", padding, ("mirror", *self.paddings))
        self._check_has("pooling", pooling, self.poolings)
        if (padding, pooling) == self.mode:
            return self
        other = copy.copy(self)
        other.mode = (padding, pooling)
        return other

    def _check_has(self, what: str, choice: str, choices: tuple[str, ...]) -> None:
        if choice not in choices:
            raise RecipeError(f"The encoder {self.name} has no {what} {choice!r}; it has {', '.join(choices)}.")

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Features of `image` (1, 3, H, W), sRGB in [0, 1], as `{layer: (1, C, h, w)}` in the order of depth.

        Raises RecipeError for an unknown layer and SizeError for an image that is too small for the deepest layer.
        """
        wanted = self.check_layers(layers)
        self.check_size(image.shape[2], image.shape[3], wanted)
        if not wanted:
            return {}
        if self.mode[0] != "mirror":
            return dict(self._walk(image, wanted))
        # whole strides of every layer, asked for or not, so that each has whole places to drop and none depends on the others
        step = math.lcm(*(reach.stride for reach in self.reaches.values()))
        rows, columns = (step * min(-(-MARGIN // step), (side - 1) // step) for side in image.shape[2:])
        seen = self._walk(_mirrored(_mirrored(image, rows, 2), columns, 3), wanted)
        strides = {layer: self.stride(layer) for layer in wanted}
        return {layer: _inside(x, rows // strides[layer], columns // strides[layer]) for layer, x in seen}

    @abstractmethod
    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield `(layer, features)` for the wanted layers (at least one, shallow to deep), and stop at the last."""

    def check_layers(self, layers: Iterable[str]) -> list[str]:
        """The layers in the order of depth; raises RecipeError for one that this encoder does not have."""
        asked = set(layers)
        if unknown := sorted(asked - set(self.layers)):
            raise RecipeError(f"The encoder {self.name} has no layer {unknown[0]!r}; it has {', '.join(self.layers)}.")
        return [layer for layer in self.layers if layer in asked]

    def check_size(self, height: int, width: int, layers: Iterable[str]) -> None:
        """Raises SizeError if an image of `height` x `width` pixels leaves nothing of the deepest of the layers."""
        needed = self.smallest_side(layers)
        if min(height, width) < needed:
            raise SizeError(
                f"A picture of {width}x{height} pixels is too small for the encoder {self.name}: the shorter side must be "
                f"at least {needed}; choose a larger size or a less elongated picture."
            )

    def smallest_side(self, layers: Iterable[str]) -> int:
        """Pixels that the shorter side of an image needs, for the deepest of the layers to be at least one pixel."""
        return max((self.stride(layer) for layer in layers), default=1)

    def stride(self, layer: str) -> int:
        """Pixels of the image from one place of `layer` to the next; raises RecipeError for one that is not here.

        Features of an image (1, 3, H, W) are (1, C, H // stride, W // stride).
        """
        self.check_layers([layer])
        return self.reaches[layer].stride

    def receptive_field(self, layer: str) -> int:
        """Side in pixels of the square that one place of `layer` sees; raises RecipeError for one that is not here.

        Its middle is that of the place's own square of `stride` pixels a side, and it may go beyond the image's borders.
        """
        self.check_layers([layer])
        return self.reaches[layer].receptive_field

    @property
    def device(self) -> torch.device:
        """Where the weights are, and so where the features are computed."""
        return next(self.parameters()).device


def _mirrored(image: Tensor, margin: int, dim: int) -> Tensor:
    """`image` with so many pixels more at both ends of `dim`; the mirrors stand on the outermost pixels."""
    # not torch.nn.functional.pad: it adds up gradients in any order on a GPU, see _Continued
    before, after = image.narrow(dim, 1, margin), image.narrow(dim, image.shape[dim] - 1 - margin, margin)
    return torch.cat((before.flip(dim), image, after.flip(dim)), dim)


def _inside(features: Tensor, rows: int, columns: int) -> Tensor:
    """`features` without so many places at every end."""
    # cut by a negative padding: a gradient comes back in one pass, where two slices take four; and a copy is made but once
    return nn.functional.pad(features, (-columns, -columns, -rows, -rows))


def convolve(conv: nn.Module, x: Tensor, padding: str) -> Tensor:
    """`conv`, a Conv2d with zero padding of one pixel or none, of x (1, C, H, W), but with `padding`, one of PADDINGS.

    "zeros" is conv itself, and so is "mirror", which is done to the picture.
    """
    assert isinstance(conv, nn.Conv2d) and conv.padding in ((0, 0), (1, 1))
    if padding in ("zeros", "mirror") or conv.padding == (0, 0):
        return conv(x)  # type: ignore[no-any-return]
    return nn.functional.conv2d(_Continued.apply(x, padding), conv.weight, conv.bias, conv.stride)


class _Continued(torch.autograd.Function):
    """x (1, C, H, W) with one pixel more on every side (1, C, H + 2, W + 2), which is a copy of one inside.

    What torch.nn.functional.pad gives; but its circular padding takes longer than the convolution behind it, and its others
    add up gradients in any order on a GPU, so that the same recipe would not give the same picture twice.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, padding: str) -> Tensor:
        ctx.padding = padding
        wide = nn.functional.pad(x, (1, 1, 1, 1))
        for dim in (2, 3):
            for side, inside in _copies(padding, wide.shape[dim]):
                wide.select(dim, side).copy_(wide.select(dim, inside))
        return wide

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.clone()
        for dim in (3, 2):
            for side, inside in _copies(ctx.padding, gradient.shape[dim]):
                gradient.select(dim, inside).add_(gradient.select(dim, side))
        return gradient[:, :, 1:-1, 1:-1], None


def _copies(padding: str, length: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """(outermost, where it is copied from), at both ends of a side of `length` pixels, those two included."""
    first, last = 0, length - 1
    if padding == "circular":
        return (first, last - 1), (last, first + 1)
    # the mirror stands on the outermost pixel and shows the one behind; of a single pixel, only that itself
    depth = 2 if padding == "reflect" and length > 3 else 1
    return (first, first + depth), (last, last - depth)


def pool(x: Tensor, pooling: str) -> Tensor:
    """x (1, C, H, W) >= 0 at half the size (1, C, H // 2, W // 2) by one of POOLINGS, about as large on average."""
    if pooling == "max":
        return torch.max_pool2d(x, 2)
    if pooling == "average":
        return AVERAGE * nn.functional.avg_pool2d(x, 2)
    # 1e-12: the root's gradient at 0 is infinite, and four zeros are common behind a ReLU
    return L2 * (nn.functional.avg_pool2d(x.square(), 2) + 1e-12).sqrt()


def pick_device() -> torch.device:
    """The fastest device here: cuda, else mps (Apple), else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def allow_tf32() -> None:
    """Let an NVIDIA GPU round the factors of products to TensorFloat-32: a third of the time, far more exact than needed.

    It is for the whole process, so whoever owns the process calls it: the page, the command line, a program of yours. PyTorch
    by itself does so for convolutions, but not for products of matrices, of which style losses are made.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True


def load_encoder(name: str, device: torch.device | str | None = None) -> Encoder:
    """The encoder `name` (one of ENCODERS), frozen, on `device` (default: `pick_device()`).

    Raises RecipeError for an unknown name and WeightsError if its weights are missing, damaged or cannot be fetched.
    """
    device = torch.device(device) if device else pick_device()
    if name == "compact":
        from stylekit.encoders.compact import Compact

        encoder: Encoder = Compact.load()
    elif name == "vgg19":
        from stylekit.encoders.vgg19 import VGG19

        encoder = VGG19.load()
    else:
        raise RecipeError(f"There is no encoder {name!r}; choose one of {', '.join(ENCODERS)}.")
    # a pixel's channels side by side in memory: convolutions take up to a third less time (bench/speed.py)
    return encoder.eval().requires_grad_(False).to(memory_format=torch.channels_last).to(device)
