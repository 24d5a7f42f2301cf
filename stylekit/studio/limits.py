"""How much a visitor may ask."""

from collections.abc import Sequence
from dataclasses import dataclass

from stylekit.errors import RecipeError
from stylekit.recipe import MOST_STYLES, Recipe


@dataclass(frozen=True)
class Limits:
    """How much a visitor may ask."""

    concurrency: int = 1
    queue: int = 20
    max_size: int = 1024
    max_steps: int = 1000
    max_seconds: int = 1800
    max_upload_mb: int = 25
    keep_hours: int = 336
    """after a visitor's last visit, that what they have pinned is kept; 0 keeps nothing"""
    keep_mb: int = 4000
    """of all visitors' pins"""
    wall_mb: int = 300
    """of one visitor's"""
    max_clip_seconds: int = 10
    """of a clip that is painted as a film"""

    def check(self, recipe: Recipe, artworks: int = 1) -> None:
        """Raises RecipeError if the recipe asks for more than this place gives to so many artworks."""
        if recipe.size > self.max_size:
            raise RecipeError(f"This studio paints up to {self.max_size} pixels; choose a smaller size.")
        if recipe.all_steps > self.max_steps * (1 + recipe.repeats):
            raise RecipeError(f"This studio takes up to {self.max_steps} steps; choose fewer.")
        for weights in (recipe.weights, *(keyframe.weights for keyframe in recipe.keyframes)):
            self.check_style_scales(recipe.size, weights.style_scales, artworks)

    def check_style_scales(self, size: int, scales: Sequence[float], artworks: int) -> None:
        """Raises RecipeError if the encoder would see more of the artworks than of four pictures of the largest size.

        An artwork is seen with `scale * size` pixels on its longest side, so a style scale costs memory and time as its square.
        """
        areas = [(scale * size) ** 2 for scale in [*scales, *[1.0] * artworks][:artworks]]
        if sum(areas) > MOST_STYLES * self.max_size**2:
            raise RecipeError("At this size, so large brushes are more than this studio can look at; choose a smaller one.")


LEAST = {"max_size": 32, "max_steps": 2, "keep_hours": 0}
"""The smallest values of limits that leave something to choose, or that mean "none"; 1 for the others."""
