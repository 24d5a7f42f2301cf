"""The tab Inside: what layers see, what a Gram matrix holds, who pulls; on the visitor's own pictures, on request."""

import base64
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from html import escape
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylekit.errors import StylekitError
from stylekit.explore import EXAMPLE, Example, Pull
from stylekit.pictures import to_array
from stylekit.recipe import EDGES, STYLE_LAYERS
from stylekit.studio import inside
from stylekit.studio.inside import Matrices, Panel
from stylekit.studio.run import Studio, Words
from stylekit.studio.session import Session
from stylekit.ui import advice
from stylekit.ui.events import Events, alert
from stylekit.ui.layout import FIRST_PHOTO, Page, sample
from stylekit.ui.listening import Listener

PERIOD = 1.5
"""Seconds between two measurements of a run that is followed."""

RANGE = 4
"""Powers of ten from the darkest to the brightest of a Gram matrix."""


def place(words: Words) -> dict[str, Any]:
    """Put the tab's rooms on the page; to be called inside its gr.Tab."""
    parts: dict[str, Any] = {}
    said = {"photo": "inside.photo", "artwork": "inside.artwork", "against": "inside.large.against"}
    said |= {"divide": "inside.large.divide", "close": "inside.large.close"}
    data = " ".join(f'data-{name}="{escape(words(key))}"' for name, key in said.items())
    gr.HTML(f'<i id="inside-words" {data} hidden></i>', padding=False)
    with gr.Tabs(elem_id="inside") as parts["tabs"]:
        with gr.Tab(words("inside.layers"), id="layers"):
            _hint(words("inside.layers.hint"))
            parts["layers_show"] = gr.Button(words("inside.layers.show"), size="md", elem_id="inside-layers-show")
            parts["layers"] = gr.HTML("", padding=False, elem_id="inside-layers")
        with gr.Tab(words("inside.gram"), id="gram"):
            parts |= _gram(words)
        with gr.Tab(words("inside.example"), id="example"):
            parts |= _example(words)
        with gr.Tab(words("inside.pulls"), id="pulls"):
            _hint(words("inside.pulls.hint"))
            with gr.Row():
                parts["pulls_show"] = gr.Button(words("inside.pulls.show"), size="md", elem_id="inside-pulls-show", min_width=110)
                parts["follow"] = gr.Checkbox(False, label=words("inside.pulls.follow"), elem_id="inside-follow", min_width=110)
            parts["pulls"] = gr.HTML("", padding=False, elem_id="inside-pulls")
            parts["clock"] = gr.Timer(PERIOD, active=False)
    return parts


def _hint(text: str) -> None:
    gr.HTML(escape(text), elem_classes="note", padding=False)


def _gram(words: Words) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    _hint(words("inside.gram.hint"))
    with gr.Row():
        label = words("inside.gram.layer")
        parts["layer"] = gr.Dropdown(
            list(STYLE_LAYERS), value=STYLE_LAYERS[1], label=label, elem_id="inside-layer", min_width=110
        )
        for key in ("inside.gram.show", "inside.gram.shuffle", "inside.gram.texture"):
            parts[key] = gr.Button(words(key), size="md", elem_id=key.replace(".", "-"), min_width=110)
    parts["grams"] = gr.HTML("", padding=False, elem_id="inside-grams")
    parts["shuffled"] = gr.HTML("", padding=False, elem_id="inside-shuffled")
    return parts


def _example(words: Words) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    _hint(words("inside.example.hint"))
    with gr.Row():
        parts["photo"] = gr.Image(
            sample("photos", FIRST_PHOTO),
            label=words("inside.example.photo"),
            alt_text=words("inside.example.photo"),
            interactive=False,
            height=160,
            buttons=[],
            elem_id="inside-photo",
            min_width=110,
        )
        with gr.Column(min_width=110):
            for key in ("inside.example.down", "inside.example.right"):
                label, name = words(key), key.replace(".", "-")
                parts[key] = gr.Slider(0, 1, 0.5, step=0.01, label=label, buttons=[], elem_classes="dial", elem_id=name)
            parts["example_show"] = gr.Button(words("inside.example.show"), size="md", elem_id="inside-example-show")
    parts["example"] = gr.HTML("", padding=False, elem_id="inside-example")
    return parts


class Inside:
    """The handlers of the tab."""

    def __init__(self, page: Page, studio: Studio, events: Events) -> None:
        self.page, self.studio, self.events, self.words = page, studio, events, studio.words

    def layers(self, *values: Any) -> Iterator[str]:
        """Both rows of the figure, as they form."""
        try:
            order = self.events.order(values, resume=False)
            with closing(inside.layers(self.studio, order, Listener())) as all_panels:
                for panels in all_panels:
                    yield figure(panels, self.words)
        except StylekitError as error:
            yield alert(error)

    def texture(self, layer: str, *values: Any) -> Iterator[str]:
        """A texture from one matrix."""
        try:
            order = self.events.order(values, resume=False)
            with closing(inside.texture(self.studio, order, layer, Listener())) as all_panels:
                for panels in all_panels:
                    if panels:
                        picture = _img(panels[-1].picture, self.words("inside.gram.texture.alt"))
                        yield _captioned(picture, self.words("inside.gram.texture.said", layer=layer))
        except StylekitError as error:
            yield alert(error)

    def grams(self, session: Session, layer: str, *values: Any) -> str:
        """The matrices of photo, artwork and painting."""
        try:
            return matrices(inside.matrices(self.studio, session, self.events.order(values, False), layer), self.words)
        except StylekitError as error:
            return alert(error)

    def shuffle(self, layer: str, *values: Any) -> str:
        """The artwork's places in disorder."""
        try:
            shuffled = inside.shuffled(self.studio, self.events.order(values, False), layer)
        except StylekitError as error:
            return alert(error)
        picture = _img(to_array(shuffled.picture), self.words("inside.gram.shuffled.alt"))
        return _captioned(
            picture, self.words("inside.gram.shuffled", layer=layer, style=shuffled.style, content=shuffled.content)
        )

    def example(self, down: float, right: float, *values: Any) -> str:
        """The worked example at a place of the photo."""
        try:
            return worked(*inside.example(self.studio, self.events.order(values, False), (down, right)), self.words)
        except StylekitError as error:
            return alert(error)

    def pulls(self, session: Session, *values: Any) -> str:
        """Bars of every term, and maps of where each pulls."""
        try:
            found = inside.pulls(self.studio, session, self.events.order(values, False))
        except StylekitError as error:
            return alert(error)
        return bars(found, self.words) if found else _said(self.words("inside.pulls.nothing"))

    def follow(self, session: Session, *values: Any) -> Any:
        """The same for a run that goes on; of no other."""
        return self.pulls(session, *values) if session.watched else gr.skip()


def picked(event: gr.SelectData, photo: Any) -> tuple[float, float]:
    """Where the photo was clicked, as shares (down, right)."""
    right, down = event.index
    height, width = photo.shape[:2]
    return round(down / height, 2), round(right / width, 2)


def open_room(page: Page, studio: Studio, waiting: int) -> gr.Tabs:
    """Put the tab on the easel, and connect its components; to be called inside gr.Blocks. Returns its own tabs."""
    with page.views, gr.Tab(studio.words("inside"), id="inside"):
        parts = place(studio.words)
        with parts["tabs"], gr.Tab(studio.words("inside.why")):
            advice.place(page, studio)
    handlers = Inside(page, studio, Events(page, studio))
    asked = [*page.pictures, *page.controls.values()]
    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    slow = {
        "show_progress": "hidden",
        "concurrency_limit": waiting,  # our own line decides who paints
        "concurrency_id": "paint",
        "api_visibility": "private",
    }
    parts["layers_show"].click(handlers.layers, asked, parts["layers"], **slow)
    parts["inside.gram.texture"].click(handlers.texture, [parts["layer"], *asked], parts["shuffled"], **slow)
    parts["inside.gram.show"].click(handlers.grams, [page.session, parts["layer"], *asked], parts["grams"], **quick)
    parts["inside.gram.shuffle"].click(handlers.shuffle, [parts["layer"], *asked], parts["shuffled"], **quick)
    chosen = [parts["inside.example.down"], parts["inside.example.right"]]
    parts["example_show"].click(handlers.example, [*chosen, *asked], parts["example"], **quick)
    at = parts["photo"].select(picked, parts["photo"], chosen, **quick)
    at.then(handlers.example, [*chosen, *asked], parts["example"], **quick)
    page.content.change(lambda path: path, page.content, parts["photo"], **quick)
    parts["pulls_show"].click(handlers.pulls, [page.session, *asked], parts["pulls"], **quick)
    parts["follow"].change(lambda on: gr.Timer(active=on), parts["follow"], parts["clock"], **quick)
    parts["clock"].tick(handlers.follow, [page.session, *asked], parts["pulls"], trigger_mode="once", **quick)
    tabs: gr.Tabs = parts["tabs"]
    return tabs


# ------------------------------------------------------------------------------------------------------------- as HTML


def figure(panels: Sequence[Panel], words: Words) -> str:
    """The two rows of the figure; places of pictures that are still to come stay empty."""
    if not panels:
        return ""
    rows: dict[str, list[str]] = {"content": [], "style": []}
    for panel in panels:
        rows[panel.reconstruction.of].append(_panel(panel, words))
    count, done = 2 * len(STYLE_LAYERS), len(panels) - (panels[-1].done < 1)
    said = words("inside.layers.done", count=count)
    if done < count:
        said = words("inside.layers.progress", number=done + 1, count=count)
    cells = "".join(f'<div class="row">{"".join(row)}</div>' for row in rows.values())
    return f'<div class="inside-figure">{cells}</div>{_said(said)}'


def _panel(panel: Panel, words: Words) -> str:
    names = panel.reconstruction.layers
    if panel.reconstruction.of == "content":
        name, short = words("inside.layers.photo", layer=names[0]), names[0]
    else:
        upto = names[0] if len(names) == 1 else words("inside.layers.upto", first=names[0], last=names[-1])
        name, short = words("inside.layers.artwork", layers=upto), names[-1] if len(names) == 1 else f"… {names[-1]}"
    of, picture = panel.reconstruction.of, _img(panel.picture, "")
    return (
        f'<button type="button" class="enlarge" data-of="{of}" aria-label="{escape(name)}">{picture}<span>{short}</span></button>'
    )


def matrices(found: Matrices, words: Words) -> str:
    """Heat maps on one scale, and what inside.js needs to say which two channels the pointer is at."""
    top = max(float(g.abs().max()) for g in found.grams.values())
    height, width = found.artwork.shape[2:]
    boxes = [[b.left / width, b.top / height, b.width / width, b.height / height] for b in found.boxes]
    parts = []
    names = {"photo": words("inside.photo"), "artwork": words("inside.artwork"), "painting": words("inside.painting")}
    for name, gram in found.grams.items():
        alt = words("inside.gram.alt", picture=names[name], layer=found.layer, count=len(gram))
        values = escape(json.dumps([[float(f"{v:.3g}") for v in row] for row in gram.tolist()])) if len(gram) <= 64 else ""
        parts.append(
            f'<figure><div class="heat" tabindex="0" role="img" aria-label="{escape(alt)}" data-name="{names[name]}" '
            f'data-count="{len(gram)}" data-values="{values}">{_img(_colored(gram, top), "", png=True)}<i></i></div>'
            f"<figcaption>{names[name]}</figcaption></figure>"
        )
    artwork = _img(to_array(found.artwork), "")
    patches = f'<div class="patches" hidden><span class="patch"></span><span class="patch"></span>{artwork}</div>'
    said = words("inside.gram.pair", a="{a}", b="{b}", values="{values}")
    return (
        f'<div class="inside-grams" data-boxes="{escape(json.dumps(boxes))}" data-aspect="{width / height:.4f}" '
        f'data-said="{escape(said)}">{"".join(parts)}{patches}</div>'
        f'<p class="note pair" aria-live="polite">{escape(words("inside.gram.move"))}</p>'
    )


def _colored(gram: Tensor, top: float) -> np.ndarray:
    """(C, C) as a picture (C, C, 3): the logarithm of its magnitude; warm where positive, blue where negative."""
    scale = (torch.log10(gram.abs().clamp_min(1e-30) / max(top, 1e-30)) / RANGE + 1).clamp(0, 1).cpu().numpy()
    warm = np.stack([scale**0.6, scale**1.3, scale**3], -1)
    cold = np.stack([scale**3, scale**1.3, scale**0.6], -1)
    return np.asarray((np.where((gram < 0).cpu().numpy()[..., None], cold, warm) * 255).round().astype(np.uint8))


def worked(example: Example, crop: Tensor, words: Words) -> str:
    """The worked example as tables: pixels, features, Gram matrix; inside.js says how each number of the last comes about."""
    pixels = np.kron(to_array(crop[None]), np.ones((24, 24, 1), np.uint8))
    features, gram = example.features.tolist(), example.gram.tolist()
    said = words("inside.example.cell", a="{a}", b="{b}", terms="{terms}", sum="{sum}")
    return (
        f'<div class="inside-worked" data-said="{escape(said)}"><figure>{_img(pixels, "", png=True)}'
        f"<figcaption>{words('inside.example.pixels')}, {EXAMPLE} × {EXAMPLE}</figcaption></figure>"
        f"{_table(features, example.channels, words('inside.example.features'), 'features')}"
        f"{_table(gram, example.channels, words('inside.example.gram'), 'gram')}</div>"
        f'<p class="note pair" aria-live="polite">{escape(words("inside.example.divided"))}</p>'
    )


def _table(rows: list[list[float]], channels: list[int], caption: str, kind: str) -> str:
    top = max(max(map(abs, row)) for row in rows) or 1.0

    def cell(value: float, a: int, b: int) -> str:
        focus = f' tabindex="0" data-a="{a}" data-b="{b}"' if kind == "gram" else ""
        places = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
        return f'<td style="--share:{abs(value) / top:.2f}"{focus}>{value:.{places}f}</td>'

    body = "".join(
        f'<tr><th scope="row">{channels[a]}</th>{"".join(cell(v, a, b) for b, v in enumerate(row))}</tr>'
        for a, row in enumerate(rows)
    )
    table = f'<table class="{kind}"><caption>{escape(caption)}</caption>{body}</table>'
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(caption)}">{table}</div>'


def bars(pulls: Mapping[str, Pull], words: Words) -> str:
    """Two bars for each term, and a map of where it pulls, which the term's button shows."""
    strongest = max(pull.force for pull in pulls.values()) or 1.0
    rows = []
    for number, (name, pull) in enumerate(pulls.items()):
        label = words(f"loss.{name}") if name in ("content", EDGES, "tv") else name
        where, pressed = words("inside.pulls.where", term=label), str(not number).lower()
        kind = name if name in ("content", "tv") else "style"
        rows.append(
            f'<button type="button" class="pull {kind}" aria-pressed="{pressed}" title="{escape(where)}">'
            f"<b>{escape(label)}</b>"
            f"{_bar(pull.share, f'{100 * pull.share:.0f} %')}{_bar(pull.force / strongest, f'{pull.force:.2g}')}"
            f"<small>{pull.loss:.3g}</small></button>"
            f'<figure class="where"{"" if not number else " hidden"}>{_img(_warm(inside.heat(pull.where)), where)}'
            f"<figcaption>{escape(where)}</figcaption></figure>"
        )
    said = _said(words("inside.pulls.size", size=max(next(iter(pulls.values())).where.shape)))
    columns = ("inside.pulls.term", "inside.pulls.share", "inside.pulls.force", "inside.pulls.loss")
    heads = "".join(f"<span>{escape(words(key))}</span>" for key in columns)
    return f'<div class="inside-pulls"><div class="heads">{heads}</div>{"".join(rows)}</div>{said}'


def _bar(share: float, value: str) -> str:
    width = 100 * min(1.0, share if math.isfinite(share) else 0.0)
    return f'<span class="bar"><i style="width:{width:.1f}%"></i><em>{escape(value)}</em></span>'


def _warm(grey: np.ndarray) -> np.ndarray:
    share = grey / 255.0
    return np.asarray((np.stack([share**0.6, share**1.3, share**3], -1) * 255).round().astype(np.uint8))


def _captioned(picture: str, caption: str) -> str:
    return f'<figure class="inside-one">{picture}<figcaption>{escape(caption)}</figcaption></figure>'


def _said(text: str) -> str:
    return f'<p class="note" role="status">{escape(text)}</p>'


def _img(picture: np.ndarray, alt: str, png: bool = False) -> str:
    """An array (H, W, 3) uint8 as an <img> that carries its data."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG" if png else "JPEG", **({} if png else {"quality": 88}))
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/{"png" if png else "jpeg"};base64,{data}">'
