"""The tab Sweep in a real browser."""

from browser import PATIENCE, playwright


def test_an_artist_sweeps_two_settings_and_goes_on_with_a_cell(visit, tmp_path):
    visitor = visit(width=1024, height=768)
    page = visitor.page
    page.get_by_role("tab", name="Sweep").click()
    page.locator("#sweep-rows-values textarea, #sweep-rows-values input").fill("1, 25")
    page.locator("#sweep-columns input").click()
    page.get_by_role("option", name="nothing").click()
    page.locator("#sweep-press").click()
    page.locator("#sweep-stop").wait_for()
    cells = page.locator(".sweep button[data-row]")
    playwright.expect(cells).to_have_count(2, timeout=PATIENCE)
    page.locator("#sweep-press").wait_for()
    cells.nth(1).click()
    visitor.says("Taken from the grid: Style 25")
    assert visitor.value("style_weight") == 25
    page.locator("#sweep-large").click()  # goes on with the small picture
    visitor.says(r"Step [1-9]\d\d+ of")
    page.locator("#stop").click()
    visitor.says("Stopped|Finished")
    recipe = visitor.saved_recipe(tmp_path)
    assert (recipe.init, recipe.style_weight) == ("image", 25) and recipe.coarsest >= 160
