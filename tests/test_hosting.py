"""What a host may rely on, tried on a studio in a process of its own, as `python app.py` starts it."""

import os
import re
import signal
import subprocess
import time
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from gradio.components.image_editor import EditorData
from gradio.data_classes import FileData
from gradio.routes import App
from starlette.datastructures import Headers

from bench.attack import API, PHOTO, Served, png
from stylekit import ui
from stylekit.recipe import SETTINGS
from stylekit.studio import hosting
from stylekit.studio.limits import Limits
from stylekit.studio.storage import Folder
from stylekit.ui.components import MaskEditor
from stylekit.ui.guard import Guard
from stylekit.ui.listening import UNHEARD

FOREIGN = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One for all tests; ended as hosts end it, with a painting under way."""
    place = tmp_path_factory.mktemp("studio") / "temporary"
    place.mkdir()
    studio = Served(place, STYLEKIT_MAX_SECONDS="60")
    yield studio
    leaves_nothing(studio, signal.SIGTERM, steps=1000)


@pytest.fixture(scope="module")
def after_a_killed_one(studio):
    """(another studio in the same place, what one that was killed before had left there); ended as by Ctrl-C."""
    killed = Served(studio.folder)
    own = killed.upload(PHOTO).removeprefix(f"{killed.folder}/")
    killed.end(signal.SIGKILL)
    assert own in killed.left()
    other = Served(studio.folder, STYLEKIT_MAX_SIZE="32", STYLEKIT_MAX_STEPS="100")
    yield other, own
    leaves_nothing(other, signal.SIGINT, steps=100)


def leaves_nothing(studio, number, steps):
    """Ends it while a painting is watched, another is done, and an upload lies there that nobody used."""
    before = {path.name for path in studio.folder.glob("stylekit-*")}
    assert studio.painted(size=32) < 60
    studio.upload(PHOTO)
    messages = studio.messages("stylize_file", studio.order(steps=steps, size=32).json()["event_id"])
    for _ in range(4):
        next(messages)
    assert len(studio.left()) >= 4
    assert studio.end(number) < 20
    assert len(before - {path.name for path in studio.folder.glob("stylekit-*")}) == 1


# ------------------------------------------------------------------------------------------------ what stays on the disk


def test_what_a_killed_studio_leaves_goes_when_the_next_one_starts_and_what_a_living_one_has_stays(studio, after_a_killed_one):
    own, (other, gone) = studio.upload(PHOTO).removeprefix(f"{studio.folder}/"), after_a_killed_one
    assert gone not in other.left() and own in other.left()
    assert len(list(studio.folder.glob("stylekit-*"))) == 2 and studio.painted() < 60


def test_what_is_older_than_two_hours_goes_while_the_studio_runs(tmp_path):
    folder = Folder(tmp_path)
    old, new = folder.new() / "old.png", folder.new() / "new.png"
    for path in (old, new):
        path.write_bytes(b"picture")
    os.utime(old, (time.time() - 7300,) * 2)
    os.utime(folder.cache / old.parent.name, (time.time() - 7300,) * 2)
    folder.sweep()
    assert not old.exists() and new.exists()
    os.utime(old.parent, (time.time() - 61,) * 2)
    folder.sweep()
    assert not old.parent.exists() and new.exists()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------ whose requests are let in


CHANGING = ["upload", "component_server", "queue/join", "call/stylize", "call/v2/stylize", "run/predict", "cancel", "reset"]
READING_MESSAGES = ["queue/data?session_hash=x", "heartbeat/x", "call/stylize/x", "startup-events"]


@pytest.mark.parametrize("path", CHANGING)
@pytest.mark.parametrize(
    "headers",
    [
        FOREIGN,
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example", "x-forwarded-host": "studio.example"},
    ],
)
def test_another_sites_page_can_change_nothing(studio, path, headers):
    assert studio.web.post(f"{API}/{path}", headers=headers, json={}).status_code == 403


@pytest.mark.parametrize("path", READING_MESSAGES)
def test_another_sites_page_can_read_nobodys_messages(studio, path):
    assert studio.web.get(f"{API}/{path}", headers=FOREIGN).status_code == 403


def test_every_route_of_gradio_that_changes_anything_is_guarded(studio):
    """Whatever gradio adds later: all routes but those that only read are refused to a foreign page."""
    paths = App.create_app(ui.build(Limits())).openapi()["paths"]
    assert f"{API}/upload" in paths and len(paths) > 40
    for path, methods in paths.items():
        for method in methods.keys() - {"get", "head", "options"}:
            there = re.sub(r"{[^}]*}", "x", path)
            assert studio.web.request(method.upper(), there, headers=FOREIGN).status_code in (403, 404), f"{method} {path}"


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"sec-fetch-site": "same-origin", "origin": "https://whatever.the.proxy.says"},
        {"x-forwarded-host": "studio.example", "origin": "https://studio.example"},  # a proxy on this machine
        {"host": "localhost:1", "origin": "http://localhost:1"},
    ],
)
def test_programs_the_own_page_and_a_proxy_get_in(studio, headers):
    assert studio.web.post(f"{API}/reset", headers=headers, json={"event_id": "x"}).status_code == 200


def test_a_local_studio_answers_to_its_machines_names_only(studio):
    """DNS rebinding: a name of the attacker's that points here, so that for the browser it is one origin."""
    rebound = {"host": "evil.example:7860", "origin": "http://evil.example:7860"}
    for path in ("/", "/config", f"{API}/info"):
        assert studio.web.get(path, headers=rebound).status_code == 403
    answer = studio.web.post(f"{API}/upload", headers=rebound, files={"files": b"x"})
    assert answer.status_code == 403 and "STYLEKIT_HOSTS" in answer.text


def test_a_link_elsewhere_may_lead_to_the_page(studio):
    assert studio.web.get("/", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}).status_code == 200


def test_names_that_the_host_adds_are_answered_to(monkeypatch):
    monkeypatch.setenv("STYLEKIT_HOSTS", "studio.example.org, Other.example")
    monkeypatch.setenv("SPACE_HOST", "me-stylekit.hf.space")
    assert hosting.names() == ["studio.example.org", "other.example", "me-stylekit.hf.space"]
    guard = Guard(None, hosting.names(), local=True)
    for name in hosting.names():
        headers = Headers({"host": "127.0.0.1:7860", "origin": f"https://{name}"})
        assert guard.refusal("POST", f"{API}/upload", headers, 10) is None
        assert guard.refusal("POST", f"{API}/upload", Headers({"host": name}), 10) is None


@pytest.mark.parametrize(
    ("name", "share", "local"),
    [(None, None, True), ("127.0.0.1", False, True), ("[::1]", None, True), ("0.0.0.0", None, False), (None, True, False)],
)
def test_a_studio_is_local_unless_it_is_opened(monkeypatch, name, share, local):
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    monkeypatch.delenv("GRADIO_SHARE", raising=False)
    assert hosting.is_local(name, share) == local


def test_gradios_recorder_and_deep_links_are_not_offered(studio):
    assert studio.web.post(f"{API}/process_recording", files={"video": b"x"}).status_code == 404
    assert studio.web.get(f"{API}/deep_link?session_hash=x").status_code == 404


# ------------------------------------------------------------------------------------------------ what is taken at once


@pytest.mark.parametrize("index", ["50000000", "-1", "4", "9" * 400, "one", "null"])
def test_a_drawing_has_few_layers(studio, index):
    before = studio.memory()
    answer = studio.blob(png(64, 64), index=index)
    assert answer.status_code == 413 and "mask" in answer.text
    assert studio.memory() - before < 50


def test_layers_that_are_no_small_pngs_are_refused(studio):
    for layer in (b"no picture", png(4000, 4000), png(8, 8) + bytes(3_000_000)):
        assert studio.blob(layer).status_code == 413


def test_drawings_that_nobody_paints_with_do_not_pile_up(studio):
    studio.blob(png(64, 64))
    before = studio.memory()
    heavy = png(8, 8) + bytes(1_900_000)
    for number in range(100):  # 190 megabytes by a hundred visitors
        assert studio.blob(heavy, session_hash=f"visitor{number}", id=f"drawing{number}").status_code == 200
    assert studio.memory() - before < 90


def test_a_visitors_last_drawing_alone_is_kept():
    editor = MaskEditor()
    for name, visitor in (("a", "one"), ("b", "two"), ("c", "one")):
        said = {"id": name, "session_hash": visitor, "type": "layer", "index": "0"}
        editor.accept_blobs(SimpleNamespace(data=said, files=[("layer.png", png(8, 6))]))
    assert editor.preprocess(EditorData(id="b"))["layers"][0].shape == (6, 8, 4)
    assert editor.preprocess(EditorData(id="c"))["layers"][0].shape == (6, 8, 4)
    for gone in ("a", "b"):
        with pytest.raises(gr.Error, match="add a stroke"):
            editor.preprocess(EditorData(id=gone))


def test_no_file_of_the_servers_can_be_painted_with_as_a_mask(tmp_path):
    (tmp_path / "private.png").write_bytes(png(8, 8))
    drawing = EditorData(layers=[FileData(path=str(tmp_path / "private.png"))])
    with pytest.raises(gr.Error, match="not uploaded"):
        MaskEditor().preprocess(drawing)


def test_more_than_the_studio_takes_is_refused_with_and_without_a_length(studio):
    assert studio.web.post(f"{API}/queue/join", content=b"x" * 3_000_000).status_code == 413
    with pytest.raises(httpx.HTTPError):
        studio.web.post(f"{API}/queue/join", content=iter([b"x" * 1_000_000] * 3)).raise_for_status()
    with pytest.raises(httpx.HTTPError):
        files = [("files", (f"{n}.png", bytes(20 << 20))) for n in range(3)]
        studio.web.post(f"{API}/upload", files=files).raise_for_status()
    assert studio.painted() < 60


# ------------------------------------------------------------------------------------------------ runs that nobody reads


def test_runs_whose_messages_nobody_fetches_end_within_seconds(studio):
    for _ in range(4):
        assert studio.order(steps=1000, size=256).status_code == 200
    assert studio.painted() < UNHEARD + 20


def test_a_run_that_is_left_in_line_gives_its_place_back(studio):
    first = studio.order(steps=1000, size=256).json()["event_id"]
    second = studio.order(steps=1000, size=256).json()["event_id"]
    watched = studio.messages("stylize_file", first)
    next(watched)
    waiting = studio.messages("stylize_file", second)
    assert sum("update" in next(waiting) for _ in range(12)) > 1  # something to close is there while it waits
    waiting.close()
    watched.close()
    assert studio.painted() < UNHEARD


# ------------------------------------------------------------------------------------------------ for programs


def test_the_printed_curl_example_works_as_printed(after_a_killed_one):
    code = after_a_killed_one[0].web.get(f"{API}/info").json()["named_endpoints"]["/stylize_file"]["code_snippets"]["bash"]
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=120)
    assert "event: complete" in done.stdout and "stylekit.png" in done.stdout


NEEDED = len(SETTINGS) + 7
"""Values of a call: photo, four artworks, palette and start, then the settings."""


@pytest.mark.parametrize(("data", "says"), [([1, 2], f"has 2 values and needs {NEEDED}"), (["x"] * NEEDED, "of the wrong kind")])
def test_a_wrong_positional_call_is_told_so_in_a_sentence(studio, data, says):
    event = studio.web.post(f"{API}/call/stylize_file", json={"data": data}).json()["event_id"]
    said = " ".join(studio.messages("stylize_file", event))
    assert "event: error" in said and says in said
    assert "Traceback" not in studio.said()
