"""The loop's own file beside a running picture: a room of Inside."""

import re
from html import escape
from typing import Any

import gradio as gr

from stylekit.studio import loop
from stylekit.studio.run import Studio, Words
from stylekit.studio.session import Session
from stylekit.ui.events import AT_ONCE
from stylekit.ui.layout import Page

PERIOD = 1.0
"""Seconds between two answers to who follows a run."""

AT = {
    "step += 1": ("step",),
    "objective = objective_at": ("level", "objective.size"),
    "weights = turn.weights": ("weights",),
    "seconds += ": ("seconds",),
}
"""{what a line has: the names whose values stand beside it}"""


class Loop:
    """The handlers."""

    def __init__(self, words: Words) -> None:
        self.words = words

    def show(self, session: Session) -> str:
        """The lines, with what runs now if something does."""
        found = loop.seen(session) if session.dials else None
        nothing = self.words("loop.elsewhere" if session.dials else "loop.nothing")
        return listing(found, self.words) + ("" if found else f'<p class="note" role="status">{escape(nothing)}</p>')

    def follow(self, session: Session) -> Any:
        """The same for a run that goes on; of no other."""
        return self.show(session) if session.dials else gr.skip()


def listing(seen: loop.Seen | None, words: Words) -> str:
    """The loop's lines as a table: number, looks, the line, and what its names stand for."""
    first, lines = loop.lines()
    most = max(seen.looks.values(), default=1) if seen else 1
    rows = []
    for number, line in enumerate(lines, first):
        count = seen.looks.get(number, 0) if seen else 0
        names = next((names for has, names in AT.items() if has in line), ()) if seen else ()
        values = ", ".join(f"{name}: {seen.names[name]}" for name in names if name in seen.names) if seen else ""
        said = f'<span class="value">{escape(values)}</span>' if values else ""
        share = f'style="--share:{count / most:.2f}"'
        rows.append(
            f'<tr{" class=runs" if count == most and seen else ""} {share}><th scope="row">{number}</th><td>{count or ""}</td>'
            f"<td><code>{_colored(line)}</code>{said}</td></tr>"
        )
    caption = escape(words("loop.caption", first=first, last=first + len(lines) - 1))
    head = f'<tr><th></th><th scope="col">{escape(words("loop.looks"))}</th><th></th></tr>'
    table = f"<table><caption>{caption}</caption><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="loop" tabindex="0" role="group" aria-label="{caption}">{table}</div>'


def _colored(line: str) -> str:
    """Comments in a quieter colour."""
    code, mark, comment = line.partition("  # ")
    spaces = re.match(" *", code)
    indent = len(spaces[0]) if spaces else 0
    text = "&nbsp;" * indent + escape(code.strip())
    return text + (f"<i># {escape(comment)}</i>" if mark else "")


def open_room(page: Page, studio: Studio, rooms: gr.Tabs) -> None:
    """Put the room into Inside, and connect it; to be called inside gr.Blocks."""
    words, handlers = studio.words, Loop(studio.words)
    with rooms, gr.Tab(words("loop"), id="loop"):
        gr.HTML(escape(words("loop.hint", looks=loop.LOOKS)), elem_classes="note", padding=False)
        with gr.Row():
            button = gr.Button(words("loop.show"), size="md", elem_id="loop-show", min_width=110)
            follow = gr.Checkbox(False, label=words("loop.follow"), elem_id="loop-follow", min_width=110)
        shown = gr.HTML("", padding=False, elem_id="loop")
        clock = gr.Timer(PERIOD, active=False)
    button.click(handlers.show, page.session, shown, **AT_ONCE)
    follow.change(lambda on: gr.Timer(active=on), follow, clock, **AT_ONCE)
    clock.tick(handlers.follow, page.session, shown, trigger_mode="once", **AT_ONCE)
