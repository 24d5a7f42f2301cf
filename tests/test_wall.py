"""The wall: what is pinned is there as a whole or not at all, for whoever has its key and nobody else, as long as was said."""

import errno
import io
import os
import signal
import stat
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browser import Visitor, playwright
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bench.attack import Served
from stylekit import Recipe, open_picture
from stylekit.errors import WorldError
from stylekit.pictures import format_of, save_quickly
from stylekit.studio import wall as room
from stylekit.studio.limits import Limits
from stylekit.studio.masks import COLORS, Drawings
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.studio.wall import CHUNK, HOUR, Walls
from stylekit.ui.wall import Downloads
from stylekit.ui.words import Words

ASSETS = Path(__file__).parents[1] / "assets"
PHOTO, ARTWORK = str(ASSETS / "photos" / "cat.jpg"), str(ASSETS / "artworks" / "harbour-night.jpg")
KEY, OTHER = "0123456789abcdef" * 2, "f" * 32


def drawn_on_the_left():
    """Artwork A is wanted on the left half of the photo."""
    layer = np.zeros((32, 48, 4), np.uint8)
    layer[:, :24] = [*bytes.fromhex(COLORS[1][1:]), 255]
    return Drawings([layer], {0: []}, 0.02)


def painted(studio, session, resume=False, **settings):
    """The canvas after a short run of these settings."""
    recipe = Recipe(**{"size": 48, "steps": 4, "coarsest": 48, **settings})
    order = Order(PHOTO, (ARTWORK,), recipe, resume=resume, drawings=drawn_on_the_left(), letters=(0,))
    *_, last = studio.paint(session, order)
    assert last.canvas, last
    return last.canvas


@pytest.fixture(scope="module")
def studio():
    return Studio(Limits(), Words())


@pytest.fixture(scope="module")
def canvases(studio):
    session = Session()
    return [painted(studio, session, style_weight=weight) for weight in (5, 20)]


@pytest.fixture
def walls(tmp_path):
    return Walls(tmp_path / "walls", 24, 100 << 20, 10 << 20)


def test_pins_are_found_again_by_their_key_alone_and_after_a_restart(walls, canvases):
    first, second = (walls.of(KEY).pin(canvas, "a label") for canvas in canvases)
    again = Walls(walls.place, 24, 100 << 20, 10 << 20).of(KEY)
    assert [pin.name for pin in again.pins()] == [second.name, first.name]
    pin = again.find(first.name)
    assert pin.recipe == canvases[0].recipe and pin.path.read_bytes() == canvases[0].path.read_bytes()
    assert [Path(path).read_bytes() for path in pin.made_of] == [Path(PHOTO).read_bytes(), Path(ARTWORK).read_bytes()]
    (layer,) = pin.sources.drawings.content
    assert np.array_equal(layer, drawn_on_the_left().content[0]) and pin.sources.drawings.softness == 0.02
    assert walls.of(OTHER).pins() == [] and walls.of(OTHER).find(first.name) is None
    assert KEY not in "".join(str(path) for path in walls.place.rglob("*"))
    assert stat.S_IMODE(walls.place.stat().st_mode) == 0o700 or os.name == "nt"
    for wrong in (None, 3, "", KEY[:-1], KEY + "\n", KEY.upper(), "../" + KEY):
        assert walls.of(wrong) is None
    for wrong in (None, "", "..", f"../{KEY}", first.name + "/.."):
        assert again.find(wrong) is None


def test_what_hangs_there_already_is_not_pinned_twice_and_pictures_are_shared(walls, canvases):
    wall = walls.of(KEY)
    first = wall.pin(canvases[0], "")
    assert wall.pin(canvases[0], "").name == first.name and len(wall.pins()) == 1
    alone = room._bytes_in(wall.folder)
    second = wall.pin(canvases[1], "")
    assert room._bytes_in(wall.folder) - alone < 100_000 < Path(ARTWORK).stat().st_size
    assert wall.remove(first.name) and not wall.remove(first.name)
    assert all(Path(path).is_file() for path in second.made_of)
    wall.clear()
    assert wall.pins() == [] and list(walls.place.iterdir()) == []


@pytest.mark.parametrize("wrong", [OSError(errno.ENOSPC, "full"), OSError(errno.EACCES, "not mine")])
def test_a_pin_that_cannot_be_written_is_refused_in_words_and_leaves_nothing(walls, canvases, monkeypatch, wrong):
    def fail(_):
        raise wrong

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WorldError, match="full" if wrong.errno == errno.ENOSPC else "cannot write"):
        walls.of(KEY).pin(canvases[0], "")
    assert list(walls.of(KEY).folder.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows")
def test_a_studio_that_is_killed_while_it_writes_leaves_no_broken_pin(walls, canvases, monkeypatch):
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        walls.of(KEY).pin(canvases[0], "")
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    wall = walls.of(KEY)
    (left,) = wall.folder.iterdir()
    assert wall.pins() == []
    os.utime(left, (time.time() - HOUR - 60,) * 2)
    walls.sweep()
    assert list(wall.folder.iterdir()) == [] and wall.pin(canvases[0], "").path.is_file()


def test_walls_are_bounded_each_and_together_and_leave_room_on_the_disk(walls, canvases, monkeypatch):
    walls.of(KEY).pin(canvases[0], "")
    walls.wall_bytes = room._bytes_in(walls.of(KEY).folder)
    with pytest.raises(WorldError, match="megabytes"):
        walls.of(KEY).pin(canvases[1], "")
    walls.wall_bytes, walls.most_bytes = 10 << 20, room._bytes_in(walls.place)
    with pytest.raises(WorldError, match="no room"):
        walls.of(OTHER).pin(canvases[1], "")
    walls.most_bytes = 100 << 20
    monkeypatch.setattr(walls, "free", lambda: room.LEAST_FREE)
    with pytest.raises(WorldError, match="no room"):
        walls.of(OTHER).pin(canvases[1], "")
    monkeypatch.undo()
    monkeypatch.setattr(room, "MOST_PINS", 1)
    with pytest.raises(WorldError, match="1 pictures"):
        walls.of(KEY).pin(canvases[1], "")
    assert len(walls.of(KEY).pins()) == 1 and walls.of(OTHER).pins() == []


def test_a_wall_goes_some_hours_after_the_last_visit_and_none_is_kept_for_zero(walls, canvases):
    for key in (KEY, OTHER):
        walls.of(key).pin(canvases[0], "")
        os.utime(walls.of(key).folder, (time.time() - 25 * HOUR,) * 2)
    walls.of(OTHER).pins()  # a visit
    walls.sweep()
    assert not walls.of(KEY).folder.exists() and walls.of(OTHER).pins()
    assert Walls(walls.place, 0, 100 << 20, 10 << 20).of(KEY) is None


def test_the_zip_file_has_everything_and_comes_in_pieces(walls, canvases):
    for number, canvas in enumerate(canvases):
        walls.of(KEY).pin(canvas, f"../{number}: cat?")
    pieces = list(walls.of(KEY).zipped())
    assert max(map(len, pieces)) <= 2 * CHUNK and len(pieces) > len(canvases)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        names = archive.namelist()
        assert archive.testzip() is None and len(names) == 4 and not any(name.startswith((".", "/")) for name in names)
        assert archive.read(names[0]) == canvases[0].path.read_bytes()


def test_files_are_given_to_whoever_sends_the_key(walls, canvases):
    pin = walls.of(KEY).pin(canvases[0], "cat · harbour")
    web = TestClient(Downloads(Starlette(), walls))
    picture = web.post("/wall", data={"key": KEY, "pin": pin.name})
    assert picture.content == pin.path.read_bytes() and "attachment" in picture.headers["content-disposition"]
    assert web.post("/wall", data={"key": KEY, "pin": ""}).headers["content-type"] == "application/zip"
    for form in ({"key": OTHER, "pin": pin.name}, {"key": OTHER}, {"pin": pin.name}, {"key": KEY, "pin": "../.."}):
        assert web.post("/wall", data=form).status_code == 404
    assert web.post("/wall", data={"key": "x" * 2000}).status_code == 413
    assert web.get("/wall").status_code == 404


def test_a_pinned_painting_is_gone_on_with_as_if_it_had_never_left_the_easel(studio, walls):
    """Paused, pinned, the studio restarted, brought back, continued with another weight."""
    session = Session()
    stopped = painted(studio, session, until=0.5, steps=8)
    pin = walls.of(KEY).pin(replace(stopped, unfinished=4), "")
    straight = painted(studio, session, resume=True, steps=8, style_weight=20)
    pictures, canvas = studio.brought_back(pin)
    assert Path(pictures["content"]).name == "cat.jpg" and canvas.recipe == stopped.recipe
    later = Session()
    later.keep(canvas)
    again = painted(studio, later, resume=True, steps=8, style_weight=20)
    assert again.recipe == straight.recipe and again.recipe.keyframes
    assert open_picture(again.painting).image.equal(open_picture(straight.painting).image)


def test_a_moment_on_the_way_is_pinned_as_png_with_its_recipe(walls, canvases, tmp_path):
    """The timeline keeps them as WebP without loss."""
    moment, picture = canvases[0], open_picture(canvases[0].path)
    save_quickly(tmp_path / "moment.webp", picture.image, recipe_json=moment.recipe.to_json())
    pin = walls.of(KEY).pin(replace(moment, path=tmp_path / "moment.webp", painting=tmp_path / "moment.webp"), "")
    assert format_of(pin.path) == "PNG" and pin.recipe == moment.recipe and pin.painting == pin.path
    assert open_picture(pin.path).image.equal(picture.image)


# ------------------------------------------------------------------------------------------------------ in the browser


def test_pins_come_back_after_a_reload_and_a_killed_studio_and_a_stranger_sees_none(browser, tmp_path):
    place = tmp_path / "temporary"
    place.mkdir()
    (tmp_path / "small.json").write_text(Recipe(size=64, steps=4, style_weight=7).to_json())
    studio = Served(place)
    visitor = Visitor(browser, studio.base)
    page, tab = visitor.page, visitor.page.get_by_role("tab", name="Wall")
    assert not tab.is_visible() and not page.locator("#pin").is_visible()
    page.locator("#samples-photos .gallery-item").nth(4).click()
    page.wait_for_function("document.querySelector('#content img')?.src.includes('rocket')")
    visitor.restore(tmp_path / "small.json")
    page.locator("#paint").click()
    visitor.says("Finished at step 4")
    page.locator("#pin").click()
    visitor.says("Pinned")
    page.locator("#make-card").click()
    page.locator("#card img").wait_for()
    assert "--style-weight 7" in page.locator("#card .command pre").inner_text()
    studio.end(signal.SIGKILL)

    studio = Served(place, GRADIO_SERVER_PORT=studio.base.rpartition(":")[2])
    page.reload()
    tab.click()
    page.locator("#wall .open").click()
    visitor.says("Settings restored from rocket · harbour-night")
    page.wait_for_function("document.querySelector('#content img')?.src.includes('rocket')")
    playwright.expect(page.locator("#set-style_weight input[type=number]").first).to_have_value("7")
    assert page.locator("#continue").is_visible() and page.locator("#canvas img").is_visible()

    stranger = Visitor(browser, studio.base)
    stranger.page.wait_for_timeout(1000)
    assert not stranger.page.get_by_role("tab", name="Wall").is_visible()
    tab.click()
    for _ in range(2):  # it asks first
        page.locator("#wall [data-do=delete]").click()
    visitor.says("The wall is empty")
    playwright.expect(tab).to_be_hidden()
    for one in (visitor, stranger):
        assert one.complaints == []
        one.context.close()
    studio.end()
