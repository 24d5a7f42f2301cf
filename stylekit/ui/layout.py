"""What is on the page. Labels come from words/, help, limits and defaults from Recipe's fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from stylekit.errors import RecipeError
from stylekit.presets import PRESETS
from stylekit.recipe import (
    CONTENT_LAYERS,
    LIVE,
    MOST_STYLES,
    SETTINGS,
    STYLE_LAYERS,
    Choice,
    Number,
    PerArtwork,
    PerLayer,
    Recipe,
    Switch,
    Weights,
    setting,
)
from stylekit.studio import hosting
from stylekit.studio.limits import Limits
from stylekit.studio.masks import COLORS, OPACITY, SOFTNESS
from stylekit.studio.run import View
from stylekit.studio.session import Session
from stylekit.ui import card, compare, language, strip, wall
from stylekit.ui.components import ASSETS, Dial, LiveImage, MaskEditor, PictureFile
from stylekit.ui.samples import looks
from stylekit.ui.words import Words, recognized, understood

FIRST_PHOTO, FIRST_ARTWORK = "cat", "harbour-night"

LETTERS = "ABCD"
"""What the artworks are called on the page."""

WEIGHTS = ("content_weight", "style_weight", "tv_weight")
SIZE = ("encoder", "size", "steps", "init", "coarsest", "tiling", "seed")
STATISTICS = (
    *("statistic", "formulation", "content_layer", "tv_kind", "tv_gamma"),
    *("optimizer", "variables", "averaging", "padding", "pooling"),
)

OF_A_RUN = ("repeats", "until", "keyframes")
"""Settings without a control: what became of a run."""

OTHER = "layer_weights.*"
"""The control for style layers that have no slider, such as `relu2_2=1 conv3_1=0.5`."""

PARTS = {
    "layer_weights": STYLE_LAYERS,
    "more_content_layers": CONTENT_LAYERS,
    "style_shares": tuple(range(MOST_STYLES)),
    "style_scales": tuple(range(MOST_STYLES)),
}
"""Fields of Recipe that have a slider for each of their parts."""


@dataclass
class Page:
    """The components that events speak to."""

    session: gr.State
    masthead: gr.HTML
    """with the choice of a language"""
    lesson: gr.Column
    """below it; lesson.py fills it"""
    content: PictureFile
    style: PictureFile
    further: list[PictureFile]
    """artworks B, C and D"""
    palette: PictureFile
    palette_note: gr.HTML
    start: PictureFile
    content_mask: gr.ImageEditor
    """on the photo"""
    style_masks: list[gr.ImageEditor]
    """on artwork A, B, C and D"""
    style_mask_tabs: list[gr.Tab]
    softness: Dial
    content_note: gr.HTML
    style_note: gr.HTML
    views: gr.Tabs
    """the easel's; further rooms are put there"""
    canvas: LiveImage
    strip: gr.HTML
    """the timeline"""
    moment: gr.Textbox
    """never seen: the moment that is looked back at, from timeline.js"""
    compare: gr.HTML
    differences: gr.HTML
    """of the recipes of what is compared"""
    pair: gr.Textbox
    """never seen: what is compared, from compare.js"""
    status: gr.HTML
    plot: gr.HTML
    paint: gr.Button
    resume: gr.Button
    pause: gr.Button
    stop: gr.Button
    download: gr.DownloadButton
    pin: gr.Button
    wall: wall.WallPart
    card: card.CardPart
    dials: gr.Column
    """of all settings"""
    preset: gr.Radio
    program: gr.Dropdown
    units: gr.Button
    units_note: gr.HTML
    preset_note: gr.HTML
    recipe_file: gr.UploadButton
    offer: gr.Row
    """what a picture without a recipe may be for"""
    as_photo: gr.Button
    as_artwork: gr.Button
    as_nothing: gr.Button
    settle: gr.Button
    """to paint without the keyframes of a recipe that was brought back"""
    token: gr.Textbox
    tiled: gr.Tab
    """there while seamless tiles are painted"""
    goes_on: gr.Textbox
    """what is not empty makes a page that has arrived press Continue"""
    """never seen: the word that this tab is known by, from page.js"""
    before: gr.Number
    """never seen: what a number field had when the visitor began to type into it, from page.js"""
    controls: dict[str, Any]
    """all of Recipe's fields, by name; parts of a field as `layer_weights.relu1_1` or `style_shares.0`"""

    @property
    def files(self) -> dict[str, PictureFile]:
        """The pictures that a visitor chooses, by the name of their place."""
        named = {f"style_{n}": picture for n, picture in enumerate(self.further, 2)}
        return {"content": self.content, "style": self.style} | named | {"palette": self.palette, "start": self.start}

    @property
    def pictures(self) -> list[Any]:
        """What is painted with, in the order of `Events.order`."""
        chosen = [self.content, self.style, *self.further, self.palette, self.start]
        return [*chosen, self.content_mask, self.softness, *self.style_masks]

    @property
    def turned(self) -> dict[str, Any]:
        """The controls that act on a running picture."""
        return {name: control for name, control in self.controls.items() if name.split(".")[0] in LIVE}

    @property
    def shown(self) -> list[Any]:
        """What a view of a run may change."""
        buttons = [self.paint, self.resume, self.pause, self.stop, self.download, self.pin, self.card.button, self.settle]
        views = [self.status, self.canvas, self.strip, self.plot, self.compare, self.card.panel]
        return [*views, *buttons, *self.turned.values()]

    @property
    def presets(self) -> list[Any]:
        """Which preset is chosen, and what is said of it."""
        return [self.preset, self.program, self.preset_note]

    @property
    def settings(self) -> list[Any]:
        """What settings that come from elsewhere may change: a preset's, a file's, or those of the same tab before."""
        return [*self.controls.values(), *self.presets, self.settle, self.status]


def sample(folder: str, name: str) -> str | None:
    """The path of a sample picture, None where the assets are not installed."""
    path = ASSETS / folder / f"{name}.jpg"
    return str(path) if path.is_file() else None


def samples(folder: str) -> list[str]:
    """The paths of all sample pictures of a kind."""
    return sorted(str(path) for path in (ASSETS / folder).glob("*.jpg"))


def place(words: Words, limits: Limits) -> Page:
    """Put everything on the page; to be called inside gr.Blocks."""
    parts: dict[str, Any] = {"session": gr.State(Session(), delete_callback=Session.leave)}
    parts["token"] = gr.Textbox(visible=False)
    parts["goes_on"] = gr.Textbox(visible=False)
    parts["before"] = gr.Number(visible=False)
    parts["moment"] = gr.Textbox(visible=False)
    parts["masthead"] = gr.HTML(_header(words), elem_id="masthead", padding=False, js_on_load=language.CHOICE)
    parts["lesson"] = gr.Column(elem_id="lesson", min_width=0)
    with gr.Row(elem_id="studio", equal_height=False):  # page.css says where each stands
        with gr.Column(min_width=0, elem_id="easel"):  # first, so that Paint is a few stops away by keyboard
            parts |= _easel(words)
        with gr.Column(min_width=0, elem_id="pictures"):
            parts |= _pictures(words)
        with gr.Column(min_width=0, elem_id="dials") as parts["dials"]:
            parts |= _dials(words, limits)
    return Page(**parts)


def _header(words: Words) -> str:
    key, values = recognized(hosting.device_name())
    device = words(key, **values) if key else escape(hosting.device_name())
    return (
        f'<header data-drop="{words("recipe.drop")}"><a class="skip" href="#bar">{words("skip")}</a>'
        f"<h1>{words('title')}</h1><p>{words('tagline')}</p>"
        f'<span class="device" title="{words("device.title")}">{device}</span>'
        f'<button type="button" class="switch" id="large" aria-pressed="false" title="{words("large.title")}">'
        f"{words('large')}</button>"
        f'<button type="button" class="switch" id="lesson-open" aria-expanded="false" title="{words("lesson.title")}">'
        f"{words('lesson')}</button>{language.choice(words)}</header>"
    )


def _pictures(words: Words) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for key, label, folder, first in (
        ("content", "photo", "photos", FIRST_PHOTO),
        ("style", "artwork", "artworks", FIRST_ARTWORK),
    ):
        parts[key] = PictureFile(
            sample(folder, first),
            type="filepath",
            image_mode=None,
            sources=["upload", "clipboard", "webcam"] if key == "content" else ["upload", "clipboard"],
            label=words(label),
            alt_text=words(f"{label}.alt"),
            height=196,
            buttons=[],
            elem_id=key,
        )
        parts[f"{key}_note"] = gr.HTML("", elem_classes="note", padding=False)
        if rows := samples(folder):
            gr.Examples(
                [[row] for row in rows],
                parts[key],
                label=words(f"samples.{folder}"),
                examples_per_page=12,
                cache_examples=False,
                elem_id=f"samples-{folder}",
            )
    with gr.Accordion(words("further"), open=False, elem_id="further"):
        parts["further"] = [_small_picture(words("artwork.letter", letter=letter)) for letter in LETTERS[1:]]
    return parts


def _small_picture(label: str, **more: Any) -> PictureFile:
    return PictureFile(
        None,
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        label=label,
        height=120,
        buttons=[],
        elem_classes="small",
        **more,
    )


def _easel(words: Words) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Tabs(elem_id="views") as parts["views"]:
        with gr.Tab(words("canvas"), id="canvas"):
            parts["canvas"] = LiveImage(
                sample("photos", FIRST_PHOTO),
                label=words("canvas"),
                alt_text=words("canvas.alt"),
                show_label=False,
                interactive=False,
                buttons=["fullscreen"],
                elem_id="canvas",
            )
            strip.looked_at(words)
        with gr.Tab(words("compare")):
            parts |= compare.place(words)
        with gr.Tab(words("tiled"), visible=False) as parts["tiled"]:  # page.js shows there what is on the canvas
            gr.HTML(f'<div id="tiled" role="img" aria-label="{escape(words("tiled.alt"))}"></div>', padding=False)
        with gr.Tab(words("masks")):
            parts |= _masks(words)
        parts["wall"] = wall.place(words)
    with gr.Column(min_width=0, elem_id="bar"):
        parts["status"] = gr.HTML(status(View("idle", words("status.ready"))), elem_id="status", padding=False)
        with gr.Row(visible=False, elem_id="offer") as parts["offer"]:
            parts["as_photo"] = gr.Button(words("offer.photo"), elem_id="as-photo", min_width=110)
            parts["as_artwork"] = gr.Button(words("offer.artwork"), elem_id="as-artwork", min_width=110)
            parts["as_nothing"] = gr.Button(words("offer.nothing"), elem_id="as-nothing", min_width=110)
        parts["settle"] = gr.Button(words("settle"), visible=False, size="md", elem_id="settle", min_width=110)
        with gr.Row(elem_id="buttons"):
            parts["paint"] = gr.Button(words("paint"), variant="primary", elem_id="paint", min_width=110)
            parts["resume"] = gr.Button(words("continue"), visible=False, elem_id="continue", min_width=110)
            parts["pause"] = gr.Button(words("pause"), visible=False, elem_id="pause", min_width=110)
            parts["stop"] = gr.Button(words("stop"), visible=False, elem_id="stop", min_width=110)
            parts["download"] = gr.DownloadButton(words("download"), visible=False, elem_id="download", min_width=150)
            making = card.button(words)
            parts["pin"] = gr.Button(words("pin"), visible=False, elem_id="pin", min_width=110)
        parts["strip"] = strip.strip(words)
    parts["plot"] = gr.HTML("", elem_id="plot", padding=False)
    parts["card"] = card.place(words, making)
    return parts


def _masks(words: Words) -> dict[str, Any]:
    parts: dict[str, Any] = {"style_masks": [], "style_mask_tabs": []}
    artworks = [words("artwork.letter", letter=letter) for letter in LETTERS]
    with gr.Tabs(elem_id="masks"):
        with gr.Tab(words("masks.photo")):
            _legend(words("masks.hint"), dict(enumerate([words("masks.keep"), *artworks])), words)
            parts["content_mask"] = _editor(sample("photos", FIRST_PHOTO), COLORS, words("masks"), "content-mask")
        for number, artwork in enumerate(artworks):
            with gr.Tab(words("masks.artwork", artwork=artwork), visible=number == 0) as tab:
                _legend(words("masks.artwork.hint"), {number + 1: words("masks.artwork.looked_at")}, words)
                picture = sample("artworks", FIRST_ARTWORK) if number == 0 else None
                label = words("masks.artwork", artwork=artwork)
                parts["style_masks"].append(_editor(picture, COLORS[number + 1 :][:1], label, f"style-mask-{number}"))
            parts["style_mask_tabs"].append(tab)
    parts["softness"] = Dial(
        0,
        0.1,
        SOFTNESS,
        step=0.005,
        label=words("softness"),
        info=words("softness.help"),
        buttons=[],
        elem_id="softness",
        elem_classes="dial",
    )
    return parts


def _legend(hint: str, meanings: Mapping[int, str], words: Words) -> None:
    """What the brush's colours mean, by their number in COLORS; page.js gives the brush's swatches the same names."""
    named = {number: words("masks.color", color=words(f"color.{number}"), means=means) for number, means in meanings.items()}
    swatches = "".join(
        f'<span class="meaning"><i style="background:{COLORS[number]}"></i>{escape(name)}</span>'
        for number, name in named.items()
    )
    gr.HTML(f'<div class="legend">{escape(hint)} {swatches}</div>', elem_classes="note", padding=False)


def _editor(picture: str | None, colors: Sequence[str], label: str, elem_id: str) -> gr.ImageEditor:
    """A picture to paint masks on."""
    return MaskEditor(
        drawn_on(picture),
        type="numpy",
        image_mode="RGBA",
        sources=(),
        transforms=(),
        layers=False,
        brush=gr.Brush(40, [(color, OPACITY) for color in colors], (colors[0], OPACITY), "fixed"),
        eraser=gr.Eraser(default_size=40),
        label=label,
        show_label=False,
        buttons=[],
        height=430,
        elem_id=elem_id,
        elem_classes="drawing",
    )


def drawn_on(photo: Any, layers: Sequence[np.ndarray] = ()) -> Any:
    """The value of a mask editor that shows a picture; these layers (H, W, 4) shine on it, for the editor would misplace them."""
    if photo is None:
        return None
    if layers:
        whole = Image.fromarray(photo).convert("RGBA")
        for layer in layers:
            whole.alpha_composite(Image.fromarray(layer).resize(whole.size, Image.Resampling.NEAREST))
        photo = np.asarray(whole.convert("RGB"))
    return {"background": photo, "layers": [], "composite": None}


def _dials(words: Words, limits: Limits) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    parts["preset"] = gr.Radio(
        [(words(f"presets.{preset.name}"), preset.name) for preset in looks()],
        value="balanced",
        label=words("presets"),
        elem_id="presets",
    )
    parts["preset_note"] = gr.HTML(words("presets.balanced.about"), elem_classes="note", elem_id="preset-note", padding=False)
    gr.HTML(f"<h2>{words('weights')}</h2><p>{words('weights.hint')}</p>", elem_classes="heading", padding=False)
    with gr.Group(elem_id="weights"):
        controls: dict[str, Any] = {name: _slider(name, words) for name in WEIGHTS}
    gr.HTML(f"<h2>{words('layers')}</h2><p>{words('layers.hint')}</p>", elem_classes="heading", padding=False)
    with gr.Group(elem_id="layers"):
        controls |= _part_sliders("layer_weights", words)
    with gr.Accordion(words("brushes"), open=False, elem_classes="settings"):
        controls |= _part_sliders("style_scales", words) | _part_sliders("style_shares", words)
        controls |= {name: _slider(name, words) for name in ("edge_weight", "large_forms", "style_split")}
    with gr.Accordion(words("colors"), open=False, elem_classes="settings"):
        controls |= {
            name: _control(name, words, limits) for name in ("match_color", "clean_color", "color_strength", "color_method")
        }
        parts["palette"] = _small_picture(words("palette"), elem_id="palette")
        parts["palette_note"] = gr.HTML("", elem_classes="note", padding=False, elem_id="palette-note")
    with gr.Accordion(words("settings"), open=False, elem_classes="settings", elem_id="settings"):
        controls |= {name: _control(name, words, limits) for name in SIZE}
        parts["start"] = _small_picture(words("start"), elem_id="start")
    with gr.Accordion(words("statistics"), open=False, elem_classes="settings"):
        programs = [(words(f"presets.{name}"), name) for name, preset in PRESETS.items() if preset.program]
        parts["program"] = gr.Dropdown(
            programs, value=None, label=words("program"), info=words("program.help"), elem_id="programs"
        )
        controls |= {name: _control(name, words, limits) for name in STATISTICS} | _part_sliders("more_content_layers", words)
        controls[OTHER] = gr.Textbox("", label=words("other"), info=words("other.help"), elem_id="set-other", max_lines=1)
        parts["units"] = gr.Button(words("units"), size="sm", elem_id="units")
        parts["units_note"] = gr.HTML("", elem_classes="note", padding=False, elem_id="units-note")
    parts["recipe_file"] = gr.UploadButton(
        words("recipe"), file_types=["image", ".heic", ".heif", ".json"], size="sm", elem_id="recipe-file"
    )
    gr.HTML(words("recipe.hint"), elem_classes="note", padding=False)
    return parts | {"controls": controls}


def _slider(name: str, words: Words, most: float | None = None) -> Dial:
    described, default = setting(name), getattr(Recipe(), name)
    assert isinstance(described, Number) and described.slider
    least, top, step = described.slider
    if most and most <= least:  # a studio of small limits
        least, step = described.least, 1
    return Dial(
        least,
        most or top,
        value=min(default, most) if most else default,
        step=step,
        label=label_of(name, words),
        info=words(f"help.{name}"),
        buttons=[],
        elem_id=f"set-{name}",
        elem_classes="dial",
    )


def label_of(key: str, words: Callable[..., str]) -> str:
    """What a control of `Page.controls` is called."""
    name, _, part = key.partition(".")
    if name == "layer_weights":
        return words(f"label.{part}") if key != OTHER else words("other")
    if part:
        return words(f"part.{name}", part=LETTERS[int(part)] if part.isdigit() else part)
    return words(f"label.{name}") + (f" {setting(name).symbol}" if setting(name).symbol else "")


def _part_sliders(name: str, words: Words) -> dict[str, Any]:
    """A slider for each part of a field."""
    described, defaults = setting(name), flat(Recipe())
    assert isinstance(described, PerLayer | PerArtwork)
    least, most, step = described.slider
    sliders = {}
    for part in PARTS[name]:
        if name == "layer_weights":
            info, key = f"{part} · {words(f'help.{part}')}", f"set-{part}"
        else:
            first = part == PARTS[name][0]  # once is enough to say what they do
            info, key = words(f"help.{name}") if first else "", f"set-{name}-{part}"
        sliders[f"{name}.{part}"] = Dial(
            least,
            most,
            value=defaults[f"{name}.{part}"],
            step=step,
            label=label_of(f"{name}.{part}", words),
            info=info or None,
            buttons=[],
            elem_id=key,
            elem_classes="dial",
        )
    return sliders


def _control(name: str, words: Words, limits: Limits) -> Any:
    described, default = setting(name), getattr(Recipe(), name)
    facts: dict[str, Any] = {"label": label_of(name, words), "info": words(f"help.{name}"), "elem_id": f"set-{name}"}
    match described:
        case Number(slider=None):
            return gr.Number(default, precision=0 if described.whole else None, **facts)
        case Number():
            return _slider(name, words, {"size": limits.max_size, "steps": limits.max_steps}.get(name))
        case Switch():
            return gr.Checkbox(default, **facts)
        case Choice():
            value = hosting.default_encoder() if name == "encoder" else default
            own = described.open  # a restored recipe may name what the list does not
            return gr.Dropdown(list(described.choices), value=value, allow_custom_value=own, **facts)
    raise TypeError(f"There is no control for {described}.")


def flat(settings: Recipe | Weights, artworks: Sequence[int] = ()) -> dict[str, Any]:
    """Settings as values of `Page.controls`; parts that they do not have are 0, or 1 for what is said of each artwork.

    What they say of the first artwork is said of the first of `artworks`, the numbers (0 is A) of those that are chosen.
    """
    values: dict[str, Any] = {}
    places = [*artworks, *(number for number in range(MOST_STYLES) if number not in artworks)]
    for name in SETTINGS if isinstance(settings, Recipe) else LIVE:
        value = getattr(settings, name)
        if name in OF_A_RUN:
            continue
        if name not in PARTS:
            values[name] = value
            continue
        for part in PARTS[name]:
            if isinstance(part, int):
                place = places.index(part)
                values[f"{name}.{part}"] = value[place] if place < len(value) else 1.0
            else:
                values[f"{name}.{part}"] = value.get(part, 0.0)
    others = {layer: weight for layer, weight in settings.layer_weights.items() if layer not in STYLE_LAYERS}
    return values | {OTHER: " ".join(f"{layer}={str(weight).removesuffix('.0')}" for layer, weight in others.items())}


def nested(values: Mapping[str, Any], artworks: Sequence[int] = range(MOST_STYLES)) -> dict[str, Any]:
    """The other way round: values of `Page.controls` as fields of Recipe, for the artworks with these numbers (0 is A)."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name, _, part = key.partition(".")
        if not part:
            found[name] = value
        elif key == OTHER:
            found.setdefault(name, {}).update(_layers_of(value))
        elif not part.isdigit():
            found.setdefault(name, {})[part] = value
        elif int(part) in artworks:
            found[name] = (*found.get(name, ()), value)
    return found


def _layers_of(text: str) -> dict[str, float]:
    """`relu2_2=1 conv3_1=0.5` as a dict; raises RecipeError for anything else."""
    try:
        pairs = [part.split("=") for part in text.replace(",", " ").split()]
        return {layer: float(weight) for layer, weight in pairs}
    except ValueError:
        raise RecipeError("Further style layers must look like relu2_2=1 conv3_1=0.5.") from None


def status(view: View) -> str:
    """A view's progress and words as HTML."""
    said = understood(view.error) or view.text
    kind, role = ("error", "alert") if view.error else (view.mode, "status" if view.mode != "painting" else "timer")
    note = f'<span class="turned" role="status">{escape(view.note)}</span>' if view.note else ""
    kept = f'<span class="turned">{escape(view.text)}</span>' if view.error and view.text else ""
    return (
        f'<div class="status {kind}"><div class="bar"><i style="width:{100 * view.done:.1f}%"></i></div>'
        f'<span class="said" role="{role}">{escape(said)}</span>{kept}{note}</div>'
    )
