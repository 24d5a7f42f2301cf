"""How the page looks and is used, in a real browser: what lies over what, contrast, sizes, room, keyboard, head."""

import io
import re

import httpx
import pytest
from browser import PATIENCE, playwright
from PIL import Image

SIZES = {"desktop": (1440, 900), "laptop": (1024, 768), "tablet": (820, 1180), "phone": (390, 844), "enlarged twice": (720, 450)}

IN_SIGHT = """selector => {
  const e = document.querySelector(selector), b = e.getBoundingClientRect();
  if (b.width < 1 || b.top < -1 || b.left < -1 || b.bottom > innerHeight + 1 || b.right > innerWidth + 1) return false;
  return e.contains(document.elementFromPoint(b.left + b.width / 2, b.top + b.height / 2));
}"""
"""Whether all of an element is in the window, and nothing over its middle."""


def in_sight(page, selector):
    page.wait_for_function(f"({IN_SIGHT})('{selector}')", timeout=10_000)


def window(size):
    width, height = SIZES[size]
    return {"width": width, "height": height, "device_scale_factor": 2 if size == "enlarged twice" else 1}


def paint(visitor, recipe):
    visitor.restore(recipe)
    visitor.page.locator("#paint").click()
    visitor.different_pictures(2)


def stop(visitor):
    visitor.page.locator("#stop").click()
    playwright.expect(visitor.page.locator("#continue")).to_be_visible(timeout=PATIENCE)


def unfold_all(page):
    for head in page.locator("button.label-wrap").all():
        head.click()
    page.wait_for_timeout(500)


# --------------------------------------------------------------------------------------------------------- full screen


@pytest.mark.parametrize("size", ["desktop", "tablet", "phone"])
def test_nothing_lies_over_a_picture_in_full_screen(visit, long_recipe, size):
    visitor = visit(**window(size))
    page = visitor.page
    paint(visitor, long_recipe)
    stop(visitor)
    for tab, picture in (("Canvas", "#canvas"), ("Before / after", "#compare")):
        page.get_by_role("tab", name=tab).click()
        page.locator(f"{picture} button[aria-label=Fullscreen]").click()
        page.wait_for_timeout(500)
        over = page.evaluate(
            """picture => {
              const found = new Set();
              for (let x = 8; x < innerWidth; x += 23) for (let y = 8; y < innerHeight; y += 23) {
                const top = document.elementsFromPoint(x, y)[0];
                if (!top?.closest(picture)) found.add(top?.outerHTML.slice(0, 90));
              }
              return [...found];
            }""",
            picture,
        )
        assert over == [], picture
        shade = page.evaluate("p => getComputedStyle(document.querySelector(p)).backgroundColor", picture)
        assert re.fullmatch(r"rgb\(.*\)", shade), f"{picture} lets shine through what is behind it"
        page.keyboard.press("Escape")
        page.wait_for_function("!document.querySelector('.fullscreen')")


def test_escape_leaves_full_screen_before_it_stops(visit, long_recipe):
    visitor = visit()
    paint(visitor, long_recipe)
    visitor.page.locator("#canvas button[aria-label=Fullscreen]").click()
    visitor.page.keyboard.press("Escape")
    visitor.page.wait_for_function("!document.querySelector('.fullscreen')")
    assert visitor.page.locator("#stop").is_visible()
    visitor.different_pictures(2)  # still painting
    visitor.page.keyboard.press("Escape")
    visitor.says("Stopped at step")


# ------------------------------------------------------------------------------------------------------------ contrast

FAINT = """() => {
  const numbers = color => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const chain = e => e ? [e, ...chain(e.parentElement)] : [];
  const fill = e => numbers(getComputedStyle(e).backgroundColor);
  const behind = e => chain(e).reverse().reduce((below, x) => over(fill(x), below), [255, 255, 255]);
  const clipped = e => getComputedStyle(e).overflow != 'visible' && e.offsetWidth * e.offsetHeight < 5;
  const seen = e => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !chain(e).some(clipped);
  const texts = new Map();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walk.nextNode();) if (node.data.trim()) texts.set(node.parentElement, node.data.trim());
  for (const field of document.querySelectorAll('input, textarea'))
    if (!['range', 'radio', 'checkbox', 'file'].includes(field.type)) texts.set(field, field.value || field.placeholder);
  const faint = [], read = [];
  for (const [e, text] of texts) {
    if (!text || !seen(e) || e.matches('script, style, :disabled')) continue;
    const style = getComputedStyle(e), back = behind(e);
    let color = numbers(e.matches('input:placeholder-shown') ? getComputedStyle(e, '::placeholder').color : style.color);
    color[3] *= chain(e).reduce((a, x) => a * getComputedStyle(x).opacity, 1);
    const [high, low] = [light(over(color, back)), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
    read.push(text);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return [faint, read.length];
}"""
"""Texts whose contrast with what is behind them is below WCAG's AA, with the number of all that were looked at."""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_and_axe_finds_nothing_serious(visit, long_recipe, tmp_path, dark):
    """Folds open, while it paints, afterwards in every tab, and after an error; one walk for both, for it takes a minute."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed").Axe()
    visitor = visit(dark=dark)
    page = visitor.page
    of_the_theme = {"runOnly": ["color-contrast"]} if dark else None  # the other rules ask for no colours

    def faults():
        serious = [
            (fault["id"], [node["html"][:150] for node in fault["nodes"]])
            for fault in axe.run(page, options=of_the_theme).response["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
        return page.evaluate(FAINT)[0] + serious

    unfold_all(page)
    assert faults() == [] and page.evaluate(FAINT)[1] > 100
    paint(visitor, long_recipe)
    visitor.set("style_weight", 20)
    visitor.says("Weights changed at step")
    page.locator("#plot .name").first.wait_for()
    assert faults() == [], "while it paints"
    stop(visitor)
    for tab in page.locator("#views > .tab-wrapper [role=tab]").all():
        tab.click()
        page.wait_for_timeout(800)
        assert faults() == [], "afterwards"
    broken = tmp_path / "broken.json"
    broken.write_text('{"size": 512, "brush": 3}')
    page.locator("#dials > input[type=file]").set_input_files(broken)
    playwright.expect(page.locator("#status [role=alert]")).to_be_visible()
    assert faults() == [], "after an error"


def test_the_measure_of_contrast_can_tell(visit):
    page = visit().page
    page.evaluate("document.querySelector('#preset-note .prose').style.color = '#aaa'")
    page.evaluate("document.querySelector('#masthead p').style.opacity = 0.4")
    faint, _ = page.evaluate(FAINT)
    assert len(faint) == 2 and "Photo and style" in "".join(faint) and "Paint a photo" in "".join(faint)


# --------------------------------------------------------------------------------------------------------------- sizes

LETTERS = """() => {
  const texts = '#masthead *, .note, [id^=samples] .label, #views button, #status span, #buttons button, .losses span, '
    + 'footer button, #dials :is(h2, p, button), .dial :is(span, .info-text, input[type=number]), #presets span, '
    + '.label-wrap span';
  const shown = [...document.querySelectorAll(texts)].filter(e => e.checkVisibility());
  const said = e => e.innerText?.trim().replace(/^[0-9.]+s\\s+/, '') || e.ariaLabel || '';  // without gradio's unseen clock
  const named = shown.map(e => [e, `${e.tagName}.${e.className}:${said(e).slice(0, 24)}`]);
  const texted = named.filter(([e, name]) => !name.endsWith(':'));
  return Object.fromEntries(texted.map(([e, name]) => [name, parseFloat(getComputedStyle(e).fontSize)]));
}"""
"""Sizes of letters in pixels, by what they belong to."""


def letters_at_rest(page):
    """`LETTERS`, once nothing changes any more: buttons change slowly, and on a busy machine later than one waits."""
    page.wait_for_timeout(500)
    page.wait_for_function("() => document.getAnimations().every(a => !(a instanceof CSSTransition))")
    return page.evaluate(LETTERS)


def test_letters_follow_the_browsers_font_size_and_none_is_tiny(visit, long_recipe):
    visitor = visit()
    page = visitor.page
    paint(visitor, long_recipe)
    page.locator("#plot .name").first.wait_for()
    stop(visitor)
    before = page.evaluate(LETTERS)
    assert len(before) > 40 and min(before.values()) >= 12, min(before.items(), key=lambda item: item[1])
    devtools = visitor.context.new_cdp_session(page)
    devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 24, "fixed": 20}})
    after = letters_at_rest(page)
    same = {name: size for name, size in after.items() if name in before and size < 1.45 * before[name]}
    assert same == {}
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_large_is_a_switch_that_is_remembered(visit):
    visitor = visit()
    page = visitor.page
    switch, before = page.get_by_role("button", name="Large", exact=True), page.evaluate(LETTERS)
    page.evaluate("window.loadedOnce = true")
    switch.click()
    after = letters_at_rest(page)
    assert all(after[name] > 1.3 * size for name, size in before.items() if name in after)
    assert switch.get_attribute("aria-pressed") == "true" and page.evaluate("window.loadedOnce")
    page.reload()
    page.locator("#paint").wait_for()
    playwright.expect(switch).to_have_attribute("aria-pressed", "true")
    assert letters_at_rest(page) == after
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    for needed in ("#paint", "#canvas"):
        in_sight(page, needed)
    switch.click()
    assert letters_at_rest(page) == before


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_what_is_touched_is_a_fingers_width(visit, long_recipe, size):
    visitor = visit(**window(size))
    page = visitor.page
    unfold_all(page)
    paint(visitor, long_recipe)
    stop(visitor)
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=radio]), summary, a, #presets label')]
          .filter(e => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
          .filter(e => !e.closest('.visually-hidden, .skip'))
          .map(e => e.matches('[type=checkbox]') ? e.closest('label') : e)
          .map(e => [e, e.getBoundingClientRect()])
          .filter(([e, b]) => b.width && (b.width < 23.9 || b.height < 23.9))
          .map(([e, b]) => `${b.width.toFixed(0)}x${b.height.toFixed(0)} ${e.outerHTML.slice(0, 100)}`)"""
    )
    assert small == []


# ---------------------------------------------------------------------------------------------------------------- room


@pytest.mark.parametrize("size", SIZES)
def test_canvas_and_buttons_are_in_reach_wherever_the_page_is_scrolled(visit, long_recipe, size):
    width, height = SIZES[size]
    visitor = visit(**window(size))
    page = visitor.page
    for needed in ("#paint", "#canvas"):
        in_sight(page, needed)
    canvas = page.locator("#canvas").bounding_box()
    shown = page.evaluate(
        "() => { const i = document.querySelector('#canvas img'), w = i.naturalWidth, h = i.naturalHeight;"
        " return w * h * Math.min(i.clientWidth / w, i.clientHeight / h) ** 2 }"
    )
    assert shown > 0.5 * canvas["width"] * canvas["height"], "the box is much larger than the picture in it"
    assert shown > 0.16 * width * height
    more = page.get_by_label("More tabs").first.is_visible()
    assert not more or width < 760  # on a phone, or enlarged twice, the last tabs are behind "…"
    others = page.evaluate("['#content', '#style', '#weights', '#layers'].map(s => document.querySelector(s).offsetWidth)")
    assert canvas["width"] > max(others) or canvas["width"] > 0.9 * (width - 32)
    paint(visitor, long_recipe)
    for reached in ("#set-content_weight", "#set-relu5_1", "#recipe-file", "footer"):
        page.locator(reached).last.evaluate("e => e.scrollIntoView({ block: 'center' })")
        page.wait_for_timeout(200)
        assert page.evaluate(IN_SIGHT, "#pause") and page.evaluate(IN_SIGHT, "#stop"), reached
        part = page.evaluate(
            "() => { const b = document.querySelector('#canvas').getBoundingClientRect();"
            " return (Math.min(b.bottom, innerHeight) - Math.max(b.top, 0)) / b.height }"
        )
        assert part > (0.9 if reached.startswith("#set") else 0.55), f"the canvas is out of sight at {reached}"
    page.locator("#set-relu3_1").evaluate("e => e.scrollIntoView({ block: 'center' })")
    sliders = page.locator("#dials input[type=range]").evaluate_all(
        """all => all.filter(e => { const b = e.getBoundingClientRect();
          return e.contains(document.elementFromPoint(b.left + b.width / 2, b.top + b.height / 2)) }).length"""
    )
    assert sliders >= (4 if height > 800 else 5)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    stop(visitor)


# ------------------------------------------------------------------------------------------------------------ keyboard


def focused(page):
    return page.evaluate("document.activeElement?.id || document.activeElement?.value || document.activeElement?.tagName")


def test_painting_by_keyboard_alone(visit, long_recipe):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    stops = 0
    while focused(page) != "paint":
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 14, "Paint is far away"
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#pause")).to_be_focused(timeout=PATIENCE)
    visitor.different_pictures(2)
    page.keyboard.press("Space")  # on the button, as everywhere
    visitor.says("Paused at step")
    playwright.expect(page.locator("#continue")).to_be_focused(timeout=PATIENCE)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    visitor.says(r"Step \d+ of 1000")
    page.keyboard.press("Escape")
    visitor.says("Stopped at step")
    page.locator("#set-style_weight input[type=number]").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert page.locator("#pause").count() == 0, "a space in a field paints"


def test_the_skip_link_leads_to_paint(visit):
    page = visit().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    in_sight(page, ".skip")
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#paint")).to_be_focused()


def test_the_presets_are_one_stop_and_arrows_go_from_one_to_the_next_with_a_sample_that_is_described(visit):
    visitor = visit()
    page = visitor.page
    described = page.get_by_role("radio", name=re.compile("^Gentle The photo stays clear"))
    playwright.expect(described).to_have_count(1)
    assert sum("/assets/presets/" in asked for asked in visitor.requests) == page.locator("#presets input").count()
    page.locator("#presets input").first.focus()
    page.keyboard.press("ArrowRight")
    playwright.expect(page.locator("#presets label.selected")).to_have_text("Gentle")
    playwright.expect(page.locator("#preset-note")).to_contain_text("The photo stays clear")
    page.wait_for_function("document.querySelector('#set-style_weight input[type=number]').value == '4'")
    assert focused(page) == "gentle"
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.closest('#presets')")
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "gentle"


# ---------------------------------------------------------------------------------------------------------------- head


def metas(html):
    """`[(name, content), ...]` of the meta elements in what the server sends: programs that preview links read no more."""
    return re.findall(r'<meta\s+(?:property|name)="([^"]+)"\s+content="([^"]*)"', html)


def test_the_head_speaks_of_stylekit_and_not_of_gradio(url):
    html = httpx.get(url).text
    said = metas(html)
    names = [name for name, _ in said if name.startswith(("og:", "twitter:")) or name == "description"]
    assert len(names) == len(set(names)), "programs take the first of each kind"
    values = dict(said)
    assert "stylekit" in values["og:title"] and "<title>stylekit</title>" in html
    assert "artwork" in values["og:description"] == values["description"]
    assert not any("gradio" in value.lower() for name, value in said if name in names)
    preview = httpx.get(values["og:image"])
    assert values["og:image"].startswith(url) and preview.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(preview.content)) as picture:
        assert picture.size == (int(values["og:image:width"]), int(values["og:image:height"]))
    for address in ("icon.png", "favicon.ico"):
        with Image.open(io.BytesIO(httpx.get(url + address).content)) as icon:
            assert icon.size == (256, 256)


def test_the_preview_is_addressed_as_the_visitor_sees_the_studio(url):
    html = httpx.get(url, headers={"x-forwarded-host": "studio.example", "x-forwarded-proto": "https"}).text
    assert dict(metas(html))["og:image"] == "https://studio.example/preview.jpg"
    bad = httpx.get(url, headers={"x-forwarded-host": 'a"><script>alert(1)</script>'}).text
    assert "<script>alert(1)" not in bad


@pytest.mark.parametrize(
    ("locale", "language", "said"), [("de-CH", "de", "Bild hier ablegen"), ("pt-BR", "en", "Drop Image Here")]
)
def test_the_language_is_that_of_the_text(visit, locale, language, said):
    page = visit(locale=locale).page
    page.wait_for_timeout(1000)
    assert page.evaluate("document.documentElement.lang") == language
    page.locator("#content button.icon-button").last.click()  # so is what Gradio says
    playwright.expect(page.locator("#content")).to_contain_text(said)
