"""Two pictures beside each other in a real browser: branches and a pin, by edge, blink and zoom, and in words."""

from browser import playwright

from stylekit import Recipe


def painted(visitor, folder, number, **settings):
    file = folder / f"{number}.json"
    file.write_text(Recipe(size=64, steps=8, **settings).to_json())
    visitor.restore(file)
    visitor.page.locator("#paint").click()
    visitor.says("Finished at step 8")
    playwright.expect(visitor.page.locator("#timeline .branch")).to_have_count(number)


def test_an_artist_compares_two_branches_and_a_pin(visit, tmp_path):
    visitor = visit()
    page, expect = visitor.page, playwright.expect
    painted(visitor, tmp_path, 1, style_weight=5.0)
    page.locator("#pin").click()
    visitor.says("Pinned")
    painted(visitor, tmp_path, 2, style_weight=20.0, layer_weights={**Recipe().layer_weights, "relu5_1": 0.3})
    page.get_by_role("tab", name="Before / after").click()
    left, right = page.locator("[data-side=left] img, .side.left img"), page.locator(".side.right img")
    page.locator("select[data-side=left]").select_option("1:8")
    expect(page.locator("#differences")).to_contain_text("style 5 → 20")
    expect(page.locator("#differences")).to_contain_text("relu5_1 1 → 0.3")
    assert left.get_attribute("src") != right.get_attribute("src")

    pair = page.locator("#compare .pair")
    pair.focus()
    pair.press("Home")
    expect(pair).to_have_attribute("aria-valuenow", "0")
    box = pair.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(pair).to_have_attribute("aria-valuenow", "75")
    page.get_by_role("button", name="Blink").click()
    expect(pair).to_have_class("pair blinks right-alone")
    page.get_by_role("button", name="Blink").click()
    pair.press("+")
    moved = [each.evaluate("e => getComputedStyle(e).transform") for each in (left, right)]
    assert moved[0] == moved[1] and moved[0].startswith("matrix(1.5, 0, 0, 1.5")  # both alike

    page.get_by_role("tab", name="Wall").click()
    page.locator("#wall [data-do=card]").click()
    expect(page.locator("#card .command pre")).to_contain_text("stylekit stylize")
    expect(page.locator("#card .recipe pre")).to_contain_text("5")
    page.locator("#wall [data-do=compare]").click()
    expect(page.locator("select[data-side=right]")).to_have_value("3:8")  # on the timeline, as a branch of its own
    expect(page.locator("#differences")).to_contain_text("same")
    assert visitor.value("style_weight") == 20  # easel and settings stay
    expect(right).to_be_visible()
    assert visitor.complaints == []
