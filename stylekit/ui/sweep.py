"""The tab Sweep: two settings varied, small, in one press; a cell's settings are taken by a click."""

import base64
import io
import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing
from html import escape
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from stylekit.errors import RecipeError, StylekitError
from stylekit.recipe import STYLE_LAYERS, Recipe
from stylekit.studio import sweep
from stylekit.studio.run import Order, Studio, View, Words
from stylekit.studio.session import Session
from stylekit.studio.sweep import Shown
from stylekit.sweep import Axis, around
from stylekit.ui.events import AT_ONCE, GO_ON, Events, alert
from stylekit.ui.layout import Page, nested, status
from stylekit.ui.listening import Listener

ROWS, COLUMNS, NOTHING = "style_weight", "relu5_1", ""
"""What is varied at first; and the choice of no columns."""

CLICK = """element.addEventListener("click", event => {
  const cell = event.target.closest("[data-row]");
  if (cell) trigger("click", { row: +cell.dataset.row, column: +cell.dataset.column });
});"""
"""JavaScript: a click on a cell says which."""


class Board(NamedTuple):
    """What a board was painted of."""

    rows: Axis
    columns: Axis | None
    order: Order
    shown: Sequence[Shown]
    """as far as it is painted"""
    chosen: tuple[int, ...] = ()
    """row and column of the cell that was clicked last"""


def open_room(page: Page, studio: Studio, waiting: int) -> None:
    """Put the tab on the easel, and connect it; to be called inside gr.Blocks."""
    words = studio.words
    with page.views, gr.Tab(words("sweep")), gr.Column(elem_id="sweep"):
        gr.HTML(escape(words("sweep.hint")), elem_classes="note", padding=False)
        rows = _axis("rows", ROWS, words)
        columns = _axis("columns", COLUMNS, words)
        with gr.Row():
            press = gr.Button(words("sweep.press"), size="md", elem_id="sweep-press", min_width=110)
            stop = gr.Button(words("stop"), size="md", visible=False, elem_id="sweep-stop", min_width=110)
            large = gr.Button(words("sweep.large"), size="md", visible=False, elem_id="sweep-large", min_width=110)
        board = gr.HTML("", padding=False, elem_id="sweep-board", js_on_load=CLICK)
        of = gr.State(None)
    handlers = Sweep(page, studio, Events(page, studio), of)
    asked, controls = [*page.pictures, *page.controls.values()], list(page.controls.values())
    for axis in (rows, columns):
        axis[0].input(handlers.suggest, [axis[0], *controls], axis[1], **AT_ONCE)
    begun = press.click(lambda: [gr.update(visible=False), gr.update(visible=True)], None, [press, stop], **AT_ONCE)
    painting = begun.then(
        handlers.paint,
        [*rows, *columns, *asked],
        [board, of],
        show_progress="hidden",
        concurrency_limit=waiting,  # our own line decides who paints
        concurrency_id="paint",
        api_visibility="private",
    )
    painting.then(_idle, None, [press, stop], **AT_ONCE)
    stop.click(_idle, None, [press, stop], cancels=painting, **AT_ONCE)
    taken = board.click(handlers.take, [page.session, of, *asked], [*page.settings, of], **AT_ONCE)
    taken.then(handlers.events.turn, [page.session, *controls], page.settle, **AT_ONCE)
    taken.then(lambda: gr.update(visible=True), None, large, **AT_ONCE)
    put_up = large.click(handlers.put_up, [page.session, of, page.content], [*page.shown, page.goes_on], **AT_ONCE)
    put_up.then(None, page.goes_on, None, js=GO_ON)


def _idle() -> list[Any]:
    """The buttons when nothing is painted."""
    return [gr.update(visible=True), gr.update(visible=False)]


def _axis(kind: str, first: str, words: Words) -> list[Any]:
    """What is varied, and the values that it is given."""
    choices = [(label(name, words), name) for name in sweep.names()]
    choices = [(words("sweep.nothing"), NOTHING), *choices] if kind == "columns" else choices
    said = {"rows": words("sweep.rows"), "columns": words("sweep.columns")}
    with gr.Row():
        name = gr.Dropdown(choices, value=first, label=said[kind], elem_id=f"sweep-{kind}", min_width=110)
        value = _written(around(first, Recipe()))
        values = gr.Textbox(value, label=words("sweep.values"), max_lines=1, elem_id=f"sweep-{kind}-values", min_width=110)
    return [name, values]


def label(name: str, words: Words) -> str:
    """What a setting is called on the page."""
    setting, _, part = name.partition(".")
    if name in STYLE_LAYERS:
        return f"{words(f'label.{name}')} · {name}"
    return words(f"part.{setting}", part=part) if part else words(f"label.{setting}")


def _written(axis: Axis) -> str:
    """The values as one writes them."""
    return ", ".join(f"{v:g}" if isinstance(v, float) else str(v).lower() for v in axis.values)


class Sweep:
    """The handlers of the tab."""

    def __init__(self, page: Page, studio: Studio, events: Events, of: gr.State) -> None:
        self.page, self.studio, self.events, self.words, self.of = page, studio, events, studio.words, of

    def suggest(self, name: str, *values: Any) -> str:
        """Values around those on the page."""
        if name == NOTHING:
            return ""
        try:
            recipe = Recipe(**nested(dict(zip(self.page.controls, values, strict=True))))
        except RecipeError:  # then Paint will say it
            recipe = Recipe()
        return _written(around(name, recipe))

    def paint(self, rows: str, down: str, columns: str, across: str, *values: Any) -> Iterator[Any]:
        """The board as it fills, and what it is of."""
        try:
            varied = Axis.of(f"{rows}={down}"), Axis.of(f"{columns}={across}") if columns else None
            of = Board(*varied, self.events.order(values, resume=False), ())
            with closing(sweep.board(self.studio, of.order, *varied, Listener())) as views:
                for shown in views:
                    of = of._replace(shown=[each for each in shown if each.finished])
                    yield drawn(of, shown, self.words), of
        except StylekitError as error:
            yield alert(error), None

    def take(self, event: gr.EventData, session: Session, of: Board | None, *values: Any) -> Any:
        """The settings of the cell that was clicked; all others stay as they are on the page."""
        if of is None:
            return gr.skip()
        chosen = [(of.rows, event.row), *([(of.columns, event.column)] if of.columns else [])]
        try:
            order = self.events.order(values, resume=False)
            recipe = order.recipe
            for axis, number in chosen:
                recipe = axis.applied(recipe, axis.values[number])
            updates = self.events.restored(session, recipe, "", order.letters)
        except (StylekitError, IndexError, TypeError) as error:
            said = str(error) if isinstance(error, StylekitError) else self.words("error.unexpected")
            return {self.page.status: status(View("refused", "", error=said))}
        settings = ", ".join(
            f"{label(axis.name, self.words)} {_written(Axis(axis.name, (axis.values[n],)))}" for axis, n in chosen
        )
        said = status(View("idle", self.words("sweep.taken", settings=settings)))
        return updates | {self.page.status: said, self.of: of._replace(chosen=(event.row, event.column))}

    def put_up(self, session: Session, of: Board | None, content: str | None) -> Any:
        """The small painting that was clicked last on the easel, to be gone on with at the page's size."""
        page, found = self.page, [each for each in of.shown if (each.cell.row, each.cell.column) == of.chosen] if of else []
        if not of or not found or session.dials:
            return {page.status: status(View("refused", "", error=self.words("wall.running" if found else "error.expired")))}
        if of.order.content != content:
            return {page.status: status(View("refused", "", error=self.words("sweep.other")))}
        try:
            canvas = sweep.put_up(self.studio, of.order, found[0])
        except StylekitError as error:
            return {page.status: status(View("refused", "", error=str(error)))}
        session.keep(canvas)
        session.put_up(canvas)
        return self.events.shown_again(session, canvas, "sweep.put_up") | {page.goes_on: secrets.token_hex(4)}


def drawn(of: Board, shown: Sequence[Shown], words: Words) -> str:
    """The board as HTML: a table of buttons, with empty places for what is still to come."""
    across = of.columns.values if of.columns else (None,)
    count, done = len(of.rows.values) * len(across), sum(each.finished for each in shown)
    there = {(each.cell.row, each.cell.column): each for each in shown}
    aspect = f"{shown[0].picture.shape[1]} / {shown[0].picture.shape[0]}" if shown else "4 / 3"
    head = "".join(f'<th scope="col">{escape(_named(of.columns, n, words))}</th>' for n in range(len(across)))
    rows = []
    for row in range(len(of.rows.values)):
        cells = "".join(f"<td>{_cell(there.get((row, column)), row, column, words)}</td>" for column in range(len(across)))
        rows.append(f'<tr><th scope="row">{escape(_named(of.rows, row, words))}</th>{cells}</tr>')
    said = words("sweep.done" if done == count else "sweep.progress" if shown else "sweep.waiting", number=done + 1, count=count)
    return (
        f'<div class="sweep" style="--aspect: {aspect}"><table><thead><tr><td></td>{head}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><p class="note" role="status">{escape(said)}</p>'
    )


def _named(axis: Axis | None, number: int, words: Words) -> str:
    return f"{label(axis.name, words)} {_written(Axis(axis.name, (axis.values[number],)))}" if axis else ""


def _cell(shown: Shown | None, row: int, column: int, words: Words) -> str:
    if shown is None:
        return '<span class="empty"></span>'
    name = escape(words("sweep.cell", settings=shown.cell.label))
    place = f'data-row="{row}" data-column="{column}"' if shown.finished else "disabled"
    return f'<button type="button" {place} title="{name}"><img alt="{name}" src="{_data(shown.picture)}"></button>'


def _data(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
