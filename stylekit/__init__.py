"""stylekit: optimisation-based neural style transfer that is steered while it paints.

from stylekit import Recipe, load_encoder, open_picture, save_picture, stylize

recipe = Recipe(size=256)
content, style = open_picture("photo.jpg", recipe.size), open_picture("artwork.jpg", recipe.size)
for frame in stylize(content.image, [style.image], recipe, encoder=load_encoder(recipe.encoder)):
    print(frame.step, frame.losses)
save_picture("painting.png", frame.image, recipe_json=frame.recipe.to_json())
"""

from typing import TYPE_CHECKING, Any

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
from stylekit.presets import PRESETS, Preset
from stylekit.recipe import Keyframe, LayerWeights, Recipe, Weights

if TYPE_CHECKING:
    from stylekit.encoders import Encoder, load_encoder, pick_device
    from stylekit.job import Job
    from stylekit.objective import Masks
    from stylekit.pictures import Picture, open_mask, open_picture, read_recipe_json, save_picture, save_png
    from stylekit.transfer import Dials, Frame, paint, stylize
else:

    def __getattr__(name: str) -> Any:
        """The names above, which need torch, at their first use: without them the command line answers at once (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from stylekit import encoders, job, objective, pictures, transfer

        return next(vars(room)[name] for room in (encoders, job, objective, pictures, transfer) if name in vars(room))


__version__ = "0.1.0"

__all__ = [
    "PRESETS",
    "BusyError",
    "Dials",
    "DivergedError",
    "Encoder",
    "Frame",
    "Job",
    "Keyframe",
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
    "paint",
    "pick_device",
    "read_recipe_json",
    "save_picture",
    "save_png",
    "stylize",
]


def __dir__() -> list[str]:
    """What can be asked for, imported or not."""
    return sorted({*globals(), *__all__})
