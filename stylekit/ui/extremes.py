"""Little and much: two small pictures of the visitor's own pair for a slider, painted with little and with much of it.

Late in a run a single layer's slider hardly shows what it does; these do. The button for it comes up beside a slider that is
pointed at or reached by keyboard (extremes.js), and the pictures are kept until the settings or the pictures are others.
"""

import base64
import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from stylekit.errors import StylekitError
from stylekit.recipe import STYLE_LAYERS
from stylekit.studio import sweep
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.sweep import Axis
from stylekit.ui.events import Events, alert
from stylekit.ui.layout import Page, label_of
from stylekit.ui.listening import Listener

VALUES: dict[str, tuple[float, float]] = {
    "content_weight": (0.2, 5.0),
    "style_weight": (1.0, 50.0),
    "tv_weight": (0.0, 1.0),
    **dict.fromkeys(STYLE_LAYERS, (0.0, 3.0)),
}
"""{slider: (little, much)}"""

SIZE, STEPS = 96, 60
"""Of each picture: about a second on two cores."""


class Extremes:
    """The handlers."""

    def __init__(self, events: Events, studio: Studio) -> None:
        self.events, self.studio, self.words = events, studio, studio.words

    def show(self, session: Session, event: gr.EventData, *values: Any) -> Iterator[Any]:
        """Both pictures of the slider that was asked for, as they form, until another one is asked for."""
        name, listener = event.name, Listener()
        if name not in VALUES:
            return
        session.extremes_asked = asked = session.extremes_asked + 1

        def heard() -> bool:
            return asked == session.extremes_asked and listener()

        try:
            order = self.events.order(values, resume=False)
            order = replace(order, recipe=replace(order.recipe, size=SIZE, steps=STEPS))
            if kept := session.extremes.get(key := _key(name, order)):
                yield kept
                return
            with closing(sweep.board(self.studio, order, Axis(name, VALUES[name]), None, heard)) as boards:
                for shown in boards:
                    if not heard():
                        break
                    yield (pair := self.pair(name, shown))
            if not heard():
                yield gr.skip()  # or gradio would send these pictures once more, in the place of the other slider's
            elif _whole(shown):
                session.extremes[key] = pair
                while len(session.extremes) > 2 * len(VALUES):
                    session.extremes.pop(next(iter(session.extremes)))
        except StylekitError as error:
            yield alert(error)

    def pair(self, name: str, shown: list[sweep.Shown]) -> str:
        """What is there of both, side by side."""
        label = label_of(f"layer_weights.{name}" if name in STYLE_LAYERS else name, self.words)
        figures = []
        for number, value in enumerate(VALUES[name]):
            caption = escape(self.words("extremes.value", setting=label, value=f"{value:g}"))
            picture = _img(shown[number].picture, caption) if number < len(shown) else '<span class="empty"></span>'
            figures.append(f"<figure>{picture}<figcaption>{caption}</figcaption></figure>")
        busy = str(not _whole(shown)).lower()
        return f'<div class="pair" data-of="{name}" role="status" aria-busy="{busy}">{"".join(figures)}</div>'


def _whole(shown: list[sweep.Shown]) -> bool:
    """Whether both are finished."""
    return len(shown) == 2 and all(each.finished for each in shown)


def _key(name: str, order: Order) -> str:
    """All that both pictures depend on."""
    recipe = Axis(name, VALUES[name]).applied(order.recipe, VALUES[name][0])
    return f"{name} {order.content} {order.styles} {order.palette} {order.start} {order.drawings} {recipe.to_json()}"


def _img(picture: np.ndarray, alt: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return f'<img alt="{alt}" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def open_room(page: Page, studio: Studio, events: Events, waiting: int) -> None:
    """Put what is shown below the settings, from where extremes.js takes it to its slider; to be called inside gr.Blocks."""
    label = escape(studio.words("extremes"))
    with page.dials:
        gr.HTML(f'<i id="extremes-words" data-label="{label}" data-names="{" ".join(VALUES)}" hidden></i>', padding=False)
        js = "stylekitExtremes(element, (name) => trigger('asked', { name }))"
        shown = gr.HTML("", padding=False, elem_id="extremes", js_on_load=js)
    asked = [page.session, *page.pictures, *page.controls.values()]
    slow = {
        "concurrency_limit": waiting,
        "concurrency_id": "paint",
        "trigger_mode": "multiple",
    }  # our own line decides who paints
    shown.asked(Extremes(events, studio).show, asked, shown, show_progress="hidden", api_visibility="private", **slow)
