"""What paddings leave at the borders of a painting: `python -m bench.borders` (see --help).

Prints a table in Markdown, medians over six pairs of pictures:

- colour: how far the outermost three pixels differ from those 8 to 20 pixels inside, less what the photo itself has there;
  root mean square over the four sides and three channels, in [0, 1];
- fineness: energy of the brightness' differences along the border, of the outermost three pixels against those inside; 1 = alike;
- time: of a step, against zeros.
"""

import argparse
import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from stylekit import Encoder, Recipe, encoders, load_encoder, open_picture, stylize
from stylekit.resize import fit

ASSETS = Path(__file__).parents[1] / "assets"
PHOTOS = ("coffee", "cat", "astronaut")
ARTWORKS = ("indigo-waves", "stained-glass", "orchard-linocut")
RIM, INSIDE = slice(0, 3), slice(8, 20)


def sides(image: Tensor) -> Iterator[Tensor]:
    """The image (1, 3, H, W) turned so that each side in turn is at the top."""
    return (torch.rot90(image, turn, (2, 3)) for turn in range(4))


def colour(painting: Tensor, photo: Tensor) -> float:
    """See above; both (1, 3, H, W)."""

    def steps(image: Tensor) -> Tensor:
        return torch.stack([side[:, :, RIM].mean((2, 3)) - side[:, :, INSIDE].mean((2, 3)) for side in sides(image)])

    return float((steps(painting) - steps(photo)).square().mean().sqrt())


def fineness(painting: Tensor) -> float:
    """See above."""
    energies = [side.mean(1).diff(dim=1).square() for side in sides(painting)]
    return statistics.mean(float(energy[:, RIM].mean() / energy[:, INSIDE].mean()) for energy in energies)


def measured(encoder: Encoder, padding: str, size: int, steps: int) -> tuple[float, float, float]:
    """(colour, fineness, seconds of a step), medians over all pairs."""
    found = []
    for photo, artwork in [*zip(PHOTOS, ARTWORKS, strict=True), *zip(PHOTOS, ARTWORKS[1:] + ARTWORKS[:1], strict=True)]:
        content, style = (open_picture(ASSETS / f"{name}.jpg", size).image for name in (f"photos/{photo}", f"artworks/{artwork}"))
        recipe = Recipe(encoder=encoder.name, size=size, steps=steps, padding=padding)
        frames = list(stylize(content, [style], recipe, encoder=encoder))
        painting, times = frames[-1].image, [frame.seconds for frame in frames if frame.level == frame.levels]
        spent = statistics.median(after - before for before, after in itertools.pairwise(times))
        found.append((colour(painting, fit(content, painting.shape[2:])), fineness(painting), spent))
    first, second, third = (statistics.median(values) for values in zip(*found, strict=True))
    return first, second, third


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="compact", help="(default: %(default)s)")
    parser.add_argument("--size", type=int, default=256, help="longest side in pixels (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=150, help="steps of a run (default: %(default)s)")
    parser.add_argument("--margins", type=int, nargs="+", default=[16], help="of mirror, multiples of 16 (default: 16)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    encoder = load_encoder(args.encoder)
    print(f"{encoder.name}, longest side {args.size}, {args.steps} steps, {args.threads} threads\n")
    print("| padding | colour | fineness | time |\n|---|---|---|---|")
    base = None
    for padding, margin in [(p, 16) for p in ("zeros", "replicate", "reflect")] + [("mirror", m) for m in args.margins]:
        encoders.MARGIN = margin
        off, fine, seconds = measured(encoder, padding, args.size, args.steps)
        base = base or seconds
        name = padding if padding != "mirror" else f"mirror, {margin} pixels"
        print(f"| {name} | {off:.3f} | {fine:.2f} | {seconds / base:.2f} |", flush=True)


if __name__ == "__main__":
    main()
