"""How the student's weights are moved, and how far at a time."""

import math

import torch
from torch import Tensor, nn

from training.student import Student


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
