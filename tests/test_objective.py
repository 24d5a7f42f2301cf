"""How far an image is from content and styles: terms, shares, brushes, content layers and masks, against NumPy in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracle import distance, remembered
from runs import (
    LAYERS,
    STATISTICS,
    UNITS,
    array,
    blocks,
    content_distance,
    halves,
    layers_of,
    matrices,
    numpy_losses,
    numpy_moments,
    objective,
    picture,
    recipe,
    resized,
    style_losses,
)
from toy import Toy

from stylekit import Masks, Weights
from stylekit.formulations import BY_NAME as FORMULATIONS
from stylekit.objective import Objective
from stylekit.recipe import STYLE_LAYERS

# ----------------------------------------------------------------------------------------------- total, terms, gradient


@pytest.mark.parametrize(("statistic", "formulation"), UNITS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_total_and_terms_are_those_of_the_formulas_in_float64(statistic, formulation, count):
    encoder = Toy().double()
    settings = recipe(statistic=statistic, formulation=formulation, layer_weights=LAYERS)
    image, content, *styles = (picture(seed).double() for seed in range(9, 11 + count))
    objective = Objective(content, styles, settings, encoder)
    zero_layer = {**LAYERS, "relu2_1": 0.0}
    for weights in (
        Weights(0.7, 3.0, 0.2, LAYERS),
        Weights(1.0, 0.0, 0.0, LAYERS),
        Weights(0.0, 2.0, 0.0, zero_layer),
        Weights(0.0, 0.0, 5.0, LAYERS),
        Weights(1e6, 1e9, 1e-3, zero_layer),
        Weights(0.0, 0.0, 0.0, LAYERS),
    ):
        total, terms = objective(image, weights)
        expected_total, expected = numpy_losses(image, content, styles, weights, settings, encoder)
        assert float(total) == pytest.approx(expected_total, rel=1e-9, abs=1e-12)
        found = {name: float(loss) for name, loss in terms.items()}
        if "edges" in found:  # a pattern and its negative are nearly each other's mirror: eigenvalues lie close together
            assert found.pop("edges") == pytest.approx(expected.pop("edges"), rel=1e-8)
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_the_paintings_gradient_is_the_weighted_sum_of_the_terms_gradients():
    encoder, settings = Toy().double(), recipe(layer_weights=LAYERS)
    content, style, image = (picture(seed).double() for seed in (0, 1, 2))
    objective = Objective(content, [style], settings, encoder)

    def gradient(*weights):
        x = image.clone().requires_grad_(True)
        objective(x, Weights(*weights, LAYERS))[0].backward()
        return x.grad

    parts = 2 * gradient(1, 0, 0) + 3 * gradient(0, 1, 0) + 0.5 * gradient(0, 0, 1)
    assert torch.allclose(gradient(2, 3, 0.5), parts, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("statistic", ["mean_covariance", "gram"])
def test_two_styles_are_mixed_by_their_moments_as_if_they_were_one_picture(statistic):
    one, two = picture(1), picture(2)
    encoder = Toy()
    settings = recipe(statistic=statistic, layer_weights={"relu1_1": 1.0}, content_layer="relu1_1")
    weights = Weights(0, 1, 0, {"relu1_1": 1.0}, edge_weight=0.0)
    _, mixed = Objective(picture(0), [one, two], settings, encoder)(picture(0), weights)
    _, alone = Objective(picture(0), [one], settings, encoder)(picture(0), weights)
    _, other = Objective(picture(0), [two], settings, encoder)(picture(0), weights)
    _, twice = Objective(picture(0), [one, one], settings, encoder)(picture(0), weights)
    assert float(twice["style"]) == pytest.approx(float(alone["style"]), rel=1e-5)
    assert abs(float(mixed["style"]) - (float(alone["style"]) + float(other["style"])) / 2) > 1e-3 * float(mixed["style"])
    # features of both at once, as a picture with each in half of its places would have
    m, g = numpy_moments([torch.cat([encoder(s, ["relu1_1"])["relu1_1"] for s in (one, two)], 3)])
    m_x, g_x = numpy_moments([encoder(picture(0), ["relu1_1"])["relu1_1"]])
    c, c_x = g - np.outer(m, m), g_x - np.outer(m_x, m_x)
    expected = {
        "gram": ((g_x - g) ** 2).sum() / (g**2).sum(),
        "mean_covariance": ((c_x - c) ** 2).sum() / (c**2).sum() / 2 + ((m_x - m) ** 2).sum() / (m**2).sum() / 2,
    }
    assert float(mixed["style"]) == pytest.approx(expected[statistic], rel=1e-4)


# ------------------------------------------------------------------------------------------------------- several styles


@pytest.mark.parametrize("statistic", STATISTICS[:7])  # nearest takes some features of each, as test_statistics tries
def test_shares_mix_what_is_remembered_of_the_styles_and_are_read_at_every_call(statistic):
    styles = [picture(1), picture(2), picture(3)]
    see = objective(recipe(statistic=statistic, layer_weights=LAYERS), styles)
    for shares, ratios in [
        ((), (1, 1, 1)),
        ((2.0, 1.0, 1.0), (0.5, 0.25, 0.25)),
        ((200.0, 100.0, 100.0), (0.5, 0.25, 0.25)),
        ((0.5,), (0.5, 1, 1)),  # a style that is not named has 1
        ((0.0, 3.0, 1.0), (0, 0.75, 0.25)),
        ((0.0, 0.0, 0.0), (1, 1, 1)),
        ((), (1, 1, 1)),  # and back
    ]:
        expected = style_losses(statistic, styles, ratios)
        terms = see(style_shares=shares)
        assert layers_of(terms) == pytest.approx(expected, rel=1e-6)
        total = sum(LAYERS[layer] * loss for layer, loss in expected.items()) / len(LAYERS)
        assert terms["style"] == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_style_whose_share_is_0_is_as_if_it_were_not_there(statistic):
    settings = recipe(statistic=statistic)
    one, two = picture(1), picture(2)
    assert objective(settings, [one, two])(style_shares=(0.0, 0.3)) == pytest.approx(objective(settings, [two])(), rel=1e-12)


def test_a_split_gives_each_layer_the_styles_that_are_at_home_near_its_depth():
    styles = [picture(1), picture(2)]
    see = objective(recipe(), styles)
    for split in (0.0, 0.3, 1.0):
        # style 1 fades from the shallowest of five layers to the deepest, style 2 the other way; what is not split is equal
        shares = {layer: ((1 - split) + split * (1 - n / 4), (1 - split) + split * n / 4) for n, layer in enumerate(STYLE_LAYERS)}
        assert layers_of(see(style_split=split)) == pytest.approx(style_losses("bures", styles, shares), rel=1e-6)


def test_wholly_split_two_styles_are_alone_at_the_ends_and_equal_in_the_middle():
    one, two = picture(1), picture(2)
    split = objective(recipe(), [one, two])(style_split=1.0)
    first, second, both = (objective(recipe(), styles)() for styles in ([one], [two], [one, two]))
    assert split["relu1_1"] == pytest.approx(first["relu1_1"], rel=1e-12)
    assert split["relu5_1"] == pytest.approx(second["relu5_1"], rel=1e-12)
    assert split["relu3_1"] == pytest.approx(both["relu3_1"], rel=1e-12)
    between = [split[layer] for layer in ("relu2_1", "relu4_1")]
    assert between != pytest.approx([both[layer] for layer in ("relu2_1", "relu4_1")], rel=1e-3)


def test_wholly_split_three_styles_have_the_first_middle_and_last_layer():
    styles = [picture(1), picture(2), picture(3)]
    split = objective(recipe(), styles)(style_split=1.0)
    for layer, style in zip(("relu1_1", "relu3_1", "relu5_1"), styles):
        assert split[layer] == pytest.approx(objective(recipe(), [style])()[layer], rel=1e-12)


def test_a_split_where_the_style_at_home_has_no_share_falls_back_on_the_others():
    one, two = picture(1), picture(2)
    terms = objective(recipe(), [one, two])(style_split=1.0, style_shares=(1.0, 0.0))
    assert layers_of(terms) == pytest.approx(layers_of(objective(recipe(), [one])()), rel=1e-12)


def test_one_style_or_one_layer_may_be_split():
    one, two = picture(1), picture(2)
    assert objective(recipe(), [one])(style_split=1.0) == pytest.approx(objective(recipe(), [one])(), rel=1e-12)
    for layer, style in (("relu1_1", one), ("relu5_1", two)):  # a layer is as deep as it is, whatever others there are
        single = recipe(layer_weights={layer: 1.0})
        terms = objective(single, [one, two])(style_split=1.0)
        assert np.isfinite(terms["style"]) and terms["style"] == pytest.approx(objective(single, [style])()["style"], rel=1e-12)


# ----------------------------------------------------------------------------------------------------------- brush size


def test_a_brush_of_some_size_is_a_style_picture_of_that_size():
    big = picture(1, 64, 80)
    see = objective(recipe(), [big])
    # as large as the photo of 32 pixels if its scale is 1; turned up and down, and back to one that was there before
    for scale, size in [(1.0, (26, 32)), (2.0, (51, 64)), (1.5, (38, 48)), (1.0, (26, 32)), (4.0, (102, 128))]:
        expected = style_losses("bures", [resized(big.double(), *size)], (1,))
        assert layers_of(see(style_scales=(scale,))) == pytest.approx(expected, rel=1e-6)


def test_each_style_has_its_own_brush_and_1_if_none_is_named():
    styles = [picture(1, 64, 64), picture(2, 64, 64)]
    at = [resized(styles[0].double(), 16, 16), resized(styles[1].double(), 32, 32)]
    terms = objective(recipe(), styles)(style_scales=(0.5,))
    assert layers_of(terms) == pytest.approx(style_losses("bures", at, (1, 1)), rel=1e-6)


# ------------------------------------------------------------------------------------------------------- content layers


def test_the_content_layer_counts_1_and_the_further_ones_what_they_say():
    more = {"relu1_1": 0.5, "relu3_1": 0.0, "relu5_1": 2.0}
    see = objective(recipe(content_layer="relu4_2", more_content_layers=more, content_weight=3.0, style_weight=0.0), [picture(1)])
    each = {layer: content_distance(layer, picture(9), picture(0)) for layer in ("relu4_2", *more)}
    for turned in (more, {**more, "relu3_1": 4.0}, dict.fromkeys(more, 0.0), more):
        terms = see(more_content_layers=turned)
        expected = each["relu4_2"] + sum(weight * each[layer] for layer, weight in turned.items())
        assert terms["content"] == pytest.approx(expected, rel=1e-9)
        assert terms["total"] == pytest.approx(3 * expected, rel=1e-9)


@pytest.mark.parametrize("extra", [0.0, 0.5])
def test_the_content_layer_named_twice_counts_1_and_its_own_weight(extra):
    see = objective(recipe(content_layer="relu3_1", more_content_layers={"relu3_1": extra, "relu1_1": 1.0}), [picture(1)])
    shallow, deep = (content_distance(layer, picture(9), picture(0)) for layer in ("relu1_1", "relu3_1"))
    assert see()["content"] == pytest.approx(shallow + (1 + extra) * deep, rel=1e-9)


# ---------------------------------------------------------------------------------------------------------------- masks


def test_the_style_is_measured_where_the_photo_is_not_kept():
    keep = halves()
    see = objective(
        recipe(layer_weights={"relu1_1": 1.0}, content_layer="relu1_1"), [picture(1)], masks=Masks(keep=keep.double())
    )
    image = picture(9).double()
    shown = torch.where(keep > 0, picture(0).double(), image)
    f, s = matrices(shown, ["relu1_1"])["relu1_1"], matrices(picture(1), ["relu1_1"])["relu1_1"]
    guided = remembered("bures", f, 1 - array(keep))
    expected = (1 - array(keep)).mean() * distance("bures", guided, remembered("bures", s))
    assert see(image)["relu1_1"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("statistic", STATISTICS[:6])
def test_masked_styles_are_each_compared_in_their_place_in_proportion_to_area_and_share(statistic):
    ramp = torch.linspace(0, 1, 32).expand(1, 1, 32, 32).contiguous()
    styles, masks = [picture(1), picture(2)], [ramp, (1 - ramp) * 0.5]
    see = objective(recipe(statistic=statistic, layer_weights=LAYERS), styles, masks=Masks([m.double() for m in masks]))
    for shares, ratios in [((), (1, 1)), ((3.0, 1.0), (1.5, 0.5)), ((0.0, 1.0), (0, 2)), ((0.0, 0.0), (1, 1))]:
        expected = {}
        for layer, f in matrices(picture(9)).items():
            side = round(f.shape[1] ** 0.5)
            expected[layer] = 0.0
            for style, mask, ratio in zip(styles, masks, ratios):
                guide = blocks(mask, side, side)
                x, s = remembered(statistic, f, guide), remembered(statistic, matrices(style)[layer])
                expected[layer] += ratio * guide.mean() * distance(statistic, x, s)
        assert layers_of(see(style_shares=shares)) == pytest.approx(expected, rel=1e-5)


def test_a_style_without_a_mask_is_everywhere():
    see = objective(recipe(), [picture(1), picture(2)], masks=Masks([halves().double()]))
    left = objective(recipe(), [picture(1), picture(2)], masks=Masks([halves().double(), torch.ones(1, 1, 32, 32).double()]))
    assert see() == pytest.approx(left(), rel=1e-9)


def test_an_even_mask_of_ones_is_no_mask():
    ones = torch.ones(1, 1, 32, 32).double()
    masked = objective(recipe(), [picture(1)], masks=Masks([ones], [ones]))
    assert masked() == pytest.approx(objective(recipe(), [picture(1)])(), rel=1e-9)


@pytest.mark.parametrize("statistic", ["bures", "mean_covariance", "gram", "wasserstein", "sliced", "nearest"])
def test_between_two_styles_masks_there_is_no_dead_gap(statistic):
    width = 96
    ramp = torch.zeros(width)
    ramp[32:64] = torch.linspace(0, 1, 32)
    ramp[64:] = 1
    mask = ramp.expand(1, 1, 32, width).contiguous().double()
    settings = recipe(size=width, coarsest=width, statistic=statistic, layer_weights={"relu1_1": 1, "relu2_1": 1, "relu3_1": 1})
    styles = [picture(1, 32, width).double(), picture(2, 32, width).double()]
    content = picture(0, 32, width).double()
    whole = Objective(content, styles, settings, Toy().double(), Masks([mask, 1 - mask]))
    image = torch.rand(1, 3, 32, width, generator=torch.Generator().manual_seed(5), dtype=torch.float64).requires_grad_(True)
    whole(image, replace(settings.weights, content_weight=0.0))[0].backward()
    pull = image.grad.abs().mean((0, 1, 2))
    assert (pull > 0).all()
    away, gap = torch.cat((pull[8:28], pull[68:88])).mean(), pull[36:60]
    assert 1 / 3 < gap.mean() / away < 3
    for column in range(32, 64):  # nowhere in it, either, in the mean of five columns
        assert pull[column - 2 : column + 3].mean() > away / 6


@pytest.mark.parametrize("statistic", STATISTICS[:6])
def test_an_artworks_mask_says_what_is_looked_at(statistic):
    looked = (1 - halves()) * torch.linspace(0.2, 1, 32)[:, None]
    see = objective(recipe(statistic=statistic), [picture(1)], masks=Masks(style=[looked.double()]))
    seen, image, expected = matrices(picture(1)), matrices(picture(9)), {}
    for layer, s in seen.items():
        side = round(s.shape[1] ** 0.5)
        target = remembered(statistic, s, blocks(looked, side, side))
        expected[layer] = distance(statistic, remembered(statistic, image[layer]), target)
    assert layers_of(see()) == pytest.approx(expected, rel=1e-5)


def test_what_an_artworks_mask_leaves_out_does_not_matter():
    settings = recipe(layer_weights={"relu1_1": 1.0}, content_layer="relu1_1")
    mask = torch.zeros(1, 1, 32, 32).double()
    mask[..., :14] = 1
    spoilt = picture(1)
    spoilt[..., 16:] = picture(7)[..., 16:]
    one, other = (objective(settings, [s], masks=Masks(style=[mask]))() for s in (picture(1), spoilt))
    assert one["relu1_1"] == pytest.approx(other["relu1_1"], rel=1e-9)
    assert one["relu1_1"] != pytest.approx(objective(settings, [picture(1)])()["relu1_1"], rel=1e-3)


# ---------------------------------------------------------------------------------------------------------------- tiles


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("kind", ["squared", "absolute", "power"])
def test_a_tile_may_begin_anywhere_on_the_grid_of_the_deepest_layer(formulation, kind):
    statistic = {"relative": "bures", "crowsonkb": "wasserstein"}.get(formulation, "gram")
    settings = recipe(formulation=formulation, statistic=statistic, tv_kind=kind, tv_weight=1.0, style_weight=1.0)
    settings = replace(settings, content_weight=0.0)  # the photo's borders fade into each other where they are
    image, content = picture(9, 32, 48).double(), picture(0, 32, 48).double()
    for shift in [(16, 0), (0, 32), (16, 16)]:
        totals = {}
        for tiling in (True, False):
            plain = objective(settings, [picture(1)], content)(image, tiling=tiling)
            rolled = objective(settings, [picture(1)], content.roll(shift, (2, 3)))(image.roll(shift, (2, 3)), tiling=tiling)
            totals[tiling] = (plain["total"], rolled["total"])
        assert totals[True][0] == pytest.approx(totals[True][1], rel=1e-9)
        assert totals[False][0] != pytest.approx(totals[False][1], rel=1e-4)
