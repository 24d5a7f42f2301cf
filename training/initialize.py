"""Initialise the student: each layer fitted by least squares to the teacher's channels that predict the others best.

Convolution by convolution, from the image on. A greedy selection finds the teacher's channels from which all of them, and what
its next convolution makes of them, are predicted best by linear regression; the student's filters are then those that predict
these channels best from the student's own channels below, so that each layer corrects for the errors of those below it.
(Channel pruning with refitting: He et al., arXiv 1707.06168; Luo et al., 1707.06342.) The 1x1 convolutions are made of
principal components: those that widen, of what the filters give; those that narrow, of what is behind the ReLU (Zhang et al.,
1505.06798; Kim et al., 1511.06530). The first convolution, whose least squares would be the teacher's own kernels, is trained
from random ones.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from stylekit.encoders.compact import NARROWED, POOLED, WIDTHS, Compact
from stylekit.encoders.vgg19 import before_relu
from training.optimizers import Optimizers, rate
from training.student import Student, layer_losses
from training.teacher import Teacher

PLACES = 300_000
"""Of a layer that least squares uses at most, over all pictures: 130 for each weight of the largest filter."""
FIRST_STEPS = 1500
"""In which the first convolution is trained."""


def initialize(student: Student, teacher: Teacher, batches: list[Tensor]) -> None:
    """Set the student's convolutions and heads from batches (B, 3, H, W) of pictures."""
    layers = list(student.net.conv)
    with torch.no_grad():
        theirs = [teacher.vgg19(x, [before_relu(layer) for layer in layers]) for x in batches]
    first_convolution(student, batches, [t[before_relu(layers[0])].relu() for t in theirs])
    with torch.no_grad():
        mine = [student.net.conv[layers[0]](student.net.normalized(x)).relu() for x in batches]
        for layer in layers[1:]:
            wanted = [t.pop(before_relu(layer)) for t in theirs]
            pairs = ((neighbourhoods(x), _channels_first(t)) for x, t in zip(mine, wanted, strict=True))
            filters = least_squares(pairs, _share(wanted))
            wanted = [t.relu_() for t in wanted]
            next_inputs = _pooled(layer, wanted)
            selected = _selected(teacher, layer, next_inputs)
            set_convolution(student.net, layer, filters[selected], mine)
            at_relu = [student.net.convolved(layer, x, "zeros").relu_() for x in mine]
            mine = _pooled(layer, at_relu)
            if layer in student.net.narrow:
                narrow, importance = student.net.narrow[layer], _importance(teacher, layer, layer in NARROWED)
                kept = narrowing(mine, predictor(next_inputs, selected), importance, narrow.out_channels)
                narrow.weight.copy_(kept[:, :, None, None])
                mine = [narrow(x) for x in mine]
            if layer in student.head:
                fit_head(student.head[layer], mine if layer in NARROWED else at_relu, wanted)
            print(f"initialized {layer}: {len(selected)} of {len(filters)} channels", flush=True)
    student.fold()


def set_convolution(net: Compact, layer: str, filters: Tensor, mine: list[Tensor]) -> None:
    """Give the layer's convolutions the `filters` (wide, 9 c + 1), bias last, of inputs (B, c, h, w).

    Where a 1x1 convolution widens, the 3x3 one in front of it gives the principal components of what the filters give.
    """
    conv, kernel, bias = net.conv[layer], filters[:, :-1].unflatten(1, (mine[0].shape[1], 3, 3)), filters[:, -1]
    if layer in net.widen:
        given = [nn.functional.conv2d(x, kernel, padding=1) for x in mine]
        places = sum(g[:, 0].numel() for g in given)
        mean = sum((g.sum((0, 2, 3)) for g in given), torch.zeros(())) / places
        covariance = _second_moment(given) / places - torch.outer(mean, mean)
        components = torch.linalg.eigh(covariance).eigenvectors[:, -conv.out_channels :].float()
        net.widen[layer].weight.copy_(components[:, :, None, None])
        net.widen[layer].bias.copy_(bias + mean - components @ (components.T @ mean))
        kernel = torch.einsum("kr,kcij->rcij", components, kernel)
    else:
        conv.bias.copy_(bias)
    conv.weight.copy_(kernel)


def predictor(features: list[Tensor], selected: list[int]) -> Tensor:
    """(C, number): the linear map that predicts all channels of features (B, C, h, w) best from the selected ones."""
    second = _second_moment(features)
    some = second[selected][:, selected]
    some.diagonal().add_(1e-6 * some.diagonal().mean())
    return torch.linalg.solve(some, second[selected]).T


def narrowing(mine: list[Tensor], prediction: Tensor, importance: Tensor, number: int) -> Tensor:
    """(number, wide): the linear maps of (B, wide, h, w) that keep most of `importance`^(1/2) `prediction` times them."""
    values, vectors = torch.linalg.eigh(prediction.T @ importance.double() @ prediction)
    metric = vectors * values.clamp_min(0).sqrt() @ vectors.T
    components = torch.linalg.eigh(metric @ _second_moment(mine) @ metric).eigenvectors[:, -number:]
    return (components.T @ metric).float()


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


def select_channels(features: list[Tensor], importance: Tensor, number: int) -> list[int]:
    """The `number` channels of features (B, C, h, w) from which all are predicted best by linear regression.

    importance (C, C) is the quadratic form by which errors are measured. Greedily, each time the channel that lowers the error
    most: a Cholesky factorisation of the second moments, pivoted by `importance`.
    """
    residual = _second_moment(features)
    weighted = importance.double() @ residual
    floor, selected = 1e-9 * residual.diagonal().mean(), list[int]()
    for _ in range(number):
        gain = (weighted * residual).sum(0) / residual.diagonal().clamp_min(floor)
        gain[selected] = -1
        best = int(gain.argmax())
        selected.append(best)
        explained = residual[best] / residual[best, best].clamp_min(floor)
        residual, weighted = (x - torch.outer(x[:, best], explained) for x in (residual, weighted))
    return selected


def least_squares(pairs: Iterable[tuple[Tensor, Tensor]], share: float) -> Tensor:
    """(C, n) that maps inputs (n, places) best to targets (C, places), given in pairs of parts; over a `share` of the places."""
    second, mixed, places = torch.zeros(()).double(), torch.zeros(()).double(), 0
    for x, t in pairs:
        some = torch.randperm(t.shape[1])[: max(1, round(share * t.shape[1]))]
        x, t = x[:, some], t[:, some]
        second, mixed, places = second + (x @ x.T).double(), mixed + (x @ t.T).double(), places + len(some)
    second.diagonal().add_(0.01 * len(second) / places * second.diagonal().mean())  # ridge; the fewer places, the larger
    return torch.linalg.solve(second, mixed).T.float()


def _share(parts: list[Tensor]) -> float:
    """Of the places of features (B, C, h, w) that makes PLACES of them."""
    return min(1.0, PLACES / sum(t.shape[0] * t.shape[2] * t.shape[3] for t in parts))


def neighbourhoods(x: Tensor) -> Tensor:
    """(9 C + 1, places) of x (B, C, h, w): the inputs of a 3x3 filter and its bias at each place."""
    columns = _channels_first(nn.functional.unfold(x, 3, padding=1)[..., None])
    return torch.cat((columns, torch.ones(1, columns.shape[1])))


def _selected(teacher: Teacher, layer: str, next_inputs: list[Tensor]) -> list[int]:
    """Which of the teacher's channels (B, C, h, w) the student has at the ReLU: all in their order, or a selection."""
    _, wide, _ = WIDTHS[layer]
    if wide == next_inputs[0].shape[1]:
        return list(range(wide))
    return select_channels(next_inputs, _importance(teacher, layer, layer in Compact.layers), wide)


def _importance(teacher: Teacher, layer: str, given: bool) -> Tensor:
    """How much errors of channels of `layer` count (C, C): behind the teacher's next convolution, and as such if `given`."""
    themselves = torch.eye(teacher.vgg19.conv[layer].out_channels)
    behind = [conv for name, conv in teacher.vgg19.conv.items() if name > layer]  # names sort by depth
    if layer == Compact.layers[-1] or not behind:
        return themselves
    kernel = behind[0].weight
    form = torch.einsum("ocij,odij->cd", kernel, kernel)
    return form / form.diagonal().mean() + themselves * given


def _pooled(layer: str, parts: list[Tensor]) -> list[Tensor]:
    """Features (B, C, h, w) at the ReLU of `layer` as the next convolution has them."""
    return [nn.functional.max_pool2d(x, 2) for x in parts] if layer in POOLED else parts


def _second_moment(parts: list[Tensor]) -> Tensor:
    """(C, C), the sum of products over all places of features (B, C, h, w)."""
    return sum(((f @ f.T).double() for f in map(_channels_first, parts)), torch.zeros(()).double())


def _channels_first(x: Tensor) -> Tensor:
    """(C, B h w) of x (B, C, h, w)."""
    return x.transpose(0, 1).flatten(1)
