"""The room behind the tab Inside: small runs through the studio's line, looks at what is painted, refusals in words."""

import pytest
import torch
from test_run import ARTWORK, PHOTO

from stylekit import Recipe
from stylekit.errors import RecipeError
from stylekit.recipe import STYLE_LAYERS
from stylekit.studio import inside
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.ui.words import Words


@pytest.fixture
def studio():
    return Studio(Limits(max_size=256), Words())


@pytest.fixture
def order():
    return Order(PHOTO, (ARTWORK,), Recipe(size=48, steps=6))


def test_the_figure_forms_panel_by_panel_and_gives_its_place_in_the_line_back(studio, order, monkeypatch):
    small = inside.explore.reconstructions
    monkeypatch.setattr(inside.explore, "reconstructions", lambda recipe: small(recipe, size=32, steps=3)[:3])
    views = list(inside.layers(studio, order))
    assert views[0] == [] and [len(panels) for panels in views] == sorted(len(panels) for panels in views)
    assert [(panel.reconstruction.of, panel.done) for panel in views[-1]] == [("content", 1), ("style", 1), ("content", 1)]
    assert all(panel.picture.std() > 5 for panel in views[-1])
    with studio.line.ticket() as ticket:
        assert studio.line.ahead(ticket) == 0


def test_nobody_who_listens_is_nobody_for_whom_it_paints(studio, order):
    views = list(inside.layers(studio, order, heard=lambda: False))
    assert len(views[-1]) <= 1


def test_matrices_are_of_photo_artwork_and_what_is_on_the_easel(studio, order):
    session = Session()
    found = inside.matrices(studio, session, order, "relu2_1")
    assert list(found.grams) == ["photo", "artwork"] and len(found.boxes) == len(found.grams["photo"])
    assert not torch.allclose(found.grams["photo"], found.grams["artwork"], rtol=0.1)
    *_, last = studio.paint(session, order)
    assert last.canvas
    assert list(inside.matrices(studio, session, order, "relu2_1").grams) == ["photo", "artwork", "painting"]


def test_the_worked_example_shows_the_pixels_that_were_asked_for(studio, order):
    corner, pixels = inside.example(studio, order, (0.0, 0.0))
    middle, others = inside.example(studio, order, (0.5, 0.5))
    assert corner.features.shape == middle.features.shape == (8, 16) and pixels.shape == others.shape == (3, 4, 4)
    assert not torch.equal(corner.features, middle.features) and not torch.equal(pixels, others)


def test_pulls_are_of_the_run_that_goes_on_and_then_of_the_easel(studio, order):
    session = Session()
    assert inside.pulls(studio, session, order) is None
    going_on = []
    for view in studio.paint(session, order):
        if view.mode == "painting":
            going_on.append(inside.pulls(studio, session, order))
    assert session.watched is None and going_on
    for pulls in (*going_on, inside.pulls(studio, session, order)):
        assert list(pulls) == ["content", *STYLE_LAYERS, "edges"]
        assert sum(pull.share for pull in pulls.values()) == pytest.approx(1, abs=1e-4)


def test_without_two_pictures_there_is_nothing_to_look_into(studio):
    alone = Order(PHOTO, (), Recipe())
    for look in (
        lambda: list(inside.layers(studio, alone)),
        lambda: inside.matrices(studio, Session(), alone, "relu1_1"),
        lambda: inside.shuffled(studio, alone, "relu1_1"),
        lambda: inside.example(studio, alone, (0, 0)),
    ):
        with pytest.raises(RecipeError, match="photo and"):
            look()
