"""A link to settings in a real browser: made in one window, opened in another."""

import re

from browser import PATIENCE, playwright


def test_whoever_opens_a_link_finds_its_settings_and_samples(visit):
    first = visit()
    first.page.locator("#samples-artworks .gallery-item").last.click()
    first.page.locator("#set-style_weight input[type=range]").focus()
    first.page.keyboard.press("End")
    first.set("relu5_1", 0.3)
    first.page.locator("#link").click()
    first.says("these settings and these samples")
    link = first.page.locator("#link-text textarea, #link-text input").input_value()
    assert first.page.url == link and re.search(r"style_weight=50&relu5_1=0.3&photo=cat&artwork=[\w-]+$", link), link

    other = visit(to=link)
    other.says("Settings restored from the address")
    assert (other.value("style_weight"), other.value("relu5_1")) == (50, 0.3)
    artwork = link.rpartition("=")[2]
    playwright.expect(other.page.locator("#style img").first).to_have_attribute("src", re.compile(artwork))
    other.set("style_weight", 7)
    other.page.reload()
    style = other.page.locator("#set-style_weight input[type=number]").first
    playwright.expect(style).to_have_value("7", timeout=PATIENCE)  # what was changed since counts, not the link again


def test_an_address_that_makes_no_sense_is_refused_and_the_page_works(visit, url):
    visitor = visit(to=f"{url}?style_weight=much")
    visitor.says("style_weight must be a number")
    assert visitor.value("style_weight") > 0
