"""How fast steps are taken, and how long the rest will take: one model, for the page and for the command line."""

from typing import TYPE_CHECKING

from stylekit.pyramid import Level, part

if TYPE_CHECKING:
    from stylekit.transfer import Frame

EVEN = 140
"""Pixels on the longest side at which they take half of a step's time; the other half is the same at every size.

From 9 steps a second at 128 pixels and 2.6 at 320, on two cores with the compact encoder."""

WINDOW = 30
"""Frames over which the speed is averaged."""


class Progress:
    """Of one run. Needs no torch: the command line answers before that is imported."""

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._times: list[tuple[int, float]] = []  # (step, seconds) of the last frames of this level
        self._pace = 0.0  # seconds per step of this level

    def take(self, frame: "Frame") -> None:
        """A step was taken. The first of a level is not counted, because it measures the pictures, too."""
        before, self._frame = self._frame, frame
        if before is None or frame.level != before.level:
            self._times = []
            self._pace *= cost(frame.plan[frame.level - 1], before.plan[before.level - 1]) if before else 0
        if frame.seconds:
            self._times = [*self._times[-WINDOW:], (frame.step, frame.seconds)]
        if len(self._times) > 1:
            (first, began), *_, (step, seconds) = self._times
            self._pace = (seconds - began) / (step - first)

    def speed(self) -> float:
        """Steps per second at this level; 0 while it is not known."""
        return 1 / self._pace if self._pace else 0.0

    def seconds_left(self) -> float:
        """An estimate; 0 while the speed is not known."""
        if (frame := self._frame) is None:
            return 0.0
        remaining = part(frame.plan, frame.step, round(frame.begun_with.until * frame.steps))
        return self._pace * sum(level.steps * cost(level, frame.plan[frame.level - 1]) for level in remaining)


def cost(level: Level, other: Level) -> float:
    """How many times as long a step of `level` takes as one of `other`."""
    return (EVEN**2 + level.size**2) / (EVEN**2 + other.size**2)
