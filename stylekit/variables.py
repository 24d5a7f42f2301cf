"""What is optimised, and the image that it stands for. Pixels are the plainest; a pyramid of bands would be another.

An optimiser moves `parameters`, whatever they are; an objective sees `image()`.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from stylekit.resize import resample


class Variables(ABC):
    """Tensors that are optimised, and the image (1, 3, H, W) that is made of them."""

    parameters: list[Tensor]
    """leaves with gradients"""

    @abstractmethod
    def image(self) -> Tensor:
        """The image, differentiable in the parameters; it may leave [0, 1]."""

    @abstractmethod
    def of(self, image: Tensor) -> "Variables":
        """Variables of this kind for an image (1, 3, H, W) in [0, 1], of any size."""

    @abstractmethod
    def resampled(self, like: "Variables", tensors: list[Tensor], mode: str, wrap: bool) -> list[Tensor]:
        """`tensors`, one for each of the parameters and of their shapes, in the shapes of the parameters of `like`."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image."""
        with torch.no_grad():
            height, width = self.image().shape[2:]
        return height, width

    @torch.no_grad()
    def shown(self) -> Tensor:
        """A copy of the image in [0, 1]."""
        return self.image().clamp(0, 1)

    @abstractmethod
    def clamp(self) -> None:
        """Bring the image back into [0, 1], in place; kinds whose parameters know no such bounds do nothing."""


class Pixels(Variables):
    """The pixels themselves."""

    def __init__(self, image: Tensor) -> None:
        """image (1, 3, H, W); it is copied."""
        self.parameters = [image.detach().clone().requires_grad_(True)]

    def image(self) -> Tensor:
        """The parameter itself."""
        return self.parameters[0]

    def of(self, image: Tensor) -> "Pixels":
        """Pixels of `image`."""
        return Pixels(image)

    def resampled(self, like: Variables, tensors: list[Tensor], mode: str, wrap: bool) -> list[Tensor]:
        """Each enlarged or reduced like a picture."""
        return [resample(tensor, like.size, mode, wrap) for tensor in tensors]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.parameters[0].shape[2], self.parameters[0].shape[3]

    @torch.no_grad()
    def clamp(self) -> None:
        """In place."""
        self.parameters[0].clamp_(0, 1)
