"""What is trained: the compact network with its heads, and how far it is from the teacher."""

import torch
from torch import Tensor, nn

from stylekit.encoders.compact import Compact
from stylekit.statistics import FLOOR
from training.teacher import CHANNELS

WINDOW = 64
"""Places of a layer that are compared at most in either direction, from a corner: enough at the layers that are large."""


class Student(nn.Module):
    """The compact network with a head per root into the teacher's space; without bias, so that the fold is exact."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Compact()
        self.head = nn.ModuleDict(
            {layer: nn.Conv2d(root.in_channels, CHANNELS[layer], 1, bias=False) for layer, root in self.net.root.items()}
        )
        self.net.root.requires_grad_(False)
        for module in self.net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.fold()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """`{layer: (B, c, h, w)}`, the network's own features of images (B, 3, H, W); `to_teacher` maps them to the teacher's."""
        with torch.autocast(images.device.type, torch.bfloat16):
            features = dict(self.net.walk_unprojected(images))
        return {layer: x.float() for layer, x in features.items()}

    def losses(self, images: Tensor, theirs: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
        """`layer_losses` of every layer."""
        mine = self(images)
        return {layer: layer_losses(x, self.to_teacher(layer), theirs[layer]) for layer, x in mine.items()}

    def to_teacher(self, layer: str) -> Tensor:
        """The map P (C, c) from the layer's features to the teacher's: its head, or where there is none they are the same."""
        return self.head[layer].weight.flatten(1) if layer in self.head else torch.eye(CHANNELS[layer])

    @torch.no_grad()
    def fold(self) -> None:
        """Write the heads into the network's roots: root = (P'P)^(1/2)."""
        for layer, head in self.head.items():
            self.net.root[layer].weight.copy_(symmetric_root(head.weight.flatten(1))[:, :, None, None])


def symmetric_root(p: Tensor) -> Tensor:
    """(P'P)^(1/2) of P (C, c): distances after it are those after P."""
    values, vectors = torch.linalg.eigh((p.T @ p).double())
    return ((vectors * values.clamp_min(0).sqrt()) @ vectors.T).float()


def layer_losses(mine: Tensor, head: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Relative error of features; of Gram matrix, covariance and mean; of differences: each averaged over the batch.

    mine (B, c, h, w) and head P (C, c) against theirs (B, C, h, w). The differences are those between the first half of the
    batch and the second: what the content loss is made of, and, where the two pictures are nearly the same, the direction
    in which an optimiser goes. All is computed from products of c channels, so that P a, which is large, is never made:
    ||P a - t||^2 = a' Q a - 2 u' a + t't with Q = P'P and u = P't, and alike for second moments and means.
    """
    a, t = (x[:, :, :WINDOW, :WINDOW].flatten(2) for x in (mine, theirs))
    places, half = a.shape[2], len(a) // 2
    q, u = head.T @ head, torch.bmm(head.T.expand(len(t), -1, -1), t)
    moment_a, moment_u = a @ a.mT / places, u @ u.mT / places
    mean_a, mean_u = a.mean(2), u.mean(2)
    with torch.no_grad():
        moment_t, mean_t = t @ t.mT / places, t.mean(2)
        power, norm_mean, norm = _trace(moment_t), _squares(mean_t), _squares(moment_t)
        norm_cov = _squares(moment_t - _outer(mean_t))
        apart = _squares(t[:half] - t[half:]) / places
    features = (q * moment_a).sum((1, 2)) - 2 * (u * a).sum((1, 2)) / places + power
    gram = _apart(q, moment_a, moment_u, norm)
    cov = _apart(q, moment_a - _outer(mean_a), moment_u - _outer(mean_u), norm_cov)
    mean = (mean_a @ q * mean_a).sum(1) - 2 * (mean_a * mean_u).sum(1) + norm_mean
    da, du = a[:half] - a[half:], u[:half] - u[half:]
    differences = (q * (da @ da.mT)).sum((1, 2)) / places - 2 * (du * da).sum((1, 2)) / places + apart
    return (
        (features / torch.maximum(power - norm_mean, 0.1 * power)).mean(),
        (gram / norm + cov / torch.maximum(norm_cov, 100 * FLOOR * norm) + mean / norm_mean).mean(),
        (differences / torch.maximum(apart, 1e-4 * power[:half])).mean(),
    )


def _apart(q: Tensor, mine: Tensor, theirs: Tensor, norm: Tensor) -> Tensor:
    """||P A P' - T||^2 of A = `mine`, with Q = P'P, `theirs` = P'TP and ||T||^2 = `norm`."""
    turned = q @ mine
    return (turned * turned.mT).sum((1, 2)) - 2 * (mine * theirs).sum((1, 2)) + norm


def _outer(x: Tensor) -> Tensor:
    return x[:, :, None] * x[:, None]


def _squares(x: Tensor) -> Tensor:
    """The sum of squares of each picture."""
    return torch.linalg.vector_norm(x.flatten(1), dim=1).square()


def _trace(x: Tensor) -> Tensor:
    return x.diagonal(dim1=1, dim2=2).sum(1)
