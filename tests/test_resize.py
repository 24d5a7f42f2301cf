"""Tensors at other sizes, against shapes and averages known without stylekit."""

import pytest
import torch

from stylekit.errors import SizeError
from stylekit.resize import fill, fit


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
