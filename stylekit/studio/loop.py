"""The loop while it runs: which of its lines is at work at this moment, and what its names stand for.

A run paints in a thread of this process; Python says of each thread where it is (`sys._current_frames`, as profilers ask it), so
nothing in the loop has to know of this, and it costs nothing while nobody looks.
"""

import inspect
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import FrameType
from typing import NamedTuple

from stylekit import transfer
from stylekit.studio.session import Session

LOOKS = 40
"""At a run, for one answer."""

APART = 0.01
"""Seconds between two looks."""


class Seen(NamedTuple):
    """Of a run that goes on."""

    looks: Mapping[int, int]
    """{line of the file: in how many looks it was the one at work}"""
    names: Mapping[str, str]
    """what names of the loop stand for, as text"""


def lines() -> tuple[int, list[str]]:
    """(the first one's number, the lines) of the loop, `transfer.descend`, without its docstring."""
    text, first = inspect.getsourcelines(transfer.descend)
    return first, [line.rstrip("\n") for line in text]


def seen(session: Session, looks: int = LOOKS) -> Seen | None:
    """What the visitor's run is at; None if none is painted in this process at this moment."""
    counted: Counter[int] = Counter()
    names: dict[str, str] = {}
    for _ in range(looks):
        if (frame := _loop_of(session)) is not None:
            counted[frame.f_lineno] += 1
            names = _named(frame) or names
            del frame
        time.sleep(APART)
    return Seen(counted, names) if counted else None


def _loop_of(session: Session) -> FrameType | None:
    """Where the thread that paints for this visitor is in `descend`."""
    own = threading.get_ident()
    for thread, top in sys._current_frames().items():
        inner: FrameType | None = None
        at: FrameType | None = top if thread != own else None
        while at is not None:
            if at.f_code is transfer.descend.__code__:
                inner = at
            if inner is not None and at.f_code is transfer._frames.__code__:
                return inner if at.f_locals.get("dials") is session.dials else None
            at = at.f_back
    return None


def _named(frame: FrameType) -> dict[str, str]:
    """The values that the loop has at this moment."""
    local = frame.f_locals
    if "objective" not in local or local.get("weights") is None:
        return {}
    weights = local["weights"]
    height, width = local["objective"].size
    return {
        "step": str(local["step"]),
        "level": f"{local['number']}, {local['level'].size} px, {local['level'].steps} steps",
        "objective.size": f"{width}×{height}",
        "weights": f"α = {weights.content_weight:g}, β = {weights.style_weight:g}, λ = {weights.tv_weight:g}",
        "seconds": f"{local['seconds']:.2f}",
    }
