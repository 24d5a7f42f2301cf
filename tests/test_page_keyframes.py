"""What was turned while it painted is played again on the page: from the file that was downloaded, to the same pixels."""

import re

import numpy as np
import pytest
from browser import PATIENCE, drop, playwright
from PIL import Image

from stylekit import Recipe, read_recipe_json

STEPS = 150


@pytest.fixture
def begun(visit, tmp_path):
    """A visitor whose page is set to paint 128 pixels in STEPS steps."""

    def arrive(**window):
        visitor = visit(**window)
        visitor.unfold()
        visitor.set("size", 128)
        visitor.set("steps", STEPS)
        return visitor

    return arrive


def turn(visitor, name, key):
    """One move of a slider, by a key that takes it to an end of its own."""
    slider = visitor.page.locator(f"#set-{name} input[type=range]")
    slider.focus()
    slider.press(key)


def paint(visitor, button="paint"):
    visitor.page.locator(f"#{button}").click()
    visitor.says(r"Step \d+ of \d+")


def finished(visitor, steps=STEPS):
    visitor.says(f"Finished at step {steps}")
    image = visitor.page.locator("#canvas img")
    playwright.expect(image).to_have_attribute("src", re.compile("^http.*png"), timeout=PATIENCE)


def downloaded(visitor, path):
    with visitor.page.expect_download() as download:
        visitor.page.locator("#download").click()
    download.value.save_as(path)
    return path


def pixels(path):
    return np.asarray(Image.open(path))


def recipe_of(path):
    return Recipe.from_json(read_recipe_json(path))


def test_a_steered_picture_is_painted_again_from_its_file_to_the_last_pixel(begun, tmp_path):
    visitor = begun()
    page = visitor.page
    paint(visitor)
    turn(visitor, "style_weight", "End")
    visitor.says(r"Weights changed at step \d+")
    turn(visitor, "relu5_1", "Home")
    finished(visitor)
    saved = downloaded(visitor, tmp_path / "steered.png")
    assert len(recipe_of(saved).keyframes) == 2

    page.reload()
    page.locator("#paint").wait_for()
    drop(page, saved, "#masthead")
    visitor.says("Settings restored from steered.png. It was steered 2 times: (Paint|Start over) plays that again")
    assert visitor.value("style_weight") == Recipe.style_weight and visitor.value("relu5_1") == 1
    page.screenshot(path=tmp_path / "restored.png")
    for _ in range(2):  # the second time without bringing it back anew
        page.locator("#paint").click()
        visitor.says("What was turned is played again")
        page.screenshot(path=tmp_path / "playing.png")
        finished(visitor)
        assert visitor.value("style_weight") == 50 and visitor.value("relu5_1") == 0
        again = downloaded(visitor, tmp_path / "again.png")
        assert recipe_of(again) == recipe_of(saved) and (pixels(again) == pixels(saved)).all()


def test_a_picture_that_was_paused_turned_and_continued_is_painted_again_from_its_file(begun, tmp_path):
    visitor = begun()
    paint(visitor)
    turn(visitor, "tv_weight", "End")
    visitor.says(r"Step ([6-9]\d|1[0-2]\d) of 150.*Weights changed at step \d+")  # so late that a pause below comes before it
    visitor.page.locator("#pause").click()
    visitor.says("Paused at step")
    turn(visitor, "style_weight", "End")
    visitor.says("Settings changed")
    paint(visitor, "continue")
    finished(visitor)
    saved = downloaded(visitor, tmp_path / "continued.png")
    assert [k.resumed for k in recipe_of(saved).keyframes] == [False, True]

    drop(visitor.page, saved, "#masthead")
    visitor.says("It was steered 2 times")
    paint(visitor)
    visitor.page.locator("#pause").click()  # what is still to come is played by Continue
    visitor.says("Paused at step")
    early = recipe_of(downloaded(visitor, tmp_path / "early.png"))
    paint(visitor, "continue")
    finished(visitor)
    late = recipe_of(downloaded(visitor, tmp_path / "late.png"))
    assert len(early.keyframes) < 2 and late.keyframes[-1] == recipe_of(saved).keyframes[-1]
    paint(visitor)
    finished(visitor)
    again = downloaded(visitor, tmp_path / "again.png")
    assert recipe_of(again) == recipe_of(saved) and (pixels(again) == pixels(saved)).all()


@pytest.fixture
def steered(tmp_path):
    """A file with a recipe that is steered twice and was stopped before its end."""
    keyframes = [{"at": 0.2, "style_weight": 20.0}, {"at": 0.9, "style_weight": 30.0}]
    path = tmp_path / "steered.json"
    path.write_text(Recipe(size=128, steps=600, coarsest=128, until=0.95, keyframes=keyframes).to_json())
    return path


def expect_value(visitor, name, value):
    field = visitor.page.locator(f"#set-{name} input[type=number]").first
    playwright.expect(field).to_have_value(value, timeout=PATIENCE)


def test_a_hand_takes_over_from_the_playing(visit, steered, tmp_path):
    visitor = visit()
    page = visitor.page
    visitor.restore(steered)
    visitor.says("It was steered 2 times: Paint plays that again. It was stopped at step 570 of 600; Paint takes them all")
    visitor.unfold()
    page.locator("#paint").click()
    expect_value(visitor, "style_weight", "20")
    visitor.set("seed", 3)  # not a weight: the playing goes on
    visitor.says("What was turned is played again.*With the next run: Seed")
    turn(visitor, "content_weight", "End")
    visitor.says("Your hand has ended the playing")
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    saved = recipe_of(downloaded(visitor, tmp_path / "mine.png"))
    assert [k.weights.style_weight for k in saved.keyframes] == [20, 20] and saved.settled().content_weight == 5
    assert visitor.value("style_weight") == 20 and not page.locator("#settle").is_visible()


def test_what_was_brought_back_is_dropped_by_a_hand_a_look_or_for_its_last_weights(visit, steered, tmp_path):
    visitor = visit()
    page = visitor.page
    for number, (drop_it, says) in enumerate(
        (
            (lambda: visitor.set("tv_weight", 0.3), "these weights count throughout"),
            (lambda: page.get_by_text("Gentle", exact=True).first.click(), "these weights count throughout"),
            (lambda: page.locator("#settle").click(), "The last weights count throughout"),
        )
    ):
        file = tmp_path / f"{number}.json"  # a browser does not tell of the same file again
        file.write_bytes(steered.read_bytes())
        visitor.restore(file)
        playwright.expect(page.locator("#settle")).to_be_visible(timeout=PATIENCE)
        drop_it()
        visitor.says(says)
        playwright.expect(page.locator("#settle")).to_be_hidden(timeout=PATIENCE)
        page.wait_for_timeout(2500)  # a preset's weights are turned by an event of their own, which shows nothing
    expect_value(visitor, "style_weight", "30")
    page.locator("#paint").click()
    visitor.different_pictures(2)
    assert "played again" not in page.locator("#status").inner_text()
    page.locator("#stop").click()
    visitor.says("Stopped at step")


def test_a_reload_finds_the_keyframes_again(visit, steered):
    visitor = visit()
    page = visitor.page
    visitor.restore(steered)
    page.wait_for_timeout(500)
    page.reload()
    playwright.expect(page.locator("#settle")).to_be_visible(timeout=PATIENCE)
    page.locator("#paint").click()
    visitor.says("What was turned is played again")
    page.locator("#stop").click()
    visitor.says("Stopped at step")
