"""Every loss of statistics.py and formulations.py against its oracle in float64, and its gradient against finite differences."""

import inspect
import itertools

import numpy as np
import pytest
import torch
from oracle import (
    absolute_sum_oracle,
    absolute_variation_oracle,
    content_oracle,
    cov,
    covariance_oracle,
    crowsonkb_style_oracle,
    features,
    gatys_content_oracle,
    gatys_style_oracle,
    gram,
    gram_oracle,
    lecture_style_oracle,
    mean,
    mean_covariance_oracle,
    mean_squares_content_oracle,
    mean_variance_oracle,
    nine_point_oracle,
    pixels,
    power_variation_oracle,
    pytorch_style_oracle,
    squares,
    tensor,
    total_variation_oracle,
    tv_oracle,
    wasserstein_oracle,
)

from stylekit import formulations, statistics
from stylekit.formulations import TV_FLOOR
from stylekit.statistics import FLOOR, moments

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
    made = pixels if name in OF_PICTURES else features
    return (made(1, height=size[0], width=size[1]), made(2, height=size[0], width=size[1]))


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


@pytest.mark.parametrize("name", OF_FEATURES)
def test_a_picture_is_no_distance_from_itself_and_feels_no_pull(name):
    x = tensor(features(3)).requires_grad_(True)
    loss = OF_FEATURES[name][0](x, x.detach())
    rounding = 1e-12 if name in {"wasserstein_loss", "crowsonkb_style_loss"} else 0  # roots of matrices
    assert loss.item() <= rounding
    assert torch.autograd.grad(loss, x)[0].abs().max() <= rounding


def test_a_painting_as_busy_as_the_photo_has_a_tv_of_one():
    x = tensor(pixels(3))
    assert formulations.tv_loss(x, x).item() == pytest.approx(1)


def test_an_empty_gram_matrix_and_a_picture_of_averages_have_a_loss_of_one():
    s = tensor(features(2))
    assert statistics.gram_loss(moments(torch.zeros_like(s)), moments(s)).item() == pytest.approx(1)
    average = s.mean((2, 3), keepdim=True).expand_as(s)
    assert formulations.content_loss(average, s).item() == pytest.approx(1)
    assert statistics.mean_covariance_loss(moments(average), moments(s)).item() == pytest.approx(0.5)


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


@pytest.mark.parametrize("name", ALL)
def test_flat_and_black_pictures_give_finite_losses_and_gradients(name):
    for target, start in itertools.product((0.0, 0.7), ("busy", "flat", "black", "same")):
        s = torch.full((1, 3, 4, 6), target)
        starts = {"busy": tensor(pixels(1, 4, 6)).float(), "flat": torch.full_like(s, 0.2), "black": torch.zeros_like(s)}
        x = starts.get(start, s).clone().requires_grad_(True)
        loss = ALL[name][0](x, s)
        assert torch.isfinite(loss) and loss >= 0, (target, start)
        assert torch.isfinite(torch.autograd.grad(loss, x)[0]).all(), (target, start)
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
    x = pixels(1)
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


def test_every_public_function_says_its_formula():
    """A comment with the formula stands in each loss, below its docstring."""
    functions = inspect.getmembers(statistics, inspect.isfunction) + inspect.getmembers(formulations, inspect.isfunction)
    rooms, others = (statistics.__name__, formulations.__name__), ("guide_at", "squares", "tiny", "exact", "gram_scale")
    public = [f for name, f in functions if f.__module__ in rooms and not name.startswith("_") and name not in others]
    assert [f.__name__ for f in public if "    # " not in inspect.getsource(f)] == []
