"""Give the compact encoder's style losses the teacher's size, at the end of its training.

What a head predicts has less energy than what it stands for, and least of what is weak: so the losses come out too small, at
some layers more than at others, and a slider does less than it does with VGG-19. Each root therefore becomes
U e^(-power / 2) U' root, or rather the symmetric matrix with the same distances, with e and U those of the covariance of the
layer's features. The power is that with which the ratio of the losses to the teacher's has the median 1, over pictures that
the encoder paints from those of the training.
"""

import math
import statistics
from collections.abc import Callable

import torch
from torch import Tensor

from stylekit.encoders.compact import Compact
from stylekit.losses import covariance, mean_covariance_loss, moments
from training.data import Painting
from training.student import symmetric_root

POWERS = [power / 20 for power in range(13)]
"""That are tried."""
WEAKEST = 1e-4
"""A direction is raised as if it had at least this of the strongest one's energy."""


@torch.no_grad()
def even_out(net: Compact, teacher: Callable[[Tensor], dict[str, Tensor]], pool: list[Painting]) -> dict[str, float]:
    """Change the roots of `net`; returns the power of each."""
    pictures = [(p.image.detach(), p.content, p.style) for p in pool]
    seen = [[net(image, net.root) for image in three] for three in pictures]
    wanted = [[teacher(image) for image in three] for three in pictures]
    powers = {}
    for layer in net.root:
        mine, theirs = ([[f[layer] for f in three] for three in each] for each in (seen, wanted))
        mean = torch.stack([covariance(moments(f)) for three in mine for f in three]).mean(0)
        e, u = torch.linalg.eigh(mean.double())
        e = (e / e[-1]).clamp_min(WEAKEST)
        turns = {power: (u * e ** (-power / 2) @ u.T).float() for power in POWERS}
        powers[layer] = min(turns, key=lambda power: _off(turns[power], mine, theirs))
        root = net.root[layer].weight
        root.copy_(symmetric_root(turns[powers[layer]] @ root.flatten(1))[:, :, None, None])
    return powers


def _off(turn: Tensor, mine: list[list[Tensor]], theirs: list[list[Tensor]]) -> float:
    """How far the losses of turned features are from the teacher's, as |log(median ratio)|."""
    turned = [[torch.einsum("kc,bchw->bkhw", turn, f) for f in three] for three in mine]
    losses = [[loss for three in each for loss in _losses(*three)] for each in (turned, theirs)]
    return abs(math.log(statistics.median(a / b for a, b in zip(*losses, strict=True))))


def _losses(image: Tensor, content: Tensor, style: Tensor) -> list[float]:
    """A layer's style losses at the end of a painting and at its beginning."""
    return [float(mean_covariance_loss(moments(f), moments(style))) for f in (image, content)]
