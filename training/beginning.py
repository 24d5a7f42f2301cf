"""Where training begins: each layer fitted by least squares to the channels of the teacher that say most about all of them.

From the image on, convolution by convolution. A greedy choice names the teacher's channels from which all of them can be told
best, linearly, and what the teacher's next convolution makes of them counts as well; the student's kernel is then the one that
best foretells them from the student's own channels below. So each layer makes up for what those below it have lost. (Pruning
channels and refitting: He et al., arXiv 1707.06168; Luo et al., 1707.06342.) The first convolution, whose least squares would
be the teacher's own kernels, is trained from random ones.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from stylekit.encoders import begins_block
from stylekit.encoders.compact import Compact
from stylekit.encoders.vgg19 import before_relu
from training.optimizers import Optimizers, rate
from training.student import Student, layer_losses
from training.teacher import Teacher

PLACES = 300_000
"""Of a layer that least squares sees at most, over all pictures: 130 for each weight of the largest filter."""
FIRST_STEPS = 1500
"""In which the first convolution is trained."""


def begin(student: Student, teacher: Teacher, batches: list[Tensor]) -> None:
    """Set the student's convolutions and heads from batches (B, 3, H, W) of pictures."""
    layers = list(student.net.conv)
    with torch.no_grad():
        theirs = [teacher.vgg19(x, [before_relu(layer) for layer in layers]) for x in batches]
    first_convolution(student, batches, [t[before_relu(layers[0])].relu() for t in theirs])
    with torch.no_grad():
        mine = [student.net.conv[layers[0]](student.net.normalized(x)).relu() for x in batches]
        for layer, following in zip(layers[1:], [*layers[2:], None], strict=True):
            conv = student.net.conv[layer]
            if begins_block(layer):
                mine = [nn.functional.max_pool2d(x, 2) for x in mine]
            wanted = [t.pop(before_relu(layer)) for t in theirs]
            pairs = ((neighbourhoods(x), _channels_first(t)) for x, t in zip(mine, wanted, strict=True))
            fit = least_squares(pairs, _share(wanted))
            wanted = [t.relu_() for t in wanted]
            seen_next = [nn.functional.max_pool2d(t, 2) for t in wanted] if following and begins_block(following) else wanted
            kept = most_telling(seen_next, _counting(teacher, layer, following), conv.out_channels)
            conv.weight.copy_(fit[kept, :-1].unflatten(1, conv.weight.shape[1:]))
            conv.bias.copy_(fit[kept, -1])
            mine = [conv(x).relu_() for x in mine]
            if layer in student.head:
                fit_head(student.head[layer], mine, wanted)
            print(f"begun {layer}: {len(kept)} of {len(fit)} channels", flush=True)
    student.fold()


def first_convolution(student: Student, batches: list[Tensor], theirs: list[Tensor]) -> None:
    """Train relu1_1 alone towards the teacher's (B, 64, H, W) of each batch: nothing else has a gradient to move by."""
    conv, head = student.net.conv["relu1_1"], student.head["relu1_1"]
    optimizers = Optimizers(student, 0.03)
    for step in range(FIRST_STEPS):
        if step % 50 == 0:
            fit_head(head, [conv(student.net.normalized(x)).relu() for x in batches[:4]], theirs[:4])
        x, wanted = batches[step % len(batches)], theirs[step % len(batches)]
        losses = layer_losses(conv(student.net.normalized(x)).relu(), head.weight.flatten(1), wanted)
        student.zero_grad()
        sum(losses, torch.zeros(())).backward()
        optimizers.step(rate(step, step / FIRST_STEPS))
    student.zero_grad()


@torch.no_grad()
def fit_head(head: nn.Conv2d, mine: list[Tensor], theirs: list[Tensor]) -> None:
    """Give `head` the weights that map features (B, c, h, w) best to the teacher's (B, C, h, w), batch by batch."""
    pairs = ((_channels_first(x), _channels_first(t)) for x, t in zip(mine, theirs, strict=True))
    head.weight.copy_(least_squares(pairs, _share(theirs))[:, :, None, None])


def most_telling(features: list[Tensor], counting: Tensor, number: int) -> list[int]:
    """Which channels of features (B, C, h, w) leave least of `counting`^(1/2) features (C, C) if all else is linear in them.

    One at a time, each the one that takes most: a Cholesky factorisation of the second moments, pivoted by `counting`.
    """
    left = sum((f @ f.T).double() for f in map(_channels_first, features))
    assert isinstance(left, Tensor)
    counted = counting.double() @ left
    floor, kept = 1e-9 * left.diagonal().mean(), list[int]()
    for _ in range(number):
        gain = (counted * left).sum(0) / left.diagonal().clamp_min(floor)
        gain[kept] = -1
        best = int(gain.argmax())
        kept.append(best)
        taken = left[best] / left[best, best].clamp_min(floor)
        left, counted = left - torch.outer(left[:, best], taken), counted - torch.outer(counted[:, best], taken)
    return kept


def least_squares(pairs: Iterable[tuple[Tensor, Tensor]], share: float) -> Tensor:
    """(C, n) that maps inputs (n, places) best to targets (C, places), given in pairs of parts; over a `share` of the places."""
    second, mixed, places = torch.zeros(()).double(), torch.zeros(()).double(), 0
    for x, t in pairs:
        some = torch.randperm(t.shape[1])[: max(1, round(share * t.shape[1]))]
        x, t = x[:, some], t[:, some]
        second, mixed, places = second + (x @ x.T).double(), mixed + (x @ t.T).double(), places + len(some)
    second.diagonal().add_(0.01 * len(second) / places * second.diagonal().mean())  # the fewer places, the more cautious
    return torch.linalg.solve(second, mixed).T.float()


def _share(parts: list[Tensor]) -> float:
    """Of the places of features (B, C, h, w) that makes PLACES of them."""
    return min(1.0, PLACES / sum(t.shape[0] * t.shape[2] * t.shape[3] for t in parts))


def neighbourhoods(x: Tensor) -> Tensor:
    """(9 C + 1, places) of x (B, C, h, w): what a 3x3 filter and its bias see at each place."""
    columns = _channels_first(nn.functional.unfold(x, 3, padding=1)[..., None])
    return torch.cat((columns, torch.ones(1, columns.shape[1])))


def _counting(teacher: Teacher, layer: str, following: str | None) -> Tensor:
    """How much each pair of channels of `layer` counts (C, C): as themselves where losses are, and in the next convolution."""
    channels = teacher.vgg19.conv[layer].out_channels
    counts = torch.eye(channels) if layer in Compact.layers or following is None else torch.zeros(channels, channels)
    if following is not None:
        kernel = teacher.vgg19.conv[following].weight
        heard = torch.einsum("ocij,odij->cd", kernel, kernel)
        counts = counts + heard / heard.diagonal().mean()
    return counts


def _channels_first(x: Tensor) -> Tensor:
    """(C, B h w) of x (B, C, h, w)."""
    return x.transpose(0, 1).flatten(1)
