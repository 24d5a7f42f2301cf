"""Numbers for a painting that need no network: how near its colours, patches and bands are to the artwork's, and its shapes to
the photo's.

An image is (1, 3, H, W), sRGB in [0, 1]. Each function gives a plain number; distances are 0 for the same picture. They see what
eyes see at a glance, each a little of it: none replaces looking.

Sources: Afifi, Brubaker, Brown, "HistoGAN" (CVPR 2021, arXiv 2011.11731) for RGB-uv histograms; Karras et al., "Progressive
Growing of GANs" (arXiv 1710.10196) and Rabin et al., "Wasserstein Barycenter and Its Application to Texture Mixing" (2011) for
sliced distances of patches; Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code" (1983); Wang et al., "Image Quality
Assessment: From Error Visibility to Structural Similarity" (2004).
"""

from itertools import count

import torch
from torch import Tensor
from torch.nn import functional

from stylekit.color import oklab_of_srgb
from stylekit.edges import BRIGHTNESS

MOST_PIXELS = 2**17
"""Of larger pictures, histograms take every n-th row and column: thinned, not averaged, so that flecks stay flecks."""

BINS, RANGE, SOFTNESS = 64, 3.0, 0.02
"""Of RGB-uv histograms, as in HistoGAN: bins from -RANGE to RANGE, and how far a colour's neighbours have a part in it."""

DARK = 1e-6
"""Added to channels before their logarithm, as in HistoGAN."""

LEVELS = 512
"""Equal parts of the probability in which two distributions are compared."""

PATCH = 5
"""Side of a patch in pixels."""

MOST_PATCHES = 2**15
"""Of larger pictures, the patches at every n-th row and column."""

BANDS = 5
"""Octaves of the Laplacian pyramid; the first has waves of two to four pixels, the last of 32 to 64."""

SILENT = 1e-4
"""Smallest energy of a band: a 40th of an 8-bit step, so that a flat picture has a ratio, too."""

MEDIAN, STRIP = 5, 64
"""Side of the window in pixels whose median has no flecks; and rows that are sorted at a time, to spare memory."""

WINDOW, NARROW = 16, 8
"""Side in pixels of the windows whose waves are looked at, and degrees to both sides of a direction."""

GLANCE = 256
"""Longest side in pixels at which shapes are compared: as the whole picture is seen, not its strokes."""

CONTRAST = 0.03
"""Of SSIM, its K2: local contrast up to which there is no structure to speak of."""


def luma(image: Tensor) -> Tensor:
    """(1, 1, H, W): brightness as on television (BT.601)."""
    return (image * image.new_tensor(BRIGHTNESS).view(1, 3, 1, 1)).sum(1, keepdim=True)


def chroma_planes(image: Tensor) -> Tensor:
    """(2, 1, H, W): Oklab's a (green to red) and b (blue to yellow), 0 for grey."""
    return oklab_of_srgb(image[0].flatten(1))[1:].view(2, 1, *image.shape[2:])


def stride(image: Tensor, most: int) -> int:
    """The least n for which every n-th row and column have at most `most` pixels in common."""
    return next(n for n in count(1) if -(-image.shape[2] // n) * -(-image.shape[3] // n) <= most)


# --------------------------------------------------------------------------------------------------------------- colours


def histogram(image: Tensor) -> Tensor:
    """The RGB-uv histogram (3, BINS, BINS), whose sum is 1: which hues and shades, weighted by how bright they are."""
    # H_c(u, v) = sum_pixels |rgb| k(log(c/d) - u) k(log(c/e) - v), d and e the other channels, k(t) = 1 / (1 + (t/SOFTNESS)^2)
    step = stride(image, MOST_PIXELS)
    pixels = image[0, :, ::step, ::step].flatten(1)
    logs, weight = (pixels + DARK).log(), pixels.square().sum(0).sqrt()
    bins = torch.linspace(-RANGE, RANGE, BINS).to(pixels)[:, None]

    def near(ratio: Tensor) -> Tensor:
        return 1 / (1 + ((ratio - bins) / SOFTNESS).square())

    planes = []
    for c, d, e in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        planes.append((weight * near(logs[c] - logs[d])) @ near(logs[c] - logs[e]).T)
    found = torch.stack(planes)
    return found / found.sum().clamp_min(torch.finfo(found.dtype).tiny)


def palette(image: Tensor, other: Tensor) -> float:
    """Hellinger distance of the RGB-uv histograms: 0 = the same colours as often, 1 = none in common."""
    # ||sqrt(H) - sqrt(H')|| / sqrt(2)
    return float((histogram(image).sqrt() - histogram(other).sqrt()).norm() / 2**0.5)


def chroma(image: Tensor, other: Tensor) -> float:
    """How far the chromas of Oklab must travel to become the other's (Wasserstein-1); grey is 0, sRGB's red 0.26."""
    mine, theirs = (quantiles(chroma_planes(x).square().sum(0).sqrt().flatten()[None]) for x in (image, other))
    return float((mine - theirs).abs().mean())


def speckle(image: Tensor) -> float:
    """Chroma noise: root mean square of what a median of 5x5 pixels takes out of Oklab's a and b; edges do not count."""
    planes = chroma_planes(image)
    return float((planes - torch.stack([median(plane[None])[0] for plane in planes])).square().mean().sqrt())


def median(plane: Tensor) -> Tensor:
    """`plane` (1, 1, H, W), each pixel the median of its window; borders mirrored."""
    edge, parts = MEDIAN // 2, []
    padded = functional.pad(plane, (edge,) * 4, mode="reflect")
    for top in range(0, plane.shape[2], STRIP):
        windows = functional.unfold(padded[:, :, top : top + STRIP + 2 * edge], MEDIAN)
        parts.append(windows.median(1).values.view(1, 1, -1, plane.shape[3]))
    return torch.cat(parts, 2)


# --------------------------------------------------------------------------------------------------- patches and bands


def quantiles(values: Tensor) -> Tensor:
    """Each row of `values` (K, N) as LEVELS ascending numbers, whatever N: the quantile function."""
    levels = (torch.arange(LEVELS) + 0.5) / LEVELS
    ordered, places = values.sort(1).values, levels.to(values) * values.shape[1] - 0.5
    places = places.clamp(0, values.shape[1] - 1)
    left = places.long()
    return torch.lerp(ordered[:, left], ordered[:, (left + 1).clamp_max(values.shape[1] - 1)], places - left)


def patches(image: Tensor, other: Tensor) -> float:
    """Sliced Wasserstein-2 distance of all patches of 5x5 pixels, as a root mean square per pixel and channel.

    Two flat pictures that differ by 0.1 are at distance 0.1, whatever their sizes.
    """
    # sqrt( mean over directions and levels of (q - q_other)^2 ), the directions an orthonormal basis of the 75 numbers
    size = 3 * PATCH**2
    basis = torch.linalg.qr(torch.randn(size, size, generator=torch.Generator().manual_seed(0))).Q
    filters = basis.view(size, 3, PATCH, PATCH).to(image)
    mine, theirs = (
        quantiles(functional.conv2d(x, filters, stride=stride(x, MOST_PATCHES))[0].flatten(1)) for x in (image, other)
    )
    return float((mine - theirs).square().mean().sqrt())


def halved(image: Tensor, times: int = 1) -> Tensor:
    """`image` with each pixel the mean of 2x2, `times` over; an odd row or column at the end is left out."""
    return functional.avg_pool2d(image, 2**times)


def bands(image: Tensor) -> Tensor:
    """(BANDS,): root mean square of each octave of brightness, from fine to coarse (Burt and Adelson 1983)."""
    # x - up(down(x)), down after a blur of (1 4 6 4 1)/16 each way
    weights = image.new_tensor([1, 4, 6, 4, 1]) / 16
    kernel, x, found = torch.outer(weights, weights)[None, None], luma(image), []
    for _ in range(BANDS):
        smaller = functional.conv2d(functional.pad(x, (2, 2, 2, 2), mode="replicate"), kernel)[:, :, ::2, ::2]
        larger = functional.interpolate(smaller, x.shape[2:], mode="bilinear", align_corners=False)
        found.append((x - larger).square().mean().sqrt())
        x = smaller
    return torch.stack(found)


def octaves(image: Tensor, other: Tensor) -> list[float]:
    """How many times as strong each band is as the other's, from fine to coarse; below 1 blurred, above 1 grain."""
    mine, theirs = bands(image).clamp_min(SILENT), bands(other).clamp_min(SILENT)
    return [float(ratio) for ratio in mine / theirs]


def directions(image: Tensor) -> float:
    """How strong the finest waves along rows and columns are beside those across: 1 is even, more is a grid.

    Of waves of two to four pixels, the energy within NARROW degrees of rows and columns over that within NARROW degrees of the
    diagonals, in overlapping windows of WINDOW pixels.
    """
    plane = luma(image)
    windows = plane.unfold(2, WINDOW, WINDOW // 2).unfold(3, WINDOW, WINDOW // 2).reshape(-1, WINDOW, WINDOW)
    hann = torch.hann_window(WINDOW, periodic=False).to(plane)
    energy = torch.fft.fft2((windows - windows.mean((1, 2), keepdim=True)) * torch.outer(hann, hann)).abs().square().mean(0)
    waves = torch.fft.fftfreq(WINDOW).abs().to(plane)
    length, angle = torch.hypot(waves[:, None], waves), torch.rad2deg(torch.atan2(waves[:, None], waves))
    finest = (length > 1 / 4) & (length <= 1 / 2)
    along = energy[finest & ((angle < NARROW) | (angle > 90 - NARROW))].mean()
    return float(along / energy[finest & ((angle - 45).abs() < NARROW)].mean().clamp_min(SILENT**2))


# ---------------------------------------------------------------------------------------------------------------- shapes


def structure(image: Tensor, other: Tensor) -> float:
    """SSIM's contrast and structure of brightness, at most GLANCE pixels long: 1 the same shapes, 0 none, -1 their negative.

    SSIM's comparison of brightness itself is left out, for a painting may be lighter or darker than its photo.
    """
    # mean (2 cov(x, y) + c) / (var(x) + var(y) + c), over Gaussian windows of 11 pixels
    height, width = other.shape[2:]
    scale = min(1.0, GLANCE / max(height, width))
    size = (max(1, round(scale * height)), max(1, round(scale * width)))
    x, y = (functional.interpolate(luma(a), size, mode="bicubic", antialias=True) for a in (image, other))
    places = torch.arange(-5, 6).to(x)
    window = torch.exp(-places.square() / (2 * 1.5**2))
    kernel = (torch.outer(window, window) / window.sum() ** 2)[None, None]

    def mean(a: Tensor) -> Tensor:
        return functional.conv2d(functional.pad(a, (5,) * 4, mode="replicate"), kernel)

    cov = mean(x * y) - mean(x) * mean(y)
    variances = mean(x * x) - mean(x).square() + mean(y * y) - mean(y).square()
    return float(((2 * cov + CONTRAST**2) / (variances + CONTRAST**2)).mean())
