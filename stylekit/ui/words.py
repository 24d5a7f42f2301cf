"""What the page says: one JSON file per language in words/, all with the same keys."""

import json
from pathlib import Path

FOLDER = Path(__file__).with_name("words")


class Words:
    """The sentences of one language; `words("key", number=3)` fills in the braces of a sentence."""

    def __init__(self, language: str = "en") -> None:
        self.language = language
        """as in the page's lang attribute"""
        self._sentences: dict[str, str] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))

    def __call__(self, key: str, **values: object) -> str:
        """The sentence called `key`; raises KeyError if there is none."""
        return self._sentences[key].format(**values)

    def keys(self) -> set[str]:
        """Of all sentences."""
        return set(self._sentences)
