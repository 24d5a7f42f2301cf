"""Settings in an address: there and back, short, and checked like a recipe file."""

import pytest

from stylekit import Recipe
from stylekit.errors import RecipeError
from stylekit.presets import PRESETS
from stylekit.studio.address import from_query, to_query

STEERED = Recipe(keyframes=[{"at": 0.5, "style_weight": 20}], until=0.75)


@pytest.mark.parametrize("recipe", [Recipe(), *(preset.recipe() for preset in PRESETS.values())])
def test_every_preset_comes_back_from_its_address(recipe):
    assert from_query(to_query(recipe)) == (recipe, "", ())


def test_an_address_is_short_and_can_be_read():
    recipe = Recipe(
        style_weight=20, layer_weights=dict(Recipe().layer_weights) | {"relu5_1": 0.3}, style_scales=(1, 2), tiling=True
    )
    query = to_query(recipe, "cat", ["harbour-night", "ink-mountains"])
    assert query.endswith(
        "style_weight=20&relu5_1=0.3&style_scales=1,2&tiling=yes&photo=cat&artwork=harbour-night&artwork=ink-mountains"
    )
    assert from_query("?" + query) == (recipe, "cat", ("harbour-night", "ink-mountains"))


def test_numbers_come_back_to_the_last_bit():
    recipe = Recipe(style_weight=1 / 3, content_weight=1e-7, more_content_layers={"relu1_1": 0.1 + 0.2})
    assert from_query(to_query(recipe)).recipe == recipe


def test_what_counts_for_nothing_is_not_said():
    recipe = Recipe(more_content_layers={"relu1_1": 0.0, "relu2_1": 0.5}, style_scales=(1, 2, 1), style_shares=(1,))
    assert to_query(recipe).endswith("&more_content_layers=relu2_1:0.5&style_scales=1,2")


def test_what_became_of_a_run_is_not_in_the_address():
    assert from_query(to_query(STEERED)).recipe == Recipe()


def test_addresses_without_settings_of_ours_say_nothing():
    assert from_query("") is None and from_query("?__theme=dark&utm_source=mail") is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("style_weight=much", "style_weight must be a number"),
        ("style_weight=-1", "style_weight must lie between"),
        ("size=1e999", "size must be a number"),
        ("statistic=magic", "statistic must be one of"),
        ("tiling=perhaps", "tiling must be true or false"),
        ("relu3_1=", "relu3_1 must be a number"),
        ("keyframes=1", "saved"),
        ("v=999", "version"),
        ("artwork=a&artwork=b&artwork=c&artwork=d&artwork=e", "at most 4"),
        ("other=" + "x" * 3000 + "&size=64", "at most 2000"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused_in_words(query, said):
    with pytest.raises(RecipeError, match=said):
        from_query(query)
