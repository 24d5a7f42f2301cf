"""A visitor's run without the page: the line, pause and continue, errors, and what is kept."""

import errno
import logging
import os
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylekit import Recipe, load_encoder, open_picture, read_recipe_json
from stylekit.objective import Objective
from stylekit.resize import fill
from stylekit.studio import backends
from stylekit.studio.limits import Limits
from stylekit.studio.losses import MOST_POINTS, LossTable
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.transfer import Frame
from stylekit.ui.words import Words

ASSETS = Path(__file__).parents[1] / "assets"
PHOTO, ARTWORK = str(ASSETS / "photos" / "coffee.jpg"), str(ASSETS / "artworks" / "indigo-waves.jpg")
SMALL = Recipe(size=64, steps=12)


@pytest.fixture
def studio():
    return Studio(Limits(max_size=256), Words())


def order(recipe=SMALL, **changes):
    return replace(Order(PHOTO, (ARTWORK,), recipe), **changes)


def test_a_run_ends_with_a_png_of_the_size_asked_for_that_carries_its_recipe(studio):
    session = Session()
    views = list(studio.paint(session, order()))
    assert views[0].mode == "waiting" and views[-1].mode == "done"
    assert "Finished at step 12" in views[-1].text
    canvas = views[-1].canvas
    with Image.open(canvas.path) as painting:
        assert painting.format == "PNG" and painting.size == (64, 43)
    assert Recipe.from_json(read_recipe_json(canvas.path)) == SMALL
    assert open_picture(canvas.before).size == (43, 64)
    assert any(view.preview is not None for view in views)
    assert session.dials is None


def test_the_losses_of_the_table_go_down(studio, monkeypatch):
    monkeypatch.setattr("stylekit.studio.run.PERIOD", 0.0)  # the losses of every step
    session = Session()
    list(studio.paint(session, order(replace(SMALL, steps=30, coarsest=64))))
    style = [loss for _, loss in session.table.lines()["style"]]
    assert style[-1] < 0.5 * style[0]


def run_until(studio, session, an_order, steps, then):
    """Run, call `then` once when `steps` steps were seen, and return the views."""
    views, called = [], False
    with closing(studio.paint(session, an_order)) as stream:
        for view in stream:
            views.append(view)
            if not called and session.table.rows and session.table.rows[-1][0] >= steps:
                called = True
                then()
    return views


def test_pause_keeps_the_picture_and_continue_takes_the_remaining_steps(studio, monkeypatch):
    monkeypatch.setattr("stylekit.studio.run.PERIOD", 0.0)
    session, long = Session(), replace(SMALL, steps=60)
    paused = run_until(studio, session, order(long), 10, lambda: setattr(session, "stopping", "pause"))[-1]
    assert "Paused at step" in paused.text
    first = session.canvas
    assert 10 <= first.step < 60 and first.unfinished == 60 - first.step
    views = list(studio.paint(session, order(long, resume=True)))
    assert f"Step {first.step} of 60" in views[1].text
    assert session.canvas.step == 60 and session.canvas.unfinished == 0 and session.canvas.size == 64
    (branch,) = session.timeline.branches
    assert first.path.exists() and first in branch.moments and branch.end == session.canvas  # what is continued is kept


def test_continue_begins_with_the_canvas_and_not_with_the_photo(studio):
    session = Session()
    list(studio.paint(session, order()))
    painted = open_picture(session.canvas.path).image
    views = list(studio.paint(session, order(resume=True)))
    first = next(view.preview for view in views if view.preview is not None)
    smaller = fill(painted, first.shape[:2])
    assert np.abs(first / 255 - smaller[0].permute(1, 2, 0).numpy()).max() < 0.01


@pytest.mark.parametrize(
    ("photo", "artwork"), [("cat", "harbour-night"), ("coffee", "indigo-waves"), ("astronaut", "river-in-dots")]
)
def test_a_finished_picture_that_is_continued_gets_better_and_no_grainier(photo, artwork, studio):
    recipe, session = Recipe(encoder="compact", size=96, steps=100), Session()
    content, style = ASSETS / "photos" / f"{photo}.jpg", ASSETS / "artworks" / f"{artwork}.jpg"
    pictures = open_picture(content, 96).image, [open_picture(style, 192, enlarge=False).image]
    judge = Objective(*pictures, recipe, load_encoder("compact"))

    @torch.no_grad()
    def loss_and_grain():
        image = open_picture(session.canvas.path).image
        grey = 255 * image.mean(1, keepdim=True)
        laplacian = torch.nn.functional.conv2d(grey, torch.tensor([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]]))
        return float(judge(image, recipe.weights)[0]), float(laplacian.abs().mean())

    measured = []
    for resume in (False, True, True):
        list(studio.paint(session, Order(str(content), [str(style)], recipe, resume=resume)))
        measured.append(loss_and_grain())
    (loss, grain), *continued = measured
    assert all(after < 1.002 * loss and more < 1.05 * grain for after, more in continued), measured


def test_stop_keeps_the_last_picture_and_weights_turned_between_runs_are_used_by_the_next(studio, monkeypatch):
    monkeypatch.setattr("stylekit.studio.run.PERIOD", 0.0)
    session, long = Session(), replace(SMALL, steps=60)
    last = run_until(studio, session, order(long), 5, lambda: setattr(session, "stopping", "stop"))[-1]
    assert "Stopped at step" in last.text and last.canvas.path.is_file() and last.canvas.unfinished == 0
    other = replace(long, style_weight=30.0)
    list(studio.paint(session, order(other, resume=True)))
    assert Recipe.from_json(read_recipe_json(session.canvas.path)).settled().style_weight == 30.0


def test_a_turned_weight_is_used_by_the_very_next_step_and_said(studio, monkeypatch):
    monkeypatch.setattr("stylekit.studio.run.PERIOD", 0.0)
    session = Session()
    turned = []

    def turn():
        turned.append(session.table.rows[-1][0])
        assert session.turn(replace(SMALL, style_weight=33.0).weights)

    views = run_until(studio, session, order(replace(SMALL, steps=40)), 8, turn)
    assert session.table.turns == [turned[0] + 1]
    assert any(view.note == f"Weights changed at step {turned[0] + 1}." for view in views)
    recipe = Recipe.from_json(read_recipe_json(session.canvas.path))
    assert recipe.style_weight == SMALL.style_weight and recipe.settled().style_weight == 33.0


def test_nothing_is_turned_when_nothing_runs():
    assert not Session().turn(SMALL.weights)


def test_closing_ends_the_run_and_frees_the_place(studio):
    session = Session()
    stream = studio.paint(session, order(replace(SMALL, steps=1000)))
    for view in stream:
        if view.mode == "painting":
            break
    stream.close()
    assert session.dials is None
    with studio.line.ticket() as ticket:
        assert studio.line.ahead(ticket) == 0


def test_a_visitor_waits_for_the_one_before_and_can_leave_the_line(studio):
    session = Session()
    with studio.line.ticket():
        views = []
        for view in studio.paint(session, order()):
            views.append(view)
            if "In line: 1 before you." in view.text:
                session.stopping = "stop"
    assert views[-1].text == "Stopped before painting began." and views[-1].mode == "refused"
    with studio.line.ticket() as ticket:
        assert studio.line.ahead(ticket) == 0


def test_a_waiting_visitor_is_served_when_the_place_is_free(studio):
    busy = studio.line.ticket()
    busy.__enter__()
    views = []
    for view in studio.paint(Session(), order()):
        views.append(view)
        if "In line" in view.text and busy:
            busy.__exit__(None, None, None)
            busy = None
    assert views[-1].canvas is not None


def test_many_visitors_at_once_never_compute_at_the_same_time(studio, monkeypatch):
    inside, most = 0, 0
    lock, original = threading.Lock(), backends.frames

    def counted(*args):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            yield from original(*args)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(backends, "frames", counted)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(list(studio.paint(Session(), order(replace(SMALL, steps=3))))[-1]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == 1 and len(results) == 4
    assert len({view.canvas.path for view in results}) == 4


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"content": None}, "Choose a photo"),
        ({"styles": ()}, "Choose a photo"),
        ({"content": __file__}, "text"),
        ({"recipe": Recipe(size=512)}, "up to 256 pixels"),
        ({"recipe": Recipe(size=64, steps=5000)}, "up to 1000 steps"),
        ({"recipe": Recipe(size=64, content_layer="relu3_3")}, "no layer"),
        ({"recipe": Recipe(size=64, encoder="vgg11")}, "no encoder"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_costs_the_last_picture_nothing(studio, changes, says):
    session = Session()
    list(studio.paint(session, order()))
    kept = session.canvas
    last = list(studio.paint(session, order(**changes)))[-1]
    assert says in last.error and "/" not in last.error
    assert session.canvas == kept and kept.path.is_file()
    with studio.line.ticket() as ticket:
        assert studio.line.ahead(ticket) == 0


def test_an_unexpected_failure_keeps_the_last_picture_and_is_logged(studio, monkeypatch, caplog):
    original = backends.frames

    def failing(*args):
        for frame in original(*args):
            yield frame
            if frame.step == 5:
                raise RuntimeError("/secret/path out of memory")

    monkeypatch.setattr(backends, "frames", failing)
    session = Session()
    with caplog.at_level(logging.ERROR):
        last = list(studio.paint(session, order()))[-1]
    assert "Something went wrong" in last.error and "secret" not in last.error
    assert "out of memory" in caplog.text
    assert session.canvas.step == 5 and session.canvas.path.is_file()


class Fenced(Objective):
    """Losses that are as they are for the first picture, and `beyond` of it for any other."""

    beyond, first = staticmethod(lambda total: total), None

    def __call__(self, image, weights):
        total, terms = super().__call__(image, weights)
        Fenced.first = image.detach().clone() if Fenced.first is None else Fenced.first
        return (total if torch.equal(image, Fenced.first) else Fenced.beyond(total)), terms


@pytest.fixture
def fence(monkeypatch):
    """`fence(beyond)` changes the losses of all pictures but the first."""

    def put(beyond):
        monkeypatch.setattr("stylekit.transfer.Objective", Fenced)
        monkeypatch.setattr(Fenced, "first", None)
        monkeypatch.setattr(Fenced, "beyond", staticmethod(beyond))

    monkeypatch.setattr("stylekit.studio.run.PERIOD", 0.0)
    return put


def test_a_run_that_is_stuck_says_so_with_the_remedy(studio, fence):
    fence(lambda total: total + 1e6)
    views = list(studio.paint(Session(), order(replace(SMALL, coarsest=64))))
    said = "No step lowers the losses any more, so the picture stays as it is: turn a weight"
    assert [view.mode for view in views if said in view.note].count("painting") >= 9 and said in views[-1].note
    assert said not in views[1].note and "Finished" in views[-1].text


def test_a_run_whose_losses_are_no_numbers_says_so_and_keeps_the_last_picture(studio, fence):
    fence(lambda total: total * float("nan"))
    last = list(studio.paint(Session(), order(replace(SMALL, coarsest=64))))[-1]
    assert "no finite numbers" in last.error and "smaller weights" in last.error and last.canvas.path.is_file()


def test_a_picture_that_is_unusually_black_and_white_says_so(studio, tmp_path, monkeypatch):
    noisy = Recipe(size=64, steps=60, coarsest=64, init="noise", statistic="gram", style_weight=100.0)
    pictures = {"content": str(ASSETS / "photos" / "cat.jpg"), "styles": (str(ASSETS / "artworks" / "harbour-night.jpg"),)}
    said = "as dark or bright as can be: turn Style down"
    assert list(studio.paint(Session(), order(noisy, **pictures)))[-1].note == ""
    monkeypatch.setattr("stylekit.studio.run.UNUSUAL", 0.08)  # what no recipe of ours reaches is made little
    assert said in list(studio.paint(Session(), order(noisy, **pictures)))[-1].note
    Image.new("RGB", (64, 64), "white").save(tmp_path / "white.png")
    pictures["styles"] += (str(tmp_path / "white.png"),)
    assert list(studio.paint(Session(), order(replace(noisy, steps=1), **pictures)))[-1].note == ""


def test_losses_are_read_of_the_frames_that_are_shown_and_of_the_last(studio, monkeypatch):
    read, losses = [], Frame.losses.func
    monkeypatch.setattr(Frame, "losses", property(lambda frame: read.append(frame.step) or losses(frame)))
    monkeypatch.setattr("stylekit.studio.run.PERIOD", 1000.0)  # one preview, of step 0
    session = Session()
    views = list(studio.paint(session, order(all_moments=False)))
    assert sum(view.preview is not None for view in views) == 1 and sorted(set(read)) == [0, 12]
    assert session.table.rows[-1][0] == 12


def test_a_table_of_losses_has_few_rows_evenly_spread_and_always_the_last():
    table = LossTable()
    for step in range(0, 20_000, 7):
        table.add(step, {"style": 1.0})
        assert table.rows[-1][0] == step and len(table.rows) <= MOST_POINTS
    steps = [step for step, _ in table.rows]
    gaps = np.diff(steps[:-1])
    assert steps[0] == 0 and len(steps) > MOST_POINTS / 3 and gaps.max() <= 3 * gaps.min()


def test_a_run_ends_at_the_time_limit_and_can_be_continued(monkeypatch):
    monkeypatch.setattr("stylekit.studio.run.PERIOD", 0.0)
    studio, session = Studio(Limits(max_seconds=1), Words()), Session()
    last = list(studio.paint(session, order(replace(SMALL, steps=100_0))))[-1]
    assert "Paused" in last.text and 0 < session.canvas.step < 1000


def test_transparency_of_the_photo_is_kept(studio, tmp_path):
    photo = Image.new("RGBA", (80, 60), (200, 40, 40, 255))
    photo.paste((0, 0, 255, 0), (0, 0, 40, 60))
    photo.save(tmp_path / "cut-out.png")
    session = Session()
    list(studio.paint(session, order(content=str(tmp_path / "cut-out.png"))))
    with Image.open(session.canvas.path) as painting:
        assert painting.mode == "RGBA"
        alpha = np.asarray(painting)[..., 3]
    assert alpha[:, :28].max() == 0 and alpha[:, -28:].min() == 255


def test_forgetting_a_visitor_removes_the_pictures(studio):
    session = Session()
    list(studio.paint(session, order()))
    kept = session.canvas
    session.forget()
    assert not kept.path.exists() and not kept.before.exists() and session.canvas is None


def test_a_second_run_of_the_same_visitor_ends_the_first(studio):
    session = Session()
    first = studio.paint(session, order(replace(SMALL, steps=1000)))
    for view in first:
        if view.mode == "painting":
            break
    second = studio.paint(session, order())
    next(second)
    last = list(first)[-1]
    assert last.mode == "done" and session.canvas.step < 1000
    assert session.dials is not None  # the second's
    assert list(second)[-1].text.startswith("Finished at step 12") and session.dials is None


def test_pictures_that_everybody_forgot_go_after_two_hours(studio):
    one, two = Session(), Session()
    list(studio.paint(one, order()))
    old = one.canvas
    for path in (old.path, old.before):
        os.utime(path, (time.time() - 7300,) * 2)
    list(studio.paint(two, order()))
    assert not old.path.exists() and not old.before.exists() and two.canvas.path.is_file()
    last = list(studio.paint(one, order(resume=True)))[-1]
    assert "expired" in last.error and last.canvas is None


def test_a_run_that_nobody_listens_to_ends_wherever_it_is_and_keeps_its_picture(studio):
    heard, session = [True], Session()
    with closing(studio.paint(session, order(replace(SMALL, steps=1000)), lambda: heard[0])) as views:
        for view in views:
            if view.mode == "painting":
                heard[0] = False
    assert 0 < session.canvas.step < 1000 and "Paused" in view.text
    with studio.line.ticket() as ticket:
        waiting = studio.paint(Session(), order(), lambda: heard[0])
        assert [view.mode for view in waiting][-1] == "refused"
        assert studio.line.ahead(ticket) == 0


def test_a_picture_that_cannot_be_saved_leaves_nothing_and_the_earlier_one_stays(studio, monkeypatch):
    session = Session()
    list(studio.paint(session, order()))
    kept, there = session.canvas, set(studio.storage.cache.iterdir())
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("PIL.Image.Image.save", lambda *args, **options: (_ for _ in ()).throw(full))
    last = list(studio.paint(session, order()))[-1]
    assert "disk is full" in last.error and "another place" not in last.error
    assert last.canvas == kept == session.canvas and set(studio.storage.cache.iterdir()) == there
