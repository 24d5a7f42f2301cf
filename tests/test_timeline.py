"""The timeline: which pictures of a run are kept, that they are few, and that what goes on from one can be painted again."""

import errno
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylekit import Recipe, load_encoder, open_picture, read_recipe_json, stylize
from stylekit.studio import timeline
from stylekit.studio.limits import Limits
from stylekit.studio.run import ROOM, Order, Studio
from stylekit.studio.session import Session
from stylekit.studio.timeline import EVENLY, MOST_MOMENTS, Choice, Moment, thinned
from stylekit.ui.words import Words

ASSETS = Path(__file__).parents[1] / "assets"
PHOTO, ARTWORK = str(ASSETS / "photos" / "coffee.jpg"), str(ASSETS / "artworks" / "indigo-waves.jpg")
SMALL = Recipe(size=64, steps=20)


@pytest.fixture
def studio(monkeypatch):
    monkeypatch.setattr(timeline, "MOST_WAITING", 100)  # a machine that is shared may be slower than the steps
    return Studio(Limits(max_size=256), Words())


def paint(studio, session, recipe=SMALL, resume=False, turn=None):
    """Paint; `turn` = (step, weights) is turned when the table has that step."""
    seen = []
    with closing(studio.paint(session, Order(PHOTO, (ARTWORK,), recipe, resume=resume))) as views:
        for view in views:
            seen.append(view)
            if turn and session.table.rows and session.table.rows[-1][0] >= turn[0]:
                session.turn(turn[1])
                turn = None
    return seen[-1]


def moment(step, turned=False):
    path = Path(f"{step}.webp")
    return Moment(path, path, path, path, SMALL, (), step, 64, 0, turned=turned)


def kept_of(steps, turns=()):
    choice, kept = Choice(steps), []
    for step in range(steps + 1):
        if step in turns:
            if choice.wants_before_turn(step - 1):
                choice.kept(step - 1)
                kept.append(step - 1)
            choice.turned(step)
        if choice.wants(step):
            choice.kept(step)
            kept.append(step)
    return kept


@pytest.mark.parametrize("steps", [1, 7, 200, 1000])
def test_an_untouched_run_keeps_evenly_many_from_the_beginning_to_the_end(steps):
    kept = kept_of(steps)
    assert kept[0] == 0 and kept[-1] == steps and len(kept) == min(steps, EVENLY) + 1
    assert np.ptp(np.diff(kept)) <= 1


def test_a_turn_has_its_last_picture_before_and_more_of_them_after_and_a_drag_does_not_keep_all():
    kept = kept_of(200, [106])
    assert 105 in kept and np.diff([step for step in kept if step >= 105])[0] <= 3
    assert len([step for step in kept if 100 < step <= 120]) >= 2 * len([step for step in kept if 60 < step <= 80])
    dragged = [step for step in kept_of(200, range(100, 140)) if 99 <= step < 140]
    assert 10 <= len(dragged) <= 20


def test_thinning_keeps_the_ends_and_the_neighbours_of_turns_and_spreads_the_rest_evenly():
    left = thinned([moment(step, step in (499, 501)) for step in range(0, 1001)], 21)
    steps = [m.step for m in left]
    assert len(steps) == 21 and steps[0] == 0 and steps[-1] == 1000 and {499, 501} <= set(steps)
    gaps = np.diff([step for step in steps if step not in (499, 501)])
    assert gaps.max() <= 4 * gaps.min()
    assert len(thinned([moment(step, turned=True) for step in range(1000)], 21)) == 21  # a hand that never rests


def test_a_run_leaves_moments_with_recipe_losses_and_weights_of_their_time(studio, monkeypatch):
    monkeypatch.setattr("stylekit.studio.run.PERIOD", 0.0)
    session, loud = Session(), replace(SMALL, style_weight=30.0).weights
    paint(studio, session, turn=(7, loud))
    (branch,) = session.timeline.branches
    first, *_, last = branch.moments
    assert first.step == 0 and first.unfinished == 20 and last.step == 20 and last == session.canvas
    assert {m.weights.style_weight for m in branch.moments} == {Recipe.style_weight, 30.0} and any(
        m.turned for m in branch.moments
    )
    assert first.losses == {} and all(m.losses["style"] > 0 for m in branch.moments[1:])
    for m in branch.moments:
        assert Recipe.from_json(read_recipe_json(m.path)) == m.recipe and max(open_picture(m.path).size) == m.size
        with Image.open(m.thumbnail) as thumbnail:
            assert max(thumbnail.size) == m.size
    assert session.timeline.find(1, 0) is first and session.timeline.find(2, 0) is None


def test_what_goes_on_from_a_moment_is_a_branch_that_its_recipe_paints_again_to_the_last_bit(studio):
    session = Session()
    paint(studio, session)
    moment = session.timeline.branches[0].moments[7]
    session.put_up(moment)
    paint(studio, session, replace(SMALL, style_weight=30.0), resume=True)
    one, two = session.timeline.branches
    assert (two.origin.number, two.origin.step) == (1, moment.step) and two.end == session.canvas and one.end.step == 20
    assert two.table.rows[0] == one.table.rows[0] and two.moments[0].step == moment.step
    recipe = two.end.recipe
    assert [k.rounded for k in recipe.keyframes] == [True] and recipe.settled().style_weight == 30.0
    photo, artwork = open_picture(PHOTO, 64).image, open_picture(ARTWORK, ROOM * 64, enlarge=False).image
    *_, again = stylize(photo, [artwork], recipe, encoder=load_encoder("compact"))
    assert np.array_equal((again.image[0] * 255).round(), (open_picture(two.end.path).image[0] * 255).round())


def test_continue_makes_the_branch_longer_and_the_first_moment_begins_anew(studio):
    session = Session()
    paint(studio, session)
    paint(studio, session, resume=True)
    (branch,) = session.timeline.branches
    assert branch.end.step > 20 and 20 in [m.step for m in branch.moments] and len(branch.moments) <= MOST_MOMENTS
    session.put_up(branch.moments[0])
    paint(studio, session, replace(SMALL, seed=1), resume=True)
    assert session.timeline.branches[1].origin is None and session.canvas.recipe == replace(SMALL, seed=1)


def test_a_full_disk_on_the_way_costs_moments_and_the_branch_is_dropped_with_the_visitor(studio, monkeypatch):
    session = Session()
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(timeline, "save_quickly", lambda *args, **options: (_ for _ in ()).throw(full))
    view = paint(studio, session)
    assert "disk is full" in view.error and not session.timeline.branches  # not even the photo beside the last one
    monkeypatch.undo()
    paint(studio, session)
    folder = session.timeline.branches[0].folder
    assert folder.is_dir()
    session.forget()
    assert not folder.exists() and session.timeline.branches == []


def test_colours_that_are_brought_back_are_seen_but_not_gone_on_from(studio):
    session = Session()
    paint(studio, session, replace(SMALL, color_strength=1.0))
    end = session.canvas
    seen, painting = open_picture(end.path).image, open_picture(end.painting).image
    assert end.painting != end.path and float((seen - painting).abs().mean()) > 0.01
