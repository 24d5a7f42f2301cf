"""Bands: the same image as its pixels, gradients that are the transpose of their sum, and what follows them to other sizes."""

import numpy as np
import pytest
import torch

from stylekit.optimizers import OPTIMIZERS, Adam
from stylekit.recipe import VARIABLES as NAMES
from stylekit.variables import VARIABLES, Bands, doubled, halved


def noise(height, width, seed=0, channels=3):
    return torch.rand(1, channels, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_every_name_of_the_recipe_is_a_kind_of_variables():
    assert set(NAMES) == set(VARIABLES)


@pytest.mark.parametrize("size", [(64, 48), (53, 37), (17, 96), (16, 16), (3, 5), (1, 1)])
def test_bands_stand_for_their_image_exactly(size):
    image = noise(*size)
    bands = Bands(image)
    assert bands.size == size and torch.allclose(bands.image(), image, rtol=0, atol=1e-15)
    assert torch.equal(bands.of(image).image(), bands.image())


def matrix(f, *size):
    """The linear map f of images of one channel of this size, as a matrix of pixels."""
    places = size[0] * size[1]
    return np.stack([f(e.reshape(1, 1, *size)).numpy().ravel() for e in torch.eye(places, dtype=torch.float64)], 1)


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 2)])
def test_halving_takes_means_and_doubling_lines_between_them(size):
    image = noise(*size, channels=1)
    rows, columns = (-(-side // 2) for side in size)
    x = image[0, 0].numpy()
    means = np.array([[x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean() for j in range(columns)] for i in range(rows)])
    small = halved(image)
    np.testing.assert_allclose(small[0, 0], means, atol=1e-15)
    # the middle of a pixel of the large picture, in pixels of the small one
    at = [np.clip((np.arange(side) + 0.5) / 2 - 0.5, 0, half - 1) for side, half in zip(size, (rows, columns))]
    lines = np.stack([np.interp(at[0], np.arange(rows), column) for column in means.T], 1)
    lines = np.stack([np.interp(at[1], np.arange(columns), row) for row in lines])
    np.testing.assert_allclose(doubled(small, size)[0, 0], lines, atol=1e-15)


def test_a_bands_gradient_is_the_transpose_of_its_enlargement():
    size, half = (19, 16), (10, 8)
    bands = Bands(noise(*size))
    assert [tuple(p.shape[2:]) for p in bands.parameters] == [size, half]
    slopes = noise(*size, seed=1)
    (bands.image() * slopes).sum().backward()
    enlargement = matrix(lambda x: doubled(x, size), *half)
    fine, coarse = (p.grad[0, 1].numpy().ravel() for p in bands.parameters)
    np.testing.assert_allclose(fine, slopes[0, 1].numpy().ravel(), atol=1e-15)
    np.testing.assert_allclose(coarse, enlargement.T @ fine, atol=1e-12)


def test_bands_are_brought_back_into_range_as_an_image():
    bands = Bands(noise(32, 24))
    with torch.no_grad():
        bands.parameters[1].add_(0.7)
        wanted = bands.image().clamp(0, 1)
    bands.clamp()
    assert torch.allclose(bands.image(), wanted, atol=1e-14) and torch.equal(bands.shown(), bands.image().clamp(0, 1).detach())


@pytest.mark.parametrize("size", [(64, 64), (33, 47), (20, 20)])
def test_what_is_remembered_of_each_band_follows_it_to_another_size(size):
    before, after = Bands(noise(32, 40)), Bands(noise(*size))
    kept = before.resampled(after, [torch.full_like(p, k) for k, p in enumerate(before.parameters)], "bicubic", False)
    last = len(before.parameters) - 1
    assert [x.shape for x in kept] == [p.shape for p in after.parameters]
    assert all(torch.allclose(x, torch.full_like(x, min(k, last))) for k, x in enumerate(kept))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_both_optimisers_find_a_minimum_through_bands_and_take_them_to_a_new_size(name):
    target = 0.2 + 0.6 * noise(24, 32)

    def far(image):
        loss = (image - torch.nn.functional.interpolate(target, image.shape[2:])).square().mean()
        return loss, {"loss": loss}

    optimizer = OPTIMIZERS[name](Bands(torch.full_like(target, 0.5)))
    for size, within in (((24, 32), 0.05), ((48, 64), 0.08)):
        optimizer.size_changed(size)
        assert isinstance(optimizer.variables, Bands)
        for _ in range(60):
            optimizer.step(far)
        assert far(optimizer.image)[0] < within**2
    assert optimizer.total == pytest.approx(float(far(optimizer.variables.image().detach())[0]), rel=1e-9)


def test_adam_keeps_an_image_of_bands_in_range():
    adam = Adam(Bands(noise(16, 16)))
    for _ in range(5):
        adam.step(lambda image: (-image.sum(), {}))
    assert adam.variables.image().min() >= -1e-12 and adam.variables.image().max() <= 1 + 1e-12


@pytest.mark.parametrize("kind", VARIABLES)
def test_a_picture_whose_colours_lie_together_in_memory_is_optimised_like_any_other(kind):
    """As arrays (H, W, 3) are, turned into tensors without a copy."""
    image = noise(16, 20)
    together = image.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    found = []
    for each in (image, together):
        optimizer = OPTIMIZERS["lbfgs"](VARIABLES[kind](each))
        for _ in range(3):
            optimizer.step(lambda x: ((x * x[..., :1]).square().mean(), {}))
        found.append(optimizer.image)
    assert torch.equal(*found)
