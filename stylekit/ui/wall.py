"""The wall's part of the page: pinned pictures on a tab of their own, which is there once something hangs on it.

The browser keeps the wall's key (wall.js) and sends it along with each request; the session does not know it. So two tabs have
one wall, and a page that stayed open finds it after a restart of the studio. Files are fetched by a form, because an address
that has the key in it would stand in logs.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from stylekit.errors import StylekitError, WorldError
from stylekit.studio.session import Session
from stylekit.studio.timeline import Moment, Sources
from stylekit.studio.wall import Painted, Pin, Wall, Walls
from stylekit.ui import compare
from stylekit.ui.card import TO_THE_CARD, CardEvents
from stylekit.ui.words import Words, asked_for, sentences

if TYPE_CHECKING:
    from stylekit.ui.events import Events

LONGEST_FORM = 1000
"""Bytes of a form that asks for a file."""

KEY = "(session, key) => [session, stylekitWallKey({make})]"
"""JavaScript that adds the browser's key to an event; with `make`, a new one if there is none yet."""


@dataclass
class WallPart:
    """The components."""

    tab: gr.Tab
    pins: gr.HTML
    key: gr.Textbox
    """never seen: carries the key from the browser"""


def place(words: Words) -> WallPart:
    """Put the tab among the views; to be called inside their gr.Tabs."""
    with gr.Tab(words("wall"), visible=False) as tab:
        hang = 'stylekitHang(element, trigger, ["compare", "card"])'  # gradio looks for the names of our own events here
        pins = gr.HTML("", elem_id="wall", padding=False, js_on_load=hang, apply_default_css=False)
        key = gr.Textbox(visible=False)
    return WallPart(tab, pins, key)


class WallEvents:
    """The handlers."""

    def __init__(self, events: "Events") -> None:
        self.events, self.page, self.studio, self.words = events, events.page, events.studio, events.words

    @property
    def walls(self) -> Walls:
        """All visitors'."""
        return self.studio.walls

    def show(self, key: str) -> Any:
        """The wall of whoever arrives."""
        wall = self.walls.of(key)
        return self._shown(wall) if wall and wall.pins() else gr.skip()

    def pin(self, session: Session, key: str) -> Any:
        """Pin what is on the easel."""
        return self.hang(session.kept(), key)

    def hang(self, painted: Painted | None, key: str) -> Any:
        """Pin a painting, and say so."""
        wall = self.walls.of(key)
        if wall is None:
            return self._said("wall.no_key")
        if painted is None:
            return self._said("error.expired")
        before = len(wall.pins())
        try:
            wall.pin(painted, label_of(painted.sources))
        except WorldError as error:
            return {self.page.status: self.events.said("", str(error))}
        key = "wall.pinned" if len(wall.pins()) > before else "wall.there"
        return self._shown(wall) | self._said(key)

    def remove(self, event: gr.EventData) -> Any:
        """Take one picture down."""
        if not (wall := self.walls.of(event.key)):
            return gr.skip()
        wall.remove(event.pin)
        return self._shown(wall) | ({} if wall.pins() else self._said("wall.cleared"))

    def clear(self, event: gr.EventData) -> Any:
        """Take all down."""
        if not (wall := self.walls.of(event.key)):
            return gr.skip()
        wall.clear()
        return self._shown(wall) | self._said("wall.cleared")

    def open(self, session: Session, event: gr.EventData) -> Any:
        """Bring back a pinned picture with its settings, keyframes, pictures and masks."""
        wall = self.walls.of(event.key)
        if session.dials:
            return self._said("wall.running")
        if not (pin := wall.find(event.pin) if wall else None):
            return (self._shown(wall) if wall else {}) | self._said("wall.gone")
        try:
            return self._opened(session, pin)
        except (StylekitError, OSError) as error:
            text = str(error) if isinstance(error, StylekitError) else self.words("error.not_kept")
            return {self.page.status: self.events.said("", text)}

    def compare(self, session: Session, event: gr.EventData) -> Any:
        """Put a pinned picture on the timeline, and beside what is on the easel; the easel and the settings stay."""
        if (moment := self._moment(session, event)) is None:
            return self._said("wall.gone")
        branch = session.timeline.branch_of(moment)
        assert branch
        right = {"right": f"{branch.number}:{moment.step}"}
        return {self.page.compare: compare.drawn(session.kept() or moment) | right} | self.events.strip_of(session)

    def card(self, session: Session, event: gr.EventData, request: gr.Request) -> Any:
        """The card of a pinned picture."""
        moment = self._moment(session, event)
        return CardEvents(self.events).of(moment, request) if moment else self._said("wall.gone")

    def _moment(self, session: Session, event: gr.EventData) -> Moment | None:
        """A pinned picture on the timeline; None for one that is gone, or was kept without its photo."""
        wall = self.walls.of(event.key)
        if not (pin := wall.find(event.pin) if wall else None):
            return None
        moment = session.hung.get(pin.name)
        if moment is None or session.timeline.branch_of(moment) is None or not moment.path.is_file():
            try:
                _, moment = self.studio.brought_back(pin)
            except (StylekitError, OSError):
                return None
            if moment:
                session.timeline.adopt(moment)
                session.timeline.tidy(session.canvas)
                session.hung[pin.name] = moment
        return moment if session.timeline.branch_of(moment) else None

    def _opened(self, session: Session, pin: Pin) -> Any:
        pictures, canvas = self.studio.brought_back(pin)
        drawings, page = pin.sources.drawings, self.page
        session.drawn = drawings.on_each if drawings else {}
        session.arriving = set(session.drawn)
        updates: Any = {page.softness: drawings.softness} if drawings else {}
        if canvas:
            session.keep(canvas)
            session.put_up(canvas)
            updates |= self.events.shown_again(session, canvas, "status.pinned")
        else:
            session.canvas = None
            updates |= {page.canvas: self.studio.copied(pin.path), page.resume: gr.update(visible=False)}
        places = [place for place in page.files if place.startswith("style")]
        artworks = tuple(number for number, place in enumerate(places) if place in pictures)
        updates |= self.events.restored(session, pin.recipe, pin.label, artworks)
        return updates | {picture: pictures.get(place) for place, picture in page.files.items()}

    def _shown(self, wall: Wall) -> Any:
        pins = wall.pins()
        part = self.page.wall
        html = drawn(pins, self.walls.hours, self.words) if pins else ""
        label = self.words("wall.count", count=len(pins)) if pins else self.words("wall")
        return {part.pins: html, part.tab: gr.update(visible=bool(pins), label=label)}

    def _said(self, key: str) -> Any:
        return {self.page.status: self.events.said(self.words(key))}


def label_of(sources: Sources) -> str:
    """What a painting was made of, in short."""
    names = [Path(path).stem for place, path in sources.pictures.items() if place not in ("palette", "start")]
    return " · ".join(name[:40] for name in names) or "stylekit"


def drawn(pins: list[Pin], hours: int, words: Callable[..., str]) -> str:
    """The wall as HTML."""
    hint = words("wall.hint.days", count=hours // 24) if hours >= 48 else words("wall.hint.hours", count=hours)
    return (
        f'<p class="note">{escape(hint)}</p><ul>{"".join(_drawn(pin, words) for pin in pins)}</ul>'
        f'<div class="all">{_button("save", words("wall.save_all"))}'
        f"{_button('clear', words('wall.clear'), sure=words('wall.clear_sure'))}</div>"
    )


def _drawn(pin: Pin, words: Callable[..., str]) -> str:
    label, step = escape(pin.label), words("wall.step", step=pin.said["step"])
    opens = escape(words("wall.open", label=pin.label))
    saves, removes = escape(words("wall.save", label=pin.label)), escape(words("wall.remove", label=pin.label))
    compares, tells = escape(words("wall.compare", label=pin.label)), escape(words("wall.card", label=pin.label))
    acts = _button("save", "↓", title=saves) + _button("compare", "◧", title=compares) + _button("card", "≡", title=tells)
    acts += _button("delete", "×", title=removes, sure=words("wall.sure"))
    return (
        f'<li data-pin="{pin.name}"><button type="button" class="open" data-do="select" title="{opens}">'
        f'<img src="{_inline(pin)}" alt="{opens}"><span>{label}</span><span class="step">{step}</span></button>'
        f'<span class="acts">{acts}</span></li>'
    )


def _button(what: str, text: str, title: str = "", sure: str = "") -> str:
    """One that wall.js obeys; where `sure` is, it asks so before it does."""
    more = f' title="{title}" aria-label="{title}"' if title else ""
    more += f' data-sure="{escape(sure)}"' if sure else ""
    return f'<button type="button" data-do="{what}"{more}>{escape(text)}</button>'


def _inline(pin: Pin) -> str:
    """The thumbnail as a data URL: no address leads to it."""
    try:
        return "data:image/webp;base64," + base64.b64encode(pin.thumbnail.read_bytes()).decode()
    except OSError:
        return ""


class Downloads:
    """ASGI middleware: POST /wall with the form fields key and pin gives a pinned picture; without pin all of them, as zip."""

    def __init__(self, app: ASGIApp, walls: Walls) -> None:
        self.app, self.walls = app, walls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Only this path is answered here."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != "/wall":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        words = sentences(asked_for(request.headers))
        if int(request.headers.get("content-length") or LONGEST_FORM + 1) > LONGEST_FORM:
            answer: Response = PlainTextResponse(words("wall.gone"), 413)
        else:
            async with request.form(max_files=0, max_fields=2) as form:
                answer = self.answer(form.get("key"), form.get("pin")) or PlainTextResponse(words("wall.gone"), 404)
        await answer(scope, receive, send)

    def answer(self, key: object, name: object) -> Response | None:
        """What is downloaded; None where there is nothing."""
        wall = self.walls.of(key)
        if wall and not name and wall.pins():
            return StreamingResponse(wall.zipped(), headers=_saved_as("stylekit-wall.zip"), media_type="application/zip")
        if wall and (pin := wall.find(name)):
            return FileResponse(pin.path, headers=_saved_as(f"{pin.label}.png"), media_type="image/png")
        return None


def _saved_as(name: str) -> dict[str, str]:
    return {"content-disposition": f"attachment; filename*=utf-8''{quote(name)}", "cache-control": "no-store"}


def open_room(blocks: gr.Blocks, events: "Events") -> None:
    """Connect the wall; to be called inside `blocks`."""
    hung, page, part = WallEvents(events), events.page, events.page.wall
    live: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    own = [part.pins, part.tab, page.status]
    page.pin.click(hung.pin, [page.session, part.key], own, js=KEY.format(make="true"), **live)
    blocks.load(hung.show, part.key, own[:2], js="() => stylekitWallKey(false)", **live)
    part.pins.delete(hung.remove, None, own, **live)
    part.pins.clear(hung.clear, None, own, **live)
    part.pins.compare(hung.compare, page.session, [page.compare, page.strip, page.status], **live)
    carded = part.pins.card(hung.card, page.session, [page.card.panel, page.card.said, page.card.picture, page.status], **live)
    carded.then(None, js=TO_THE_CARD, **live)
    brought = [*page.shown, *own, *page.settings, *page.files.values(), page.softness]
    opened = part.pins.select(hung.open, page.session, list(dict.fromkeys(brought)), **live)
    opened.then(events.turn, [page.session, *page.controls.values()], page.settle, **live)
