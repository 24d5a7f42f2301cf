"""L-BFGS and Adam, which can be told "the objective changed" and "the size changed".

Both keep one invariant: the losses and the gradient that they hold belong to the variable as it is. A step moves it and
measures it anew, so every frame's losses are those of its own picture, at one evaluation per step.

Sources: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989); Kingma and Ba, "Adam"
(arXiv 1412.6980). The updates themselves are torch.optim's.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from stylekit.errors import DivergedError

Losses = dict[str, Tensor]
Objective = Callable[[Tensor], tuple[Tensor, Losses]]
"""image (1, 3, H, W) -> (total to be lowered, the losses to be shown), all scalars."""


class ImageOptimizer(ABC):
    """Lowers an objective by moving the pixels of an image (1, 3, H, W)."""

    def __init__(self, image: Tensor, averaging: float = 0.0) -> None:
        """`averaging`: share of the past in what is shown, an exponential average of the images; 0 = the image itself."""
        self.variable = image.detach().clone().requires_grad_(True)
        self._average = Average(averaging)
        self.losses: Losses = {}
        """of the image as it is; empty before the first step"""
        self.total = math.nan
        self._measured = False

    @property
    def image(self) -> Tensor:
        """A copy of the image, or of the average of the images, in [0, 1]."""
        return self._average.of(self.variable.detach().clamp(0, 1))

    def step(self, objective: Objective) -> None:
        """One move and the losses of where it led. Raises DivergedError if the objective is not finite to begin with."""
        if not self._measured:
            self._measure(objective)
            if not math.isfinite(self.total):
                raise DivergedError("The losses of this picture are not finite numbers; use smaller weights or another picture.")
            self._measured = True
        self._move(objective)
        self._average.add(self.variable)

    def objective_changed(self) -> None:
        """The next step's objective has other weights than the last one's."""
        self._measured = False
        self._average.forget()  # so that what has been turned shows at once
        self._forget_direction()

    @abstractmethod
    def size_changed(self, size: tuple[int, int], wrap: bool = False) -> None:
        """Go on with the image at `size` = (height, width); with `wrap`, its opposite borders are neighbours."""

    @abstractmethod
    def _move(self, objective: Objective) -> None:
        """Move the variable, and measure it."""

    @abstractmethod
    def _forget_direction(self) -> None:
        """Drop what is only true of the old objective."""

    def _measure(self, objective: Objective) -> None:
        """Losses and gradient of the variable as it is."""
        self.variable.grad = None
        total, self.losses = objective(self.variable)
        total.backward()
        self.losses = {name: loss.detach() for name, loss in self.losses.items()}
        self.total = float(total.detach())

    def _resized(self, size: tuple[int, int], wrap: bool) -> Tensor:
        resized = _resize(self.image, size, wrap).clamp(0, 1).requires_grad_(True)
        self._average.forget()
        return resized


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


class LBFGS(ImageOptimizer):
    """L-BFGS without line search, with a guard: a step that makes things much worse, or is huge, is undone and tried shorter.

    The pixels are not clamped while it runs, because that would falsify the pairs (move, change of gradient) that the
    curvature is estimated from; only what is shown is, and what a new size begins with.
    """

    HISTORY = 10
    FIRST_MOVE = 0.01
    """of a pixel, in the mean, after each time that the history was dropped: the gradient alone says nothing of its length"""
    MUCH_WORSE = 1.5
    """times the total before; without a line search it may rise a little now and then"""
    TRIES = 6

    def __init__(self, image: Tensor, averaging: float = 0.0) -> None:
        super().__init__(image, averaging)
        self._begin()

    def size_changed(self, size: tuple[int, int], wrap: bool = False) -> None:
        """Go on with the image at `size`; the history does not fit it and is dropped."""
        self.variable = self._resized(size, wrap)
        self._measured = False
        self._begin()

    def _begin(self) -> None:
        self._scale = 0.0  # of the loss; 0 = to be chosen from the next gradient
        self._length = 1.0  # of the steps, 1 unless the guard has just shortened them
        self._torch = torch.optim.LBFGS(
            [self.variable], max_iter=1, history_size=self.HISTORY, tolerance_grad=0, tolerance_change=0
        )

    def _forget_direction(self) -> None:
        self._begin()

    def _move(self, objective: Objective) -> None:
        assert self.variable.grad is not None
        image, gradient, losses, total = self.image_as_is(), self.variable.grad.clone(), self.losses, self.total
        for _ in range(self.TRIES):
            self._torch_step()
            self._measure(objective)
            if self._acceptable(image, total):
                self._length = min(1.0, 1.5 * self._length)
                return
            with torch.no_grad():
                self.variable.copy_(image)
            self.variable.grad, self.losses, self.total = gradient.clone(), losses, total
            length = self._length
            self._begin()
            self._length = length / 4
        # The picture stays as it is for this step; the next one tries shorter moves still.

    def image_as_is(self) -> Tensor:
        """A copy of the variable, unclamped."""
        return self.variable.detach().clone()

    def _torch_step(self) -> None:
        """One move of torch's L-BFGS along the gradient that has been measured already."""
        assert self.variable.grad is not None
        gradient = self.variable.grad
        first = self._scale == 0
        if first:  # torch drops pairs whose product is below 1e-10, so bring the gradient to a mean size of 1
            size = float(gradient.abs().mean())
            self._scale = 1 / size if size > 0 else 1.0
        gradient.mul_(self._scale)
        # torch divides the first move by the gradient's sum of absolutes, here its number of elements
        move = self.FIRST_MOVE * gradient.numel() if first else 1.0
        self._torch.param_groups[0]["lr"] = move * self._length
        self._torch.step(lambda: self.total * self._scale)

    def _acceptable(self, before: Tensor, total: float) -> bool:
        moved = (self.variable.detach() - before).abs().mean()
        return self.total <= self.MUCH_WORSE * total + 1e-12 and float(moved) < 0.25  # False for NaN


class Adam(ImageOptimizer):
    """Adam, clamped to [0, 1] after each step; its two moments follow the image from size to size."""

    RATE = 0.02
    """of a pixel's range per step"""
    BETAS = (0.9, 0.99)

    def __init__(self, image: Tensor, averaging: float = 0.0) -> None:
        super().__init__(image, averaging)
        self._torch = self._new()

    def _new(self) -> torch.optim.Adam:
        return torch.optim.Adam([self.variable], lr=self.RATE, betas=self.BETAS, eps=1e-30)

    def size_changed(self, size: tuple[int, int], wrap: bool = False) -> None:
        """Go on with the image at `size`; the moments are resampled, and become as much smaller as there are more pixels.

        Losses are averages, so a pixel's gradient shrinks as pixels grow in number. Not by the ratio of the gradients
        themselves: a picture just enlarged is blurred, its first gradient is large, and would stifle all later steps.
        """
        state, before = self._torch.state[self.variable], self.variable.numel()
        self.variable = self._resized(size, wrap)
        self._measured = False
        self._torch = self._new()
        if state:
            share = before / self.variable.numel()
            mean = _resize(state["exp_avg"], size, wrap) * share
            square = _resize(state["exp_avg_sq"], size, wrap, "bilinear").clamp_min(0) * share**2
            self._torch.state[self.variable] = {"step": state["step"], "exp_avg": mean, "exp_avg_sq": square}

    def _forget_direction(self) -> None:
        if state := self._torch.state[self.variable]:
            state["exp_avg"].zero_()

    def _move(self, objective: Objective) -> None:
        assert self.variable.grad is not None
        self.variable.grad.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
        self._torch.step()
        with torch.no_grad():
            self.variable.clamp_(0, 1)
        self._measure(objective)


OPTIMIZERS: dict[str, type[ImageOptimizer]] = {"lbfgs": LBFGS, "adam": Adam}


def _resize(x: Tensor, size: tuple[int, int], wrap: bool, mode: str = "bicubic") -> Tensor:
    """x (1, C, H, W) at `size`; with `wrap`, what is beyond a border is the opposite side."""
    if not wrap:
        return functional.interpolate(x, size, mode=mode, align_corners=False, antialias=True)
    # so many pixels more that they are whole ones at both sizes, and enough for the bicubic kernel
    units = [math.gcd(side, new) for side, new in zip(x.shape[2:], size, strict=True)]
    more = [math.ceil(3 * unit / side) * side // unit for side, unit in zip(x.shape[2:], units, strict=True)]
    top, left = (n * new // side for n, new, side in zip(more, size, x.shape[2:], strict=True))
    wide = functional.pad(x, (more[1], more[1], more[0], more[0]), mode="circular")
    wide = functional.interpolate(wide, (size[0] + 2 * top, size[1] + 2 * left), mode=mode, align_corners=False, antialias=True)
    return wide[..., top : top + size[0], left : left + size[1]].contiguous()
