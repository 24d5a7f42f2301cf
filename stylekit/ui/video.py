"""The tab Clip: a short clip, or the photo under a moving camera, painted as a film with the settings of the page."""

import base64
import io
from collections.abc import Iterator
from contextlib import closing
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
import numpy as np
from PIL import Image

from stylekit.clip import MOVES
from stylekit.errors import StylekitError
from stylekit.studio import video
from stylekit.studio.run import Studio, Words
from stylekit.studio.session import Session
from stylekit.studio.video import Shown, Wish
from stylekit.ui.components import Dial
from stylekit.ui.events import AT_ONCE, Events, alert
from stylekit.ui.layout import Page
from stylekit.ui.listening import Listener

SECONDS = 2.0
"""Of a film at first."""


def open_room(page: Page, studio: Studio, waiting: int) -> None:
    """Put the tab on the easel, and connect it; to be called inside gr.Blocks."""
    words = studio.words
    with page.views, gr.Tab(words("video")), gr.Column(elem_id="video"):
        gr.HTML(escape(words("video.hint")), elem_classes="note", padding=False)
        asked = _choices(words, studio.limits.max_clip_seconds)
        with gr.Row():
            press = gr.Button(words("video.press"), size="md", elem_id="video-press", min_width=110)
            stop = gr.Button(words("stop"), size="md", visible=False, elem_id="video-stop", min_width=110)
            download = gr.DownloadButton(
                words("film.download"), size="md", visible=False, elem_id="video-download", min_width=110
            )
        shown = gr.HTML("", padding=False, elem_id="video-shown")
    handlers = Painting(page, studio)
    begun = press.click(handlers.begin, page.session, [press, stop, download], **AT_ONCE)
    painting = begun.then(
        handlers.paint,
        [page.session, *asked, *page.pictures, *page.controls.values()],
        [shown, download],
        show_progress="hidden",
        concurrency_limit=waiting,  # our own line decides who paints
        concurrency_id="paint",
        api_visibility="private",
    )
    painting.then(lambda: [gr.update(visible=True), gr.update(visible=False)], None, [press, stop], **AT_ONCE)
    stop.click(handlers.stop, page.session, None, **AT_ONCE)


def _choices(words: Words, longest: float) -> list[Any]:
    """What is painted, and how long and large it is to be."""
    said = (words("video.zoom-in"), words("video.zoom-out"), words("video.pan-left"), words("video.pan-right"))
    moves = list(zip(said, MOVES, strict=True))
    with gr.Row():
        clip = gr.File(file_types=["video"], label=words("video.clip"), elem_id="video-clip", height=130, min_width=140)
        move = gr.Radio(moves, value=MOVES[0], label=words("video.move"), elem_id="video-move", min_width=140)
    shared: dict[str, Any] = {"buttons": [], "elem_classes": "dial"}
    seconds = Dial(0.5, longest, min(SECONDS, longest), step=0.5, label=words("film.seconds"), elem_id="video-seconds", **shared)
    begin = Dial(0, 60, 0, step=0.5, label=words("video.begin"), elem_id="video-begin", **shared)
    sizes = [(words("px", size=size), size) for size in video.SIZES]
    size = gr.Radio(sizes, value=Wish.size, label=words("film.size"), elem_id="video-size")
    return [clip, move, seconds, begin, size]


class Painting:
    """The handlers of the tab."""

    def __init__(self, page: Page, studio: Studio) -> None:
        self.studio, self.words, self.events = studio, studio.words, Events(page, studio)

    def begin(self, session: Session) -> list[Any]:
        """The buttons while it is painted."""
        session.clips_stopping = False
        return [gr.update(visible=False), gr.update(visible=True), gr.update(visible=False)]

    def stop(self, session: Session) -> None:
        """Ask it to end with the next step: the film is of what was painted."""
        session.clips_stopping = True

    def paint(
        self, session: Session, clip: str | None, move: str, seconds: float, begin: float, size: int, *values: Any
    ) -> Iterator[Any]:
        """The pictures as they are painted, then the film."""
        hide, before = gr.update(visible=False), session.clips.made
        listener = Listener()
        try:
            order = self.events.order(values, resume=False)
            wish = Wish(clip, move, seconds, begin if clip else 0.0, size)
            parts = video.paint(self.studio, session.clips, order, wish, lambda: session.clips_stopping or not listener())
            with closing(parts):
                for part in parts:
                    yield self._seen(part), hide
            if (made := session.clips.made) and made != before:
                yield _played(made, self.words), gr.update(visible=True, value=str(made))
            else:
                yield _said(self.words("video.nothing")), hide
        except StylekitError as error:
            yield alert(error), hide

    def _seen(self, shown: Shown) -> str:
        if shown.picture is None:
            return _said(self.words("sweep.waiting"))
        text = self.words("video.progress", number=shown.number, count=shown.of)
        text += f" {self.words('video.left', minutes=max(1, round(shown.left / 60)))}" if shown.left else ""
        return f'<div class="film"><img alt="{escape(text)}" src="{_data(shown.picture)}"></div>{_said(text)}'


def _said(text: str) -> str:
    return f'<p class="note" role="status">{escape(text)}</p>'


def _data(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _played(path: Path, words: Words) -> str:
    """The film as HTML."""
    source, size = f"gradio_api/file={quote(str(path))}", words("film.done", size=path.stat().st_size / 1e6)
    name = escape(words("video.alt"))
    film = f'<video controls autoplay loop muted playsinline aria-label="{name}" src="{source}"></video>'
    return f'<div class="film">{film}</div>{_said(size)}'
