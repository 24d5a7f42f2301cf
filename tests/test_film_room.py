"""What the studio records of a visitor's runs, and the films that it makes of it."""

from dataclasses import replace

import av
import pytest
from test_run import ARTWORK, PHOTO

from stylekit import Recipe, UsageError
from stylekit.film import Film, Footage
from stylekit.studio import film
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.ui.words import Words


@pytest.fixture
def studio():
    return Studio(Limits(), Words())


@pytest.fixture
def session():
    session = Session()
    session.known = True
    yield session
    session.forget()


ORDER = Order(PHOTO, (ARTWORK,), Recipe(size=48, steps=4))


def made(studio, session, suffix=".mp4", **asked):
    canvas = session.kept()
    return list(film.make(session.films, canvas.path, canvas.before, Film(1, **asked), suffix, studio.folder, studio.words))


def steps(session):
    footage = Footage()
    footage.load(session.films.of(session.kept().path))
    return footage.shots[0].step, footage.shots[-1].step


def test_a_film_is_made_of_what_was_recorded_and_takes_the_place_of_the_one_before(studio, session):
    list(studio.paint(session, ORDER))
    assert made(studio, session, loop=True)[-1] == 1
    first = session.films.made
    with av.open(str(first)) as file:
        assert float(file.duration / av.time_base) == 1 and file.streams.video[0].width == 48
    made(studio, session, ".webp")
    assert session.films.made.suffix == ".webp" and session.films.made.is_file() and not first.parent.exists()


def test_a_run_that_is_gone_on_with_is_one_film_and_a_new_one_another(studio, session):
    views = studio.paint(session, ORDER)
    for view in views:
        if session.dials and view.mode == "painting":
            session.stopping = "pause"
    paused = session.kept()
    assert paused.step < 4 and steps(session) == (0, paused.step)
    list(studio.paint(session, replace(ORDER, resume=True)))
    assert steps(session) == (0, 4) and session.films.of(paused.path)
    list(studio.paint(session, ORDER))
    assert steps(session) == (0, 4)


def test_the_film_of_a_branch_has_what_came_before_it_and_not_what_came_after(studio, session, monkeypatch):
    monkeypatch.setattr(film, "APART", 0)
    list(studio.paint(session, ORDER))
    films, end = session.films, session.kept().path
    recorder = film.Recorder(films, studio.folder, end, 2)
    assert [shot.step for shot in recorder.footage.kept][-1] == 2
    assert film.Recorder(films, studio.folder, None).footage.kept == []


def test_footage_of_the_last_paintings_stays_and_all_goes_with_the_visitor(studio, session):
    for _ in range(film.MOST_FILMS + 2):
        list(studio.paint(session, replace(ORDER, recipe=Recipe(size=32, steps=1))))
    kept = list(session.films.footage.values())
    made(studio, session)
    assert len(kept) == film.MOST_FILMS and all(path.is_file() for path in kept)
    session.forget()
    assert not any(path.parent.exists() for path in kept) and session.films.made is None


def test_without_footage_it_says_so_and_programs_are_not_recorded(studio, session):
    session.known = False
    list(studio.paint(session, ORDER))
    with pytest.raises(UsageError, match="Nothing was recorded"):
        made(studio, session)


def test_a_film_that_nobody_waits_for_leaves_nothing(studio, session):
    list(studio.paint(session, ORDER))
    canvas, folders = session.kept(), set(studio.storage.cache.iterdir())
    parts = film.make(session.films, canvas.path, canvas.before, Film(2), ".mp4", studio.folder, studio.words)
    assert next(parts) == 0 and 0 < next(parts) < 1
    parts.close()
    assert session.films.made is None and set(studio.storage.cache.iterdir()) == folders
    assert made(studio, session)[-1] == 1
