"""Calibrate the compact encoder: give its style losses the size of the teacher's, at the end of its training.

A least-squares prediction has less variance than what it predicts, least of all along weak directions: so the losses come out
too small, at some layers more than at others, and a slider does less than it does with VGG-19. Each root therefore becomes
U e^(-power / 2) U' root, or rather the symmetric matrix with the same distances, with e and U the eigenvalues and eigenvectors
of the covariance of the layer's features. The power is that with which the ratio of the losses to the teacher's has the
median 1, over pictures that the encoder paints from those of the training.
"""

import math
import statistics
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stylekit.encoders.compact import Compact
from stylekit.statistics import covariance, mean_covariance_loss, moments
from training.student import symmetric_root

POWERS = [power / 20 for power in range(13)]
"""That are tried."""
WEAKEST = 1e-4
"""A direction is amplified as if its variance were at least this share of the largest."""


@torch.no_grad()
def calibrate(
    net: Compact, teacher: Callable[[Tensor], dict[str, Tensor]], pictures: Sequence[tuple[Tensor, Tensor, Tensor]]
) -> dict[str, float]:
    """Change the roots of `net`, from `pictures` = (painting, content, style), each (1, 3, H, W); returns the power of each."""
    ours = [[net(image, net.root) for image in three] for three in pictures]
    wanted = [[teacher(image) for image in three] for three in pictures]
    powers = {}
    for layer in net.root:
        mine, theirs = ([[f[layer] for f in three] for three in each] for each in (ours, wanted))
        mean = torch.stack([covariance(moments(f)) for three in mine for f in three]).mean(0)
        e, u = torch.linalg.eigh(mean.double())
        e = (e / e[-1]).clamp_min(WEAKEST)
        amplifiers = {power: (u * e ** (-power / 2) @ u.T).float() for power in POWERS}
        powers[layer] = min(amplifiers, key=lambda power: _mismatch(amplifiers[power], mine, theirs))
        root = net.root[layer].weight
        root.copy_(symmetric_root(amplifiers[powers[layer]] @ root.flatten(1))[:, :, None, None])
    return powers


def _mismatch(amplifier: Tensor, mine: list[list[Tensor]], theirs: list[list[Tensor]]) -> float:
    """How far the losses of amplified features are from the teacher's, as |log(median ratio)|."""
    amplified = [[torch.einsum("kc,bchw->bkhw", amplifier, f) for f in three] for three in mine]
    losses = [[loss for three in each for loss in _losses(*three)] for each in (amplified, theirs)]
    return abs(math.log(statistics.median(a / b for a, b in zip(*losses, strict=True))))


def _losses(image: Tensor, content: Tensor, style: Tensor) -> list[float]:
    """A layer's style losses at the end of a painting and at its start."""
    return [float(mean_covariance_loss(moments(f), moments(style))) for f in (image, content)]
