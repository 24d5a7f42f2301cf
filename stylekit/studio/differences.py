"""How two paintings' recipes differ, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from stylekit.recipe import SETTINGS, Recipe

TOGETHER = ("keyframes", "repeats", "until")
"""Settings that say what became of a run; what was turned is told by the weights at its end."""


def differences(one: Recipe, other: Recipe) -> list[str]:
    """What was changed from `one` to `other`, with the weights that each ended with: `["style 5 → 20", "relu5_1 1 → 0.3"]`.

    Names are those of recipes, without "_weight"; of layers, their own.
    """
    return list(_differences(one, other))


def _differences(one: Recipe, other: Recipe) -> Iterator[str]:
    before, after = one.settled(), other.settled()
    for name in SETTINGS:
        if name not in TOGETHER:
            yield from _changes(name, getattr(before, name), getattr(after, name))
    turned = [len(recipe.keyframes) for recipe in (one, other)]
    if turned[0] != turned[1]:
        yield f"turned {turned[0]} → {turned[1]} times"
    if one.repeats != other.repeats:
        yield f"repeats {one.repeats} → {other.repeats}"
    steps = [round(recipe.until * recipe.all_steps) for recipe in (one, other)]
    if steps[0] != steps[1] and one.steps == other.steps and one.repeats == other.repeats:
        yield f"ended at step {steps[0]} → {steps[1]}"


def _changes(name: str, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, Mapping):
        for layer in dict.fromkeys((*before, *after)):
            called = layer if name == "layer_weights" else f"{name} {layer}"
            yield from _changes(called, before.get(layer, 0.0), after.get(layer, 0.0))
    elif isinstance(before, tuple):
        for number in range(max(len(before), len(after))):
            values = ((*values, 1.0, 1.0, 1.0, 1.0)[number] for values in (before, after))
            yield from _changes(f"{name} {number + 1}", *values)
    elif before != after:
        yield f"{name.removesuffix('_weight')} {_plain(before)} → {_plain(after)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, int | float) else str(value)
