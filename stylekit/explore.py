"""Looking inside: what a layer sees, what a Gram matrix holds, what pulls at the painting; recipes of the same loop.

    reconstructions   the figure of Gatys et al. 2015: the photo from each layer's features alone, the artwork from the Gram
                      matrices of the first layers alone
    worked_example    a Gram matrix by hand: 4x4 places, a few channels
    gram              any layer's Gram matrix
    most_exciting     the patch of a picture that excites a channel most
    shuffled          the places of a layer in disorder: the same Gram matrix, another picture
    pulls             how hard each term of the loss pulls at the painting, and where

Sources: Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style" (arXiv 1508.06576), figure 1; Mahendran and Vedaldi,
"Understanding Deep Image Representations by Inverting Them" (arXiv 1412.0035); Zeiler and Fergus, "Visualizing and Understanding
Convolutional Networks" (arXiv 1311.2901) for patches that excite a channel.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from stylekit.encoders import Encoder
from stylekit.errors import SizeError
from stylekit.formulations import content_loss
from stylekit.job import Job
from stylekit.objective import Objective
from stylekit.recipe import STYLE_LAYERS, Recipe, Weights
from stylekit.resize import fit
from stylekit.sheet import contact_sheet
from stylekit.statistics import gram_loss, moments
from stylekit.transfer import Frame, paint

SIZE, STEPS = 128, 40
"""Of a reconstruction: all ten take about 12 s on two cores."""

FIRST_LEVELS = (128, 64, 48, 32, 32)
"""Longest side of the first level where the style is seen up to the first, second, ... layer: what a layer sees is a few of its
places wide, and a smaller start would leave coarser shapes than it can know of."""

EXAMPLE = 4
"""Places a side of the worked example."""


# ------------------------------------------------------------------------------------------------------ reconstructions


class Reconstruction(NamedTuple):
    """One picture of the figure."""

    of: str
    """"content" or "style" """
    layers: tuple[str, ...]
    """all that is known of it"""
    recipe: Recipe


def reconstructions(recipe: Recipe, size: int = SIZE, steps: int = STEPS) -> list[Reconstruction]:
    """The ten recipes of the figure, from noise: content and style by turns, from the shallowest layer to the deepest.

    With the encoder, statistic, pooling and padding of `recipe`; `size` pixels on the longest side.
    """
    made = []
    for number, (layer, first) in enumerate(zip(STYLE_LAYERS, FIRST_LEVELS, strict=True), start=1):
        known = STYLE_LAYERS[:number]
        made.append(Reconstruction("content", (layer,), from_content(recipe, layer, size, steps)))
        made.append(Reconstruction("style", known, from_style(recipe, known, size, steps, first)))
    return made


def from_content(recipe: Recipe, layer: str, size: int = SIZE, steps: int = STEPS) -> Recipe:
    """What paints the photo from the features of one layer alone."""
    plain = _plain(recipe, size, steps, FIRST_LEVELS[-1])
    return replace(plain, content_layer=layer, more_content_layers={}, content_weight=1.0, style_weight=0.0)


def from_style(recipe: Recipe, layers: Sequence[str], size: int = SIZE, steps: int = STEPS, first: int = 32) -> Recipe:
    """What paints a texture from the statistics of these layers alone; `first` pixels on the longest side of the first level."""
    plain = _plain(recipe, size, steps, first)
    return replace(plain, content_weight=0.0, style_weight=1.0, layer_weights=dict.fromkeys(layers, 1.0))


def _plain(recipe: Recipe, size: int, steps: int, first: int) -> Recipe:
    """A recipe that begins with noise, shows what is painted, and has only the encoder and the statistic of `recipe`."""
    kept = {name: getattr(recipe, name) for name in ("encoder", "statistic", "pooling", "padding", "seed")}
    return Recipe(**kept, size=size, steps=steps, coarsest=min(first, size), init="noise", match_color=0.0, edge_weight=0.0)


def reconstruct(
    content: Tensor, styles: Sequence[Tensor], recipe: Recipe, *, encoder: Encoder, size: int = SIZE, steps: int = STEPS
) -> Iterator[tuple[Reconstruction, Frame]]:
    """Paint the figure, one picture after the other, and give every frame of each. Raises what `paint` raises."""
    for reconstruction in reconstructions(recipe, size, steps):
        for frame in paint(Job(content, styles, reconstruction.recipe), encoder=encoder):
            yield reconstruction, frame


def figure(pictures: Mapping[tuple[str, tuple[str, ...]], Image.Image]) -> Image.Image:
    """The figure of pictures by (of, layers), as `reconstruct` names them, labelled; those that are missing stay empty."""
    places = {(r.of, r.layers): (number % 2, number // 2) for number, r in enumerate(reconstructions(Recipe()))}
    rows = ["the photo, from this layer alone", "the artwork, from the layers up to this one"]
    return contact_sheet(rows, STYLE_LAYERS, {places[of]: picture for of, picture in pictures.items()})


# --------------------------------------------------------------------------------------------------------- Gram matrices


class Example(NamedTuple):
    """A Gram matrix by hand."""

    channels: list[int]
    """of the layer: those with most to say here"""
    features: Tensor
    """F (n, 16): a row for each channel, a column for each place"""
    gram: Tensor
    """F F^T (n, n); the statistic gram divides it by the 16 places"""


@torch.no_grad()
def worked_example(image: Tensor, encoder: Encoder, row: int = 0, column: int = 0, channels: int = 8) -> Example:
    """The first layer's Gram matrix of EXAMPLE x EXAMPLE pixels of `image` (1, 3, H, W), from (row, column) on.

    The whole picture is seen, so that the crop has the neighbours that it has; raises SizeError where it has none.
    """
    height, width = image.shape[2:]
    if not (0 <= row <= height - EXAMPLE and 0 <= column <= width - EXAMPLE):
        raise SizeError(
            f"The crop of {EXAMPLE}x{EXAMPLE} pixels must lie inside the picture: rows up to {height - EXAMPLE}, columns up to "
            f"{width - EXAMPLE}, not row {row} and column {column}."
        )
    layer = encoder.layers[0]
    features = encoder(image, [layer])[layer][0, :, row : row + EXAMPLE, column : column + EXAMPLE].flatten(1)  # (C, 16)
    chosen = sorted(features.square().sum(1).topk(min(channels, len(features))).indices.tolist())
    rows = features[chosen]
    return Example(chosen, rows, rows @ rows.T)


@torch.no_grad()
def gram(image: Tensor, layer: str, encoder: Encoder) -> Tensor:
    """The Gram matrix (C, C) of a layer for an image (1, 3, H, W), as an average over the places."""
    return moments(encoder(image, [layer])[layer]).second


class Box(NamedTuple):
    """A part of a picture, in pixels; it lies inside."""

    top: int
    left: int
    height: int
    width: int


@torch.no_grad()
def most_exciting(image: Tensor, layer: str, channels: Iterable[int], encoder: Encoder) -> list[Box]:
    """For each channel the part of `image` (1, 3, H, W) that excites it most: what the strongest of its places sees."""
    features = encoder(image, [layer])[layer][0]
    stride, side = encoder.stride(layer), encoder.receptive_field(layer)
    height, width = image.shape[2:]
    rows, columns = min(side, height), min(side, width)
    boxes = []
    for strongest in features.flatten(1).argmax(1)[[*channels]].tolist():
        row, column = divmod(strongest, features.shape[2])
        top, left = (max(0, round((place + 0.5) * stride - side / 2)) for place in (row, column))
        boxes.append(Box(min(top, height - rows), min(left, width - columns), rows, columns))
    return boxes


class Shuffled(NamedTuple):
    """What becomes of a picture whose places are brought into disorder."""

    picture: Tensor
    """(1, 3, H, W): squares of the layer's stride, in disorder; what does not make a whole square stays away"""
    style: float
    """relative distance of the Gram matrices; 0 but for rounding, because a sum does not know the order of its parts"""
    content: float
    """relative distance of the features, place by place; 1 = as far as a picture that is the same everywhere"""


@torch.no_grad()
def shuffled(image: Tensor, layer: str, encoder: Encoder, seed: int = 0) -> Shuffled:
    """Bring the places of a layer into disorder, and the same squares of the image (1, 3, H, W)."""
    features = encoder(image, [layer])[layer]
    height, width = features.shape[2:]
    order = torch.randperm(height * width, generator=torch.Generator().manual_seed(seed)).to(image.device)
    moved = features.flatten(2)[..., order].view_as(features)
    stride = encoder.stride(layer)
    squares = image[..., : height * stride, : width * stride].unfold(2, stride, stride).unfold(3, stride, stride)
    squares = squares.flatten(2, 3)[:, :, order].unflatten(2, (height, width))  # (1, 3, h, w, stride, stride)
    picture = squares.transpose(3, 4).flatten(4, 5).flatten(2, 3)
    style = gram_loss(moments(moved), moments(features))
    return Shuffled(picture, float(style), float(content_loss(moved, features)))


# ----------------------------------------------------------------------------------------------------------------- pulls


class Pull(NamedTuple):
    """What one term of the loss does to the painting."""

    loss: float
    """unweighted"""
    share: float
    """of the total loss, as weighted"""
    force: float
    """length of the gradient of the weighted term: how hard it pulls, at the painting as a whole"""
    where: Tensor
    """(H, W): the same at each pixel"""


def pulls(job: Job, painting: Tensor, weights: Weights, encoder: Encoder) -> dict[str, Pull]:
    """How each term pulls at a painting (1, 3, H, W) of a job: "content", each style layer, "tv"; those of weight 0 do not.

    A layer of small loss may pull hardest: the gradient is what moves the painting. One backward pass for each term.
    """
    device = encoder.device
    content, *styles = (picture.detach().to(device, torch.float32) for picture in (job.content, *job.styles))
    content = fit(content, (painting.shape[2], painting.shape[3]))
    smaller = job.recipe.size / max(painting.shape[2], painting.shape[3])
    objective = Objective(content, styles, job.recipe, encoder, job.masks.on(device), smaller=smaller)
    image = painting.detach().to(device, torch.float32).clone().requires_grad_(True)
    total, terms = objective(image, weights)
    weighted = _weighted(terms, objective, weights)
    found = {}
    for name, term in weighted.items():
        (gradient,) = torch.autograd.grad(term, image, retain_graph=True)
        where = gradient.square().sum(1)[0].sqrt()
        share = float(term.detach() / total.detach()) if float(total.detach()) else 0.0
        found[name] = Pull(float(terms[name].detach()), share, float(gradient.norm()), where)
    return found


def _weighted(terms: dict[str, Tensor], objective: Objective, weights: Weights) -> dict[str, Tensor]:
    """The parts that add up to the total: content, each style layer, tv; as in recipe.py."""
    counts = objective.coefficients(weights)
    parts = {name: counts.style * w * terms[name] / counts.layers for name, w in counts.style_layers.items()}
    if "content" in terms:
        parts = {"content": counts.content * terms["content"]} | parts
    return parts | ({"tv": counts.tv * terms["tv"]} if weights.tv_weight else {})
