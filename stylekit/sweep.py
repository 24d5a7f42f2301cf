"""A sweep: the same pictures painted with one or two settings varied, as a grid.

    cells = grid(job, Axis.of("style_weight=1,5,25"), Axis.of("relu5_1=0,1,3"))
    for cell, frame in painted(cells, lambda recipe: encoder):
        if finished(frame):
            save_picture(f"{cell.row}-{cell.column}.png", frame.image, recipe_json=frame.recipe.to_json())

Everything is checked where the grid is made, before anything is painted. Jobs are small; the settings mean the same at every size
(see formulations.py), so what a sweep shows can be painted large.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from stylekit.errors import RecipeError
from stylekit.recipe import SETTINGS, Choice, LayerWeights, Number, PerArtwork, Performance, PerLayer, Recipe, Switch
from stylekit.sheet import contact_sheet

if TYPE_CHECKING:  # a value that cannot be is refused before torch is imported
    from stylekit.encoders import Encoder
    from stylekit.job import Job
    from stylekit.transfer import Frame

SIZE, STEPS = 192, 100
"""Of a sweep for which nobody has said them: a cell takes seconds, and shows what a large picture will be like."""

MOST_CELLS = 64
"""Pictures of one sweep."""

FARTHER = 5
"""Times a weight between two values of an axis: it is felt by its logarithm."""

LETTERS = "ABCD"
"""Names of the artworks."""


@dataclass(frozen=True)
class Axis:
    """A setting and the values that it is given. Raises RecipeError for no such setting, or values that it cannot have."""

    name: str
    """of a setting; or of a part of one: relu5_1 (a style layer), more_content_layers.relu2_1, style_scales.A (an artwork)"""
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        _place(self.name)
        object.__setattr__(self, "values", tuple(self._checked(value) for value in self.values))
        if not 1 <= len(self.values) <= MOST_CELLS:
            raise RecipeError(f"{self.name} is given at least one value and at most {MOST_CELLS}, such as {self.name}=1,5,25.")
        if len(set(self.values)) < len(self.values):
            raise RecipeError(f"{self.name} is given the same value twice; leave one out.")

    @classmethod
    def of(cls, text: str) -> "Axis":
        """The axis of a text such as `style_weight=1,5,25`."""
        name, equals, values = text.partition("=")
        if not equals or not values.strip():
            raise RecipeError(f"{text[:40]!r} must look like style_weight=1,5,25.")
        name = name.strip().replace("-", "_")
        return cls(name, tuple(_meant(name, value.strip()) for value in values.split(",")))

    def _checked(self, value: Any) -> Any:
        """The value as the setting has it."""
        name, part = _place(self.name)
        if part is None:
            return SETTINGS[name].check(self.name, value)
        whole = {part: value} if isinstance(SETTINGS[name], PerLayer) else [value]
        checked = SETTINGS[name].check(self.name, whole)
        return checked[part] if isinstance(checked, Mapping) else checked[0]

    def applied(self, recipe: Recipe, value: Any) -> Recipe:
        """The recipe with this value throughout, in its keyframes as well."""
        name, part = _place(self.name)
        if part is None:
            return recipe.throughout(**{name: value})
        keyframes = tuple(
            replace(k, weights=replace(k.weights, **{name: _with(getattr(k.weights, name), part, value)}))
            for k in recipe.keyframes
        )
        return replace(recipe, keyframes=keyframes, **{name: _with(getattr(recipe, name), part, value)})

    def label(self, value: Any) -> str:
        """What a value is called on the sheet."""
        return f"{self.name} = {f'{value:g}' if isinstance(value, float) else str(value).lower()}"


def _place(name: str) -> tuple[str, str | int | None]:
    """(setting, its part or None) of an axis's name; raises RecipeError if there is none."""
    setting, dot, part = name.partition(".")
    if setting not in SETTINGS:
        if dot or setting[:4] not in ("relu", "conv"):
            raise RecipeError(f"{name[:40]!r} is no setting; choose one of {', '.join(SETTINGS)}, or a layer such as relu5_1.")
        return "layer_weights", name
    match SETTINGS[setting]:
        case Performance():
            raise RecipeError("Keyframes cannot be swept; choose a setting such as style_weight.")
        case PerLayer():
            if part:
                return setting, part
            raise RecipeError(f"{setting} has a weight for each layer; name one, such as {setting}.relu3_1.")
        case PerArtwork():
            if len(part) == 1 and part in LETTERS:
                return setting, LETTERS.index(part)
            raise RecipeError(f"{setting} has a number for each artwork; name one, such as {setting}.A.")
    if dot:
        raise RecipeError(f"{setting} has no parts; leave out {name[len(setting) :][:40]!r}.")
    return setting, None


def _meant(name: str, text: str) -> Any:
    """The value that a word stands for; what it cannot be is found where it is checked."""
    described = SETTINGS[_place(name)[0]]
    match described:
        case Choice():
            return text
        case Switch():
            return {"true": True, "on": True, "false": False, "off": False}.get(text.lower(), text)
        case Number(whole=True) if text.lstrip("-").isdecimal():
            return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def _with(whole: Any, part: str | int, value: float) -> Any:
    """The weights of layers, or the numbers of artworks, with one of them changed; artworks before it have 1."""
    if isinstance(part, str):
        return LayerWeights({**whole, part: value})
    numbers = [*whole, *[1.0] * (part + 1 - len(whole))]
    numbers[part] = value
    return tuple(numbers)


def around(name: str, recipe: Recipe) -> Axis:
    """An axis with some values around the recipe's own: of a weight fractions and multiples, of others both ends as well."""
    setting, part = _place(name)
    described, now = SETTINGS[setting], getattr(recipe, setting)
    if part is not None:
        now = now.get(part, 0.0) if isinstance(part, str) else [*now, *[1.0] * (part + 1)][part]
    match described:
        case Choice():
            values = (now, *(choice for choice in described.choices if choice not in (now, "image")))
            return Axis(name, tuple(value for value in values if _goes(Axis(name, (value,)), recipe))[:3])
        case Switch():
            return Axis(name, (False, True))
        case Number(slider=None):
            return Axis(name, (0, 1, 2))
        case Number() | PerLayer() | PerArtwork():
            assert described.slider
            least, most, step = described.slider
            if setting.endswith("_weight") and now:
                return Axis(name, tuple(float(f"{now * times:.3g}") for times in (1 / FARTHER, 1, FARTHER)))
            middle = 1.0 if isinstance(described, PerLayer | PerArtwork) and least < 1 < most else (least + most) / 2
            values = (least, round(round(middle / step) * step, 6), most)
            return Axis(name, tuple(int(v) for v in values) if isinstance(described, Number) and described.whole else values)
    raise TypeError(f"There are no values for {described}.")


def _goes(axis: Axis, recipe: Recipe) -> bool:
    """Whether the recipe may have the axis's values."""
    try:
        recipes(recipe, axis)
    except RecipeError:
        return False
    return True


# ------------------------------------------------------------------------------------------------------------ the grid


class Cell(NamedTuple):
    """One picture of a grid."""

    row: int
    column: int
    label: str
    """what is varied, in words"""
    job: "Job"


def recipes(recipe: Recipe, rows: Axis, columns: Axis | None = None) -> list[list[Recipe]]:
    """`recipe` with every value of `rows`, and of `columns`; raises RecipeError if two values do not go together."""
    if columns and _place(rows.name) == _place(columns.name):
        raise RecipeError(f"Rows and columns both vary {rows.name}; choose another setting for one of them.")
    count = len(rows.values) * (len(columns.values) if columns else 1)
    if count > MOST_CELLS:
        raise RecipeError(f"A sweep has up to {MOST_CELLS} pictures, not {count}; give fewer values.")
    down = [rows.applied(recipe, value) for value in rows.values]
    return [[columns.applied(each, value) for value in columns.values] if columns else [each] for each in down]


def grid(job: "Job", rows: Axis, columns: Axis | None = None) -> list[Cell]:
    """The jobs of a sweep, row by row, each checked; raises RecipeError and SizeError."""
    table = recipes(job.recipe, rows, columns)
    return [
        Cell(r, c, labels(rows, columns, r, c), replace(job, recipe=recipe))
        for r, row in enumerate(table)
        for c, recipe in enumerate(row)
    ]


def labels(rows: Axis, columns: Axis | None, row: int, column: int) -> str:
    """What is varied in a cell, in words."""
    down = rows.label(rows.values[row])
    return f"{down}, {columns.label(columns.values[column])}" if columns else down


def painted(cells: Sequence[Cell], encoder_of: "Callable[[Recipe], Encoder]") -> "Iterator[tuple[Cell, Frame]]":
    """Every frame of every cell, with the cell, one cell after the other; close it to stop.

    Checks all of them now, before it returns, with the encoders that the recipes name: RecipeError, SizeError.
    """
    for cell in cells:
        cell.job.check(encoder_of(cell.job.recipe))
    return _painted(cells, encoder_of)


def _painted(cells: Sequence[Cell], encoder_of: "Callable[[Recipe], Encoder]") -> "Iterator[tuple[Cell, Frame]]":
    from stylekit.transfer import paint

    for cell in cells:
        for frame in paint(cell.job, encoder=encoder_of(cell.job.recipe)):
            yield cell, frame


def finished(frame: "Frame") -> bool:
    """Whether it is the last of its run."""
    return frame.step == round(frame.begun_with.until * frame.steps)


# ----------------------------------------------------------------------------------------------------------- the sheet


def sheet(rows: Axis, columns: Axis | None, pictures: Mapping[tuple[int, int], Image.Image]) -> Image.Image:
    """The contact sheet of pictures by (row, column), labelled; the place of one that is missing stays empty."""
    across = [columns.label(value) for value in columns.values] if columns else [""]
    return contact_sheet([rows.label(value) for value in rows.values], across, pictures)


def recipes_json(recipe: Recipe, rows: Axis, columns: Axis | None = None) -> str:
    """The grid as JSON: what was varied, and the recipe of each cell, as `Recipe.from_json` reads it."""
    axes = {name: {"setting": axis.name, "values": axis.values} for name, axis in (("rows", rows), ("columns", columns)) if axis}
    table = [[json.loads(each.to_json()) for each in row] for row in recipes(recipe, rows, columns)]
    return json.dumps({**axes, "recipes": table}, indent=1)
