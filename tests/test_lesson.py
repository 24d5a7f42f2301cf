"""The lesson's stops are about what the page has, and the loop beside a run is the file's own."""

import inspect
import re
import threading
import time
from pathlib import Path

import torch
from toy import picture

from stylekit import Recipe, load_encoder, transfer, ui
from stylekit.job import Job
from stylekit.recipe import SETTINGS
from stylekit.studio import loop
from stylekit.studio.limits import Limits
from stylekit.studio.session import Session
from stylekit.transfer import Dials, paint
from stylekit.ui.lesson import PAINT, STOPS, TURN
from stylekit.ui.loop import listing
from stylekit.ui.words import sentences

UI = Path(ui.__file__).parent


def ids():
    """Of all that is on the page."""
    page = ui.build(Limits())
    return {block.elem_id for block in page.blocks.values() if block.elem_id}


def test_every_stop_puts_settings_that_there_are_and_presses_what_is_on_the_page():
    known = ids()
    assert len(STOPS) == 10 and len({stop.name for stop in STOPS}) == 10
    for stop in STOPS:
        assert all(name.partition(".")[0] in SETTINGS for name in stop.settings), stop.name
        assert stop.does in (PAINT, TURN) or stop.does.removeprefix("#") in known, stop.name
        plain = {name: value for name, value in stop.settings.items() if "." not in name}
        assert Recipe(**plain), stop.name


def test_what_is_lit_at_each_stop_is_on_the_page():
    rules, known = (UI / "lesson.css").read_text(encoding="utf-8"), ids()
    for stop in STOPS:
        lit = re.findall(rf'\[data-stop="{stop.name}"\][^{{]*?(#[\w-]+)', rules)
        assert lit and all(name.removeprefix("#") in known for name in lit), stop.name


def test_the_loop_is_shown_as_it_is_in_its_file():
    first, lines = loop.lines()
    assert lines == inspect.getsource(transfer).splitlines()[first - 1 : first - 1 + len(lines)]
    said = listing(None, sentences("en"))
    assert said.count("<tr ") == len(lines) and f'<th scope="row">{first}</th>' in said and "runs" not in said


def test_of_a_run_the_line_at_work_is_seen_with_what_its_names_stand_for_and_of_another_visitors_nothing():
    recipe = Recipe(size=64, steps=5000, coarsest=64)
    session, other = Session(), Session()
    session.dials, other.dials = Dials(recipe.weights), Dials(recipe.weights)
    over = threading.Event()
    job, encoder = Job(picture(0), [picture(1)], recipe), load_encoder("compact")

    def run():
        torch.set_num_threads(1)
        for _ in paint(job, encoder=encoder, dials=session.dials):
            if over.is_set():
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        deadline, found = time.monotonic() + 60, None
        while not (found and found.names) and time.monotonic() < deadline:
            found = loop.seen(session)
        first, lines = loop.lines()
        busiest = max(found.looks, key=found.looks.get)
        assert "optimizer.step(" in lines[busiest - first]
        assert int(found.names["step"]) >= 0 and found.names["objective.size"].startswith("64×")
        assert found.names["weights"].startswith("α = 1, β = ")
        assert loop.seen(other, looks=3) is None
    finally:
        over.set()
        thread.join(60)
    assert loop.seen(session, looks=3) is None
