"""Recipe and Weights, field by field: both limits, what is no number, what is no word, and hostile JSON."""

import copy
import itertools
import json
import math
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from stylekit import LayerWeights, Recipe, RecipeError, UsageError, Weights
from stylekit.formulations import BY_NAME as FORMULATIONS
from stylekit.optimizers import OPTIMIZERS
from stylekit.recipe import COLOR_METHODS, STYLE_LAYERS, Choice, Number, PerArtwork, PerLayer, Switch, check_weight, setting
from stylekit.recipe import FORMULATIONS as NEEDS
from stylekit.statistics import BY_NAME as STATISTICS

NAMES = [f.name for f in fields(Recipe)]
SWITCHES = [name for name in NAMES if isinstance(setting(name), Switch)]
NUMBERS = [name for name in NAMES if isinstance(setting(name), Number)]
WHOLE = [name for name in NUMBERS if setting(name).whole]
LISTS = [name for name in NAMES if isinstance(setting(name), PerArtwork)]
LAYERS = [name for name in NAMES if isinstance(setting(name), PerLayer)]
WORDS = [name for name in NAMES if isinstance(setting(name), Choice)]
CLOSED = [name for name in WORDS if not setting(name).open]

UNUSUAL = Recipe(
    encoder="vgg19",
    size=333,
    steps=7,
    content_weight=0.1,
    style_weight=1e-7,
    tv_weight=1 / 3,
    layer_weights={"relu5_1": 0.0, "relu1_1": 2.5},
    content_layer="relu3_1",
    more_content_layers={"relu2_1": 0.5},
    style_shares=(0.25, 1.0),
    style_scales=(2.0,),
    style_split=0.5,
    large_forms=1.75,
    edge_weight=0.35,
    tv_kind="power",
    tv_gamma=0.75,
    color_strength=0.5,
    match_color=0.75,
    clean_color=0.25,
    color_method="pca",
    tiling=True,
    pooling="l2",
    padding="reflect",
    averaging=0.9,
    variables="bands",
    statistic="gram",
    formulation="gatys",
    optimizer="adam",
    init="noise",
    coarsest=17,
    seed=2**31 - 1,
)


def refusal(**settings):
    with pytest.raises(RecipeError) as caught:
        Recipe(**settings)
    assert isinstance(caught.value, UsageError) and isinstance(caught.value, ValueError)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------ fields and limits


def test_the_defaults_are_those_of_the_design():
    recipe = Recipe()
    assert (recipe.encoder, recipe.size, recipe.steps) == ("compact", 512, 200)
    assert (recipe.content_weight, recipe.style_weight, recipe.tv_weight) == (1.0, 10.0, 0.0)
    assert recipe.layer_weights == {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0, "relu5_1": 1.0}
    assert (recipe.content_layer, recipe.statistic, recipe.formulation) == ("relu4_2", "bures", "relative")
    assert (recipe.optimizer, recipe.init, recipe.coarsest, recipe.seed) == ("lbfgs", "content", 48, 0)
    assert recipe.more_content_layers == {} and recipe.style_shares == recipe.style_scales == () and recipe.tiling is False
    assert (recipe.style_split, recipe.color_strength, recipe.averaging, recipe.variables) == (0, 0, 0, "pixels")


def test_a_number_takes_both_of_its_limits_and_nothing_beyond():
    for name in NUMBERS:
        least, most = setting(name).least, setting(name).most
        assert [getattr(Recipe(**{name: limit}), name) for limit in (least, most)] == [least, most]
        beyond = (least - 1, most + 1) if name in WHOLE else (least - 1e-9, most * 1.001 + 1e-9)
        for value in (*beyond, -(10**9), 10**13):
            message = refusal(**{name: value})
            assert name in message and f"{least:g}" in message and f"{most:g}" in message


def test_what_is_no_finite_number_is_refused_with_the_name_of_the_field():
    for name, value in itertools.product(NUMBERS, (math.nan, math.inf, -math.inf, True, False, "64", None, [64], 64j)):
        message = refusal(**{name: value})
        assert name in message and repr(value) in message


def test_a_whole_number_too_large_for_a_float_or_for_print_is_refused_with_the_name_of_the_field():
    for name, value in itertools.product(NUMBERS, (10**400, -(10**400), 10**5000)):
        assert name in refusal(**{name: value})


def test_a_whole_number_may_come_as_a_float_but_not_as_a_fraction_and_a_weight_is_kept_as_a_float():
    for name in WHOLE:
        value = getattr(Recipe(**{name: 100.0}), name)
        assert value == 100 and type(value) is int and name in refusal(**{name: 100.5})
    for name in set(NUMBERS) - set(WHOLE):
        whole = int(setting(name).least) or (1 if setting(name).most >= 1 else 0)
        assert type(getattr(Recipe(**{name: whole}), name)) is float


def test_a_switch_takes_true_and_false_alone():
    for name in SWITCHES:
        assert [getattr(Recipe(**{name: value}), name) for value in (True, False)] == [True, False]
        for value in (0, 1, "yes", None, [True]):
            assert name in refusal(**{name: value})


def test_a_list_of_numbers_takes_up_to_four_within_its_limits():
    for name in LISTS:
        assert getattr(Recipe(**{name: [1, 2]}), name) == (1.0, 2.0)
        for value in (1.0, None, "1", [1, None], [math.nan], [-1], [1e9], [1] * 5, {"a": 1}):
            assert name in refusal(**{name: value})


def test_what_is_no_word_is_refused_with_the_name_of_the_field():
    for name, value in itertools.product(WORDS, ("", None, 1, True, ["gram"], b"gram", math.nan)):
        assert name in refusal(**{name: value})


def test_a_choice_takes_what_it_offers_and_its_refusal_lists_it():
    for name in CLOSED:
        choices = setting(name).choices
        for choice in choices:
            statistic = "wasserstein" if choice == "crowsonkb" else "gram"
            assert getattr(Recipe(**({"statistic": statistic} | {name: choice})), name) == choice
        message = refusal(**{name: choices[0].upper()})
        assert name in message and all(choice in message for choice in choices)


def test_closed_choices_are_those_that_the_engine_knows():
    known = {"statistic": STATISTICS, "formulation": FORMULATIONS, "optimizer": OPTIMIZERS, "color_method": COLOR_METHODS}
    assert set(CLOSED) == {*known, "init", "tv_kind", "pooling", "padding", "variables"}
    for name, there in known.items():
        assert set(setting(name).choices) == set(there)
    for name in FORMULATIONS:
        for statistic in STATISTICS:
            if NEEDS[name] in ("", statistic):
                Recipe(formulation=name, statistic=statistic)
            else:
                assert name in refusal(formulation=name, statistic=statistic)


def test_encoder_and_content_layer_are_open_to_an_encoder_of_ones_own():
    assert Recipe(encoder="mine", content_layer="conv7").content_layer == "conv7"


def test_a_slider_lies_within_the_limits_and_can_show_the_default():
    defaults = {"more_content_layers": 0.0} | dict.fromkeys(("layer_weights", *LISTS), 1.0)
    for name in NAMES:
        assert setting(name).help.endswith(".")
        if not getattr(setting(name), "slider", None):
            continue
        least, most, step = setting(name).slider
        assert step > 0
        for value in (least, most):
            Recipe(**{name: dict.fromkeys(STYLE_LAYERS, value) if name in LAYERS else [value] if name in LISTS else value})
        default = defaults.get(name, getattr(Recipe(), name))
        assert least <= default <= most
        assert (default - least) / step == pytest.approx(round((default - least) / step))
        assert (most - least) / step == pytest.approx(round((most - least) / step))


# ---------------------------------------------------------------------------------------------------- there and back


@pytest.mark.parametrize("recipe", [Recipe(), UNUSUAL])
def test_a_recipe_comes_back_from_repr_json_pickle_and_copy(recipe):
    assert eval(repr(recipe)) == recipe
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert copy.deepcopy(recipe) == recipe
    for back in (eval(repr(recipe)), Recipe.from_json(recipe.to_json()), pickle.loads(pickle.dumps(recipe))):
        assert hash(back) == hash(recipe) and repr(back) == repr(recipe)
        assert list(back.layer_weights) == list(recipe.layer_weights)


def test_weights_come_back_from_repr_and_pickle():
    weights = UNUSUAL.weights
    assert eval(repr(weights)) == weights == pickle.loads(pickle.dumps(weights))
    assert hash(eval(repr(weights))) == hash(weights)


def test_the_json_is_one_line_of_plain_values_with_every_field():
    text = UNUSUAL.to_json()
    assert "\n" not in text
    values = json.loads(text)
    assert list(values) == ["version", *NAMES]
    assert values["layer_weights"] == {"relu5_1": 0.0, "relu1_1": 2.5} and values["style_weight"] == 1e-7


def test_recipes_differ_when_one_field_does():
    same = ("statistic", "formulation", "repeats", "until", "keyframes")
    others = [replace(UNUSUAL, **{name: getattr(Recipe(), name)}) for name in NAMES if name not in same]
    assert all(other != UNUSUAL for other in others)
    assert len({*others, UNUSUAL}) == len(others) + 1


def test_a_recipe_and_its_weights_never_change():
    recipe = Recipe()
    with pytest.raises(FrozenInstanceError):
        recipe.size = 64
    with pytest.raises(FrozenInstanceError):
        recipe.weights.style_weight = 1.0
    with pytest.raises(TypeError):
        recipe.layer_weights["relu1_1"] = 2.0


def test_a_later_change_of_the_dict_that_was_given_changes_nothing():
    layers = {"relu1_1": 1.0}
    recipe, weights = Recipe(layer_weights=layers), Weights(1, 1, 1, layers)
    layers["relu1_1"] = 7.0
    assert recipe.layer_weights["relu1_1"] == 1.0 and weights.layer_weights["relu1_1"] == 1.0


# ---------------------------------------------------------------------------------------------------------- weights


def test_layer_weights_are_a_mapping_that_equals_a_dict_in_any_order():
    layers = LayerWeights([("relu2_1", 2), ("relu1_1", 1)])
    assert layers == {"relu1_1": 1.0, "relu2_1": 2.0} and len(layers) == 2
    turned = LayerWeights({"relu1_1": 1, "relu2_1": 2})
    assert turned == layers and hash(turned) == hash(layers)
    assert eval(repr(layers)) == layers
    assert "relu5_1" not in layers and layers != {"relu1_1": 1.0}


def test_what_is_no_mapping_from_layers_is_refused():
    for value in ({}, [], "relu1_1", "", None, 3, ["relu1_1"], [("relu1_1",)], [[[], 1]], {1: 1.0}):
        assert "layer" in refusal(layer_weights=value)
        with pytest.raises(RecipeError):
            Weights(1, 1, 1, value)


def test_a_bad_weight_is_refused_with_its_name_or_that_of_its_layer():
    fine = {"content_weight": 1, "style_weight": 1, "tv_weight": 1, "layer_weights": {"relu1_1": 1}}
    for value in (-1e-9, 1.1e12, math.nan, math.inf, True, "1", None, 10**400):
        assert "relu3_1" in refusal(layer_weights={"relu1_1": 1.0, "relu3_1": value})
        for name in ("content_weight", "style_weight", "tv_weight"):
            with pytest.raises(RecipeError, match=name):
                Weights(**(fine | {name: value}))


def test_check_weight_gives_a_float_and_names_what_it_refuses():
    assert check_weight("w", 0) == 0.0 and check_weight("w", 1e12) == 1e12 and type(check_weight("w", 1)) is float
    with pytest.raises(RecipeError, match=r"^this one must lie between 0 and 1e"):
        check_weight("this one", -1)


# ------------------------------------------------------------------------------------------------------ hostile JSON


def test_an_unknown_setting_is_refused_by_name_and_the_known_ones_are_listed():
    with pytest.raises(RecipeError) as caught:
        Recipe.from_json('{"size": 64, "learning_rate": 1}')
    assert "'learning_rate'" in str(caught.value) and all(name in str(caught.value) for name in NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "3",
        "[]",
        '"size"',
        "[[]]",
        '{"layer_weights": [[1, 2, 3]]}',
        "{'size': 64}",
        '{"size": 64}}',
        '{"size": NaN}',
        '{"size": 1e999}',
        '{"size": "64"}',
        '{"size": true}',
        '{"size": null}',
        '{"style_weight": -Infinity}',
        '{"layer_weights": null}',
        '{"layer_weights": [1, 2]}',
        '{"layer_weights": "relu1_1"}',
        '{"layer_weights": {"relu1_1": {}}}',
        '{"encoder": ["compact"]}',
        '{"\\ud800": 1}',
        "\0",
        "\ufeff{}",
    ],
)
def test_json_that_is_no_recipe_is_refused(text):
    with pytest.raises(RecipeError) as caught:
        Recipe.from_json(text)
    assert 10 < len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"size": ' * 100_000 + "1" + "}" * 100_000,
        '{"size": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "[" * 200_000,
    ],
    ids=["lists", "objects", "lists_in_a_field", "open_lists"],
)
def test_deeply_nested_json_is_refused_like_any_other(text):
    with pytest.raises(RecipeError):
        Recipe.from_json(text)


@pytest.mark.parametrize("digits", [400, 4000, 5000])
def test_json_with_a_number_of_very_many_digits_is_refused(digits):
    with pytest.raises(RecipeError):
        Recipe.from_json('{"seed": ' + "9" * digits + "}")


def test_the_message_about_a_huge_value_stays_readable():
    with pytest.raises(RecipeError) as caught:
        Recipe.from_json(json.dumps({"encoder": "compact", "statistic": "x" * 100_000}))
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "values",
    [
        {"layer_weights": {"x" * 900_000: 1}},
        {"more_content_layers": {"x" * 900_000: 1}},
        {"layer_weights": {f"layer{n}": 1 for n in range(50_000)}},
        {"encoder": "x" * 900_000},
        {"content_layer": "x" * 900_000},
        {"x" * 900_000: 1},
        {"size": "x" * 900_000},
    ],
)
def test_what_is_said_about_a_value_stays_short_however_long_the_value_is(values):
    with pytest.raises(RecipeError) as caught:
        Recipe.from_json(json.dumps(values))
    assert len(str(caught.value)) < 1000


def test_what_a_recipe_leaves_out_has_its_default():
    assert Recipe.from_json('{"size": 64}') == Recipe(size=64)


def test_recipes_of_older_versions_paint_what_they_did():
    assert Recipe().match_color == 1 and Recipe().edge_weight > 0 and Recipe.from_json('{"version": 3}') == Recipe()
    assert Recipe.from_json('{"version": 2, "size": 64}') == Recipe(size=64, edge_weight=0.0)
    assert Recipe.from_json('{"version": 1, "size": 64}') == Recipe(size=64, edge_weight=0.0, match_color=0.0)
    assert Recipe.from_json('{"version": 1, "match_color": 0.5}').match_color == 0.5


def test_weights_are_the_part_that_may_be_turned():
    weights = Recipe(style_weight=3).weights
    assert weights == Weights(1.0, 3.0, 0.0, Recipe().layer_weights)
    assert Recipe().with_weights(weights) == Recipe(style_weight=3)
    with pytest.raises(RecipeError):
        Weights(1, -1, 0, {"relu1_1": 1})
    assert LayerWeights({"a": 1, "b": 2}) == {"b": 2.0, "a": 1.0}
    assert hash(LayerWeights({"a": 1})) == hash(LayerWeights([("a", 1)]))
