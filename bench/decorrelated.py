"""Would optimising Fourier coefficients instead of pixels need fewer steps? `python -m bench.decorrelated` (see --help).

The image is x = F^-1(s(f) F(z)), with z what is optimised and s(f) = f^-power, the fall of natural pictures' spectra, scaled to
1 in the root mean square (Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017, appendix). Power 0 is plain pixels.
Prints the total loss of the same objective after the same steps, as a share of what pixels reach.
"""

import argparse
import statistics
from pathlib import Path

import torch
from torch import Tensor

from stylekit import Encoder, Recipe, load_encoder, open_picture
from stylekit.objective import Objective
from stylekit.optimizers import OPTIMIZERS
from stylekit.pyramid import levels, scaled
from stylekit.resize import fit, resample
from stylekit.transfer import Turn, descend
from stylekit.variables import Pixels, Variables

ASSETS = Path(__file__).parents[1] / "assets"
PAIRS = (("cat", "stained-glass"), ("coffee", "indigo-waves"), ("astronaut", "harbour-night"), ("rocket", "autumn-birches"))


class Spectrum(Variables):
    """z (1, 3, H, W), of which the image is F^-1(s(f) F(z))."""

    def __init__(self, image: Tensor, power: float) -> None:
        height, width = image.shape[2:]
        up, across = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
        frequency = (up[:, None].square() + across.square()).sqrt().clamp_min(1 / max(height, width))
        scale = frequency**-power
        self._power, self._scale = power, scale / scale.square().mean().sqrt()
        self.parameters = [filtered(image.detach(), 1 / self._scale).requires_grad_(True)]

    def image(self) -> Tensor:
        """x of z."""
        return filtered(self.parameters[0], self._scale)

    def of(self, image: Tensor) -> "Spectrum":
        """The spectrum of `image`."""
        return Spectrum(image, self._power)

    def resampled(self, like: Variables, tensors: list[Tensor], mode: str, wrap: bool) -> list[Tensor]:
        """Each like a picture."""
        return [resample(tensor, like.size, mode) for tensor in tensors]

    def clamp(self) -> None:
        """A spectrum knows no such bounds."""


def filtered(x: Tensor, scale: Tensor) -> Tensor:
    """x (1, 3, H, W) with its frequencies multiplied by `scale` (H, W // 2 + 1)."""
    return torch.fft.irfft2(torch.fft.rfft2(x) * scale, s=x.shape[2:])


def reached(content: Tensor, style: Tensor, recipe: Recipe, power: float, encoder: Encoder) -> float:
    """The total loss at the end of a whole run, of the image clamped to [0, 1]."""
    shape, plan = content.shape[2:], levels(recipe.size, recipe.steps, recipe.coarsest)

    def objective_at(longest: int) -> Objective:
        return Objective(fit(content, scaled(shape, longest)), [style], recipe, encoder)

    start = fit(content, scaled(shape, plan[0].size))
    optimizer = OPTIMIZERS[recipe.optimizer](Spectrum(start, power) if power else Pixels(start))
    *_, last = descend(optimizer, plan, objective_at, lambda _: Turn(recipe.weights))
    with torch.no_grad():
        return float(last.objective(optimizer.image, recipe.weights)[0])


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
