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
        self._apart = 0.0  # steps between rows that stay

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        """Remember the losses of a step, always the last; beyond MOST_POINTS, every other of the earlier ones is forgotten."""
        if not losses:
            return
        if len(self.rows) > 1 and self.rows[-1][0] - self.rows[-2][0] < self._apart:
            del self.rows[-1]
        self.rows.append((step, dict(losses)))
        if len(self.rows) > MOST_POINTS:
            self.rows = [*self.rows[:-1:2], self.rows[-1]]
            self._apart = (self.rows[-1][0] - self.rows[0][0]) / len(self.rows)

    def until(self, step: int) -> "LossTable":
        """A table of its own, up to this step."""
        table = LossTable()
        table.rows, table.turns = [row for row in self.rows if row[0] <= step], [turn for turn in self.turns if turn <= step]
        table._apart = self._apart
        return table

    def lines(self) -> dict[str, list[tuple[int, float]]]:
        """`{term: [(step, loss), ...]}`, with the terms in the order of their first appearance."""
        terms = dict.fromkeys(name for _, losses in self.rows for name in losses)
        return {name: [(step, losses[name]) for step, losses in self.rows if name in losses] for name in terms}
