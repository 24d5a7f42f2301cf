"""Every colour space and transfer against float64 NumPy written from the formulas, pixel by pixel where the code has matrices."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stylekit import color, open_picture, save_png
from stylekit.color import (
    GRAIN,
    PALE,
    STRONGER,
    as_saved,
    chroma_moments,
    cleaned,
    lab_of,
    linear_map,
    matched,
    matched_in_places,
    recolored,
    srgb_of_oklab,
)
from stylekit.errors import RecipeError
from stylekit.guided import guided_filter
from stylekit.recipe import COLOR_METHODS, PALETTE_METHODS
from stylekit.statistics import mix

LINEAR = ["linear", "cholesky", "pca"]
WHOLE = list(PALETTE_METHODS)


def picture(seed, height=24, width=32, contrast=0.5):
    """(3, H, W) in [0, 1]: channels that go together, each seed in its own way, about a middle of its own."""
    random = np.random.default_rng(seed)
    turn, middle = np.linalg.qr(random.normal(size=(3, 3)))[0], random.uniform(0.25, 0.75, 3)
    raw = np.array([1, 0.5, 0.25])[:, None, None] * random.uniform(-0.5, 0.5, (3, height, width))
    return np.clip(middle[:, None, None] + contrast * np.einsum("ij,jhw->ihw", turn, raw), 0, 1)


def tensor(array):
    return torch.from_numpy(array)[None].float()


def array(image):
    return image[0].double().numpy()


def wide(flat):
    """(3, N) as float64 colours of the code under test."""
    return torch.from_numpy(np.ascontiguousarray(flat))


ARTWORK = chroma_moments(tensor(picture(7, contrast=0.3)))


# --------------------------------------------------------------------------------------------- oracles: pictures are (3, ...)


def light_oracle(c):
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


def srgb_oracle(c):
    return 12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055


def oklab_oracle(r, g, b):
    """Ottosson's listing of linear_srgb_to_oklab, for one pixel of sRGB."""
    r, g, b = light_oracle(r), light_oracle(g), light_oracle(b)
    l_ = np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    m_ = np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s_ = np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return np.array(
        [
            0.2104542553 * l_ + 0.7936177850 * m_ - 0.0040720468 * s_,
            1.9779984951 * l_ - 2.4285922050 * m_ + 0.4505937099 * s_,
            0.0259040371 * l_ + 0.7827717662 * m_ - 0.8086757660 * s_,
        ]
    )


def light_of_oklab_oracle(lightness, a, b):
    """Ottosson's listing of oklab_to_linear_srgb, for one pixel."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return np.array(
        [
            +4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        ]
    )


def srgb_of_oklab_oracle(lightness, a, b):
    """Tries 2001 shares of the chroma from the strongest down."""
    for t in np.linspace(1, 0, 2001):
        light = light_of_oklab_oracle(lightness, t * a, t * b)
        if light.min() >= -1e-6 and light.max() <= 1 + 1e-6:
            break
    return np.array([srgb_oracle(c) for c in light.clip(0, 1)])


def luminance_oracle(x, s, strength=1.0):
    out = np.empty_like(x)
    for i, j in np.ndindex(x.shape[1:]):
        (lightness, *ab), (lightness_s, *ab_s) = oklab_oracle(*x[:, i, j]), oklab_oracle(*s[:, i, j])
        gain = min(max(lightness / lightness_s, 1), 2)
        mixed = [p + strength * (gain * q - p) for p, q in zip(ab, ab_s)]
        out[:, i, j] = srgb_of_oklab_oracle(lightness, *mixed)
    return out


def moments_oracle(flat):
    return flat.mean(1), np.cov(flat, bias=True)


def root(matrix):
    values, axes = np.linalg.eigh(matrix)
    return sum(np.sqrt(v) * np.outer(u, u) for v, u in zip(values, axes.T))


def cholesky_oracle(cov, target):
    return np.linalg.cholesky(target) @ np.linalg.inv(np.linalg.cholesky(cov))


def pca_oracle(cov, target):
    return root(target) @ np.linalg.inv(root(cov))


def monge_kantorovich_oracle(cov, target):
    """C_x^-1 (C_x C_s)^1/2, which is the same matrix by another way: the product has real, positive eigenvalues."""
    values, axes = np.linalg.eig(cov @ target)
    return np.linalg.inv(cov) @ (axes @ np.diag(np.sqrt(values)) @ np.linalg.inv(axes))


MATRICES = {"linear": monge_kantorovich_oracle, "cholesky": cholesky_oracle, "pca": pca_oracle}


def linear_oracle(x, s, method):
    flat, flat_s = x.reshape(3, -1), s.reshape(3, -1)
    (mean, cov), (mean_s, cov_s) = moments_oracle(flat), moments_oracle(flat_s)
    return (mean_s[:, None] + MATRICES[method](cov, cov_s) @ (flat - mean[:, None])).reshape(x.shape)


def histogram_oracle(x, s):
    """Iterative distribution transfer of every pixel, with exact ranks: no table, no lattice, no blur."""
    x, s = linear_oracle(x, s, "linear").reshape(3, -1), s.reshape(3, -1)
    for turn in color.rotations().double().numpy():
        turned, target = turn @ x, np.sort(turn @ s)
        for row, wanted in zip(turned, target):
            share = (np.argsort(np.argsort(row)) + 0.5) / len(row)
            row[:] = np.interp(share * len(wanted) - 0.5, np.arange(len(wanted)), wanted)
        x = turn.T @ turned
    return x


def wasserstein(a, b):
    """Of each channel, for pictures of any two sizes: (3,)."""
    shares = (np.arange(500) + 0.5) / 500
    return np.abs(np.quantile(a.reshape(3, -1), shares, axis=1) - np.quantile(b.reshape(3, -1), shares, axis=1)).mean(0)


# ------------------------------------------------------------------------------------------------------------- colour spaces


def test_srgb_is_iec_61966():
    levels = torch.arange(256, dtype=torch.float64) / 255
    light = color.light_of_srgb(levels)
    np.testing.assert_allclose(light, [light_oracle(c) for c in levels.tolist()], atol=1e-12)
    np.testing.assert_allclose(color.srgb_of_light(light), levels, atol=1e-7)  # the standard's two limits differ by so little
    known = torch.tensor([0.0, 10 / 255, 0.5, 1.0])
    np.testing.assert_allclose(color.light_of_srgb(known), [0, 0.003035270, 0.214041140, 1], atol=1e-7)


def test_oklab_of_the_primaries_is_as_published():
    known = {(1, 1, 1): (1, 0, 0), (1, 0, 0): (0.62796, 0.22486, 0.12585), (0, 1, 0): (0.86644, -0.23389, 0.17950)}
    known |= {(0, 0, 1): (0.45201, -0.03246, -0.31153), (0, 0, 0): (0, 0, 0)}
    for srgb, lab in known.items():
        np.testing.assert_allclose(color.oklab_of_srgb(torch.tensor([srgb]).T.float())[:, 0], lab, atol=1e-5)


def test_oklab_and_back_is_the_published_listing():
    flat = np.random.default_rng(0).random((3, 200))
    lab = color.oklab_of_srgb(wide(flat))
    np.testing.assert_allclose(lab, np.stack([oklab_oracle(*c) for c in flat.T], 1), atol=1e-9)
    np.testing.assert_allclose(
        color.light_of_oklab(lab), np.stack([light_of_oklab_oracle(*c) for c in lab.numpy().T], 1), atol=1e-6
    )
    np.testing.assert_allclose(color.srgb_of_oklab(lab), flat, atol=1e-6)
    np.testing.assert_allclose(color.srgb_of_oklab(color.oklab_of_srgb(wide(flat).float())), flat, atol=1e-5)


def test_colours_that_srgb_lacks_get_paler_and_keep_lightness_and_hue():
    random = np.random.default_rng(1)
    hue, lightness = random.uniform(0, 2 * np.pi, 300), random.uniform(0.02, 0.98, 300)
    way = np.stack((np.cos(hue), np.sin(hue)))
    srgb = color.srgb_of_oklab(wide(np.stack((lightness, *0.4 * way)))).numpy()  # sRGB has nothing of a chroma of 0.4
    assert srgb.min() >= 0 and srgb.max() <= 1
    seen = color.oklab_of_srgb(wide(srgb)).numpy()
    np.testing.assert_allclose(seen[0], lightness, atol=1e-6)
    np.testing.assert_allclose(seen[1:], np.hypot(*seen[1:]) * way, atol=1e-6)
    for c, step in zip(seen.T, 0.4 / 1024 * way.T):  # with one step more it would be too strong
        light = light_of_oklab_oracle(c[0], *(c[1:] + step))
        assert light.min() < 1e-9 or light.max() > 1 - 1e-9


# ----------------------------------------------------------------------------------------------------------------- luminance


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_luminance_is_the_papers_transfer_in_oklab(strength):
    x, s = np.random.default_rng(2).random((2, 3, 9, 11))
    seen = array(recolored(tensor(x), tensor(s), "luminance", strength))
    np.testing.assert_allclose(seen, luminance_oracle(x, s, strength), atol=0.005)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_luminance_keeps_the_lightness_of_the_painting_of_every_colour(strength):
    x, s = np.random.default_rng(3).random((2, 3, 30, 30))
    seen = recolored(tensor(x), tensor(s), "luminance", strength)
    lightness = [color.oklab_of_srgb(image[0].flatten(1))[0] for image in (tensor(x), seen)]
    np.testing.assert_allclose(*lightness, atol=2e-4)


def test_luminance_takes_the_hue_of_the_photo():
    x, s = np.random.default_rng(4).uniform(0.1, 0.9, (2, 3, 30, 30))
    seen = recolored(tensor(x), tensor(s), "luminance", 1)
    ab, ab_s = (color.oklab_of_srgb(image[0].flatten(1))[1:] for image in (seen, tensor(s)))
    turn = torch.atan2(ab[1] * ab_s[0] - ab[0] * ab_s[1], (ab * ab_s).sum(0)).rad2deg()
    colourful = (ab.norm(dim=0) > 0.02) & (ab_s.norm(dim=0) > 0.02)
    assert colourful.float().mean() > 0.7 and turn[colourful].abs().max() < 0.5


def test_luminance_of_a_grey_photo_is_grey_and_of_the_photo_itself_is_the_photo():
    x, grey = tensor(picture(1)), tensor(picture(2)).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    seen = recolored(x, grey, "luminance", 1)
    assert (seen.amax(1) - seen.amin(1)).max() < 1e-3
    np.testing.assert_allclose(recolored(x, x, "luminance", 1), x, atol=1e-5)


def test_dusk_painted_light_is_no_grey_haze():
    dusk, light = torch.tensor([0.1, 0.15, 0.3]).view(1, 3, 1, 1), torch.full((1, 3, 4, 4), 0.6)
    chroma = [
        color.oklab_of_srgb(image[0].flatten(1))[1:].norm(dim=0)[0] for image in (dusk, recolored(light, dusk, "luminance", 1))
    ]
    assert 1.5 < chroma[1] / chroma[0] < 2.01


@pytest.mark.parametrize("size", [(48, 64), (96, 128), (12, 16)])
def test_luminance_finds_the_same_place_in_a_photo_of_another_size(size):
    ramp = torch.linspace(0.2, 0.8, 200)
    scene = torch.stack((ramp[None].expand(200, -1), ramp[:, None].expand(-1, 200), torch.full((200, 200), 0.5)))[None]
    photo = torch.nn.functional.interpolate(scene, size, mode="bilinear", antialias=True)
    x = tensor(picture(3, 24, 32))
    same = torch.nn.functional.interpolate(scene, (24, 32), mode="bilinear", antialias=True)
    difference = recolored(x, photo, "luminance", 1) - recolored(x, same, "luminance", 1)
    assert difference.abs().mean() < 0.01


def test_luminance_does_not_pick_single_pixels_of_a_larger_photo():
    stripes = torch.tensor([[0.7, 0.3, 0.3], [0.3, 0.4, 0.7]]).T[:, torch.arange(216) % 2][None, :, None].expand(-1, -1, 144, -1)
    x = tensor(picture(3, 16, 24))
    seen, wanted = (recolored(x, s, "luminance", 1) for s in (stripes, stripes.mean((2, 3), keepdim=True)))
    np.testing.assert_allclose(seen, wanted, atol=0.02)


# ------------------------------------------------------------------------------------------------------- mean and covariance


@pytest.mark.parametrize("method", LINEAR)
def test_linear_maps_are_the_papers_matrices(method):
    x, s = picture(5), picture(6, 17, 40)
    a, b = linear_map(wide(x.reshape(3, -1)), wide(s.reshape(3, -1)), method)
    np.testing.assert_allclose(a @ wide(x.reshape(3, -1)) + b, linear_oracle(x, s, method).reshape(3, -1), atol=1e-9)
    seen = array(recolored(tensor(x), tensor(s), method, 1))
    np.testing.assert_allclose(seen, linear_oracle(x, s, method).clip(0, 1), atol=1e-4)


@pytest.mark.parametrize("method", LINEAR)
@pytest.mark.parametrize("seeds", [(1, 2), (3, 4), (5, 1)])
def test_linear_maps_give_the_sources_mean_and_covariance(method, seeds):
    x, s = picture(seeds[0]).reshape(3, -1), picture(seeds[1], 50, 50).reshape(3, -1)
    a, b = (part.double().numpy() for part in linear_map(wide(x).float(), wide(s).float(), method))
    for seen, wanted in zip(moments_oracle(a @ x + b), moments_oracle(s)):
        np.testing.assert_allclose(seen, wanted, atol=1e-5)


def test_cholesky_is_triangular_and_monge_kantorovich_symmetric_and_moves_colours_least():
    x, s = (wide(picture(seed).reshape(3, -1)) for seed in (7, 8))
    maps = {method: linear_map(x, s, method) for method in LINEAR}
    assert maps["cholesky"][0].triu(1).abs().max() < 1e-12
    np.testing.assert_allclose(maps["linear"][0], maps["linear"][0].T, atol=1e-12)
    moved = {method: (a @ x + b - x).square().sum(0).mean().item() for method, (a, b) in maps.items()}
    assert moved["linear"] < moved["pca"] and moved["linear"] < moved["cholesky"]


def test_where_the_painting_has_no_colours_to_spread_the_result_has_fewer_than_the_source():
    x, s = picture(1).mean(0, keepdims=True).repeat(3, 0), picture(2)
    x += np.random.default_rng(3).normal(0, GRAIN / 4, x.shape)
    a, b = linear_map(wide(x.reshape(3, -1)), wide(s.reshape(3, -1)), "pca")
    covs = [moments_oracle(flat)[1] for flat in ((a @ wide(x.reshape(3, -1)) + b).numpy(), s.reshape(3, -1))]
    shares = np.sqrt(np.linalg.eigvals(np.linalg.inv(covs[1]) @ covs[0]).real)
    np.testing.assert_allclose(np.sort(shares), [0.25, 0.25, 1], atol=0.02)


@pytest.mark.parametrize("method", WHOLE)
def test_grain_is_not_blown_up_to_colours(method):
    """A grey painting whose channels differ by the rounding to 8 bits, and a photo that is full of colour."""
    random = np.random.default_rng(9)
    grey = random.uniform(0.2, 0.8, (1, 64, 64))
    grain = random.uniform(-0.5, 0.5, (3, 64, 64)) / 255
    seen = array(recolored(tensor(grey + grain), tensor(random.random((3, 64, 64))), method, 1)).reshape(3, -1)
    neighbours = np.diff(seen[:, np.argsort(grey.ravel())])  # pixels of nearly the same grey
    assert neighbours.std() < np.sqrt(2) * grain.std() * 0.3 / GRAIN  # 0.3: the spread of that photo


# ----------------------------------------------------------------------------------------------------------------- histogram


@pytest.mark.parametrize("seeds", [(1, 2), (3, 4), (5, 6), (7, 8)])
def test_histograms_approach_the_sources(seeds):
    x, s = picture(seeds[0], 100, 120), picture(seeds[1], 90, 70)
    before, after = (wasserstein(seen, s) for seen in (x, array(recolored(tensor(x), tensor(s), "histogram", 1))))
    apart = before > 0.08  # channels that agree already can hardly come closer than the blurred table allows
    assert (after[apart] < 0.2 * before[apart]).all()
    assert after.sum() < 0.2 * before.sum() and after.max() < 0.02


def test_histograms_approach_a_photo_of_two_colours_and_nothing_between():
    random = np.random.default_rng(10)
    colours = np.array([[0.1, 0.2, 0.5], [0.9, 0.7, 0.3]]).T
    s = colours[:, random.integers(0, 2, (80, 80))] + random.normal(0, 0.02, (3, 80, 80))
    x = picture(11, 80, 80)
    seen = array(recolored(tensor(x), tensor(s.clip(0, 1)), "histogram", 1))
    linear = array(recolored(tensor(x), tensor(s.clip(0, 1)), "linear", 1))
    assert (wasserstein(seen, s) < 0.7 * wasserstein(linear, s)).all()


def test_histogram_is_the_distribution_transfer_of_every_pixel_but_for_its_table():
    x, s = picture(12, 60, 60, 0.9), picture(13, 50, 70, 0.8) ** 3
    wanted = histogram_oracle(x, s).reshape(x.shape)
    far = {method: np.abs(array(recolored(tensor(x), tensor(s), method, 1)) - wanted).mean() for method in WHOLE}
    assert far["histogram"] < 0.02 and far["histogram"] < 0.5 * far["linear"]


def test_the_histogram_of_a_picture_that_is_its_own_source_stays():
    x = tensor(picture(14, 60, 60, contrast=1.0))
    change = recolored(x, x, "histogram", 1) - x
    assert change.abs().mean() < 0.006
    assert change[x < 0.2].mean().abs() < 0.003 and change[x > 0.8].mean().abs() < 0.003


def test_along_one_axis_a_value_is_mapped_to_the_value_of_the_same_rank_and_a_single_one_to_the_middle():
    x, source = torch.rand(3, 3000, generator=torch.Generator().manual_seed(1)), torch.linspace(0, 1, 5000).square().expand(3, -1)
    np.testing.assert_allclose(color._matched(x, 3000, source), x.square(), atol=0.04)
    np.testing.assert_allclose(color._matched(torch.full((3, 7), 0.3), 7, source), 0.25, atol=1e-3)


def test_a_grey_painting_gets_lights_and_darks_of_a_colourful_source():
    x, s = np.random.default_rng(15).random((1, 90, 90)).repeat(3, 0), np.random.default_rng(16).random((3, 90, 90))
    seen, linear = (array(recolored(tensor(x), tensor(s), method, 1)).mean(0) for method in ("histogram", "linear"))
    assert seen.std() > 0.7 * linear.std() and np.corrcoef(seen.ravel(), x[0].ravel())[0, 1] > 0.95


def test_the_histogram_of_a_large_picture_is_made_of_pixels_from_all_over_it():
    ramp = torch.linspace(0, 1, 512).expand(512, -1)  # a regular choice of every 32nd pixel would see 16 columns
    for flat in (ramp.flatten(), ramp.T.flatten()):
        some = color._some(flat.expand(3, -1))[0]
        np.testing.assert_allclose(np.quantile(some, np.linspace(0, 1, 50)), np.linspace(0, 1, 50), atol=0.01)


# ------------------------------------------------------------------------------------------------------- the artwork's colours


def planes_oracle(x):
    return np.array([[oklab_oracle(*pixel) for pixel in row] for row in x.transpose(1, 2, 0)]).transpose(2, 0, 1)


def artwork_oracle(x, photo, artworks, shares, strength):
    """Of pictures of the same size; `artworks` are taken as one picture, in which each has its share of the pixels."""
    lab, ab = planes_oracle(x), planes_oracle(photo)[1:]
    ab = guided_filter(torch.from_numpy(ab)[None], torch.from_numpy(lab)[None, :1], 2)[0].numpy().reshape(2, -1)
    colours = np.concatenate([planes_oracle(artwork)[1:].reshape(2, -1) for artwork in artworks], 1)
    weights = np.concatenate([np.full(a[0].size, share / a[0].size) for a, share in zip(artworks, shares)])
    (mean, cov), target = moments_oracle(ab), np.cov(colours, bias=True, aweights=weights)
    moved = np.average(colours, 1, weights)[:, None] + monge_kantorovich_oracle(cov, target) @ (ab - mean[:, None])
    lab[1:] += strength * (moved.reshape(lab[1:].shape) - lab[1:])
    return np.array([[srgb_of_oklab_oracle(*pixel) for pixel in row] for row in lab.transpose(1, 2, 0)]).transpose(2, 0, 1)


@pytest.mark.parametrize("strength", [0.3, 1.0])
@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.5, 1.5)])
def test_the_artworks_colours_are_the_photos_moved_to_its_moments(shares, strength):
    x, photo, artworks = picture(1, 12, 16), picture(2, 12, 16), [picture(3), picture(4, 9, 40)]
    artwork = mix([chroma_moments(tensor(each)) for each in artworks], shares)
    seen = array(recolored(tensor(x), tensor(photo), "artwork", strength, artwork))
    np.testing.assert_allclose(seen, artwork_oracle(x, photo, artworks, shares, strength), atol=0.005)


def test_the_artworks_colours_keep_the_paintings_lightness_and_have_the_artworks_mean_and_covariance():
    x, photo, artwork = (tensor(picture(seed, 6, 8, contrast=0.3)) for seed in (1, 2, 3))
    x, photo = (torch.nn.functional.interpolate(each, (60, 80), mode="bicubic").clamp(0, 1) for each in (x, photo))
    seen = recolored(x, photo, "artwork", 1, chroma_moments(artwork))
    np.testing.assert_allclose(lab_of(seen)[:, 0], lab_of(x)[:, 0], atol=2e-4)
    for mine, wanted in zip(chroma_moments(seen), chroma_moments(artwork)):
        np.testing.assert_allclose(mine, wanted, atol=1e-4)


def test_a_black_and_white_artwork_has_no_colours_and_a_grey_photo_only_one():
    x, photo, artwork = (tensor(picture(seed)) for seed in (1, 2, 3))
    grey, colourful = (chroma_moments(each) for each in (artwork.mean(1, keepdim=True).expand(-1, 3, -1, -1), artwork))
    assert lab_of(recolored(x, photo, "artwork", 1, grey))[:, 1:].abs().max() < 1e-3
    noise = torch.from_numpy(np.random.default_rng(5).normal(0, PALE / 4, (1, 2, 24, 32))).float()
    photo = color.image_of(lab_of(photo)[:, :1], noise)
    planes = lab_of(recolored(x, photo, "artwork", 1, colourful))[:, 1:]
    assert planes.std((2, 3)).max() < 0.25 * (colourful.second.diagonal() - colourful.mean.square()).max().sqrt()


def test_the_artworks_colours_on_a_tile_fit_on_as_the_tile_does():
    x, photo = (tensor(picture(seed, 48, 64)) for seed in (1, 2))
    moved = recolored(*(each.roll((20, 30), (2, 3)) for each in (x, photo)), "artwork", 1, ARTWORK, wrap=True)
    assert torch.allclose(moved, recolored(x, photo, "artwork", 1, ARTWORK, wrap=True).roll((20, 30), (2, 3)), atol=1e-4)


def test_the_artworks_colours_are_refused_without_an_artwork():
    with pytest.raises(RecipeError, match="artwork's colours"):
        recolored(tensor(picture(1)), tensor(picture(2)), "artwork", 1)


# ------------------------------------------------------------------------------------------------------------ all the methods


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_strength_0_is_the_painting_itself(method):
    x = tensor(picture(1))
    assert torch.equal(recolored(x, tensor(picture(2)), method, 0, ARTWORK), x)
    assert (recolored(x, tensor(picture(2)), method, 1e-4, ARTWORK) - x).abs().max() < 1e-3


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_strength_goes_straight_from_the_painting_to_the_sources_colours(method):
    x, s = tensor(picture(1, contrast=0.2)), tensor(picture(2, contrast=0.2))  # so that nothing leaves sRGB
    space = torch.clone if method in PALETTE_METHODS else color.oklab_of_srgb
    start, quarter, end = (space(recolored(x, s, method, strength, ARTWORK)[0].flatten(1)) for strength in (0, 0.25, 1))
    assert (end - start).abs().mean() > 0.02
    np.testing.assert_allclose(quarter, 0.75 * start + 0.25 * end, atol=1e-4)


AWKWARD = {
    "any": picture(3),
    "colours at the ends": np.random.default_rng(5).integers(0, 2, (3, 9, 9)).astype(float),
    "grey": picture(4).mean(0, keepdims=True).repeat(3, 0),
    "one colour": np.full((3, 10, 8), 0.3),
    "black": np.zeros((3, 5, 5)),
    "one pixel": np.array([0.9, 0.2, 0.4]).reshape(3, 1, 1),
    "a long line": picture(6, 1, 9000),
}


@pytest.mark.parametrize("method", COLOR_METHODS)
@pytest.mark.parametrize("source", AWKWARD)
@pytest.mark.parametrize("painting", AWKWARD)
def test_any_two_pictures_give_a_picture(method, painting, source):
    x = tensor(AWKWARD[painting])
    seen = recolored(x, tensor(AWKWARD[source]), method, 1, ARTWORK)
    assert seen.shape == x.shape and seen.dtype == x.dtype
    assert torch.isfinite(seen).all() and seen.min() >= 0 and seen.max() <= 1


@pytest.mark.parametrize("method", WHOLE)
def test_a_source_of_one_colour_makes_the_painting_that_colour(method):
    source = torch.tensor([0.7, 0.4, 0.2]).view(1, 3, 1, 1)
    seen = recolored(tensor(picture(1)), source.expand(1, 3, 6, 6), method, 1)
    np.testing.assert_allclose(seen, source.expand_as(seen), atol=1e-4)


@pytest.mark.parametrize("method", COLOR_METHODS)
def test_it_is_the_same_each_time_in_any_memory_order_and_leaves_its_pictures_alone(method):
    x, s = tensor(picture(1, 100, 100)), tensor(picture(2, 110, 90))
    kept, kept_s, number = x.clone(), s.clone(), torch.random.get_rng_state()
    seen = recolored(x, s, method, 0.7, ARTWORK)
    assert torch.equal(x, kept) and torch.equal(s, kept_s) and torch.equal(torch.random.get_rng_state(), number)
    assert torch.equal(recolored(x, s, method, 0.7, ARTWORK), seen)
    again = recolored(x.to(memory_format=torch.channels_last).requires_grad_(True), s, method, 0.7, ARTWORK)
    assert not again.requires_grad
    np.testing.assert_allclose(again, seen, atol=1e-5)


@pytest.mark.parametrize("method", ["", "Linear", "hue", None, 3])
def test_an_unknown_method_is_refused_with_the_choices(method):
    x = tensor(picture(1))
    with pytest.raises(RecipeError, match="luminance, artwork, linear, cholesky, pca, histogram"):
        recolored(x, x, method, 0.5)


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), float("inf"), "1", None, True])
def test_a_strength_outside_0_to_1_is_refused_with_the_limits(strength):
    x = tensor(picture(1))
    with pytest.raises(RecipeError, match="between 0 and 1"):
        recolored(x, x, "linear", strength)


def test_an_image_as_saved_is_what_its_file_gives_back_for_every_value(tmp_path):
    """Also of values between two of 8 bits, and beyond both ends."""
    values = torch.cat([torch.arange(256) / 255, torch.linspace(-0.1, 1.1, 768)])
    image = values.reshape(1, 1, 32, 32).expand(-1, 3, -1, -1)
    save_png(tmp_path / "saved.png", image)
    assert torch.equal(as_saved(image), open_picture(tmp_path / "saved.png").image)


# ------------------------------------------------------------------------------------------------------------- matched


def matched_oracle(x, artwork, strength, where):
    lab, target = planes_oracle(x), planes_oracle(artwork)[1:].reshape(2, -1)
    ab, weights = lab[1:].reshape(2, -1), where.ravel()
    mean, cov = np.average(ab, 1, weights), np.cov(ab, bias=True, aweights=weights)
    matrix = monge_kantorovich_oracle(cov, np.cov(target, bias=True))
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    matrix = sum(min(v, STRONGER) * np.outer(u, u) for v, u in zip(values, axes.T))
    moved = target.mean(1)[:, None] + matrix @ (ab - mean[:, None])
    lab[1:] += strength * (moved.reshape(lab[1:].shape) - lab[1:])
    return np.array([[srgb_of_oklab_oracle(*pixel) for pixel in row] for row in lab.transpose(1, 2, 0)]).transpose(2, 0, 1)


@pytest.mark.parametrize("strength", [0.3, 1.0])
@pytest.mark.parametrize("contrast", [0.2, 0.9])
def test_matched_colours_are_moved_by_a_map_that_strengthens_little(contrast, strength):
    x, artwork = picture(1, 12, 16), picture(2, contrast=contrast)
    where = np.random.default_rng(6).uniform(0, 1, (12, 16))
    seen = array(matched(tensor(x), chroma_moments(tensor(artwork)), strength, tensor(where[None])))
    np.testing.assert_allclose(seen, matched_oracle(x, artwork, strength, where), atol=0.005)


def test_matched_colours_keep_lightness_and_at_strength_0_all():
    x, artwork = tensor(picture(1)), chroma_moments(tensor(picture(2)))
    assert matched(x, artwork, 0) is x
    np.testing.assert_allclose(lab_of(matched(x, artwork, 1))[:, 0], lab_of(x)[:, 0], atol=2e-4)
    np.testing.assert_allclose(matched(x, chroma_moments(x), 1), x, atol=1e-4)


@pytest.mark.parametrize("painting", AWKWARD)
@pytest.mark.parametrize("artwork", AWKWARD)
def test_any_two_pictures_can_be_matched(painting, artwork):
    x = tensor(AWKWARD[painting])
    seen = matched(x, chroma_moments(tensor(AWKWARD[artwork])), 1)
    assert seen.shape == x.shape and torch.isfinite(seen).all() and seen.min() >= 0 and seen.max() <= 1
    if artwork in ("grey", "black"):
        assert lab_of(seen)[:, 1:].abs().max() < 1e-3


def test_of_a_large_artwork_every_nth_row_and_column_is_measured():
    artwork = tensor(picture(3, 400, 1000))
    seen, all_of_it = chroma_moments(artwork), chroma_moments(artwork[:, :, ::2, ::2])
    assert all(torch.equal(a, b) for a, b in zip(seen, all_of_it))


def test_each_artworks_place_is_matched_to_its_own_colours():
    x, artworks = tensor(picture(1, 40, 60)), [chroma_moments(tensor(picture(seed))) for seed in (2, 3)]
    left = torch.zeros(1, 1, 40, 60)
    left[..., :30] = 1
    seen = matched_in_places(x, artworks, [left, 1 - left], [1.0, 0.5], 0.8)
    apart = [matched(x, artwork, 0.8, place) for artwork, place in zip(artworks, (left, 1 - left))]
    np.testing.assert_allclose(seen, left * apart[0] + (1 - left) * apart[1], atol=1e-6)
    over = matched_in_places(x, artworks, [None, 0.5 * left], [2.0, 1.0], 0.8)
    both = [matched(x, artworks[0], 0.8), matched(x, artworks[1], 0.8, 0.5 * left)]
    np.testing.assert_allclose(over, both[0] + left * 0.2 * (both[1] - both[0]), atol=1e-6)
    half = matched_in_places(x, artworks, [0.5 * left, left], [1.0, 0.0], 0.8)
    np.testing.assert_allclose(half, x + 0.5 * left * (matched(x, artworks[0], 0.8, 0.5 * left) - x), atol=1e-6)


def test_of_an_artwork_with_a_mask_what_it_leaves_out_has_no_colours():
    artwork, mask = tensor(picture(3, 40, 60)), torch.zeros(1, 1, 20, 30)
    mask[..., :10] = 1
    seen, part_of_it = chroma_moments(artwork, mask), chroma_moments(artwork[..., :20])
    for mine, wanted in zip(seen, part_of_it):
        np.testing.assert_allclose(mine, wanted, atol=1e-6)


def test_a_black_and_white_artwork_paints_in_black_and_white_by_default(encoder):
    from stylekit import Dials, Masks, Recipe, stylize

    photo, artwork = tensor(picture(1, 48, 48)), tensor(picture(2, 40, 40)).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    recipe = Recipe(size=48, steps=4, coarsest=48, encoder="toy")

    def colours(frame):
        return lab_of(frame.image)[:, 1:].abs().amax((0, 1))

    *_, last = stylize(photo, [artwork], recipe, encoder=encoder)
    assert colours(last).max() < 1e-3 < lab_of(last.painting)[:, 1:].abs().max()
    left = torch.zeros(1, 1, 48, 48)
    left[..., :24] = 1
    *_, last = stylize(photo, [artwork], recipe, encoder=encoder, masks=Masks(keep=left))
    assert torch.equal(last.image[..., :24], photo[..., :24]) and colours(last)[:, 24:].max() < 1e-3
    *_, last = stylize(photo, [artwork], replace(recipe, style_weight=0.0), encoder=encoder)
    assert torch.equal(last.image, last.painting)  # nothing of the artwork
    *_, last = stylize(photo, [artwork], recipe, encoder=encoder, masks=Masks([left]))
    assert colours(last)[:, :24].max() < 1e-3 and torch.equal(last.image[..., 24:], last.painting[..., 24:])
    dials = Dials(recipe.weights)
    for frame in stylize(photo, [artwork], recipe, encoder=encoder, dials=dials):
        dials.weights = replace(recipe.weights, match_color=float(frame.step != 2))
        assert torch.equal(frame.image, frame.painting) == (frame.step == 3)


# ------------------------------------------------------------------------------------------------------------- cleaned


def flecked(size=(64, 80)):
    """Grey bars, whose colours have flecks that their lightness has not."""
    random = torch.Generator().manual_seed(3)
    lab = torch.zeros(3, *size)
    lab[0] = 0.4 + 0.3 * (torch.arange(size[1]) // 16 % 2)
    lab[1:] = 0.08 * (torch.rand(2, *size, generator=random) - 0.5)
    return srgb_of_oklab(lab.flatten(1)).view(1, 3, *size).clamp(0, 1)


def test_cleaned_colours_lose_their_flecks_and_lightness_stays():
    image = flecked()
    half, whole = cleaned(image, 0.5), cleaned(image, 1.0)
    spread = [float(lab_of(each)[:, 1:].std()) for each in (image, half, whole)]
    assert spread[2] < 0.35 * spread[0] and spread[2] < spread[1] < spread[0]
    assert (lab_of(whole) - lab_of(image))[:, 0].abs().max() < 2e-3
    assert cleaned(image, 0) is image


def test_a_tile_that_is_cleaned_fits_on_as_well_as_it_did():
    image = flecked()
    moved = cleaned(image.roll((20, 30), (2, 3)), 1.0, wrap=True)
    assert torch.allclose(moved, cleaned(image, 1.0, wrap=True).roll((20, 30), (2, 3)), atol=1e-5)


def test_colours_are_cleaned_in_the_frame_while_it_runs_and_the_painting_stays(encoder):
    from stylekit import Dials, Recipe, stylize

    photo, artwork, recipe = flecked((48, 48)), flecked((40, 40)), Recipe(size=48, steps=4, coarsest=48, encoder="toy")
    dials = Dials(recipe.weights)
    plain, live = list(stylize(photo, [artwork], recipe, encoder=encoder)), []
    for frame in stylize(photo, [artwork], recipe, encoder=encoder, dials=dials):
        live.append(frame)
        if frame.step == 2:
            dials.weights = replace(recipe.weights, clean_color=1.0)
    assert torch.equal(live[-1].painting, plain[-1].painting) and torch.equal(live[2].image, plain[2].image)
    assert lab_of(live[-1].image)[:, 1:].std() < 0.8 * lab_of(plain[-1].image)[:, 1:].std()
    assert live[-1].recipe.settled().clean_color == 1.0
