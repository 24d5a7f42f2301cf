"""“Why does it look like this?”: the studio's guesses, each a sentence and a button that does the remedy. A part of Inside."""

import functools
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

from stylekit.errors import StylekitError
from stylekit.studio.advice import Advice, advice, facts_of
from stylekit.studio.run import Studio, View, Words
from stylekit.studio.session import Session
from stylekit.ui.events import AT_ONCE, Events, Updates, alert
from stylekit.ui.layout import Page, label_of, status

MOST = 3
"""Guesses that are shown: the surest."""


class Advices:
    """The handlers."""

    def __init__(self, page: Page, studio: Studio) -> None:
        self.page, self.studio, self.words, self.events = page, studio, studio.words, Events(page, studio)
        self.said = gr.HTML("", padding=False, elem_id="advice-said")
        self.remedies = [gr.Button(visible=False, size="md", elem_id=f"advice-{n}") for n in range(MOST)]

    def ask(self, session: Session, *values: Any) -> Updates:
        """Look for the cause."""
        try:
            order = self.events.order(values, resume=False)
            found = advice(facts_of(self.studio.limits, session, order))[:MOST]
        except StylekitError as error:
            return {self.said: alert(error)} | self._offered(session, [])
        sentences = [self.words(each.key, **each.values) for each in found]
        said = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
        text = f"{escape(self.words('advice.found'))}<ol>{said}</ol>" if found else escape(self.words("advice.nothing"))
        return {self.said: f'<div class="note" role="status">{text}</div>'} | self._offered(session, found)

    def _offered(self, session: Session, found: list[Advice]) -> Updates:
        session.advice = found
        shown: Updates = {button: gr.update(visible=False) for button in self.remedies}
        for button, each in zip(self.remedies, found, strict=False):
            shown[button] = gr.update(visible=True, value=remedy(each.remedy, self.words))
        return shown

    def help(self, number: int, session: Session) -> Updates:
        """Carry out the remedy of one guess."""
        if number >= len(session.advice):
            return {}
        settings = session.advice[number].remedy
        said = self.words("advice.done", settings=_named(settings, self.words))
        self._let_go(session, settings)
        return self.events.put(session, settings) | {self.page.status: status(View("idle", said))}

    def _let_go(self, session: Session, settings: Mapping[str, Any]) -> None:
        """The guess is carried out; the others may not be true any more."""
        session.advice = [each for each in session.advice if each.remedy.keys() != settings.keys()]

    def wire(self, button: gr.Button) -> None:
        """Connect; to be called inside gr.Blocks."""
        page, controls = self.page, list(self.page.controls.values())
        button.click(self.ask, [page.session, *page.pictures, *controls], [self.said, *self.remedies], **AT_ONCE)
        for number, remedied in enumerate(self.remedies):
            done = remedied.click(functools.partial(self.help, number), page.session, [*controls, page.status], **AT_ONCE)
            done.then(self.events.turn, [page.session, *controls], page.settle, **AT_ONCE)
            done.then(lambda: gr.update(visible=False), None, remedied, **AT_ONCE)


def remedy(settings: Mapping[str, Any], words: Words) -> str:
    """What a remedy's button says."""
    name, value = next(iter(settings.items()))
    return words("advice.set", setting=label_of(name, words), value=_shown(value))


def _named(settings: Mapping[str, Any], words: Words) -> str:
    return ", ".join(f"{label_of(name, words)} {_shown(value)}" for name, value in settings.items())


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def place(page: Page, studio: Studio) -> None:
    """Put the button on the page and connect it; to be called inside a gr.Tab."""
    button = gr.Button(studio.words("advice"), size="md", elem_id="advice")
    Advices(page, studio).wire(button)
