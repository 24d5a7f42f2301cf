"""What happens: plain functions and generators first, the wiring at the foot."""

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import Field, fields, replace
from html import escape
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.components import Component

from stylekit.errors import PictureError, RecipeError, StylekitError
from stylekit.pictures import Picture, read_recipe_json, to_array
from stylekit.presets import PRESETS
from stylekit.recipe import CONTENT_LAYERS, LARGEST_WEIGHT, LIVE, MOST_STYLES, STYLE_LAYERS, LayerWeights, Recipe, Weights
from stylekit.ui import compute, plots
from stylekit.ui.components import Dial, PictureFile
from stylekit.ui.layout import Page, drawn_on, flat, nested, status
from stylekit.ui.masking import masks_of
from stylekit.ui.painting import PREVIEW, Order, Studio, View, opened, pictures_of
from stylekit.ui.session import Canvas, Session

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

    def paint(self, session: Session, *values: Any) -> Iterator[Updates]:
        """Paint anew."""
        yield from self._run(session, values, onward=False)

    def go_on(self, session: Session, *values: Any) -> Iterator[Updates]:
        """Continue from the canvas."""
        yield from self._run(session, values, onward=True)

    def _run(self, session: Session, values: Sequence[Any], onward: bool) -> Iterator[Updates]:
        try:
            order = self.order(values, onward)
        except RecipeError as error:
            yield self._shown(session, View("refused", "", error=str(error), canvas=session.kept()))
            return
        with closing(self.studio.paint(session, order)) as views:
            for number, view in enumerate(views):
                yield self._shown(session, view, with_plot=number % PLOT_PERIOD == 0)

    def order(self, values: Sequence[Any], onward: bool) -> Order:
        """What the visitor asks for, from the values of `Page.pictures` and `Page.controls`; raises RecipeError."""
        count = len(self.page.pictures)
        content, first, *others, palette, start, drawing, cutout, softness = values[:count]
        styles = [style for style in (first, *others) if style]
        settings = nested(dict(zip(self.page.controls, values[count:], strict=True)), len(styles))
        masks = masks_of(drawing, len(styles), softness, cutout if first else None)
        return Order(content, styles, Recipe(**settings), onward, palette, start, masks)

    def _shown(self, session: Session, view: View, with_plot: bool = True) -> Updates:
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
        return updates | self._buttons(session, view)

    def _buttons(self, session: Session, view: View) -> Updates:
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
            page.earlier: gr.update(visible=not running and session.has_earlier()),
        }

    def bring_back(self, session: Session) -> Any:
        """The painting before the one on the easel."""
        session.bring_back()
        if session.dials or not (canvas := session.kept()):
            return gr.skip()
        return self._shown(session, self._again(session, canvas, "status.earlier"))

    def _again(self, session: Session, canvas: Canvas, key: str) -> View:
        """A painting that is shown again, with the sentence `key`."""
        text = self.words(key, step=canvas.step, size=canvas.size)
        return View("done", text, done=1.0, table=session.table, canvas=canvas)

    def end(self, session: Session, how: str) -> Updates:
        """Ask the run to end with its next step."""
        session.stopping = how
        return {self.page.status: status(View("waiting", self.words("status.stopping")))} if session.dials else {}

    # ------------------------------------------------------------------------------------------------ settings

    def turn(self, session: Session, *values: Any) -> None:
        """The values of `Page.controls`: remembered, and what can act on a running picture does so."""
        settings = dict(zip(self.page.controls, values, strict=True))
        if dials := session.dials:  # once: a run may end meanwhile
            turned = nested({key: settings[key] for key in self.page.turned}, len(dials.weights.scales))
            with suppress(RecipeError):  # layers that are being written: the next run takes them, or says what is wrong
                session.turn(Weights(**{name: turned[field] for name, field in LIVE.items()}))
        with suppress(RecipeError):
            recipe = Recipe(**nested(settings, MOST_STYLES))
            session.settings, session.note = settings, self._waits(session, recipe)

    def _waits(self, session: Session, recipe: Recipe) -> str:
        """Which settings a running picture cannot take."""
        running = session.recipe if session.dials else None
        names = [f.name for f in fields(Recipe) if f.name not in LIVE.values()] if running else []
        waiting = [self.words(f"label.{name}") for name in names if getattr(recipe, name) != getattr(running, name)]
        return self.words("status.waits", settings=", ".join(waiting)) if waiting else ""

    def turn_by_hand(self, session: Session, *values: Any) -> Any:
        """The same for a control that the visitor moves: between runs, it says what becomes of it."""
        self.turn(session, *values)
        if session.dials or session.canvas is None:
            return gr.skip()
        return status(View("done", self.words("status.next"), done=1.0))

    def judge(self, key: str, session: Session, value: Any, before: Any) -> Any:
        """A number that has been typed in place of `before`: where no recipe may have it, say so, and show that again."""
        control = self.page.controls[key]
        error = self._refusal(key, value)
        if error is None:
            return gr.skip()
        counts = control.value if self._refusal(key, before) else before
        session.note = self.words("value.refused", error=error, value=f"{counts:g}")
        return {control: _set(control, counts), self.page.status: status(View("done", "", error=session.note))}

    def _refusal(self, key: str, value: Any) -> RecipeError | None:
        """Why no recipe of this studio may have this value of a control."""
        try:
            self.studio.limits.check(Recipe(**nested({key: value}, MOST_STYLES)))
        except RecipeError as error:
            return error
        return None

    def choose_look(self, name: str | None) -> Updates:
        """A preset's settings; those that it does not name go back to their defaults, but encoder, size and steps stay."""
        if name is None:
            return {}
        preset = PRESETS[name]
        values = values_of(preset.recipe())
        keep = {"encoder", "size", "steps", "seed"} - preset.settings.keys()
        updates: Updates = {control: _set(control, values[key]) for key, control in self.page.controls.items() if key not in keep}
        if preset.program:
            return updates | {self.page.look: None, self.page.look_note: preset.description}
        return updates | {self.page.program: None, self.page.look_note: preset.description}

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
        for key, value in values_of(recipe).items():
            control = self.page.controls[key]
            if key in ("size", "steps") and value > control.maximum:
                value, said = control.maximum, self.words("recipe.clamped", name=key, value=control.maximum)
            if key == "init" and value == "image":
                said = self.words("recipe.start_image")
            updates[control] = _set(control, value)
        if other := recipe.more_content_layers.keys() - set(CONTENT_LAYERS):
            said = self.words("recipe.other_layers", layers=", ".join(sorted(other)))
        updates |= {self.page.look: None, self.page.program: None, self.page.look_note: ""}
        return updates | {self.page.status: status(View("refused", said))}

    def look_at_photo(self, session: Session, path: str | None) -> Updates:
        """The photo that has just been chosen: what there is to tell, and a look at it while nothing is painted yet."""
        note, picture = self._look(path)
        updates: Updates = {self.page.content_note: note, self.page.paint: gr.update(value=self.words("paint"))}
        if picture:
            photo = to_array(picture.image)
            updates[self.page.drawing] = drawn_on(photo)
            if session.canvas is None and session.dials is None:
                updates[self.page.canvas] = photo
        return updates

    def look_at_artwork(self, path: str | None) -> Updates:
        """The first artwork that has just been chosen: what there is to tell."""
        note, picture = self._look(path)
        updates: Updates = {self.page.style_note: note}
        if picture:
            updates[self.page.cutout] = drawn_on(to_array(picture.image))
        return updates

    def _look(self, path: str | None) -> tuple[str, Picture | None]:
        """What to tell about a picture, and the picture, if it can be opened."""
        if path is None:
            return "", None
        try:
            picture = opened(path, PREVIEW)
        except PictureError as error:
            return alert(error), None
        try:
            read_recipe_json(path)
        except PictureError:
            return ", ".join(part for part in picture.note.split(", ") if not part.startswith("scaled")), picture
        return self.words("recipe.here"), picture

    def gatys_units(self, *values: Any) -> str:
        """What the weights are in the units of Gatys et al. 2016, for the pictures on the page."""
        try:
            order = self.order(values, onward=False)
            self.studio.limits.check(order.recipe)
            if order.content is None or not order.styles:
                raise RecipeError(self.words("error.two_pictures"))
            content, styles = pictures_of(order.content, order.styles, order.recipe)
            alpha, layers = compute.gatys_units(content.image, styles, order.recipe)
        except StylekitError as error:
            return alert(error)
        parts = ", ".join(f"{layer} {weight:.3g}" for layer, weight in layers.items())
        return escape(self.words("units.say", alpha=f"{alpha:.3g}", layers=parts, size=order.recipe.size))

    # ------------------------------------------------------------------------------------------------ for programs

    def stylize(self, content: str, *values: Any) -> Iterator[Any]:
        """Paint a photo in the style of one to four artworks, showing previews; the last picture is the result, a PNG.

        The settings are those of stylekit.Recipe; `size` is the longest side in pixels. A studio with a time limit may end
        earlier, with a warning: the picture is then as far as it came.
        """
        styles, palette, start = [style for style in values[:MOST_STYLES] if style], *values[MOST_STYLES : MOST_STYLES + 2]
        settings = dict(zip([f.name for f in fields(Recipe)], values[MOST_STYLES + 2 :], strict=True))
        try:
            order = Order(content, styles, Recipe(**settings), palette=palette, start=start)
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


def alert(error: StylekitError) -> str:
    """An error as HTML, for a note."""
    return f'<span class="error" role="alert">{escape(str(error))}</span>'


def values_of(recipe: Recipe) -> dict[str, Any]:
    """The recipe as values of the page's controls, where the style loss is divided by more layers: those of all its sliders."""
    layers = {*STYLE_LAYERS, *recipe.layer_weights}
    share = len(layers) / len(recipe.layer_weights)
    scaled = {layer: min(LARGEST_WEIGHT, share * weight) for layer, weight in recipe.layer_weights.items()}
    return flat(replace(recipe, layer_weights=scaled))


def _set(control: Any, value: Any) -> Any:
    """An update that shows `value`, with a longer slider where it lies beyond an end."""
    if isinstance(control, gr.Slider):
        return gr.update(value=value, minimum=min(value, control.minimum), maximum=max(value, control.maximum))
    return gr.update(value=value)


def wire(page: Page, studio: Studio, limits_on_waiting: int) -> None:
    """Connect the page's components with their handlers; to be called inside gr.Blocks."""
    events = Events(page, studio)
    controls = list(page.controls.values())
    buttons = [page.paint, page.onward, page.pause, page.stop, page.download, page.earlier]
    shown = [page.status, page.canvas, page.plot, page.compare, *buttons]
    live: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    for button, handler in ((page.paint, events.paint), (page.onward, events.go_on)):
        button.click(
            handler,
            [page.session, *page.pictures, *controls],
            shown,
            show_progress="hidden",
            concurrency_limit=limits_on_waiting,  # our own line decides who paints
            concurrency_id="paint",
            api_visibility="private",
        )
    page.pause.click(lambda session: events.end(session, "pause"), page.session, page.status, **live)
    page.stop.click(lambda session: events.end(session, "stop"), page.session, page.status, **live)

    page.earlier.click(events.bring_back, page.session, shown, **live)

    turned = [page.session, *controls]
    for key, control in page.controls.items():
        control.input(events.turn_by_hand, turned, page.status, trigger_mode="always_last", **live)
        if isinstance(control, Dial):
            control.input(None, control, control, js=control.lengthen(), **live)
        if isinstance(control, Dial | gr.Number):
            left = control.release if isinstance(control, Dial) else control.blur
            typed, judge = [page.session, control, page.before], functools.partial(events.judge, key)
            judged = left(judge, typed, [control, page.status], js="(...typed) => [...typed.slice(0, 2), numberBefore]", **live)
            judged.then(events.turn, turned, None, **live)
    chosen = [*controls, page.look, page.program, page.look_note]
    for chooser in (page.look, page.program):
        chooser.input(events.choose_look, chooser, chosen, **live).then(events.turn, turned, None, **live)
    restored = page.recipe_file.upload(events.restore, page.recipe_file, [*chosen, page.status], **live)
    restored.then(events.turn, turned, None, **live)
    page.units.click(events.gatys_units, [*page.pictures, *controls], page.units_note, api_visibility="private")
    looked = [page.content_note, page.canvas, page.paint, page.drawing]
    page.content.change(events.look_at_photo, [page.session, page.content], looked, **live)
    page.style.change(events.look_at_artwork, page.style, [page.style_note, page.cutout], **live)
    _wire_programs(page, events, limits_on_waiting)


def _wire_programs(page: Page, events: Events, limits_on_waiting: int) -> None:
    """The endpoints for scripts: /stylize streams previews, /stylize_file returns the result alone."""
    with gr.Group(visible=False):
        pictures = ["content", "style", *(f"style_{n}" for n in range(2, MOST_STYLES + 1)), "palette", "start"]
        inputs: list[Component] = [PictureFile(type="filepath", image_mode=None, label=name) for name in pictures]
        inputs += [_input(f) for f in fields(Recipe)]
        stylize = _named(events.stylize, pictures)
        preview, file = gr.Image(format="jpeg", label="picture"), gr.File(label="result")
        both: list[tuple[str, Callable[..., Any], Component]] = [
            ("stylize", stylize, preview),
            ("stylize_file", _last_of(stylize), file),
        ]
        for name, handler, output in both:
            gr.Button(name).click(
                handler, inputs, output, api_name=name, concurrency_limit=limits_on_waiting, concurrency_id="paint"
            )


def _input(f: Field[Any]) -> Component:
    """A parameter of the API for a field of Recipe, which itself checks the limits."""
    if isinstance(f.default, LayerWeights):
        return gr.JSON(dict(f.default), label=f.name)
    if isinstance(f.default, tuple):
        return gr.JSON([], label=f.name)
    if isinstance(f.default, bool):
        return gr.Checkbox(f.default, label=f.name)
    if "choices" in f.metadata:
        return gr.Dropdown(list(f.metadata["choices"]), value=cast(str, f.default), allow_custom_value=True, label=f.name)
    return gr.Number(cast(float, f.default), label=f.name)


def _named(stylize: Callable[..., Iterator[Any]], pictures: Sequence[str]) -> Callable[..., Iterator[Any]]:
    """`stylize` with a name for each parameter, for the API to show: the pictures, of which two are needed, and the fields."""

    @functools.wraps(stylize)
    def named(*values: Any) -> Iterator[Any]:
        yield from stylize(*values)

    kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    parameters = [inspect.Parameter(name, kind, default=empty if n < 2 else None) for n, name in enumerate(pictures)]
    parameters += [inspect.Parameter(f.name, kind, default=getattr(Recipe(), f.name)) for f in fields(Recipe)]
    named.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return named


def _last_of(stylize: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """`stylize` without its previews, under the same names of parameters; a generator, so that it ends when nobody waits."""

    @functools.wraps(stylize)
    def stylize_file(*values: Any) -> Iterator[Any]:
        for shown in stylize(*values):
            yield shown if isinstance(shown, str) else gr.skip()

    stylize_file.__doc__ = "Paint a photo in the style of an artwork; returns only the result, a PNG with the recipe inside."
    return stylize_file
