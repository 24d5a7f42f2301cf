"""The lesson: ten stops through the page, each with a text, a formula, one button on the visitor's own pictures, and a question.

lesson.js opens and closes it, goes from stop to stop, and presses for the visitor what the page has already; lesson.css lights
up the part of the page that a stop is about, and prints the worksheet. A link opens a stop, `?lesson=5`, and hides the rest of
the page, `&only=lesson`.
"""

import functools
from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from stylekit.recipe import STYLE_LAYERS, Recipe
from stylekit.studio.run import Studio, Words
from stylekit.studio.session import Session
from stylekit.ui.events import AT_ONCE, Events, Updates
from stylekit.ui.layout import Page

PAINT = "paint"
"""Begin anew, with the stop's settings."""

TURN = "turn"
"""Turn what is painted; if nothing is, begin first."""

BALANCED = {
    **{name: getattr(Recipe(), name) for name in ("content_weight", "style_weight", "tv_weight", "init")},
    **{f"layer_weights.{layer}": 1.0 for layer in STYLE_LAYERS},
    "edge_weight": 0.0,  # so that the formulas say all
}

DEEPEST = {f"layer_weights.{layer}": float(layer in STYLE_LAYERS[-2:]) for layer in STYLE_LAYERS}


class Stop(NamedTuple):
    """Of the lesson; its words begin with lesson. and its name."""

    name: str
    does: str
    """PAINT, TURN, or what its button presses, as a CSS selector"""
    settings: Mapping[str, Any] = {}
    """that its button puts before"""
    room: str = ""
    """of the tab Inside, where that is"""
    formula: str = ""
    """LaTeX, the same in every language"""


CONTENT = r"\text{content} = \frac{\lVert F - F_c \rVert^2}{\lVert F_c - \overline{F_c} \rVert^2}"
GRAM = r"G = \tfrac{1}{M}\, F F^\top"
TOTAL = (
    r"\text{total} = \alpha \cdot \text{content} + \beta \cdot \tfrac{1}{L} \sum_{\ell=1}^{L} w_\ell \cdot \text{style}_\ell"
    r" + \lambda \cdot \text{tv}"
)
TV = r"\text{TV}(x) = \text{mean}\,(x_{i+1,j} - x_{i,j})^2 + \text{mean}\,(x_{i,j+1} - x_{i,j})^2"

STOPS = (
    Stop("photo", PAINT, BALANCED | {"style_weight": 0, "init": "noise"}),
    Stop("artwork", PAINT, BALANCED | {"content_weight": 0, "init": "noise"}),
    Stop("content", "#inside-gram-shuffle", room="gram", formula=CONTENT),
    Stop("layer", "#inside-layers-show", room="layers"),
    Stop("gram", "#inside-gram-show", room="gram", formula=GRAM),
    Stop("total", PAINT, BALANCED, formula=TOTAL),
    Stop("sliders", TURN, BALANCED | {"style_weight": 50}),
    Stop("tv", TURN, BALANCED | {"tv_weight": 1}, formula=TV),
    Stop("layers", PAINT, BALANCED | DEEPEST),
    Stop("pulls", "#inside-pulls-show", room="pulls"),
)
"""In their order."""

ROOM_OF_INSIDE, EASEL = "inside", "canvas"
"""The tabs of the easel in which something is done, by their ids."""


class Lesson:
    """The handlers. `rooms` are the tabs of Inside."""

    def __init__(self, page: Page, events: Events, rooms: gr.Tabs) -> None:
        self.page, self.events, self.rooms = page, events, rooms

    def do(self, stop: Stop, session: Session) -> Updates:
        """Put what a stop needs, and open the tab in which it is seen."""
        updates = self.events.put(session, stop.settings) if stop.settings else {}
        updates[self.page.views] = gr.Tabs(selected=ROOM_OF_INSIDE if stop.room else EASEL)
        return updates | ({self.rooms: gr.Tabs(selected=stop.room)} if stop.room else {})

    def wire(self, stop: Stop, button: gr.Button) -> None:
        """Connect a stop's button; to be called inside gr.Blocks."""
        page, controls = self.page, list(self.page.controls.values())
        js = f"async (session) => (await stylekitBefore('{stop.does}'), session)"
        out = [*controls, page.views, self.rooms]
        done = button.click(functools.partial(self.do, stop), page.session, out, js=js, **AT_ONCE)
        done = done.then(self.events.turn, [page.session, *controls], page.settle, **AT_ONCE)
        done.then(None, None, None, js=f"() => stylekitAfter('{stop.does}')")


def open_room(page: Page, studio: Studio, events: Events, rooms: gr.Tabs) -> None:
    """Put the lesson below the head of the page, and connect it; to be called inside gr.Blocks."""
    words, lesson = studio.words, Lesson(page, events, rooms)
    with page.lesson:
        for number, stop in enumerate(STOPS, 1):
            with gr.Column(elem_classes="stop", elem_id=f"lesson-{stop.name}", min_width=0):
                gr.Markdown(_text(number, stop, words), latex_delimiters=[{"left": "$$", "right": "$$", "display": True}])
                asked, answer = escape(words(f"lesson.{stop.name}.ask")), escape(words(f"lesson.{stop.name}.answer"))
                said = f"<summary>{escape(words('lesson.answer'))}</summary><p>{answer}</p>"
                gr.HTML(f'<p class="ask">{asked}</p><details>{said}</details>', padding=False)
                button = gr.Button(
                    words(f"lesson.{stop.name}.do"), variant="primary", size="md", elem_id=f"lesson-do-{stop.name}"
                )
                lesson.wire(stop, button)
        gr.HTML(_ways(words), padding=False, elem_id="lesson-ways")


def _text(number: int, stop: Stop, words: Words) -> str:
    place = words("lesson.of", number=number, count=len(STOPS))
    text = f"## {words(f'lesson.{stop.name}.title')} <small>{place}</small>\n\n{words(f'lesson.{stop.name}.text')}"
    return f"{text}\n\n$$ {stop.formula} $$" if stop.formula else text


def _ways(words: Words) -> str:
    """The buttons that lead on, and what only the worksheet says."""
    ways = {"back": words("lesson.back"), "next": words("lesson.next"), "leave": words("lesson.leave")}
    ways["sheet"] = words("lesson.sheet")
    buttons = "".join(f'<button type="button" data-way="{way}">{escape(label)}</button>' for way, label in ways.items())
    sheet = f"<h1>{escape(words('lesson.title'))}</h1><p>{escape(words('lesson.sheet.name'))}</p>"
    return f'{buttons}<div class="sheet">{sheet}<p>{escape(words("lesson.sheet.hint"))}</p></div>'
