"""Recipe: all settings of a run, and Weights: the part of them that may be turned while it runs.

Defaults, limits, units and help are said here once; the command line, the page, the presets and the documentation read them.
Standard library only, so that a recipe can be read and checked anywhere.

    total = content_weight (alpha)  * (content[content_layer] + sum over layers l of more_content_layers[l] * content[l])
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
STATISTICS = ("mean_covariance", "gram", "covariance", "mean_variance", "wasserstein", "sliced")
FORMULATIONS = ("relative", "gatys", "lecture", "per_layer", "tensorflow", "pytorch", "gordicaleksa", "crowsonkb")
COLOR_METHODS = ("luminance", "linear", "cholesky", "pca", "histogram")
"""Ways to take the colours of another picture, in the order of the page."""
PADDINGS = ("mirror", "zeros", "replicate", "reflect", "circular")
"""What an encoder sees beyond the border: the picture mirrored; or, anew at every convolution, nothing, the edge again and
again, the features mirrored, the opposite side."""
POOLINGS = ("max", "average", "l2")
"""How an encoder makes one of four neighbours: the largest, their mean, the root of their mean square."""
MOST_STYLES = 4
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
LARGEST_WEIGHT = 1e12
"""The formulation "gatys" needs large numbers: its content loss is a sum over features, not an average."""


LONGEST_WORD = 64
"""Characters of a layer's or an encoder's name, so that what is said about it stays a sentence."""
MOST_LAYERS = 256
"""Layers that are named at once."""


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
        """Raises RecipeError unless each layer is a name with a weight as in `check_weight`; there may be none."""
        if isinstance(weights, str):
            raise RecipeError(f"Weights of layers must look like {{'relu1_1': 1.0}}, not {_shown(weights)}.")
        try:
            items = dict(weights)
        except (TypeError, ValueError) as error:
            raise RecipeError(f"Weights of layers must look like {{'relu1_1': 1.0}}, not {_shown(weights)}.") from error
        if len(items) > MOST_LAYERS:
            raise RecipeError(f"There are {len(items)} layers, more than any encoder has; name a few.")
        if wrong := [name for name in items if not isinstance(name, str) or len(name) > LONGEST_WORD]:
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
    """of the style; at least one"""
    content_layers: Mapping[str, float] = LayerWeights({})
    """further ones at which the content is compared"""
    shares: tuple[float, ...] = ()
    """of the styles; () = all the same"""
    scales: tuple[float, ...] = ()
    """of the styles' brushes; () = all 1"""
    split: float = 0.0
    """0 = all styles at all layers, 1 = the first one's fine layers and the last one's deep layers"""
    gamma: float = 1.25
    """the power of the tv_kind that is called power"""
    color: float = 0.0
    """0 = the painting's own colours, 1 = the photo's"""
    tiling: bool = False
    """whether the painting's opposite borders fit to each other"""

    def __post_init__(self) -> None:
        for name, field_name in LIVE.items():
            object.__setattr__(self, name, _checked(setting(field_name), getattr(self, name)))


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
        choices=CONTENT_LAYERS,
        open=True,
    )
    more_content_layers: Mapping[str, float] = _setting(
        LayerWeights({}),
        "Further layers at which the photo is compared; how much each counts beside the content layer's 1.",
        symbol="c",
        empty=True,
        slider=(0, 3, 0.05),
    )
    style_shares: tuple[float, ...] = _setting(
        (), "How much of each artwork, if there are several.", symbol="s", least=0, most=1000, slider=(0, 1, 0.05)
    )
    style_scales: tuple[float, ...] = _setting(
        (), "How large each artwork's brush is: 2 paints with strokes twice as large.", least=0.1, most=4, slider=(0.25, 3, 0.05)
    )
    style_split: float = _setting(
        0.0,
        "Where several artworks are: 0 mixes them, 1 takes the fine brush of the first and the large shapes of the last.",
        least=0,
        most=1,
        slider=(0, 1, 0.05),
    )
    statistic: str = _setting(
        "mean_covariance",
        "What is remembered of a style: mean_covariance is bold; gram the papers'; covariance boldest, its colours freer; "
        "mean_variance loose; wasserstein and sliced even and quiet, so give them twice the style weight.",
        choices=STATISTICS,
    )
    formulation: str = _setting(
        "relative",
        "Units of the losses: relative means the same at every size; the others have the constants of papers and programs.",
        choices=FORMULATIONS,
    )
    tv_kind: str = _setting(
        "squared",
        "What smoothness counts: squared rounds everything off, absolute keeps edges, power lies where gamma puts it.",
        choices=("squared", "absolute", "power"),
    )
    tv_gamma: float = _setting(
        1.25,
        "Power of tv_kind power: 0.5 keeps edges, 1 is squared, more spares grain.",
        symbol="γ",
        least=0.25,
        most=2,
        slider=(0.25, 2, 0.05),
    )
    color_strength: float = _setting(
        0.0, "Back to the photo's colours: 0 the painting's, 1 the photo's.", least=0, most=1, slider=(0, 1, 0.05)
    )
    color_method: str = _setting(
        "luminance",
        "How: luminance takes the photo's colours place by place, the others its palette as a whole.",
        choices=COLOR_METHODS,
    )
    tiling: bool = _setting(
        False, "Opposite borders fit to each other, for wallpaper; if set from the start, sides are rounded to multiples of 16."
    )
    pooling: str = _setting("max", "How the encoder shrinks what it sees: average is smoother, l2 between.", choices=POOLINGS)
    padding: str = _setting(
        "mirror",
        "What the encoder sees beyond a picture's borders: mirror leaves the least rim, zeros is what most programs do.",
        choices=PADDINGS[:4],
    )
    optimizer: str = _setting("lbfgs", "How the picture is improved: lbfgs is faster, adam steadier.", choices=("lbfgs", "adam"))
    averaging: float = _setting(
        0.0,
        "Shows the average of the last pictures, which is calmer, above all with adam: 0.99 of about a hundred.",
        least=0,
        most=0.999,
        slider=(0, 0.99, 0.01),
    )
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
        needed = {"relative": self.statistic, "crowsonkb": "wasserstein"}.get(self.formulation, "gram")
        if self.statistic != needed:
            raise RecipeError(f"The formulation {self.formulation} needs the statistic {needed}, not {self.statistic}.")

    @property
    def weights(self) -> Weights:
        """The part that may be turned while it runs."""
        return Weights(**{name: getattr(self, field_name) for name, field_name in LIVE.items()})

    def with_weights(self, weights: Weights) -> "Recipe":
        """This recipe with other weights."""
        return replace(self, **{field_name: getattr(weights, name) for name, field_name in LIVE.items()})

    @property
    def content_losses(self) -> list[str]:
        """Every layer at which the content may be compared."""
        return list(dict.fromkeys((self.content_layer, *self.more_content_layers)))

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


LIVE = {
    "content": "content_weight",
    "style": "style_weight",
    "tv": "tv_weight",
    "layers": "layer_weights",
    "content_layers": "more_content_layers",
    "shares": "style_shares",
    "scales": "style_scales",
    "split": "style_split",
    "gamma": "tv_gamma",
    "color": "color_strength",
    "tiling": "tiling",
}
"""`{name in Weights: name in Recipe}`"""


def setting(name: str) -> Field[Any]:
    """The field of Recipe called `name`: its `default`, and in `metadata` help, symbol, least, most, slider, choices."""
    return next(f for f in fields(Recipe) if f.name == name)


def _checked(f: Field[Any], value: object) -> object:
    """`value` in the type and limits of the field."""
    if isinstance(f.default, LayerWeights):
        return _checked_layers(f, value)
    if isinstance(f.default, tuple):
        return _checked_numbers(f, value)
    if isinstance(f.default, bool):
        if not isinstance(value, bool):
            raise RecipeError(f"{f.name} must be true or false, not {_shown(value)}.")
        return value
    if isinstance(f.default, str):
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_WORD:
            raise RecipeError(f"{f.name} must be a word such as {f.default!r}, not {_shown(value)}.")
        choices = f.metadata["choices"]
        if value not in choices and not f.metadata.get("open"):  # open: an encoder of one's own may have other names
            raise RecipeError(f"{f.name} must be one of {', '.join(choices)}, not {_shown(value)}.")
        return value
    number = _within(f, value)
    if isinstance(f.default, int):
        if number != int(number):
            raise RecipeError(f"{f.name} must be a whole number, not {_shown(value)}.")
        return int(number)
    return number


def _checked_layers(f: Field[Any], value: object) -> LayerWeights:
    try:
        layers = value if isinstance(value, LayerWeights) else LayerWeights(value)  # type: ignore[arg-type]
    except RecipeError as error:
        raise RecipeError(f"{f.name}: {error}") from error
    if not layers and not f.metadata.get("empty"):
        raise RecipeError(f"{f.name} must name at least one layer, such as relu3_1.")
    return layers


def _checked_numbers(f: Field[Any], value: object) -> tuple[float, ...]:
    if not isinstance(value, list | tuple):
        raise RecipeError(f"{f.name} must be a list of numbers, one per artwork, not {_shown(value)}.")
    if len(value) > MOST_STYLES:
        raise RecipeError(f"{f.name} has {len(value)} numbers; there are at most {MOST_STYLES} artworks.")
    return tuple(_within(f, number) for number in value)


def _within(f: Field[Any], value: object) -> float:
    """`value` as a number between the field's limits."""
    number = _number(f.name, value)
    least, most = f.metadata["least"], f.metadata["most"]
    if not least <= number <= most:
        raise RecipeError(f"{f.name} must lie between {least:g} and {most:g}, not {_shown(value)}.")
    return number


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, LayerWeights) else value
