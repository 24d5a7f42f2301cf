"""Give the compact encoder's style losses the teacher's size: `python -m training.even_out` (see training/README.md).

What a head predicts has less energy than what it stands for, and least of what is weak: so the losses come out too small, at
some layers more than at others, and a slider does less than it does with VGG-19. Each style layer's root therefore becomes
U e^(-power / 2) U' root, or rather the symmetric matrix with the same distances, with e and U those of the covariance of the
layer's features. The power is that with which the ratio of the losses to the teacher's has the median 1, over pictures that
the encoder paints from those of the training.
"""

import argparse
import hashlib
import math
import random
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from stylekit.encoders.compact import WEIGHTS, Compact
from stylekit.losses import covariance, mean_covariance_loss, moments
from training.data import STYLE_LAYERS, Painting, Pictures
from training.teacher import Teacher
from training.train_compact import ROOT, symmetric_root

POWERS = [power / 20 for power in range(13)]
"""That are tried."""
WEAKEST = 1e-4
"""A direction is raised as if it had at least this of the strongest one's energy."""


@torch.no_grad()
def even_out(net: Compact, teacher: Callable[[Tensor], dict[str, Tensor]], pool: list[Painting]) -> dict[str, float]:
    """Change the roots of `net`; returns the power of each style layer.

    relu4_2 is left alone: a power there kept less of the photo, and its losses' ratio came no nearer to 1 than .75.
    """
    pictures = [(p.image.detach(), p.content, p.style) for p in pool]
    seen = [[net(image, STYLE_LAYERS) for image in three] for three in pictures]
    wanted = [[teacher(image) for image in three] for three in pictures]
    powers = {}
    for layer in STYLE_LAYERS:
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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="what training.train_compact wrote")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where to write the weights")
    parser.add_argument("--pictures", type=Path, default=ROOT / "training", help="folder of training pictures")
    parser.add_argument("--vgg19", type=Path, default=ROOT / "weights/vgg19_standin.safetensors", help="VGG-19 weights")
    parser.add_argument("--paintings", type=int, default=24, help="how many to compare losses on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    net = Compact.load(args.weights, hashlib.sha256(args.weights.read_bytes()).hexdigest()).requires_grad_(False)
    pictures = Pictures(args.pictures)
    pool = [Painting.begin(pictures, 128, rng) for _ in range(args.paintings)]
    for painting in pool:
        while painting.paint(net, 5):
            pass
    for layer, power in even_out(net, Teacher(args.vgg19), pool).items():
        print(f"{layer}: weak directions raised by a power of {power}")
    save_file(net.packed(), args.out)
    print(f"saved {args.out}: sha256 {hashlib.sha256(args.out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
