"""Colour spaces and colour transfer: the painting keeps its strokes and gets the colours of another picture.

An image is (1, 3, H, W), sRGB in [0, 1]; `colours` are the N pixels of a picture in any order, (3, N), sRGB in [0, 1]
unless another space is named. `x` marks the painting, `s` the source of the colours.

Everything is computed on the CPU, where a picture must go anyway to be seen: not every GPU knows every operation used
here, and the TensorFloat-32 of others would round the colours.

Sources: IEC 61966-2-1 (sRGB); Ottosson, "A perceptual color space for image processing" (2020, Oklab); Gatys, Bethge,
Hertzmann, Shechtman, "Preserving Color in Neural Artistic Style Transfer" (arXiv 1606.05897); Pitie and Kokaram, "The
linear Monge-Kantorovitch linear colour mapping" (CVMP 2007); Pitie, Kokaram, Dahyot, "Automated colour grading using
colour distribution transfer" (CVIU 2007).
"""

import reprlib

import torch
from torch import Tensor
from torch.nn import functional

from stylekit.errors import RecipeError

COLOR_METHODS = ("luminance", "linear", "cholesky", "pca", "histogram")
"""Ways to take the colours of another picture, in the order of the page."""

LIGHT_TO_CONES = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=torch.float64,
)
"""Linear light of sRGB to the answers of the eye's long, middle and short cones (Ottosson 2020)."""

CONES_TO_OKLAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=torch.float64,
)
"""Cube roots of the cones' answers to lightness L, green-red a and blue-yellow b (Ottosson 2020)."""

GRAIN = 0.01
"""Standard deviation below which a painting's colours are taken for grain along that axis, and not spread any further."""

HALVINGS = 8  # of the chroma's interval: to 1/256 of it
MOMENT_PIXELS = 2**16
HISTOGRAM_PIXELS = 2**13
KNOTS = 256  # of the map along one axis
ROUNDS = 10
NODES = 33  # along each side of the colour cube, as in the tables of film grading

# ------------------------------------------------------------------------------------------------------ colour spaces


def light_of_srgb(srgb: Tensor) -> Tensor:
    """Linear light in [0, 1] of sRGB in [0, 1], any shape (IEC 61966-2-1)."""
    # c / 12.92 up to 0.04045, else ((c + 0.055) / 1.055)^2.4
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055).pow(2.4))


def srgb_of_light(light: Tensor) -> Tensor:
    """sRGB in [0, 1] of linear light in [0, 1], any shape (IEC 61966-2-1)."""
    # 12.92 c up to 0.0031308, else 1.055 c^(1/2.4) - 0.055
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.pow(1 / 2.4) - 0.055)


def oklab_of_srgb(colours: Tensor) -> Tensor:
    """Oklab (3, N) of sRGB (3, N): lightness in [0, 1], then a and b, both 0 for grey (Ottosson 2020)."""
    # M2 (M1 light)^(1/3)
    cones = LIGHT_TO_CONES.to(colours) @ light_of_srgb(colours)
    return CONES_TO_OKLAB.to(colours) @ cones.pow(1 / 3)


def light_of_oklab(lab: Tensor) -> Tensor:
    """Linear light (3, N) of Oklab (3, N); outside [0, 1] where sRGB has no such colour."""
    # M1^-1 (M2^-1 lab)^3
    return LIGHT_TO_CONES.inverse().to(lab) @ (CONES_TO_OKLAB.inverse().to(lab) @ lab).pow(3)


def srgb_of_oklab(lab: Tensor) -> Tensor:
    """sRGB (3, N) of Oklab (3, N) with lightness in [0, 1]; too strong a colour gets paler, but keeps lightness and hue."""
    light = light_of_oklab(lab)
    outside = (light - 0.5).abs().amax(0) > 0.5001
    light[:, outside] = light_of_oklab(_paler(lab[:, outside]))
    return srgb_of_light(light.clamp(0, 1))


def _paler(lab: Tensor) -> Tensor:
    """Oklab (3, N) that sRGB lacks, with as much of its chroma as sRGB has at this lightness and hue."""
    # the largest t in [0, 1] for which (L, t a, t b) has its light in [0, 1], by bisection
    low, high = torch.zeros_like(lab[0]), torch.ones_like(lab[0])
    for _ in range(HALVINGS):
        t = (low + high) / 2
        fits = (light_of_oklab(torch.cat((lab[:1], t * lab[1:]))) - 0.5).abs().amax(0) <= 0.5
        low, high = torch.where(fits, t, low), torch.where(fits, high, t)
    return torch.cat((lab[:1], low * lab[1:]))


def luminance_transfer(colours: Tensor, source: Tensor, strength: float) -> Tensor:
    """sRGB (3, N) with the lightness of `colours` and the hue and chroma of `source`, pixel by pixel (Gatys et al. 2016).

    In Oklab, not in their YIQ: at equal luma, a video signal's blue looks darker and its chroma clips in lights and
    darks, whereas Oklab's lightness is what the eye sees and its hue stays when the chroma must shrink.
    """
    # (L_x, ab_x + strength (ab_s - ab_x))
    x, s = oklab_of_srgb(colours), oklab_of_srgb(source)
    return srgb_of_oklab(torch.cat((x[:1], torch.lerp(x[1:], s[1:], strength))))


# ---------------------------------------------------------------------------------------------------- mean and covariance


def cholesky(cov: Tensor, target: Tensor) -> Tensor:
    """A (3, 3) with A cov A^T = target; lower triangular: red depends on red alone (Gatys et al. 2016, section 3)."""
    # A = L_s L_x^-1        with C = L L^T
    return torch.linalg.cholesky(target) @ torch.linalg.cholesky(cov).inverse()


def pca(cov: Tensor, target: Tensor) -> Tensor:
    """A (3, 3) with A cov A^T = target, by way of white noise (Gatys et al. 2016, section 3)."""
    # A = C_s^1/2 C_x^-1/2        with C^p = U diag(l)^p U^T
    return _power(target, 0.5) @ _power(cov, -0.5)


def monge_kantorovich(cov: Tensor, target: Tensor) -> Tensor:
    """A (3, 3) with A cov A^T = target; the symmetric one, which moves colours least (Pitie and Kokaram 2007)."""
    # A = C_x^-1/2 (C_x^1/2 C_s C_x^1/2)^1/2 C_x^-1/2
    root, back = _power(cov, 0.5), _power(cov, -0.5)
    return back @ _power(root @ target @ root, 0.5) @ back


LINEAR = {"linear": monge_kantorovich, "cholesky": cholesky, "pca": pca}


def linear_map(colours: Tensor, source: Tensor, method: str) -> tuple[Tensor, Tensor]:
    """A (3, 3) and b (3, 1) of the map that gives `colours` (3, N) the mean and covariance of `source` (3, M).

    Up to 2^18 pixels of each count. Along an axis with less than GRAIN of spread, the result has less than the source.
    """
    # x' = A x + b,  A C_x A^T = C_s,  b = m_s - A m_x
    mean, cov = _moments(_some(colours, MOMENT_PIXELS))
    mean_s, cov_s = _moments(_some(source, MOMENT_PIXELS))
    a = LINEAR[method](_power(cov, 1, GRAIN**2), _power(cov_s, 1)).to(colours)
    return a, mean_s - a @ mean


def _moments(colours: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (3, 1) and covariance (3, 3), the latter in float64, as it is going to be inverted."""
    mean = colours.mean(1, keepdim=True)
    away = colours - mean
    return mean, (away @ away.T / away.shape[1]).double()


def _power(cov: Tensor, exponent: float, least: float = 1e-12) -> Tensor:
    """`cov` (3, 3) to the power of `exponent`, its eigenvalues first raised to `least`."""
    values, axes = torch.linalg.eigh(cov)
    return axes * values.clamp_min(least).pow(exponent) @ axes.T


def _some(colours: Tensor, count: int) -> Tensor:
    """At most `count` of the pixels, the same ones each time, spread evenly by steps of the golden ratio."""
    if colours.shape[1] <= count:
        return colours
    places = torch.arange(count, dtype=torch.float64) * ((5**0.5 - 1) / 2) % 1
    return colours[:, (places * colours.shape[1]).long()]


# -------------------------------------------------------------------------------------------------------------- histogram


def rotations() -> Tensor:
    """(ROUNDS, 3, 3): turns of the colour cube, always the same; the last is none, so that sRGB's own axes fit best."""
    turns = torch.linalg.qr(torch.randn(ROUNDS, 3, 3, generator=torch.Generator().manual_seed(0))).Q
    return torch.cat((turns[1:], torch.eye(3)[None]))


def histogram_moves(colours: Tensor, source: Tensor) -> Tensor:
    """Where the colour cube moves so that `colours` (3, N) are spread like `source` (3, M): (1, 3, blue, green, red).

    Iterative distribution transfer (Pitie et al. 2007) from the linear map on: along the axes of each rotation every
    histogram is matched. A painting has grain and a photo has gaps between its colours; the blurred table keeps the map
    from tearing smooth strokes apart there, at the price of histograms that are nearly the source's, not quite.
    """
    # for each rotation R:  x <- R^T q_s(F_x(R x)),  F the distribution function of one axis, q = F^-1
    x, s = _some(colours, HISTOGRAM_PIXELS), _some(source, HISTOGRAM_PIXELS)
    axis = torch.linspace(0, 1, NODES).to(x)
    cube = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).flip(0)  # (3, blue, green, red)
    a, b = linear_map(x, s, "linear")
    points = a @ torch.cat((x, cube.flatten(1)), 1) + b
    for turn in rotations().to(x):
        points = turn.T @ _matched(turn @ points, x.shape[1], turn @ s)
    moves = (points[:, x.shape[1] :].view_as(cube) - cube)[None]
    for _ in range(2):
        moves = functional.avg_pool3d(functional.pad(moves, (1,) * 6, mode="replicate"), 3, stride=1)
    return moves


def _matched(points: Tensor, count: int, source: Tensor) -> Tensor:
    """`points` (3, P), moved along each axis by the map that gives the first `count` the histogram of `source` (3, M)."""
    x, s = points[:, :count].sort(1).values, source.sort(1).values
    low, width = x[:, :1], (x[:, -1:] - x[:, :1]).clamp_min(1e-6)
    knots = low + width * torch.linspace(0, 1, KNOTS).to(x)
    share = (torch.searchsorted(x, knots) + torch.searchsorted(x, knots, right=True)) / (2 * count)  # equals count half
    moves = _read(s, share * s.shape[1] - 0.5) - knots
    return points + _read(moves, (points - low) / width * (KNOTS - 1))


def _read(table: Tensor, places: Tensor) -> Tensor:
    """Each row of `table` (3, K) at `places` (3, P), counted from 0, between its entries and held at its ends."""
    places = places.clamp(0, table.shape[1] - 1)
    left = places.long()
    right = (left + 1).clamp_max(table.shape[1] - 1)
    return torch.lerp(table.gather(1, left), table.gather(1, right), places - left)


def _moved(image: Tensor, moves: Tensor) -> Tensor:
    """`image` with the move of each colour read from the table `moves` of histogram_moves; may leave [0, 1]."""
    places = 2 * image.permute(0, 2, 3, 1)[:, None] - 1  # (1, 1, H, W, 3) in [-1, 1]
    return image + functional.grid_sample(moves, places, padding_mode="border", align_corners=True)[:, :, 0]


# ------------------------------------------------------------------------------------------------------------ all of them


@torch.no_grad()
def recolored(image: Tensor, source: Tensor, method: str, strength: float) -> Tensor:
    """`image` (1, 3, H, W) with the colours of `source` (1, 3, h, w); strength 0 is `image` itself, 1 all the way.

    "luminance" takes the colour of each place, so `source` must show the same scene; the others take the colours of the
    picture as a whole. Colours that the latter push out of sRGB become the nearest that it has; pictures of dark scenes
    would otherwise turn black. Raises RecipeError for an unknown method and a strength outside [0, 1].
    """
    _check(method, strength)
    if strength == 0:
        return image
    x, s = image.cpu(), source.to("cpu", image.dtype)
    if method == "luminance":
        s = functional.interpolate(s, x.shape[-2:], mode="bilinear", antialias=True)
        full = luminance_transfer(_colours(x), _colours(s), strength).view_as(x)
        return full.to(image.device)
    if method == "histogram":
        full = _moved(x, histogram_moves(_colours(x), _colours(s)))
    else:
        a, b = linear_map(_colours(x), _colours(s), method)
        full = (a @ _colours(x) + b).view_as(x)
    return torch.lerp(x, full, strength).clamp(0, 1).to(image.device)


def _colours(image: Tensor) -> Tensor:
    """(1, 3, H, W) -> (3, H W)"""
    return image[0].flatten(1)


def _check(method: str, strength: float) -> None:
    if method not in COLOR_METHODS:
        raise RecipeError(f"The colour method must be one of {', '.join(COLOR_METHODS)}, not {reprlib.repr(method)}.")
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= 1:
        raise RecipeError(f"The strength of the colours must lie between 0 and 1, not {reprlib.repr(strength)}.")
