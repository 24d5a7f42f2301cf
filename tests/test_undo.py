"""Undo of settings: a change back, a drag as one; and on the page, by keys and by a double click."""

from browser import PATIENCE, playwright

from stylekit import PRESETS, Recipe
from stylekit.studio.undo import MOST, Changes


def at(times):
    """Changes whose clock shows these seconds, one after the other."""
    left = list(times)
    return Changes(lambda: left.pop(0) if len(left) > 1 else left[0])


def test_a_drag_is_one_change_and_what_was_undone_can_be_done_again():
    changes = at([0.0])
    for value in range(5):
        changes.note({"style": value, "tv": 0}, {"style": value + 1, "tv": 0})
    changes.note({"style": 5, "tv": 0}, {"style": 5, "tv": 1})
    assert changes.undo({"style": 5, "tv": 1}) == {"style": 5, "tv": 0}
    assert changes.undo({"style": 5, "tv": 0}) == {"style": 0, "tv": 0}
    assert changes.undo({"style": 0, "tv": 0}) is None
    assert changes.redo({"style": 0, "tv": 0}) == {"style": 5, "tv": 0}
    assert changes.redo({"style": 5, "tv": 0}) == {"style": 5, "tv": 1}
    assert changes.redo({"style": 5, "tv": 1}) is None


def test_moves_far_apart_are_two_changes_and_a_new_one_ends_redo():
    changes = at([0.0, 10.0, 20.0])
    changes.note({"style": 0}, {"style": 1})
    changes.note({"style": 1}, {"style": 2})
    assert changes.undo({"style": 2}) == {"style": 1}
    changes.note({"style": 1}, {"style": 7})
    assert changes.redo({"style": 7}) is None
    assert changes.undo({"style": 7}) == {"style": 1}


def test_what_is_remembered_is_bounded_and_no_change_is_none():
    changes = at([float(10 * n) for n in range(5000)])
    for value in range(MOST + 50):
        changes.note({"style": value}, {"style": value + 1})
        changes.note({"style": value + 1}, {"style": value + 1})
    undone = 0
    while changes.undo({"style": -1}):
        undone += 1
    assert undone == MOST


def test_settings_are_undone_and_done_again_by_keys_and_a_double_click_sets_a_slider_back(visit):
    visitor = visit()
    page = visitor.page
    assert not page.locator("#undo").is_visible()

    def expect(name, value):
        field = page.locator(f"#set-{name} input[type=number]").first
        playwright.expect(field).to_have_value(value, timeout=PATIENCE)

    slider = page.locator("#set-style_weight input[type=range]")
    slider.focus()
    slider.press("End")
    expect("style_weight", "50")
    visitor.settle()
    page.get_by_text("Gentle", exact=True).first.click()
    expect("style_weight", f"{PRESETS['gentle'].settings['style_weight']:g}")
    visitor.settle()
    page.keyboard.press("Control+z")
    expect("style_weight", "50")
    page.wait_for_timeout(800)
    page.locator("#undo").click()
    expect("style_weight", f"{Recipe.style_weight:g}")
    page.wait_for_timeout(800)
    page.locator("#redo").click()
    expect("style_weight", "50")
    slider.dblclick(position={"x": 3, "y": 8})
    expect("style_weight", f"{Recipe.style_weight:g}")
