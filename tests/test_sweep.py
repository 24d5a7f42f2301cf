"""Grids of recipes, painted by a tiny encoder."""

import json
from dataclasses import replace

import numpy as np
import pytest
import runs
from PIL import Image
from toy import Toy

from stylekit import Job, Keyframe, Recipe, RecipeError
from stylekit.recipe import SETTINGS, Choice, Number, Switch
from stylekit.sweep import MOST_CELLS, Axis, finished, grid, painted, recipes, recipes_json, sheet


def job(**settings):
    return Job(runs.picture(0), [runs.picture(1)], runs.recipe(steps=2, **settings))


def test_each_cell_has_its_values_and_all_else_as_it_was():
    base = Recipe(content_weight=3, style_weight=7)
    table = recipes(base, Axis.of("style-weight=1, 5,25"), Axis.of("relu5_1=0,3"))
    assert [[r.style_weight for r in row] for row in table] == [[1, 1], [5, 5], [25, 25]]
    assert [[r.layer_weights["relu5_1"] for r in row] for row in table] == [[0, 3]] * 3
    assert replace(table[1][0], style_weight=7, layer_weights=base.layer_weights) == base


@pytest.mark.parametrize("name", [name for name, kind in SETTINGS.items() if isinstance(kind, Number | Choice | Switch)])
def test_every_plain_setting_can_be_swept(name):
    described = SETTINGS[name]
    match described:
        case Choice():
            values = described.choices[:2]
        case Switch():
            values = ("off", "on")
        case Number():
            values = (f"{described.least:g}", f"{described.least + 1:g}" if described.whole else f"{described.least + 0.25:g}")
    axis = Axis.of(f"{name}={','.join(values)}")
    assert axis.label(axis.values[0]) == f"{name} = {'false' if values[0] == 'off' else values[0]}"
    if name not in ("formulation",):  # needs a statistic along with it
        assert [getattr(r, name) for (r,) in recipes(Recipe(), axis)] == list(axis.values)


def test_parts_of_settings_have_names():
    (four, _), (none, _) = recipes(Recipe(), Axis.of("style_scales.B=0.5,2"), Axis.of("more_content_layers.relu2_1=0,1"))
    assert four.style_scales == (1, 0.5) and four.more_content_layers == {"relu2_1": 0} and none.style_scales == (1, 2)


def test_a_value_holds_throughout_a_run_that_was_steered():
    weights = replace(Recipe().weights, style_weight=20.0, layer_weights={**Recipe().layer_weights, "relu1_1": 0.5})
    base = Recipe(keyframes=(Keyframe(0.5, weights),))
    ((cell,),) = recipes(base, Axis("relu5_1", (3,)))
    assert cell.layer_weights["relu5_1"] == cell.keyframes[0].weights.layer_weights["relu5_1"] == 3
    assert cell.keyframes[0].weights.layer_weights["relu1_1"] == 0.5 and cell.keyframes[0].weights.style_weight == 20


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        ("brush=1,2", None, "no setting"),
        ("keyframes=1", None, "cannot be swept"),
        ("style_weight", None, "must look like"),
        ("style_weight=", None, "must look like"),
        ("style_weight=1,much", None, "must be a number"),
        ("style_weight=1,1", None, "twice"),
        ("style_weight=-1", None, "between 0 and"),
        ("statistic=gram,grum", None, "one of"),
        ("size=64,64.5", None, "whole number"),
        ("tiling=perhaps", None, "true or false"),
        ("layer_weights=1", None, "a weight for each layer"),
        ("style_shares.E=1", None, "for each artwork"),
        ("style_weight.A=1", None, "no parts"),
        ("style_weight=1,2", "style_weight=3,4", "both vary"),
        ("relu1_1=1,2", "layer_weights.relu1_1=3,4", "both vary"),
        ("statistic=gram,sliced", "formulation=gatys", "needs the statistic"),
        (f"seed={','.join(map(str, range(MOST_CELLS + 1)))}", None, "at most"),
        ("seed=1,2,3,4,5,6,7,8,9", "style_weight=1,2,3,4,5,6,7,8,9", "up to"),
    ],
)
def test_what_cannot_be_is_refused_in_words(rows, columns, says):
    with pytest.raises(RecipeError, match=says):
        recipes(Recipe(), Axis.of(rows), columns and Axis.of(columns))


def test_all_is_checked_before_anything_is_painted():
    encoder = Toy()
    cells = grid(job(), Axis.of("relu1_1=1,2"), Axis.of("content_layer=relu4_2,relu9_1"))
    with pytest.raises(RecipeError, match="relu9_1"):
        painted(cells, lambda recipe: encoder)
    assert encoder.asked == []


def test_cells_are_painted_one_after_the_other_as_they_would_be_alone():
    cells, encoder = grid(job(), Axis.of("style_weight=1,25"), Axis.of("init=content,noise")), Toy()
    seen = list(painted(cells, lambda recipe: encoder))
    assert [(cell.row, cell.column, frame.step) for cell, frame in seen] == [
        (r, c, step) for r in (0, 1) for c in (0, 1) for step in (0, 1, 2)
    ]
    last = {(cell.row, cell.column): frame for cell, frame in seen if finished(frame)}
    alone = runs.paint(runs.recipe(steps=2, style_weight=25, init="noise"))
    assert len(last) == 4 and runs.same([last[1, 1]], alone[-1:]) and not runs.same([last[1, 0]], alone[-1:])


def test_the_sheet_has_a_place_for_each_picture_and_says_what_it_is():
    rows, columns = Axis.of("style_weight=1,5"), Axis.of("relu5_1=0,1,3")
    red, wide = Image.new("RGB", (60, 40), "#ff0000"), Image.new("RGB", (30, 20), "#0000ff")
    full = sheet(rows, columns, {(0, 0): red, (1, 2): wide})
    assert sheet(rows, columns, {(0, 0): red}).size == full.size
    count = dict(map(reversed, full.getcolors(1 << 20)))
    assert count[255, 0, 0] == 60 * 40 == count[0, 0, 255]
    one, other = (_box(full, color) for color in ((255, 0, 0), (0, 0, 255)))
    assert one[0] + 2 * 60 < other[0] and one[1] + 40 < other[1]
    ink = _box(full.crop((0, 0, full.width, one[1])), (59, 54, 49))
    assert one[0] - 20 < ink[0] and ink[2] > other[0] and ink[3] - ink[1] >= 8
    huge = sheet(rows, None, {(0, 0): Image.new("RGB", (2000, 1000))})
    assert huge.width < 800


def _box(picture, color):
    """(left, top, right, bottom) of what has this colour."""
    rows, columns = (np.asarray(picture) == color).all(-1).nonzero()
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_the_recipes_beside_it_can_be_read_again():
    rows, columns = Axis.of("style_weight=1,5"), Axis.of("statistic=gram,sliced")
    found = json.loads(recipes_json(Recipe(seed=4), rows, columns))
    assert found["columns"] == {"setting": "statistic", "values": ["gram", "sliced"]}
    assert Recipe.from_json(json.dumps(found["recipes"][1][0])) == Recipe(seed=4, style_weight=5, statistic="gram")
