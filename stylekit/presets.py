"""Presets: named recipes, as data. Each says only what it changes; encoder, size and steps stay the visitor's choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stylekit.recipe import STYLE_LAYERS, Recipe


@dataclass(frozen=True)
class Preset:
    """A named recipe, by what it changes in the default one."""

    name: str
    """one word, for the command line"""
    title: str
    description: str
    """one sentence: how it looks, what it is for"""
    settings: Mapping[str, Any]
    """fields of Recipe"""

    def recipe(self, **others: Any) -> Recipe:
        """The recipe, with `others` set as well; those win. Raises RecipeError."""
        return Recipe(**{**self.settings, **others})


def _layers(*weights: float) -> dict[str, float]:
    return dict(zip(STYLE_LAYERS, weights, strict=True))


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("balanced", "Balanced", "Photo and style in balance: the place to start.", {}),
        Preset(
            "gentle", "Gentle", "The photo stays clear, with the style as its brushwork: for portraits.", {"style_weight": 1.5}
        ),
        Preset("bold", "Bold", "The style takes over and the photo becomes a hint.", {"style_weight": 40.0}),
        Preset(
            "fine",
            "Fine grain",
            "Only the grain and the colours of the style, laid over the photo's own shapes.",
            {"layer_weights": _layers(2, 2, 1, 0.2, 0)},
        ),
        Preset(
            "shapes",
            "Large shapes",
            "The large shapes of the style, with little of its grain.",
            {"layer_weights": _layers(0.2, 0.5, 1, 2, 3), "style_weight": 20.0},
        ),
        Preset("smooth", "Smooth", "Like wet paint: the grain flows together.", {"tv_weight": 0.5, "style_weight": 15.0}),
        Preset(
            "paper",
            "As in the paper",
            "Gram matrices at one size and from noise, as Gatys, Ecker and Bethge did it: slower and finer.",
            {"statistic": "gram", "init": "noise", "coarsest": 512, "style_weight": 100.0},
        ),
        Preset(
            "dream",
            "Dream",
            "Begins with the artwork itself and lets the photo rise from it.",
            {"init": "style", "style_weight": 20.0},
        ),
    )
}
"""`{name: preset}`, in the order of the page."""
