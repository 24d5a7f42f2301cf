"""What happens: plain functions and generators first, the wiring at the foot."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.components import Component

from stylekit.errors import PictureError, RecipeError, StylekitError
from stylekit.images import read_recipe_json, to_array
from stylekit.presets import PRESETS
from stylekit.recipe import LARGEST_WEIGHT, STYLE_LAYERS, Recipe, Weights
from stylekit.ui import plots
from stylekit.ui.components import PictureFile
from stylekit.ui.layout import Page, recipe_of, status
from stylekit.ui.painting import PREVIEW, Order, Session, Studio, View, opened

Updates = dict[Component, Any]

PLOT_PERIOD = 4
"""Previews between two drawings of the losses."""

API_PERIOD = 3
"""Previews between two that the API shows, because each becomes a file there."""


class Events:
    """The handlers of one page."""

    def __init__(self, page: Page, studio: Studio) -> None:
        self.page, self.studio, self.words = page, studio, studio.words

    # ------------------------------------------------------------------------------------------------ painting

    def paint(self, session: Session, content: str | None, style: str | None, *values: Any) -> Iterator[Updates]:
        """Paint anew."""
        yield from self._run(session, content, style, values, onward=False)

    def go_on(self, session: Session, content: str | None, style: str | None, *values: Any) -> Iterator[Updates]:
        """Continue from the canvas."""
        yield from self._run(session, content, style, values, onward=True)

    def _run(self, session: Session, content: str | None, style: str | None, values: Any, onward: bool) -> Iterator[Updates]:
        try:
            order = Order(content, style, self.recipe(values), onward)
        except RecipeError as error:
            yield self._shown(View("refused", "", error=str(error), canvas=session.kept()))
            return
        with closing(self.studio.paint(session, order)) as views:
            for number, view in enumerate(views):
                yield self._shown(view, with_plot=number % PLOT_PERIOD == 0)

    def _shown(self, view: View, with_plot: bool = True) -> Updates:
        """A view as updates of the page."""
        page = self.page
        updates: Updates = {page.status: status(view)}
        if view.preview is not None:
            updates[page.canvas] = view.preview
        if view.table is not None and (with_plot or view.canvas):
            names = {"content": "loss.content", "style": "loss.style", "tv": "loss.tv"}
            labels = {name: self.words(key) for name, key in names.items()} | {layer: layer for layer in STYLE_LAYERS}
            updates[page.plot] = plots.svg(view.table, labels, self.words("losses.label"))
        if view.canvas:
            updates[page.canvas] = str(view.canvas.path)
            updates[page.compare] = (str(view.canvas.before), str(view.canvas.path))
            updates[page.download] = gr.update(value=str(view.canvas.path))
        return updates | self._buttons(view)

    def _buttons(self, view: View) -> Updates:
        running, kept = view.mode in ("waiting", "painting"), view.canvas is not None
        page, again = self.page, self.words("again" if kept else "paint")
        if view.mode == "painting" and view.done > 0.02:
            return {}  # they have not changed since the last view, so say nothing
        return {
            page.paint: gr.update(visible=not running, value=again, variant="secondary" if kept else "primary"),
            page.onward: gr.update(visible=kept and not running, variant="primary"),
            page.pause: gr.update(visible=running),
            page.stop: gr.update(visible=running),
            page.download: gr.update(visible=kept and not running, value=str(view.canvas.path) if view.canvas else None),
        }

    def end(self, session: Session, how: str) -> Updates:
        """Ask the run to end with its next step."""
        session.stopping = how
        return {self.page.status: status(View("waiting", self.words("status.stopping")))} if session.dials else {}

    # ------------------------------------------------------------------------------------------------ settings

    def recipe(self, values: Sequence[Any]) -> Recipe:
        """The recipe of the controls' values, in the order of `Page.settings` and `Page.layers`."""
        count = len(self.page.settings)
        return recipe_of(
            dict(zip(self.page.settings, values[:count], strict=True)),
            dict(zip(self.page.layers, values[count:], strict=True)),
        )

    def turn(self, session: Session, *values: float) -> None:
        """The weight sliders, in the order of `Page.turned`, act on what is running."""
        content, style, tv, *layers = values
        session.turn(Weights(content, style, tv, dict(zip(self.page.layers, layers, strict=True))))

    def turn_by_hand(self, session: Session, *values: float) -> Any:
        """The same for a slider that the visitor moves: between runs, it says what becomes of it."""
        self.turn(session, *values)
        if session.dials or session.canvas is None:
            return gr.skip()
        return status(View("done", self.words("status.next"), done=1.0))

    def choose_look(self, name: str) -> Updates:
        """A preset's settings; those that it does not name go back to their defaults, but encoder, size and steps stay."""
        preset = PRESETS[name]
        recipe = preset.recipe()
        keep = {"encoder", "size", "steps", "seed"} - preset.settings.keys()
        updates: Updates = {
            control: _set(control, getattr(recipe, key)) for key, control in self.page.settings.items() if key not in keep
        }
        updates |= {slider: _set(slider, recipe.layer_weights.get(layer, 0.0)) for layer, slider in self.page.layers.items()}
        return updates | {self.page.look_note: preset.description}

    def restore(self, path: str | None) -> Updates:
        """Bring back the settings of a picture or recipe file."""
        if path is None:
            return {}
        try:
            recipe = Recipe.from_json(read_recipe_json(path))
        except StylekitError as error:
            return {self.page.status: status(View("refused", "", error=str(error)))}
        return self._restored(recipe, Path(path).name)

    def _restored(self, recipe: Recipe, name: str) -> Updates:
        updates: Updates = {}
        said = self.words("recipe.restored", name=name)
        for key, control in self.page.settings.items():
            value = getattr(recipe, key)
            if key in ("size", "steps") and value > control.maximum:
                value, said = control.maximum, self.words("recipe.clamped", name=key, value=control.maximum)
            if key == "init" and value == "image":
                value, said = "content", self.words("recipe.start_image")
            updates[control] = _set(control, value)
        # the style loss is divided by the number of layers, and the page always has all of its own
        share = len(self.page.layers) / len(recipe.layer_weights)
        for layer, slider in self.page.layers.items():
            updates[slider] = _set(slider, min(LARGEST_WEIGHT, recipe.layer_weights.get(layer, 0.0) * share))
        if other := recipe.layer_weights.keys() - self.page.layers.keys():
            said = self.words("recipe.other_layers", layers=", ".join(sorted(other)))
        return updates | {self.page.status: status(View("refused", said)), self.page.look: None, self.page.look_note: ""}

    def look_at_photo(self, session: Session, path: str | None) -> Updates:
        """The photo that has just been chosen: what there is to tell, and a look at it while nothing is painted yet."""
        note = self.look_at(path)
        updates: Updates = {self.page.content_note: note, self.page.paint: gr.update(value=self.words("paint"))}
        if path and session.canvas is None and session.dials is None and "error" not in note:
            updates[self.page.canvas] = to_array(opened(path, PREVIEW).image)
        return updates

    def look_at(self, path: str | None) -> str:
        """What to tell about a picture that has just been chosen."""
        if path is None:
            return ""
        try:
            note = opened(path, 256).note.split(", scaled")[0]
        except PictureError as error:
            return f'<span class="error" role="alert">{error}</span>'
        note = "" if note.startswith("scaled") else note
        try:
            read_recipe_json(path)
        except PictureError:
            return note
        return self.words("recipe.here")

    # ------------------------------------------------------------------------------------------------ for programs

    def stylize(
        self,
        content: str,
        style: str,
        encoder: str,
        size: int,
        steps: int,
        content_weight: float,
        style_weight: float,
        tv_weight: float,
        layer_weights: dict[str, float],
        content_layer: str,
        statistic: str,
        formulation: str,
        optimizer: str,
        init: str,
        coarsest: int,
        seed: int,
    ) -> Iterator[Any]:
        """Paint a photo in the style of an artwork, showing previews; the last picture is the result, a PNG.

        The settings are those of stylekit.Recipe; `size` is the longest side in pixels. A studio with a time limit may end
        earlier, with a warning: the picture is then as far as it came.
        """
        settings = {k: v for k, v in locals().items() if k not in ("self", "content", "style")}
        try:
            order = Order(content, style, Recipe(**settings))
        except RecipeError as error:
            raise gr.Error(str(error), print_exception=False) from error
        session, shown = Session(), 0
        with closing(self.studio.paint(session, order)) as views:
            for view in views:
                if view.error:
                    raise gr.Error(view.error, print_exception=False)
                if view.preview is not None:
                    shown += 1
                    if shown % API_PERIOD == 1:
                        yield view.preview
                if view.canvas:
                    if view.canvas.unfinished:  # the studio's time limit
                        gr.Warning(view.text)
                    yield str(view.canvas.path)


def _set(control: Any, value: Any) -> Any:
    """An update that shows `value`, with a longer slider where it lies beyond an end."""
    if isinstance(control, gr.Slider):
        return gr.update(value=value, minimum=min(value, control.minimum), maximum=max(value, control.maximum))
    return gr.update(value=value)


def wire(page: Page, studio: Studio, limits_on_waiting: int) -> None:
    """Connect the page's components with their handlers; to be called inside gr.Blocks."""
    events = Events(page, studio)
    pictures = [page.session, page.content, page.style]
    controls = [*page.settings.values(), *page.layers.values()]
    shown = [page.status, page.canvas, page.plot, page.compare, page.download, page.paint, page.onward, page.pause, page.stop]
    live: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    for button, handler in ((page.paint, events.paint), (page.onward, events.go_on)):
        button.click(
            handler,
            [*pictures, *controls],
            shown,
            show_progress="hidden",
            concurrency_limit=limits_on_waiting,  # our own line decides who paints
            concurrency_id="paint",
            api_visibility="private",
        )
    page.pause.click(lambda session: events.end(session, "pause"), page.session, page.status, **live)
    page.stop.click(lambda session: events.end(session, "stop"), page.session, page.status, **live)

    for slider in page.turned:
        slider.input(events.turn_by_hand, [page.session, *page.turned], page.status, trigger_mode="always_last", **live)
    page.look.input(events.choose_look, page.look, [*controls, page.look_note], **live).then(
        events.turn, [page.session, *page.turned], None, **live
    )
    page.recipe_file.upload(events.restore, page.recipe_file, [*controls, page.status, page.look, page.look_note], **live).then(
        events.turn, [page.session, *page.turned], None, **live
    )
    page.content.change(events.look_at_photo, [page.session, page.content], [page.content_note, page.canvas, page.paint], **live)
    page.style.change(events.look_at, page.style, page.style_note, **live)
    _wire_programs(page, events, limits_on_waiting)


def _wire_programs(page: Page, events: Events, limits_on_waiting: int) -> None:
    """The endpoints for scripts: /stylize streams previews, /stylize_file returns the result alone."""
    with gr.Group(visible=False):
        inputs: list[Component] = [PictureFile(type="filepath", image_mode=None, label=name) for name in ("content", "style")]
        inputs += [_input(f) for f in fields(Recipe)]
        preview, file = gr.Image(format="jpeg", label="picture"), gr.File(label="result")
        both: list[tuple[str, Callable[..., Any], Component]] = [
            ("stylize", events.stylize, preview),
            ("stylize_file", _last_of(events.stylize), file),
        ]
        for name, handler, output in both:
            gr.Button(name).click(
                handler, inputs, output, api_name=name, concurrency_limit=limits_on_waiting, concurrency_id="paint"
            )


def _input(f: Field[Any]) -> Component:
    """A parameter of the API for a field of Recipe, which itself checks the limits."""
    if f.name == "layer_weights":
        return gr.JSON(dict(cast(Any, f.default)), label=f.name)
    if "choices" in f.metadata:
        return gr.Dropdown(list(f.metadata["choices"]), value=cast(str, f.default), allow_custom_value=True, label=f.name)
    return gr.Number(cast(float, f.default), label=f.name)


def _last_of(stylize: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """`stylize` without its previews, under the same names of parameters; a generator, so that it ends when nobody waits."""

    @functools.wraps(stylize)
    def stylize_file(*values: Any) -> Iterator[Any]:
        for shown in stylize(*values):
            yield shown if isinstance(shown, str) else gr.skip()

    stylize_file.__doc__ = "Paint a photo in the style of an artwork; returns only the result, a PNG with the recipe inside."
    return stylize_file
