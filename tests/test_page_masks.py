"""The masks of the page in a real browser: painted with the mouse, at the page's own settings, as a visitor does."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from browser import playwright
from PIL import Image

from stylekit import Recipe, open_picture

ASSETS = Path(__file__).parents[1] / "assets"
FIRST_PHOTO, OTHER_ARTWORK = ASSETS / "photos" / "cat.jpg", ASSETS / "artworks" / "stained-glass.jpg"


def restore(visitor, folder, recipe):
    (folder / "recipe.json").write_text(recipe.to_json())
    visitor.restore(folder / "recipe.json")


def open_masks(page, tab=None):
    page.get_by_role("tab", name="Masks").click()
    if tab:
        page.get_by_role("tab", name=tab).click()
    page.wait_for_timeout(1500)  # the editor fits the picture into its canvas after it is shown


def choose(page, editor, color):
    """Take another colour for the brush, by the name that it is read out with."""
    page.locator(f"#{editor}").get_by_label("Color").click()
    page.locator(f"#{editor}").get_by_label(color).click()


def stroke(page, editor, left, right):
    """Draw a level line through the middle of a mask editor, from one share of its width to another."""
    box = page.locator(f"#{editor} canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * left, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * right, box["y"] + box["height"] * 0.5, steps=5)
    page.mouse.up()
    page.wait_for_timeout(1000)


def painted_to_the_end(visitor, folder, steps):
    page = visitor.page
    page.locator("#paint").click()
    playwright.expect(page.locator("#canvas img")).to_be_visible()  # beside the masks, too
    visitor.says(f"Finished at step {steps}")
    playwright.expect(page.locator("#canvas img")).to_have_attribute("src", re.compile("^http.*png"))
    (folder / "shown.png").write_bytes(httpx.get(visitor.shown()).content)
    return open_picture(folder / "shown.png").image


def test_a_mask_that_is_painted_in_the_browser_keeps_the_photo(visit, tmp_path):
    visitor = visit()
    restore(visitor, tmp_path, Recipe(size=192, steps=40))
    open_masks(visitor.page)
    stroke(visitor.page, "content-mask", 0.4, 0.6)
    painting = painted_to_the_end(visitor, tmp_path, 40)
    photo = open_picture(FIRST_PHOTO, 192).image
    away = (painting - photo).abs().mean(1)[0]
    middle, height = away[:, away.shape[1] // 2], away.shape[0]
    assert middle[height // 2 - 3 : height // 2 + 4].max() < 0.02 < 0.05 < away[: height // 5].mean()


def two_colours(path, left, right):
    artwork = np.zeros((160, 240, 3), np.uint8)
    artwork[:, :120], artwork[:, 120:] = left, right
    Image.fromarray(artwork).save(path)


def test_with_the_usual_settings_each_artwork_paints_where_its_colour_is(visit, tmp_path):
    """Artwork A is red and B blue; A's colour is painted on the left of the photo and B's on the right."""
    drawn = np.asarray(Image.open(OTHER_ARTWORK).convert("L"))[..., None] / 255
    for name, color in (("a", (255, 60, 60)), ("b", (60, 60, 255))):
        Image.fromarray((drawn * color).astype(np.uint8)).save(tmp_path / f"{name}.png")
    visitor = visit()
    page = visitor.page
    visitor.unfold()
    visitor.set("size", 128)
    visitor.set("steps", 60)
    page.locator("#style input[type=file]").set_input_files(tmp_path / "a.png")
    page.get_by_role("button", name="More artworks").click()
    page.locator("#further input[type=file]").first.set_input_files(tmp_path / "b.png")
    page.locator("#further img").first.wait_for()
    open_masks(page)
    assert page.get_by_text("red: Artwork A").is_visible()
    for color, left, right in (("red: Artwork A", 0.15, 0.4), ("blue: Artwork B", 0.6, 0.85)):
        choose(page, "content-mask", color)
        stroke(page, "content-mask", left, right)
    painting = painted_to_the_end(visitor, tmp_path, 60)
    height, width = painting.shape[2:]
    redder = (painting[0, 0] - painting[0, 2])[height * 2 // 5 : height * 3 // 5]
    assert redder[:, width // 8 : width // 3].mean() > redder[:, -width // 3 : -width // 8].mean() + 0.1


@pytest.mark.parametrize("letter", ["A", "B"])
def test_a_mask_on_an_artwork_leaves_the_rest_of_it_out(visit, tmp_path, letter):
    """Of an artwork that is red on the left and blue on the right, the red part."""
    two_colours(tmp_path / "artwork.png", (220, 40, 40), (40, 40, 220))
    shares = (1, 0) if letter == "A" else (0, 1)
    visitor = visit()
    page = visitor.page
    restore(visitor, tmp_path, Recipe(size=128, steps=100, content_weight=0, init="noise", style_shares=shares))
    page.get_by_role("button", name="More artworks").click()
    chosen = page.locator("#style, #further .small").nth("AB".index(letter))
    chosen.locator("input[type=file]").set_input_files(tmp_path / "artwork.png")
    playwright.expect(chosen.locator("img")).to_have_attribute("src", re.compile("artwork.png"))
    open_masks(page, f"On Artwork {letter}")
    stroke(page, f"style-mask-{'AB'.index(letter)}", 0.4, 0.46)
    red, _, blue = painted_to_the_end(visitor, tmp_path, 100).mean((0, 2, 3))
    assert red > blue + 0.15  # of the whole artwork: -0.03


def test_the_photo_shows_through_what_is_painted_on_it(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    open_masks(page)
    page.locator("#content-mask canvas").first.screenshot(path=tmp_path / "before.png")
    stroke(page, "content-mask", 0.4, 0.6)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.locator("#content-mask canvas").first.screenshot(path=tmp_path / "after.png")
    before, after = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"), float) for name in ("before", "after"))
    rows, columns = (slice(side // 2 - 15, side // 2 + 15) for side in before.shape)
    assert np.abs(before - after)[rows, columns].mean() > 10
    assert np.corrcoef(before[rows, columns].ravel(), after[rows, columns].ravel())[0, 1] > 0.9


def test_a_palette_gives_its_colours_at_once_and_the_page_says_how(visit, tmp_path):
    Image.new("RGB", (64, 64), (20, 160, 60)).save(tmp_path / "green.png")
    visitor = visit()
    page = visitor.page
    visitor.unfold()
    visitor.set("size", 128)
    visitor.set("steps", 20)
    page.get_by_role("button", name="Colour").click()
    page.locator("#palette input[type=file]").set_input_files(tmp_path / "green.png")
    playwright.expect(page.locator("#palette-note")).to_contain_text("by the method linear, at strength 1")
    assert visitor.value("color_strength") == 1
    page.get_by_text("Bold", exact=True).click()  # a preset leaves the palette its colours
    page.wait_for_function("document.querySelector('#set-style_weight input[type=number]').value == '50'")
    assert visitor.value("color_strength") == 1
    red, green, blue = painted_to_the_end(visitor, tmp_path, 20).mean((0, 2, 3))
    assert green > red + 0.3 and green > blue + 0.2


def test_a_tile_is_shown_beside_itself(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    restore(visitor, tmp_path, Recipe(size=130, steps=10, tiling=True))
    painting = painted_to_the_end(visitor, tmp_path, 10)
    assert painting.shape[2:] == (80, 128)
    page.get_by_role("tab", name="2 × 2").click()
    tiled = page.get_by_role("img", name="four times")
    playwright.expect(tiled).to_have_css("background-image", f'url("{visitor.shown()}")')
    tiled.screenshot(path=tmp_path / "tiled.png")
    seen = np.asarray(Image.open(tmp_path / "tiled.png").convert("RGB"), float)
    height, width = (side // 2 for side in seen.shape[:2])
    assert width > 150 and abs(height / width - 80 / 128) < 0.02
    assert np.abs(seen[4 : height - 4, 4 : width - 4] - seen[4 : height - 4, width + 4 : 2 * width - 4]).mean() < 12
