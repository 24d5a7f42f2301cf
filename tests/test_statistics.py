"""What is measured of a style: moments, guides, mixtures, and each statistic's distance, against NumPy in float64."""

import inspect
import itertools

import numpy as np
import pytest
import torch
from oracle import (
    a_guide,
    bures_distance,
    bures_oracle,
    cov,
    covariance_oracle,
    dense,
    features,
    gradient,
    gram,
    gram_oracle,
    guided_cov,
    guided_gram,
    guided_mean,
    mean,
    mean_covariance_oracle,
    mean_variance_oracle,
    nearest_oracle,
    nuclear_oracle,
    relaxed_distances,
    sliced_oracle,
    slopes,
    softened,
    squares,
    staircase_oracle,
    tensor,
    wasserstein_distance,
    wasserstein_oracle,
)

from stylekit import statistics
from stylekit.statistics import BY_NAME as STATISTICS
from stylekit.statistics import FLOOR, Moments, Quantiles, Sampled, guide_at, mix, moments, quantiles, sampled, union


def loss_of(name, f, s, guide=None, guide_s=None):
    statistic = STATISTICS[name]
    return statistic.loss(statistic.measure(f, guide), statistic.target(statistic.measure(s, guide_s)))


# -------------------------------------------------------------------------------------------------------------- moments


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


# --------------------------------------------------------------------------------------------------------------- guides


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


# ------------------------------------------------------------------------------------------------------------- mixtures


@pytest.mark.parametrize("name", sorted(STATISTICS.keys() - {"nearest"}))  # which takes some of each, tried below
def test_mixtures_are_averages_of_what_is_remembered_in_shares(name):
    statistic = STATISTICS[name]
    parts = [statistic.measure(tensor(dense(seed)), None) for seed in (1, 2, 3)]
    mixed = statistic.mix(parts, [2, 1, 5])
    assert type(mixed) is type(parts[0])
    for together, *each in zip(mixed, *parts, strict=True):
        np.testing.assert_allclose(together, (2 * each[0] + each[1] + 5 * each[2]) / 8, rtol=1e-12)


@pytest.mark.parametrize("name", STATISTICS)
def test_only_the_ratio_of_shares_counts_and_none_are_equal_ones(name):
    statistic = STATISTICS[name]
    parts, mix = [statistic.measure(tensor(dense(seed)), None) for seed in (1, 2)], statistic.mix

    def tensors(measured):
        return [t for part in measured for t in (part if isinstance(part, Moments) else [part])]

    def same(a, b):
        return all(torch.allclose(*pair, rtol=1e-12) for pair in zip(tensors(a), tensors(b), strict=True))

    assert same(mix(parts, [0.1, 0.3]), mix(parts, [7, 21]))
    assert same(mix(parts, [0, 0]), mix(parts, [1, 1])) and same(mix(parts, ()), mix(parts, [1, 1]))
    assert same(mix(parts, [0, 3]), parts[1])
    assert statistic.loss(parts[0], statistic.target(mix(parts, [1, 0]))).item() == pytest.approx(0, abs=1e-12)


def test_a_mixture_in_shares_is_one_picture_with_that_many_locations_of_each():
    a, b = features(1, width=3), features(2, width=9)
    mixed, whole = mix([moments(tensor(a)), moments(tensor(b))], [1, 3]), np.concatenate((a, b), 2)
    np.testing.assert_allclose(mixed.second, gram(whole), rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance(mixed), cov(whole), atol=1e-12)


def test_a_share_too_many_is_an_error():
    parts = [moments(tensor(features(1)))]
    with pytest.raises(ValueError, match="zip"):
        mix(parts, [1, 2])


# ----------------------------------------------------------------------------------------------------------- statistics


ORACLES = {
    "mean_covariance": mean_covariance_oracle,
    "gram": gram_oracle,
    "covariance": covariance_oracle,
    "mean_variance": mean_variance_oracle,
    "wasserstein": wasserstein_oracle,
    "bures": bures_oracle,
    "sliced": sliced_oracle,
    "nearest": nearest_oracle,
}


def test_the_statistics_and_their_order():
    moments_alone = ["bures", "mean_covariance", "gram", "covariance", "mean_variance", "wasserstein"]
    assert list(STATISTICS) == [*moments_alone, "sliced", "nearest"]
    kinds = {name: type(statistic.measure(tensor(features(1)), None)) for name, statistic in STATISTICS.items()}
    assert kinds.pop("sliced") is Quantiles and kinds.pop("nearest") is Sampled and set(kinds.values()) == {Moments}


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("style", [(4, 6), (9, 3)], ids=["same size", "another size"])
def test_distances_are_the_papers_sums(name, style):
    made = dense if name == "sliced" else features  # no ties when it is sorted
    f, s = made(1), made(2, height=style[0], width=style[1])
    assert loss_of(name, tensor(f), tensor(s)).item() == pytest.approx(ORACLES[name](f, s), rel=1e-9)


@pytest.mark.parametrize("name", sorted(STATISTICS.keys() - {"sliced"}))  # its slopes are tried below, with and without guides
def test_every_entry_of_the_gradient_is_the_oracles_slope(name):
    f, s = features(1), features(2)
    slope = slopes(lambda f: ORACLES[name](f, s), f)
    ours = gradient(lambda x: loss_of(name, x, tensor(s)), f)
    np.testing.assert_allclose(ours, slope, rtol=1e-6, atol=1e-8 * np.abs(slope).max())


@pytest.mark.parametrize("name", STATISTICS)
def test_the_same_picture_is_at_distance_0_and_feels_no_pull_and_what_remembers_nothing_is_near_1(name):
    s = tensor(features(2, channels=8, height=16, width=16))
    x = s.clone().requires_grad_(True)
    same = loss_of(name, x, s)
    assert same.item() == pytest.approx(0, abs=1e-12)
    assert torch.autograd.grad(same, x)[0].abs().max() < 1e-12
    average = s.mean((2, 3), keepdim=True).expand_as(s)
    distances = {"all zero": loss_of(name, torch.zeros_like(s), s).item(), "all mean": loss_of(name, average, s).item()}
    assert max(distances.values()) == pytest.approx(1, rel=1e-6) and min(distances.values()) > 0.1, distances


@pytest.mark.parametrize("name", sorted(STATISTICS.keys() - {"sliced"}))  # its directions differ with the number of channels
def test_relative_losses_do_not_depend_on_the_number_of_channels(name):
    f, s = tensor(features(1)), tensor(features(2))
    twice = loss_of(name, torch.cat((f, f), 1), torch.cat((s, s), 1)).item()
    rounding = 1e-7 if name == "wasserstein" else 1e-10  # of roots of eigenvalues that should be 0
    assert twice == pytest.approx(loss_of(name, f, s).item(), rel=rounding)


def test_a_flat_style_is_measured_by_the_floor_that_the_constant_names():
    f, flat = features(1), np.full((5, 4, 6), 0.7)
    covariances = squares(cov(f)) / (FLOOR * squares(gram(flat)))
    means = squares(mean(f) - mean(flat)) / squares(mean(flat))
    ours = loss_of("mean_covariance", tensor(f), tensor(flat)).item()
    assert ours == pytest.approx(0.5 * covariances + 0.5 * means, rel=1e-6)


@pytest.mark.parametrize("name", STATISTICS)
def test_single_precision_is_enough_for_faint_texture_on_a_bright_ground(name):
    """Covariance is a small difference of large numbers. At a tenth of the brightness, where the floor begins to hide it,
    rounding (6e-8) grows by (10 / 1)^2 twice over at most: 1e-3 leaves it room, and would show in no painting.
    """
    random = np.random.default_rng(5)
    f, s = (10 + random.standard_normal((5, 16, 16)) for _ in range(2))
    results = []
    for kind in (torch.float32, torch.float64):
        x = tensor(f).to(kind).requires_grad_(True)
        loss = loss_of(name, x, tensor(s).to(kind))
        results.append((loss.item(), torch.autograd.grad(loss, x)[0].double()))
    (single, slope), (double, exact) = results
    assert single == pytest.approx(double, rel=1e-3)
    assert (slope - exact).norm() < 1e-3 * exact.norm()


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
def test_one_location_one_channel_flat_and_empty_features_give_finite_losses_and_gradients(name):
    made = {"random": torch.rand, "flat": lambda shape: torch.full(shape, 0.3), "zero": torch.zeros}
    shapes = [(1, 1, 1, 1), (1, 1, 4, 6), (1, 5, 1, 1), (1, 5, 1, 9), (1, 3, 4, 6)]
    for shape, start, target in itertools.product(shapes, made, made):
        x = made[start](shape).requires_grad_(True)
        loss = loss_of(name, x, made[target](shape))
        assert torch.isfinite(loss) and loss >= 0, (shape, start, target)
        assert torch.isfinite(torch.autograd.grad(loss, x)[0]).all(), (shape, start, target)


def test_every_loss_and_every_measure_says_its_formula():
    """A comment with the formula stands in each, below its docstring."""
    functions = {f for statistic in STATISTICS.values() for f in (statistic.measure, statistic.loss, statistic.mix)}
    functions |= {statistics.bures}
    assert [f.__name__ for f in functions if "    # " not in inspect.getsource(f)] == []


def test_what_is_not_finite_is_reported_as_a_loss_not_as_an_exception():
    s = tensor(features(2))
    for name in STATISTICS:
        for wrong in (float("nan"), float("inf")):
            x = tensor(features(1))
            x[0, 2, 1, 3] = wrong
            assert not torch.isfinite(loss_of(name, x, s)), name


@pytest.mark.parametrize("name", STATISTICS)
def test_going_down_leads_to_the_style(name):
    """L-BFGS gets from another picture to a ten-thousandth of the distance; to a hundredth where neighbours change on the way."""
    x, s = torch.from_numpy(dense(1, 3, 8, 8))[None].requires_grad_(True), tensor(dense(2, 3, 8, 8) * 2 + 1)
    optimizer = torch.optim.LBFGS([x], max_iter=100, line_search_fn="strong_wolfe")
    before = loss_of(name, x, s).item()

    def closure():
        optimizer.zero_grad()
        loss = loss_of(name, x, s)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert loss_of(name, x, s).item() < (1e-2 if name == "nearest" else 1e-4) * before


# ---------------------------------------------------------------------------------------------------------- wasserstein


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


# ---------------------------------------------------------------------------------------------------------------- bures


def test_bures_is_wasserstein_to_second_order_if_both_covariances_have_its_noise():
    """The difference, over the square of how far the painting is from the style, goes to 0 with it."""
    s, away, ratios = dense(2, height=9), dense(3, height=9), []
    m_s, c_s = mean(s), softened(cov(s), gram(s))
    nothing = bures_distance(cov(s), c_s) + squares(m_s)
    for step in (1e-2, 1e-3, 1e-4):
        f = s + step * away
        exact = wasserstein_distance(mean(f), cov(f) + c_s - cov(s), m_s, c_s)
        ratios.append(abs(loss_of("bures", tensor(f), tensor(s)).item() * nothing - exact) / step**2)
    assert exact > 0.1 * step**2  # it has a second order
    assert ratios[1] < 0.2 * ratios[0] and ratios[2] < 0.2 * ratios[1]


def test_bures_sees_a_direction_that_the_artwork_hardly_uses_where_covariance_does_not():
    """A tint in a painting of a black and white artwork: a hundredth of the energy, across the style's one direction."""
    grey, tint = dense(1, 1, 16, 16), dense(2, 1, 16, 16)
    s = np.concatenate((grey, 0.01 * tint))
    f = np.concatenate((grey, 0.1 * tint))
    assert loss_of("covariance", tensor(f), tensor(s)) < 0.01
    assert loss_of("bures", tensor(f), tensor(s)) > 10 * loss_of("covariance", tensor(f), tensor(s))


# --------------------------------------------------------------------------------------------------------------- sliced


@pytest.mark.parametrize("guided", [False, True])
def test_quantiles_are_means_of_the_staircase(guided):
    f, g = dense(1, 4, 5, 7), a_guide(2, 5, 7)
    ours = quantiles(tensor(f), tensor(g[None]) if guided else None)
    np.testing.assert_allclose(ours.values, staircase_oracle(f, g if guided else None), rtol=1e-9, atol=1e-10)


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


# -------------------------------------------------------------------------------------------------------------- nearest


def test_nearest_in_parts_of_pictures_is_the_papers_sum_and_has_its_slopes():
    f, s, g, g_s = dense(1), dense(2, height=5, width=5), a_guide(3), a_guide(4, 5, 5)
    ours = lambda x: loss_of("nearest", x, tensor(s), tensor(g[None]), tensor(g_s[None]))  # noqa: E731
    assert (g == 0).any() and (g_s == 0).any()
    assert ours(tensor(f)).item() == pytest.approx(nearest_oracle(f, s, g, g_s), rel=1e-9)
    expected = slopes(lambda f: nearest_oracle(f, s, g, g_s), f)
    np.testing.assert_allclose(gradient(ours, f), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("farther", ["the painting", "the artwork"])
def test_the_farther_side_of_the_two_counts(farther):
    """Of a picture and the same with something more, the larger one is far from the other, whichever of the two it is."""
    one, more = dense(1, 3, 4, 4), dense(2, 3, 4, 2)
    both = np.concatenate((one, more), 2)
    f, s = (both, one) if farther == "the painting" else (one, both)
    there, back = relaxed_distances(f, np.ones(f[0].shape), s, np.ones(s[0].shape), mean(s), 1e-9)
    assert (there > 0.01 and back == 0) if farther == "the painting" else (back > 0.01 and there == 0)
    assert loss_of("nearest", tensor(f), tensor(s)).item() == pytest.approx(nearest_oracle(f, s), rel=1e-9)


def test_of_a_large_layer_nearest_compares_one_place_in_each_part_and_always_the_same():
    where = torch.arange(60 * 90, dtype=torch.float64).view(1, 1, 60, 90)
    places = sampled(where).vectors[0]
    assert len(places) == len(set(places.tolist())) == statistics.MOST_COMPARED
    statistics._evenly.cache_clear()
    assert torch.equal(sampled(where).vectors[0], places)
    each = torch.bincount((places // 90 // 20 * 3 + places % 90 // 30).long(), minlength=9)  # nine parts of 20 x 30
    assert each.min() > 0.8 * len(places) / 9 and each.max() < 1.2 * len(places) / 9


def test_in_a_large_layer_a_small_region_has_as_many_places_and_they_lie_as_its_guide_says():
    where, guide = torch.arange(60 * 90, dtype=torch.float64).view(1, 1, 60, 90), torch.zeros(1, 1, 60, 90, dtype=torch.float64)
    guide[..., 10:30, 10:20], guide[..., 10:30, 20:30] = 0.1, 0.3
    found = sampled(where, guide)
    y, x = found.vectors[0] // 90, found.vectors[0] % 90
    assert len(found.weights) == statistics.MOST_COMPARED and found.weights.sum() == pytest.approx(1)
    assert ((y >= 10) & (y < 30) & (x >= 10) & (x < 30)).all() and (x >= 20).double().mean() == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("guided", [False, True])
def test_nearest_of_a_large_layer_has_the_slope_of_its_own_loss(guided):
    f, s = dense(1, 3, 30, 40), dense(2, 3, 20, 30)
    guide = tensor(a_guide(3, 30, 40)[None]) if guided else None
    ours = lambda x: loss_of("nearest", x, tensor(s), guide)  # noqa: E731
    slope, way = gradient(ours, f), dense(4, 3, 30, 40)
    ahead, behind = (ours(tensor(f + step * way)).item() for step in (1e-7, -1e-7))
    assert (ahead - behind) / 2e-7 == pytest.approx((slope * way).sum(), rel=1e-4)


def test_a_union_has_some_of_each_picture_in_its_share_and_no_more_in_all():
    parts = [sampled(torch.full((1, 2, 30, 40), float(value), dtype=torch.float64)) for value in (1, 2)]
    both = union(parts, [1, 3])
    each = [(both.vectors[0] == value) for value in (1, 2)]
    assert [int(e.sum()) for e in each] == [statistics.MOST_COMPARED // 4, statistics.MOST_COMPARED * 3 // 4]
    assert [both.weights[e].sum().item() for e in each] == pytest.approx([0.25, 0.75])
    for ours, theirs in zip(both.moments, mix([part.moments for part in parts], [1, 3]), strict=True):
        assert torch.equal(ours, theirs)


def test_a_union_in_equal_shares_is_one_picture_of_both():
    f, a, b = (dense(seed, 3, 4, 4) for seed in (1, 2, 3))
    statistic = STATISTICS["nearest"]
    both = statistic.target(union([sampled(tensor(np.repeat(x, 2, 2))) for x in (a, b)]))
    whole = nearest_oracle(f, np.concatenate((a, b), 2))
    # of places that are there twice one is taken
    assert statistic.loss(sampled(tensor(f)), both).item() == pytest.approx(whole, rel=1e-9)


def test_nearest_sees_single_forms_that_moments_do_not():
    """Two coins and a bell curve of the same mean and covariance."""
    random = np.random.default_rng(0)
    coins, (bell, other) = random.choice([-1.0, 1.0], (3, 20, 20)), random.standard_normal((2, 3, 20, 20))
    assert loss_of("nearest", tensor(coins), tensor(bell)) > 3 * loss_of("nearest", tensor(other), tensor(bell))
    assert loss_of("bures", tensor(coins), tensor(bell)) < 0.1
