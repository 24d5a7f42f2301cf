"""Every loss against float64 NumPy written from the papers' sums, and against finite differences."""

import numpy as np
import pytest
import torch

from stylekit import losses
from stylekit.losses import Moments, moments


def features(seed, channels=5, height=4, width=6, scale=1.0):
    random = np.random.default_rng(seed)
    return np.maximum(random.normal(0.3, 1.0, (channels, height, width)), 0) * scale


def tensor(array):
    return torch.from_numpy(array)[None].double()


# oracles: F and S are (channels, height, width)


def gram(f):
    f = f.reshape(len(f), -1)
    return np.einsum("ik,jk->ij", f, f) / f.shape[1]


def cov(f):
    f = f.reshape(len(f), -1)
    d = f - f.mean(1, keepdims=True)
    return np.einsum("ik,jk->ij", d, d) / f.shape[1]


def gram_oracle(f, s):
    return ((gram(f) - gram(s)) ** 2).sum() / (gram(s) ** 2).sum()


def mean_covariance_oracle(f, s):
    m, n = f.mean((1, 2)), s.mean((1, 2))
    return 0.5 * ((cov(f) - cov(s)) ** 2).sum() / (cov(s) ** 2).sum() + 0.5 * ((m - n) ** 2).sum() / (n**2).sum()


def content_oracle(f, c):
    return ((f - c) ** 2).sum() / ((c - c.mean((1, 2), keepdims=True)) ** 2).sum()


def gatys_style_oracle(f, s):
    """Equation 4 of the 2016 paper for pictures of the same size: Gram sums, and 1 / (4 N^2 M^2)."""
    n, m = len(f), f[0].size
    g = np.einsum("ixy,jxy->ij", f, f)
    a = np.einsum("ixy,jxy->ij", s, s)
    return ((g - a) ** 2).sum() / (4 * n**2 * m**2)


def gatys_content_oracle(f, c):
    return 0.5 * ((f - c) ** 2).sum()


PAIRS = [
    (lambda f, s: losses.gram_loss(moments(f), moments(s)), gram_oracle),
    (lambda f, s: losses.mean_covariance_loss(moments(f), moments(s)), mean_covariance_oracle),
    (losses.content_loss, content_oracle),
    (lambda f, s: losses.gatys_style_loss(moments(f), moments(s)), gatys_style_oracle),
    (losses.gatys_content_loss, gatys_content_oracle),
]
NAMES = ["gram", "mean_covariance", "content", "gatys_style", "gatys_content"]
RELATIVE = PAIRS[:3]


@pytest.mark.parametrize(("ours", "oracle"), PAIRS, ids=NAMES)
def test_value_and_gradient_agree_with_the_papers_sums(ours, oracle):
    f, s = features(1), features(2)
    x = tensor(f).requires_grad_(True)
    loss = ours(x, tensor(s))
    assert loss.item() == pytest.approx(oracle(f, s), rel=1e-10)
    (gradient,) = torch.autograd.grad(loss, x)
    step = 1e-6
    for index in [(0, 0, 0), (2, 3, 5), (4, 1, 2)]:
        up, down = f.copy(), f.copy()
        up[index] += step
        down[index] -= step
        expected = (oracle(up, s) - oracle(down, s)) / (2 * step)
        assert float(gradient[0][index]) == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(("ours", "oracle"), PAIRS, ids=NAMES)
def test_a_picture_is_no_distance_from_itself(ours, oracle):
    x = tensor(features(3))
    assert float(ours(x, x)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("ours", "oracle"), RELATIVE, ids=NAMES[:3])
def test_relative_losses_do_not_depend_on_size_or_scale(ours, oracle):
    f, s = tensor(features(1)), tensor(features(2))
    loss = float(ours(f, s))
    assert float(ours(f.repeat(1, 1, 2, 3), s.repeat(1, 1, 2, 3))) == pytest.approx(loss, rel=1e-10)
    assert float(ours(7 * f, 7 * s)) == pytest.approx(loss, rel=1e-10)


@pytest.mark.parametrize(("ours", "oracle"), RELATIVE[:2], ids=NAMES[:2])
def test_style_losses_compare_pictures_of_different_sizes(ours, oracle):
    f, s = features(1, height=4), features(2, height=9, width=3)
    assert float(ours(tensor(f), tensor(s))) == pytest.approx(oracle(f, s), rel=1e-10)


@pytest.mark.parametrize(("ours", "oracle"), PAIRS, ids=NAMES)
@pytest.mark.parametrize("value", [0.0, 0.7])
def test_flat_pictures_are_no_division_by_zero(ours, oracle, value):
    x = torch.from_numpy(features(1))[None].float().requires_grad_(True)
    loss = ours(x, torch.full((1, 5, 4, 6), value))
    assert torch.isfinite(loss)
    assert torch.isfinite(torch.autograd.grad(loss, x)[0]).all()


def test_gradcheck_of_all():
    for ours, _ in PAIRS:
        s = tensor(features(2, 2, 3, 3))
        assert torch.autograd.gradcheck(lambda x, s=s, ours=ours: ours(x, s), tensor(features(1, 2, 3, 3)).requires_grad_(True))


def test_total_variation_is_the_mean_squared_difference_of_neighbours():
    x = np.random.default_rng(0).random((3, 5, 7))
    down = sum((x[c, i + 1, j] - x[c, i, j]) ** 2 for c in range(3) for i in range(4) for j in range(7)) / (3 * 4 * 7)
    right = sum((x[c, i, j + 1] - x[c, i, j]) ** 2 for c in range(3) for i in range(5) for j in range(6)) / (3 * 5 * 6)
    assert float(losses.total_variation(tensor(x))) == pytest.approx(down + right, rel=1e-12)
    other = np.random.default_rng(1).random((3, 5, 7)) * 0.5
    expected = (down + right) / float(losses.total_variation(tensor(other)))
    assert float(losses.tv_loss(tensor(x), tensor(other))) == pytest.approx(expected, rel=1e-12)


def test_total_variation_of_flat_and_one_pixel_pictures():
    flat, one = torch.full((1, 3, 4, 4), 0.3), torch.rand(1, 3, 1, 1)
    assert float(losses.total_variation(flat)) == 0 and float(losses.total_variation(one)) == 0
    assert torch.isfinite(losses.tv_loss(torch.rand(1, 3, 4, 4), flat))


def test_mixed_moments_are_those_of_one_picture_made_of_both():
    a, b = tensor(features(1)), tensor(features(2))
    mixed, whole = losses.mix([moments(a), moments(b)]), moments(torch.cat((a, b), 3))
    assert torch.allclose(mixed.mean, whole.mean) and torch.allclose(mixed.second, whole.second)
    assert torch.allclose(losses.covariance(mixed), torch.from_numpy(cov(torch.cat((a, b), 3)[0].numpy())))
    assert isinstance(mixed, Moments)
