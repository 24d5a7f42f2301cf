"""How good the compact encoder's pictures are, judged by VGG-19: `python -m bench.encoder` (see --help).

Paints pairs of pictures that were not used in training with VGG-19 (the reference) and with other encoders, same recipe, and
judges all results, as the 8-bit pictures that they are, by the reference's own losses. Prints tables in Markdown:

- share: of the reference run's reduction of the style loss, how much an encoder reaches at the same sliders;
- score: the same at a content loss no worse than the reference's plus ten per cent: content weight times `alpha` for that
  (for trained ones; it takes five runs or so);
- grain and speckle: energy above half the Nyquist frequency of the brightness and of the two colour differences, against the
  mean of content and style picture. The reference's own numbers say what is usual;
- agreement: how far the relative losses of one picture lie apart under both encoders, median per layer.
"""

import argparse
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from stylekit.encoders import Encoder, Reach
from stylekit.encoders.compact import WEIGHTS, Compact
from stylekit.encoders.vgg19 import VGG19, read_weights
from stylekit.objective import Objective
from stylekit.pictures import open_picture, to_array, to_pil
from stylekit.recipe import STYLE_LAYERS, Recipe
from stylekit.transfer import stylize

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
CONTENTS = ("content-tubingen", "content-lion", "content-hoover-tower")
STYLES = ("style-starry-night", "style-monet", "style-scream")
SAMPLES = (("cat", "stained-glass"), ("coffee", "indigo-waves"), ("astronaut", "orchard-linocut"))
FURTHEST = 16.0
"""The content weight is at most multiplied, or divided, by this to make the content loss as low as the reference's."""


def random_vgg19() -> Encoder:
    """VGG-19 with random weights, its layers scaled to unit mean activation: He et al., arXiv 1606.04801, needs no training."""
    from torchvision.models import vgg19

    torch.manual_seed(0)
    encoder = VGG19(vgg19(weights=None).state_dict()).eval().requires_grad_(False)
    return scaled_to_unit(encoder)


def untrained() -> Encoder:
    """The compact network with random weights, its layers scaled to unit mean activation."""
    torch.manual_seed(0)
    encoder = Compact().eval().requires_grad_(False)
    for root in encoder.root.values():
        root.weight.copy_(torch.eye(root.out_channels)[:, :, None, None])
    return scaled_to_unit(encoder)


def scaled_to_unit(encoder: Encoder) -> Encoder:
    """Divide each convolution's filters by the mean activation that a photo gives, one after the other."""
    photo = open_picture(ROOT / "assets/photos/coffee.jpg", 256).image
    convolutions = [m for name, m in encoder.named_modules() if isinstance(m, nn.Conv2d) and not name.startswith("root.")]
    for conv in convolutions:
        seen: list[float] = []
        hook = conv.register_forward_hook(lambda _m, _x, out, seen=seen: seen.append(float(out.clamp_min(0).mean())))
        encoder(photo, encoder.layers[-1:])
        hook.remove()
        conv.weight.data /= seen[0]
    return encoder


class RandomFilters(Encoder):
    """One layer of random filters of six sizes, all at full resolution: Ustyuzhaninov et al., arXiv 1606.00021.

    It answers to the names of VGG-19's layers: `relu1_1` to `relu5_1` are filters of 3 to 55 pixels, `relu4_2` those of 24.
    Large filters see little that is small, and so stand farther apart.
    """

    name = "compact"  # of the recipes that it is painted with
    layers = Compact.layers
    strides, sizes = (1, 1, 2, 4, 4, 8), (3, 7, 15, 31, 24, 55)

    def __init__(self, filters: int = 32) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.reaches = dict(zip(self.layers, map(Reach, self.strides, self.sizes), strict=True))
        self.conv = nn.ModuleDict(
            {layer: nn.Conv2d(3, filters, reach.receptive_field, bias=False) for layer, reach in self.reaches.items()}
        )

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        for layer in wanted:
            weight = self.conv[layer].weight
            side = weight.shape[2]
            padded = nn.functional.pad(image - 0.45, [side // 2, (side - 1) // 2] * 2, mode="replicate")
            yield layer, nn.functional.conv2d(padded, weight, stride=self.stride(layer)).relu()


class Exact(Encoder):
    """An encoder with some layers taken from the reference: which of its layers' errors cost its pictures how much?"""

    name = "compact"
    layers = Compact.layers

    def __init__(self, encoder: Encoder, reference: Encoder, exact: Sequence[str]) -> None:
        super().__init__()
        self.encoder, self.reference, self.exact = encoder, reference, exact
        self.reaches = {layer: (reference if layer in exact else encoder).reaches[layer] for layer in self.layers}

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        exact = self.reference(image, [layer for layer in wanted if layer in self.exact])
        own = self.encoder(image, [layer for layer in wanted if layer not in self.exact])
        for layer in wanted:
            yield layer, (exact | own)[layer]


def compact_from(path: Path) -> Encoder:
    """The compact encoder with the weights of any file of that shape."""
    from hashlib import sha256

    return Compact.load(path, sha256(path.read_bytes()).hexdigest()).eval().requires_grad_(False)


@dataclass
class Result:
    """What an encoder made of a pair: the picture (1, 3, H, W) as saved, and the reference's opinion of it."""

    image: Tensor
    style: float
    content: float


class Pair:
    """A content and a style picture, and the reference's judgement."""

    def __init__(self, content: Path, style: Path, recipe: Recipe, reference: Encoder) -> None:
        self.name = f"{content.stem.removeprefix('content-')}, {style.stem.removeprefix('style-')}"
        self.content, self.style = (open_picture(path, recipe.size).image for path in (content, style))
        self.recipe, self.reference = recipe, reference
        self._objective = Objective(self.content, [self.style], recipe, reference)
        self.before = self.judged(self.content)

    def judged(self, image: Tensor) -> Result:
        """The reference's losses of an image."""
        with torch.no_grad():
            terms = self._objective(image, self.recipe.weights)[1]
        return Result(image, float(terms["style"]), float(terms["content"]))

    def painted(self, encoder: Encoder, alpha: float = 1.0) -> Result:
        """The result of a whole run, with the content weight times `alpha`."""
        recipe = Recipe(**vars(self.recipe) | {"encoder": encoder.name, "content_weight": alpha * self.recipe.content_weight})
        *_, last = stylize(self.content, [self.style], recipe, encoder=encoder)
        return self.judged(torch.from_numpy(to_array(last.image)).permute(2, 0, 1)[None].float() / 255)

    def share(self, result: Result, reference: Result) -> float:
        """Of the reference run's reduction of the style loss, what `result` reaches."""
        return (self.before.style - result.style) / (self.before.style - reference.style)

    def scored(self, encoder: Encoder, reference: Result) -> tuple[float, float, Result]:
        """(score, alpha for it, the result at the same sliders): of the alphas tried, the lowest with so low a content loss.

        Doubled or halved from 1 on until the content loss passes the limit, then halved twice in between: exact to a fifth.
        The score is 0 where no alpha is high enough.
        """
        same = self.painted(encoder)

        def fits(result: Result) -> bool:
            return result.content <= 1.1 * reference.content

        low, high, best = (0.5, 1.0, same) if fits(same) else (1.0, 2.0, None)
        while best is None and high <= FURTHEST:
            result = self.painted(encoder, high)
            best, low, high = (result, low, high) if fits(result) else (None, high, 2 * high)
        if best is None:
            return 0.0, low, same
        while high <= 1 and low >= 1 / FURTHEST and fits(result := self.painted(encoder, low)):
            best, low, high = result, low / 2, low
        for _ in range(2):
            middle = math.sqrt(low * high)
            result = self.painted(encoder, middle)
            best, low, high = (result, low, middle) if fits(result) else (best, middle, high)
        return self.share(best, reference), high, same

    def fineness(self, image: Tensor) -> tuple[float, float]:
        """Energy above half the Nyquist frequency, against the two pictures': of the brightness, of the colours."""
        mine, theirs = high_energy(image), torch.stack([high_energy(self.content), high_energy(self.style)]).mean(0)
        return tuple((mine / theirs).sqrt().tolist())  # type: ignore[return-value]


def high_energy(image: Tensor) -> Tensor:
    """(2,): mean energy of (1, 3, H, W) above half the Nyquist frequency in brightness and in colour differences (BT.601)."""
    red, green, blue = image[0]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = torch.stack((luma, (blue - luma) / 1.772, (red - luma) / 1.402))
    spectrum = torch.fft.fft2(planes - planes.mean((1, 2), keepdim=True), norm="ortho").abs().square()
    up, across = (torch.fft.fftfreq(side) for side in planes.shape[1:])
    high = up[:, None].square() + across.square() > 0.25**2
    energy = (spectrum * high).mean((1, 2))
    return torch.stack((energy[0], energy[1] + energy[2]))


def agreement(pairs: list[Pair], pictures: list[list[Tensor]], encoder: Encoder) -> dict[str, float]:
    """Median over pictures of |log(loss under the encoder / loss under the reference)|, as a ratio minus 1, per layer."""
    apart: dict[str, list[float]] = {}
    for pair, images in zip(pairs, pictures, strict=True):
        ours = Objective(pair.content, [pair.style], pair.recipe, encoder)
        theirs = Objective(pair.content, [pair.style], pair.recipe, pair.reference)
        for image in images:
            with torch.no_grad():
                a, b = (objective(image, pair.recipe.weights)[1] for objective in (ours, theirs))
            for name in ("content", *STYLE_LAYERS):
                if min(a[name], b[name]) > 1e-6:
                    apart.setdefault(name, []).append(abs(math.log(a[name] / b[name])))
    return {name: math.exp(statistics.median(values)) - 1 for name, values in apart.items()}


def pairs_of(args: argparse.Namespace, recipe: Recipe, reference: Encoder) -> list[Pair]:
    """Every photo of `args.pictures` with every painting there, and some samples of ours."""
    paths = [(args.pictures / f"{c}.jpg", args.pictures / f"{s}.jpg") for c in CONTENTS for s in STYLES]
    paths += [(ROOT / f"assets/photos/{c}.jpg", ROOT / f"assets/artworks/{s}.jpg") for c, s in SAMPLES]
    return [Pair(content, style, recipe, reference) for content, style in paths[:: args.every]]


def sheet(rows: list[list[Tensor]], labels: Sequence[str], path: Path) -> None:
    """A contact sheet of images, a row per pair; the last row may be short."""
    pictures = [[to_pil(image) for image in row] for row in rows]
    cell = max(max(p.size) for row in pictures for p in row) + 6
    canvas = Image.new("RGB", (cell * len(labels), cell * len(rows) + 16), "white")
    draw = ImageDraw.Draw(canvas)
    for column, label in enumerate(labels):
        draw.text((column * cell, 2), label, fill="black")
    for line, row in enumerate(pictures):
        for column, picture in enumerate(row):
            canvas.paste(picture, (column * cell, line * cell + 16))
    canvas.save(path)


@dataclass
class Judged:
    """An encoder's results on all pairs at the same sliders, in the order of the pairs."""

    results: list[Result]
    shares: list[float]
    scores: list[float]
    """0 where the content loss was too high at every alpha; NaN where none was sought"""

    def summary(self, pairs: list[Pair]) -> str:
        """The cells of the second table."""
        grain, speckle = zip(*(pair.fineness(r.image) for pair, r in zip(pairs, self.results, strict=True)), strict=True)
        ends = ((self.shares, min), (self.scores, min), (grain, max), (speckle, max))
        cells = (f"{statistics.median(values):.2f}, {end(values):.2f}" for values, end in ends)
        return " | ".join(cells).replace("nan, nan", "")


def judged(name: str, encoder: Encoder, pairs: list[Pair], references: list[Result], trained: bool) -> Judged:
    """Paint and judge all pairs, printing a row of the first table for each; scores only if `trained`."""
    found = Judged([], [], [])
    for pair, base in zip(pairs, references, strict=True):
        score, alpha, same = pair.scored(encoder, base) if trained else (math.nan, 1.0, pair.painted(encoder))
        share = pair.share(same, base)
        print(
            f"| {name} | {pair.name} | {pair.before.style:.2f}, {base.style:.3f}, {same.style:.3f} "
            f"| {base.content:.2f}, {same.content:.2f} | {share:.2f} | "
            + (f"{score:.2f} at {alpha:.3g} |" if score > 0 else f"content too high at {alpha:g} |" if trained else "|"),
            flush=True,
        )
        found.results.append(same)
        found.shares.append(share)
        found.scores.append(score)
    return found


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=192, help="longest side in pixels (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=200, help="steps of a run (default: %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="take only every n-th pair")
    parser.add_argument("--pictures", type=Path, default=SHARED / "pictures", help="folder of content-*.jpg and style-*.jpg")
    parser.add_argument("--reference", type=Path, default=SHARED / "weights/vgg19_standin.safetensors", help="VGG-19 weights")
    parser.add_argument("--weights", type=Path, nargs="*", default=[WEIGHTS], help="compact encoders to judge")
    parser.add_argument("--exact", nargs="*", choices=Compact.layers, help="judge the first with these layers from the reference")
    parser.add_argument("--baselines", action="store_true", help="also judge networks without any training")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet there (PNG)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="processor cores to use")
    return parser.parse_args()


def main() -> None:
    """Print the three tables."""
    args = arguments()
    torch.set_num_threads(args.threads)
    reference = VGG19(read_weights(args.reference)).eval().requires_grad_(False)
    encoders: dict[str, Encoder] = {path.stem: compact_from(path) for path in args.weights}
    if args.exact:
        encoders[f"exact {' '.join(args.exact)}"] = Exact(next(iter(encoders.values())), reference, args.exact)
    trained = list(encoders)
    if args.baselines:
        encoders |= {"untrained": untrained(), "random VGG-19": random_vgg19(), "random filters": RandomFilters()}
    recipe = Recipe(encoder="vgg19", size=args.size, steps=args.steps)
    pairs = pairs_of(args, recipe, reference)
    references = [pair.painted(reference) for pair in pairs]

    print(f"Longest side {args.size}, {args.steps} steps, default recipe. Reference: {args.reference.stem}.\n")
    print("| encoder | content, style | style loss: photo, reference, this | content: reference, this | share | score at alpha |")
    print("|---|---|---|---|---|---|")
    all_judged = {name: judged(name, encoder, pairs, references, name in trained) for name, encoder in encoders.items()}
    print("\n| encoder | share: median, lowest | score: median, lowest | grain: median, highest | speckle: median, highest |")
    print("|---|---|---|---|---|")
    for name, found in (all_judged | {"reference": Judged(references, [1.0], [1.0])}).items():
        print(f"| {name} | {found.summary(pairs)} |")

    print("\n| encoder | agreement: content | " + " | ".join(STYLE_LAYERS) + " |\n|" + "---|" * (2 + len(STYLE_LAYERS)))
    for name, encoder in encoders.items():
        images = [[p.content, r.image, m.image] for p, r, m in zip(pairs, references, all_judged[name].results, strict=True)]
        apart = agreement(pairs, images, encoder)
        print(f"| {name} | " + " | ".join(f"{apart[layer]:.0%}" for layer in ("content", *STYLE_LAYERS)) + " |")
    if args.sheet:
        columns = zip(pairs, references, *(found.results for found in all_judged.values()), strict=True)
        rows = [[p.content, p.style, *(result.image for result in results)] for p, *results in columns]
        sheet(rows, ["content", "style", "reference", *encoders], args.sheet)


if __name__ == "__main__":
    main()
