"""The page in a real browser, and its API through the Gradio client. Screenshots go to pytest's temporary folder."""

import re
from pathlib import Path

import httpx
import numpy as np
import pillow_heif
import pytest
from browser import LONG, PATIENCE, Visitor, drop, playwright
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from stylekit import Recipe, open_picture, read_recipe_json, save_png
from stylekit.recipe import SETTINGS

ASSETS = Path(__file__).parents[1] / "assets"
FIRST_PHOTO, OTHER_ARTWORK = ASSETS / "photos" / "cat.jpg", ASSETS / "artworks" / "stained-glass.jpg"
PHOTO, ARTWORK = ASSETS / "photos" / "coffee.jpg", ASSETS / "artworks" / "indigo-waves.jpg"


def test_the_studio_opens_with_a_photo_and_an_artwork_in_place(visit):
    visitor = visit()
    for picture in ("#content img", "#style img"):
        visitor.page.locator(picture).first.wait_for()
    assert visitor.page.locator("#paint").is_enabled()
    assert visitor.page.locator("[id^=samples] .gallery-item").count() == 13


def test_paint_turn_stop_download_and_drop_back(visit, long_recipe, tmp_path):
    visitor = visit()
    page = visitor.page
    visitor.restore(long_recipe)
    visitor.unfold()
    assert (visitor.value("size"), visitor.value("steps")) == (128, 1000)

    page.locator("#paint").click()
    assert len(visitor.different_pictures(3)) >= 3
    slider = page.locator("#set-style_weight input[type=range]")
    slider.focus()
    slider.press("End")  # one move, so that the change that is seen is all of it
    visitor.says(r"Weights changed at step \d+")
    assert page.locator("#plot svg polyline").count() >= 3

    page.locator("#stop").click()
    visitor.says(r"Stopped at step \d+ after .* 128×85 pixels\. The picture is kept")
    playwright.expect(page.locator("#canvas img")).to_have_attribute("src", re.compile("^http.*png"))
    with page.expect_download() as download:
        page.locator("#download").click()
    saved = tmp_path / "mine.png"
    download.value.save_as(saved)
    recipe = Recipe.from_json(read_recipe_json(saved))
    assert recipe.settled().style_weight == 50 and recipe.size == 128

    visitor.set("style_weight", 20)
    visitor.set("relu5_1", 0.5)
    drop(page, saved, "#masthead")
    visitor.says("Settings restored from mine.png")
    assert (
        visitor.value("style_weight") == LONG.style_weight and visitor.value("relu5_1") == 1.0
    )  # as it began; the turn is played

    page.get_by_role("tab", name="Before / after").click()
    page.locator("#compare img").first.wait_for()


def test_pause_then_continue_with_other_weights(visit, long_recipe):
    visitor = visit()
    visitor.restore(long_recipe)
    visitor.page.locator("#paint").click()
    visitor.different_pictures(2)
    visitor.page.locator("#pause").click()
    visitor.says(r"Paused at step \d+")
    paused = int(re.search(r"step (\d+)", visitor.page.locator("#status").inner_text())[1])
    visitor.set("content_weight", 3)
    visitor.page.locator("#continue").click()
    visitor.different_pictures(2)
    visitor.says(r"Step \d+ of 1000")
    assert int(re.search(r"Step (\d+)", visitor.page.locator("#status").inner_text())[1]) >= paused
    visitor.page.locator("#stop").click()
    visitor.says("Stopped at step")
    visitor.page.locator("#paint").click()  # start over
    visitor.says(r"Step \d\d? of 1000")
    visitor.page.locator("#stop").click()
    visitor.says("Stopped at step")


def test_two_visitors_do_not_see_each_others_picture_or_sliders(visit, long_recipe):
    one, two = visit(), visit()
    for visitor in (one, two):
        visitor.restore(long_recipe)
    two.page.locator("#samples-photos .gallery-item").nth(4).click()
    two.page.wait_for_function("document.querySelector('#content img')?.src.includes('rocket')")
    one.page.locator("#paint").click()
    two.page.locator("#paint").click()
    first, second = set(one.different_pictures(3)), set(two.different_pictures(3))
    assert not first & second
    one.set("style_weight", 33)
    one.says(r"Weights changed at step \d+")
    assert two.value("style_weight") == Recipe.style_weight and "Weights changed" not in two.page.locator("#status").inner_text()
    one.page.locator("#stop").click()
    one.says("Stopped")
    assert len(two.different_pictures(2)) >= 2  # goes on
    two.page.locator("#stop").click()
    two.says("Stopped")


def test_a_closed_tab_ends_its_computation(visit, long_recipe, browser, url):
    for _ in range(2):  # as many as there are places
        visitor = Visitor(browser, url)
        visitor.restore(long_recipe)
        visitor.page.locator("#paint").click()
        visitor.different_pictures(1)
        visitor.context.close()
    next_one = visit()
    next_one.restore(long_recipe)
    next_one.page.locator("#paint").click()
    assert len(next_one.different_pictures(2)) >= 2
    next_one.page.locator("#stop").click()
    next_one.says("Stopped")


def test_a_preset_sets_its_weights_and_an_error_is_one_sentence(visit, tmp_path):
    visitor = visit()
    visitor.page.get_by_text("Palette knife", exact=True).click()
    playwright.expect(visitor.page.locator("#preset-note")).to_contain_text("Flat patches")
    visitor.page.wait_for_function("document.querySelector('#set-tv_weight input[type=number]').value == '1.5'")
    text = tmp_path / "not-a-picture.jpg"
    text.write_text("This is no picture.")
    visitor.page.locator("#content input[type=file]").set_input_files(text)
    playwright.expect(visitor.page.locator("#pictures .note .error")).to_contain_text("text, not a picture")
    visitor.page.locator("#paint").click()
    playwright.expect(visitor.page.locator("#status [role=alert]")).to_contain_text("text, not a picture")
    assert visitor.page.locator("#paint").is_visible()
    broken = tmp_path / "broken.json"
    broken.write_text('{"size": 512, "brush": 3}')
    visitor.page.locator("#dials > input[type=file]").set_input_files(broken)
    playwright.expect(visitor.page.locator("#status [role=alert]")).to_contain_text("no setting 'brush'")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits(visit, tmp_path, width, height, dark):
    visitor = visit(width=width, height=height, dark=dark)
    page = visitor.page
    page.screenshot(path=tmp_path / f"page-{width}{'-dark' if dark else ''}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    body = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.findall(r"\d+", body)[0]) < 80) == dark
    if width >= 1024:
        needed = ["#paint", "#canvas", "#set-content_weight", "#set-style_weight", "#set-tv_weight"]
        needed += ["#set-relu1_1", "#set-relu5_1"] if width == 1440 else []
        for selector in needed:
            box = page.locator(selector).bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= height, f"{selector} is out of sight"
        canvas = page.locator("#canvas").bounding_box()
        assert canvas["width"] * canvas["height"] > 0.23 * width * height  # the timeline has its place below
    else:  # the canvas stays in sight while the weights pass below it
        page.locator("#set-relu5_1").scroll_into_view_if_needed()
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(300)
        box = page.locator("#canvas").bounding_box()
        assert box["y"] > -10 and box["height"] > 200


def test_everything_that_can_be_turned_has_a_name_for_screen_readers(visit):
    unnamed = visit().page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, [role=slider]')]
          .filter(e => e.offsetParent && !(e.getAttribute('aria-label') || e.innerText.trim() || e.labels?.length))
          .filter(e => !e.title && !e.querySelector('img[alt]')?.alt)
          .map(e => e.outerHTML.slice(0, 120))"""
    )
    assert unnamed == []


def test_every_preset_can_be_painted_with(visit, tmp_path):
    visitor = visit()
    (tmp_path / "small.json").write_text(Recipe(size=64, steps=4).to_json())
    visitor.restore(tmp_path / "small.json")
    visitor.page.get_by_text("As in the paper", exact=True).first.click()
    visitor.page.wait_for_function("document.querySelector('#set-style_weight input[type=number]').value == '20'")
    visitor.page.locator("#paint").click()
    visitor.says("Finished at step 4")


@pytest.mark.parametrize("dropped", [False, True])
def test_an_iphones_photo_is_shown_and_painted(visit, tmp_path, dropped):
    """No browser shows a HEIC, and some give it no type; this one lies on its side, as phones keep portraits."""
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = tmp_path / "IMG_0001.HEIC"
    with Image.open(PHOTO) as upright:
        stored = pillow_heif.from_pillow(upright.convert("RGB").transpose(Image.Transpose.ROTATE_90))
    stored.save(photo, quality=90, exif=exif.tobytes())
    (tmp_path / "small.json").write_text(Recipe(size=128, steps=6).to_json())
    visitor = visit()
    visitor.restore(tmp_path / "small.json")
    if dropped:
        drop(visitor.page, photo, "#masthead", kind="")
        visitor.page.locator("#as-photo").click()
    else:
        visitor.page.locator("#content input[type=file]").set_input_files(photo)
    shown = visitor.page.locator("#content img[src*=IMG_0001]")
    playwright.expect(shown).to_have_js_property("naturalWidth", upright.width, timeout=PATIENCE)
    visitor.page.locator("#paint").click()
    visitor.says("Finished at step 6 after .* 128×85 pixels")


def test_a_recipe_of_other_layers_keeps_its_meaning(visit, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(Recipe(layer_weights={"relu1_1": 1, "relu2_2": 1}).to_json())
    visitor = visit()
    visitor.page.locator("#dials > input[type=file]").set_input_files(path)
    visitor.says("Settings restored from recipe.json")
    # the sliders of the other layers are at 0, and count for nothing
    assert visitor.value("relu1_1") == 1 and visitor.value("relu2_1") == 0
    visitor.page.get_by_role("button", name="How it is measured").click()
    assert visitor.page.locator("#set-other input, #set-other textarea").input_value() == "relu2_2=1"
    visitor.page.locator("#paint").click()
    visitor.says("compact has no layer 'relu2_2'")


def test_colours_tiling_and_a_second_artwork_on_a_running_picture(visit, long_recipe, tmp_path):
    visitor = visit()
    visitor.restore(long_recipe)
    page = visitor.page
    page.get_by_role("button", name="More artworks").click()
    page.locator("#further input[type=file]").first.set_input_files(OTHER_ARTWORK)
    page.locator("#further img").first.wait_for()
    page.get_by_role("button", name="Brushes and several artworks").click()
    page.get_by_role("button", name="Colour").click()
    page.locator("#paint").click()
    visitor.different_pictures(2)
    for name, value in (("style_shares-1", 0.25), ("style_scales-0", 2), ("style_split", 0.5), ("color_strength", 1)):
        visitor.set(name, value)
        visitor.says(r"Weights changed at step \d+")
    page.wait_for_timeout(500)
    visitor.different_pictures(3)
    page.locator("#stop").click()
    visitor.says(r"Stopped at step \d+")
    with page.expect_download() as download:
        page.locator("#download").click()
    download.value.save_as(tmp_path / "mine.png")
    recipe = Recipe.from_json(read_recipe_json(tmp_path / "mine.png")).settled()
    assert (recipe.style_shares, recipe.style_scales) == ((1.0, 0.25), (2.0, 1.0))
    assert (recipe.style_split, recipe.color_strength) == (0.5, 1.0)


# ---------------------------------------------------------------------------------------------------- for programs


def test_the_api_streams_previews_and_ends_with_the_result(url):
    job = Client(url, verbose=False).submit(
        content=handle_file(PHOTO),
        style=handle_file(ARTWORK),
        size=128,
        steps=150,
        layer_weights={"relu1_1": 1, "relu3_1": 2},
        api_name="/stylize",
    )
    result = job.result(timeout=120)
    assert len(job.outputs()) >= 2
    recipe = Recipe.from_json(read_recipe_json(result))
    assert (recipe.size, recipe.steps, dict(recipe.layer_weights)) == (128, 150, {"relu1_1": 1.0, "relu3_1": 2.0})


def test_the_api_gives_the_same_file_for_the_same_recipe(url):
    client = Client(url, verbose=False)
    ask = {"content": handle_file(PHOTO), "style": handle_file(ARTWORK), "size": 64, "steps": 5, "api_name": "/stylize_file"}
    one, two = (np.asarray(Image.open(client.predict(**ask))) for _ in range(2))
    assert (one == two).all() and one.shape == (43, 64, 3)


def test_the_api_plays_keyframes(url):
    ask = {"content": handle_file(PHOTO), "style": handle_file(ARTWORK), "size": 64, "steps": 8, "api_name": "/stylize_file"}
    client, keyframes = Client(url, verbose=False), [{"at": 0.5, "style_weight": 50.0}]
    plain, steered = (client.predict(**ask, keyframes=given) for given in ([], keyframes))
    recipe = Recipe.from_json(read_recipe_json(steered))
    assert [(k.at, k.weights.style_weight) for k in recipe.keyframes] == [(0.5, 50.0)]
    assert recipe.style_weight == Recipe.style_weight
    assert (np.asarray(Image.open(plain)) != np.asarray(Image.open(steered))).any()
    with pytest.raises(AppError, match="A keyframe cannot change 'size'"):
        client.predict(**ask, keyframes=[{"at": 0.5, "size": 32}])


def test_every_setting_of_a_recipe_is_a_parameter_of_the_api(url):
    endpoints = Client(url, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/stylize", "/stylize_file"}
    for endpoint in endpoints.values():
        names = {parameter["parameter_name"] for parameter in endpoint["parameters"]}
        further = {"style_2", "style_3", "style_4", "palette", "start"}
        assert names == {"content", "style", *further, *SETTINGS}
        needed = {p["parameter_name"] for p in endpoint["parameters"] if not p["parameter_has_default"]}
        assert needed <= {"content", "style"}


@pytest.mark.parametrize(
    ("setting", "says"),
    [({"layer_weights": {"relu9_9": 1}}, "no layer"), ({"size": 4000}, "up to 1024"), ({"style": None}, "artwork")],
)
def test_the_api_refuses_in_one_sentence(url, setting, says):
    ask = {"content": handle_file(PHOTO), "style": handle_file(ARTWORK), "size": 64, "steps": 5, "api_name": "/stylize_file"}
    with pytest.raises(AppError, match=says) as caught:
        Client(url, verbose=False).predict(**(ask | setting))
    assert "Traceback" not in str(caught.value) and "/" not in str(caught.value)


def test_nobody_gets_past_the_line(url):
    answer = httpx.post(f"{url.rstrip('/')}/gradio_api/run/stylize", json={"data": []})
    assert answer.status_code == 404


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize(("stolen", "success"), [((), True), ((0,), False), ((1,), False)])
def test_no_file_of_the_server_can_be_asked_for(url, tmp_path, stolen, success, marked):
    base, thief = url.rstrip("/"), f"thief{len(stolen)}{sum(stolen)}{marked}"
    events = httpx.get(f"{base}/config").json()["dependencies"]
    event = next(event["id"] for event in events if event["api_name"] == "stylize_file")
    settings = [p["parameter_default"] for p in Client(url, verbose=False).endpoints[event].parameters_info[2:]]
    settings[6:8] = [64, 3]  # size and steps, after five pictures that may be left out and the encoder
    paths = [httpx.post(f"{base}/gradio_api/upload", files={"files": p.read_bytes()}).json()[0] for p in (PHOTO, ARTWORK)]
    private = tmp_path / "private.jpg"
    private.write_bytes(PHOTO.read_bytes())
    for place in stolen:
        paths[place] = str(private)  # a picture, but nobody has uploaded it
    mark = {"meta": {"_type": "gradio.FileData"}} if marked else {}
    data = [{"path": path} | mark for path in paths]
    order = {"data": [*data, *settings], "fn_index": event, "session_hash": thief}
    assert httpx.post(f"{base}/gradio_api/queue/join", json=order).status_code == 200
    with httpx.stream("GET", f"{base}/gradio_api/queue/data?session_hash={thief}", timeout=60) as stream:
        said = "".join(stream.iter_text())
    assert f'"success":{str(success).lower()}' in said and "process_completed" in said


def test_a_recipe_beyond_the_limits_comes_back_with_words(tmp_path, visit):
    image = open_picture(PHOTO, 32).image
    save_png(tmp_path / "huge.png", image, recipe_json=Recipe(size=4096, style_weight=80.0).to_json())
    visitor = visit()
    visitor.page.locator("#dials > input[type=file]").set_input_files(tmp_path / "huge.png")
    visitor.unfold()
    visitor.says("Size was brought down to 1024")
    assert visitor.value("size") == 1024 and visitor.value("style_weight") == 80
    visitor.set("steps", 20)
    visitor.set("size", 128)
    visitor.page.locator("#paint").click()
    visitor.says("Finished at step 20")
