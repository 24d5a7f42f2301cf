"""The strip under the canvas: a visitor's timeline as it is drawn. What happens on it is in timeline.py and timeline.js.

The page has all that a movement along the strip needs: where each moment lies, its losses and weights, and the addresses of its
pictures, which are fetched as files. So looking back asks nothing of the server, which may be painting.
"""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from stylekit.recipe import Weights
from stylekit.studio.session import Session
from stylekit.studio.timeline import Branch, Moment
from stylekit.ui.words import Words

SAID = {
    "label": "timeline.label",
    "branch": "timeline.branch",
    "origin": "timeline.origin",
    "at": "timeline.at",
    "content": "loss.content",
    "style": "loss.style",
    "tv": "loss.tv",
}
"""What timeline.js says, by the keys of words."""

LEFT = {name: f"{{{name}}}" for name in ("number", "step", "size")}
"""Braces that are filled in there."""

SHOWN_LOSSES = ("content", "style", "tv")

BUTTONS = {"paint_on": "timeline.paint_on", "take_settings": "timeline.take_settings", "live": "timeline.live"}
"""Beside a picture that is looked back at: the events that they ask for, but for the last, and what they are called."""

Values = Callable[[Weights], dict[str, Any]]
"""Weights as the values of the page's controls."""


def strip(words: Words) -> gr.HTML:
    """An empty strip, which is not to be seen."""
    return gr.HTML(
        None,
        html_template='<div class="strip" role="group"></div>',
        js_on_load=f"stylekitTimeline(element, props, trigger, watch, {list(BUTTONS)})",
        said={name: words(key, **LEFT) for name, key in SAID.items()},
        padding=False,
        elem_id="timeline",
    )


def looked_at(words: Words) -> gr.HTML:
    """The picture that is looked back at, over the canvas, and what can be done with it."""
    pressed = "".join(f'<button type="button" data-event="{name}">{escape(words(key))}</button>' for name, key in BUTTONS.items())
    download = f"<a download>{escape(words('timeline.download'))}</a>"
    return gr.HTML(
        f'<figure hidden><img alt=""><figcaption><span class="said"></span>{pressed}{download}</figcaption></figure>',
        padding=False,
        elem_id="then",
    )


def address(path: Path) -> str:
    """Where the page finds a file of the studio's folder, relative to itself."""
    return f"gradio_api/file={path}"


def state(session: Session) -> tuple[Any, ...]:
    """Changes when there is something new to draw."""
    branches = tuple((b.number, b.running, b.steps, b.written, len(b.moments)) for b in session.timeline.branches)
    return (*branches, session.canvas.path if session.canvas else None)


def drawn(session: Session, values: Values) -> dict[str, Any]:
    """The timeline for the page: `{span, branches: [{number, origin, steps, running, moments}], weights}`."""
    weights: list[Weights] = []

    def plain(moment: Moment) -> dict[str, Any]:
        if moment.weights not in weights:
            weights.append(moment.weights)
        return {
            "step": moment.step,
            "size": moment.size,
            "path": address(moment.path),
            "thumbnail": address(moment.thumbnail),
            "losses": {name: f"{moment.losses[name]:.2g}" for name in SHOWN_LOSSES if name in moment.losses},
            "weights": weights.index(moment.weights),
        }

    branches = [
        {
            "number": branch.number,
            "origin": [branch.origin.number, branch.origin.step] if branch.origin else None,
            "running": branch.running,
            "current": branch.running or (session.dials is None and session.canvas in branch.moments),
            "moments": [plain(moment) for moment in branch.moments],
        }
        for branch in session.timeline.branches
        if branch.moments
    ]
    return {"span": span(session), "branches": branches, "weights": [values(one) for one in weights]}


def span(session: Session) -> int:
    """The last step of the axis that the strip shares with the losses: of a run that goes on, the last that is to come."""
    return max([1, *(_last(branch) for branch in session.timeline.branches)])


def _last(branch: Branch) -> int:
    return branch.steps if branch.running else branch.moments[-1].step if branch.moments else 0
