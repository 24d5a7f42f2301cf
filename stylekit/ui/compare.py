"""The tab that compares two pictures: the photo and the painting, or any two moments of the timeline. It is drawn by compare.js.

What hangs on the wall is put on the timeline when it is asked for there.
"""

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from stylekit.studio.differences import differences
from stylekit.studio.session import Session
from stylekit.studio.timeline import Moment
from stylekit.ui.strip import address
from stylekit.ui.words import Words, understood

if TYPE_CHECKING:
    from stylekit.ui.layout import Page

TOOLS = {"blink": "compare.blink", "closer": "compare.closer", "farther": "compare.farther"}
"""The buttons, and what they are called."""

SIDES = {"left": "compare.left", "right": "compare.right"}
"""The choosers, and what they are called."""

SAID = {"photo": "photo", "painting": "compare.painting", "at": "timeline.at", "label": "compare.label"}
"""What compare.js says, by the keys of words."""

LEFT = {name: f"{{{name}}}" for name in ("number", "step", "size")}
"""Braces that are filled in there."""

CORNERS = '<svg viewBox="0 0 16 16"><path d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4"/></svg>'
"""The sign of full screen."""

PAIR = "(session, pair) => [session, stylekitPair()]"
"""JavaScript that puts what is compared in the place of the field that is never seen."""


def place(words: Words) -> dict[str, Any]:
    """Two pictures, one up to the other's edge, with nothing in them yet; below, how their recipes differ."""
    tools = "".join(f'<button type="button" data-tool="{name}" data-said="{name}"></button>' for name in TOOLS)
    choosers = "".join(f'<label><span data-said="{side}"></span><select data-side="{side}"></select></label>' for side in SIDES)
    pair = (
        '<div class="pair" role="slider" tabindex="0" aria-valuemin="0" aria-valuemax="100">'
        '<div class="side right"><img alt=""></div><div class="side left"><img alt=""></div><i class="edge"></i></div>'
        f'<button type="button" class="full" aria-label="Fullscreen">{CORNERS}</button>'
    )
    said = " ".join(f'data-{name}="{words(key, **LEFT)}"' for name, key in (SAID | SIDES | TOOLS).items())
    gr.HTML(f'<i id="compare-words" {said} hidden></i>', padding=False)
    compare = gr.HTML(
        None,
        html_template=f'<div id="comparing">{pair}</div><div class="choosers">{choosers}{tools}</div>',
        js_on_load="stylekitCompare(element, props, watch, () => trigger('compared'))",
        padding=False,
        elem_id="compare",
    )
    differ = gr.HTML("", elem_classes="note", elem_id="differences", padding=False)
    return {"compare": compare, "differences": differ, "pair": gr.Textbox(visible=False)}


def drawn(moment: Moment) -> dict[str, Any]:
    """The photo and the painting on the easel, which are compared first."""
    return {"photo": address(moment.before), "painting": address(moment.path)}


def told(session: Session, pair: str, words: Words) -> str:
    """How the recipes of two moments differ; `pair` is `1:100 2:84`, or has "painting" for the easel's. Nothing of a photo."""
    moments = [session.canvas if name == "painting" else session.timeline.named(name) for name in str(pair).split(" ")]
    if len(moments) != 2 or moments[0] is None or moments[1] is None:
        return ""
    changed = [understood(change) for change in differences(moments[0].recipe, moments[1].recipe)]
    return escape(words("compare.differ", changes=", ".join(changed)) if changed else words("compare.same"))


def open_room(page: "Page", words: Words, live: dict[str, Any]) -> None:
    """Connect the tab; `live` is how gradio calls what takes no time. To be called inside gr.Blocks."""
    page.compare.compared(
        lambda session, pair: told(session, pair, words), [page.session, page.pair], page.differences, js=PAIR, **live
    )
