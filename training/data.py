"""Crops to learn from: pictures of the training folder, and pictures that are being painted by the student itself."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylekit.encoders.compact import Compact
from stylekit.errors import DivergedError
from stylekit.objective import Objective
from stylekit.optimizers import OPTIMIZERS, Optimizer
from stylekit.pyramid import Level
from stylekit.recipe import Recipe
from stylekit.resize import fit
from stylekit.transfer import Turn, descend
from stylekit.variables import Pixels

STEPS = (30, 120)
"""Fewest and most of a picture that is being painted."""


class Pictures:
    """All pictures of a folder in memory, every `held_out`-th of them kept back for measuring."""

    def __init__(self, folder: Path, held_out: int = 20) -> None:
        paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
        if len(paths) < held_out:
            raise SystemExit(f"{folder} holds {len(paths)} pictures; training needs at least {held_out}.")
        arrays = [np.asarray(Image.open(p).convert("RGB")) for p in paths]
        self.unseen = arrays[::held_out]
        self.seen = [a for i, a in enumerate(arrays) if i % held_out]

    def crop(self, size: int, rng: random.Random) -> Tensor:
        """One crop (1, 3, size, size) in [0, 1] at a random scale, mirrored half the time, its colours sometimes turned."""
        picture = rng.choice(self.seen)
        height, width = picture.shape[:2]
        side = min(int(size * 2 ** rng.uniform(-0.3, 1.3)), height, width)
        top, left = rng.randint(0, height - side), rng.randint(0, width - side)
        x = _tensor(picture[top : top + side, left : left + side])
        x = F.interpolate(x, (size, size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        if rng.random() < 0.5:
            x = x.flip(3)
        if rng.random() < 0.2:
            x = x[:, torch.tensor(rng.sample(range(3), 3))]
        return x

    def disturbed(self, x: Tensor, rng: random.Random) -> Tensor:
        """`x` (1, 3, size, size) as a running optimisation may show it: with noise, a second picture shining through."""
        return noisy(x.lerp(self.crop(x.shape[3], rng), rng.uniform(0.1, 0.6)), rng)

    def measuring_batch(self, size: int) -> Tensor:
        """The centres of the unseen pictures, and the same with noise: (2 N, 3, size, size)."""
        crops = []
        for a in self.unseen:
            top, left = (a.shape[0] - size) // 2, (a.shape[1] - size) // 2
            crops.append(_tensor(a[top : top + size, left : left + size]))
        rng = random.Random(0)
        state = torch.get_rng_state()
        torch.manual_seed(0)
        batch = torch.cat(crops + [noisy(crop, rng) for crop in crops])
        torch.set_rng_state(state)
        return batch


def noisy(x: Tensor, rng: random.Random) -> Tensor:
    """`x` (1, 3, size, size) with a little noise of some grain: grey, coloured, or of equal brightness."""
    size, grain = x.shape[3], rng.choice((1, 1, 2, 4))
    noise = torch.randn(1, rng.choice((1, 3, 3)), size // grain, size // grain)
    if noise.shape[1] == 3 and rng.random() < 0.5:
        noise = noise - (noise * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    noise = F.interpolate(noise, (size, size), mode="bilinear", align_corners=False)
    return (x + noise * 10 ** rng.uniform(-2, -0.7)).clamp(-0.2, 1.2)


@dataclass
class Painting:
    """One picture being painted by the student: what the optimiser makes of the student's mistakes is what it must see."""

    content: Tensor
    style: Tensor
    recipe: Recipe
    optimizer: Optimizer
    done: int = 0

    @classmethod
    def begin(cls, pictures: Pictures, size: int, rng: random.Random) -> "Painting":
        """A new one from random crops, with a random optimiser, statistic, content weight and number of steps."""
        content, style = pictures.crop(size, rng), pictures.crop(size, rng)
        small = int(size / rng.uniform(1, 2))  # as when a level of the pyramid begins
        image = fit(fit(content, (small, small)), (size, size))
        if rng.random() < 0.15:
            image = torch.rand_like(image)
        recipe = Recipe(
            size=size,
            optimizer="lbfgs" if rng.random() < 0.7 else "adam",
            statistic="gram" if rng.random() < 0.4 else "mean_covariance",
            content_weight=10 ** rng.uniform(-1.7, 0.3),
            style_weight=1.0,
            padding="zeros",
            steps=rng.randint(*STEPS),
        )
        return cls(content, style, recipe, OPTIMIZERS[recipe.optimizer](Pixels(image)))

    @property
    def image(self) -> Tensor:
        """A copy (1, 3, size, size) as it is; L-BFGS may leave [0, 1]."""
        return self.optimizer.variables.image().detach().clone()

    def paint(self, student: Compact, steps: int) -> bool:
        """Take some steps with the student as it is now; False once this painting is finished, stuck or has diverged."""
        objective = Objective(self.content, [self.style], self.recipe, student)
        plan = [Level(self.recipe.size, steps)]
        try:
            for step in descend(self.optimizer, plan, lambda _: objective, lambda _: Turn(self.recipe.weights), self.done):
                self.done = step.number
        except DivergedError:
            return False
        return self.done < self.recipe.steps and not self.optimizer.stuck


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1)[None].float() / 255
