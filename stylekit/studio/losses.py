"""The losses of a run, to be drawn: as many points as a plot has room for."""

from collections.abc import Mapping

MOST_POINTS = 240
"""Per line; a plot is about twice as wide in pixels."""

Row = tuple[int, Mapping[str, float]]
"""(step, {term: loss})"""


class LossTable:
    """The losses of a run, thinned as it grows, and the steps at which weights changed."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.turns: list[int] = []
        self._every = 1

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        """Remember the losses of a step; beyond MOST_POINTS, every other step is forgotten."""
        if not losses or step % self._every:
            return
        self.rows.append((step, dict(losses)))
        if len(self.rows) > MOST_POINTS:
            self._every *= 2
            self.rows = [row for row in self.rows if row[0] % self._every == 0]

    def lines(self) -> dict[str, list[tuple[int, float]]]:
        """`{term: [(step, loss), ...]}`, with the terms in the order of their first appearance."""
        terms = dict.fromkeys(name for _, losses in self.rows for name in losses)
        return {name: [(step, losses[name]) for step, losses in self.rows if name in losses] for name in terms}
