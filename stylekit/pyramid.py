"""Sizes and steps from coarse to fine. Pure arithmetic.

The smallest level sets the composition, each next one adds what fits into its pixels. A step costs as much as it has
pixels, so most steps are taken where they are cheap.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

FACTOR, LEAST, MOST = 1.75, 1.5, 2.0
"""About how much larger each level is than the one before, and the limits of that."""

REPEATED = 2
"""Levels that are painted again when a finished picture is continued: steps at the full size alone would add grain."""

FADE = 0.8
"""Share of the steps of the level before that a level gets."""


class Level(NamedTuple):
    """One size of the pyramid."""

    size: int
    """longest side, in pixels"""
    steps: int


def levels(size: int, steps: int, coarsest: int = 48) -> list[Level]:
    """Levels from a longest side of about `coarsest`, and not less, to `size`, with `steps` steps together.

    Each is 1.5 to 2 times as large as the one before. Fewer steps than levels leave out the smallest levels, so that the
    last one has the size that was asked for.
    """
    ratio = size / coarsest
    rises = max(1, round(math.log(ratio) / math.log(FACTOR))) if ratio >= LEAST else 0
    factor = min(max(ratio ** (1 / rises), LEAST), MOST) if rises else 1.0
    sizes = [round(size / factor**n) for n in range(rises, -1, -1)][-steps:]
    return [Level(s, n) for s, n in zip(sizes, _shares(steps, [FADE**i for i in range(len(sizes))]), strict=True)]


def part(plan: Sequence[Level], begin: int, end: int) -> list[Level]:
    """The levels with only those of their steps that lie between the first `begin` and the first `end` of all."""
    clipped, before = [], 0
    for level in plan:
        after = before + level.steps
        clipped.append(level._replace(steps=max(0, min(after, end) - max(before, begin))))
        before = after
    return clipped


def scaled(size: Sequence[int], longest: int, multiple: int = 1) -> tuple[int, int]:
    """`size` = (height, width) with the longer side `longest`, the aspect ratio kept, and no side below one pixel.

    Each side is rounded to the nearest multiple of `multiple` above 0, which costs that much of the aspect ratio.
    """
    height, width = size
    scale = longest / max(height, width) / multiple
    return multiple * max(1, round(height * scale)), multiple * max(1, round(width * scale))


def longest_for(size: Sequence[int], shortest: int) -> int:
    """The smallest longest side at which the shorter side of a picture of `size` = (height, width) has `shortest` pixels."""
    return math.ceil(shortest * max(size) / min(size))


def _shares(total: int, parts: list[float]) -> list[int]:
    """`total` as whole numbers in the proportions of `parts`, each at least 1; the first takes what rounding leaves."""
    shares = [max(1, math.floor(total * part / sum(parts))) for part in parts]
    shares[0] += total - sum(shares)
    if shares[0] < 1:  # so few that the floors of 1 took more than there is
        return [total // len(parts) + (i < total % len(parts)) for i in range(len(parts))]
    return shares
