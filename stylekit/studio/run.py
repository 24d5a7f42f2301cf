"""One visitor's run: from an order to a stream of views. Knows nothing of the page; the API and the page both draw on it."""

import contextlib
import errno
import filecmp
import logging
import math
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from stylekit.errors import PictureError, RecipeError, StylekitError, WorldError
from stylekit.job import Job
from stylekit.objective import Masks
from stylekit.pictures import Picture, open_picture, save_quickly, to_array
from stylekit.pyramid import REPEATED, levels, scaled
from stylekit.recipe import Recipe, Weights
from stylekit.resize import fit
from stylekit.studio import backends, film, hosting
from stylekit.studio.backends import here
from stylekit.studio.limits import Limits
from stylekit.studio.losses import LossTable
from stylekit.studio.masks import Drawings
from stylekit.studio.progress import Progress
from stylekit.studio.queue import Line
from stylekit.studio.session import Session, Sessions, Watched
from stylekit.studio.timeline import Branch, Moment, Recorder, Sources, save_thumbnail
from stylekit.studio.wall import Pin
from stylekit.transfer import Dials, Frame

PREVIEW = 512
"""Longest side of a preview in pixels: the page enlarges it, and the result comes in full."""

PERIOD = 0.22
"""Seconds between previews: the page has no way to say that it cannot follow."""

QUICK = 0.06
"""The same for the first picture with new weights: a hand on a slider wants an answer."""

PATIENCE = 0.25
"""Seconds between two looks at the line while waiting."""

LEAVING = 10
"""Seconds to wait for the last picture of a run whose page was loaded anew."""

OPENING = threading.BoundedSemaphore(2)
"""Pictures that are decoded at a time: a large photo takes half a gigabyte for a moment, and many visitors may choose one."""

UNUSUAL, NEARLY = 0.25, 0.03
"""How much larger a share of saturated values, than the pictures have of nearly saturated ones, is a fault.

The looks leave up to 0.14."""

ROOM = 2
"""How much larger than the content an artwork is kept, for style scales that grow while it runs."""

RETURN = 600.0
"""Seconds within which a page that is loaded anew goes on with what it interrupted: later, nobody expects that it computes."""

Words = Callable[..., str]
"""A sentence by its key, with the values that it names."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What a visitor asks for. Paths are of uploaded files."""

    content: str | None
    styles: Sequence[str]
    recipe: Recipe
    resume: bool = False
    """Continue from the canvas instead of beginning anew"""
    palette: str | None = None
    """whose colours are brought back, in place of the photo's"""
    start: str | None = None
    """what init "image" begins with; without one, the canvas"""
    drawings: Drawings | None = None
    """what is painted on the pictures, to be made into masks"""
    letters: tuple[int, ...] = ()
    """the numbers (0 is A) of the artworks' places on a page"""
    all_moments: bool = True
    """Keep pictures on the way, to look back at, and not only the last"""

    @property
    def sources(self) -> Sources:
        """All that it paints with."""
        numbers = self.letters or range(len(self.styles))
        artworks = {f"style_{number + 1}" if number else "style": path for number, path in zip(numbers, self.styles)}
        others = {"palette": self.palette, "start": self.start if self.recipe.init == "image" else None}
        chosen = {"content": self.content, **artworks, **others}
        return Sources({place: path for place, path in chosen.items() if path}, self.drawings)


@dataclass(frozen=True)
class View:
    """What there is to see at one moment. `preview` (H, W, 3) uint8 and `table` are None where nothing new is there."""

    mode: str
    """waiting, painting, done (finished, paused or stopped) or refused (nothing was painted)"""
    text: str
    note: str = ""
    error: str = ""
    done: float = 0.0
    """share of the steps"""
    preview: np.ndarray | None = None
    table: LossTable | None = None
    canvas: Moment | None = None
    weights: Weights | None = None
    """those of the picture"""


def opened(path: str, size: int, enlarge: bool = True) -> Picture:
    """`open_picture`, a few at a time."""
    with OPENING:
        return open_picture(path, size, enlarge=enlarge)


def pictures_of(content: str, styles: Sequence[str], recipe: Recipe) -> tuple[Picture, list[Tensor]]:
    """The content in the recipe's size, and the styles large enough for every style scale."""
    return opened(content, recipe.size), [opened(path, ROOM * recipe.size, enlarge=False).image for path in styles]


class Studio:
    """What all visitors share: the line, the limits and the folder for results."""

    def __init__(self, limits: Limits, words: Words) -> None:
        self.limits, self.words = limits, words
        self.line = Line(limits.concurrency, limits.queue)
        self.sessions = Sessions()
        self.storage = hosting.folder()
        self.walls = hosting.walls(limits)

    def paint(self, session: Session, order: Order, heard: Callable[[], bool] = lambda: True) -> Generator[View, None, None]:
        """Carry out the order, a view at a time; errors become a view. Close it, or set session.stopping, to end it.

        It also ends, as if paused, when `heard` says that nobody takes the views any more.
        """
        session.touch()
        self.storage.sweep()
        run = _Run(self, session, order, heard)
        session.dials, session.recipe = run.dials, order.recipe
        session.stopping = session.waiting = session.refused = session.let_go = ""
        session.interrupted = -math.inf
        try:
            yield from run.views()
        except GeneratorExit:  # the page is gone, perhaps to be loaded anew; this may be the thread that serves everybody
            if session.known and run.frame is not run.saved:
                run.left = True
                session.saving = threading.Thread(target=run.leave)
                session.saving.start()
            raise
        except StylekitError as error:
            yield run.failed(str(error))
        except Exception:
            if not self.storage.closed:  # then all that fails fails because the studio is gone
                log.exception("A run failed.")
            yield run.failed(self.words("error.unexpected"))
        finally:
            if not run.left:
                run.close()
            if session.dials is run.dials:
                session.dials = session.watched = None

    def left(self, session: Session) -> Moment | None:
        """The painting that the visitor left by loading the page anew; a run that goes on is paused for it, as interrupted."""
        before = session.canvas
        self.pause(session)
        canvas = session.kept()
        if canvas and canvas is not before and canvas.unfinished and _found_again(canvas.sources):
            session.interrupted = time.monotonic()
        return canvas

    def goes_on(self, session: Session) -> bool:
        """Whether the painting was interrupted a moment ago, so that a page that is loaded anew goes on with it."""
        return time.monotonic() - session.interrupted < RETURN and session.dials is None and session.kept() is not None

    def pause(self, session: Session) -> None:
        """Pause the run that goes on, if one does, and wait for its last picture."""
        deadline = time.monotonic() + LEAVING
        while session.dials and time.monotonic() < deadline:
            session.stopping = "pause"
            time.sleep(PATIENCE)
        if session.saving:
            session.saving.join(LEAVING)

    def keep_picture(self, session: Session, key: str, path: str | None) -> bool:
        """Remember the picture in this place of the page, by a copy as old as the session; whether it is another one."""
        earlier = session.pictures.get(key)
        if path is None:
            session.pictures[key] = None
            return True
        if earlier and Path(earlier).is_file() and filecmp.cmp(earlier, path, shallow=False):
            return False
        session.pictures.pop(key, None)
        with contextlib.suppress(OSError):  # a full disk: then a reload will not find it
            session.folder = session.folder or self.folder()
            copied = session.folder / key / Path(path).name
            shutil.rmtree(copied.parent, ignore_errors=True)
            copied.parent.mkdir(parents=True)
            shutil.copyfile(path, copied)
            session.pictures[key] = str(copied)
        return True

    def brought_back(self, pin: Pin) -> tuple[dict[str, str], Moment | None]:
        """(what a pinned painting was made of, by place; the painting as it was on the easel), as copies.

        The painting is None where it was kept without what it needs to be gone on with. Raises PictureError and RecipeError for
        files that were damaged, and WorldError where they cannot be copied.
        """
        recipe, pictures = pin.recipe, {}
        try:
            folder = self.folder()
            for place, (path, name) in pin.pictures.items():
                pictures[place] = str(folder / place / name)
                (folder / place).mkdir()
                shutil.copyfile(path, pictures[place])
            return pictures, self._easel(pin, recipe, pictures) if "content" in pictures else None
        except OSError as error:
            raise WorldError(self.words("error.not_kept")) from error

    def _easel(self, pin: Pin, recipe: Recipe, pictures: dict[str, str]) -> Moment:
        folder = self.folder()
        (folder / "1").mkdir()
        path, plain, before = folder / "1" / "stylekit.png", folder / "1" / "plain.webp", folder / "photo.webp"
        shutil.copyfile(pin.path, path)
        painting = path if pin.painting == pin.path else Path(shutil.copyfile(pin.painting, plain))
        thumbnail = save_thumbnail(folder / "1" / "thumbnail.jpg", opened(str(pin.path), PREVIEW).image)
        save_quickly(before, opened(pictures["content"], recipe.size).image)
        made_of = tuple(path for place, path in pictures.items() if place not in ("palette", "start"))
        step, size, unfinished = (int(pin.said[key]) for key in ("step", "size", "unfinished"))
        sources = Sources(pictures, pin.sources.drawings)
        return Moment(path, thumbnail, painting, before, recipe, made_of, step, size, unfinished, sources=sources)

    def copied(self, path: Path) -> str:
        """A copy in a new folder, which the page may show. Raises OSError."""
        return str(shutil.copyfile(path, self.folder() / path.name))

    def folder(self) -> Path:
        """A new folder of nobody else's."""
        return self.storage.new()


class _Run:
    """The parts of `Studio.paint`."""

    def __init__(self, studio: Studio, session: Session, order: Order, heard: Callable[[], bool]) -> None:
        self.studio, self.session, self.order, self.heard = studio, session, order, heard
        self.words = studio.words
        self.dials = Dials(order.recipe.weights)
        self.frame: Frame | None = None
        self.saved: Frame | None = None
        self.read: Frame | None = None
        """whose losses are in the table"""
        self.job: Job | None = None
        self.sources = order.sources
        self.left = False
        """whether the page is gone, and a thread is looking after what it leaves"""
        self.expired = False
        """whether it took as long as a run may"""
        self.after: Moment | None = None
        """what it goes on from"""
        self.branch: Branch | None = None
        self.recorder: Recorder | None = None
        self.begun_at = 0  # steps of its branch before the first of its recipe
        self.turned_at = self.moved_at = 0
        self.progress = Progress()
        self.film: film.Recorder | None = None
        """what it is recorded by, for a visitor of the page"""
        self.usual = 0.0
        """the largest share of nearly saturated values in the pictures that it is made of"""
        self.table = LossTable()

    @property
    def over(self) -> bool:
        """Whether the visitor has asked to end it, has begun another run meanwhile, or is gone, or the studio is."""
        gone = self.studio.storage.closed or not self.heard()
        return bool(self.session.stopping) or self.session.dials is not self.dials or gone

    def views(self) -> Iterator[View]:
        yield View("waiting", self.words("status.preparing"))  # early, so that a cancel finds something to close
        if self.order.content is None or not self.order.styles:
            yield self.ended(error=self.words("error.two_pictures"))
            return
        if self.order.resume and not self.session.kept():
            yield self.ended(error=self.words("error.expired"))
            return
        self.studio.limits.check(self.order.recipe, len(self.order.styles))
        with self.studio.line.ticket() as ticket:
            yield from self._wait(ticket)
            yield from self._fetch()
            if not self.over:
                yield from self._paint()
            yield self.ended()

    def _wait(self, ticket: int) -> Iterator[View]:
        while (ahead := self.studio.line.ahead(ticket)) and not self.over:
            yield View("waiting", self.words("status.waiting", ahead=ahead))
            time.sleep(PATIENCE)

    def _fetch(self) -> Iterator[View]:
        shown = 0.0
        with contextlib.closing(here.fetch(self.order.recipe.encoder)) as progress:
            for done, total in progress:
                if self.over:
                    return
                if time.monotonic() - shown > PERIOD:
                    shown = time.monotonic()
                    text = self.words("status.fetching", done=done >> 20, total=total >> 20)
                    yield View("waiting", text, done=done / max(total, done))

    def _paint(self) -> Iterator[View]:
        order = self.order
        assert order.content
        recipe, start, done = self._begin()
        content, styles = pictures_of(order.content, order.styles, recipe)
        given = (content.image, *styles, *([] if start is None else [start]))
        self.usual = max(saturated(picture, NEARLY) for picture in given)
        palette = opened(order.palette, PREVIEW).image if order.palette else None
        masks = order.drawings.masks() if order.drawings else None
        job = Job(content.image, styles, recipe, masks or Masks(), start, palette, done)
        self.job, frames = job, backends.frames(job, self.dials, self._moved)
        self._record(content, recipe)
        deadline, shown = time.monotonic() + self.studio.limits.max_seconds, 0.0
        assert isinstance(frames, Generator)
        with contextlib.closing(frames):
            for frame in frames:
                self._take(frame)
                now = time.monotonic()
                self.expired = now > deadline
                if self.over or self.expired:
                    return
                just_turned = self.turned_at == self.begun_at + frame.step
                if now - shown >= (QUICK if just_turned else PERIOD):
                    shown = now
                    yield self._view(frame)

    def _moved(self) -> None:
        """The machine that painted was lost."""
        self.moved_at = self.begun_at + (self.frame.step if self.frame else 0)

    def _begin(self) -> tuple[Recipe, Tensor | None, int]:
        """The recipe to run, the image to start from, and the steps that were taken before: for Continue, those of the canvas."""
        recipe, canvas = self.order.recipe, self.session.kept() if self.order.resume else None
        if canvas is None or not canvas.step:  # which is a beginning itself
            return recipe, self._first_picture(), 0
        self.after, painting = canvas, open_picture(canvas.painting).image
        if self._goes_on(canvas):
            done = round(canvas.recipe.until * canvas.recipe.all_steps)
            self.begun_at = canvas.step - done
            self._starts_from(canvas.sources.pictures.get("start"))
            return canvas.recipe.resumed(done, recipe.weights, rounded=True).with_later(done, recipe), painting, done
        self.begun_at = canvas.step
        self._starts_from(str(canvas.painting))
        return self._from_canvas(recipe, canvas), painting, 0

    def _goes_on(self, canvas: Moment) -> bool:
        """Whether the canvas was painted with the same recipe, but for what may be turned, and from the same pictures."""
        return self.order.recipe.continues(canvas.recipe) and _same(canvas.made_of, self._made_of())

    def _record(self, content: Picture, recipe: Recipe) -> None:
        """Keep what comes on the branch that is gone on with, or on one of its own."""
        timeline, after = self.session.timeline, self.after
        branch = timeline.branch_of(after)
        if self.session.known:
            end = branch.end.path if branch and branch.end else None
            self.film = film.Recorder(self.session.films, self.studio.folder, end, after.step if after else 0)
        if not (branch and after and branch.end is after and not branch.running and self._goes_on(after)):
            branch = timeline.begin(self.studio.folder(), after)
        branch.running, branch.steps = True, self.begun_at + recipe.all_steps
        self.branch, self.session.table, self.table = branch, branch.table, branch.table
        self.recorder = Recorder(branch, content, self._made_of(), self.sources, self.order.all_moments)

    def leave(self) -> None:
        """Nobody is there any more: keep the last picture for whoever comes back."""
        self.failed("")
        self.close()

    def close(self) -> None:
        """The run is over; what is still to be written is written."""
        if self.recorder:
            self.recorder.close()
        if self.branch:
            self.branch.running = False
            self.session.timeline.tidy(self.session.canvas)

    def _from_canvas(self, recipe: Recipe, canvas: Moment) -> Recipe:
        """Another recipe than that of the canvas, to begin with its picture: at its size, or with the last levels if finished."""
        recipe = replace(recipe, keyframes=(), repeats=0)
        if canvas.unfinished:
            return replace(recipe, init="image", coarsest=max(16, min(canvas.size, recipe.size)), steps=canvas.unfinished)
        plan = levels(recipe.size, recipe.steps, recipe.coarsest)
        again = [level for level in plan if level.size >= min(canvas.size, plan[-REPEATED:][0].size)] or plan[-1:]
        return replace(recipe, init="image", coarsest=again[0].size, steps=sum(level.steps for level in again))

    def _starts_from(self, path: str | None) -> None:
        """Note the picture that it begins with; None for none."""
        others = {place: other for place, other in self.sources.pictures.items() if place != "start"}
        self.sources = replace(self.sources, pictures=others | ({"start": path} if path else {}))

    def _made_of(self) -> tuple[str, ...]:
        """The pictures that are painted with."""
        return (self.order.content or "", *self.order.styles)

    def _first_picture(self) -> Tensor | None:
        """What init "image" begins with."""
        if self.order.recipe.init != "image":
            return None
        if self.order.start:
            return opened(self.order.start, self.order.recipe.size).image
        if canvas := self.session.kept():
            self._starts_from(str(canvas.painting))
            return open_picture(canvas.painting).image
        raise RecipeError(self.words("error.start"))

    def _take(self, frame: Frame) -> None:
        step = self.begun_at + frame.step
        turned = self.frame is not None and frame.weights != self.frame.weights
        if turned:
            self.turned_at = step
            self.table.turns.append(step)
        self.frame = frame
        if self.session.dials is self.dials and self.job:
            self.session.watched = Watched(self.job, frame.painting, frame.weights)
        assert self.recorder
        self.recorder.take(frame, step, turned)
        self.progress.take(frame)
        if self.film:
            self.film.take(frame, self.begun_at)

    def _view(self, frame: Frame) -> View:
        height, width = frame.painting.shape[2:]
        small = fit(frame.image, scaled((height, width), min(PREVIEW, max(height, width))))
        step, steps = self.begun_at + frame.step, self.begun_at + frame.steps
        if speed := self.progress.speed():
            left = self.progress.seconds_left()
            self.session.seconds = frame.seconds + left
            left_said = self._duration(left)
            text = self.words("status.speed", step=step, steps=steps, width=width, height=height, speed=speed, left=left_said)
        else:
            text = self.words("status.painting", step=step, steps=steps, width=width, height=height)
        self._read_losses(frame)
        return View(
            "painting", text, self._note(frame), "", frame.step / frame.steps, to_array(small), self.table, weights=frame.weights
        )

    def _duration(self, seconds: float) -> str:
        whole = round(seconds)
        if whole < 90:
            return self.words("duration.seconds", seconds=whole)
        return self.words("duration.minutes", minutes=whole // 60, seconds=whole % 60)

    def _note(self, frame: Frame) -> str:
        """What there is to say beside the progress."""
        session, playing = self.session, self.session.playing and self.order.recipe.keyframes
        parts = [
            self.words("steered.playing") if playing else session.let_go,
            self.words("status.turned", step=self.turned_at) if self.turned_at else "",
            self.words("status.moved", step=self.moved_at) if self.moved_at else "",
            self._fault(frame),
            session.waiting,
            session.refused,
        ]
        return " ".join(part for part in parts if part)

    def _fault(self, frame: Frame) -> str:
        """What is wrong with the picture, and the remedy."""
        if frame.stuck:
            return self.words("fault.stuck")
        return self.words("fault.saturated") if saturated(frame.painting) > self.usual + UNUSUAL else ""

    def _read_losses(self, frame: Frame) -> None:
        """Put the losses of a frame that is shown into the table; reading them waits for the device."""
        if frame is not self.read:
            self.table.add(self.begun_at + frame.step, frame.losses)
            self.read = frame

    def ended(self, error: str = "") -> View:
        """The last view: the picture as it is now, kept whatever happened."""
        frame = self.frame
        if frame is None:
            kept = self.session.kept()
            text = "" if error else self.words("status.left")
            return View("done" if kept else "refused", text, error=error, canvas=kept)
        self._read_losses(frame)
        canvas = self._keep(frame)
        paused = frame.step < frame.steps and self.session.stopping != "stop"
        own = self.session.dials in (None, self.dials) and _found_again(self.sources)
        if paused and own and not self.session.stopping and not self.expired:
            self.session.interrupted = time.monotonic()
        key = "status.paused" if paused else "status.finished" if frame.step == frame.steps else "status.stopped"
        text = self.words(key, step=canvas.step, seconds=self._duration(frame.seconds), size=_size(frame.painting))
        note = "" if error else self._fault(frame)
        return View("done", text, note, error, frame.step / frame.steps, None, self.table, canvas, frame.weights)

    def failed(self, error: str) -> View:
        """The last view after an error; where even the picture cannot be saved, the earlier one stays."""
        try:
            return self.ended(error)
        except Exception:
            if not self.studio.storage.closed:
                log.exception("The last picture could not be saved.")
            kept = self.session.kept()
            return View("done" if kept else "refused", "", error=error, canvas=kept)

    def _keep(self, frame: Frame) -> Moment:
        """Put the last picture on the disk, and on the visitor's easel. Raises WorldError, leaving nothing of it."""
        assert self.recorder
        unfinished = frame.steps - frame.step if self.session.stopping != "stop" else 0
        try:
            canvas = self.recorder.end(frame, self.begun_at + frame.step, unfinished)
        except (PictureError, OSError) as error:
            full = getattr(error.__cause__ or error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
            raise WorldError(self.words("error.full" if full else "error.not_kept")) from error
        self.session.keep(canvas)
        if self.film:
            self.film.keep(canvas.path)
        self.saved = frame
        return canvas


def saturated(image: Tensor, nearly: float = 0.0) -> float:
    """Share of the values of an image that are 0 or 1, or lie within `nearly` of it: nothing can be darker or brighter."""
    return float(((image <= nearly) | (image >= 1 - nearly)).float().mean())


def _found_again(sources: Sources) -> bool:
    """Whether a page that is loaded anew has all that a painting is made of: it has no drawings."""
    return sources.drawings is None or sources.drawings.empty


def _same(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether these files are the same pictures, if need be by other names: a page that is loaded anew has copies."""
    if len(some) != len(others):
        return False
    with contextlib.suppress(OSError):
        return all(one == other or filecmp.cmp(one, other, shallow=False) for one, other in zip(some, others))
    return False


def _size(image: Tensor) -> str:
    return f"{image.shape[3]}×{image.shape[2]}"
