"""What a visitor's session knows: no work is lost, what the fields show is what runs, and nobody sees another's."""

import errno
import re
import time
from pathlib import Path
from tempfile import mkdtemp

import pytest
from browser import PATIENCE, drop, playwright

from stylekit import Recipe, open_picture, save_png, stylize
from stylekit.encoders import load_encoder
from stylekit.presets import PRESETS
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session, Sessions
from stylekit.studio.timeline import MOST_BRANCHES, Moment
from stylekit.ui.events import Events
from stylekit.ui.words import Words

ASSETS = Path(__file__).parents[1] / "assets"
PHOTO, ARTWORK = ASSETS / "photos" / "coffee.jpg", ASSETS / "artworks" / "indigo-waves.jpg"


@pytest.fixture
def painted(tmp_path):
    """`painted(session, size=512, step=200)` gives a painting that is on the disk and on the session's easel."""

    def make(session, size=512, step=200):
        branch = session.timeline.begin(Path(mkdtemp(dir=tmp_path)))
        path = branch.folder / "1" / "stylekit.png"
        path.parent.mkdir()
        path.write_bytes(b"")
        made_of = (str(PHOTO), str(ARTWORK))
        branch.add(Moment(path, path, path, path, Recipe(size=512), made_of, step, size, unfinished=0))
        branch.running = False
        session.keep(branch.end)
        return branch.end

    return make


def test_the_least_advanced_painting_goes_first_and_never_the_one_on_the_easel(painted):
    session = Session()
    finished = painted(session)
    for _ in range(9):  # Start over and Stop, again and again
        stopped = painted(session, 48, 2)
        assert session.kept() is stopped
    assert finished.path.is_file() and len(session.timeline.branches) == MOST_BRANCHES
    assert len(session.timeline.ends()) == MOST_BRANCHES


def test_forgetting_a_visitor_removes_every_painting(painted):
    session = Session()
    one, two = painted(session), painted(session)
    session.put_up(one)
    assert session.kept() is one and session.timeline.ends() == [one, two]
    session.forget()
    assert session.kept() is None and not one.path.exists() and not two.path.exists()


def test_a_token_leads_to_one_session_and_what_is_no_token_to_none():
    sessions, mine = Sessions(most=2), Session()
    token = "0123456789abcdef" * 2
    assert sessions.find(token, mine) is mine and mine.known
    assert sessions.find(token, Session()) is mine and mine.tabs == 2
    for wrong in ("", "../" + token, token + "\n", token[:-1], token.upper(), None, 3, [token]):
        stranger = Session()
        assert sessions.find(wrong, stranger) is stranger and not stranger.known
    for n in range(2):  # others, who push the oldest out
        assert sessions.find(f"{n:032x}", Session()) is not mine
    assert sessions.find(token, stranger) is stranger


def test_pictures_stay_until_the_last_tab_is_closed(painted):
    sessions, mine = Sessions(), Session()
    token = "f" * 32
    sessions.find(token, mine)
    painted(mine)
    sessions.find(token, Session())  # loaded anew
    mine.leave()  # gradio says so an hour after the old page went
    assert mine.kept()
    mine.leave()
    assert mine.kept() is None


def test_a_run_whose_page_is_gone_leaves_its_last_picture(tmp_path):
    studio, session = Studio(Limits(), Words()), Session()
    studio.sessions.find("a" * 32, session)
    views = studio.paint(session, Order(str(PHOTO), (str(ARTWORK),), Recipe(size=64, steps=1000)))
    while next(views).mode != "painting":
        pass
    views.close()
    canvas = studio.left(session)
    assert canvas.path.is_file() and canvas.unfinished and session.dials is None
    assert studio.goes_on(session)  # nobody asked it to end
    for view in studio.paint(session, Order(str(PHOTO), (str(ARTWORK),), Recipe(size=64, steps=1000), resume=True)):
        session.stopping = "pause" if view.mode == "painting" else session.stopping
    assert studio.left(session).unfinished and not studio.goes_on(session)


def test_a_picture_is_copied_once_and_its_copy_lives_on(tmp_path):
    studio, session = Studio(Limits(), Words()), Session()
    upload = tmp_path / "mine.jpg"
    upload.write_bytes(PHOTO.read_bytes())
    assert studio.keep_picture(session, "content", str(upload))
    assert not studio.keep_picture(session, "content", str(upload))
    upload.unlink()
    assert Path(session.pictures["content"]).read_bytes() == PHOTO.read_bytes()
    assert studio.keep_picture(session, "content", str(ARTWORK))  # in its place
    assert [path.name for path in session.folder.glob("content/*")] == [ARTWORK.name]
    studio.keep_picture(session, "content", None)
    assert session.pictures == {"content": None}
    session.forget()
    assert not Path(session.folder or "").is_file()


def test_the_palette_knife_leaves_less_grain_than_balanced():
    photo, artwork = open_picture(PHOTO, 128).image, open_picture(ARTWORK, 256).image
    encoder = load_encoder("compact")

    def grain(name):
        *_, last = stylize(photo, [artwork], PRESETS[name].recipe(size=128, steps=40), encoder=encoder)
        middle, gray = (slice(1, -1), slice(1, -1)), last.painting.mean(1)[0]
        neighbours = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:]
        return float((neighbours - 4 * gray[middle]).square().mean().sqrt())

    assert grain("knife") < 0.8 * grain("balanced")


# ------------------------------------------------------------------------------------------------------ in the browser


def size_shown(visitor):
    """(width, height) of the picture file on the canvas."""
    return tuple(visitor.page.evaluate("(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('#canvas img'))"))


def paint(visitor, recipe, folder, ends="Finished at step"):
    """Paint with a recipe until the end."""
    (folder / "recipe.json").write_text(recipe.to_json())
    visitor.restore(folder / "recipe.json")
    visitor.page.locator("#paint").click()
    visitor.says(ends)
    expect_file(visitor)


def expect_file(visitor):
    """Wait until the canvas shows a saved painting, not a preview."""
    playwright.expect(visitor.page.locator("#canvas img")).to_have_attribute("src", re.compile("^http.*png"), timeout=PATIENCE)


def test_what_was_painted_is_looked_back_at_and_gone_on_from_after_start_over_and_stop(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    assert not page.locator("#timeline").is_visible()
    paint(visitor, Recipe(size=64, steps=12), tmp_path)
    visitor.unfold()
    visitor.set("steps", 1000)
    page.locator("#paint").click()
    visitor.different_pictures(1)
    row = page.locator("#timeline .branch").first
    row.focus()
    row.press("End")
    then = page.locator("#then figure")
    playwright.expect(then.locator(".said")).to_contain_text("Branch 1, step 12, 64 px · content")
    visitor.different_pictures(2)  # the run goes on below
    playwright.expect(then.locator("img")).to_have_attribute("src", re.compile("stylekit.png"))  # after its thumbnail
    row.press("ArrowLeft")
    playwright.expect(row).not_to_have_attribute("aria-valuenow", "12")
    assert int(row.get_attribute("aria-valuenow")) < 12 and page.locator("#set-steps.then").count() == 0
    page.screenshot(path=tmp_path / "looking-back.png")
    row.press("Escape")
    playwright.expect(then).to_be_hidden()
    playwright.expect(page.locator("#stop")).to_be_visible()
    slider = page.locator("#set-style_weight input[type=range]")
    slider.focus()
    slider.press("End")
    row.focus()
    row.press("Home")
    row.press("ArrowRight")
    assert "then" in page.locator("#set-style_weight").get_attribute("class")  # a mark where it was
    began = int(row.get_attribute("aria-valuenow"))
    visitor.set("steps", 12)
    page.get_by_role("button", name="Paint on from here").click()  # the run is paused and kept
    visitor.says("Finished at step 12")
    expect_file(visitor)
    playwright.expect(page.locator("#timeline .branch")).to_have_count(3, timeout=PATIENCE)
    assert page.locator("#timeline .branch").last.get_attribute("title") == f"Branch 3 from branch 1, step {began}"
    recipe = visitor.saved_recipe(tmp_path)
    assert (
        [k.rounded for k in recipe.keyframes] == [True]
        and recipe.settled().style_weight == 50
        and recipe.style_weight == Recipe.style_weight
    )
    page.reload()
    playwright.expect(page.locator("#timeline .branch")).to_have_count(3, timeout=PATIENCE)
    assert visitor.complaints == []


def type_into(visitor, name, text):
    """Type into a number field key by key, as a hand does; the focus stays there."""
    field = visitor.page.locator(f"#set-{name} input[type=number]").first
    field.click()
    field.press("Control+a")
    if text:
        visitor.page.keyboard.type(text, delay=20)
    else:
        field.press("Delete")
    return field


def leave(field):
    field.press("Tab")


def expect_value(visitor, name, value):
    playwright.expect(visitor.page.locator(f"#set-{name} input[type=number]").first).to_have_value(value, timeout=PATIENCE)


def test_a_value_beyond_the_sliders_end_is_taken_while_it_paints_and_is_what_runs(visit, long_recipe, tmp_path):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    page.locator("#paint").click()
    visitor.different_pictures(1)
    leave(type_into(visitor, "style_weight", "80"))
    visitor.says(r"Weights changed at step \d+")
    expect_value(visitor, "style_weight", "80")
    assert page.locator("#set-style_weight input[type=range]").input_value() == "80"  # the thumb is at its new end
    visitor.different_pictures(2)
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    expect_file(visitor)
    assert visitor.saved_recipe(tmp_path).settled().style_weight == 80 and visitor.value("style_weight") == 80


@pytest.mark.parametrize(
    ("typed", "says"),
    [("-5", "Style β must lie between 0 and 1e.12, not -5. It is 7 again"), ("1e99", "not 1e.99. It is 7 again")],
)
@pytest.mark.parametrize("painting", [False, True])
def test_a_value_that_no_recipe_may_have_is_refused_in_words_and_the_one_that_counts_comes_back(
    visit, long_recipe, tmp_path, typed, says, painting
):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    leave(type_into(visitor, "style_weight", "7"))
    if painting:
        page.locator("#paint").click()
        visitor.different_pictures(1)
    leave(type_into(visitor, "style_weight", typed))
    visitor.says(says)
    page.screenshot(path=tmp_path / f"refused-{painting}.png")
    expect_value(visitor, "style_weight", "7")
    if not painting:
        page.locator("#paint").click()
    visitor.different_pictures(2)
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    expect_file(visitor)
    assert visitor.saved_recipe(tmp_path).style_weight == 7


@pytest.mark.parametrize("typed", ["", "abc"])
def test_a_field_that_is_left_without_a_number_has_its_number_again(visit, typed):
    visitor = visit()
    leave(type_into(visitor, "style_weight", typed))
    expect_value(visitor, "style_weight", f"{Recipe.style_weight:g}")
    leave(type_into(visitor, "content_weight", "2"))
    visitor.unfold()
    leave(type_into(visitor, "seed", typed))
    expect_value(visitor, "seed", "0")


def test_size_and_steps_go_as_far_as_the_studio_does(visit):
    visitor = visit()
    visitor.unfold()
    leave(type_into(visitor, "size", "4000"))
    visitor.says("This studio paints up to 1024 pixels; choose a smaller size. It is 512 again.")
    expect_value(visitor, "size", "512")
    leave(type_into(visitor, "size", "72"))  # below the slider's end, but not the recipe's
    leave(type_into(visitor, "steps", "3"))
    leave(type_into(visitor, "seed", "-3"))
    visitor.says("Seed must lie between")
    expect_value(visitor, "seed", "0")
    visitor.page.locator("#paint").click()
    visitor.says("Finished at step 3 after .* 72×48 pixels")


def test_what_a_running_picture_cannot_take_is_said(visit, long_recipe):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    page.locator("#paint").click()
    visitor.different_pictures(1)
    page.get_by_text("Dream", exact=True).first.click()
    visitor.says(r"Weights changed at step \d+. With the next run: Start from, Smallest level\.")
    page.get_by_text("Bold", exact=True).first.click()
    playwright.expect(page.locator("#status")).not_to_contain_text("Start from", timeout=PATIENCE)
    page.locator("#stop").click()
    visitor.says("Stopped")


def upload(visitor, where, path):
    visitor.page.locator(f"#{where} input[type=file]").first.set_input_files(path)
    expect_picture(visitor, where, path.name)


def expect_picture(visitor, where, name):
    playwright.expect(visitor.page.locator(f"#{where} img").first).to_have_attribute("src", re.compile(name), timeout=PATIENCE)


def reload(visitor):
    visitor.page.reload()
    visitor.page.locator("#paint").wait_for()
    visitor.page.locator("#canvas img").wait_for()


@pytest.fixture
def own_pictures(tmp_path):
    """(photo, artwork) as a visitor's own files."""
    photo, artwork = tmp_path / "my-photo.jpg", tmp_path / "my-artwork.jpg"
    photo.write_bytes(PHOTO.read_bytes())
    artwork.write_bytes(ARTWORK.read_bytes())
    return photo, artwork


@pytest.mark.parametrize("dark", [False, True])
def test_a_reload_finds_settings_pictures_and_the_painting_of_a_run_that_went_on(visit, own_pictures, tmp_path, dark):
    visitor, stranger = visit(dark=dark), visit()
    page = visitor.page
    photo, artwork = own_pictures
    upload(visitor, "content", photo)
    upload(visitor, "style", artwork)
    page.get_by_text("Gentle", exact=True).first.click()
    expect_value(visitor, "style_weight", "4")
    visitor.unfold()
    for name, value in (("size", 128), ("steps", 1000)):
        visitor.set(name, value)
        expect_value(visitor, name, str(value))
    visitor.settle()

    reload(visitor)  # before painting
    expect_picture(visitor, "content", photo.name)
    expect_picture(visitor, "style", artwork.name)
    expect_value(visitor, "style_weight", "4")
    visitor.unfold()
    expect_value(visitor, "size", "128")
    assert page.locator("#presets input:checked").count() == 1
    playwright.expect(page.locator("#preset-note")).to_contain_text("photo stays clear")

    page.locator("#paint").click()
    visitor.different_pictures(3)
    reload(visitor)  # in mid-run: it goes on
    visitor.different_pictures(3)
    page.locator("#pause").click()
    visitor.says("Paused at step")
    reload(visitor)  # what the visitor has paused stays so
    visitor.says(r"Your last painting, at step [1-9]")
    expect_file(visitor)
    assert visitor.saved_recipe(tmp_path).style_weight == 4 and size_shown(visitor)[0] in (48, 78, 128)
    expect_picture(visitor, "content", photo.name)
    expect_value(visitor, "style_weight", "4")
    assert page.locator("#continue").is_visible() and page.locator("#paint").inner_text() == "Start over"
    page.screenshot(path=tmp_path / "after-reload.png")
    page.locator("#continue").click()
    visitor.different_pictures(2)
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    expect_file(visitor)
    shown = page.locator("#canvas img").get_attribute("src")

    reload(visitor)  # after it has ended
    visitor.says("Your last painting, at step")
    playwright.expect(page.locator("#canvas img")).to_have_attribute("src", shown, timeout=PATIENCE)

    reload(stranger)
    stranger.page.wait_for_timeout(1000)
    assert "my-" not in stranger.page.content() and stranger.value("style_weight") == Recipe.style_weight
    assert not stranger.page.locator("#continue").is_visible()
    other_tab = visitor.context.new_page()  # of the same browser: another visitor, perhaps the next pupil
    other_tab.goto(page.url)
    other_tab.locator("#canvas img").wait_for()
    other_tab.wait_for_timeout(1000)
    assert "my-" not in other_tab.content()


def test_a_photo_that_is_dropped_on_the_page_becomes_photo_or_artwork(visit, own_pictures, tmp_path):
    visitor = visit()
    page = visitor.page
    photo, artwork = own_pictures
    drop(page, photo, "#canvas")
    visitor.says("my-photo.jpg carries no settings. What is it to be?")
    playwright.expect(page.locator("#as-photo")).to_be_focused(timeout=PATIENCE)
    page.screenshot(path=tmp_path / "offer.png")
    page.keyboard.press("Enter")
    expect_picture(visitor, "content", photo.name)
    playwright.expect(page.locator("#offer")).to_be_hidden()
    playwright.expect(page.locator("#paint")).to_be_focused(timeout=PATIENCE)
    drop(page, artwork, "#status")
    playwright.expect(page.locator("#as-photo")).to_be_focused(timeout=PATIENCE)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_picture(visitor, "style", artwork.name)
    expect_picture(visitor, "content", photo.name)
    drop(page, photo, "#canvas")
    page.locator("#as-nothing").click()
    playwright.expect(page.locator("#offer")).to_be_hidden()
    text = tmp_path / "letter.png"
    text.write_text("Dear all")
    drop(page, text, "#canvas")
    playwright.expect(page.locator("#status [role=alert]")).to_be_visible(timeout=PATIENCE)
    assert not page.locator("#offer").is_visible()


def test_a_preset_is_no_longer_chosen_when_one_of_its_settings_was_moved(visit):
    visitor = visit()
    page = visitor.page
    page.get_by_text("Bold", exact=True).first.click()
    expect_value(visitor, "style_weight", "50")
    visitor.unfold()
    visitor.set("steps", 50)  # no preset's business
    page.wait_for_timeout(500)
    assert page.locator("#presets input:checked").count() == 1
    visitor.set("style_weight", 30)
    playwright.expect(page.locator("#preset-note")).to_have_text("Bold, with changes of yours.", timeout=PATIENCE)
    assert page.locator("#presets input:checked").count() == 0


def test_a_recipe_that_is_too_large_twice_is_told_both(visit, tmp_path):
    save_png(tmp_path / "huge.png", open_picture(PHOTO, 32).image, recipe_json=Recipe(size=4096, steps=9000).to_json())
    visitor = visit()
    visitor.page.locator("#dials > input[type=file]").set_input_files(tmp_path / "huge.png")
    visitor.says("Settings restored from huge.png. Size was brought down to 1024.* Steps was brought down to 1000")


@pytest.mark.parametrize("late", ["asked", "answered"])
def test_stop_that_is_pressed_as_a_run_ends_leaves_the_runs_last_words(visit, tmp_path, monkeypatch, late):
    end = Events.end

    def slow(self, session, how):
        answer = end(self, session, how) if late == "answered" else None
        while session.dials:  # until the run is over, and its last view is on its way to the page
            time.sleep(0.05)
        time.sleep(1)
        return end(self, session, how) if late == "asked" else answer

    monkeypatch.setattr(Events, "end", slow)
    visitor = visit()
    (tmp_path / "short.json").write_text(Recipe(size=96, steps=150).to_json())
    visitor.restore(tmp_path / "short.json")
    visitor.page.locator("#paint").click()
    visitor.says(r"Step \d+ of 150")
    with visitor.page.expect_response(lambda answer: "Stopping" in answer.text() or late == "asked", timeout=PATIENCE):
        visitor.page.locator("#stop").click()
    visitor.says("(Finished|Stopped) at step")
    visitor.page.wait_for_timeout(2500)
    said = visitor.page.locator("#status").inner_text()
    assert "object" not in said and "Stopping" not in said and "at step" in said
    assert visitor.page.locator("#continue").is_visible() and not visitor.page.locator("#stop").is_visible()


def test_a_full_disk_leaves_the_buttons_of_what_is_true(visit, tmp_path, monkeypatch):
    visitor = visit()
    (tmp_path / "short.json").write_text(Recipe(size=64, steps=10).to_json())
    visitor.restore(tmp_path / "short.json")
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patched:
        patched.setattr("stylekit.studio.timeline.save_png", lambda *args, **options: (_ for _ in ()).throw(full))
        visitor.page.locator("#paint").click()
        visitor.says("the studio’s disk is full")
        assert visitor.page.locator("#paint").is_visible()
        for name in ("pause", "stop", "continue", "download"):
            assert not visitor.page.locator(f"#{name}").is_visible(), name
    visitor.page.locator("#paint").click()
    visitor.says("Finished at step 10")


def test_shares_go_with_the_letters_of_their_artworks(visit, tmp_path):
    visitor = visit()
    page = visitor.page
    (tmp_path / "short.json").write_text(Recipe(size=64, steps=300).to_json())
    visitor.restore(tmp_path / "short.json")
    page.get_by_role("button", name="More artworks").click()
    page.locator("#further input[type=file]").nth(1).set_input_files(ARTWORK)  # C; B stays empty
    page.locator("#further img").first.wait_for()
    page.get_by_role("button", name="Brushes and several artworks").click()
    visitor.set("style_shares-1", 0.3)  # of B, which is none
    visitor.set("style_shares-2", 0.25)
    page.locator("#paint").click()
    visitor.says(r"Step \d+ of 300")
    visitor.set("style_scales-2", 2)
    visitor.says("Weights changed")
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    expect_file(visitor)
    weights = visitor.saved_recipe(tmp_path).settled()
    assert (weights.style_shares, weights.style_scales) == ((1.0, 0.25), (1.0, 2.0))
    (tmp_path / "back.json").write_text(weights.to_json())
    visitor.restore(tmp_path / "back.json")
    expect_value(visitor, "style_shares-2", "0.25")
    assert visitor.value("style_scales-2") == 2 and visitor.value("style_shares-1") == 1


def test_the_reach_of_soft_edges_may_be_typed_and_seamless_tiles_say_when_they_are_exact(visit, long_recipe):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    page.get_by_role("tab", name="Masks").click()
    box = page.locator("#softness input[type=number]")
    box.fill("0.3")  # beyond the slider's end
    box.press("Tab")
    visitor.unfold()
    page.locator("#paint").click()
    visitor.different_pictures(2)
    page.locator("#set-tiling input").check()
    visitor.says("Its sides become whole multiples, which tile exactly, with the next Paint")
    page.locator("#stop").click()
    visitor.says("Stopped at step")
    page.get_by_role("tab", name="Masks").click()
    assert box.input_value() == "0.3"
