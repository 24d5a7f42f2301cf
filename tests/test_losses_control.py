"""What steers the losses: guides, mixtures, the choice of statistic and of formulation. Oracles are NumPy in float64."""

import inspect

import numpy as np
import pytest
import torch
from test_losses import (
    absolute_sum_oracle,
    content_oracle,
    cov,
    crowsonkb_style_oracle,
    features,
    gatys_content_oracle,
    gatys_style_oracle,
    gram,
    gram_oracle,
    lecture_style_oracle,
    mean,
    mean_squares_content_oracle,
    nine_point_oracle,
    picture,
    power_variation_oracle,
    pytorch_style_oracle,
    squares,
    tensor,
    total_variation_oracle,
    tv_oracle,
)

from stylekit import formulations, statistics
from stylekit.formulations import BY_NAME as FORMULATIONS
from stylekit.formulations import TV_FLOOR
from stylekit.recipe import FORMULATIONS as NEEDS
from stylekit.statistics import BY_NAME as STATISTICS
from stylekit.statistics import LEVELS, Moments, Quantiles, guide_at, mix, moments, quantiles


def dense(seed, channels=5, height=4, width=6):
    """Without the zeros of a ReLU, hence without ties when it is sorted."""
    return np.random.default_rng(seed).normal(0.3, 1.0, (channels, height, width))


def a_guide(seed, height=4, width=6):
    """Soft, with some zeros and ones."""
    return np.clip(np.random.default_rng(seed).normal(0.5, 0.6, (height, width)), 0, 1)


def slopes(function, f, step=1e-5):
    """Central differences of `function` in every entry of `f`."""
    slope = np.empty_like(f)
    for index in np.ndindex(f.shape):
        up, down = f.copy(), f.copy()
        up[index] += step
        down[index] -= step
        slope[index] = (function(up) - function(down)) / (2 * step)
    return slope


def gradient(function, f):
    x = tensor(f).requires_grad_(True)
    return torch.autograd.grad(function(x), x)[0][0].numpy()


def loss_of(name, f, s, guide=None, guide_s=None):
    statistic = STATISTICS[name]
    return statistic.loss(statistic.measure(f, guide), statistic.measure(s, guide_s))


# ------------------------------------------------------------------------------------- oracles of guides: g is (height, width)


def guided_mean(f, g):
    return np.einsum("xy,ixy->i", g, f) / g.sum()


def guided_gram(f, g):
    return np.einsum("xy,ixy,jxy->ij", g, f, f) / g.sum()


def guided_cov(f, g):
    d = f - guided_mean(f, g)[:, None, None]
    return np.einsum("xy,ixy,jxy->ij", g, d, d) / g.sum()


# ------------------------------------------------------------------------------------------------------------------- guides


def test_guided_moments_are_weighted_means_measured_by_the_guides_own_sum():
    f, g = features(1), a_guide(2)
    m = moments(tensor(f), tensor(g[None]))
    np.testing.assert_allclose(m.mean, guided_mean(f, g), rtol=1e-12)
    np.testing.assert_allclose(m.second, guided_gram(f, g), rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance(m), guided_cov(f, g), atol=1e-12)


def test_guided_moments_have_the_right_slopes():
    f, g, (a, b) = features(1), a_guide(2), (dense(3, 5, 1, 1)[:, 0, 0], dense(4, 5, 5, 1)[:, :, 0])

    def ours(x):
        m = moments(x, tensor(g[None]))
        return m.mean @ torch.from_numpy(a) + (m.second * torch.from_numpy(b)).sum()

    expected = slopes(lambda f: guided_mean(f, g) @ a + (guided_gram(f, g) * b).sum(), f)
    np.testing.assert_allclose(gradient(ours, f), expected, rtol=1e-6, atol=1e-8)
    assert torch.autograd.gradcheck(ours, tensor(f).requires_grad_(True))


def test_the_memory_order_of_the_features_does_not_matter_to_guided_gradients():
    f, g = tensor(features(1)), tensor(a_guide(2)[None])
    results = []
    for order in (torch.contiguous_format, torch.channels_last):
        x = f.clone(memory_format=order).requires_grad_(True)
        results.append(torch.autograd.grad(statistics.gram_loss(moments(x, g), moments(2 * f)), x)[0])
    assert torch.allclose(*results, rtol=1e-12)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("size", [(37, 61), (1, 511), (1, 1024), (131, 67)])
def test_large_layers_are_summed_from_parts_without_losing_a_place(size, guided, order):
    """2257 places are four parts and one place more; 511 are one, 1024 two without a rest, 8777 the most, and nine more."""
    f, g = dense(1, 5, *size), np.random.default_rng(2).random(size) if guided else np.ones(size)
    a, b = np.random.default_rng(3).normal(size=5), np.random.default_rng(4).normal(size=(5, 5))
    x = tensor(f).to(memory_format=order).requires_grad_(True)
    m = moments(x, tensor(g[None]) if guided else None)
    np.testing.assert_allclose(m.mean.detach(), guided_mean(f, g), rtol=1e-12)
    np.testing.assert_allclose(m.second.detach(), guided_gram(f, g), rtol=1e-12, atol=1e-12)
    (slope,) = torch.autograd.grad(m.mean @ torch.from_numpy(a) + (m.second * torch.from_numpy(b)).sum(), x)
    expected = (a[:, None, None] + np.einsum("cd,dhw->chw", b + b.T, f)) * g / g.sum()
    np.testing.assert_allclose(slope[0], expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("level", [1.0, 0.25])
def test_an_even_guide_is_no_guide(name, level):
    f, s, even = tensor(dense(1)), tensor(dense(2)), torch.full((1, 1, 4, 6), level, dtype=torch.float64)
    plain = loss_of(name, f, s).item()
    assert loss_of(name, f, s, even, even).item() == pytest.approx(plain, rel=1e-10)
    assert loss_of(name, f, s, even).item() == pytest.approx(plain, rel=1e-10)


@pytest.mark.parametrize("name", STATISTICS)
def test_a_guide_of_zeros_and_ones_sees_its_part_alone(name):
    f, s = tensor(dense(1, height=9)), tensor(dense(2))
    guide = torch.zeros(1, 1, 9, 6, dtype=torch.float64)
    guide[:, :, 3:7, 2:] = 1
    part = f[:, :, 3:7, 2:]
    assert loss_of(name, f, s, guide).item() == pytest.approx(loss_of(name, part, s).item(), rel=1e-7)
    assert loss_of(name, s, f, None, guide).item() == pytest.approx(loss_of(name, s, part).item(), rel=1e-7)
    slope = torch.from_numpy(gradient(lambda x: loss_of(name, x, s, guide), f[0].numpy()))
    assert slope[:, 3:7, 2:].abs().min() > 0
    slope[:, 3:7, 2:] = 0
    assert slope.abs().max() < 1e-14


@pytest.mark.parametrize("name", STATISTICS)
def test_the_strength_of_a_guide_does_not_matter_only_its_shape(name):
    f, s, g = tensor(dense(1)), tensor(dense(2)), tensor(a_guide(3)[None])
    assert loss_of(name, f, s, 0.01 * g).item() == pytest.approx(loss_of(name, f, s, g).item(), rel=1e-10)


def test_soft_guides_that_add_up_to_one_remember_together_what_no_guide_does():
    f, g = tensor(features(1)), tensor(a_guide(2)[None])
    parts, shares = [moments(f, g), moments(f, 1 - g)], [g.mean().item(), (1 - g).mean().item()]
    for together, whole in zip(mix(parts, shares), moments(f), strict=True):
        np.testing.assert_allclose(together, whole, rtol=1e-12)
    assert sum(shares) == pytest.approx(1)


def test_at_a_soft_edge_between_two_regions_every_location_is_pulled_as_hard_as_elsewhere():
    """No dead gap: the pull of both regions together, each in its share, is that of one region without an edge."""
    f, s, g = features(1), moments(tensor(features(2))), tensor(np.linspace(0, 1, 6)[None, None].repeat(4, 1))

    def mean_pull(x, guide):
        return guide.mean() * (moments(x, guide).mean @ s.mean)

    together = gradient(lambda x: mean_pull(x, g) + mean_pull(x, 1 - g), f)
    np.testing.assert_allclose(together, gradient(lambda x: moments(x).mean @ s.mean, f), rtol=1e-12)


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("which", ["painting", "style", "both"])
def test_a_guide_of_nothing_gives_finite_losses_and_no_pull(name, which):
    f, s, nothing = torch.rand(1, 3, 4, 6), torch.rand(1, 3, 4, 6), torch.zeros(1, 1, 4, 6)
    x = f.requires_grad_(True)
    loss = loss_of(name, x, s, nothing if which != "style" else None, nothing if which != "painting" else None)
    assert torch.isfinite(loss)
    slope = torch.autograd.grad(loss, x)[0]
    assert torch.isfinite(slope).all()
    if which != "style":
        assert slope.abs().max() == 0
    if which == "both":
        assert loss == 0


@pytest.mark.parametrize("name", STATISTICS)
def test_the_faintest_guide_still_counts(name):
    f, s = torch.rand(1, 3, 4, 6), torch.rand(1, 3, 4, 6)
    faint = torch.zeros(1, 1, 4, 6)
    faint[..., 1, 2:5] = 1e-30
    expected = loss_of(name, f, s, (faint > 0).float()).item()
    assert loss_of(name, f, s, faint).item() == pytest.approx(expected, rel=1e-5)


def test_a_layers_guide_is_the_average_of_each_locations_area():
    mask = torch.from_numpy(a_guide(1, 12, 18))[None, None]
    guide = guide_at(mask, (4, 6))
    assert guide.shape == (1, 1, 4, 6)
    np.testing.assert_allclose(guide[0, 0], mask[0, 0].numpy().reshape(4, 3, 6, 3).mean((1, 3)), rtol=1e-12)
    assert guide.mean().item() == pytest.approx(mask.mean().item())
    assert torch.equal(guide_at(mask, (12, 18)), mask)


@pytest.mark.parametrize("size", [(5, 7), (1, 1), (13, 4), (24, 36)])
def test_guides_that_add_up_to_one_still_do_in_any_layer(size):
    mask = torch.rand(1, 1, 12, 18)
    both = guide_at(mask, size) + guide_at(1 - mask, size)
    assert torch.allclose(both, torch.ones(1, 1, *size)) and guide_at(mask, size).min() >= 0


# ----------------------------------------------------------------------------------------------------------------- mixtures


@pytest.mark.parametrize("name", STATISTICS)
def test_mixtures_are_averages_of_what_is_remembered_in_shares(name):
    statistic = STATISTICS[name]
    parts = [statistic.measure(tensor(dense(seed)), None) for seed in (1, 2, 3)]
    mixed = mix(parts, [2, 1, 5])
    assert type(mixed) is type(parts[0])
    for together, *each in zip(mixed, *parts, strict=True):
        np.testing.assert_allclose(together, (2 * each[0] + each[1] + 5 * each[2]) / 8, rtol=1e-12)


@pytest.mark.parametrize("name", STATISTICS)
def test_only_the_ratio_of_shares_counts_and_none_are_equal_ones(name):
    statistic = STATISTICS[name]
    parts = [statistic.measure(tensor(dense(seed)), None) for seed in (1, 2)]

    def same(a, b):
        return all(torch.allclose(*pair, rtol=1e-12) for pair in zip(a, b, strict=True))

    assert same(mix(parts, [0.1, 0.3]), mix(parts, [7, 21]))
    assert same(mix(parts, [0, 0]), mix(parts, [1, 1])) and same(mix(parts), mix(parts, [1, 1]))
    assert all(torch.equal(*pair) for pair in zip(mix(parts, [0, 3]), parts[1], strict=True))
    assert statistic.loss(parts[0], mix(parts, [1, 0])).item() == pytest.approx(0, abs=1e-12)


def test_a_mixture_in_shares_is_one_picture_with_that_many_locations_of_each():
    a, b = features(1, width=3), features(2, width=9)
    mixed, whole = mix([moments(tensor(a)), moments(tensor(b))], [1, 3]), np.concatenate((a, b), 2)
    np.testing.assert_allclose(mixed.second, gram(whole), rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance(mixed), cov(whole), atol=1e-12)


def test_a_share_too_many_is_an_error():
    parts = [moments(tensor(features(1)))]
    with pytest.raises(ValueError, match="zip"):
        mix(parts, [1, 2])


# --------------------------------------------------------------------------------------------------------------- statistics


def test_the_statistics_and_their_order():
    assert list(STATISTICS) == ["mean_covariance", "gram", "covariance", "mean_variance", "wasserstein", "sliced"]
    kinds = {name: type(statistic.measure(tensor(features(1)), None)) for name, statistic in STATISTICS.items()}
    assert kinds.pop("sliced") is Quantiles and set(kinds.values()) == {Moments}


@pytest.mark.parametrize("name", STATISTICS)
def test_the_same_picture_is_at_distance_0_and_what_remembers_nothing_near_1(name):
    s = tensor(features(2, channels=8, height=16, width=16))
    assert loss_of(name, s, s).item() == pytest.approx(0, abs=1e-12)
    average = s.mean((2, 3), keepdim=True).expand_as(s)
    distances = {"all zero": loss_of(name, torch.zeros_like(s), s).item(), "all mean": loss_of(name, average, s).item()}
    assert max(distances.values()) == pytest.approx(1, rel=1e-6) and min(distances.values()) > 0.1, distances


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_forget_where_things_are(name):
    f, s = features(4), features(5)
    shuffled = np.random.default_rng(0).permutation(f.reshape(5, -1), axis=1).reshape(f.shape)
    assert loss_of(name, tensor(shuffled), tensor(s)).item() == pytest.approx(
        loss_of(name, tensor(f), tensor(s)).item(), rel=1e-10
    )


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics_depend_neither_on_the_size_nor_on_the_encoders_scale(name):
    f, s = tensor(dense(1)), tensor(dense(2, height=8, width=8))
    loss = loss_of(name, f, s).item()
    assert loss_of(name, f.repeat(1, 1, 3, 2), s).item() == pytest.approx(loss, rel=1e-9)
    assert loss_of(name, f, s.repeat(1, 1, 1, 2)).item() == pytest.approx(loss, rel=1e-9)
    assert loss_of(name, 7 * f, 7 * s).item() == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 1, 4, 6), (1, 5, 1, 1), (1, 5, 1, 9), (1, 3, 4, 6)])
@pytest.mark.parametrize("start", ["random", "flat", "zero"])
@pytest.mark.parametrize("target", ["random", "flat", "zero"])
def test_one_location_one_channel_flat_and_empty_features_give_finite_losses_and_gradients(name, shape, start, target):
    made = {"random": lambda: torch.rand(shape), "flat": lambda: torch.full(shape, 0.3), "zero": lambda: torch.zeros(shape)}
    x = made[start]().requires_grad_(True)
    loss = loss_of(name, x, made[target]())
    assert torch.isfinite(loss) and loss >= 0
    assert torch.isfinite(torch.autograd.grad(loss, x)[0]).all()


def test_what_is_not_finite_is_reported_as_a_loss_not_as_an_exception():
    s = tensor(features(2))
    for name in STATISTICS:
        for wrong in (float("nan"), float("inf")):
            x = tensor(features(1))
            x[0, 2, 1, 3] = wrong
            assert not torch.isfinite(loss_of(name, x, s)), name


@pytest.mark.parametrize("name", STATISTICS)
def test_going_down_leads_to_the_style(name):
    """L-BFGS gets from another picture to a ten-thousandth of the distance."""
    x, s = torch.from_numpy(dense(1, 3, 8, 8))[None].requires_grad_(True), tensor(dense(2, 3, 8, 8) * 2 + 1)
    optimizer = torch.optim.LBFGS([x], max_iter=100, line_search_fn="strong_wolfe")
    before = loss_of(name, x, s).item()

    def closure():
        optimizer.zero_grad()
        loss = loss_of(name, x, s)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert loss_of(name, x, s).item() < 1e-4 * before


# -------------------------------------------------------------------------------------------------------------- wasserstein


def nuclear_oracle(f, s):
    """Wasserstein-2 without any root of a matrix: tr (C_s^1/2 C C_s^1/2)^1/2 is the sum of the singular values of F'S."""
    a, b = ((x - mean(x)[:, None, None]).reshape(len(x), -1) / np.sqrt(x[0].size) for x in (f, s))
    overlap = np.linalg.svd(a.T @ b, compute_uv=False).sum()
    return (squares(mean(f) - mean(s)) + squares(a) + squares(b) - 2 * overlap) / (squares(b) + squares(mean(s)))


@pytest.mark.parametrize(
    ("painting", "style"),
    [((4, 6), (5, 5)), ((2, 2), (4, 6)), ((4, 6), (3, 1)), ((2, 2), (3, 1)), ((1, 2), (1, 2)), ((1, 4), (1, 5))],
    ids=["full", "painting of rank 3", "style of rank 2", "ranks 3 and 2", "rank 1", "ranks 3 and 4"],
)
def test_wasserstein_of_covariances_of_any_rank(painting, style):
    f, s = dense(1, 6, *painting), dense(2, 6, *style)
    ours = lambda x: loss_of("wasserstein", x, tensor(s))  # noqa: E731
    assert ours(tensor(f)).item() == pytest.approx(nuclear_oracle(f, s), abs=1e-7)
    expected = slopes(lambda f: nuclear_oracle(f, s), f)
    np.testing.assert_allclose(gradient(ours, f), expected, rtol=1e-5, atol=1e-6)


def test_wasserstein_in_one_dimension_is_the_distance_of_means_and_of_standard_deviations():
    f, s = dense(1, 1), dense(2, 1) * 3 + 2
    expected = ((f.mean() - s.mean()) ** 2 + (f.std() - s.std()) ** 2) / np.mean(s**2)
    assert loss_of("wasserstein", tensor(f), tensor(s)).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", ["wasserstein", "sliced"])
def test_a_shift_of_all_features_costs_its_square(name):
    s, shift = dense(2, width=8), dense(3, 5, 1, 1)
    expected = squares(shift) / (squares(s) / s[0].size)
    assert loss_of(name, tensor(s + shift), tensor(s)).item() == pytest.approx(expected, rel=1e-9)


def test_wasserstein_is_the_same_from_both_sides_but_for_its_measure():
    f, s = tensor(dense(1)), tensor(dense(2))
    there = loss_of("wasserstein", f, s) * moments(s).second.trace()
    back = loss_of("wasserstein", s, f) * moments(f).second.trace()
    assert there.item() == pytest.approx(back.item(), rel=1e-10)


@pytest.mark.parametrize(("painting", "style"), [(9, 9), (9, 200), (200, 9)])
def test_wasserstein_in_single_precision_of_many_channels_and_few_locations(painting, style):
    f, s = features(1, 96, painting, 1), features(2, 96, style, 1)
    x = tensor(f).float().requires_grad_(True)
    loss = loss_of("wasserstein", x, tensor(s).float())
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(nuclear_oracle(f, s), rel=1e-3)
    single = torch.autograd.grad(loss, x)[0].double()
    double = torch.from_numpy(gradient(lambda x: loss_of("wasserstein", x, tensor(s)), f))
    assert (single - double).norm() < 1e-2 * double.norm()
    assert loss_of("wasserstein", x, x.detach()).item() < 1e-5


# ------------------------------------------------------------------------------------------------------------------- sliced


def staircase_oracle(f, g=None):
    """Means of the quantile functions over LEVELS equal parts, each stair's overlap with each part by itself."""
    directions, flat = statistics._directions(len(f)).numpy(), f.reshape(len(f), -1)
    g = np.ones(flat.shape[1]) if g is None else g.ravel()
    result = np.zeros((len(f), LEVELS))
    for k, values in enumerate(directions @ flat):
        order = np.argsort(values)
        ends = np.cumsum(g[order]) / g.sum()
        for value, start, end in zip(values[order], [0, *ends[:-1]], ends, strict=True):
            low, high = np.arange(LEVELS) / LEVELS, np.arange(1, LEVELS + 1) / LEVELS
            result[k] += value * np.clip(np.minimum(high, end) - np.maximum(low, start), 0, None) * LEVELS
    return result


def sliced_oracle(f, s, g=None, g_s=None):
    q, q_s = staircase_oracle(f, g), staircase_oracle(s, g_s)
    return np.mean((q - q_s) ** 2) / np.mean(q_s**2)


@pytest.mark.parametrize("guided", [False, True])
def test_quantiles_are_means_of_the_staircase(guided):
    f, g = dense(1, 4, 5, 7), a_guide(2, 5, 7)
    ours = quantiles(tensor(f), tensor(g[None]) if guided else None)
    np.testing.assert_allclose(ours.values, staircase_oracle(f, g if guided else None), rtol=1e-9, atol=1e-10)


def test_sliced_compares_pictures_of_different_sizes():
    f, s = dense(1, 4, 5, 7), dense(2, 4, 3, 2)
    assert loss_of("sliced", tensor(f), tensor(s)).item() == pytest.approx(sliced_oracle(f, s), rel=1e-9)


@pytest.mark.parametrize("guided", [False, True])
def test_sliced_has_the_right_slopes(guided):
    f, s, g, g_s = dense(1, 3, 3, 4), dense(2, 3, 2, 5), a_guide(3, 3, 4), a_guide(4, 2, 5)
    guides = (g, g_s) if guided else (None, None)
    ours = lambda x: loss_of("sliced", x, tensor(s), *(None if g is None else tensor(g[None]) for g in guides))  # noqa: E731
    np.testing.assert_allclose(gradient(ours, f), slopes(lambda f: sliced_oracle(f, s, *guides), f), rtol=1e-5, atol=1e-8)
    assert torch.autograd.gradcheck(ours, tensor(f).requires_grad_(True))


def test_sliced_is_the_mean_square_of_sorted_projections_where_the_levels_are_the_locations():
    f, s = dense(1, 4, 4, 8), dense(2, 4, 4, 8)
    directions = statistics._directions(4).numpy()
    a, b = (np.sort(directions @ x.reshape(4, -1), axis=1) for x in (f, s))
    assert loss_of("sliced", tensor(f), tensor(s)).item() == pytest.approx(np.mean((a - b) ** 2) / np.mean(b**2), rel=1e-10)


def test_sliced_sees_shapes_that_moments_do_not():
    """Two coins and a bell curve of the same mean and variance."""
    random = np.random.default_rng(0)
    coins, bell = random.choice([-1.0, 1.0], (3, 32, 32)), random.standard_normal((3, 32, 32))
    other = random.standard_normal((3, 32, 32))
    assert loss_of("sliced", tensor(coins), tensor(bell)) > 10 * loss_of("sliced", tensor(other), tensor(bell))
    assert loss_of("covariance", tensor(coins), tensor(bell)) < 0.05


@pytest.mark.parametrize("channels", [1, 3, 64])
def test_directions_are_fixed_and_at_right_angles(channels):
    directions = statistics._directions(channels)
    np.testing.assert_allclose(directions @ directions.T, np.eye(channels), atol=1e-12)
    statistics._directions.cache_clear()
    assert torch.equal(statistics._directions(channels), directions)


def test_large_layers_are_thinned_out_and_keep_their_distribution(monkeypatch):
    f = tensor(np.random.default_rng(0).standard_normal((4, 200, 300)) * [[[1]], [[2]], [[3]], [[4]]])
    guides = [None, tensor(a_guide(1, 200, 300)[None])]
    whole = [quantiles(f, guide) for guide in guides]
    monkeypatch.setattr(statistics, "MOST_SORTED", 4 * 34 * 50)
    for guide, expected in zip(guides, whole, strict=True):
        thin = quantiles(f, guide)
        part = quantiles(f[..., ::6, ::6], None if guide is None else guide[..., ::6, ::6])
        assert torch.equal(thin.values, part.values) and not torch.equal(thin.values, expected.values)
        assert statistics.sliced_loss(thin, expected) < 0.01


def test_mixed_quantile_functions_lie_between_the_two():
    """Half of a narrow and half of a wide distribution is one of the width between."""
    random = np.random.default_rng(0).standard_normal((1, 32, 32))
    narrow, wide, middle = (quantiles(tensor(width * random)) for width in (1, 3, 2))
    np.testing.assert_allclose(mix([narrow, wide], [1, 1]).values, middle.values, rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------------------------------------------------- total variation


KINDS = [("squared", 1.25), ("absolute", 1.25), ("power", 1.25), ("power", 0.4)]


@pytest.mark.parametrize(("kind", "gamma"), KINDS)
def test_total_variation_does_not_depend_on_the_size(kind, gamma):
    """A tile laid side by side has the same variation per pixel, where its seams count; and nearly so where they don't."""
    x = tensor(picture(1, 8, 8))
    tile = formulations.total_variation(x, kind, gamma, wrap=True).item()
    assert formulations.total_variation(x.repeat(1, 1, 3, 2), kind, gamma, wrap=True).item() == pytest.approx(tile, rel=1e-12)
    assert formulations.total_variation(x.repeat(1, 1, 40, 40), kind, gamma).item() == pytest.approx(tile, rel=0.01)


@pytest.mark.parametrize(("kind", "gamma"), KINDS)
def test_the_variation_of_a_seamless_tile_does_not_depend_on_where_it_begins(kind, gamma):
    x = tensor(picture(1))
    for f in (lambda x: formulations.total_variation(x, kind, gamma, True), lambda x: formulations.nine_point_variation(x, True)):
        assert f(x.roll((2, 3), (2, 3))).item() == pytest.approx(f(x).item(), rel=1e-12)


def test_a_seam_costs_only_with_wrap():
    ramp = torch.linspace(0, 1, 8, dtype=torch.float64).expand(1, 3, 8, 8)
    for kind, gamma in KINDS:
        assert formulations.total_variation(ramp, kind, gamma, True) > 1.2 * formulations.total_variation(ramp, kind, gamma)


@pytest.mark.parametrize(("kind", "gamma"), KINDS)
@pytest.mark.parametrize("wrap", [False, True])
def test_a_painting_as_busy_as_the_photo_has_a_relative_variation_of_one(kind, gamma, wrap):
    x = tensor(picture(3))
    assert formulations.tv_loss(x, x, kind, gamma, wrap).item() == pytest.approx(1)
    other = formulations.total_variation(tensor(picture(4)), kind, gamma, wrap) / formulations.total_variation(
        x, kind, gamma, wrap
    )
    assert formulations.tv_loss(tensor(picture(4)), x, kind, gamma, wrap).item() == pytest.approx(other.item(), rel=1e-12)


@pytest.mark.parametrize(("kind", "gamma"), KINDS)
def test_the_floor_of_the_relative_variation_is_one_hundredth_between_pixels_in_every_kind(kind, gamma):
    stripes, flat = torch.zeros(1, 3, 4, 6, dtype=torch.float64), torch.full((1, 3, 4, 6), 0.3, dtype=torch.float64)
    stripes[..., ::2] = TV_FLOOR**0.5
    assert formulations.tv_loss(stripes, flat, kind, gamma).item() == pytest.approx(1, rel=1e-3)
    x = tensor(picture(1, 4, 6))
    assert formulations.tv_loss(x, stripes, kind, gamma).item() == pytest.approx(
        formulations.tv_loss(x, flat, kind, gamma).item(), rel=1e-3
    )


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9, 1.0, 1.25, 2.0])
@pytest.mark.parametrize("kind", ["power", "absolute", "squared"])
def test_slopes_are_finite_and_point_down_where_neighbours_are_equal(kind, gamma):
    x = torch.full((1, 3, 4, 6), 0.5)
    x[..., 2, 3] = 0.6
    x.requires_grad_(True)
    slope = torch.autograd.grad(formulations.total_variation(x, kind, gamma), x)[0]
    assert torch.isfinite(slope).all() and (slope[..., 2, 3] > 0).all() and (slope[..., 0, 0] == 0).all()


def test_power_of_one_is_squared_but_for_the_border_and_one_half_is_the_length_of_the_slope():
    x = tensor(picture(1))
    squared = formulations.total_variation(x, "squared", wrap=True).item()
    assert formulations.total_variation(x, "power", 1.0, True).item() == pytest.approx(squared, rel=1e-12)
    ramp = 0.03 * torch.arange(8.0)[:, None] + 0.04 * torch.arange(9.0)
    assert formulations.total_variation(ramp.expand(1, 3, 8, 9), "power", 0.5).item() == pytest.approx(0.05, rel=1e-4)


def test_narrow_pictures_have_the_variation_that_they_can_have():
    for shape in [(1, 7), (5, 1), (1, 1)]:
        x = tensor(picture(1, *shape))
        for kind, gamma in KINDS:
            assert torch.isfinite(formulations.total_variation(x, kind, gamma)) and torch.isfinite(
                formulations.total_variation(x, kind, gamma, True)
            )
        assert formulations.nine_point_variation(x).item() == pytest.approx(nine_point_oracle(x[0].numpy()), rel=1e-12)


def test_an_unknown_kind_of_variation_is_an_error():
    with pytest.raises(KeyError):
        formulations.total_variation(torch.rand(1, 3, 4, 4), "cubic")


# ------------------------------------------------------------------------------------------------------------- formulations


def per_layer_oracle(f, s):
    """Sum of (F F^T - S S^T)^2 / (h w c)^2 of sums over locations, hence for pictures of the same size."""
    return squares(np.einsum("ixy,jxy->ij", f, f) - np.einsum("ixy,jxy->ij", s, s)) / f.size**2


def lecture_content_oracle(f, c):
    channels, height, width = f.shape
    return squares(f - c) / (width * height * channels)


def tensorflow_style_oracle(f, s):
    """reduce_mean of the squared differences of Gram matrices divided by the number of locations."""
    return np.mean((np.einsum("ixy,jxy->ij", f, f) / f[0].size - np.einsum("ixy,jxy->ij", s, s) / s[0].size) ** 2)


def gordicaleksa_style_oracle(f, s):
    """MSELoss(reduction="sum") of Gram matrices divided by C H W."""
    return np.sum((np.einsum("ixy,jxy->ij", f, f) / f.size - np.einsum("ixy,jxy->ij", s, s) / s.size) ** 2)


def plain(x, c):
    return total_variation_oracle(x)


def absolute(x, c):
    return absolute_sum_oracle(x)


ORACLES = {
    "relative": (content_oracle, gram_oracle, tv_oracle),
    "gatys": (gatys_content_oracle, gatys_style_oracle, plain),
    "lecture": (lecture_content_oracle, lecture_style_oracle, plain),
    "per_layer": (mean_squares_content_oracle, per_layer_oracle, plain),
    "tensorflow": (mean_squares_content_oracle, tensorflow_style_oracle, absolute),
    "pytorch": (mean_squares_content_oracle, pytorch_style_oracle, absolute),
    "gordicaleksa": (mean_squares_content_oracle, gordicaleksa_style_oracle, absolute),
    "crowsonkb": (mean_squares_content_oracle, crowsonkb_style_oracle, lambda x, c: nine_point_oracle(x)),
}
"""{formulation: (content, style, tv)}, each as the paper or program has it."""


def style_of(name):
    formulation = FORMULATIONS[name]
    statistic = STATISTICS[NEEDS[name] or "gram"]
    loss = formulation.style or statistic.loss
    return lambda f, s: loss(statistic.measure(f, None), statistic.measure(s, None))


def tv_of(name, kind="squared", gamma=1.25, wrap=False):
    return lambda x, c: FORMULATIONS[name].tv(x, c, kind, gamma, wrap)


def test_every_formulation_has_its_oracles_and_its_statistics():
    assert list(FORMULATIONS) == list(ORACLES)
    for name, formulation in FORMULATIONS.items():
        assert NEEDS[name] == {"relative": "", "crowsonkb": "wasserstein"}.get(name, "gram")
        assert (formulation.style is None) == (name == "relative")


@pytest.mark.parametrize("name", FORMULATIONS)
def test_formulations_have_their_papers_and_programs_numbers_and_slopes(name):
    ours = (FORMULATIONS[name].content, style_of(name), tv_of(name))
    targets = [(features(1), features(2)), (features(1), features(2)), (picture(1), picture(2))]
    for mine, oracle, (f, s) in zip(ours, ORACLES[name], targets, strict=True):
        assert mine(tensor(f), tensor(s)).item() == pytest.approx(oracle(f, s), rel=1e-10)
        slope = slopes(lambda f, oracle=oracle, s=s: oracle(f, s), f)
        my_slope = gradient(lambda x, mine=mine, s=s: mine(x, tensor(s)), f)
        np.testing.assert_allclose(my_slope, slope, rtol=1e-6, atol=1e-7 * np.abs(slope).max())


@pytest.mark.parametrize("name", sorted(FORMULATIONS.keys() - {"gatys", "per_layer"}))
def test_where_the_programs_average_each_picture_by_itself_so_do_we_for_other_sizes(name):
    f, s = features(1), features(2, height=9, width=3)
    assert style_of(name)(tensor(f), tensor(s)).item() == pytest.approx(ORACLES[name][1](f, s), rel=1e-10)


def test_which_formulations_coincide():
    f, s = tensor(features(1)), tensor(features(2))
    style = {name: style_of(name)(f, s).item() for name in FORMULATIONS}
    assert style["lecture"] == style["per_layer"] == style["tensorflow"] == style["gordicaleksa"]
    assert style["lecture"] == pytest.approx(4 * style["gatys"]) == pytest.approx(5**2 * style["pytorch"])
    content = {name: formulation.content(f, s).item() for name, formulation in FORMULATIONS.items()}
    assert len(set(content.values())) == 3 and content["gatys"] == pytest.approx(f.numel() / 2 * content["lecture"])


@pytest.mark.parametrize("name", ["gatys", "lecture", "per_layer"])
def test_formulations_without_a_variation_of_their_own_take_the_one_asked_for(name):
    x, c = picture(1), picture(2)
    ours = tv_of(name, "power", 0.5, True)(tensor(x), tensor(c)).item()
    assert ours == pytest.approx(power_variation_oracle(x, 0.5, wrap=True), rel=1e-10)
    relative = tv_of("relative", "power", 0.5, True)(tensor(x), tensor(c)).item()
    assert relative == pytest.approx(ours / power_variation_oracle(c, 0.5, wrap=True), rel=1e-10)


@pytest.mark.parametrize("name", ["tensorflow", "pytorch", "gordicaleksa", "crowsonkb"])
def test_programs_with_one_variation_have_that_whatever_is_asked_but_tiles_they_learn(name):
    x, c = tensor(picture(1)), tensor(picture(2))
    assert tv_of(name, "power", 0.5)(x, c) == tv_of(name)(x, c) != tv_of(name, wrap=True)(x, c)


# ------------------------------------------------------------------------------------------------------ the paper's own units


def test_in_gatys_units_the_total_loss_is_the_same():
    weights, alpha, beta = {"a": 1.0, "b": 0.3, "c": 0.0}, 0.7, 5.0
    f = {layer: tensor(features(seed, channels=4 + seed)) for seed, layer in enumerate(weights)}
    s = {layer: moments(tensor(features(seed + 9, channels=4 + seed, height=7))) for seed, layer in enumerate(weights)}
    x, c = tensor(features(20)), tensor(features(21))
    relative = (
        alpha * formulations.content_loss(x, c)
        + beta * sum(weights[layer] * statistics.gram_loss(moments(f[layer]), s[layer]) for layer in weights) / 2
    )  # the layer of weight 0 counts for nothing
    alpha_g, layers_g = formulations.in_gatys_units(alpha, beta, weights, c, s)
    gatys = alpha_g * formulations.gatys_content_loss(x, c) + sum(
        layers_g[layer] * formulations.gatys_style_loss(moments(f[layer]), s[layer]) for layer in weights
    )
    assert gatys.item() == pytest.approx(relative.item(), rel=1e-12)
    assert list(layers_g) == list(weights) and layers_g["c"] == 0
    assert alpha_g == pytest.approx(2 * alpha / squares(features(21) - mean(features(21))[:, None, None]), rel=1e-12)


def test_in_gatys_units_flat_targets_are_finite_and_unseen_layers_of_weight_0_stay_so():
    flat = torch.full((1, 3, 4, 6), 0.5)
    for target in (flat, torch.zeros_like(flat)):
        alpha, layers = formulations.in_gatys_units(1, 1, {"a": 1, "b": 0}, target, {"a": moments(target)})
        assert np.isfinite([alpha, layers["a"]]).all() and layers["b"] == 0


def test_every_public_function_says_its_formula():
    """A comment with the formula stands in each loss, below its docstring."""
    functions = inspect.getmembers(statistics, inspect.isfunction) + inspect.getmembers(formulations, inspect.isfunction)
    rooms, others = (statistics.__name__, formulations.__name__), ("guide_at", "squares", "tiny", "exact", "gram_scale")
    public = [f for name, f in functions if f.__module__ in rooms and not name.startswith("_") and name not in others]
    assert [f.__name__ for f in public if "    # " not in inspect.getsource(f)] == []
