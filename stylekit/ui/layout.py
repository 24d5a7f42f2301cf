"""What is on the page. Labels come from words/, help, limits and defaults from Recipe's fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from stylekit.presets import PRESETS
from stylekit.recipe import STYLE_LAYERS, Recipe, setting
from stylekit.ui import hosting
from stylekit.ui.components import ASSETS, LiveImage, PictureFile
from stylekit.ui.painting import Session, View
from stylekit.ui.words import Words

FIRST_PHOTO, FIRST_ARTWORK = "cat", "harbour-night"

WEIGHTS = ("content_weight", "style_weight", "tv_weight")
FOLDED = ("encoder", "size", "steps", "init", "statistic", "content_layer", "optimizer", "coarsest", "seed", "formulation")


@dataclass
class Page:
    """The components that events speak to."""

    session: gr.State
    content: PictureFile
    style: PictureFile
    content_note: gr.HTML
    style_note: gr.HTML
    canvas: LiveImage
    compare: gr.ImageSlider
    status: gr.HTML
    plot: gr.HTML
    paint: gr.Button
    onward: gr.Button
    pause: gr.Button
    stop: gr.Button
    download: gr.DownloadButton
    look: gr.Radio
    look_note: gr.HTML
    recipe_file: gr.UploadButton
    settings: dict[str, Any]
    """Recipe's fields but layer_weights, in the order of the page"""
    layers: dict[str, gr.Slider]

    @property
    def turned(self) -> list[Any]:
        """Sliders that act on a running picture, in the order of `Events.turn`."""
        return [*(self.settings[name] for name in WEIGHTS), *self.layers.values()]


def sample(folder: str, name: str) -> str | None:
    """The path of a sample picture, None where the assets are not installed."""
    path = ASSETS / folder / f"{name}.jpg"
    return str(path) if path.is_file() else None


def samples(folder: str) -> list[str]:
    """The paths of all sample pictures of a kind."""
    return sorted(str(path) for path in (ASSETS / folder).glob("*.jpg"))


def place(words: Words, limits: hosting.Limits) -> Page:
    """Put everything on the page; to be called inside gr.Blocks."""
    parts: dict[str, Any] = {"session": gr.State(Session(), delete_callback=Session.forget)}
    gr.HTML(_header(words), elem_id="masthead", padding=False)
    with gr.Row(elem_id="studio", equal_height=False):
        with gr.Column(scale=5, min_width=230, elem_id="pictures"):
            parts |= _pictures(words)
        with gr.Column(scale=15, min_width=320, elem_id="easel"):
            parts |= _easel(words)
        with gr.Column(scale=8, min_width=290, elem_id="dials"):
            parts |= _dials(words, limits)
    return Page(**parts)


def _header(words: Words) -> str:
    device = escape(hosting.device_name())
    return (
        f'<header data-drop="{words("recipe.drop")}"><h1>{words("title")}</h1><p>{words("tagline")}</p>'
        f'<span class="device" title="{words("device.title")}">{device}</span></header>'
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
    return parts


def _easel(words: Words) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    with gr.Tabs(elem_id="views"):
        with gr.Tab(words("canvas")):
            parts["canvas"] = LiveImage(
                sample("photos", FIRST_PHOTO),
                label=words("canvas"),
                alt_text=words("canvas.alt"),
                show_label=False,
                interactive=False,
                buttons=["fullscreen"],
                elem_id="canvas",
            )
        with gr.Tab(words("compare")):
            parts["compare"] = gr.ImageSlider(
                type="filepath",
                label=words("compare.label"),
                interactive=False,
                slider_position=50,
                buttons=["fullscreen"],
                elem_id="compare",
            )
    parts["status"] = gr.HTML(status(View("idle", words("status.ready"))), elem_id="status", padding=False)
    with gr.Row(elem_id="buttons"):
        parts["paint"] = gr.Button(words("paint"), variant="primary", elem_id="paint", min_width=110)
        parts["onward"] = gr.Button(words("continue"), visible=False, elem_id="continue", min_width=110)
        parts["pause"] = gr.Button(words("pause"), visible=False, elem_id="pause", min_width=110)
        parts["stop"] = gr.Button(words("stop"), visible=False, elem_id="stop", min_width=110)
        parts["download"] = gr.DownloadButton(words("download"), visible=False, elem_id="download", min_width=150)
    parts["plot"] = gr.HTML("", elem_id="plot", padding=False)
    return parts


def _dials(words: Words, limits: hosting.Limits) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    look = gr.Radio(
        [(preset.title, name) for name, preset in PRESETS.items()], value="balanced", label=words("presets"), elem_id="looks"
    )
    look_note = gr.HTML(PRESETS["balanced"].description, elem_classes="note", elem_id="look-note", padding=False)
    gr.HTML(f"<h2>{words('weights')}</h2><p>{words('weights.hint')}</p>", elem_classes="heading", padding=False)
    with gr.Group(elem_id="weights"):
        for name in WEIGHTS:
            settings[name] = _slider(name, words)
    gr.HTML(f"<h2>{words('layers')}</h2><p>{words('layers.hint')}</p>", elem_classes="heading", padding=False)
    with gr.Group(elem_id="layers"):
        layers = {layer: _layer_slider(layer, words) for layer in STYLE_LAYERS}
    with gr.Accordion(words("settings"), open=False, elem_id="settings"):
        for name in FOLDED:
            settings[name] = _control(name, words, limits)
    recipe_file = gr.UploadButton(
        words("recipe"), file_types=[".png", ".jpg", ".jpeg", ".webp", ".json"], size="sm", elem_id="recipe-file"
    )
    gr.HTML(words("recipe.hint"), elem_classes="note", padding=False)
    return {
        "look": look,
        "look_note": look_note,
        "recipe_file": recipe_file,
        "settings": settings,
        "layers": layers,
    }


def _slider(name: str, words: Words, most: float | None = None) -> gr.Slider:
    f, default = setting(name), getattr(Recipe(), name)
    least, top, step = f.metadata["slider"]
    symbol = f.metadata.get("symbol")
    label = words(f"label.{name}") + (f" {symbol}" if symbol else "")
    return gr.Slider(
        min(least, most) if most else least,
        most or top,
        value=min(default, most) if most else default,
        step=step,
        label=label,
        info=f.metadata["help"],
        buttons=[],
        elem_id=f"set-{name}",
        elem_classes="dial",
    )


def _layer_slider(layer: str, words: Words) -> gr.Slider:
    f = setting("layer_weights")
    least, most, step = f.metadata["slider"]
    return gr.Slider(
        least,
        most,
        value=Recipe().layer_weights[layer],
        step=step,
        label=words(f"label.{layer}"),
        info=f"{layer} · {words(f'help.{layer}')}",
        buttons=[],
        elem_id=f"set-{layer}",
        elem_classes="dial",
    )


def _control(name: str, words: Words, limits: hosting.Limits) -> Any:
    f, default = setting(name), getattr(Recipe(), name)
    if "slider" in f.metadata:
        return _slider(name, words, {"size": limits.max_size, "steps": limits.max_steps}.get(name))
    label, info, key = words(f"label.{name}"), f.metadata["help"], f"set-{name}"
    if "choices" in f.metadata:
        value = hosting.default_encoder() if name == "encoder" else default
        choices = [choice for choice in f.metadata["choices"] if (name, choice) != ("init", "image")]
        own = bool(f.metadata.get("open"))  # a restored recipe may name what the list does not
        return gr.Dropdown(choices, value=value, label=label, info=info, elem_id=key, allow_custom_value=own)
    return gr.Number(default, precision=0, minimum=f.metadata["least"], label=label, info=info, elem_id=key)


def recipe_of(values: Mapping[str, Any], layers: Mapping[str, float]) -> Recipe:
    """The recipe that the controls say; raises RecipeError."""
    return Recipe(**values, layer_weights=dict(layers))


def status(view: View) -> str:
    """A view's progress and words as HTML."""
    said = view.error or view.text
    kind, role = ("error", "alert") if view.error else (view.mode, "status" if view.mode != "painting" else "timer")
    note = f'<span class="turned" role="status">{escape(view.note)}</span>' if view.note else ""
    kept = f'<span class="turned">{escape(view.text)}</span>' if view.error and view.text else ""
    return (
        f'<div class="status {kind}"><div class="bar"><i style="width:{100 * view.done:.1f}%"></i></div>'
        f'<span class="said" role="{role}">{escape(said)}</span>{kept}{note}</div>'
    )
