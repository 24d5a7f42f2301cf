"""The card on the page: what painted the picture on the easel as text, as a command line, and as a picture to print or post."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.route_utils import get_root_url
from PIL import Image

from stylekit import card
from stylekit.errors import RecipeError, StylekitError
from stylekit.pictures import to_pil
from stylekit.studio import hosting
from stylekit.studio.address import LONGEST, to_query
from stylekit.studio.run import opened
from stylekit.studio.session import Session
from stylekit.studio.timeline import Moment, Sources
from stylekit.ui.components import ASSETS
from stylekit.ui.guard import name_of
from stylekit.ui.words import Words

if TYPE_CHECKING:
    from stylekit.ui.events import Events

PAINTINGS = ("stylekit.", "plain.")
"""How files of the studio's own begin: as the start of another painting, one has the name of that."""

TO_THE_CARD = "() => document.querySelector('#card')?.scrollIntoView({ behavior: 'smooth', block: 'nearest' })"
"""JavaScript."""

MOST = 1200
"""Pixels of a picture's longest side that a card has room for."""


@dataclass
class CardPart:
    """The components."""

    button: gr.Button
    panel: gr.Column
    said: gr.HTML
    picture: gr.Image


def button(words: Words) -> gr.Button:
    """To be called among the buttons below the canvas."""
    return gr.Button(words("card"), visible=False, elem_id="make-card", min_width=80)


def place(words: Words, pressed: gr.Button) -> CardPart:
    """Where the card appears; to be called below the buttons."""
    with gr.Column(min_width=0, visible=False, elem_id="card") as panel:
        said = gr.HTML("", padding=False, js_on_load="stylekitCopy(element)", apply_default_css=False)
        picture = gr.Image(
            type="filepath", label=words("card"), show_label=False, interactive=False, buttons=["download", "fullscreen"]
        )
    return CardPart(pressed, panel, said, picture)


def files_of(sources: Sources) -> card.Files:
    """The names of what a painting was made of."""
    names = {place: Path(path).name for place, path in sources.pictures.items()}
    styles = [names[place] for place in sorted(names) if place.startswith("style")]
    start = names.get("start", "")
    if start.startswith(PAINTINGS):
        start = f"start{Path(start).suffix}"
    return card.Files(names["content"], styles, names.get("palette"), start or None)


class CardEvents:
    """The handlers."""

    def __init__(self, events: "Events") -> None:
        self.events, self.page, self.studio, self.words = events, events.page, events.studio, events.words

    def show(self, session: Session, request: gr.Request) -> Any:
        """The card of the painting on the easel."""
        return self.of(session.kept(), request)

    def of(self, canvas: Moment | None, request: gr.Request) -> Any:
        """The card of a painting."""
        page = self.page
        if canvas is None or "content" not in canvas.sources.pictures:
            return {page.status: self.events.said("", self.words("error.expired"))}
        try:
            drawn = self._drawn(canvas, _link(canvas, request))
        except (StylekitError, OSError):
            return {page.status: self.events.said("", self.words("error.expired"))}
        part = page.card
        return {part.panel: gr.update(visible=True), part.said: self.html(canvas), part.picture: str(drawn)}

    def html(self, canvas: Moment) -> str:
        """Text and command line, each with a button that copies it."""
        files = files_of(canvas.sources)
        parts = [self._copied("recipe", card.text(canvas.recipe, files))]
        try:
            parts.append(self._copied("command", card.command(canvas.recipe, files, "again.png", canvas.path.name, on_page=True)))
        except RecipeError as error:
            parts.append(f'<p class="note">{escape(str(error))}</p>')
        notes = [self.words("card.files", painting=canvas.path.name)]
        notes += [self.words("card.masks")] if canvas.sources.drawings and canvas.sources.drawings.masks() else []
        notes += [self.words("card.start", start=files.start)] if files.start and files.start.startswith("start.") else []
        return "".join(parts) + f'<p class="note">{escape(" ".join(notes))}</p>'

    def _copied(self, name: str, text: str) -> str:
        copy, done = escape(self.words("card.copy")), escape(self.words("card.copied"))
        title = escape(self.words("card.recipe") if name == "recipe" else self.words("card.command"))
        head = f'<div class="head"><h2>{title}</h2><button type="button" data-done="{done}">{copy}</button></div>'
        return f'<section class="{name}">{head}<pre tabindex="0">{escape(text)}</pre></section>'

    def _drawn(self, canvas: Moment, link: str) -> Path:
        """The card as a file, which the page may show."""
        pictures = canvas.sources.pictures
        made_of = [pictures["content"], *(pictures[place] for place in sorted(pictures) if place.startswith("style"))]
        photo, *artworks = (to_pil(opened(path, MOST, enlarge=False).image) for path in made_of)
        path = self.studio.folder() / "stylekit-card.png"
        with Image.open(canvas.path) as painting:
            card.picture(painting, photo, artworks, canvas.recipe, link).save(path)
        return path


def _link(canvas: Moment, request: gr.Request) -> str:
    """The settings as a link to this studio; empty where it has no address that others could open."""
    host = name_of(request.headers.get("host", ""))
    if not request.request or (host in hosting.LOCAL and not hosting.names()):
        return ""
    pictures = canvas.sources.pictures
    artworks = [pictures[place] for place in sorted(pictures) if place.startswith("style")]
    photo, names = _sample("photos", pictures["content"]), [_sample("artworks", path) for path in artworks]
    query = to_query(canvas.recipe.settled(), photo, names if all(names) else [])
    link = f"{get_root_url(request.request, '/', None)}/?{query}"
    return link if len(query) <= LONGEST else ""


def _sample(folder: str, path: str) -> str:
    """The name of a sample of this file name, empty for other pictures."""
    return Path(path).stem if (ASSETS / folder / Path(path).name).is_file() else ""


def open_room(events: "Events") -> None:
    """Connect the card; to be called inside gr.Blocks."""
    page, part = events.page, events.page.card
    out = [part.panel, part.said, part.picture, page.status]
    live: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    shown = part.button.click(CardEvents(events).show, page.session, out, **live)
    shown.then(None, js=TO_THE_CARD, **live)
