"""What the page says, in the language of each visitor: one JSON file per language in words/, all with the same keys.

Of settings and presets, the English file says nothing, for Recipe and PRESETS do.

    words("status.painting", step=3, steps=200)     "Step 3 of 200", or "Schritt 3 von 200"

A sentence is whole, with braces for its values; a number in it is written as the language writes it. Where a word depends on a
number, its forms stand behind the number's name: `{count} {count:picture|pictures}`, in Russian three. Which of them a number
takes is said by the file's "plural", an expression as in gettext's files, which Python's gettext reads.

The page is built once, of marks in the place of sentences: `filled` puts the sentences of a language there, before the page is
sent (head.py) and when a visitor chooses another language (language.py). All else is said while a visitor's event is handled, so
it is known whose language it is. No sentence has a character that HTML or JSON would need to escape.

Gradio's own I18n does less: it translates, in the browser, labels and help alone; no list of choices, no HTML, no value in a
sentence, no plural, and nothing that is said while a picture is painted.
"""

import functools
import gettext
import json
import re
import string
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gradio.context import LocalContext
from starlette.requests import cookie_parser

from stylekit.presets import PRESETS
from stylekit.recipe import SETTINGS

FOLDER = Path(__file__).with_name("words")

LANGUAGES = ("en", "es", "nl", "ru", "de", "fr")
"""In the order of the page; the first is for those whose language is not among them."""

COOKIE = "stylekit-language"
"""What the browser remembers of a choice, from language.js."""

MOST_VISITORS = 2000
"""Whose choice is known while their page is open; of others, the cookie says it with the next event."""

WITHOUT_HELP = ("layer_weights", "repeats", "until", "keyframes")
"""Settings that have no control on the page, or one for each part."""

MARK = re.compile("\ue000([0-9]+)\ue001")
"""A sentence that is still to be filled in, by its number."""


class Sentences(string.Formatter):
    """The sentences of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.own: dict[str, str] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
        """what its file says"""
        self.said: dict[str, str] = (sentences(LANGUAGES[0]).said if language != LANGUAGES[0] else dict(_of_recipes())) | self.own
        """all; what its file does not say, in English"""
        self._form = gettext.c2py(self.said["plural"])

    def __call__(self, key: str, **values: object) -> str:
        """The sentence called `key`; raises KeyError if there is none, or a value is missing."""
        return self.vformat(self.said[key], (), values)

    def format_field(self, value: Any, format_spec: str) -> str:
        """A value; of `form|form|...` the one that goes with it."""
        if "|" in format_spec:
            return format_spec.split("|")[self._form(int(value))]
        text = format(value, format_spec)
        return text.replace(".", self.said["decimal"]) if isinstance(value, float) else text


def _of_recipes() -> Iterator[tuple[str, str]]:
    """What recipes and presets say of themselves, in English: the command line has it from there, too."""
    for name, described in SETTINGS.items():
        if name not in WITHOUT_HELP:
            yield f"help.{name}", described.help
    for preset in PRESETS.values():
        yield f"presets.{preset.name}", preset.title
        yield f"presets.{preset.name}.about", preset.description


@functools.cache
def sentences(language: str) -> Sentences:
    """Those of one of LANGUAGES."""
    return Sentences(language)


class Words:
    """The sentences of a page; `words("key", number=3)` says one in the language of whoever's event is handled."""

    def __init__(self) -> None:
        self._marks: list[tuple[str, Mapping[str, object]]] = []
        self._marking = False

    def __call__(self, key: str, **values: object) -> str:
        """The sentence called `key`, or its mark while the page is built; raises KeyError if there is none."""
        if not self._marking:
            return sentences(language())(key, **values)
        sentences(LANGUAGES[0])(key, **values)  # there must be one
        self._marks.append((key, values))
        return f"\ue000{len(self._marks) - 1}\ue001"

    @contextmanager
    def marking(self) -> Iterator[None]:
        """While the page is built: what is asked for is for all visitors, and filled in for each."""
        self._marking = True
        try:
            yield
        finally:
            self._marking = False

    def filled(self, said: Any, language: str) -> Any:
        """A text, or lists and dicts of them, with sentences in the place of marks."""
        if isinstance(said, str):
            return MARK.sub(lambda mark: self._filled(int(mark[1]), language), said)
        if isinstance(said, Mapping):
            return {key: self.filled(value, language) for key, value in said.items()}
        if isinstance(said, list | tuple):
            return type(said)(self.filled(value, language) for value in said)
        return said

    def _filled(self, number: int, language: str) -> str:
        key, values = self._marks[number]
        return sentences(language)(key, **self.filled(values, language))

    def keys(self) -> set[str]:
        """Of all sentences."""
        return set(sentences(LANGUAGES[0]).said)


_chosen: OrderedDict[str, str] = OrderedDict()
"""What visitors have chosen on the page, by gradio's word for each"""


def language() -> str:
    """Of whoever's event is handled; English where nobody's is."""
    request = LocalContext.request.get(None)
    if request is None or not getattr(request, "request", None):  # or one that gradio has not taken in yet
        return LANGUAGES[0]
    return _chosen.get(request.session_hash or "") or asked_for(request.headers)


def choose(language: str) -> None:
    """Whoever's event is handled reads this one of LANGUAGES from now on, in a run that goes on, too."""
    request = LocalContext.request.get(None)
    if request is not None and request.session_hash:
        _chosen[request.session_hash] = language
        _chosen.move_to_end(request.session_hash)
        while len(_chosen) > MOST_VISITORS:
            _chosen.popitem(last=False)


def understood(said: str) -> str:
    """What the engine says, which is English, in the language of whoever's event is handled, as far as words/ has it."""
    key, values = recognized(said)
    return sentences(language())(key, **values) if key else said


def recognized(said: str) -> tuple[str, dict[str, str]]:
    """The key and the values of what the engine says; an empty key where words/ does not have it."""
    for key, pattern in _engine():
        if found := pattern.fullmatch(said):
            return key, found.groupdict()
    return "", {}


@functools.cache
def _engine() -> list[tuple[str, re.Pattern[str]]]:
    """The sentences of the engine that words/ has, each as a pattern with groups for its values."""
    english = sentences(LANGUAGES[0]).said
    return [(key, _pattern(said)) for key, said in english.items() if key.startswith("engine.")]


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = string.Formatter().parse(sentence)
    return re.compile("".join(re.escape(text) + (f"(?P<{name}>.+)" if name else "") for text, name, _, _ in parts), re.DOTALL)


def asked_for(headers: Mapping[str, str]) -> str:
    """The language that a browser asks for: what was chosen on the page before, or the first of its own that there is."""
    chosen = cookie_parser(headers.get("cookie") or "").get(COOKIE, "")
    wished = [part.partition(";") for part in (headers.get("accept-language") or "").split(",")[:20]]
    ranked = sorted(wished, key=lambda part: -_share(part[2]))
    names = [chosen, *(name.strip().split("-")[0].lower() for name, _, _ in ranked)]
    return next((name for name in names if name in LANGUAGES), LANGUAGES[0])


def _share(quality: str) -> float:
    """`q=0.8` as a number; 1 for what is not said."""
    found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", quality)
    return float(found[1]) if found else 1.0
