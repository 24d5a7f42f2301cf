"""Undo and redo of a visitor's settings: what they were before each change, a drag of one slider being one change."""

import time
from collections.abc import Callable, Mapping
from typing import Any

MOST = 100
"""Changes that can be undone."""

DRAG = 1.5
"""Seconds within which further moves of the same control belong to the same change."""

Settings = Mapping[str, Any]


class Changes:
    """What settings were before, and after what was undone."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._past: list[Settings] = []
        self._future: list[Settings] = []
        self._last: tuple[frozenset[str], float] = (frozenset(), -DRAG)

    def note(self, before: Settings, after: Settings) -> None:
        """Settings have changed; what was undone cannot be done again then."""
        changed = frozenset(name for name in after if before.get(name) != after[name])
        if not changed or not before:
            return
        last, when = self._last
        now = self._now()
        if changed != last or now - when > DRAG:
            self._past = [*self._past, before][-MOST:]
        self._last, self._future = (changed, now), []

    def undo(self, present: Settings) -> Settings | None:
        """What the settings were before the last change; None if there was none."""
        return self._step(self._past, self._future, present)

    def redo(self, present: Settings) -> Settings | None:
        """What they were before they were undone; None if nothing was."""
        return self._step(self._future, self._past, present)

    def _step(self, where: list[Settings], back: list[Settings], present: Settings) -> Settings | None:
        self._last = (frozenset(), -DRAG)
        if not where:
            return None
        back.append(dict(present))
        return where.pop()
