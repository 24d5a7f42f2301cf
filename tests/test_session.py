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


def type_into(visitor, name, text):
    """Type into a number field key by key, as a hand does; the focus stays there."""
    field = visitor.page.locator(f"#set-{name} input[type=number]").first
    field.click()
    field.press("Control+a")
    if text:
        visitor.page.keyboard.type(text, delay=20)
    else:
        field.press("Delete")
    return field


def leave(field):
    field.press("Tab")


def expect_value(visitor, name, value):
    playwright.expect(visitor.page.locator(f"#set-{name} input[type=number]").first).to_have_value(value, timeout=PATIENCE)


def test_a_value_beyond_the_sliders_end_is_taken_while_it_paints_and_is_what_runs(visit, long_recipe, tmp_path):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    page.locator("#paint").click()
    visitor.different_pictures(1)
    leave(type_into(visitor, "style_weight", "80"))
    visitor.says(r"Weights changed at step \d+")
    expect_value(visitor, "style_weight", "80")
    assert page.locator("#set-style_weight input[type=range]").input_value() == "80"  # the thumb is at its new end
    visitor.different_pictures(2)
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    expect_file(visitor)
    assert saved_recipe(visitor, tmp_path).style_weight == 80 and visitor.value("style_weight") == 80


@pytest.mark.parametrize(
    ("typed", "says"),
    [("-5", "style_weight must lie between 0 and 1e.12, not -5. It is 7 again"), ("1e99", "not 1e.99. It is 7 again")],
)
@pytest.mark.parametrize("painting", [False, True])
def test_a_value_that_no_recipe_may_have_is_refused_in_words_and_the_one_that_counts_comes_back(
    visit, long_recipe, tmp_path, typed, says, painting
):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    leave(type_into(visitor, "style_weight", "7"))
    if painting:
        page.locator("#paint").click()
        visitor.different_pictures(1)
    leave(type_into(visitor, "style_weight", typed))
    visitor.says(says)
    page.screenshot(path=tmp_path / f"refused-{painting}.png")
    expect_value(visitor, "style_weight", "7")
    if not painting:
        page.locator("#paint").click()
    visitor.different_pictures(2)
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    expect_file(visitor)
    assert saved_recipe(visitor, tmp_path).style_weight == 7


@pytest.mark.parametrize("typed", ["", "abc"])
def test_a_field_that_is_left_without_a_number_has_its_number_again(visit, typed):
    visitor = visit()
    leave(type_into(visitor, "style_weight", typed))
    expect_value(visitor, "style_weight", "5")
    leave(type_into(visitor, "content_weight", "2"))
    visitor.unfold()
    leave(type_into(visitor, "seed", typed))
    expect_value(visitor, "seed", "0")


def test_size_and_steps_go_as_far_as_the_studio_does(visit):
    visitor = visit()
    visitor.unfold()
    leave(type_into(visitor, "size", "4000"))
    visitor.says("This studio paints up to 1024 pixels; choose a smaller size. It is 512 again.")
    expect_value(visitor, "size", "512")
    leave(type_into(visitor, "size", "72"))  # below the slider's end, but not the recipe's
    leave(type_into(visitor, "steps", "3"))
    leave(type_into(visitor, "seed", "-3"))
    visitor.says("seed must lie between")
    expect_value(visitor, "seed", "0")
    visitor.page.locator("#paint").click()
    visitor.says("Finished at step 3 after .* 72×48 pixels")


def test_what_a_running_picture_cannot_take_is_said(visit, long_recipe):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    page.locator("#paint").click()
    visitor.different_pictures(1)
    page.get_by_text("Dream", exact=True).first.click()
    visitor.says(r"Weights changed at step \d+. With the next run: Start from, Smallest level\.")
    page.get_by_text("Bold", exact=True).first.click()
    playwright.expect(page.locator("#status")).not_to_contain_text("Start from", timeout=PATIENCE)
    page.locator("#stop").click()
    visitor.says("Stopped")
