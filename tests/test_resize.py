"""Tensors at other sizes, against shapes and averages known without stylekit."""

from pathlib import Path

import pytest
import torch
from runs import picture

from stylekit import open_picture
from stylekit.errors import SizeError
from stylekit.resize import fill, fit, resample, tile, tiles


def test_fit_gives_the_size_asked_and_stays_in_range():
    image = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0)).round()  # hard edges overshoot
    for size in ((10, 15), (40, 60), (7, 61), (1, 1)):
        fitted = fit(image, size)
        assert fitted.shape == (1, 3, *size) and fitted.min() >= 0 and fitted.max() <= 1
    raw = torch.nn.functional.interpolate(image, (40, 60), mode="bicubic", antialias=True)
    assert raw.max() > 1  # so that the clamp above had something to do


def test_fit_averages_when_it_shrinks():
    stripes = torch.zeros(1, 1, 64, 64)
    stripes[..., ::3] = 1
    assert torch.allclose(fit(stripes, (8, 8))[..., 2:-2, 2:-2], torch.tensor(1 / 3), atol=0.02)


def test_fit_returns_the_input_itself_when_nothing_is_to_do():
    image = torch.rand(1, 3, 5, 4)
    assert fit(image, (5, 4)) is image
    assert fit(image, (4, 5)) is not image


@pytest.mark.parametrize("resize", [fit, fill])
@pytest.mark.parametrize("size", [(0, 5), (5, -1), (2.5, 3)])
def test_impossible_sizes_of_tensors(resize, size):
    with pytest.raises(SizeError):
        resize(torch.rand(1, 3, 5, 4), size)


@pytest.mark.parametrize("size", [(40, 40), (100, 50), (30, 90), (200, 300), (1, 1)])
def test_fill_covers_and_never_squashes(size):
    """A disc in the middle is as wide as it is high, whatever the window."""
    y, x = torch.meshgrid(torch.arange(120) - 59.5, torch.arange(200) - 99.5, indexing="ij")
    disc = ((x**2 + y**2) < 15**2).float()[None, None]
    filled = fill(disc, size)
    assert filled.shape == (1, 1, *size)
    if min(size) > 1:
        inside = filled[0, 0] > 0.5
        height, width = int(inside.any(1).sum()), int(inside.any(0).sum())
        scale = max(size[0] / 120, size[1] / 200)
        assert abs(height - 30 * scale) <= 2 and abs(width - 30 * scale) <= 2
        assert abs(float(inside.nonzero().float().mean(0)[0]) - (size[0] - 1) / 2) <= 1.5  # centred


def test_fill_of_a_strip_takes_no_memory():
    assert fill(torch.rand(1, 3, 1, 5000), (256, 256)).shape == (1, 3, 256, 256)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    image = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    assert fit(image.cuda(), (7, 11)).device.type == "cuda"
    assert torch.allclose(fit(image.cuda(), (7, 11)).cpu(), fit(image, (7, 11)), atol=1e-4)


# ---------------------------------------------------------------------------------------------------------------- tiles


def test_a_photo_becomes_a_tile_at_its_borders_and_stays_itself_inside():
    photo = picture(3, 40, 64)
    tiled = tile(photo)
    assert torch.allclose(tiled[:, :, 0], tiled[:, :, -1], atol=1e-6) and torch.allclose(tiled[..., 0], tiled[..., -1], atol=1e-6)
    assert torch.allclose(tiled[:, :, 10:30, 16:48], photo[:, :, 10:30, 16:48], atol=1e-6)
    assert not torch.allclose(tiled[:, :, 2, 20:40], photo[:, :, 2, 20:40], atol=1e-3)
    assert torch.allclose(tile(torch.full((1, 3, 7, 1), 0.3)), torch.full((1, 3, 7, 1), 0.3))
    assert tiled.min() >= 0 and tiled.max() <= 1


def test_a_tile_is_told_from_a_picture_and_what_is_one_is_not_faded_again():
    photo = open_picture(Path(__file__).parents[1] / "assets/photos/cat.jpg", 128).image
    assert not tiles(photo) and tiles(tile(photo))


@pytest.mark.parametrize(
    ("before", "after"), [((32, 48), (48, 80)), ((16, 48), (32, 64)), ((48, 80), (32, 48)), ((20, 30), (33, 41))]
)
@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_a_tile_rolls_with_its_picture_when_it_is_resized(before, after, mode):
    image = torch.rand(1, 3, *before, generator=torch.Generator().manual_seed(0))
    wrapped = resample(image, after, mode, wrap=True)
    assert wrapped.shape == (1, 3, *after)
    inside = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    assert torch.allclose(wrapped[inside], resample(image, after, mode)[inside], atol=1e-5)
    half = [side // 2 for side in before], [side // 2 for side in after]
    if all(side % 2 == 0 for side in after):
        rolled = resample(image.roll(half[0], (2, 3)), after, mode, wrap=True)
        assert torch.allclose(rolled, wrapped.roll(half[1], (2, 3)), atol=1e-5)
