"""What the studio knows of one visitor: the run that goes on, the timeline, and what a reload finds again."""

import contextlib
import math
import os
import re
import shutil
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from stylekit.job import Job
from stylekit.recipe import Recipe, Weights
from stylekit.studio.film import Films
from stylekit.studio.losses import LossTable
from stylekit.studio.masks import Layers
from stylekit.studio.timeline import Moment, Timeline
from stylekit.studio.undo import Changes
from stylekit.transfer import Dials

MOST_SESSIONS = 500
"""Visitors whom a reload brings back."""

TOKEN = re.compile("[0-9a-f]{32}")
"""A word of 128 random bits that only one browser tab knows."""


class Watched(NamedTuple):
    """A moment of a run that goes on."""

    job: Job
    painting: Tensor
    """(1, 3, H, W)"""
    weights: Weights


class Session:
    """All that the studio knows of one visitor. Lives in gr.State, which copies a new one for each: no lock or tensor then."""

    def __init__(self) -> None:
        self.dials: Dials | None = None
        """of the run that is going on"""
        self.recipe: Recipe | None = None
        """that it began with"""
        self.watched: Watched | None = None
        """what it paints at this moment, for whoever looks inside"""
        self.films = Films()
        """what a film of its paintings is made of"""
        self.clips = Films()
        """the last clip that was painted as a film"""
        self.clips_stopping = False
        """whether the visitor has asked to end that"""
        self.seconds = 0.0
        """that the last run takes in all, at the speed that it has or had; 0 = unknown"""
        self.advice: list[Any] = []
        """what the studio has last said of why a picture looks as it does"""
        self.artworks: tuple[int, ...] = (0,)
        """the numbers (0 is A) of those that it paints with"""
        self.steered: Recipe | None = None
        """one with keyframes that was brought back: Paint plays them again, until a hand turns a weight"""
        self.plays: Recipe | None = None
        """what `steered` was when the run began"""
        self.stopping = ""
        """"pause" or "stop" once the visitor has asked for it"""
        self.refused = ""
        """what is wrong with the number that was typed last, for the run to say"""
        self.waiting = ""
        """which settings the run cannot take, for it to say"""
        self.let_go = ""
        """that a hand has ended the playing of keyframes, for the run to say"""
        self.interrupted = -math.inf
        """when (time.monotonic) a run ended that nobody had asked to end, because its page went away"""
        self.ended = ""
        """what the page's status says since the last run has ended; empty while one goes on"""
        self.canvas: Moment | None = None
        """the picture on the easel between two runs, which Continue goes on from"""
        self.timeline = Timeline()
        self.hung: dict[str, Moment] = {}
        """pins that were put on the timeline, by their names on the wall"""
        self.strip: tuple[Any, ...] = ()
        """what the page has last shown of the timeline"""
        self.table = LossTable()
        self.extremes: dict[str, str] = {}
        """{what they are painted of: the two pictures of a slider, as the page shows them}"""
        self.extremes_asked = 0
        """how often such pictures were asked for"""
        self.settings: dict[str, Any] = {}
        """the last values of the page's controls that a recipe may have"""
        self.changes = Changes()
        """of the settings"""
        self.preset: str | None = "balanced"
        """the preset that the settings are those of"""
        self.preset_note = ""
        """what is said of it"""
        self.pictures: dict[str, str | None] = {}
        """the pictures that were chosen, by the name of their place on the page, as copies; None where one was taken away"""
        self.drawn: dict[object, Layers] = {}
        """what was painted on pictures that were brought back, on "content" and artworks by number; it lies below new strokes"""
        self.arriving: set[object] = set()
        """those of them that the page has not taken yet"""
        self.folder: Path | None = None
        """of those copies"""
        self.saving: threading.Thread | None = None
        """puts the last picture of a run on the disk that nobody listens to any more"""
        self.known = False
        """whether a token leads to it"""
        self.tabs = 1
        """pages that were opened on this session, one after the other, and not yet given up"""

    @property
    def playing(self) -> bool:
        """Whether the last run plays keyframes that no hand has ended."""
        return self.steered is not None and self.steered is self.plays

    def drawn_on(self, picture: object) -> Layers:
        """What was painted on a picture that arrives with its drawing; of another one in its place, nothing, from now on."""
        if picture in self.arriving:
            self.arriving.discard(picture)
        else:
            self.drawn.pop(picture, None)
        return self.drawn.get(picture, ())

    def turn(self, weights: Weights) -> bool:
        """Use these weights from the next step on; False if nothing is running."""
        if self.dials is None:
            return False
        self.dials.weights = weights
        return True

    def kept(self) -> Moment | None:
        """The canvas, if its picture is still on the disk."""
        return self.canvas if self.canvas and self.canvas.path.is_file() else None

    def keep(self, canvas: Moment) -> None:
        """Put the new end of a branch on the easel; other branches may have to go."""
        self.timeline.adopt(canvas)
        self.canvas = canvas
        self.timeline.tidy(canvas)

    def put_up(self, moment: Moment) -> None:
        """Put a moment of the timeline on the easel."""
        self.canvas = moment
        if branch := self.timeline.branch_of(moment):
            self.table = branch.table

    def touch(self) -> None:
        """The visitor is here: the copies of the pictures stay."""
        for copied in self.folder.rglob("*.*") if self.folder else ():
            with contextlib.suppress(OSError):
                os.utime(copied)

    def leave(self) -> None:
        """One of the visitor's tabs is closed for good; with the last one the pictures go."""
        self.tabs -= 1
        if self.tabs < 1:
            self.forget()

    def forget(self) -> None:
        """Remove the visitor's pictures from the disk."""
        self.timeline.forget()
        self.films.forget()
        self.clips.forget()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.canvas, self.folder, self.pictures = None, None, {}


class Sessions:
    """The last visitors' sessions, by the token of their tab: whoever does not know it gets nobody's."""

    def __init__(self, most: int = MOST_SESSIONS) -> None:
        self._lock, self._most = threading.Lock(), most
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def find(self, token: object, own: Session) -> Session:
        """The session of this token; `own`, which it then stands for, if there is none, and for what is no token."""
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            return own
        with self._lock:
            found = self._sessions.pop(token, own)
            if found is not own and not own.dials:
                found.tabs += 1
            else:
                found = own  # unknown here; or somebody who was so quick that a run goes on in the new page already
            found.known = True
            self._sessions[token] = found
            while len(self._sessions) > self._most:
                self._sessions.popitem(last=False)
            return found
