"""Presets: each a recipe of its own; those named for a program have its total, term by term, and its way to start and move."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import toy
from oracle import PROGRAMS
from runs import array, paint, picture
from toy import Small19

from stylekit import PRESETS, Recipe, RecipeError
from stylekit.objective import Objective
from stylekit.presets import FORMER, preset_named


def test_every_preset_is_a_recipe_of_its_own_and_says_what_it_is_for():
    recipes = {name: preset.recipe() for name, preset in PRESETS.items()}
    assert len(set(recipes.values())) == len(recipes) >= 15
    assert recipes["balanced"] == Recipe()
    for name, preset in PRESETS.items():
        assert preset.name == name and preset.title and preset.description.endswith(".")
    assert PRESETS["bold"].recipe(size=64, style_weight=1.0) == Recipe(size=64, style_weight=1.0)


def test_a_preset_that_is_gone_is_refused_with_the_one_that_took_its_place_and_any_other_with_all_there_are():
    assert preset_named("bold") is PRESETS["bold"]
    for name, now in FORMER.items():
        assert name not in PRESETS
        with pytest.raises(RecipeError, match=f"{name} is no longer there: choose {now} "):
            preset_named(name)
    with pytest.raises(RecipeError, match="no preset 'bald'; choose one of balanced, "):
        preset_named("bald")


def features(image, encoder):
    """{layer: (C, H, W)} of all layers."""
    return {layer: array(f)[0] for layer, f in encoder(image, encoder.layers).items()}


def test_every_preset_that_is_named_for_a_program_has_its_oracle():
    assert {name for name, preset in PRESETS.items() if preset.program} == set(PROGRAMS)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_presets_total_is_that_of_its_program(name, seed):
    settings, encoder = PRESETS[name].recipe(), Small19().double()
    image, content, style = (toy.picture(3 * seed + n, 32, 48).double() for n in range(3))
    way = encoder.variant(settings.padding, settings.pooling)
    assert settings.padding == ("replicate" if name == "crowsonkb" else "zeros") and settings.pooling == "max"
    total, terms = Objective(content, [style], settings, encoder)(image, settings.weights)
    expected = PROGRAMS[name](array(image)[0], *(features(picture, way) for picture in (image, content, style)))
    assert float(total) == pytest.approx(expected, rel=1e-6)
    assert {"content", "style"} <= set(terms)


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_term_of_a_preset_is_that_of_its_program(name):
    settings, encoder = PRESETS[name].recipe(), Small19().double()
    image, content, style = (toy.picture(n, 32, 48).double() for n in range(3))
    way = encoder.variant(settings.padding, settings.pooling)
    flat, whole = torch.full_like(image, 0.5), Objective(content, [style], settings, encoder)
    of = {key: features(p, way) for key, p in (("image", image), ("content", content), ("style", style))}
    for image_, x, c, s, zero in [
        (flat, of["content"], of["content"], of["image"], ("content_weight", "tv_weight")),  # the style's alone
        (flat, of["image"], of["content"], of["image"], ("style_weight", "tv_weight")),
        (image, of["image"], of["image"], of["image"], ("content_weight", "style_weight")),
    ]:
        expected = PROGRAMS[name](array(image_)[0], x, c, s)
        painted = content if x is of["content"] else image
        target = Objective(content, [image], settings, encoder) if zero == ("content_weight", "tv_weight") else whole
        total = float(target(painted, replace(settings.weights, **dict.fromkeys(zero, 0.0)))[0])
        assert total == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "optimizer", "init", "averaging"),
    [
        ("crowsonkb", "adam", "content", 0.99),
        ("neural-style-pt", "lbfgs", "noise", 0.0),
        ("gordicaleksa", "lbfgs", "content", 0.0),
        ("pytorch", "lbfgs", "content", 0.0),
        ("tensorflow", "adam", "content", 0.0),
    ],
)
def test_a_preset_starts_and_moves_as_its_program_does(name, optimizer, init, averaging):
    settings = PRESETS[name].recipe(size=512)
    assert (settings.optimizer, settings.init, settings.averaging) == (optimizer, init, averaging)
    assert settings.coarsest == 128 if name == "crowsonkb" else settings.coarsest >= 512
    assert settings.encoder == "vgg19" and settings.seed == 0


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_paints_and_lowers_its_total(name):
    settings = PRESETS[name].recipe(encoder="vgg19", size=32, steps=4, averaging=0.0, init="image")
    frames = paint(settings, encoder=Small19(), styles=[picture(1), picture(2)])
    whole = Objective(picture(0), [picture(1), picture(2)], settings, Small19())
    before, after = (float(whole(frame.painting, settings.weights)[0]) for frame in (frames[0], frames[-1]))
    assert frames[-1].levels == 1 and np.isfinite([*frames[-1].losses.values(), before, after]).all()
    assert after < before
