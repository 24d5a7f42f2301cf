"""The tab Film: a time-lapse of the painting on the easel, to be played and downloaded. It is there once there is a painting."""

from collections.abc import Iterator
from contextlib import closing
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from stylekit.errors import StylekitError
from stylekit.film import Film
from stylekit.studio import film
from stylekit.studio.run import Studio, Words
from stylekit.studio.session import Session
from stylekit.ui.components import Dial
from stylekit.ui.events import AT_ONCE, alert
from stylekit.ui.layout import Page

SECONDS = (2, 30, 8)
"""Least and most of a film's length on the page, and what it is at first."""

SIZES = (256, 384, film.LARGEST)
"""Longest sides to choose from, in pixels."""

PERIOD = 0.05
"""Of the film, between two things that are said while it is written."""


def open_room(page: Page, studio: Studio, waiting: int) -> None:
    """Put the tab on the easel, and connect it; to be called inside gr.Blocks."""
    words = studio.words
    with page.views, gr.Tab(words("film"), visible=False, id="film") as tab, gr.Column(elem_id="film"):
        gr.HTML(escape(words("film.hint")), elem_classes="note", padding=False)
        asked = _choices(words)
        with gr.Row():
            press = gr.Button(words("film.press"), size="md", elem_id="film-press", min_width=110)
            download = gr.DownloadButton(words("film.download"), size="md", visible=False, elem_id="film-download", min_width=110)
        shown = gr.HTML("", padding=False, elem_id="film-shown")
    handlers = Making(studio)
    press.click(
        handlers.make,
        [page.session, *asked],
        [shown, download],
        show_progress="hidden",
        concurrency_limit=waiting,
        concurrency_id="film",
        api_visibility="private",
    )
    page.compare.change(handlers.painted, page.session, [tab, shown, download], **AT_ONCE)


def _choices(words: Words) -> list[Any]:
    """What a film may be: its length, size, format, and what is added."""
    least, most, first = SECONDS
    seconds = Dial(
        least, most, first, step=1, label=words("film.seconds"), buttons=[], elem_id="film-seconds", elem_classes="dial"
    )
    with gr.Row():
        sizes = [(words("px", size=size), size) for size in SIZES]
        size = gr.Radio(sizes, value=SIZES[-1], label=words("film.size"), elem_id="film-size", min_width=110)
        formats = [(words("film.mp4"), ".mp4"), (words("film.webp"), ".webp")]
        kind = gr.Radio(formats, value=".mp4", label=words("film.format"), elem_id="film-format", min_width=110)
    with gr.Row():
        sliders = gr.Checkbox(False, label=words("film.sliders"), elem_id="film-sliders", min_width=110)
        loop = gr.Checkbox(False, label=words("film.loop"), elem_id="film-loop", min_width=110)
    return [seconds, size, kind, sliders, loop]


class Making:
    """The handlers of the tab."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.words = studio, studio.words

    def painted(self, session: Session) -> list[Any]:
        """There is another painting on the easel: a film of it may be made, and the one before is gone from the page."""
        canvas = session.kept()
        there = canvas is not None and session.films.of(canvas.path) is not None
        return [gr.update(visible=there), "", gr.update(visible=False)]

    def make(self, session: Session, seconds: float, size: int, suffix: str, sliders: bool, loop: bool) -> Iterator[Any]:
        """Write it, and show it."""
        hide = gr.update(visible=False)
        try:
            canvas = session.kept()
            if canvas is None:
                yield said(self.words("film.nothing")), hide
                return
            asked = Film(seconds, size=min(size, max(canvas.size, 32)), sliders=sliders, loop=loop)
            parts = film.make(session.films, canvas.path, canvas.before, asked, suffix, self.studio.folder, self.words)
            yield said(self.words("film.progress", share=0)), hide
            told = 0.0
            with closing(parts):
                for part in parts:
                    if part - told >= PERIOD:
                        told = part
                        yield said(self.words("film.progress", share=round(100 * part))), gr.skip()
            if session.films.made:
                yield played(session.films.made, loop, self.words), gr.update(visible=True, value=str(session.films.made))
        except StylekitError as error:
            yield alert(error), hide


def said(text: str) -> str:
    """A sentence as HTML."""
    return f'<p class="note" role="status">{escape(text)}</p>'


def played(path: Path, loop: bool, words: Words) -> str:
    """A film as HTML; of one that is no loop, the visitor sees the painting at its end."""
    source, size = f"gradio_api/file={quote(str(path))}", words("film.done", size=path.stat().st_size / 1e6)
    name = escape(words("film.alt"))
    if path.suffix == ".webp":
        return f'<div class="film"><img alt="{name}" src="{source}"></div>{said(size)}'
    again = " loop" if loop else ""
    return (
        f'<div class="film"><video controls autoplay muted playsinline{again} aria-label="{name}" src="{source}"></video></div>'
        f"{said(size)}"
    )
