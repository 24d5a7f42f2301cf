"""Lesson, loop, little and much in a real browser: all ten stops by keyboard; a link to one; one page of paper."""

import re

from browser import PATIENCE, playwright

from stylekit.ui.lesson import STOPS

expect = playwright.expect
expect.set_options(timeout=PATIENCE)


def press(page, locator, key="Enter"):
    locator.focus()
    page.keyboard.press(key)


def test_a_student_goes_through_all_ten_stops_by_keyboard_and_finds_the_lesson_where_it_was_left(visit):
    visitor = visit(width=1024, height=768)
    page = visitor.page
    visitor.unfold()
    visitor.set("size", 128)
    visitor.set("steps", 400)
    visitor.settle()
    expect(page.locator("#lesson")).to_be_hidden()
    press(page, page.locator("#lesson-open"))

    def stop(name):
        here = page.locator(f"#lesson-{name}")
        expect(here).to_be_visible()
        expect(page.locator("#lesson .stop:visible")).to_have_count(1)
        assert page.evaluate("document.activeElement.tagName") == "H2"
        press(page, here.locator("summary"))
        expect(here.locator("details p")).to_be_visible()
        press(page, page.locator(f"#lesson-do-{name}"))

    def onwards():
        press(page, page.locator("#lesson-ways [data-way=next]"))

    stop("photo")
    visitor.says("Step")
    assert visitor.value("style_weight") == 0
    onwards()
    stop("artwork")  # while it paints: begun anew
    expect(page.locator("#set-content_weight input[type=number]")).to_have_value("0")
    visitor.says("Step")
    press(page, page.locator("#stop"))
    visitor.says("Stopped")
    onwards()
    stop("content")
    expect(page.locator(".inside-one figcaption")).to_contain_text("its content is not")
    expect(page.locator("#lesson-content .katex").first).to_be_visible()
    onwards()
    stop("layer")
    expect(page.locator(".inside-figure .enlarge").first).to_be_visible()
    onwards()
    stop("gram")
    expect(page.locator(".heat").first).to_be_visible()
    onwards()
    stop("total")
    visitor.says("Step")
    assert visitor.value("content_weight") == 1
    onwards()
    stop("sliders")  # turned, not begun anew
    visitor.says("Weights changed at step")
    assert visitor.value("style_weight") == 50
    onwards()
    stop("tv")
    expect(page.locator("#set-tv_weight input[type=number]")).to_have_value("1")
    onwards()
    stop("layers")
    expect(page.locator("#set-relu1_1 input[type=number]")).to_have_value("0")
    visitor.says("Step")
    onwards()
    expect(page.locator("#lesson-ways [data-way=next]")).to_be_disabled()
    stop("pulls")
    expect(page.locator(".inside-pulls .pull").first).to_be_visible()

    page.get_by_role("tab", name="Loop").click()
    page.locator("#loop-show").click()
    expect(page.locator(".loop tr.runs")).to_contain_text("optimizer.step(")
    expect(page.locator(".loop .value").first).to_contain_text(re.compile(r"\d"))

    press(page, page.locator("#lesson-ways [data-way=leave]"))
    expect(page.locator("#lesson")).to_be_hidden()
    page.reload()
    page.locator("#lesson-open").click()
    expect(page.locator("#lesson-pulls")).to_be_visible()
    assert not visitor.complaints


def test_a_teachers_link_opens_a_stop_and_hides_the_rest_and_the_worksheet_is_one_page(visit):
    visitor = visit()
    visitor.page.goto(visitor.page.url.rstrip("/") + "/?lesson=7&only=lesson")
    expect(visitor.page.locator("#lesson-sliders")).to_be_visible()
    expect(visitor.page.locator("#set-style_weight")).to_be_visible()
    expect(visitor.page.locator("#paint")).to_be_visible()
    for hidden in ("#content", "#presets", "#set-relu1_1"):
        expect(visitor.page.locator(hidden)).to_be_hidden()
    visitor.page.evaluate("window.print = () => (window.printed = true)")
    visitor.page.locator("#lesson-ways [data-way=sheet]").click()
    assert visitor.page.evaluate("window.printed")
    paper = visitor.page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    questions = visitor.page.evaluate("[...document.querySelectorAll('#lesson .ask')].map((ask) => ask.textContent)")
    assert len(set(questions)) == len(STOPS)
    visitor.page.locator("#lesson-ways [data-way=leave]").click()
    expect(visitor.page.locator("#presets")).to_be_visible()


def test_a_slider_shows_on_request_what_little_and_what_much_of_it_makes_and_remembers_it(visit):
    visitor = visit()
    page = visitor.page
    button, pictures = page.locator("#set-relu5_1 .extremes-ask"), page.locator("#extremes img")
    expect(button).to_have_css("opacity", "0")  # the page is calm until somebody points at a slider
    press(page, button)
    expect(pictures).to_have_count(2)
    expect(page.locator("#extremes figcaption").nth(1)).to_have_text("Large shapes: 3")
    expect(page.locator("#extremes .pair")).to_have_attribute("aria-busy", "false")
    seen = page.evaluate("[...document.querySelectorAll('#extremes img')].map((picture) => picture.src)")
    assert len(set(seen)) == 2
    page.keyboard.press("Escape")
    expect(pictures.first).to_be_hidden()
    press(page, page.locator("#set-style_weight .extremes-ask"))
    expect(page.locator("#extremes figcaption").nth(1)).to_have_text("Style β: 50")
    page.keyboard.press("Escape")
    press(page, button)  # while the other slider's are painted
    expect(page.locator("#extremes figcaption").nth(1)).to_have_text("Large shapes: 3")
    expect(pictures.first).to_be_visible()
    visitor.settle()
    expect(page.locator("#extremes figcaption").nth(1)).to_have_text("Large shapes: 3")
    expect(page.locator("#extremes .pair")).to_have_attribute("aria-busy", "false")
    assert page.evaluate("[...document.querySelectorAll('#extremes img')].map((picture) => picture.src)") == seen
    assert not visitor.complaints
