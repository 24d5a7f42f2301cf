"""What the studio knows of one visitor: the run that goes on, the paintings that are kept, and what a reload finds again."""

import contextlib
import os
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from stylekit.job import Job
from stylekit.recipe import Recipe, Weights
from stylekit.studio.losses import LossTable
from stylekit.studio.masks import Drawings, Layers
from stylekit.transfer import Dials

EARLIER = 3
"""Paintings that are kept beside the one on the easel."""

MOST_SESSIONS = 500
"""Visitors whom a reload brings back."""

TOKEN = re.compile("[0-9a-f]{32}")
"""A word of 128 random bits that only one browser tab knows."""


@dataclass(frozen=True, eq=False)
class Sources:
    """All that a painting was made of, beside its recipe."""

    pictures: Mapping[str, str] = field(default_factory=dict)
    """paths, by the name of their place on the page: content, style, style_2 to style_4, palette, start"""
    drawings: Drawings | None = None
    """what was painted on them"""


@dataclass(frozen=True)
class Canvas:
    """What is on the easel between two runs."""

    path: Path
    """PNG with the recipe inside"""
    before: Path
    """the photo at the same size, to compare with"""
    painting: Path
    """safetensors with the painting itself, unrounded and in its own colours, to continue from"""
    recipe: Recipe
    """that paints it again"""
    made_of: tuple[str, ...]
    """the photo and the artworks"""
    step: int
    size: int
    """longest side in pixels; less than the recipe's if the run was stopped early"""
    unfinished: int
    """steps that were still to come; 0 if it is finished, or was stopped for good"""
    table: LossTable = field(default_factory=LossTable, compare=False)
    """the losses on the way to it"""
    sources: Sources = field(default_factory=Sources, compare=False)
    """the photo and the artworks by their places, and all else"""


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
        self.ended = ""
        """what the page's status says since the last run has ended; empty while one goes on"""
        self.canvas: Canvas | None = None
        """the painting on the easel, one of `canvases`"""
        self.canvases: list[Canvas] = []
        """in the order in which they were painted"""
        self.table = LossTable()
        self.settings: dict[str, Any] = {}
        """the last values of the page's controls that a recipe may have"""
        self.preset: str | None = "balanced"
        """the preset that the settings are those of"""
        self.preset_note = ""
        """what is said of it"""
        self.pictures: dict[str, str | None] = {}
        """the pictures that were chosen, by the name of their place on the page, as copies; None where one was taken away"""
        self.drawn: dict[object, Layers] = {}
        """what the mask editors are to show once they have the pictures that were brought back: of "content", of artwork 0 ..."""
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

    def turn(self, weights: Weights) -> bool:
        """Use these weights from the next step on; False if nothing is running."""
        if self.dials is None:
            return False
        self.dials.weights = weights
        return True

    def kept(self) -> Canvas | None:
        """The canvas, if its picture is still on the disk."""
        return self.canvas if self.canvas and self.canvas.path.is_file() else None

    def keep(self, canvas: Canvas) -> None:
        """Put a new painting on the easel; of the others, the least advanced goes when there are more than EARLIER."""
        self.canvases = [*self._there(), canvas]
        self.canvas = canvas
        if len(self.canvases) > EARLIER + 1:
            self._drop(min(self.canvases[:-1], key=lambda earlier: (earlier.size, earlier.step)))

    def has_earlier(self) -> bool:
        """Whether there is a painting to bring back."""
        return any(canvas is not self.canvas for canvas in self._there())

    def bring_back(self) -> None:
        """Put the painting on the easel that was made before the one that is there; before the first comes the last."""
        there = self._there()
        if there:
            self.canvas = there[there.index(self.canvas) - 1] if self.canvas in there else there[-1]
            self.table = self.canvas.table

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
        for canvas in self.canvases:
            self._drop(canvas)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.canvas, self.folder, self.pictures = None, None, {}

    def _there(self) -> list[Canvas]:
        return [canvas for canvas in self.canvases if canvas.path.is_file()]

    def _drop(self, canvas: Canvas) -> None:
        shutil.rmtree(canvas.path.parent, ignore_errors=True)
        self.canvases = [other for other in self.canvases if other is not canvas]


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
