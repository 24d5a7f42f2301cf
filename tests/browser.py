"""A visitor of the page in a real browser: what the tests that need one share. The fixtures are in conftest.py."""

import re

import httpx
import pytest

from stylekit import Recipe, read_recipe_json

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # milliseconds; the machines are shared
LONG = Recipe(size=128, steps=1000, coarsest=128)


class Visitor:
    """A visitor with a window of their own."""

    def __init__(self, browser, url, width=1440, height=900, dark=False, **more):
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
            **more,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.requests, self.complaints, self.asking = [], [], set()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("request", lambda request: self.asking.add(request) if request.method == "POST" else None)
        for end in ("requestfinished", "requestfailed"):
            self.page.on(end, lambda request: self.asking.discard(request))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(url)
        self.page.locator("#paint").wait_for()
        for picture in ("#canvas img", "#content img", "#style img"):
            self.page.locator(picture).first.wait_for()

    def settle(self, quiet=5):
        """Wait until the studio has answered all that the page has told it, for so many tenths of a second."""
        calm = 0
        for _ in range(PATIENCE // 100):
            self.page.wait_for_timeout(100)
            calm = 0 if self.asking else calm + 1
            if calm >= quiet:
                return
        raise AssertionError(f"the page still waits for {[request.url for request in self.asking]}")

    def restore(self, path):
        self.page.locator("#dials > input[type=file]").set_input_files(path)
        self.says("Settings restored")

    def says(self, text):
        playwright.expect(self.page.locator("#status")).to_contain_text(re.compile(text), timeout=PATIENCE)

    def unfold(self):
        self.page.get_by_role("button", name="Size, encoder and start").click()

    def value(self, name):
        return float(self.page.locator(f"#set-{name} input[type=number]").first.input_value())

    def set(self, name, value):
        box = self.page.locator(f"#set-{name} input[type=number]").first
        box.fill(str(value))
        box.press("Tab")

    def shown(self):
        return self.page.locator("#canvas img").get_attribute("src")

    def saved_recipe(self, folder):
        """The recipe in the painting on the canvas."""
        (folder / "shown.png").write_bytes(httpx.get(self.shown()).content)
        return Recipe.from_json(read_recipe_json(folder / "shown.png"))

    def different_pictures(self, count):
        """Wait until the canvas has shown so many different pictures, and return them."""
        self.page.evaluate("window.shown = new Set()")
        self.page.wait_for_function(
            "n => { const i = document.querySelector('#canvas img'); if (i?.src.startsWith('data:')) window.shown.add(i.src);"
            " return window.shown.size >= n }",
            arg=count,
        )
        return self.page.evaluate("[...window.shown]")


def drop(page, path, target, kind="image/png"):
    """Drop a file on an element of the page, as the browser does it, which knows it to be of this kind."""
    data = page.evaluate_handle(
        "([bytes, name, type]) => { const d = new DataTransfer();"
        " d.items.add(new File([new Uint8Array(bytes)], name, {type})); return d }",
        [list(path.read_bytes()), path.name, kind],
    )
    page.dispatch_event(target, "drop", {"dataTransfer": data})
