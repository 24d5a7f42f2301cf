"""Settings: limits, messages, and the way to JSON and back; and the arithmetic of the pyramid."""

import itertools
import json
import math
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from stylekit import PRESETS, LayerWeights, Recipe, RecipeError, Weights
from stylekit.pyramid import levels, longest_for, scaled
from stylekit.recipe import Number, setting


def test_a_recipe_can_be_pasted_back_compared_hashed_pickled_and_sent_as_json():
    recipe = Recipe(size=300, layer_weights={"relu1_1": 2, "relu5_1": 0.5}, optimizer="adam")
    assert eval(repr(recipe)) == recipe
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert len({recipe, Recipe.from_json(recipe.to_json()), Recipe()}) == 2
    assert set(json.loads(recipe.to_json())) == {"version", *(f.name for f in fields(Recipe))}


def test_a_recipe_does_not_change():
    recipe = Recipe()
    with pytest.raises(FrozenInstanceError):
        recipe.size = 3
    with pytest.raises(TypeError):
        recipe.layer_weights["relu1_1"] = 3


def test_every_setting_has_help_and_a_default_within_its_limits():
    for name, default in vars(Recipe()).items():
        described = setting(name)
        assert described.help.endswith(".")
        if isinstance(described, Number) and described.slider:
            least, most, step = described.slider
            assert described.least <= least <= default <= most <= described.most and step > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 15),
        ("size", 9000),
        ("size", 100.5),
        ("size", True),
        ("size", "512"),
        ("size", None),
        ("steps", 0),
        ("seed", -1),
        ("coarsest", 8),
        ("content_weight", -0.1),
        ("style_weight", math.nan),
        ("tv_weight", math.inf),
        ("tv_weight", "much"),
        ("optimizer", "sgd"),
        ("init", ""),
        ("init", 3),
        ("statistic", "mean"),
        ("formulation", "mine"),
        ("encoder", ""),
        ("content_layer", None),
        ("layer_weights", {}),
        ("layer_weights", {"relu1_1": -1}),
        ("layer_weights", {"relu1_1": "x"}),
        ("layer_weights", {3: 1}),
        ("layer_weights", "relu1_1"),
        ("layer_weights", 7),
        ("layer_weights", ["relu1_1"]),
    ],
)
def test_a_bad_value_is_refused_by_name(name, value):
    with pytest.raises(RecipeError, match=f"{name}|The weight of relu1_1|A layer is a name"):
        Recipe(**{name: value})
    with pytest.raises(RecipeError):
        replace(Recipe(), **{name: value})


def test_the_papers_constants_are_defined_for_gram_matrices_alone():
    with pytest.raises(RecipeError, match="gram"):
        Recipe(formulation="gatys")
    assert Recipe(formulation="gatys", statistic="gram").formulation == "gatys"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "JSON object"),
        ("null", "JSON object"),
        ('{"brush": 1}', "no setting 'brush'"),
        ('{"size": NaN}', "size"),
        ('{"layer_weights": [[1, 2, 3]]}', "layer_weights"),
        ("[" * 100_000, "not JSON"),
        ('{"layer_weights": ' + '{"a": ' * 50_000 + "1" + "}" * 50_000 + "}", "not JSON"),
    ],
)
def test_hostile_or_broken_recipes_are_refused_in_words(text, says):
    with pytest.raises(RecipeError, match=says):
        Recipe.from_json(text)


def test_what_a_recipe_leaves_out_has_its_default():
    assert Recipe.from_json('{"size": 64}') == Recipe(size=64)


def test_weights_are_the_part_that_may_be_turned():
    weights = Recipe(style_weight=3).weights
    assert weights == Weights(1.0, 3.0, 0.0, Recipe().layer_weights)
    assert Recipe().with_weights(weights) == Recipe(style_weight=3)
    with pytest.raises(RecipeError):
        Weights(1, -1, 0, {"relu1_1": 1})
    assert LayerWeights({"a": 1, "b": 2}) == {"b": 2.0, "a": 1.0}
    assert hash(LayerWeights({"a": 1})) == hash(LayerWeights([("a", 1)]))


def test_every_preset_is_a_recipe_of_its_own_and_says_what_it_is_for():
    recipes = {name: preset.recipe() for name, preset in PRESETS.items()}
    assert len(set(recipes.values())) == len(recipes) >= 17
    assert recipes["balanced"] == Recipe()
    for name, preset in PRESETS.items():
        assert preset.name == name and preset.title and preset.description.endswith(".")
    assert PRESETS["bold"].recipe(size=64, style_weight=1.0) == Recipe(size=64, style_weight=1.0)


# ------------------------------------------------------------------------------------------------------ the pyramid

SIZES = [16, 47, 48, 49, 60, 61, 75, 90, 128, 160, 255, 512, 777, 1024, 4096, 8192]


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 50, 200, 1001])
@pytest.mark.parametrize("size", SIZES)
def test_levels_rise_to_the_size_with_most_steps_at_the_coarse_ones(size, steps):
    plan = levels(size, steps)
    assert plan[-1].size == size and sum(level.steps for level in plan) == steps
    assert all(level.steps >= 1 for level in plan)
    assert all(a.steps >= b.steps for a, b in itertools.pairwise(plan))
    assert all(1.45 < b.size / a.size < 2.05 for a, b in itertools.pairwise(plan))
    if steps >= 20:
        assert 48 <= plan[0].size < 72 or plan == [(size, steps)]


def test_the_coarsest_level_can_be_chosen():
    assert [level.size for level in levels(256, 100, coarsest=256)] == [256]
    assert levels(256, 100, coarsest=1000) == levels(256, 100, coarsest=256)
    assert levels(256, 100, coarsest=128)[0].size == 128


def test_scaled_sizes_keep_the_aspect_ratio_and_at_least_one_pixel():
    assert scaled((300, 400), 100) == (75, 100) and scaled((400, 300), 100) == (100, 75)
    assert scaled((1, 1000), 100) == (1, 100) and scaled((1, 1), 64) == (64, 64)


@pytest.mark.parametrize("size", [(300, 400), (20, 600), (1, 1000), (7, 7)])
def test_longest_for_gives_a_short_side_that_is_long_enough(size):
    for shortest in (1, 16, 33):
        assert min(scaled(size, longest_for(size, shortest))) >= shortest
