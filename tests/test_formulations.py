"""The content loss, total variation, and the units of papers and programs, against NumPy in float64."""

import inspect
import itertools

import numpy as np
import pytest
import torch
from oracle import (
    absolute_sum_oracle,
    absolute_variation_oracle,
    content_oracle,
    crowsonkb_style_oracle,
    features,
    gatys_content_oracle,
    gatys_style_oracle,
    gordicaleksa_style_oracle,
    gradient,
    gram_oracle,
    lecture_content_oracle,
    lecture_style_oracle,
    mean,
    mean_squares_content_oracle,
    nine_point_oracle,
    per_layer_oracle,
    pixels,
    power_variation_oracle,
    pytorch_style_oracle,
    slopes,
    squares,
    tensor,
    tensorflow_style_oracle,
    total_variation_oracle,
    tv_oracle,
)

from stylekit import formulations, statistics
from stylekit.formulations import BY_NAME as FORMULATIONS
from stylekit.formulations import content_loss
from stylekit.recipe import FORMULATIONS as NEEDS
from stylekit.statistics import BY_NAME as STATISTICS
from stylekit.statistics import FLOOR, moments

# -------------------------------------------------------------------------------------------------------------- content


def test_the_content_loss_is_0_without_any_pull_at_the_photo_and_1_at_its_averages():
    c = tensor(features(3))
    x = c.clone().requires_grad_(True)
    loss = content_loss(x, c)
    assert loss.item() == 0 and torch.autograd.grad(loss, x)[0].abs().max() == 0
    assert content_loss(c.mean((2, 3), keepdim=True).expand_as(c), c).item() == pytest.approx(1)


def test_the_content_loss_depends_neither_on_size_nor_channels_nor_on_the_encoders_scale():
    f, c = tensor(features(1)), tensor(features(2))
    loss = content_loss(f, c).item()
    for changed in (lambda x: x.repeat(1, 1, 2, 3), lambda x: torch.cat((x, x), 1), lambda x: 7 * x):
        assert content_loss(changed(f), changed(c)).item() == pytest.approx(loss, rel=1e-10)


def test_a_flat_photo_is_measured_by_the_floor_that_the_constant_names():
    f, flat = features(1), np.full((5, 4, 6), 0.7)
    expected = squares(f - flat) / (FLOOR * squares(flat))
    assert content_loss(tensor(f), tensor(flat)).item() == pytest.approx(expected, rel=1e-6)


def test_a_photo_with_any_contrast_to_speak_of_does_not_meet_the_floor():
    """A spread of 3 per cent of the brightness is still measured by itself."""
    c = 0.5 + 0.03 * np.random.default_rng(0).standard_normal((5, 16, 16))
    f = features(1, height=16, width=16)
    assert content_loss(tensor(f), tensor(c)).item() == pytest.approx(content_oracle(f, c), rel=1e-9)


# ------------------------------------------------------------------------------------------------------ total variation


VARIATIONS = {
    "squared": (formulations.total_variation, total_variation_oracle),
    "squared, wrapped": (
        lambda x: formulations.total_variation(x, wrap=True),
        lambda x: total_variation_oracle(x, wrap=True),
    ),
    "absolute": (lambda x: formulations.total_variation(x, "absolute"), absolute_variation_oracle),
    "absolute sum": (formulations.absolute_sum, absolute_sum_oracle),
    "absolute sum, wrapped": (lambda x: formulations.absolute_sum(x, True), lambda x: absolute_sum_oracle(x, True)),
    "nine points": (formulations.nine_point_variation, nine_point_oracle),
    "nine points, wrapped": (lambda x: formulations.nine_point_variation(x, True), lambda x: nine_point_oracle(x, True)),
} | {
    f"power {gamma}{wrap * ', wrapped'}": (
        lambda x, gamma=gamma, wrap=wrap: formulations.total_variation(x, "power", gamma, wrap),
        lambda x, gamma=gamma, wrap=wrap: power_variation_oracle(x, gamma, wrap),
    )
    for gamma, wrap in [(0.3, False), (0.5, False), (1.0, False), (1.25, False), (1.25, True), (2.0, False)]
}
"""{name: (ours, oracle)}"""


@pytest.mark.parametrize("name", VARIATIONS)
def test_variations_are_their_sums_and_their_gradients_the_sums_slopes(name):
    (ours, oracle), x = VARIATIONS[name], pixels(1, 4, 6)
    assert ours(tensor(x)).item() == pytest.approx(oracle(x), rel=1e-10)
    slope = slopes(oracle, x)
    np.testing.assert_allclose(gradient(ours, x), slope, rtol=1e-6, atol=1e-8 * np.abs(slope).max())


KINDS = [("squared", 1.25), ("absolute", 1.25), ("power", 1.25), ("power", 0.4)]


@pytest.mark.parametrize(("kind", "gamma"), KINDS)
def test_total_variation_does_not_depend_on_the_size(kind, gamma):
    """A tile laid side by side has the same variation per pixel, where its seams count; and nearly so where they don't."""
    x = tensor(pixels(1, 8, 8))
    tile = formulations.total_variation(x, kind, gamma, wrap=True).item()
    assert formulations.total_variation(x.repeat(1, 1, 3, 2), kind, gamma, wrap=True).item() == pytest.approx(tile, rel=1e-12)
    assert formulations.total_variation(x.repeat(1, 1, 40, 40), kind, gamma).item() == pytest.approx(tile, rel=0.01)


@pytest.mark.parametrize(("kind", "gamma"), KINDS)
def test_the_variation_of_a_seamless_tile_does_not_depend_on_where_it_begins(kind, gamma):
    x = tensor(pixels(1))
    for f in (lambda x: formulations.total_variation(x, kind, gamma, True), lambda x: formulations.nine_point_variation(x, True)):
        assert f(x.roll((2, 3), (2, 3))).item() == pytest.approx(f(x).item(), rel=1e-12)


def test_a_seam_costs_only_with_wrap():
    ramp = torch.linspace(0, 1, 8, dtype=torch.float64).expand(1, 3, 8, 8)
    for kind, gamma in KINDS:
        assert formulations.total_variation(ramp, kind, gamma, True) > 1.2 * formulations.total_variation(ramp, kind, gamma)


@pytest.mark.parametrize(("kind", "gamma"), KINDS)
@pytest.mark.parametrize("wrap", [False, True])
def test_a_painting_as_busy_as_the_photo_has_a_relative_variation_of_one(kind, gamma, wrap):
    x = tensor(pixels(3))
    assert formulations.tv_loss(x, x, kind, gamma, wrap).item() == pytest.approx(1)
    other = formulations.total_variation(tensor(pixels(4)), kind, gamma, wrap) / formulations.total_variation(
        x, kind, gamma, wrap
    )
    assert formulations.tv_loss(tensor(pixels(4)), x, kind, gamma, wrap).item() == pytest.approx(other.item(), rel=1e-12)


@pytest.mark.parametrize(("kind", "gamma"), KINDS)
def test_the_floor_of_the_relative_variation_is_one_hundredth_between_pixels_in_every_kind(kind, gamma):
    stripes, flat = torch.zeros(1, 3, 4, 6, dtype=torch.float64), torch.full((1, 3, 4, 6), 0.3, dtype=torch.float64)
    stripes[..., ::2] = 0.01  # whose square is TV_FLOOR
    assert formulations.tv_loss(stripes, flat, kind, gamma).item() == pytest.approx(1, rel=1e-3)
    x = tensor(pixels(1, 4, 6))
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
    x = tensor(pixels(1))
    squared = formulations.total_variation(x, "squared", wrap=True).item()
    assert formulations.total_variation(x, "power", 1.0, True).item() == pytest.approx(squared, rel=1e-12)
    ramp = 0.03 * torch.arange(8.0)[:, None] + 0.04 * torch.arange(9.0)
    assert formulations.total_variation(ramp.expand(1, 3, 8, 9), "power", 0.5).item() == pytest.approx(0.05, rel=1e-4)


def test_narrow_pictures_have_the_variation_that_they_can_have():
    for shape in [(1, 7), (5, 1), (1, 1)]:
        x = tensor(pixels(1, *shape))
        expected = total_variation_oracle(x[0].numpy())
        assert formulations.total_variation(x).item() == pytest.approx(expected, rel=1e-12)
        for kind, gamma in KINDS:
            assert torch.isfinite(formulations.total_variation(x, kind, gamma)) and torch.isfinite(
                formulations.total_variation(x, kind, gamma, True)
            )
        assert formulations.nine_point_variation(x).item() == pytest.approx(nine_point_oracle(x[0].numpy()), rel=1e-12)


def test_an_unknown_kind_of_variation_is_an_error():
    with pytest.raises(KeyError):
        formulations.total_variation(torch.rand(1, 3, 4, 4), "cubic")


# --------------------------------------------------------------------------------------------------------- formulations


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
    targets = [(features(1), features(2)), (features(1), features(2)), (pixels(1), pixels(2))]
    for mine, oracle, (f, s) in zip(ours, ORACLES[name], targets, strict=True):
        assert mine(tensor(f), tensor(s)).item() == pytest.approx(oracle(f, s), rel=1e-10)
        slope = slopes(lambda f, oracle=oracle, s=s: oracle(f, s), f)
        my_slope = gradient(lambda x, mine=mine, s=s: mine(x, tensor(s)), f)
        np.testing.assert_allclose(my_slope, slope, rtol=1e-6, atol=1e-7 * np.abs(slope).max())


@pytest.mark.parametrize("name", FORMULATIONS)
def test_flat_and_black_pictures_give_finite_losses_and_gradients(name):
    variation = tv_of(name)
    for loss, target, start in itertools.product(
        (FORMULATIONS[name].content, style_of(name), variation), (0.0, 0.7), ("busy", "flat", "black", "same")
    ):
        s = torch.full((1, 3, 4, 6), target)
        starts = {"busy": tensor(pixels(1, 4, 6)).float(), "flat": torch.full_like(s, 0.2), "black": torch.zeros_like(s)}
        x = starts.get(start, s).clone().requires_grad_(True)
        value = loss(x, s)
        assert torch.isfinite(value) and value >= 0, (target, start)
        assert torch.isfinite(torch.autograd.grad(value, x)[0]).all(), (target, start)
        if start == "same":
            assert value.item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", FORMULATIONS)
def test_the_same_picture_has_no_content_and_no_style_loss_and_feels_no_pull(name):
    rounding = 1e-12 if name == "crowsonkb" else 0  # roots of matrices
    for loss in (FORMULATIONS[name].content, style_of(name)):
        x = tensor(features(3)).requires_grad_(True)
        value = loss(x, x.detach())
        assert value.item() <= rounding
        assert torch.autograd.grad(value, x)[0].abs().max() <= rounding


def test_gatys_content_grows_with_the_size_as_in_the_paper():
    f, c = tensor(features(1)), tensor(features(2))
    six_times = formulations.gatys_content_loss(f.repeat(1, 1, 2, 3), c.repeat(1, 1, 2, 3)).item()
    assert six_times == pytest.approx(6 * formulations.gatys_content_loss(f, c).item())


def test_gatys_style_of_another_size_is_equation_4_with_each_gram_sum_over_its_own_locations():
    f, s = features(1, height=4), features(2, height=9, width=3)
    g, a = np.einsum("ixy,jxy->ij", f, f) / (4 * 6), np.einsum("ixy,jxy->ij", s, s) / (9 * 3)
    assert style_of("gatys")(tensor(f), tensor(s)).item() == pytest.approx(squares(g - a) / (4 * 5**2), rel=1e-10)


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
    x, c = pixels(1), pixels(2)
    ours = tv_of(name, "power", 0.5, True)(tensor(x), tensor(c)).item()
    assert ours == pytest.approx(power_variation_oracle(x, 0.5, wrap=True), rel=1e-10)
    relative = tv_of("relative", "power", 0.5, True)(tensor(x), tensor(c)).item()
    assert relative == pytest.approx(ours / power_variation_oracle(c, 0.5, wrap=True), rel=1e-10)


@pytest.mark.parametrize("name", ["tensorflow", "pytorch", "gordicaleksa", "crowsonkb"])
def test_programs_with_one_variation_have_that_whatever_is_asked_but_tiles_they_learn(name):
    x, c = tensor(pixels(1)), tensor(pixels(2))
    assert tv_of(name, "power", 0.5)(x, c) == tv_of(name)(x, c) != tv_of(name, wrap=True)(x, c)


def test_every_loss_says_its_formula():
    """A comment with the formula stands in each loss, below its docstring."""
    public = [f for name, f in inspect.getmembers(formulations, inspect.isfunction) if f.__module__ == formulations.__name__]
    said = [f for f in public if not f.__name__.startswith("_")]
    assert [f.__name__ for f in said if "    # " not in inspect.getsource(f)] == []


# ------------------------------------------------------------------------------------------------ the paper's own units


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
