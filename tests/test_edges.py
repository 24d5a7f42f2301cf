"""The edges of a picture: what they are, against SciPy; what they do not see; what counting them does to a painting."""

from dataclasses import replace

import numpy as np
import oracle
import pytest
import torch
from runs import LAYERS, array, halves, objective, paint, picture, recipe

from bench.metrics import directions
from stylekit import Masks
from stylekit.edges import edges
from stylekit.encoders import load_encoder
from stylekit.presets import PRESETS


@pytest.mark.parametrize(("wrap", "mode"), [(False, "edge"), (True, "wrap")])
def test_they_are_scipys_cosine_transform_of_three_by_three_pixels(wrap, mode):
    x = oracle.pixels(0, 6, 9)
    assert np.allclose(edges(oracle.tensor(x), wrap)[0].numpy(), oracle.edges(x, mode), rtol=1e-12, atol=1e-14)


def test_they_roll_with_a_tile_and_change_by_nothing_when_it_gets_lighter():
    x = oracle.tensor(oracle.pixels(1, 8, 8))
    assert torch.allclose(edges(x.roll((3, 2), (2, 3)), wrap=True), edges(x, wrap=True).roll((3, 2), (2, 3)), atol=1e-14)
    assert torch.allclose(edges(x + 0.2), edges(x), atol=1e-12)


def test_an_upright_step_is_seen_by_upright_patterns_alone():
    x = torch.zeros(1, 3, 6, 6, dtype=torch.float64)
    x[..., 3:] = 1
    seen = edges(x)[0].sum((1, 2)).view(2, 8)
    level = [0, 1]  # the row of c_0 without the flat one: D_01 and D_02
    assert (seen[:, level].sum(0) > 0.1).all() and float(seen.sum() - seen[:, level].sum()) < 1e-12


def test_the_gradient_is_that_of_finite_differences():
    def strength(x):
        return float(np.square(oracle.edges(x)[:, ::2]).sum())

    x = oracle.pixels(2, 4, 5)
    found = oracle.gradient(lambda t: edges(t)[:, :, ::2].square().sum(), x)
    assert np.allclose(found, oracle.slopes(strength, x), rtol=1e-6, atol=1e-8)


def test_with_masks_each_artwork_has_its_own_edges_in_its_place():
    """Where the style is looked at alone, another painting on the other half changes nothing."""
    left = halves().double()
    see = objective(recipe(layer_weights=LAYERS), [picture(1), picture(2)], masks=Masks(content=[left, 1 - left]))
    image = picture(9).double()
    other = image.clone()
    other[..., image.shape[3] // 2 + 2 :] = 0.5
    settings = {"edge_weight": 1.0, "style_shares": (1.0, 0.0)}
    assert see(image, **settings)["edges"] == pytest.approx(see(other, **settings)["edges"], rel=1e-9)
    assert see(image, edge_weight=1.0)["edges"] != pytest.approx(see(other, edge_weight=1.0)["edges"], rel=1e-3)


def test_at_weight_0_they_are_not_computed_and_not_said():
    terms = objective(recipe(layer_weights=LAYERS), [picture(1)])()
    assert "edges" not in terms and "edges" in objective(recipe(layer_weights=LAYERS), [picture(1)])(edge_weight=0.1)


def test_what_paints_as_a_paper_or_a_program_has_none():
    assert all(preset.recipe().edge_weight == 0 for preset in PRESETS.values() if preset.program or preset.name == "paper")
    assert PRESETS["balanced"].recipe().edge_weight > 0


def test_strokes_that_lie_across_are_painted_across():
    """Of an artwork that is hatched at 45 degrees, the finest grain of a painting follows it, and without edges does not."""
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    hatched = (0.5 + 0.4 * torch.sin((rows + columns) * 1.5)).expand(1, 3, 64, 64)
    settings = replace(recipe(encoder="compact", size=64, coarsest=64, steps=30, layer_weights=LAYERS), style_weight=20.0)
    encoder, photo = load_encoder("compact"), picture(0, 64, 64)
    without, with_edges = (
        paint(replace(settings, edge_weight=weight), encoder=encoder, content=photo, styles=[hatched])[-1].image
        for weight in (0.0, 0.5)
    )
    assert directions(hatched) < directions(with_edges) < 0.7 * directions(without)
    assert array(with_edges).std() > 0.1
