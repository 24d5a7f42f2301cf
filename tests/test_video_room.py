"""The tab Clip: what the studio does, without a browser, and a visitor's route in one."""

import re
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest
from browser import PATIENCE, playwright
from test_video import walk

from stylekit import Recipe
from stylekit.clip import Clip, write
from stylekit.errors import PictureError, RecipeError
from stylekit.pictures import to_array
from stylekit.studio.film import Films
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.studio.video import Wish, paint
from stylekit.ui.words import Words

ASSETS = Path(__file__).parents[1] / "assets"
PHOTO, ARTWORK = str(ASSETS / "photos" / "cat.jpg"), str(ASSETS / "artworks" / "ink-mountains.jpg")
RECIPE = Recipe(size=64, steps=3, coarsest=64)


@pytest.fixture(scope="module")
def studio():
    return Studio(Limits(max_clip_seconds=1), Words())


def shown(studio, films, wish, recipe=RECIPE, until=None):
    seen = []
    with closing(paint(studio, films, Order(PHOTO, (ARTWORK,), recipe), wish, lambda: len(seen) == until)) as parts:
        for part in parts:
            if part.picture is not None:
                seen.append(part)
    return seen


def test_a_part_of_a_clip_becomes_a_film_in_a_folder_of_its_own(studio, tmp_path):
    write(tmp_path / "clip.mp4", ((m.at, to_array(m.image)) for m in walk(4)), Fraction(25))
    films = Films()
    seen = shown(studio, films, Wish(str(tmp_path / "clip.mp4"), "", 5.0, begin=0.04, size=64))
    assert seen[-1].number == 3 and seen[-1].picture.shape == (48, 64, 3)
    assert [round(m.at, 2) for m in Clip(str(films.made), 64)] == [0.0, 0.04, 0.08]
    assert [path.name for path in films.made.parent.iterdir()] == ["stylekit.mp4"]
    folder = films.made.parent
    films.forget()
    assert not folder.exists()


def test_one_that_is_stopped_is_a_film_of_what_was_painted_and_a_camera_moves_no_longer_than_it_may(studio):
    films = Films()
    seen = shown(studio, films, Wish(None, "pan-left", 99.0, size=48), until=2)
    assert seen[0].of == 24 and len(list(Clip(str(films.made), 48))) == 1  # of one second, 24 pictures


def test_what_cannot_be_is_said_and_leaves_the_film_before(studio, tmp_path):
    films = Films()
    shown(studio, films, Wish(None, "zoom-in", 1.0, size=48), until=1)
    before = films.made
    (tmp_path / "no.mp4").write_text("no video")
    with pytest.raises(PictureError):
        shown(studio, films, Wish(str(tmp_path / "no.mp4"), "", 1.0))
    with pytest.raises(RecipeError):
        shown(studio, films, Wish(None, "zoom-in", 1.0), Recipe(tiling=True))
    assert films.made == before and before.is_file()


def test_a_visitor_paints_the_photo_under_a_camera_stops_and_sees_the_film(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    (tmp_path / "short.json").write_text(RECIPE.to_json())
    visitor.restore(tmp_path / "short.json")
    page.get_by_role("tab", name="Clip").click()
    page.get_by_text("192 px").click()
    page.locator("#video-press").click()
    playwright.expect(page.locator("#video-shown")).to_contain_text(re.compile("Picture ([2-9]|[1-4][0-9]) of"), timeout=PATIENCE)
    page.locator("#video-stop").click()
    film = page.locator("#video-shown video")
    film.wait_for()
    page.wait_for_function("() => document.querySelector('#video-shown video').videoWidth == 192")
    playwright.expect(page.locator("#video-download")).to_be_visible()
    assert visitor.complaints == []
