"""Settings in a page's address: short, readable, bounded, and checked like a recipe file.

    ?v=1&style_weight=20&relu5_1=0.3&style_scales=1,2&photo=cat&artwork=harbour-night

Only what differs from the defaults is named. Style layers go by their names, other settings by those of Recipe's fields; the
pictures are not in it, but samples by name. What was turned while it ran is not, either: that is in the picture.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from stylekit.card import short
from stylekit.errors import RecipeError
from stylekit.recipe import (
    MOST_STYLES,
    SETTINGS,
    STYLE_LAYERS,
    VERSION,
    Number,
    PerArtwork,
    Performance,
    PerLayer,
    Recipe,
    Switch,
    setting,
)

LONGEST = 2000
"""Characters of an address that every browser and messenger passes on."""

LEFT_OUT = ("keyframes", "until", "repeats")
"""What became of a run."""


class Linked(NamedTuple):
    """What an address says."""

    recipe: Recipe
    photo: str = ""
    """the name of a sample; empty = none"""
    artworks: tuple[str, ...] = ()


def to_query(recipe: Recipe, photo: str = "", artworks: Sequence[str] = ()) -> str:
    """`recipe` and the names of samples as the part of an address behind its question mark."""
    pairs = [("v", str(VERSION)), *_settings(recipe)]
    pairs += [("photo", photo)] if photo else []
    pairs += [("artwork", name) for name in artworks]
    return urlencode(pairs, safe=",:")


def _settings(recipe: Recipe) -> Iterator[tuple[str, str]]:
    usual = Recipe()
    for name, described in SETTINGS.items():
        value = short(described, getattr(recipe, name))
        if name in LEFT_OUT or value == getattr(usual, name):
            continue
        if isinstance(described, PerLayer):
            yield from _layers(name, value, getattr(usual, name))
        elif isinstance(described, PerArtwork):
            yield name, ",".join(f"{number:g}" for number in value)
        elif isinstance(described, Switch):
            yield name, "yes" if value else "no"
        else:
            yield name, _number(value) if isinstance(described, Number) else value


def _layers(name: str, layers: Mapping[str, float], usual: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Of the usual layers, those whose weight is another; of others, all."""
    if name == "layer_weights" and layers.keys() == usual.keys():
        yield from ((layer, _number(weight)) for layer, weight in layers.items() if weight != usual[layer])
    else:
        yield name, ",".join(f"{layer}:{_number(weight)}" for layer, weight in layers.items())


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def from_query(query: str) -> Linked | None:
    """What an address says behind its question mark; None where it says nothing of ours. Raises RecipeError."""
    if len(query) > LONGEST:
        raise RecipeError(f"The address has {len(query)} characters; those that the studio makes have at most {LONGEST}.")
    pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
    known = [(name, value) for name, value in pairs if name in ("v", "photo", "artwork", *STYLE_LAYERS, *SETTINGS)]
    if not known:
        return None
    artworks = tuple(value for name, value in known if name == "artwork")
    if len(artworks) > MOST_STYLES:
        raise RecipeError(f"The address names {len(artworks)} artworks; there are at most {MOST_STYLES}.")
    values: dict[str, Any] = {}
    for name, value in known:
        if name in STYLE_LAYERS:
            values.setdefault("layer_weights", dict(Recipe().layer_weights))[name] = _float(name, value)
        elif name in SETTINGS:
            values[name] = _read(name, value)
    version = next((value for name, value in known if name == "v"), str(VERSION))
    values["version"] = int(version) if version.isdecimal() and len(version) < 4 else version
    photo = next((value for name, value in known if name == "photo"), "")
    return Linked(Recipe.from_json(json.dumps(values)), photo, artworks)


def _read(name: str, text: str) -> Any:
    """A setting's value as JSON has it; whether it may have that is for Recipe to say."""
    match setting(name):
        case Number(whole=True):
            return int(text) if text.isdecimal() and len(text) < 12 else _float(name, text)
        case Number():
            return _float(name, text)
        case Switch():
            return {"yes": True, "no": False}.get(text, text)
        case PerArtwork():
            return [_float(name, part) for part in text.split(",") if part]
        case PerLayer():
            pairs = [part.partition(":") for part in text.split(",") if part]
            return {layer: _float(layer, weight) for layer, _, weight in pairs}
        case Performance():
            raise RecipeError(f"An address cannot say {name}; they are in the picture that was saved.")
    return text


def _float(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise RecipeError(f"{name[:64]} must be a number in the address, not {text[:20]!r}.") from None
