"""Would optimising Fourier coefficients instead of pixels need fewer steps? `python -m bench.decorrelated` (see --help).

The image is x = F^-1(s(f) F(z)), with z what is optimised and s(f) = f^-power, the fall of natural pictures' spectra, scaled to
1 in the root mean square (Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017, appendix). Power 0 is plain pixels.
Prints the total loss of the same objective after the same steps, as a share of what pixels reach.
"""

import argparse
import statistics
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from stylekit import Recipe, Weights, load_encoder, open_picture
from stylekit.optimizers import OPTIMIZERS, Losses
from stylekit.pyramid import levels, scaled
from stylekit.resize import fit
from stylekit.transfer import StyleObjective

ASSETS = Path(__file__).parents[1] / "assets"
PAIRS = (("cat", "stained-glass"), ("coffee", "indigo-waves"), ("astronaut", "harbour-night"), ("rocket", "autumn-birches"))


class Decorrelated:
    """The map between what is optimised and the image, at one size."""

    def __init__(self, height: int, width: int, power: float) -> None:
        up, across = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
        frequency = (up[:, None].square() + across.square()).sqrt().clamp_min(1 / max(height, width))
        scale = frequency**-power
        self.scale = scale / scale.square().mean().sqrt()
        self.size = (height, width)

    def image(self, z: Tensor) -> Tensor:
        """x of z, both (1, 3, H, W)."""
        return torch.fft.irfft2(torch.fft.rfft2(z) * self.scale, s=self.size)

    def variable(self, x: Tensor) -> Tensor:
        """z of x."""
        return torch.fft.irfft2(torch.fft.rfft2(x) / self.scale, s=self.size)


def reached(content: Tensor, style: Tensor, recipe: Recipe, power: float, encoder: object) -> float:
    """The total loss at the end of a whole run, of the image clamped to [0, 1]."""
    shape = (content.shape[2], content.shape[3])
    image = fit(content, scaled(shape, recipe.coarsest))
    for level in levels(recipe.size, recipe.steps, recipe.coarsest):
        size = scaled(shape, level.size)
        objective, way = StyleObjective(fit(content, size), [style], recipe, encoder), Decorrelated(*size, power)  # type: ignore[arg-type]

        def of_variable(
            z: Tensor, weights: Weights, objective: StyleObjective = objective, way: Decorrelated = way
        ) -> tuple[Tensor, Losses]:
            return objective(way.image(z), weights)

        optimizer = OPTIMIZERS[recipe.optimizer](way.variable(fit(image, size)))
        for _ in range(level.steps):
            optimizer.step(partial(of_variable, weights=recipe.weights))
        image = way.image(optimizer.variable.detach()).clamp(0, 1)
    with torch.no_grad():
        return float(objective(image, recipe.weights)[0])


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=192, help="longest side in pixels (default: %(default)s)")
    parser.add_argument("--steps", type=int, nargs="+", default=[60, 150], help="steps of a run")
    parser.add_argument("--powers", type=float, nargs="+", default=[0.5, 1.0], help="how fast the spectrum falls")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    encoder = load_encoder("compact")
    pictures = [
        [
            open_picture(ASSETS / f"{folder}/{name}.jpg", args.size).image
            for folder, name in zip(("photos", "artworks"), pair, strict=True)
        ]
        for pair in PAIRS
    ]
    print(f"total loss against pixels at {args.size} px, median of {len(PAIRS)} pairs\n")
    print("| optimiser | steps | power | loss |\n|---|---|---|---|")
    for optimizer in OPTIMIZERS:
        for steps in args.steps:
            recipe = Recipe(size=args.size, steps=steps, optimizer=optimizer)
            pixels = [reached(*pair, recipe, 0.0, encoder) for pair in pictures]
            for power in args.powers:
                losses = [reached(*pair, recipe, power, encoder) for pair in pictures]
                ratio = statistics.median(a / b for a, b in zip(losses, pixels, strict=True))
                print(f"| {optimizer} | {steps} | {power} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
