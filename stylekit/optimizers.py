"""L-BFGS and Adam, which can be told "the objective changed" and "the size changed".

Both keep one invariant: the losses and the gradient that they hold belong to the variables as they are. A step moves them and
measures them anew, so every frame's losses are those of its own picture, at one evaluation per step. (With averaging, what is
shown is the average, and the losses are those of the picture that went into it last.)

When weights are turned, the gradient of the same picture is measured once more. As long as the turn changes it by less than its
own length, the old and the new gradient meet at an acute angle: what went downhill still does, and an optimiser keeps what it
remembers. So a slider that is dragged costs no speed. After a larger turn it forgets its direction, and the turn shows at once.

Sources: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989); Kingma and Ba, "Adam"
(arXiv 1412.6980). The updates themselves are torch.optim's.
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stylekit.color import as_saved
from stylekit.errors import DivergedError
from stylekit.resize import resample
from stylekit.variables import Variables

Losses = dict[str, Tensor]
Objective = Callable[[Tensor], tuple[Tensor, Losses]]
"""image (1, 3, H, W) -> (total to be lowered, the losses to be shown), all scalars."""


class Optimizer(ABC):
    """Lowers an objective by moving the variables that an image is made of."""

    def __init__(self, variables: Variables, averaging: float = 0.0) -> None:
        """`averaging`: share of the past in what is shown, an exponential average of the images; 0 = the image itself."""
        self.variables = variables
        self._average = Average(averaging)
        self.losses: Losses = {}
        """of the image as it is; empty before the first step"""
        self.total = math.nan
        self.stuck = False
        """whether no move lowers the objective any more, so that steps change nothing until it is changed"""
        self._measured = False
        self._turned_from: list[Tensor] = []
        """the old objective's gradients where the variables are, from a turn of the weights to the next step"""

    @property
    def image(self) -> Tensor:
        """A copy of the image (1, 3, H, W), or of the average of the images, in [0, 1]."""
        return self._average.of(self.variables.shown())

    def step(self, objective: Objective) -> None:
        """One move and the losses of where it led. Raises DivergedError where the objective is not finite."""
        if not self._measured:
            self._measure(objective)
            if not math.isfinite(self.total):
                raise DivergedError("The losses of this picture are not finite numbers; use smaller weights or another picture.")
            self._measured = True
            self._answer()
        self._move(objective)
        self._average.add(self.variables.image())

    def objective_changed(self) -> None:
        """The next step's objective has other weights than the last one's."""
        if self._measured:  # else told twice, or at a new size, where only the new objective was ever measured
            self._turned_from = self._gradients()
        self._measured = self.stuck = False
        self._average.forget()  # so that what has been turned shows at once

    def size_changed(self, size: tuple[int, int], wrap: bool = False) -> None:
        """Go on with the image at `size` = (height, width); with `wrap`, its opposite borders are neighbours."""
        self._replace(resample(self.image, size, wrap=wrap).clamp(0, 1))
        self._resized(wrap)

    def restart(self, rounded: bool = False) -> None:
        """Go on from the image alone, as a new optimiser would; `rounded`: from the file of 8 bits that it would be saved as."""
        self._replace(as_saved(self.image).to(self.image.device) if rounded else self.image)
        self._begin()

    def _replace(self, image: Tensor) -> None:
        """New variables for the image."""
        self._before, self.variables = self.variables, self.variables.of(image)
        self._measured = self.stuck = False
        self._turned_from = []
        self._average.forget()

    def _answer(self) -> None:
        """Keep what is remembered through a small turn of the weights, and forget the direction after a large one."""
        old, self._turned_from = self._turned_from, []
        changes = [new - before for new, before in zip(self._gradients(), old, strict=False)]
        if _length(changes) < _length(old):
            self._follow(changes)
        elif old:
            self._forget_direction()

    @abstractmethod
    def _begin(self) -> None:
        """Have no memory of earlier steps."""

    @abstractmethod
    def _resized(self, wrap: bool) -> None:
        """Keep what can be kept of the memory: the variables have just been replaced by those of another size."""

    @abstractmethod
    def _move(self, objective: Objective) -> None:
        """Move the variables, and measure them."""

    @abstractmethod
    def _follow(self, changes: list[Tensor]) -> None:
        """Keep the memory for an objective whose gradients differ from the old one's by `changes` where the variables are."""

    @abstractmethod
    def _forget_direction(self) -> None:
        """Drop what is only true of the old objective."""

    def _measure(self, objective: Objective) -> None:
        """Losses and gradient of the variables as they are."""
        for parameter in self.variables.parameters:
            parameter.grad = None
        total, self.losses = objective(self.variables.image())
        total.backward()
        self.losses = {name: loss.detach() for name, loss in self.losses.items()}
        self.total = float(total.detach())

    def _gradients(self) -> list[Tensor]:
        """Of the parameters, as measured."""
        return [parameter.grad for parameter in self.variables.parameters if parameter.grad is not None]


class Average:
    """Exponential average of images, corrected for its beginning as in Adam; Polyak and Juditsky (1992) on why it is calmer."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._sum: Tensor | None = None
        self._weight = 0.0

    @torch.no_grad()
    def add(self, image: Tensor) -> None:
        """One more image (1, 3, H, W)."""
        if self.decay:
            new = image.clamp(0, 1) * (1 - self.decay)
            self._sum = new if self._sum is None else self._sum.mul_(self.decay).add_(new)
            self._weight = self.decay * self._weight + 1 - self.decay

    def of(self, image: Tensor) -> Tensor:
        """The average; `image` where there is none."""
        return image if self._sum is None else self._sum / self._weight


class _TorchLBFGS(torch.optim.LBFGS):
    """Does not load torch's compiler, which torch.optim would ask in vain, and which takes as long as all else of torch."""

    add_param_group = inspect.unwrap(torch.optim.LBFGS.add_param_group)


class _TorchAdam(torch.optim.Adam):
    """Likewise."""

    add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class LBFGS(Optimizer):
    """L-BFGS without line search, with a guard: a step that makes things much worse, or is huge, is undone and tried shorter.

    The pixels are not clamped while it runs, because that would falsify the pairs (move, change of gradient) that the
    curvature is estimated from; only what is shown is, and what a new size begins with.
    """

    HISTORY = 10
    FIRST_MOVE = 0.01
    """of a pixel, in the mean, after each time that the history was dropped: the gradient alone says nothing of its length"""
    MUCH_WORSE = 1.5
    """times the total before; without a line search it may rise a little now and then"""
    HUGE = 0.25
    """of a pixel's range, in the mean: a move that no step takes"""
    TRIES = 6
    """of a step, each a quarter as long as the one before"""
    FAILURES = 2
    """steps in a row of which no try was acceptable, after which it is stuck"""

    def __init__(self, variables: Variables, averaging: float = 0.0) -> None:
        super().__init__(variables, averaging)
        self._begin()

    def _begin(self) -> None:
        self._scale = 0.0  # of the loss; 0 = to be chosen from the next gradient
        self._length = 1.0  # of the steps, 1 unless the guard has just shortened them
        self._failures = 0
        self._torch: torch.optim.Optimizer = _TorchLBFGS(
            self.variables.parameters, max_iter=1, history_size=self.HISTORY, tolerance_grad=0, tolerance_change=0
        )

    def _resized(self, wrap: bool) -> None:
        self._begin()  # the pairs do not fit the new size

    def _follow(self, changes: list[Tensor]) -> None:
        """The next pair is to be of the old objective alone, like those before it: the change goes to its first gradient, too.

        The loss is linear in the weights, so the curvature that the pairs tell of is off by no more than the weights were
        turned; and a few steps on they are of the new weights.
        """
        if self._failures:  # there is no memory, and its steps have become short
            self._begin()
        state = self._torch.state[self.variables.parameters[0]]
        if "prev_flat_grad" in state:
            state["prev_flat_grad"].add_(torch.cat([change.flatten() for change in changes]), alpha=self._scale)

    def _forget_direction(self) -> None:
        self._begin()

    def _move(self, objective: Objective) -> None:
        if self.stuck:
            return
        before = _Moment(self)
        for _ in range(self.TRIES):
            self._torch_step()
            self._measure(objective)
            if self._acceptable(before):
                self._length, self._failures = min(1.0, 1.5 * self._length), 0
                return
            finite = math.isfinite(self.total)
            before.restore(self)
            length, failures = self._length, self._failures
            self._begin()
            self._length, self._failures = length / 4, failures
        # The picture stays as it is for this step; the next one tries shorter moves still.
        self._failures += 1
        self.stuck = self._failures == self.FAILURES
        if self.stuck and not finite:
            raise DivergedError("The losses became no finite numbers, even after smaller steps; use smaller weights.")

    def _torch_step(self) -> None:
        """One move of torch's L-BFGS along the gradient that has been measured already."""
        gradients = self._gradients()
        first = self._scale == 0
        count = sum(gradient.numel() for gradient in gradients)
        if first:  # torch drops pairs whose product is below 1e-10, so bring the gradient to a mean size of 1
            size = sum(float(gradient.abs().mean()) * (gradient.numel() / count) for gradient in gradients)
            self._scale = 1 / size if size > 0 else 1.0
        for gradient in gradients:
            gradient.mul_(self._scale)
        # torch divides the first move by the gradient's sum of absolutes, here its number of elements
        move = self.FIRST_MOVE * count if first else 1.0
        self._torch.param_groups[0]["lr"] = move * self._length
        self._torch.step(lambda: self.total * self._scale)

    def _acceptable(self, before: "_Moment") -> bool:
        with torch.no_grad():
            moved = (self.variables.image() - before.image).abs().mean()
        return self.total <= self.MUCH_WORSE * before.total + 1e-12 and float(moved) < self.HUGE  # False for NaN


class _Moment:
    """Everything that a step of an optimiser changes, to be undone."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.parameters = [parameter.detach().clone() for parameter in optimizer.variables.parameters]
        with torch.no_grad():
            self.image = optimizer.variables.image().clone()
        self.gradients = [gradient.clone() for gradient in optimizer._gradients()]
        self.losses, self.total = optimizer.losses, optimizer.total

    @torch.no_grad()
    def restore(self, optimizer: Optimizer) -> None:
        for parameter, value, gradient in zip(optimizer.variables.parameters, self.parameters, self.gradients, strict=True):
            parameter.copy_(value)
            parameter.grad = gradient.clone()
        optimizer.losses, optimizer.total = self.losses, self.total


class Adam(Optimizer):
    """Adam, clamped to [0, 1] after each step; its two moments follow the image from size to size."""

    RATE = 0.02
    """of a pixel's range per step"""
    BETAS = (0.9, 0.99)
    FAILURES = 6
    """steps in a row after which an objective that is not finite is given up"""

    def __init__(self, variables: Variables, averaging: float = 0.0) -> None:
        super().__init__(variables, averaging)
        self._begin()

    def _begin(self) -> None:
        self._failures = 0
        self._torch = _TorchAdam(self.variables.parameters, lr=self.RATE, betas=self.BETAS, eps=1e-30)

    def _resized(self, wrap: bool) -> None:
        """The moments are resampled, and become as much smaller as there are more pixels.

        Losses are averages, so a pixel's gradient shrinks as pixels grow in number. Not by the ratio of the gradients
        themselves: a picture just enlarged is blurred, its first gradient is large, and would stifle all later steps.
        """
        states = [self._torch.state[parameter] for parameter in self._before.parameters]
        self._begin()
        if not all(states):  # before the first step
            return
        now = self.variables
        share = _count(self._before.parameters) / _count(now.parameters)
        means = self._before.resampled(now, [state["exp_avg"] for state in states], "bicubic", wrap)
        squares = self._before.resampled(now, [state["exp_avg_sq"] for state in states], "bilinear", wrap)
        for parameter, mean, square in zip(now.parameters, means, squares, strict=True):
            kept = {"exp_avg": mean * share, "exp_avg_sq": square.clamp_min(0) * share**2}
            self._torch.state[parameter] = {"step": states[0]["step"].clone(), **kept}

    def _follow(self, changes: list[Tensor]) -> None:
        """Its moments are averages of the last ten and hundred gradients, and forget the old weights as fast."""

    def _forget_direction(self) -> None:
        for parameter in self.variables.parameters:
            if state := self._torch.state[parameter]:
                state["exp_avg"].zero_()

    def _move(self, objective: Objective) -> None:
        for gradient in self._gradients():
            gradient.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
        self._torch.step()
        self.variables.clamp()
        self._measure(objective)
        self._failures = 0 if math.isfinite(self.total) else self._failures + 1
        if self._failures == self.FAILURES:
            raise DivergedError("The losses became no finite numbers and stay so; use smaller weights.")


OPTIMIZERS: dict[str, type[Optimizer]] = {"lbfgs": LBFGS, "adam": Adam}


def _length(tensors: Sequence[Tensor]) -> float:
    """Euclidean, of all numbers together."""
    return math.sqrt(sum(float(tensor.square().sum()) for tensor in tensors))


def _count(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)
