"""Colour spaces and colour transfer: the painting keeps its strokes and gets the colours of another picture.

An image is (1, 3, H, W), sRGB in [0, 1]; `colours` are the N pixels of a picture in any order, (3, N), sRGB in [0, 1]
unless another space is named. In the formulas `x` marks the painting and `s` the source of the colours.

Sources: IEC 61966-2-1 (sRGB); Ottosson, "A perceptual color space for image processing" (2020, Oklab); Gatys, Bethge,
Hertzmann, Shechtman, "Preserving Color in Neural Artistic Style Transfer" (arXiv 1606.05897); Pitie and Kokaram, "The
linear Monge-Kantorovitch linear colour mapping" (CVMP 2007); Pitie, Kokaram, Dahyot, "Automated colour grading using
colour distribution transfer" (CVIU 2007); Kolkin et al., "Neural Neighbor Style Transfer" (arXiv 2203.13215) for chroma that
is not painted but taken from the photo.
"""

import math
import reprlib
from collections.abc import Sequence
from itertools import count

import torch
from torch import Tensor
from torch.nn import functional

from stylekit.errors import RecipeError
from stylekit.guided import guided_filter
from stylekit.recipe import COLOR_METHODS
from stylekit.statistics import Moments, covariance, guide_at, moments

CONES = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=torch.float64,
)
"""Ottosson's M1: from linear light of sRGB to the answers of the eye's long, middle and short cones."""

OKLAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=torch.float64,
)
"""Ottosson's M2: from the cube roots of those to lightness L, a (green to red) and b (blue to yellow)."""

GRAIN = 0.01
"""Standard deviation up to which colours are taken for grain, which is not amplified to fill the source's range."""

PALE = 0.004
"""Standard deviation of Oklab's a and b up to which a photo counts as grey: its noise does not become an artwork's colours."""

STRONGER = 1.15
"""How many times as strong a painting's colours become at most, when they are matched to the artwork's."""

MOST_PIXELS = 2**17
"""Pixels of an artwork whose colours are measured."""

SAMPLES = 2**13  # pixels of each picture that a histogram is made of
KNOTS = 256  # of the map along one axis
NODES = 33  # along each side of the colour cube, as in the tables of film grading

# ------------------------------------------------------------------------------------------------------ colour spaces


def light_of_srgb(srgb: Tensor) -> Tensor:
    """Linear light of sRGB, both in [0, 1], of any shape (IEC 61966-2-1)."""
    # c / 12.92 up to 0.04045, else ((c + 0.055) / 1.055)^2.4
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055).pow(2.4))


def srgb_of_light(light: Tensor) -> Tensor:
    """The inverse of light_of_srgb."""
    # 12.92 c up to 0.0031308, else 1.055 c^(1/2.4) - 0.055
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.pow(1 / 2.4) - 0.055)


def as_saved(image: Tensor) -> Tensor:
    """An image as it comes back from a file of 8 bits: 256 values per channel. On the CPU, so that it is the same everywhere."""
    return (image.detach().float().clamp(0, 1) * 255).round().byte().cpu().float() / 255


def oklab_of_srgb(colours: Tensor) -> Tensor:
    """Oklab (3, N): lightness L in [0, 1], then a and b, both 0 for grey (Ottosson 2020)."""
    # M2 (M1 light)^(1/3)
    return OKLAB.to(colours) @ (CONES.to(colours) @ light_of_srgb(colours)).pow(1 / 3)


def light_of_oklab(lab: Tensor) -> Tensor:
    """Linear light (3, N) of Oklab (3, N); outside [0, 1] where sRGB has no such colour (Ottosson 2020)."""
    # M1^-1 (M2^-1 lab)^3
    return CONES.inverse().to(lab) @ (OKLAB.inverse().to(lab) @ lab).pow(3)


def srgb_of_oklab(lab: Tensor) -> Tensor:
    """sRGB of Oklab (3, N) with L in [0, 1]; a colour that sRGB lacks becomes paler, its lightness and hue stay."""
    light = light_of_oklab(lab)
    lacking = (light - 0.5).abs().amax(0) > 0.5001
    light[:, lacking] = light_of_oklab(_paler(lab[:, lacking]))
    return srgb_of_light(light.clamp(0, 1))


def lab_of(image: Tensor) -> Tensor:
    """Oklab of an image, both (1, 3, H, W)."""
    return oklab_of_srgb(image[0].flatten(1)).view(image.shape)


def image_of(light: Tensor, colours: Tensor) -> Tensor:
    """The image (1, 3, H, W) with Oklab's L = `light` (1, 1, H, W) and its a and b = `colours` (1, 2, H, W)."""
    lab = torch.cat((light, colours), 1)
    return srgb_of_oklab(lab[0].flatten(1)).view(lab.shape)


def _paler(lab: Tensor) -> Tensor:
    """Oklab (3, N) outside sRGB, with the largest share t of its chroma that sRGB has, to 1/1024, by bisection."""
    # (L, t a, t b)
    low, high = torch.zeros_like(lab[0]), torch.ones_like(lab[0])
    for _ in range(10):
        t = (low + high) / 2
        fits = (light_of_oklab(torch.cat((lab[:1], t * lab[1:]))) - 0.5).abs().amax(0) <= 0.5
        low, high = torch.where(fits, t, low), torch.where(fits, high, t)
    return torch.cat((lab[:1], low * lab[1:]))


# ---------------------------------------------------------------------------------------------------------- transfers


def luminance_transfer(colours: Tensor, source: Tensor, strength: float) -> Tensor:
    """Lightness of `colours`, hue and chroma of `source`, pixel by pixel, both (3, N) (after Gatys et al., section 4).

    In Oklab instead of their YIQ: strong colours in lights and darks, which a luma must clip, there turn in hue (by up to
    30 degrees in our pictures) and in lightness; here they get paler, and both stay. What is painted lighter than in the
    photo gets more chroma, as in more light, or else dusk turns to grey haze; up to twice, to keep the grain of shadows in.
    """
    # (L_x, ab_x + strength (k ab_s - ab_x)), k = L_x / L_s in [1, 2]
    x, s = oklab_of_srgb(colours), oklab_of_srgb(source)
    chroma = s[1:] * (x[:1] / s[:1].clamp_min(1e-3)).clamp(1, 2)
    return srgb_of_oklab(torch.cat((x[:1], torch.lerp(x[1:], chroma, strength))))


REACH = 64
"""Radius of the windows in which colours are cleaned: the picture's longest side over this, at least 2 pixels."""


def _along(light: Tensor, colours: Tensor, wrap: bool) -> Tensor:
    """`colours` (1, 2, H, W), smoothed along `light` (1, 1, H, W)."""
    return guided_filter(colours, light, max(2, max(light.shape[2:]) // REACH), wrap)


def chroma_moments(picture: Tensor, mask: Tensor | None = None) -> Moments:
    """First and second moment, (2,) and (2, 2), of Oklab's a and b of a picture (1, 3, H, W); of several, see statistics.mix.

    Of a large one, of every n-th row and column. `mask` (1, 1, h, w) in [0, 1] says how much each place counts.
    """
    step = next(n for n in count(1) if -(-picture.shape[2] // n) * -(-picture.shape[3] // n) <= MOST_PIXELS)
    colours = lab_of(picture[:, :, ::step, ::step])[:, 1:]
    return moments(colours, None if mask is None else guide_at(mask, (colours.shape[2], colours.shape[3])))


def _moved(colours: Tensor, artwork: Moments, where: Tensor | None = None, most: float = math.inf) -> Tensor:
    """`colours` (1, 2, H, W) with the artwork's mean and covariance, as they are in the place `where` (1, 1, H, W).

    Along no axis `most` times as strong or more, in which case they have less than the artwork's covariance.
    """
    # A (ab - m) + m_s, A C A = C_s as in `linear`, the eigenvalues of A at most `most`
    mine = moments(colours.double(), None if where is None else where.double())
    values, axes = torch.linalg.eigh(monge_kantorovich(_power(covariance(mine), 1, PALE**2), covariance(artwork).double()))
    a = axes * values.clamp_max(most) @ axes.T
    moved: Tensor = a @ (colours[0].flatten(1).double() - mine.mean[:, None]) + artwork.mean[:, None]
    return moved.to(colours).view(colours.shape)


def artwork_transfer(image: Tensor, photo: Tensor, artwork: Moments, strength: float, wrap: bool = False) -> Tensor:
    """Lightness of `image` (1, 3, H, W); the hues of `photo`, moved as a whole to the artwork's mean and covariance.

    So colours are clean by construction: they lie where the photo has others, and are smoothed along the painting's lightness,
    before they are moved, so that what comes out has the artwork's moments but for colours that sRGB lacks. As in NNST (Kolkin
    et al.), whose bilateral filter is here the guided one. With `wrap`, the picture is a tile.
    """
    # (L_x, ab_x + strength (A (q - m_q) + m_s - ab_x)), q = ab_photo smoothed along L_x
    light, colours = lab_of(image).split([1, 2], 1)
    moved = _moved(_along(light, lab_of(_placed(photo, image))[:, 1:], wrap), artwork)
    return image_of(light, colours.lerp(moved, strength))


def cholesky(cov: Tensor, target: Tensor) -> Tensor:
    """The lower triangular A (3, 3) with A cov A^T = target: red depends on red alone (Gatys et al., section 3)."""
    # A = L_s L_x^-1, C = L L^T
    a: Tensor = torch.linalg.cholesky(target) @ torch.linalg.cholesky(cov).inverse()
    return a


def pca(cov: Tensor, target: Tensor) -> Tensor:
    """The A (3, 3) with A cov A^T = target that goes by way of uncorrelated colours (Gatys et al., section 3)."""
    # A = C_s^1/2 C_x^-1/2, C^p = U diag(l)^p U^T
    return _power(target, 0.5) @ _power(cov, -0.5)


def monge_kantorovich(cov: Tensor, target: Tensor) -> Tensor:
    """The symmetric A (C, C) with A cov A^T = target, which moves colours the least (Pitie and Kokaram 2007)."""
    # A = C_x^-1/2 (C_x^1/2 C_s C_x^1/2)^1/2 C_x^-1/2
    root, back = _power(cov, 0.5), _power(cov, -0.5)
    return back @ _power(root @ target @ root, 0.5) @ back


LINEAR = {"linear": monge_kantorovich, "cholesky": cholesky, "pca": pca}


def linear_map(colours: Tensor, source: Tensor, method: str) -> tuple[Tensor, Tensor]:
    """A (3, 3) and b (3, 1) that give `colours` (3, N) the mean and covariance of `source` (3, M).

    Along an axis where `colours` spread less than GRAIN, the result spreads less than the source by the same factor.
    """
    # x' = A x + b, A C_x A^T = C_s, b = m_s - A m_x
    (mean, cov), (mean_s, cov_s) = _moments(colours), _moments(source)
    a = LINEAR[method](_power(cov, 1, GRAIN**2), _power(cov_s, 1, 1e-12)).to(colours)
    return a, mean_s - a @ mean


def _moments(colours: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C, 1) and covariance (C, C) of `colours` (C, N), the latter in float64, because it is to be inverted."""
    mean = colours.mean(1, keepdim=True)
    away = colours - mean
    return mean, (away @ away.T / away.shape[1]).double()


def _power(cov: Tensor, exponent: float, least: float = 0.0) -> Tensor:
    """`cov` (C, C) to the power of `exponent`, its eigenvalues first raised to `least`."""
    values, axes = torch.linalg.eigh(cov)
    powered: Tensor = axes * values.clamp_min(least).pow(exponent) @ axes.T
    return powered


def histogram_map(colours: Tensor, source: Tensor) -> Tensor:
    """The map that spreads `colours` (3, N) like `source` (3, M), as a table (1, 3, NODES, NODES, NODES) of [blue, green, red].

    Iterative distribution transfer (Pitie et al. 2007), begun with the linear map. Where a photo has gaps between its
    colours it would tear smooth strokes apart; blurring the table keeps them whole, and the histograms nearly exact.
    """
    # x <- R^T q_s(F_x(R x)) for each rotation R; F is the distribution along an axis, q_s the inverse of the source's
    x, s = _thick(_some(colours)), _some(source)
    axis = torch.arange(-2, NODES + 2).to(x) / (NODES - 1)  # two more at each end, which the blur uses up
    cube = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).flip(0)
    a, b = linear_map(x, s, "linear")
    points = a @ torch.cat((x, cube.flatten(1)), 1) + b
    for turn in rotations().to(x):
        points = turn.T @ _matched(turn @ points, x.shape[1], turn @ s)
    table = points[:, x.shape[1] :].view_as(cube)[None]
    for _ in range(2):
        table = functional.avg_pool3d(table, 3, stride=1)
    return table


def rotations() -> Tensor:
    """(10, 3, 3): histograms are matched along the axes of each in turn, and at last along the channels themselves."""
    random = torch.randn(9, 3, 3, generator=torch.Generator().manual_seed(0))
    return torch.cat((torch.linalg.qr(random).Q, torch.eye(3)[None]))


def _some(colours: Tensor) -> Tensor:
    """At most SAMPLES of the pixels, always the same: spread over the picture by steps of the golden ratio."""
    if colours.shape[1] <= SAMPLES:
        return colours
    places = torch.arange(SAMPLES, dtype=torch.float64) * ((5**0.5 - 1) / 2) % 1
    return colours[:, (places * colours.shape[1]).long()]


def _thick(colours: Tensor) -> Tensor:
    """`colours` (3, N), spread to 2 GRAIN by noise along axes with less: a line of greys would wind through all of a source."""
    cov = _moments(colours)[1]
    lack = _power(_power(cov, 1, (2 * GRAIN) ** 2) - cov, 0.5).to(colours)
    return colours + lack @ torch.randn(colours.shape, generator=torch.Generator().manual_seed(0)).to(colours)


def _matched(points: Tensor, count: int, source: Tensor) -> Tensor:
    """`points` (3, P), each row moved by the map that gives its first `count` the histogram of `source` (3, M)."""
    x, s = points[:, :count].sort(1).values, source.sort(1).values
    low, width = x[:, :1], (x[:, -1:] - x[:, :1]).clamp_min(1e-6)
    knots = low + width * torch.linspace(0, 1, KNOTS).to(x)
    share = (torch.searchsorted(x, knots) + torch.searchsorted(x, knots, right=True)) / (2 * count)  # half of the equal
    moves = _read(s, share * s.shape[1] - 0.5) - knots  # beyond the first and last knot, points move as far as these
    return points + _read(moves, (points - low) / width * (KNOTS - 1))


def _read(table: Tensor, places: Tensor) -> Tensor:
    """Each row of `table` (3, K) at `places` (3, P), counted from 0: linear between entries, constant outside."""
    places = places.clamp(0, table.shape[1] - 1)
    left = places.long()
    right = (left + 1).clamp_max(table.shape[1] - 1)
    return torch.lerp(table.gather(1, left), table.gather(1, right), places - left)


# ------------------------------------------------------------------------------------------------------------ all of them


@torch.no_grad()
def recolored(
    image: Tensor, source: Tensor, method: str, strength: float, artwork: Moments | None = None, wrap: bool = False
) -> Tensor:
    """`image` (1, 3, H, W) with the colours of `source` (1, 3, h, w): at strength 0 itself, at 1 all the way.

    "luminance" and "artwork" take the colour of each place, so that `source` must show the same scene; the latter moves them to
    those of `artwork`, as `chroma_moments` measures it, and with `wrap` the picture is a tile. The others take the colours of
    the picture as a whole, and what they push out of sRGB becomes the nearest colour that it has (paler ones of the same
    lightness, as above, would turn dark scenes black). Raises RecipeError for another method or strength, or no artwork.

    Computed on the CPU, where a picture goes anyway to be seen: some GPUs would round the colours to TensorFloat-32, and
    others lack an operation.
    """
    if method not in COLOR_METHODS:
        raise RecipeError(f"The colour method must be one of {', '.join(COLOR_METHODS)}, not {reprlib.repr(method)}.")
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength <= 1:
        raise RecipeError(f"The strength of the colours must lie between 0 and 1, not {reprlib.repr(strength)}.")
    if method == "artwork" and artwork is None:
        raise RecipeError("The colour method artwork needs an artwork's colours.")
    if strength == 0:
        return image
    image, device = image.cpu(), image.device
    source = source.to("cpu", image.dtype)
    if method == "artwork" and artwork is not None:
        painted = artwork_transfer(image, source, artwork, strength, wrap)
    else:
        painted = _painted_over(image, source, method, strength)
    return painted.clamp(0, 1).to(device)


def _painted_over(image: Tensor, source: Tensor, method: str, strength: float) -> Tensor:
    """`recolored` on the CPU, which may leave [0, 1]."""
    colours = image[0].flatten(1)
    if method == "luminance":
        return luminance_transfer(colours, _placed(source, image)[0].flatten(1), strength).view(image.shape)
    if method == "histogram":
        places = 2 * image.permute(0, 2, 3, 1)[:, None] - 1  # (1, 1, H, W, 3) in [-1, 1]
        table = histogram_map(colours, source[0].flatten(1))
        full = functional.grid_sample(table, places, padding_mode="border", align_corners=True)[:, :, 0]
    else:
        a, b = linear_map(colours, source[0].flatten(1), method)
        full = (a @ colours + b).view(image.shape)
    return torch.lerp(image, full, strength)


def _placed(source: Tensor, image: Tensor) -> Tensor:
    """`source` at the size of `image`."""
    return functional.interpolate(source, image.shape[-2:], mode="bilinear", antialias=True)


@torch.no_grad()
def matched(image: Tensor, artwork: Moments, strength: float, where: Tensor | None = None) -> Tensor:
    """`image` (1, 3, H, W), its a and b moved as a whole to the artwork's mean and covariance: at strength 1 all the way.

    The losses hardly see a faint tint or flecks of one pixel, so that a painting keeps some in the place of greys. No colour
    becomes more than STRONGER times as strong: an artwork's few strong spots would tint all that is pale. `where` (1, 1, H, W)
    says which places are moved to the artwork's moments, if the others are not its own. On the CPU, as above.
    """
    if strength == 0:
        return image
    light, colours = lab_of(image.cpu()).split([1, 2], 1)
    moved = _moved(colours, artwork, where if where is None else where.cpu(), STRONGER)
    return image_of(light, colours.lerp(moved, strength)).clamp(0, 1).to(image.device)


def matched_in_places(
    image: Tensor,
    artworks: Sequence[Moments],
    places: Sequence[Tensor | None],
    shares: Sequence[float],
    strength: float,
    where: Tensor | None = None,
) -> Tensor:
    """`image` (1, 3, H, W), each artwork's `places` (1, 1, H, W) in [0, 1] matched to it; None is everywhere.

    Where places overlap, in their `shares`; where there are none, `image` itself. `where` as above.
    """
    # x + min(1, sum_k p_k) (sum_k s_k p_k matched_k / sum_k s_k p_k - x), over all k with s_k > 0
    here = torch.ones_like(image[:, :1], device="cpu") if where is None else where
    shares = shares if any(shares) else [1.0] * len(artworks)
    mixed, counted, covered = torch.zeros_like(image), torch.zeros_like(image[:, :1]), torch.zeros_like(image[:, :1])
    for artwork, place, share in zip(artworks, places, shares, strict=True):
        mine = here if place is None else here * place
        if share and mine.any():
            there = mine.to(image)
            mixed += share * there * matched(image, artwork, strength, mine)
            counted += share * there
            covered += there
    return image.lerp(mixed / counted.clamp_min(torch.finfo(image.dtype).tiny), covered.clamp(0, 1))


@torch.no_grad()
def cleaned(image: Tensor, strength: float, wrap: bool = False) -> Tensor:
    """`image` (1, 3, H, W) with colours that follow its lightness: flecks go, edges stay; at strength 0 itself, at 1 all the way.

    Oklab's a and b through the guided filter, guided by L; L stays. With `wrap`, the picture is a tile. On the CPU, as above.
    """
    if strength == 0:
        return image
    light, colours = lab_of(image.cpu()).split([1, 2], 1)
    return image_of(light, colours.lerp(_along(light, colours, wrap), strength)).clamp(0, 1).to(image.device)
