"""The tab Inside in a real browser, at the page's own settings."""

import re

from browser import PATIENCE, playwright

from stylekit import Recipe

expect = playwright.expect
expect.set_options(timeout=PATIENCE)


def test_a_student_sees_the_layers_reads_a_matrix_calculates_one_and_asks_who_pulls_and_why(visit):
    visitor = visit(width=1024, height=768)
    page = visitor.page
    page.get_by_role("tab", name="Inside").click()
    page.locator("#inside-layers-show").click()
    enlarged = page.locator(".inside-figure .enlarge")
    enlarged.first.click(timeout=PATIENCE)
    dialog = page.locator("dialog.inside-large")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    page.get_by_role("tab", name="Gram", exact=True).click()
    page.locator("#inside-gram-show").click()
    page.locator(".heat").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".pair").first).to_contain_text(re.compile(r"Channels 0 and 1: photo [-\d.e]+, artwork [-\d.e]+"))
    page.locator("#inside-gram-shuffle").click()
    expect(page.locator(".inside-one figcaption")).to_contain_text("is the same")

    page.get_by_role("tab", name="By hand").click()
    page.locator("#inside-photo img").click(position={"x": 80, "y": 60})
    expect(page.locator(".inside-worked .gram td")).to_have_count(64)
    page.locator(".inside-worked .gram td").nth(9).focus()
    expect(page.locator("#inside-example .pair")).to_contain_text(re.compile(r"Row (\d+) times row \1: "))

    page.get_by_role("tab", name="Who pulls").click()
    page.locator("#inside-pulls-show").click()
    expect(page.locator("#inside-pulls")).to_contain_text("no painting yet")
    page.get_by_label("Follow the run").check()
    page.locator("#paint").click()
    expect(page.locator(".inside-pulls .pull")).to_have_count(7)
    page.locator(".inside-pulls .pull", has_text="relu4_1").click()
    expect(page.locator(".where:visible")).to_contain_text("relu4_1")
    page.locator("#stop").click()
    visitor.says("Stopped|Finished")

    visitor.set("style_weight", 0)
    page.get_by_role("tab", name="Why?").click()
    page.locator("#advice").click()
    expect(page.locator("#advice-said")).to_contain_text("nothing of the artwork is taken")
    page.get_by_role("button", name=f"Set Style β to {Recipe.style_weight:g}").click()
    visitor.says(f"Done: Style β {Recipe.style_weight:g}")
    assert visitor.value("style_weight") == Recipe.style_weight
