"""Train the compact encoder: `python -m training.train_compact --minutes 60` (see training/README.md).

The student's own features, mapped by a learned linear head per layer, shall equal the teacher's: as features, in the
statistics that style is made of, and in what changes from one picture to a similar one. Half of each batch are crops of
pictures, the other half belongs to pictures that the student is painting at this moment, so that it learns from what an
optimiser does with its mistakes. At the end each head P becomes the symmetric square root of P'P, calibrated.
"""

import argparse
import hashlib
import random
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from stylekit.encoders.compact import WEIGHTS, Compact
from stylekit.memory import keep_freed
from training.calibrate import calibrate
from training.data import Painting, Pictures, noisy
from training.initialize import initialize
from training.optimizers import Optimizers, rate
from training.student import Student
from training.teacher import Teacher

ROOT = Path(__file__).parents[2] / "shared"

SIDE = 128
"""Pixels of a crop, and of a picture that is being painted."""

RECENT = 16
"""Batches that are kept to be learned from again: making one, teacher included, costs more than a step with it."""

INITIAL_BATCHES = 20
"""That the first fit is made from."""

LAYER_WEIGHTS = dict.fromkeys(Compact.layers, 1.0) | {"relu4_2": 2.0, "relu5_1": 0.4}
"""What each layer counts: content is measured at relu4_2; relu5_1 has convolutions of its own, which Muon moves as far anyway,
and shall not spoil what the others need."""


def train(args: argparse.Namespace) -> None:
    """Initialise, or resume, and train for `args.minutes`, saving every five minutes and at the end; then calibrate."""
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    pictures = Pictures(args.pictures)
    teacher, student, average = Teacher(args.vgg19), Student(), Student()
    student.to(memory_format=torch.channels_last)
    if args.resume:
        student.load_state_dict(torch.load(args.resume, weights_only=True))
    else:
        initialize(student, teacher, [next_batch(None, args, pictures, student, rng) for _ in range(INITIAL_BATCHES)])
    average.load_state_dict(student.state_dict())
    average.requires_grad_(False)
    optimizers = Optimizers(student, args.lr)
    measuring = pictures.measuring_batch(SIDE * 5 // 4)
    wanted = teacher(measuring)
    pool: list[Painting] = []
    recent: list[tuple[Tensor, dict[str, Tensor]]] = []
    started = saved = time.monotonic()
    batch, done = 0, 0.0
    while done < 1:
        done = (time.monotonic() - started) / (60 * args.minutes)
        x = next_batch(pool, args, pictures, student, rng)
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
            average.fold()
            save(average.net, args.out)
            torch.save(student.state_dict(), args.out.with_suffix(".resume.pt"))
            saved = time.monotonic()
        batch += 1
    if args.calibrated_on:
        finished = [painted_to_the_end(average.net, pictures, rng) for _ in range(args.calibrated_on)]
        powers = calibrate(average.net, teacher, [(p.image, p.content, p.style) for p in finished])
        print("calibrated by powers of", powers)
        save(average.net, args.out)


def weighted_sum(losses: dict[str, tuple[Tensor, Tensor, Tensor]], args: argparse.Namespace) -> Tensor:
    """What is trained on, of the losses of all layers."""
    total = torch.zeros(())
    for layer, (features, stats, apart) in losses.items():
        total = total + LAYER_WEIGHTS[layer] * (features + args.statistics * stats + args.differences * apart)
    return total


def next_batch(
    pool: list[Painting] | None, args: argparse.Namespace, pictures: Pictures, student: Student, rng: random.Random
) -> Tensor:
    """Eight pictures (8, 3, size, size), of which the first four and the last four belong together, pair by pair.

    Two crops with the same disturbed; two that are being painted (`pool`; the same two crops if None) with their contents, or
    one of them with its disturbed self.
    """
    crops = [pictures.crop(SIDE, rng) for _ in range(2)]
    painted = [crops[:1] * 2, crops[1:] * 2] if pool is None else paint_some(pool, args, pictures, student, rng)
    (one, content), (two, other) = painted
    seconds = [pictures.disturbed(crops[0], rng), noisy(crops[1], rng), content, rng.choice((other, noisy(two, rng)))]
    firsts = [*crops, one, two]
    x = torch.cat(firsts + seconds).contiguous(memory_format=torch.channels_last)
    size = rng.choice((3, 4, 4, 5)) * SIDE // 4  # cut or mirrored on, so that no size of the borders is learned
    return x[:, :, :size, :size] if size <= SIDE else nn.functional.pad(x, [0, size - SIDE] * 2, mode="reflect")


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
        pool.append(Painting.begin(pictures, SIDE, rng))
    shown = []
    student.requires_grad_(False)
    for index in rng.sample(range(len(pool)), 2):
        alive = pool[index].paint(student.net, 3)
        shown.append([pool[index].image.clamp(-0.2, 1.2), pool[index].content])
        if not alive:
            pool[index] = Painting.begin(pictures, SIDE, rng)
    student.requires_grad_(True)
    student.net.root.requires_grad_(False)
    return shown


def painted_to_the_end(net: Compact, pictures: Pictures, rng: random.Random) -> Painting:
    """A new painting, finished."""
    painting = Painting.begin(pictures, SIDE, rng)
    while painting.paint(net, 5):
        pass
    return painting


@torch.no_grad()
def report(batch: int, done: float, total: Tensor, average: Student, images: Tensor, wanted: dict[str, Tensor]) -> None:
    """Print the errors of the averaged weights on the unseen pictures: features, statistics, differences, per layer."""
    rows = average.losses(images, wanted).items()
    text = "  ".join(f"{layer.removeprefix('relu')} {f:.3f}/{s:.3f}/{d:.3f}" for layer, (f, s, d) in rows)
    print(f"{done:6.1%} batch {batch:6d} loss {total.item():7.3f} | {text}", flush=True)


def save(net: Compact, out: Path) -> None:
    """Write the network to `out`."""
    save_file(net.packed(), out)
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
    parser.add_argument("--lr", type=float, default=8e-4, help="learning rate at its highest (default: %(default)s)")
    parser.add_argument("--statistics", type=float, default=1.0, help="weight of the statistics against the features")
    parser.add_argument("--differences", type=float, default=2.0, help="weight of the differences against the features")
    parser.add_argument("--again", type=int, default=2, help="steps with recent batches per new one (default: %(default)s)")
    parser.add_argument("--pool", type=int, default=24, help="pictures being painted at a time (default: %(default)s)")
    parser.add_argument("--calibrated-on", type=int, default=24, help="paintings to calibrate losses on (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_freed()
    train(args)


if __name__ == "__main__":
    main()
