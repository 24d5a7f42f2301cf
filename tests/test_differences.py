"""The differences of two recipes, in words."""

from dataclasses import replace

from stylekit import Recipe
from stylekit.studio.differences import differences

BASE = Recipe()


def test_what_differs_is_named_with_both_values_and_what_is_equal_is_not():
    layers = {**BASE.layer_weights, "relu5_1": 0.3}
    other = replace(BASE, style_weight=20.0, layer_weights=layers, tiling=True, statistic="gram", style_scales=(1.0, 2.0))
    said = ["style 10 → 20", "relu5_1 1 → 0.3", "style_scales 2 1 → 2", "statistic bures → gram", "tiling off → on"]
    assert differences(BASE, other) == said
    assert differences(BASE, BASE) == []


def test_weights_are_those_of_the_end_and_turns_and_where_it_ended_are_told():
    steered = replace(BASE, keyframes=[{"at": 0.5, "style_weight": 20.0}], until=0.75)
    assert differences(BASE, steered) == ["style 10 → 20", "turned 0 → 1 times", "ended at step 200 → 150"]
    assert differences(steered, replace(BASE, style_weight=20.0))[0] == "turned 1 → 0 times"
