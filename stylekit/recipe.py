"""Recipe: all settings of a run, and Weights: the part of them that may be turned while it runs.

Defaults, limits, units and help are said here once; the command line, the page, the presets and the documentation read them.
Standard library only, so that a recipe can be read and checked anywhere.

    total = content_weight (alpha)  * content
          + style_weight   (beta)   * sum over layers l of layer_weights[l] * style[l] / number of layers
          + tv_weight      (lambda) * tv
"""

import json
import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from stylekit.errors import RecipeError

ENCODERS = ("compact", "vgg19")
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
LARGEST_WEIGHT = 1e12
"""The formulation "gatys" needs large numbers: its content loss is a sum over features, not an average."""


def _number(name: str, value: object) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise RecipeError(f"{name} must be a number, not {_shown(value)}.")
    return number


def _shown(value: object) -> str:
    """`value` for a message: short, whatever it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python refuses to write out whole numbers of thousands of digits
        return "a number of thousands of digits"


def check_weight(name: str, value: object) -> float:
    """`value` as a float; raises RecipeError, with `name` in its message, unless it is a number from 0 to 1e12."""
    number = _number(name, value)
    if not 0 <= number <= LARGEST_WEIGHT:
        raise RecipeError(f"{name} must lie between 0 and {LARGEST_WEIGHT:g}, not {_shown(value)}.")
    return number


class LayerWeights(Mapping[str, float]):
    """`{layer: weight}` that never changes, so that it can be compared, hashed and shared between threads."""

    __slots__ = ("_items",)

    def __init__(self, weights: Mapping[str, float] | Iterable[tuple[str, float]]) -> None:
        """Raises RecipeError unless there is at least one layer, each a name with a weight as in `check_weight`."""
        if isinstance(weights, str):
            raise RecipeError(f"layer_weights must look like {{'relu1_1': 1.0}}, not {_shown(weights)}.")
        try:
            items = dict(weights)
        except (TypeError, ValueError) as error:
            raise RecipeError(f"layer_weights must look like {{'relu1_1': 1.0}}, not {_shown(weights)}.") from error
        if not items:
            raise RecipeError("layer_weights must name at least one layer, such as relu3_1.")
        if wrong := [name for name in items if not isinstance(name, str)]:
            raise RecipeError(f"A layer is a name such as 'relu3_1', not {_shown(wrong[0])}.")
        self._items = {name: check_weight(f"The weight of {name}", weight) for name, weight in items.items()}

    def __getitem__(self, layer: str) -> float:
        return self._items[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


@dataclass(frozen=True)
class Weights:
    """How much each loss counts; replaced as a whole while a picture is being painted. Raises RecipeError."""

    content: float
    style: float
    tv: float
    layers: Mapping[str, float]

    def __post_init__(self) -> None:
        for name in ("content", "style", "tv"):
            object.__setattr__(self, name, check_weight(f"{name}_weight", getattr(self, name)))
        object.__setattr__(self, "layers", LayerWeights(self.layers))


def _setting(default: Any, text: str, **facts: Any) -> Any:
    """A field of Recipe with its one line of help and its limits; `slider` is (least, most, step) of the page's."""
    return field(default=default, metadata={"help": text, **facts})


@dataclass(frozen=True)
class Recipe:
    """All settings of a run. Two equal recipes with the same pictures give the same picture. Raises RecipeError."""

    encoder: str = _setting(
        "compact", "Network that judges the picture; compact is fast and needs no download.", choices=ENCODERS, open=True
    )
    size: int = _setting(512, "Longest side of the result, in pixels.", least=16, most=8192, slider=(128, 1024, 32))
    steps: int = _setting(200, "How many times the picture is improved.", least=1, most=100_000, slider=(20, 1000, 10))
    content_weight: float = _setting(
        1.0, "How much it keeps of the photo.", symbol="α", least=0, most=LARGEST_WEIGHT, slider=(0, 5, 0.05)
    )
    style_weight: float = _setting(
        5.0, "How much it takes of the style.", symbol="β", least=0, most=LARGEST_WEIGHT, slider=(0, 50, 0.5)
    )
    tv_weight: float = _setting(
        0.0,
        "Smooths grain, then detail.",
        symbol="λ",
        least=0,
        most=LARGEST_WEIGHT,
        slider=(0, 1, 0.01),
    )
    layer_weights: Mapping[str, float] = _setting(
        LayerWeights(dict.fromkeys(STYLE_LAYERS, 1.0)), "How much each style layer counts.", symbol="w", slider=(0, 3, 0.05)
    )
    content_layer: str = _setting(
        "relu4_2",
        "Layer at which the photo is compared: deeper keeps less.",
        choices=(*STYLE_LAYERS[:4], "relu4_2", "relu5_1"),
        open=True,
    )
    statistic: str = _setting(
        "mean_covariance",
        "What is remembered of a style: mean_covariance is bolder, gram is the papers' Gram matrix.",
        choices=("mean_covariance", "gram"),
    )
    formulation: str = _setting(
        "relative",
        "Units of the losses: relative means the same at every size; gatys has the constants of the 2016 paper.",
        choices=("relative", "gatys"),
    )
    optimizer: str = _setting("lbfgs", "How the picture is improved: lbfgs is faster, adam steadier.", choices=("lbfgs", "adam"))
    init: str = _setting(
        "content",
        "What the painting starts from; image is a picture that is given along.",
        choices=("content", "noise", "style", "image"),
    )
    coarsest: int = _setting(
        48,
        "Longest side of the first, smallest level, in pixels; small ones compose boldly.",
        least=16,
        most=8192,
        slider=(32, 512, 16),
    )
    seed: int = _setting(0, "Number that the random start is drawn from.", least=0, most=2**31 - 1)

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))
        if self.formulation == "gatys" and self.statistic != "gram":
            raise RecipeError("The formulation gatys is defined for Gram matrices alone; choose the statistic gram with it.")

    @property
    def weights(self) -> Weights:
        """The part that may be turned while it runs."""
        return Weights(self.content_weight, self.style_weight, self.tv_weight, self.layer_weights)

    def with_weights(self, weights: Weights) -> "Recipe":
        """This recipe with other weights."""
        return replace(
            self, content_weight=weights.content, style_weight=weights.style, tv_weight=weights.tv, layer_weights=weights.layers
        )

    def to_json(self) -> str:
        """One line of JSON; `from_json` brings the recipe back."""
        return json.dumps({f.name: _plain(getattr(self, f.name)) for f in fields(self)})

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """The recipe of `to_json`; fields left out have their defaults. Raises RecipeError for anything else."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:  # RecursionError: brackets nested without end
            raise RecipeError("The recipe is not JSON; choose a file that stylekit saved.") from error
        if not isinstance(values, dict):
            raise RecipeError('A recipe is a JSON object such as {"size": 512}.')
        known = [f.name for f in fields(cls)]
        if unknown := sorted(values.keys() - set(known)):
            raise RecipeError(f"A recipe has no setting {_shown(unknown[0])}; it has {', '.join(known)}.")
        return cls(**values)


def setting(name: str) -> Field[Any]:
    """The field of Recipe called `name`: its `default`, and in `metadata` help, symbol, least, most, slider, choices."""
    return next(f for f in fields(Recipe) if f.name == name)


def _checked(f: Field[Any], value: object) -> object:
    """`value` in the type and limits of the field."""
    if f.name == "layer_weights":
        return value if isinstance(value, LayerWeights) else LayerWeights(value)  # type: ignore[arg-type]
    if isinstance(f.default, str):
        if not isinstance(value, str) or not value:
            raise RecipeError(f"{f.name} must be a word such as {f.default!r}, not {_shown(value)}.")
        choices = f.metadata["choices"]
        if value not in choices and not f.metadata.get("open"):  # open: an encoder of one's own may have other names
            raise RecipeError(f"{f.name} must be one of {', '.join(choices)}, not {_shown(value)}.")
        return value
    number = _number(f.name, value)
    least, most = f.metadata["least"], f.metadata["most"]
    if not least <= number <= most:
        raise RecipeError(f"{f.name} must lie between {least:g} and {most:g}, not {_shown(value)}.")
    if isinstance(f.default, int):
        if number != int(number):
            raise RecipeError(f"{f.name} must be a whole number, not {_shown(value)}.")
        return int(number)
    return number


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, LayerWeights) else value
