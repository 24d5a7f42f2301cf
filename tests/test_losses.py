"""Every loss against float64 NumPy written from the papers' sums, and its gradient against finite differences of that."""

import inspect

import numpy as np
import pytest
import scipy.linalg
import torch

from stylekit import formulations, statistics
from stylekit.formulations import TV_FLOOR
from stylekit.statistics import FLOOR, Moments, moments


def features(seed, channels=5, height=4, width=6):
    """As after a ReLU: non-negative, many of them 0."""
    return np.maximum(np.random.default_rng(seed).normal(0.3, 1.0, (channels, height, width)), 0)


def picture(seed, height=5, width=7):
    return np.random.default_rng(seed).random((3, height, width))


def tensor(array):
    return torch.from_numpy(array)[None].double()


# ------------------------------------------------------------------------- oracles: F, S and C are (channels, height, width)


def mean(f):
    return np.einsum("ixy->i", f) / f[0].size


def gram(f):
    return np.einsum("ixy,jxy->ij", f, f) / f[0].size


def cov(f):
    d = f - mean(f)[:, None, None]
    return np.einsum("ixy,jxy->ij", d, d) / f[0].size


def squares(x):
    return np.einsum("i,i->", x.ravel(), x.ravel())


def gram_oracle(f, s):
    return squares(gram(f) - gram(s)) / squares(gram(s))


def mean_covariance_oracle(f, s):
    return 0.5 * squares(cov(f) - cov(s)) / squares(cov(s)) + 0.5 * squares(mean(f) - mean(s)) / squares(mean(s))


def covariance_oracle(f, s):
    return squares(cov(f) - cov(s)) / squares(cov(s))


def mean_variance_oracle(f, s):
    v, v_s = (np.array([channel.var() for channel in features]) for features in (f, s))
    return 0.5 * squares(v - v_s) / squares(v_s) + 0.5 * squares(mean(f) - mean(s)) / squares(mean(s))


def wasserstein_distance(m, c, m_s, c_s):
    """Squared, of two Gaussians: Dowson and Landau 1982, Olkin and Pukelsheim 1982."""
    root = scipy.linalg.sqrtm(c_s)
    return squares(m - m_s) + np.trace(c + c_s - 2 * scipy.linalg.sqrtm(root @ c @ root)).real


def wasserstein_oracle(f, s):
    energy = sum(s[:, x, y] @ s[:, x, y] for x, y in np.ndindex(s.shape[1:])) / s[0].size
    return wasserstein_distance(mean(f), cov(f), mean(s), cov(s)) / energy


def crowsonkb_style_oracle(f, s):
    little = 1e-4 * np.eye(len(f))
    return wasserstein_distance(mean(f), cov(f) + little, mean(s), cov(s) + little) / len(f)


def content_oracle(f, c):
    return squares(f - c) / squares(c - mean(c)[:, None, None])


def gatys_style_oracle(f, s):
    """Equation 4 of the 2016 paper for pictures of the same size: Gram sums, and 1 / (4 N^2 M^2)."""
    n, m = len(f), f[0].size
    g, a = np.einsum("ixy,jxy->ij", f, f), np.einsum("ixy,jxy->ij", s, s)
    return squares(g - a) / (4 * n**2 * m**2)


def gatys_content_oracle(f, c):
    """Equation 1 of the 2016 paper."""
    return sum((f[i, x, y] - c[i, x, y]) ** 2 for i, x, y in np.ndindex(f.shape)) / 2


def mean_squares_content_oracle(f, c):
    return sum((f[i, x, y] - c[i, x, y]) ** 2 for i, x, y in np.ndindex(f.shape)) / f.size


def lecture_style_oracle(f, s):
    """sum / C^2 of Gram matrices divided by H W."""
    return squares(gram(f) - gram(s)) / len(f) ** 2


def pytorch_style_oracle(f, s):
    """Mean squares over the C x C entries of Gram matrices divided by C H W."""
    return np.mean((np.einsum("ixy,jxy->ij", f, f) / f.size - np.einsum("ixy,jxy->ij", s, s) / s.size) ** 2)


def neighbours(x, wrap=False):
    """Lists of all differences down and to the right."""
    height, width = x.shape[1:]
    rows, columns = (height, width) if wrap else (height - 1, width - 1)
    down = [x[c, (i + 1) % height, j] - x[c, i, j] for c, i, j in np.ndindex(len(x), rows, width)]
    right = [x[c, i, (j + 1) % width] - x[c, i, j] for c, i, j in np.ndindex(len(x), height, columns)]
    return down, right


def total_variation_oracle(x, wrap=False):
    return sum(np.mean(np.square(d)) for d in neighbours(x, wrap) if d)


def absolute_variation_oracle(x, wrap=False):
    return sum(np.mean(np.abs(d)) for d in neighbours(x, wrap) if d)


def absolute_sum_oracle(x, wrap=False):
    return sum(np.sum(np.abs(d)) for d in neighbours(x, wrap))


def power_variation_oracle(x, gamma, wrap=False):
    channels, height, width = x.shape
    places = list(np.ndindex(height, width) if wrap else np.ndindex(height - 1, width - 1))
    total = 0.0
    for c in range(channels):
        for i, j in places:
            down, right = x[c, (i + 1) % height, j] - x[c, i, j], x[c, i, (j + 1) % width] - x[c, i, j]
            squared = down**2 + right**2
            total += squared**gamma * (squared / (squared + formulations.SOFT)) ** max(1 - gamma, 0)
    return total / (channels * len(places))


def nine_point_oracle(x, wrap=False):
    """With wrap each of the H W pixels has a neighbour to all sides; without, the padded border has diagonals of its own."""
    channels, height, width = x.shape
    at = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="wrap" if wrap else "edge")
    inner = [(c, i, j) for c in range(channels) for i in range(1, height + 1) for j in range(1, width + 1)]
    cells = inner if wrap else [(c, i, j) for c in range(channels) for i in range(height + 1) for j in range(width + 1)]
    right = np.mean([(at[c, i, j + 1] - at[c, i, j]) ** 2 for c, i, j in inner])
    down = np.mean([(at[c, i + 1, j] - at[c, i, j]) ** 2 for c, i, j in inner])
    falling = np.mean([(at[c, i + 1, j + 1] - at[c, i, j]) ** 2 for c, i, j in cells])
    rising = np.mean([(at[c, i, j + 1] - at[c, i + 1, j]) ** 2 for c, i, j in cells])
    return 2 * (right / 3 + down / 3 + falling / 12 + rising / 12)


def tv_oracle(x, c):
    return total_variation_oracle(x) / total_variation_oracle(c)


OF_FEATURES = {
    "gram_loss": (lambda f, s: statistics.gram_loss(moments(f), moments(s)), gram_oracle),
    "mean_covariance_loss": (lambda f, s: statistics.mean_covariance_loss(moments(f), moments(s)), mean_covariance_oracle),
    "covariance_loss": (lambda f, s: statistics.covariance_loss(moments(f), moments(s)), covariance_oracle),
    "mean_variance_loss": (lambda f, s: statistics.mean_variance_loss(moments(f), moments(s)), mean_variance_oracle),
    "wasserstein_loss": (lambda f, s: statistics.wasserstein_loss(moments(f), moments(s)), wasserstein_oracle),
    "content_loss": (formulations.content_loss, content_oracle),
    "gatys_style_loss": (lambda f, s: formulations.gatys_style_loss(moments(f), moments(s)), gatys_style_oracle),
    "gatys_content_loss": (formulations.gatys_content_loss, gatys_content_oracle),
    "mean_squares_content_loss": (formulations.mean_squares_content_loss, mean_squares_content_oracle),
    "mean_squares_style_loss": (lambda f, s: formulations.mean_squares_style_loss(moments(f), moments(s)), lecture_style_oracle),
    "pytorch_style_loss": (lambda f, s: formulations.pytorch_style_loss(moments(f), moments(s)), pytorch_style_oracle),
    "crowsonkb_style_loss": (lambda f, s: formulations.crowsonkb_style_loss(moments(f), moments(s)), crowsonkb_style_oracle),
}
"""{name: (ours, oracle)}; each takes the features of the painting and of its target."""

OF_PICTURES = {
    "tv_loss": (formulations.tv_loss, tv_oracle),
    "total_variation": (lambda x, _: formulations.total_variation(x), lambda x, _: total_variation_oracle(x)),
    "absolute_sum": (lambda x, _: formulations.absolute_sum(x), lambda x, _: absolute_sum_oracle(x)),
    "nine_point_variation": (lambda x, _: formulations.nine_point_variation(x), lambda x, _: nine_point_oracle(x)),
    "absolute": (lambda x, _: formulations.total_variation(x, "absolute"), lambda x, _: absolute_variation_oracle(x)),
    "wrapped": (lambda x, _: formulations.total_variation(x, wrap=True), lambda x, _: total_variation_oracle(x, wrap=True)),
    "absolute_sum, wrapped": (lambda x, _: formulations.absolute_sum(x, True), lambda x, _: absolute_sum_oracle(x, True)),
    "nine_point, wrapped": (lambda x, _: formulations.nine_point_variation(x, True), lambda x, _: nine_point_oracle(x, True)),
}
OF_PICTURES |= {
    f"power {gamma}{wrap * ', wrapped'}": (
        lambda x, _, gamma=gamma, wrap=wrap: formulations.total_variation(x, "power", gamma, wrap),
        lambda x, _, gamma=gamma, wrap=wrap: power_variation_oracle(x, gamma, wrap),
    )
    for gamma, wrap in [(0.3, False), (0.5, False), (1.0, False), (1.25, False), (1.25, True), (2.0, False)]
}

ALL = OF_FEATURES | OF_PICTURES
OF_STYLE = ["gram_loss", "mean_covariance_loss", "covariance_loss", "mean_variance_loss", "wasserstein_loss"]
RELATIVE = [*OF_STYLE, "content_loss"]
ELSEWHERE = {"moments", "covariance", "mix"}  # no losses: their own tests below
ELSEWHERE |= {"squares", "tiny", "exact", "gram_scale", "bures"}  # parts of the others
ELSEWHERE |= {"guide_at", "quantiles", "sliced_loss", "in_gatys_units"}  # test_losses_control.py


def pair(name, size=(4, 6)):
    """A painting and its target, in what the loss takes."""
    made = picture if name in OF_PICTURES else features
    return (made(1, height=size[0], width=size[1]), made(2, height=size[0], width=size[1]))


# ------------------------------------------------------------------------------------------------------------------- values


def test_no_public_function_is_left_out_of_these_tests():
    public = {
        name
        for module in (statistics, formulations)
        for name, f in inspect.getmembers(module, inspect.isfunction)
        if f.__module__ == module.__name__
    }
    assert {name for name in public if not name.startswith("_")} - set(ALL) == ELSEWHERE


@pytest.mark.parametrize("name", ALL)
def test_values_are_the_papers_sums(name):
    ours, oracle = ALL[name]
    f, s = pair(name)
    assert ours(tensor(f), tensor(s)).item() == pytest.approx(oracle(f, s), rel=1e-10)


@pytest.mark.parametrize("name", ALL)
def test_every_entry_of_the_gradient_is_the_oracles_slope(name):
    ours, oracle = ALL[name]
    f, s = pair(name)
    x = tensor(f).requires_grad_(True)
    (gradient,) = torch.autograd.grad(ours(x, tensor(s)), x)
    slope, step = np.empty_like(f), 1e-5
    for index in np.ndindex(f.shape):
        up, down = f.copy(), f.copy()
        up[index] += step
        down[index] -= step
        slope[index] = (oracle(up, s) - oracle(down, s)) / (2 * step)
    np.testing.assert_allclose(gradient[0].numpy(), slope, rtol=1e-6, atol=1e-8 * np.abs(slope).max())


@pytest.mark.parametrize("name", ALL)
def test_gradcheck(name):
    x, s = (tensor(a[:2, :3, :3]) for a in pair(name))
    assert torch.autograd.gradcheck(lambda x: ALL[name][0](x, s), x.requires_grad_(True))


@pytest.mark.parametrize("name", OF_FEATURES)
def test_a_picture_is_no_distance_from_itself_and_feels_no_pull(name):
    x = tensor(features(3)).requires_grad_(True)
    loss = OF_FEATURES[name][0](x, x.detach())
    rounding = 1e-12 if name in {"wasserstein_loss", "crowsonkb_style_loss"} else 0  # roots of matrices
    assert loss.item() <= rounding
    assert torch.autograd.grad(loss, x)[0].abs().max() <= rounding


def test_a_painting_as_busy_as_the_photo_has_a_tv_of_one():
    x = tensor(picture(3))
    assert formulations.tv_loss(x, x).item() == pytest.approx(1)


def test_an_empty_gram_matrix_and_a_picture_of_averages_have_a_loss_of_one():
    s = tensor(features(2))
    assert statistics.gram_loss(moments(torch.zeros_like(s)), moments(s)).item() == pytest.approx(1)
    average = s.mean((2, 3), keepdim=True).expand_as(s)
    assert formulations.content_loss(average, s).item() == pytest.approx(1)
    assert statistics.mean_covariance_loss(moments(average), moments(s)).item() == pytest.approx(0.5)


# ------------------------------------------------------------------------------------------------- free of size and of scale


@pytest.mark.parametrize("name", RELATIVE)
def test_relative_losses_do_not_depend_on_the_size(name):
    f, s = (tensor(a) for a in pair(name))
    loss = ALL[name][0](f, s).item()
    assert ALL[name][0](f.repeat(1, 1, 2, 2), s.repeat(1, 1, 2, 2)).item() == pytest.approx(loss, rel=1e-10)
    assert ALL[name][0](f.repeat(1, 1, 3, 1), s.repeat(1, 1, 3, 1)).item() == pytest.approx(loss, rel=1e-10)


@pytest.mark.parametrize("name", [*RELATIVE, "tv_loss"])
def test_relative_losses_do_not_depend_on_the_encoders_scale(name):
    f, s = (tensor(a) for a in pair(name))
    assert ALL[name][0](7 * f, 7 * s).item() == pytest.approx(ALL[name][0](f, s).item(), rel=1e-10)


@pytest.mark.parametrize("name", RELATIVE)
def test_relative_losses_do_not_depend_on_the_number_of_channels(name):
    f, s = (tensor(a) for a in pair(name))
    twice = ALL[name][0](torch.cat((f, f), 1), torch.cat((s, s), 1)).item()
    rounding = 1e-7 if name == "wasserstein_loss" else 1e-10  # of roots of eigenvalues that should be 0
    assert twice == pytest.approx(ALL[name][0](f, s).item(), rel=rounding)


@pytest.mark.parametrize("name", [*OF_STYLE, "mean_squares_style_loss", "pytorch_style_loss", "crowsonkb_style_loss"])
def test_style_losses_compare_pictures_of_different_sizes(name):
    ours, oracle = ALL[name]
    f, s = features(1, height=4), features(2, height=9, width=3)
    assert ours(tensor(f), tensor(s)).item() == pytest.approx(oracle(f, s), rel=1e-10)


def test_gatys_style_of_another_size_is_equation_4_with_each_gram_sum_over_its_own_locations():
    f, s = features(1, height=4), features(2, height=9, width=3)
    g, a = np.einsum("ixy,jxy->ij", f, f) / (4 * 6), np.einsum("ixy,jxy->ij", s, s) / (9 * 3)
    assert ALL["gatys_style_loss"][0](tensor(f), tensor(s)).item() == pytest.approx(squares(g - a) / (4 * 5**2), rel=1e-10)


def test_gatys_content_grows_with_the_size_as_in_the_paper():
    f, s = (tensor(a) for a in pair("gatys_content_loss"))
    six_times = formulations.gatys_content_loss(f.repeat(1, 1, 2, 3), s.repeat(1, 1, 2, 3)).item()
    assert six_times == pytest.approx(6 * formulations.gatys_content_loss(f, s).item())


# ------------------------------------------------------------------------------------------------------ flat, black and bright


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("target", [0.0, 0.7])
@pytest.mark.parametrize("start", ["busy", "flat", "black", "same"])
def test_flat_and_black_pictures_give_finite_losses_and_gradients(name, target, start):
    s = torch.full((1, 3, 4, 6), target)
    starts = {
        "busy": torch.from_numpy(picture(1, 4, 6))[None].float(),
        "flat": torch.full((1, 3, 4, 6), 0.2),
        "black": torch.zeros(1, 3, 4, 6),
        "same": s.clone(),
    }
    x = starts[start].requires_grad_(True)
    loss = ALL[name][0](x, s)
    assert torch.isfinite(loss) and loss >= 0
    assert torch.isfinite(torch.autograd.grad(loss, x)[0]).all()
    if start == "same":
        assert loss.item() == pytest.approx(0, abs=1e-9)


def test_a_flat_target_is_measured_by_the_floor_that_the_constants_name():
    f, flat = features(1), np.full((5, 4, 6), 0.7)
    expected = squares(f - flat) / (FLOOR * squares(flat))
    assert formulations.content_loss(tensor(f), tensor(flat)).item() == pytest.approx(expected, rel=1e-6)
    covariances = squares(cov(f)) / (FLOOR * squares(gram(flat)))
    means = squares(mean(f) - mean(flat)) / squares(mean(flat))
    ours = ALL["mean_covariance_loss"][0](tensor(f), tensor(flat)).item()
    assert ours == pytest.approx(0.5 * covariances + 0.5 * means, rel=1e-6)
    x = picture(1)
    tv = formulations.tv_loss(tensor(x), tensor(np.full_like(x, 0.3))).item()
    assert tv == pytest.approx(total_variation_oracle(x) / TV_FLOOR, rel=1e-10)


def test_the_tv_floor_is_a_difference_of_one_hundredth_in_the_root_mean_square():
    stripes = torch.zeros(1, 3, 4, 6)
    stripes[..., ::2] = 0.01
    assert formulations.total_variation(stripes).item() == pytest.approx(TV_FLOOR)


def test_a_picture_with_any_contrast_to_speak_of_does_not_meet_the_floors():
    """A spread of 3 per cent of the brightness is still measured by itself."""
    s = 0.5 + 0.03 * np.random.default_rng(0).standard_normal((5, 16, 16))
    f = features(1, height=16, width=16)
    assert formulations.content_loss(tensor(f), tensor(s)).item() == pytest.approx(content_oracle(f, s), rel=1e-9)


@pytest.mark.parametrize("name", RELATIVE)
def test_single_precision_is_enough_for_faint_texture_on_a_bright_ground(name):
    """Covariance is a small difference of large numbers. At a tenth of the brightness, where the floor begins to hide it,
    rounding (6e-8) grows by (10 / 1)^2 twice over at most: 1e-3 leaves it room, and would show in no painting.
    """
    random = np.random.default_rng(5)
    f, s = (10 + random.standard_normal((5, 16, 16)) for _ in range(2))
    results = []
    for kind in (torch.float32, torch.float64):
        x = tensor(f).to(kind).requires_grad_(True)
        loss = ALL[name][0](x, tensor(s).to(kind))
        results.append((loss.item(), torch.autograd.grad(loss, x)[0].double()))
    (single, slope), (double, exact) = results
    assert single == pytest.approx(double, rel=1e-3)
    assert (slope - exact).norm() < 1e-3 * exact.norm()


def test_total_variation_of_flat_narrow_and_one_pixel_pictures():
    assert formulations.total_variation(torch.full((1, 3, 4, 4), 0.3)).item() == 0
    assert formulations.total_variation(torch.rand(1, 3, 1, 1)).item() == 0
    for shape in [(1, 7), (5, 1)]:
        x = picture(1, *shape)
        assert formulations.total_variation(tensor(x)).item() == pytest.approx(total_variation_oracle(x), rel=1e-12)


# --------------------------------------------------------------------------------------------------------------- statistics


def test_moments_and_covariance_are_sums_over_locations():
    f = features(4)
    m = moments(tensor(f))
    assert isinstance(m, Moments)
    np.testing.assert_allclose(m.mean, mean(f), rtol=1e-12)
    np.testing.assert_allclose(m.second, gram(f), rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance(m), cov(f), atol=1e-12)


def test_moments_forget_where_things_are():
    f = features(4)
    shuffled = np.random.default_rng(0).permutation(f.reshape(5, -1), axis=1).reshape(f.shape)
    for ours, theirs in zip(moments(tensor(f)), moments(tensor(shuffled)), strict=True):
        assert torch.allclose(ours, theirs)


def test_mixed_moments_are_those_of_one_picture_made_of_both():
    a, b = features(1), features(2)
    mixed, whole = statistics.mix([moments(tensor(a)), moments(tensor(b))]), np.concatenate((a, b), 2)
    np.testing.assert_allclose(mixed.mean, mean(whole), rtol=1e-12)
    np.testing.assert_allclose(mixed.second, gram(whole), rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance(mixed), cov(whole), atol=1e-12)


def test_a_large_picture_has_no_larger_share_of_a_mix():
    small, large = features(1), features(2)
    parts = [moments(tensor(small)), moments(tensor(large).repeat(1, 1, 3, 3))]
    for mixed, expected in zip(
        statistics.mix(parts), statistics.mix([moments(tensor(small)), moments(tensor(large))]), strict=True
    ):
        assert torch.allclose(mixed, expected)


def test_a_mix_of_one_is_itself_and_of_three_is_their_average():
    parts = [moments(tensor(features(seed))) for seed in (1, 2, 3)]
    alone, three = statistics.mix(parts[:1]), statistics.mix(parts)
    assert torch.equal(alone.mean, parts[0].mean) and torch.equal(alone.second, parts[0].second)
    np.testing.assert_allclose(three.second, sum(gram(features(seed)) for seed in (1, 2, 3)) / 3, rtol=1e-12)
