"""Encoders: networks that turn a picture into features, layer by layer. The only room that knows a network.

`load_encoder("compact")` needs nothing but this package; `load_encoder("vgg19")` needs torchvision's weights.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from stylekit.errors import RecipeError, SizeError
from stylekit.recipe import ENCODERS


class Encoder(nn.Module, ABC):
    """A frozen network from an sRGB image to features. Owns its normalisation; goes no deeper than asked.

    Features of the layer `reluB_K` have strides 2^(B-1): `relu1_1` is as large as the image, `relu5_1` a sixteenth.
    """

    name: str
    layers: tuple[str, ...]
    """Every layer that can be asked for, from shallow to deep."""

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Features of `image` (1, 3, H, W), sRGB in [0, 1], as `{layer: (1, C, h, w)}` in the order of depth.

        Raises RecipeError for an unknown layer and SizeError for an image that is too small for the deepest layer.
        """
        wanted = self.check_layers(layers)
        self.check_size(image.shape[2], image.shape[3], wanted)
        return dict(self._walk(image, wanted)) if wanted else {}

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
        return max((2 ** (int(layer[len("relu")]) - 1) for layer in layers), default=1)

    @property
    def device(self) -> torch.device:
        """Where the weights are, and so where the features are computed."""
        return next(self.parameters()).device


def pick_device() -> torch.device:
    """The fastest device here: cuda, else mps (Apple), else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load_encoder(name: str, device: torch.device | str | None = None) -> Encoder:
    """The encoder `name` (one of ENCODERS), frozen, on `device` (default: `pick_device()`).

    Raises RecipeError for an unknown name and WeightsError if its weights are missing, damaged or cannot be fetched.
    """
    device = torch.device(device) if device else pick_device()
    if device.type == "cuda":  # TensorFloat-32: a third of the time, and far more exact than a picture needs
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
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
