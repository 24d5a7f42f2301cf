"""The room behind the tab Sweep: a grid through the studio's line, on a visitor's pictures and settings; refusals in words."""

from dataclasses import replace

import pytest
from test_run import ARTWORK, PHOTO

from stylekit import Recipe, RecipeError
from stylekit.studio import sweep
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.sweep import Axis, around
from stylekit.ui.words import Words


@pytest.fixture
def studio():
    return Studio(Limits(max_size=256), Words())


@pytest.fixture
def order():
    return Order(PHOTO, (ARTWORK,), Recipe(size=48, steps=2, style_weight=5))


def board(studio, order, rows, columns=None, **more):
    return list(sweep.board(studio, order, Axis.of(rows), columns and Axis.of(columns), **more))


def test_the_board_fills_cell_by_cell_and_gives_its_place_in_the_line_back(studio, order):
    views = board(studio, order, "style_weight=1,25", "statistic=gram,sliced")
    assert views[0] == [] and [sum(s.finished for s in shown) for shown in views if shown and shown[-1].finished] == [1, 2, 3, 4]
    assert [(s.cell.row, s.cell.column) for s in views[-1]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert views[-1][3].cell.job.recipe == replace(order.recipe, style_weight=25, statistic="sliced")
    assert views[-1][3].picture.shape == (32, 48, 3) and (views[-1][3].picture != views[-1][0].picture).any()
    with studio.line.ticket() as ticket:
        assert studio.line.ahead(ticket) == 0


def test_whatever_is_asked_for_it_is_small_and_lets_others_in(studio, order):
    large = replace(order.recipe, size=256, steps=500, until=0.5)
    assert sweep.small(large, studio) == replace(order.recipe, size=sweep.SIZE, steps=sweep.STEPS)
    assert len(board(studio, order, "style_weight=1,25", heard=lambda: False)) == 1


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        ("size=64,4096", None, "cannot vary size"),
        ("encoder=compact,vgg19", None, "cannot vary encoder"),
        ("style_weight=1,2,3,4,5", "relu5_1=0,1,2,3", "room for 16"),
        ("statistic=gram,sliced", "formulation=relative,gatys", "needs the statistic"),
        ("style_scales.A=1,4", None, "so large brushes"),
    ],
)
def test_what_it_cannot_vary_is_refused_before_anything_is_painted(rows, columns, says, studio, order):
    small = Studio(replace(studio.limits, max_size=64), studio.words)
    views = sweep.board(small, order, Axis.of(rows), columns and Axis.of(columns))
    with pytest.raises(RecipeError, match=says):
        list(views)


def test_two_pictures_are_needed(studio, order):
    with pytest.raises(RecipeError, match="photo and an artwork"):
        board(studio, replace(order, styles=()), "style_weight=1,2")


@pytest.mark.parametrize("name", sweep.names())
def test_everything_that_the_page_offers_has_values_to_begin_with(name):
    axis = around(name, Recipe())
    assert 1 <= len(axis.values) <= 3 and Axis.of(f"{name}={','.join(str(v).lower() for v in axis.values)}") == axis


def test_values_are_around_those_that_are_set():
    assert around("style_weight", Recipe(style_weight=20)).values == (4, 20, 100)
    assert around("statistic", Recipe(statistic="gram", formulation="gatys")).values == ("gram",)
