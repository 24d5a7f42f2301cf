"""A link to the settings: made by a button, read when the page is opened by it."""

import filecmp
from pathlib import Path
from typing import Any

import gradio as gr

from stylekit.errors import RecipeError
from stylekit.recipe import Recipe
from stylekit.studio.address import from_query, to_query
from stylekit.studio.run import Studio, View
from stylekit.studio.session import Session
from stylekit.ui.events import AT_ONCE, Events
from stylekit.ui.layout import Page, nested, sample, status

WHOLE = """query => {
  if (!query) return "";
  const link = location.origin + location.pathname + "?" + query;
  history.replaceState(null, "", link);
  navigator.clipboard?.writeText(link).catch(() => {});
  return link;
}"""
"""JavaScript: the whole link, which is then in the browser's address bar and, where that is allowed, on the clipboard."""

ASKED = """session => {
  const query = location.search;
  try {
    const known = sessionStorage.stylekitLink === query;
    sessionStorage.stylekitLink = query;
    return [session, known ? "" : query];
  } catch {
    return [session, query];
  }
}"""
"""JavaScript: what the address says, once in a tab: a page that is loaded anew goes on with what was changed since."""


class Address:
    """The handlers of links."""

    def __init__(self, page: Page, studio: Studio) -> None:
        self.page, self.words, self.events = page, studio.words, Events(page, studio)

    def link(self, *values: Any) -> tuple[str, Any]:
        """The query of the page's settings, and what there is to say; `values` are those of photo, artworks and controls."""
        content, *others = values[: 2 + len(self.page.further)]
        artworks = [number for number, path in enumerate(others) if path] or [0]
        try:
            recipe = Recipe(**nested(dict(zip(self.page.controls, values[1 + len(others) :], strict=True)), artworks))
        except RecipeError as error:
            return "", status(View("refused", "", error=str(error)))
        photo, names = _sample_name("photos", content), [_sample_name("artworks", path) for path in others if path]
        said = self.words("link.made" if photo and all(names) else "link.made_without")
        return to_query(recipe, photo, names if all(names) else []), status(View("idle", said))

    def open(self, session: Session, query: str) -> Any:
        """Settings and samples of the address with which the page was opened."""
        try:
            linked = from_query(query)
            if linked is None:
                return gr.skip()
            photo = [_sample("photos", linked.photo)] if linked.photo else []
            artworks = [_sample("artworks", name) for name in linked.artworks]
            count = range(max(1, len(artworks)))
            updates = self.events.restored(session, linked.recipe, self.words("link.name"), count)
        except RecipeError as error:
            return {self.page.status: status(View("refused", "", error=str(error)))}
        pictures = [*zip([self.page.content], photo, strict=False), *zip(self._artworks, artworks, strict=False)]
        return updates | dict(pictures)

    @property
    def _artworks(self) -> list[Any]:
        return [self.page.style, *self.page.further]

    def wire(self, blocks: gr.Blocks, button: gr.Button, query: gr.Textbox, link: gr.Textbox) -> None:
        """Connect; to be called inside `blocks`."""
        page, controls = self.page, list(self.page.controls.values())
        made = button.click(self.link, [page.content, *self._artworks, *controls], [query, page.status], **AT_ONCE)
        made.then(lambda whole: gr.update(value=whole, visible=bool(whole)), query, link, js=WHOLE, **AT_ONCE)
        pictures = [page.content, *self._artworks]
        blocks.load(self.open, [page.session, query], [*page.settings, *pictures], js=ASKED, **AT_ONCE)


def _sample_name(folder: str, path: str | None) -> str:
    """The name of the sample that a picture is; empty for any other."""
    known = sample(folder, Path(path).stem) if path else None
    return Path(known).stem if known and path and filecmp.cmp(known, path, shallow=False) else ""


def _sample(folder: str, name: str) -> str:
    """The path of a sample that an address names. Raises RecipeError."""
    path = sample(folder, name) if name.replace("-", "").isalnum() else None
    if path is None:
        raise RecipeError(f"There is no sample called {name[:40]!r} here; the address may be of another studio.")
    return path


def open_room(blocks: gr.Blocks, page: Page, studio: Studio) -> None:
    """Put the button below the settings, and connect it; to be called inside `blocks`."""
    with page.dials:
        button = gr.Button(studio.words("link"), size="sm", elem_id="link")
        query = gr.Textbox(visible=False)
        link = gr.Textbox(
            visible=False, interactive=False, show_label=False, label=studio.words("link"), buttons=["copy"], elem_id="link-text"
        )
    Address(page, studio).wire(blocks, button, query, link)
