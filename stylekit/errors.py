"""What can go wrong, drawn as a tree. Every message is one sentence for the person at the page, and names the remedy.

StylekitError
|- UsageError              the caller asked for something that cannot be: change the request
|  |- RecipeError          a setting is unknown, of the wrong type or out of its limits
|  |- PictureError         a file is not a picture that can be painted with
|  `- SizeError            a picture is too small for the chosen layers, or too large for this studio
`- WorldError              the request was fine, the world failed: try again, or elsewhere
   |- WeightsError         an encoder's weights are missing, damaged or could not be fetched
   |- BusyError            every place in the studio is taken
   `- DivergedError        the optimisation produced no finite picture, even after several smaller tries
"""


class StylekitError(Exception):
    """Base of everything that stylekit raises on purpose; `str(error)` is safe to show to a visitor."""


class UsageError(StylekitError):
    """The caller asked wrongly; the same call will fail again."""


class RecipeError(UsageError, ValueError):
    """A setting is unknown, of the wrong type or out of its limits."""


class PictureError(UsageError):
    """A file is not a picture that can be painted with."""


class SizeError(UsageError, ValueError):
    """A picture is too small for the chosen layers, or too large for this studio."""


class WorldError(StylekitError):
    """The request was fine, but the world failed; the same call may work later."""


class WeightsError(WorldError):
    """An encoder's weights are missing, damaged or could not be fetched."""


class BusyError(WorldError):
    """Every place in the studio is taken."""


class DivergedError(WorldError):
    """The optimisation produced no finite picture, even after several smaller tries."""
