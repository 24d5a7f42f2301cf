"""How much a visitor may ask, of an order and of the page, and what the environment says of it."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from stylekit import Recipe, ui
from stylekit.errors import RecipeError, UsageError
from stylekit.studio import hosting
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.ui.words import Words

ASSETS = Path(__file__).parents[1] / "assets"
PHOTO, ARTWORK = str(ASSETS / "photos" / "coffee.jpg"), str(ASSETS / "artworks" / "indigo-waves.jpg")


def order(recipe, **changes):
    return replace(Order(PHOTO, (ARTWORK,), recipe), **changes)


@pytest.fixture
def studio():
    return Studio(Limits(max_size=256), Words())


def test_limits_come_from_the_environment_and_nonsense_is_refused(monkeypatch):
    monkeypatch.setenv("STYLEKIT_MAX_SIZE", "333")
    monkeypatch.setenv("STYLEKIT_CONCURRENCY", "3")
    limits = hosting.limits()
    assert (limits.max_size, limits.concurrency, limits.max_steps) == (333, 3, Limits.max_steps)
    with pytest.raises(RecipeError, match="333"):
        limits.check(Recipe(size=334))
    monkeypatch.setenv("STYLEKIT_MAX_SIZE", "large")
    with pytest.raises(UsageError, match="STYLEKIT_MAX_SIZE"):
        hosting.limits()


@pytest.mark.parametrize(
    ("size", "scales", "artworks", "fits"),
    [
        (256, (), 4, True),
        (256, (2.0,), 1, True),
        (256, (2.01,), 1, False),
        (256, (4.0, 4.0, 4.0, 4.0), 4, False),
        (128, (3.0, 1.0, 1.0), 3, True),
        (256, (1.0, 1.0, 1.5), 4, False),
        (64, (4.0, 4.0, 4.0, 4.0), 4, True),
    ],
)
def test_large_brushes_of_many_artworks_are_bounded_together(studio, size, scales, artworks, fits):
    an_order = order(Recipe(size=size, steps=1, style_scales=scales), styles=(ARTWORK,) * artworks)
    if fits:
        studio.limits.check(an_order.recipe, artworks)
    else:
        last = list(studio.paint(Session(), an_order))[-1]
        assert "brushes" in last.error and last.canvas is None


@pytest.mark.parametrize(
    ("variable", "value"), [("MAX_SIZE", 32), ("MAX_SIZE", 100), ("MAX_SIZE", 128), ("MAX_STEPS", 2), ("MAX_STEPS", 20)]
)
def test_a_studio_of_small_limits_starts_and_paints_what_its_page_and_its_api_offer(monkeypatch, variable, value):
    monkeypatch.setenv(f"STYLEKIT_{variable}", str(value))
    demo = ui.build()
    field = {"MAX_SIZE": "size", "MAX_STEPS": "steps"}[variable]
    fields = [block for block in demo.blocks.values() if isinstance(block, gr.Slider | gr.Number)]
    offered = {demo.words.filled(block.label, "en"): block.value for block in fields}
    assert offered[field.capitalize()] == offered[field] == value
    recipe = Recipe(size=min(demo.limits.max_size, 64), steps=min(demo.limits.max_steps, 3))
    assert list(Studio(demo.limits, Words()).paint(Session(), order(recipe)))[-1].text.startswith("Finished")


@pytest.mark.parametrize(
    ("variable", "value"), [("MAX_SIZE", "31"), ("MAX_STEPS", "1"), ("QUEUE", "0"), ("MAX_SIZE", "9" * 5000)]
)
def test_a_limit_that_leaves_nothing_ends_the_start_in_a_sentence(monkeypatch, variable, value):
    monkeypatch.setenv(f"STYLEKIT_{variable}", value)
    with pytest.raises(SystemExit, match=f"STYLEKIT_{variable} must be a whole number from") as caught:
        ui.build()
    assert len(str(caught.value)) < 150
