"""Losses as a picture: one line per term on a logarithmic scale, drawn as SVG because that is the lightest a page can show."""

import math
from collections.abc import Mapping, Sequence
from html import escape

MOST_POINTS = 240
"""Per line; a plot is about twice as wide in pixels."""

WIDTH, HEIGHT, RIGHT, BOTTOM = 712, 128, 62, 14
"""Of the drawing, and the margins for the lines' names and the step numbers."""

LABEL = 11
"""Height of a line's name."""

LEAST = 1e-6
"""Losses below are drawn here: relative losses are at most about 1."""

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


def svg(table: LossTable, names: Mapping[str, str], label: str) -> str:
    """The table as an SVG element; `names` are what terms are called, in drawing order, `label` is for screen readers."""
    lines = {name: points for name, points in table.lines().items() if name in names}
    if not any(len(points) > 1 for points in lines.values()):
        return ""
    values = [math.log10(max(loss, LEAST)) for points in lines.values() for _, loss in points]
    low, high = min(values), max(values)
    steps = [step for step, _ in table.rows]
    place = _Place(steps[0], max(steps[-1], steps[0] + 1), low, max(high, low + 1))
    parts = [*_grid(place), *_turns(table.turns, place)]
    parts += [_line(name, points, place) for name, points in lines.items()]
    parts += _labels({name: points[-1][1] for name, points in lines.items()}, names, place)
    return f'<svg class="losses" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


class _Place:
    """Where on the drawing a step and a loss lie."""

    def __init__(self, first: int, last: int, low: float, high: float) -> None:
        self.first, self.last, self.low, self.high = first, last, low, high

    def x(self, step: int) -> float:
        return (WIDTH - RIGHT) * (step - self.first) / (self.last - self.first)

    def y(self, loss: float) -> float:
        share = (math.log10(max(loss, LEAST)) - self.low) / (self.high - self.low)
        return 4 + (HEIGHT - BOTTOM - 8) * (1 - share)


def _grid(place: _Place) -> list[str]:
    parts = []
    for power in range(math.ceil(place.low), math.floor(place.high) + 1):
        y = place.y(10.0**power)
        parts.append(f'<line class="grid" x1="0" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="2" y="{y - 2:.1f}">{10.0**power:g}</text>')
    parts.append(f'<text class="tick" x="{WIDTH - RIGHT}" y="{HEIGHT - 3}" text-anchor="end">{place.last}</text>')
    return parts


def _turns(steps: Sequence[int], place: _Place) -> list[str]:
    return [
        f'<line class="turn" x1="{place.x(step):.1f}" x2="{place.x(step):.1f}" y1="0" y2="{HEIGHT - BOTTOM}"/>'
        for step in steps
        if place.first <= step <= place.last
    ]


def _line(name: str, points: Sequence[tuple[int, float]], place: _Place) -> str:
    path = " ".join(f"{place.x(step):.1f},{place.y(loss):.1f}" for step, loss in points)
    return f'<polyline class="term {escape(name)}" points="{path}"/>'


def _labels(last: Mapping[str, float], names: Mapping[str, str], place: _Place) -> list[str]:
    """The names of the lines at their right ends, moved apart where they would overlap."""
    parts, before = [], -math.inf
    for number, (name, loss) in enumerate(sorted(last.items(), key=lambda item: -item[1]), start=1):
        room_below = HEIGHT - 3 - LABEL * (len(last) - number)
        before = max(min(place.y(loss) + 3, room_below), before + LABEL)
        parts.append(f'<text class="name {escape(name)}" x="{WIDTH - RIGHT + 4}" y="{before:.1f}">{escape(names[name])}</text>')
    return parts
