"""Recipe: all settings of a run; Weights: those of them that may be turned while it runs; Keyframe: a turn that was recorded.

Each setting is described once, by a Setting: what it may be, its help, its slider. From these the command line, the page, the
API and the JSON are derived. Standard library only, so that a recipe can be read and checked anywhere.

    total = content_weight (alpha)  * (content[content_layer] + sum over layers l of more_content_layers[l] * content[l])
          + style_weight   (beta)   * (sum over layers l of layer_weights[l] * style[l] + edge_weight * style[edges])
                                    / number of layers with a weight above 0
                                    * (size / longest side of the level) ** large_forms
          + tv_weight      (lambda) * tv

The number of layers is counted as in Gatys et al. 2015: a layer of weight 0 counts for nothing. The edges are not counted.
"""

import json
import math
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from stylekit.errors import RecipeError
from stylekit.pyramid import REPEATED, levels

ENCODERS = ("compact", "vgg19")
STATISTICS = ("bures", "mean_covariance", "gram", "covariance", "mean_variance", "wasserstein", "sliced", "nearest")
FORMULATIONS = {
    "relative": "",
    **dict.fromkeys(("gatys", "lecture", "per_layer", "tensorflow", "pytorch", "gordicaleksa"), "gram"),
    "crowsonkb": "wasserstein",
}
"""Units of the losses, and the statistic that each needs; "" = any."""
PALETTE_METHODS = ("linear", "cholesky", "pca", "histogram")
"""Ways to take the colours of another picture as a whole."""
COLOR_METHODS = ("luminance", "artwork", *PALETTE_METHODS)
"""Ways to take other colours, in the order of the page; the first two take the photo's, place by place."""
PADDINGS = ("mirror", "zeros", "replicate", "reflect", "circular")
"""What an encoder sees beyond the border: the picture mirrored; or, anew at every convolution, nothing, the edge again and
again, the features mirrored, the opposite side."""
POOLINGS = ("max", "average", "l2")
"""How an encoder makes one of four neighbours: the largest, their mean, the root of their mean square."""
VARIABLES = ("pixels", "bands")
"""What is optimised: the pixels, or the bands of a Laplacian pyramid."""
MOST_STYLES = 4
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
EDGES = "edges"
"""What the picture's own edges are called among the terms of the loss: one more style layer, which no encoder has."""
CONTENT_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
VERSION = 3
"""Of the JSON: files of other versions are translated, or refused with words."""
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


# --------------------------------------------------------------------------------------------------- kinds of settings


@dataclass(frozen=True, kw_only=True)
class Setting(ABC):
    """What a setting may be. Whoever offers settings (command line, page, API, files) asks its kind, one of those below."""

    help: str
    """one sentence"""
    symbol: str = ""
    """as in the formulas"""
    live: bool = False
    """whether it may be turned while it runs"""

    @abstractmethod
    def check(self, name: str, value: object) -> Any:
        """`value` as this kind has it; raises RecipeError, with `name` in its message, for anything else."""

    def plain(self, value: Any) -> Any:
        """A checked value as JSON has it."""
        return value


@dataclass(frozen=True, kw_only=True)
class Number(Setting):
    """A number between two limits."""

    least: float
    most: float
    slider: tuple[float, float, float] | None = None
    """(least, most, step) of the page's"""
    whole: bool = False

    def check(self, name: str, value: object) -> float:
        """A float, or an int where it is whole."""
        number = _within(name, value, self.least, self.most)
        if self.whole and number != int(number):
            raise RecipeError(f"{name} must be a whole number, not {_shown(value)}.")
        return int(number) if self.whole else number


@dataclass(frozen=True, kw_only=True)
class PerArtwork(Setting):
    """A number for each artwork; those left out are 1."""

    least: float
    most: float
    slider: tuple[float, float, float]

    def check(self, name: str, value: object) -> tuple[float, ...]:
        """A tuple of at most MOST_STYLES floats."""
        if not isinstance(value, list | tuple):
            raise RecipeError(f"{name} must be a list of numbers, one per artwork, not {_shown(value)}.")
        if len(value) > MOST_STYLES:
            raise RecipeError(f"{name} has {len(value)} numbers; there are at most {MOST_STYLES} artworks.")
        return tuple(_within(name, number, self.least, self.most) for number in value)


@dataclass(frozen=True, kw_only=True)
class PerLayer(Setting):
    """A weight for each of some layers; those left out are 0."""

    slider: tuple[float, float, float]
    empty: bool = False
    """whether there may be none"""

    def check(self, name: str, value: object) -> LayerWeights:
        """LayerWeights."""
        try:
            layers = value if isinstance(value, LayerWeights) else LayerWeights(value)  # type: ignore[arg-type]
        except RecipeError as error:
            raise RecipeError(f"{name}: {error}") from error
        if not layers and not self.empty:
            raise RecipeError(f"{name} must name at least one layer, such as relu3_1.")
        return layers

    def plain(self, value: LayerWeights) -> dict[str, float]:
        """`{layer: weight}`"""
        return dict(value)


@dataclass(frozen=True, kw_only=True)
class Choice(Setting):
    """One of some words."""

    choices: tuple[str, ...]
    open: bool = False
    """whether other words may do as well, because an encoder of one's own may have other names"""

    def check(self, name: str, value: object) -> str:
        """A str."""
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_WORD:
            raise RecipeError(f"{name} must be a word such as {self.choices[0]!r}, not {_shown(value)}.")
        if value not in self.choices and not self.open:
            raise RecipeError(f"{name} must be one of {', '.join(self.choices)}, not {_shown(value)}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Switch(Setting):
    """On or off."""

    def check(self, name: str, value: object) -> bool:
        """A bool."""
        if not isinstance(value, bool):
            raise RecipeError(f"{name} must be true or false, not {_shown(value)}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Performance(Setting):
    """What was turned while it ran: a tuple of Keyframes. In JSON, what each changes: `[{"at": 0.5, "style_weight": 20}]`."""

    def check(self, name: str, value: object) -> tuple[Any, ...]:
        """A tuple of Keyframes, or of dicts as in JSON, which only a Recipe knows what they change."""
        if not isinstance(value, list | tuple) or not all(isinstance(k, Keyframe | dict) for k in value):
            raise RecipeError(f'{name} must be a list such as [{{"at": 0.5, "style_weight": 20}}], not {_shown(value)}.')
        return tuple(value)


def _within(name: str, value: object, least: float, most: float) -> float:
    """`value` as a number between limits."""
    number = _number(name, value)
    if not least <= number <= most:
        raise RecipeError(f"{name} must lie between {least:g} and {most:g}, not {_shown(value)}.")
    return number


def _default(value: Any, setting: Setting) -> Any:
    """A field with a default and its Setting."""
    return field(default=value, metadata={"setting": setting})


# ----------------------------------------------------------------------------------------------------------- the recipe


@dataclass(frozen=True)
class Weights:
    """The settings that may be turned while it runs, as a Recipe has them; replaced as a whole. Raises RecipeError."""

    content_weight: float
    style_weight: float
    tv_weight: float
    layer_weights: Mapping[str, float]
    more_content_layers: Mapping[str, float] = LayerWeights({})
    style_shares: tuple[float, ...] = ()
    style_scales: tuple[float, ...] = ()
    style_split: float = 0.0
    large_forms: float = 0.0
    edge_weight: float = 0.2
    tv_gamma: float = 1.25
    color_strength: float = 0.0
    match_color: float = 1.0
    clean_color: float = 0.0
    tiling: bool = False

    def __post_init__(self) -> None:
        for name in LIVE:
            object.__setattr__(self, name, setting(name).check(name, getattr(self, name)))


def check_same_layers(weights: Weights, others: Weights) -> None:
    """Raises RecipeError if the two name other layers: while it runs, the layers stay the same."""
    for name in ("layer_weights", "more_content_layers"):
        if other := set(getattr(weights, name)) ^ set(getattr(others, name)):
            raise RecipeError(f"The layers stay the same while it paints; give one left out weight 0 ({_shown(min(other))}).")


@dataclass(frozen=True)
class Keyframe:
    """Weights from a moment of the run on."""

    at: float
    """how far along the run, as a share of its steps in [0, 1)"""
    weights: Weights
    resumed: bool = False
    """whether the run was continued there from its picture alone: the optimiser begins anew"""
    rounded: bool = False
    """whether that picture was one of 8 bits, as a file has it"""

    def step(self, steps: int) -> int:
        """How many of `steps` steps are taken with other weights before."""
        return round(self.at * steps)


@dataclass(frozen=True)
class Recipe:
    """All settings of a run. Two equal recipes with the same pictures give the same picture. Raises RecipeError."""

    encoder: str = _default(
        "compact",
        Choice(
            help="Network that judges the picture; compact is fast and needs no download.",
            choices=ENCODERS,
            open=True,
        ),
    )
    size: int = _default(
        512, Number(help="Longest side of the result, in pixels.", least=16, most=8192, slider=(128, 1024, 32), whole=True)
    )
    steps: int = _default(
        200, Number(help="How many times the picture is improved.", least=1, most=100_000, slider=(20, 1000, 10), whole=True)
    )
    content_weight: float = _default(
        1.0,
        Number(help="How much it keeps of the photo.", symbol="α", live=True, least=0, most=LARGEST_WEIGHT, slider=(0, 5, 0.05)),
    )
    style_weight: float = _default(
        10.0,
        Number(help="How much it takes of the style.", symbol="β", live=True, least=0, most=LARGEST_WEIGHT, slider=(0, 50, 0.5)),
    )
    tv_weight: float = _default(
        0.0,
        Number(help="Smooths grain, then detail.", symbol="λ", live=True, least=0, most=LARGEST_WEIGHT, slider=(0, 1, 0.01)),
    )
    layer_weights: Mapping[str, float] = _default(
        LayerWeights(dict.fromkeys(STYLE_LAYERS, 1.0)),
        PerLayer(help="How much each style layer counts.", symbol="w", live=True, slider=(0, 3, 0.05)),
    )
    content_layer: str = _default(
        "relu4_2",
        Choice(help="Layer at which the photo is compared: deeper keeps less.", choices=CONTENT_LAYERS, open=True),
    )
    more_content_layers: Mapping[str, float] = _default(
        LayerWeights({}),
        PerLayer(
            help="Further layers at which the photo is compared; how much each counts beside the content layer's 1.",
            symbol="c",
            live=True,
            empty=True,
            slider=(0, 3, 0.05),
        ),
    )
    style_shares: tuple[float, ...] = _default(
        (),
        PerArtwork(
            help="How much of each artwork, if there are several.",
            symbol="s",
            live=True,
            least=0,
            most=1000,
            slider=(0, 1, 0.05),
        ),
    )
    style_scales: tuple[float, ...] = _default(
        (),
        PerArtwork(
            help="How large each artwork's brush is: 2 paints with strokes twice as large.",
            live=True,
            least=0.1,
            most=4,
            slider=(0.25, 3, 0.05),
        ),
    )
    style_split: float = _default(
        0.0,
        Number(
            help="With several artworks: 0 mixes them, 1 takes the fine brush of the first and the large shapes of the last.",
            live=True,
            least=0,
            most=1,
            slider=(0, 1, 0.05),
        ),
    )
    large_forms: float = _default(
        0.0,
        Number(
            help="How freely the first, small sizes are painted: the artwork counts more there than at the end; at 0 no more, "
            "higher brings its large forms.",
            live=True,
            least=0,
            most=2,
            slider=(0, 2, 0.05),
        ),
    )
    edge_weight: float = _default(
        0.2,
        Number(
            help="How much the finest marks count, seen without the network: strokes run as the artwork's do; at 0 their grain "
            "lies along rows and columns.",
            symbol="ε",
            live=True,
            least=0,
            most=LARGEST_WEIGHT,
            slider=(0, 1, 0.05),
        ),
    )
    statistic: str = _default(
        "bures",
        Choice(
            help="What is remembered of a style: bures reaches the artwork's own colours, even rare ones; mean_covariance is "
            "bold; gram the papers'; covariance boldest, its colours freer; mean_variance loose; wasserstein and sliced even and "
            "quiet; nearest takes whole forms, such as a star with its halo. Of mean_covariance, gram and covariance, half the "
            "style weight is enough.",
            choices=STATISTICS,
        ),
    )
    formulation: str = _default(
        "relative",
        Choice(
            help="Units of the losses: relative means the same at every size; the others have the constants of papers and "
            "programs.",
            choices=tuple(FORMULATIONS),
        ),
    )
    tv_kind: str = _default(
        "squared",
        Choice(
            help="What smoothness counts: squared rounds everything off, absolute keeps edges, power lies where gamma puts it.",
            choices=("squared", "absolute", "power"),
        ),
    )
    tv_gamma: float = _default(
        1.25,
        Number(
            help="Power of tv_kind power: 0.5 keeps edges, 1 is squared, more spares grain.",
            symbol="γ",
            live=True,
            least=0.25,
            most=2,
            slider=(0.25, 2, 0.05),
        ),
    )
    color_strength: float = _default(
        0.0,
        Number(
            help="Back to the photo's colours: 0 the painting's, 1 the photo's.", live=True, least=0, most=1, slider=(0, 1, 0.05)
        ),
    )
    match_color: float = _default(
        1.0,
        Number(
            help="Moves the colours as a whole to the artwork's: at 1 a black and white artwork paints in black and white; 0 "
            "leaves them.",
            live=True,
            least=0,
            most=1,
            slider=(0, 1, 0.05),
        ),
    )
    clean_color: float = _default(
        0.0,
        Number(
            help="Takes flecks out of the colours, along the lightness: 0 leaves them, 1 takes all.",
            live=True,
            least=0,
            most=1,
            slider=(0, 1, 0.05),
        ),
    )
    color_method: str = _default(
        "luminance",
        Choice(
            help="How: luminance takes the photo's colours place by place; artwork, too, but moved to the artwork's "
            "palette, without flecks; the others take the photo's palette as a whole.",
            choices=COLOR_METHODS,
        ),
    )
    tiling: bool = _default(
        False,
        Switch(
            help="Opposite borders fit to each other, for wallpaper; set from the start, sides are rounded to multiples of 16.",
            live=True,
        ),
    )
    pooling: str = _default(
        "max", Choice(help="How the encoder shrinks what it sees: average is smoother, l2 between.", choices=POOLINGS)
    )
    padding: str = _default(
        "mirror",
        Choice(
            help="What the encoder sees beyond a picture's borders: mirror leaves the least rim, zeros is what most programs do.",
            choices=PADDINGS[:4],
        ),
    )
    optimizer: str = _default(
        "lbfgs", Choice(help="How the picture is improved: lbfgs is faster, adam steadier.", choices=("lbfgs", "adam"))
    )
    variables: str = _default(
        "pixels",
        Choice(
            help="What is improved: the pixels, or bands of an octave each, which are softer, with less grain.",
            choices=VARIABLES,
        ),
    )
    averaging: float = _default(
        0.0,
        Number(
            help="Shows the average of the last pictures, which is calmer, above all with adam: 0.99 of about a hundred.",
            least=0,
            most=0.999,
            slider=(0, 0.99, 0.01),
        ),
    )
    init: str = _default(
        "content",
        Choice(
            help="What the painting starts from; image is a picture that is given along.",
            choices=("content", "noise", "style", "image"),
        ),
    )
    coarsest: int = _default(
        48,
        Number(
            help="Longest side of the first, smallest level, in pixels; small ones compose boldly.",
            least=16,
            most=8192,
            slider=(32, 512, 16),
            whole=True,
        ),
    )
    seed: int = _default(0, Number(help="Number that the random start is drawn from.", least=0, most=2**31 - 1, whole=True))
    repeats: int = _default(
        0,
        Number(
            help="How often the last two levels are painted once more, as Continue does with a finished picture.",
            least=0,
            most=100,
            whole=True,
        ),
    )
    until: float = _default(1.0, Number(help="Share of all steps after which it ends, as Stop does.", least=0, most=1))
    keyframes: tuple[Keyframe, ...] = _default((), Performance(help="What was turned while it ran, to be played again."))

    def __post_init__(self) -> None:
        for name in SETTINGS:
            object.__setattr__(self, name, setting(name).check(name, getattr(self, name)))
        needed = FORMULATIONS[self.formulation]
        if needed and self.statistic != needed:
            raise RecipeError(f"The formulation {self.formulation} needs the statistic {needed}, not {self.statistic}.")
        object.__setattr__(self, "keyframes", tuple(_performed(self.weights, self.keyframes)))

    @property
    def weights(self) -> Weights:
        """The part that may be turned while it runs, as it is at the beginning."""
        return Weights(**{name: getattr(self, name) for name in LIVE})

    @property
    def all_steps(self) -> int:
        """The steps of the levels and of their repeats."""
        return self.steps + self.repeats * self.steps_of_a_repeat

    @property
    def steps_of_a_repeat(self) -> int:
        """As many as the last levels had."""
        return sum(level.steps for level in levels(self.size, self.steps, self.coarsest)[-REPEATED:])

    def weights_at(self, step: int) -> Weights:
        """Those that are turned to after `step` steps, or were before: the next step is taken with them."""
        played = [k.weights for k in self.keyframes if k.step(self.all_steps) <= step]
        return played[-1] if played else self.weights

    def with_weights(self, weights: Weights) -> "Recipe":
        """This recipe with other weights at the beginning."""
        return replace(self, **{name: getattr(weights, name) for name in LIVE})

    def settled(self) -> "Recipe":
        """This recipe with the weights that its run ends with from the beginning on, and no keyframes."""
        last = self.keyframes[-1].weights if self.keyframes else self.weights
        return replace(self.with_weights(last), keyframes=(), until=1.0)

    def throughout(self, **settings: Any) -> "Recipe":
        """This recipe with other settings, from the beginning to the end: those of the weights in every keyframe, too."""
        live = {name: value for name, value in settings.items() if name in LIVE}
        keyframes = tuple(replace(k, weights=replace(k.weights, **live)) for k in self.keyframes)
        return replace(self, **{"keyframes": keyframes, **settings})

    def repeated(self) -> "Recipe":
        """This recipe with one more repeat; the keyframes stay at the steps where they were."""
        steps = self.all_steps + self.steps_of_a_repeat
        keyframes = tuple(replace(k, at=k.step(self.all_steps) / steps) for k in self.keyframes)
        return replace(self, repeats=self.repeats + 1, keyframes=keyframes, until=1.0)

    def resumed(self, step: int, weights: Weights, rounded: bool = False) -> "Recipe":
        """This recipe, whose run was left after `step` steps, gone on with from there; with a repeat if no steps are left.

        `rounded`: from a picture of 8 bits.
        """
        recipe = self if step < self.all_steps else self.repeated()
        keyframe = Keyframe(step / recipe.all_steps, weights, resumed=True, rounded=rounded)
        return replace(recipe, keyframes=(*recipe.keyframes, keyframe), until=1.0)

    def with_later(self, step: int, other: "Recipe") -> "Recipe":
        """This recipe, with the keyframes of `other` that come after `step` steps, if it has as many steps."""
        if other.all_steps != self.all_steps:
            return self
        later = [keyframe for keyframe in other.keyframes if keyframe.step(other.all_steps) > step]
        return replace(self, keyframes=(*self.keyframes, *later))

    def continues(self, other: "Recipe") -> bool:
        """Whether a run of `other` may go on with this: all is the same but what may be turned, and how far it went."""
        parts = {name: getattr(other, name) for name in (*LIVE, "repeats", "until", "keyframes")}
        return self.weights.layer_weights.keys() == other.layer_weights.keys() and replace(self, **parts) == other

    @property
    def content_losses(self) -> list[str]:
        """Every layer at which the content may be compared."""
        return list(dict.fromkeys((self.content_layer, *self.more_content_layers)))

    def to_json(self) -> str:
        """One line of JSON; `from_json` brings the recipe back."""
        values = {name: setting(name).plain(getattr(self, name)) for name in SETTINGS}
        values["keyframes"] = list(_changes(self.weights, self.keyframes))
        return json.dumps({"version": VERSION, **values})

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """The recipe of `to_json`, or of an older stylekit; what is left out has its default. Raises RecipeError otherwise."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:  # RecursionError: brackets nested without end
            raise RecipeError("The recipe is not JSON; choose a file that stylekit saved.") from error
        if not isinstance(values, dict):
            raise RecipeError('A recipe is a JSON object such as {"size": 512}.')
        values = _of_this_version(values)
        if unknown := sorted(values.keys() - set(SETTINGS)):
            raise RecipeError(f"A recipe has no setting {_shown(unknown[0])}; it has {', '.join(SETTINGS)}.")
        return cls(**values)


SETTINGS: dict[str, Setting] = {f.name: f.metadata["setting"] for f in fields(Recipe)}
"""`{name: what it may be}` of all settings of a recipe"""

LIVE = tuple(name for name, described in SETTINGS.items() if described.live)
"""The settings that Weights has, in its order."""


def setting(name: str) -> Setting:
    """What the setting called `name` may be."""
    return SETTINGS[name]


def _of_this_version(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a JSON object as this version means them, without their version."""
    version = values.pop("version", 0)
    if version not in range(VERSION + 1) or isinstance(version, bool):
        raise RecipeError(f"This recipe is of version {_shown(version)}; this stylekit reads up to {VERSION}: get a newer one.")
    if version == 1:
        values = {"match_color": 0.0} | values
    if version in (1, 2):
        values = {"edge_weight": 0.0} | values
    if version == 0 and isinstance(layers := values.get("layer_weights"), dict) and 0 in layers.values():
        # then a layer of weight 0 was one of the layers that the style loss is divided by
        counting = sum(weight != 0 for weight in layers.values())
        weight = check_weight("style_weight", values.get("style_weight", Recipe.style_weight))
        values = values | {"style_weight": weight * counting / len(layers)}
    return values


def _performed(weights: Weights, keyframes: Sequence[Any]) -> Iterator[Keyframe]:
    """Keyframes, given as such or as what each changes, checked and in the order of time; `weights` are those before."""
    before = 0.0
    for given in keyframes:
        keyframe = given if isinstance(given, Keyframe) else _keyframe(weights, given)
        if not before <= _within("at", keyframe.at, 0, 1) < 1:
            raise RecipeError("The moments of keyframes go up from 0, and lie below 1.")
        check_same_layers(weights, keyframe.weights)
        before, weights = keyframe.at, keyframe.weights
        yield keyframe


def _keyframe(weights: Weights, given: Mapping[str, Any]) -> Keyframe:
    """The keyframe that changes what `given` says."""
    changes = dict(given)
    if "at" not in changes:
        raise RecipeError('A keyframe says when it begins, such as {"at": 0.5}.')
    at = _number("at", changes.pop("at"))
    resumed, rounded = (Switch(help="").check(name, changes.pop(name, False)) for name in ("resumed", "rounded"))
    if unknown := sorted(changes.keys() - set(LIVE)):
        raise RecipeError(f"A keyframe cannot change {_shown(unknown[0])}; it can change {', '.join(LIVE)}.")
    return Keyframe(at, replace(weights, **changes), resumed, rounded)


def _changes(weights: Weights, keyframes: Sequence[Keyframe]) -> Iterator[dict[str, Any]]:
    """What each keyframe changes, for JSON."""
    for keyframe in keyframes:
        changed = {name: getattr(keyframe.weights, name) for name in LIVE}
        changed = {name: setting(name).plain(value) for name, value in changed.items() if value != getattr(weights, name)}
        yield {"at": keyframe.at, **changed} | {name: True for name in ("resumed", "rounded") if getattr(keyframe, name)}
        weights = keyframe.weights
