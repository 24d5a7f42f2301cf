"""The choice of a language: what it changes on the page, at once and without loading it anew, for this visitor alone."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.blocks import Block

from stylekit.studio.session import Session
from stylekit.ui.words import LANGUAGES, MARK, Words, choose, sentences

if TYPE_CHECKING:
    from stylekit.ui.events import Events

CHOICE = "stylekitLanguage(element, watch, (language) => trigger('spoken', { language }))"
"""JavaScript of what `choice` is in; gradio looks for the name of our own event here."""

MADE_ONCE = ("html_template", "js_on_load")
"""Properties that a component does not follow once it is on the page."""


def choice(words: Words) -> str:
    """A field to choose a language in; language.js says which is chosen."""
    each = "".join(f'<option value="{name}">{sentences(name)("language")}</option>' for name in LANGUAGES)
    label = words("language.choose")
    return f'<select id="language" aria-label="{label}" title="{label}" data-language="{words("code")}">{each}</select>'


class Language:
    """The handler. `said` is what components say, with marks in the place of sentences."""

    def __init__(self, events: "Events", words: Words, blocks: Iterable[Block]) -> None:
        self.events, self.page, self.words = events, events.page, words
        found = {block: _marked(block.get_config()) for block in blocks}
        self.said: dict[Any, Mapping[str, Any]] = {block: marked for block, marked in found.items() if marked}

    def choose(self, session: Session, event: gr.EventData) -> Any:
        """All that the page says in another language; a run that goes on says its next sentence in it."""
        if (language := event.language) not in LANGUAGES:
            return gr.skip()
        choose(language)
        updates: dict[Any, Any] = {part: gr.update(**self.words.filled(said, language)) for part, said in self.said.items()}
        return updates | self._of_now(session)

    def _of_now(self, session: Session) -> dict[Any, Any]:
        """What is not as it was when the page was built."""
        events, page = self.events, self.page
        updates = {page.preset_note: events.preset_of(session)[page.preset_note]}
        if session.dials:
            return updates | {page.status: gr.skip(), page.paint: gr.skip()}
        if not (canvas := session.kept()):
            return updates | {page.status: events.said(self.words("status.ready"))}
        again = events.shown_again(session, canvas, "status.back")
        return updates | {part: again[part] for part in (page.status, page.plot, page.paint) if part in again}


def _marked(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Those that say something."""
    return {name: value for name, value in properties.items() if name not in MADE_ONCE and _says(value)}


def _says(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_says, value.values()))
    return any(map(_says, value)) if isinstance(value, list | tuple) else isinstance(value, str) and bool(MARK.search(value))


def open_room(blocks: gr.Blocks, events: "Events", words: Words) -> None:
    """Connect the choice; to be called inside `blocks`, when all else is there."""
    page, language = events.page, Language(events, words, blocks.blocks.values())
    live: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    out = [*language.said, page.preset_note, page.status, page.plot, page.paint]
    page.masthead.spoken(language.choose, page.session, list(dict.fromkeys(out)), **live)
