"""The tab Film in a real browser."""

from browser import PATIENCE, playwright

expect = playwright.expect


def test_a_film_of_the_painting_plays_on_the_page_and_downloads(visit, tmp_path):
    visitor = visit()
    page, tab = visitor.page, visitor.page.get_by_role("tab", name="Film")
    expect(tab).to_be_hidden()
    visitor.unfold()
    visitor.set("size", 128)
    visitor.set("steps", 20)
    page.locator("#paint").click()
    visitor.says("Finished")
    tab.click()
    page.locator("#film-seconds input[type=number]").fill("2")
    page.locator("#film-seconds input[type=number]").press("Tab")
    page.locator("#film-press").click()
    page.locator(".film video").wait_for(timeout=PATIENCE)
    page.wait_for_function("document.querySelector('.film video').currentTime > 0.5")
    assert page.evaluate("document.querySelector('.film video').duration") == 2
    with page.expect_download() as download:
        page.locator("#film-download").click()
    assert download.value.suggested_filename == "stylekit.mp4"
    page.get_by_label("WebP").check()
    page.locator("#film-press").click()
    expect(page.locator(".film img")).to_have_js_property("naturalWidth", 128)
