"""What is optimised, and the image that it stands for: the pixels themselves, or the bands of a pyramid.

An optimiser moves `parameters`, whatever they are; an objective sees `image()`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

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
        self.parameters = [image.detach().clone(memory_format=torch.contiguous_format).requires_grad_(True)]  # L-BFGS flattens it

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


class Bands(Variables):
    """A Laplacian pyramid: what each octave of frequencies adds to the coarser ones, from fine to coarse, and a small picture.

    Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code" (1983). The same images as with pixels, but one number of a
    coarse band moves many pixels alike: large forms are found sooner, and fine grain costs more. As in Kolkin et al.,
    "Neural Neighbor Style Transfer" (arXiv 2203.13215).
    """

    LEAST = 8
    """pixels that the shorter side of a coarser band has at least"""

    def __init__(self, image: Tensor) -> None:
        """image (1, 3, H, W); it is copied."""
        x, bands = image.detach().clone(memory_format=torch.contiguous_format), []
        while min(x.shape[2:]) >= 2 * self.LEAST:
            small = halved(x)
            bands.append(x - doubled(small, x.shape[2:]))
            x = small
        self.parameters = [band.requires_grad_(True) for band in (*bands, x)]

    def image(self) -> Tensor:
        """The sum of all bands, each enlarged to the size of the finest."""
        *bands, x = self.parameters
        for band in reversed(bands):
            x = doubled(x, band.shape[2:]) + band
        return x

    def of(self, image: Tensor) -> "Bands":
        """Bands of `image`."""
        return Bands(image)

    def resampled(self, like: Variables, tensors: list[Tensor], mode: str, wrap: bool) -> list[Tensor]:
        """Each like a picture; bands that are only there at the larger size have what the coarsest has."""
        sizes = [(parameter.shape[2], parameter.shape[3]) for parameter in like.parameters]
        return [resample(tensors[min(k, len(tensors) - 1)], size, mode, wrap) for k, size in enumerate(sizes)]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the finest band."""
        return self.parameters[0].shape[2], self.parameters[0].shape[3]

    @torch.no_grad()
    def clamp(self) -> None:
        """In place: the bands become those of the image in [0, 1]."""
        for parameter, band in zip(self.parameters, Bands(self.shown()).parameters, strict=True):
            parameter.copy_(band)


def halved(image: Tensor) -> Tensor:
    """image (1, C, H, W) with the mean of each 2x2 places, or of what is there of them: half the sides, rounded up."""
    return functional.avg_pool2d(image, 2, ceil_mode=True)


def doubled(image: Tensor, size: Sequence[int]) -> Tensor:
    """image (1, C, h, w) at `size`, each side of which is 2h or 2h - 1: linear between the places, constant beyond them."""
    # not functional.interpolate: on a GPU it adds up gradients in any order, and no run could be repeated
    for dim in (2, 3):
        before, after = (image.narrow(dim, start, image.shape[dim] - 1) for start in (0, 1))
        first, last = image.narrow(dim, 0, 1), image.narrow(dim, image.shape[dim] - 1, 1)
        near = image.lerp(torch.cat((first, before), dim), 0.25), image.lerp(torch.cat((after, last), dim), 0.25)
        image = torch.stack(near, dim + 1).flatten(dim, dim + 1)
    return image[..., : size[0], : size[1]]


VARIABLES: dict[str, Callable[[Tensor], Variables]] = {"pixels": Pixels, "bands": Bands}
"""Kinds of variables for an image, by the names of recipe.VARIABLES."""
