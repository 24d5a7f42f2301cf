"""Losses as a picture: one line per term on a logarithmic scale, drawn as SVG because that is the lightest a page can show.

The lines are stretched to the width that there is; names and numbers lie over them as text, in the size that the browser has.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from stylekit.studio.losses import LossTable

WIDTH, HEIGHT, BOTTOM = 100, 128, 16
"""Of the drawing, and the margin for the step number. It is as high as 8 letters (8 rem), so that LETTER units are one."""

LETTER = HEIGHT / 8

LABEL = 14
"""Height of a line's name."""

LEAST = 1e-6
"""Losses below are drawn here: relative losses are at most about 1."""


def drawn(table: LossTable, names: Mapping[str, str], label: str, last: int = 1) -> str:
    """The table as HTML, up to the step `last` at least.

    `names` are what terms are called, in drawing order, `label` is for screen readers.
    """
    lines = {name: points for name, points in table.lines().items() if name in names}
    if not any(len(points) > 1 for points in lines.values()):
        return ""
    values = [math.log10(max(loss, LEAST)) for points in lines.values() for _, loss in points]
    low, high = min(values), max(values)
    place = _Place(0, max(table.rows[-1][0], last), low, max(high, low + 1))
    shapes = [*_grid(place), *_turns(table.turns, place)]
    shapes += [_line(name, points, place) for name, points in lines.items()]
    texts = [*_ticks(place), *_labels({name: points[-1][1] for name, points in lines.items()}, names, place)]
    return (
        f'<div class="losses" role="img" aria-label="{escape(label)}">'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">{"".join(shapes)}</svg>{"".join(texts)}</div>'
    )


class _Place:
    """Where on the drawing a step and a loss lie."""

    def __init__(self, first: int, last: int, low: float, high: float) -> None:
        self.first, self.last, self.low, self.high = first, last, low, high

    def x(self, step: int) -> float:
        return WIDTH * (step - self.first) / (self.last - self.first)

    def y(self, loss: float) -> float:
        share = (math.log10(max(loss, LEAST)) - self.low) / (self.high - self.low)
        return 4 + (HEIGHT - BOTTOM - 8) * (1 - share)

    def powers(self) -> Iterator[float]:
        """The powers of ten that are to be seen."""
        return (10.0**power for power in range(math.ceil(self.low), math.floor(self.high) + 1))


def _grid(place: _Place) -> list[str]:
    ys = [place.y(power) for power in place.powers()]
    return [f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>' for y in ys]


def _ticks(place: _Place) -> list[str]:
    ticks = [_text("tick", f"{power:g}", place.y(power) - LABEL) for power in place.powers()]
    return [*ticks, f'<span class="last">{place.last}</span>']


def _text(classes: str, text: str, y: float) -> str:
    """Text whose upper edge is at `y`."""
    return f'<span class="{escape(classes)}" style="top:{y / LETTER:.3f}rem">{escape(text)}</span>'


def _turns(steps: Sequence[int], place: _Place) -> list[str]:
    return [
        f'<line class="turn" x1="{place.x(step):.2f}" x2="{place.x(step):.2f}" y1="0" y2="{HEIGHT - BOTTOM}"/>'
        for step in steps
        if place.first <= step <= place.last
    ]


def _line(name: str, points: Sequence[tuple[int, float]], place: _Place) -> str:
    path = " ".join(f"{place.x(step):.2f},{place.y(loss):.1f}" for step, loss in points)
    return f'<polyline class="term {escape(name)}" points="{path}"/>'


def _labels(last: Mapping[str, float], names: Mapping[str, str], place: _Place) -> list[str]:
    """The names of the lines at their right ends, moved apart where they would overlap."""
    parts, before = [], -math.inf
    for number, (name, loss) in enumerate(sorted(last.items(), key=lambda item: -item[1]), start=1):
        room_below = HEIGHT - LABEL * (len(last) - number + 1)
        before = max(min(place.y(loss) - LABEL / 2, room_below), before + LABEL, 0)
        parts.append(_text(f"name {name}", names[name], before))
    return parts
