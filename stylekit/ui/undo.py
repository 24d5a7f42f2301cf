"""Undo and redo of settings, by buttons and keys; a double click on a slider sets it back. undo.js says when they are seen."""

import functools
import json
from html import escape
from typing import Any

import gradio as gr

from stylekit.studio.run import Studio, View
from stylekit.studio.session import Session
from stylekit.ui.components import Dial
from stylekit.ui.events import AT_ONCE, Events
from stylekit.ui.layout import Page, status


def step(page: Page, events: Events, back: bool, session: Session) -> Any:
    """One change back, or forth again."""
    present = session.settings
    settings = session.changes.undo(present) if back else session.changes.redo(present)
    if settings is None:
        said = events.words("undo.nothing" if back else "redo.nothing")
        return {page.status: gr.skip() if session.dials else status(View("idle", said))}
    moved = {name: value for name, value in settings.items() if present.get(name) != value}
    session.settings = dict(settings)
    return events.set_all(moved) | events.changed(session, session.settings)


def open_room(page: Page, studio: Studio) -> None:
    """Put the buttons beside the settings and connect them; to be called inside gr.Blocks."""
    events, words = Events(page, studio), studio.words
    usual = {control.elem_id: control.value for control in page.controls.values() if isinstance(control, Dial)}
    with page.dials:
        with gr.Row(elem_id="undoing"):
            undo = gr.Button(words("undo"), size="sm", elem_id="undo", min_width=60)
            redo = gr.Button(words("redo"), size="sm", elem_id="redo", min_width=60)
        gr.HTML(f'<i id="usual" data-values="{escape(json.dumps(usual))}" hidden></i>', padding=False)
    controls = list(page.controls.values())
    for button, back in ((undo, True), (redo, False)):
        done = button.click(functools.partial(step, page, events, back), page.session, page.settings, **AT_ONCE)
        done.then(functools.partial(events.turn, key=None), [page.session, *controls], page.settle, **AT_ONCE)
