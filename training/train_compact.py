"""Train the compact encoder: `python -m training.train_compact --minutes 60` (see training/README.md).

The student's own features, mapped by a learned linear head per layer, shall equal the teacher's: as features, in the
statistics that style is made of, and in what changes from one picture to a similar one. Half of each batch are crops of
pictures, the other half belongs to pictures that the student is painting at this moment, so that it learns from what an
optimiser does with its mistakes. At the end each head P becomes the symmetric square root of P'P; `training.even_out` is next.
"""

import argparse
import hashlib
import math
import random
import time
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from stylekit.encoders.compact import WEIGHTS, Compact
from stylekit.losses import FLOOR
from training.data import Painting, Pictures, noisy
from training.teacher import CHANNELS, Teacher

ROOT = Path(__file__).parents[2] / "shared"

WINDOW = 64
"""Places of a layer that are compared at most in either direction, from a corner: enough at the layers that are large."""

RECENT = 16
"""Batches that are kept to be learned from again: making one, teacher included, costs more than a step with it."""

LAYER_WEIGHTS = dict.fromkeys(Compact.layers, 1.0) | {"relu4_2": 2.0, "relu5_1": 0.4}
"""What each layer counts: content is measured at relu4_2; relu5_1 has convolutions of its own, which Muon moves as far anyway,
and shall not spoil what the others need."""


class Student(nn.Module):
    """The compact network with a head per layer into the teacher's space; without bias, so that the fold is exact."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Compact()
        self.head = nn.ModuleDict(
            {layer: nn.Conv2d(self.net.root[layer].in_channels, CHANNELS[layer], 1, bias=False) for layer in Compact.layers}
        )
        self.net.root.requires_grad_(False)
        for conv in self.net.conv.values():
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
        self.fold()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """`{layer: (B, c, h, w)}`, the network's own features of images (B, 3, H, W); `head` maps them to the teacher's."""
        with torch.autocast(images.device.type, torch.bfloat16):
            features = dict(self.net.walk_unprojected(images, Compact.layers[-1]))
        return {layer: x.float() for layer, x in features.items()}

    def losses(self, images: Tensor, theirs: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
        """`layer_losses` of every layer."""
        mine = self(images)
        return {layer: layer_losses(mine[layer], self.head[layer].weight.flatten(1), theirs[layer]) for layer in mine}

    @torch.no_grad()
    def fit_heads(self, images: Tensor, theirs: dict[str, Tensor], layers: Iterable[str]) -> None:
        """Give `layers` the head that suits their features best, by least squares: a fair beginning for random features."""
        mine = self(images)
        for layer in layers:
            a, t = (x.transpose(0, 1).flatten(1) for x in (mine[layer], theirs[layer]))
            second = a @ a.T
            second.diagonal().add_(1e-3 * second.trace() / len(second))
            self.head[layer].weight.copy_(torch.linalg.solve(second, a @ t.T).T[:, :, None, None])

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


def train(args: argparse.Namespace) -> None:
    """Train for `args.minutes`, saving every five minutes and at the end."""
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    pictures = Pictures(args.pictures)
    teacher, student, average = Teacher(args.vgg19), Student(), Student()
    saved_before = torch.load(args.resume, weights_only=True) if args.resume else {}
    first = next_batch(None, args, pictures, student, rng)
    student.fit_heads(first, teacher(first), widen(student, saved_before))
    average.load_state_dict(student.state_dict())
    student.to(memory_format=torch.channels_last)
    optimizers = Optimizers(student, args.lr)
    measuring = pictures.measuring_batch(160)
    wanted = teacher(measuring)
    pool: list[Painting] = []
    recent: list[tuple[Tensor, dict[str, Tensor]]] = []
    begin = saved = time.monotonic()
    batch, done = 0, 0.0
    while done < 1:
        done = (time.monotonic() - begin) / (60 * args.minutes)
        x = next_batch(pool if done > args.alone else None, args, pictures, student, rng)
        recent = [*recent[1 - RECENT :], (x, teacher(x))]
        for images, theirs in [recent[-1], *rng.sample(recent, min(len(recent), args.again))]:
            total = weighted_sum(student.losses(images, theirs), args)
            student.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(optimizers.trained, 5.0)
            optimizers.step(rate(batch, done))
            follow(average, student, min(0.999, (batch + 1) / (batch + 20)))
        if batch % 10 == 0:
            student.fold()
        if batch % 200 == 0 or done >= 1:
            report(batch, done, total, average, measuring, wanted)
        if time.monotonic() - saved > 300 or done >= 1:
            save(average, student, args.out)
            saved = time.monotonic()
        batch += 1


def weighted_sum(losses: dict[str, tuple[Tensor, Tensor, Tensor]], args: argparse.Namespace) -> Tensor:
    """What is trained on, of the losses of all layers."""
    total = torch.zeros(())
    for layer, (features, stats, apart) in losses.items():
        total = total + LAYER_WEIGHTS[layer] * (features + args.statistics * stats + args.differences * apart)
    return total


def rate(batch: int, done: float) -> float:
    """Of the learning rate: up over a hundred batches, then half a cosine down to a fiftieth."""
    return min(1.0, (batch + 1) / 100) * (0.02 + 0.98 * (1 + math.cos(math.pi * min(done, 1))) / 2)


class Optimizers:
    """Muon for kernels and heads, which are matrices, and Adam for biases.

    Muon (Jordan 2024; torch.optim.Muon) makes all directions of a matrix' step equally long. The features of a network are
    so correlated that Adam hardly moves along most of the directions that the deep layers still need.
    """

    def __init__(self, student: Student, lr: float) -> None:
        self.trained = [p for p in student.parameters() if p.requires_grad]
        self.kernels = [p for p in self.trained if p.ndim == 4]
        # (O, I, k, k) with a pixel's channels side by side is a matrix (O, k k I) in the same memory
        self.matrices = [nn.Parameter(_matrix(p.detach())) for p in self.kernels]
        assert all(p.data_ptr() == m.data_ptr() for p, m in zip(self.kernels, self.matrices, strict=True))
        muon = torch.optim.Muon(self.matrices, lr=lr, weight_decay=0, momentum=0.97, adjust_lr_fn="match_rms_adamw")
        adam = torch.optim.Adam([p for p in self.trained if p.ndim != 4], lr=0.6 * lr, betas=(0.9, 0.99))
        self.pairs = ((muon, lr), (adam, 0.6 * lr))

    def step(self, rate: float) -> None:
        """One step at `rate` times the learning rate, from the gradients of the student's parameters."""
        for kernel, matrix in zip(self.kernels, self.matrices, strict=True):
            matrix.grad = None if kernel.grad is None else _matrix(kernel.grad)
        for optimizer, lr in self.pairs:
            optimizer.param_groups[0]["lr"] = lr * rate
            optimizer.step()


def _matrix(kernel: Tensor) -> Tensor:
    return kernel.permute(0, 2, 3, 1).flatten(1)


@torch.no_grad()
def widen(student: Student, saved: dict[str, Tensor]) -> list[str]:
    """Take over the weights of a student of as many or fewer channels; what its channels read from new ones begins with 0.

    Kernels that the other one lacks, or has in another size, stay random. Returns the layers behind the first of those.
    """
    taken_over, behind = True, []
    for name, conv in student.net.conv.items():
        old = saved.get(f"net.conv.{name}.weight")
        taken_over = taken_over and old is not None and old.shape[2:] == conv.weight.shape[2:]
        if name in student.head and not taken_over:
            behind.append(name)
    for name, mine in student.state_dict().items():
        old = saved.get(name)
        if old is None or mine.shape[2:] != old.shape[2:]:
            continue
        if mine.ndim == 4:
            mine[: len(old), old.shape[1] :] = 0
        mine[tuple(slice(side) for side in old.shape)] = old
    return behind


def next_batch(
    pool: list[Painting] | None, args: argparse.Namespace, pictures: Pictures, student: Student, rng: random.Random
) -> Tensor:
    """Eight pictures (8, 3, size, size), of which the first four and the last four belong together, pair by pair.

    Two crops with the same disturbed; two that are being painted (`pool`, if there are) with their contents, or one of them
    with its disturbed self.
    """
    crops = [pictures.crop(128, rng) for _ in range(2)]
    painted = [crops[:1] * 2, crops[1:] * 2] if pool is None else paint_some(pool, args, pictures, student, rng)
    (one, content), (two, other) = painted
    seconds = [pictures.disturbed(crops[0], rng), noisy(crops[1], rng), content, rng.choice((other, noisy(two, rng)))]
    firsts = [*crops, one, two]
    x = torch.cat(firsts + seconds).contiguous(memory_format=torch.channels_last)
    size = rng.choice((96, 128, 128, 160))  # cut or mirrored on, so that no size of the borders is learned
    return x[:, :, :size, :size] if size <= 128 else nn.functional.pad(x, [0, size - 128] * 2, mode="reflect")


@torch.no_grad()
def follow(average: Student, student: Student, decay: float) -> None:
    """Move the averaged weights towards the present ones."""
    for a, b in zip(average.parameters(), student.parameters(), strict=True):
        a.lerp_(b, 1 - decay)


def paint_some(
    pool: list[Painting], args: argparse.Namespace, pictures: Pictures, student: Student, rng: random.Random
) -> list[list[Tensor]]:
    """Two pictures of the pool after three more steps each, with their contents; finished ones make room for new ones."""
    while len(pool) < args.pool:
        pool.append(Painting.begin(pictures, 128, rng))
    shown = []
    student.requires_grad_(False)
    for index in rng.sample(range(len(pool)), 2):
        alive = pool[index].paint(student.net, 3)
        shown.append([pool[index].image.detach().clamp(-0.2, 1.2), pool[index].content])
        if not alive:
            pool[index] = Painting.begin(pictures, 128, rng)
    student.requires_grad_(True)
    student.net.root.requires_grad_(False)
    return shown


@torch.no_grad()
def report(batch: int, done: float, total: Tensor, average: Student, images: Tensor, wanted: dict[str, Tensor]) -> None:
    """Print the errors of the averaged weights on the unseen pictures: features, statistics, differences, per layer."""
    rows = average.losses(images, wanted).items()
    text = "  ".join(f"{layer[4:]} {f:.3f}/{s:.3f}/{d:.3f}" for layer, (f, s, d) in rows)
    print(f"{done:6.1%} batch {batch:6d} loss {total.item():7.3f} | {text}", flush=True)


def save(average: Student, student: Student, out: Path) -> None:
    """Write the network with folded heads to `out`, and everything needed to go on beside it."""
    average.fold()
    save_file(average.net.packed(), out)
    torch.save(student.state_dict(), out.with_suffix(".resume.pt"))
    print(f"saved {out}: sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60, help="how long to train (default: %(default)s)")
    parser.add_argument("--pictures", type=Path, default=ROOT / "training", help="folder of training pictures")
    parser.add_argument("--vgg19", type=Path, default=ROOT / "weights/vgg19_standin.safetensors", help="VGG-19 weights")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where to write the weights")
    parser.add_argument("--resume", type=Path, help="go on from a .resume.pt file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=2e-3, help="learning rate at its highest (default: %(default)s)")
    parser.add_argument("--statistics", type=float, default=1.0, help="weight of the statistics against the features")
    parser.add_argument("--differences", type=float, default=1.5, help="weight of the differences against the features")
    parser.add_argument("--again", type=int, default=1, help="steps with recent batches per new one (default: %(default)s)")
    parser.add_argument("--pool", type=int, default=24, help="pictures being painted at a time (default: %(default)s)")
    parser.add_argument("--alone", type=float, default=0.05, help="share of the time before the paintings join in")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args)


if __name__ == "__main__":
    main()
