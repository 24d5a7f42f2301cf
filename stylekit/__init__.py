"""stylekit: optimisation-based neural style transfer that is steered while it paints.

from stylekit import Recipe, load_encoder, open_picture, save_picture, stylize

recipe = Recipe(size=256)
content, style = open_picture("photo.jpg", recipe.size), open_picture("artwork.jpg", recipe.size)
for frame in stylize(content.image, [style.image], recipe, encoder=load_encoder(recipe.encoder)):
    print(frame.step, frame.losses)
save_picture("painting.png", frame.image, recipe_json=recipe.to_json())
"""

from stylekit.encoders import Encoder, load_encoder, pick_device
from stylekit.errors import (
    BusyError,
    DivergedError,
    PictureError,
    RecipeError,
    SizeError,
    StylekitError,
    UsageError,
    WeightsError,
    WorldError,
)
from stylekit.pictures import Picture, open_mask, open_picture, read_recipe_json, save_picture, save_png
from stylekit.presets import PRESETS, Preset
from stylekit.recipe import LayerWeights, Recipe, Weights
from stylekit.transfer import Dials, Frame, Masks, stylize

__version__ = "0.1.0"

__all__ = [
    "PRESETS",
    "BusyError",
    "Dials",
    "DivergedError",
    "Encoder",
    "Frame",
    "LayerWeights",
    "Masks",
    "Picture",
    "PictureError",
    "Preset",
    "Recipe",
    "RecipeError",
    "SizeError",
    "StylekitError",
    "UsageError",
    "Weights",
    "WeightsError",
    "WorldError",
    "load_encoder",
    "open_mask",
    "open_picture",
    "pick_device",
    "read_recipe_json",
    "save_picture",
    "save_png",
    "stylize",
]
