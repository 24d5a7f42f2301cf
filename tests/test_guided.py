"""The guided filter: against its formulas window by window, and what it is for."""

import numpy as np
import pytest
import torch

from stylekit.guided import SOFTNESS, guided_filter


def noise(*shape, seed=0):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def plain(values, guide, radius, wrap):
    """(H, W) arrays; a softened least squares line of `values` on `guide` for each window, and their means."""
    height, width = guide.shape

    def window(y, x):
        rows, columns = (np.arange(c - radius, c + radius + 1) for c in (y, x))
        if wrap:
            return np.ix_(rows % height, columns % width)
        return np.ix_(rows[(rows >= 0) & (rows < height)], columns[(columns >= 0) & (columns < width)])

    lines = np.zeros((2, height, width))
    for y in range(height):
        for x in range(width):
            i, p = guide[window(y, x)], values[window(y, x)]
            a = ((i * p).mean() - i.mean() * p.mean()) / (i.var() + SOFTNESS)
            lines[:, y, x] = a, p.mean() - a * i.mean()
    means = np.array([[lines[(slice(None), *window(y, x))].mean((1, 2)) for x in range(width)] for y in range(height)])
    return means[..., 0] * guide + means[..., 1]


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("radius", [1, 3])
def test_it_is_what_the_paper_says(radius, wrap):
    values, guide = noise(1, 2, 9, 12), noise(1, 1, 9, 12, seed=1)
    found = guided_filter(values, guide, radius, wrap)[0].numpy()
    wanted = [plain(v, guide[0, 0].numpy(), radius, wrap) for v in values[0].numpy()]
    assert np.allclose(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("radius", [2, 8, 16])
def test_flecks_go_and_what_follows_the_guide_stays_on_coarser_grids_too(radius):
    guide = torch.zeros(1, 1, 96, 128, dtype=torch.float64)
    guide[..., 70:] = 0.8
    values = 0.3 + 0.5 * guide + 0.1 * (noise(1, 1, 96, 128) - 0.5)
    found = guided_filter(values, guide, radius)
    away = (found - 0.3 - 0.5 * guide).abs()
    assert away.mean() < 0.4 * (values - 0.3 - 0.5 * guide).abs().mean()
    assert (found[..., 71] - found[..., 69]).mean() > 0.35  # the edge is as sharp as it was
