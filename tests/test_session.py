"""What a visitor's session knows: no work is lost, what the fields show is what runs, and nobody sees another's."""

import re

import httpx
import pytest
from browser import PATIENCE, playwright

from stylekit import Recipe, read_recipe_json
from stylekit.ui.session import EARLIER, Canvas, Session


@pytest.fixture
def painted(tmp_path):
    """`painted(size=512, step=200)` gives a canvas that is on the disk."""
    made = []

    def make(size=512, step=200):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        (folder / "stylekit.png").write_bytes(b"")
        made.append(Canvas(folder / "stylekit.png", folder / "photo.png", step, size, 0))
        return made[-1]

    return make


def test_the_least_advanced_painting_goes_first_and_never_the_one_on_the_easel(painted):
    session = Session()
    finished = painted()
    session.keep(finished)
    for _ in range(9):  # Start over and Stop, again and again
        stopped = painted(48, 2)
        session.keep(stopped)
        assert session.kept() is stopped
    assert finished.path.is_file() and len(session.canvases) == EARLIER + 1
    assert sum(canvas.path.is_file() for canvas in session.canvases) == EARLIER + 1


def test_earlier_paintings_come_back_one_after_the_other_and_then_the_last_again(painted):
    session = Session()
    assert not session.has_earlier()
    one, two, three = (painted() for _ in range(3))
    for canvas in (one, two, three):
        session.keep(canvas)
    seen = []
    for _ in range(3):
        session.bring_back()
        seen.append(session.canvas)
    assert seen == [two, one, three] and session.has_earlier()
    two.path.unlink()  # expired
    session.bring_back()
    assert session.canvas is one
    session.forget()
    assert not session.has_earlier() and not one.path.exists() and not three.path.exists()


# ------------------------------------------------------------------------------------------------------ in the browser


def size_shown(visitor):
    """(width, height) of the picture file on the canvas."""
    return tuple(visitor.page.evaluate("(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('#canvas img'))"))


def paint(visitor, recipe, folder, ends="Finished at step"):
    """Paint with a recipe until the end."""
    (folder / "recipe.json").write_text(recipe.to_json())
    visitor.restore(folder / "recipe.json")
    visitor.page.locator("#paint").click()
    visitor.says(ends)
    expect_file(visitor)


def expect_file(visitor):
    """Wait until the canvas shows a saved painting, not a preview."""
    playwright.expect(visitor.page.locator("#canvas img")).to_have_attribute("src", re.compile("^http.*png"), timeout=PATIENCE)


def saved_recipe(visitor, folder):
    """The recipe in the painting on the canvas."""
    (folder / "shown.png").write_bytes(httpx.get(visitor.shown()).content)
    return Recipe.from_json(read_recipe_json(folder / "shown.png"))


def test_a_finished_picture_comes_back_after_start_over_and_stop(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    paint(visitor, Recipe(size=128, steps=20), tmp_path)
    assert not page.locator("#earlier").is_visible()
    finished = visitor.shown()
    visitor.unfold()
    visitor.set("steps", 1000)
    page.locator("#paint").click()
    visitor.different_pictures(1)
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    expect_file(visitor)
    assert visitor.shown() != finished and size_shown(visitor)[0] < 128
    page.screenshot(path=tmp_path / "start-over-and-stop.png")
    page.locator("#earlier").click()
    visitor.says("An earlier painting, step 20, 128 pixels")
    playwright.expect(page.locator("#canvas img")).to_have_attribute("src", finished)
    assert saved_recipe(visitor, tmp_path).steps == 20
    page.locator("#continue").click()  # what came back can be gone on with
    visitor.says(r"(Step|Finished at step) \d+")
