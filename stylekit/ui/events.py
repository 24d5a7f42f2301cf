"""What happens: plain functions and generators first, the wiring at the foot."""

import functools
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import BlockContext
from gradio.components import Component

from stylekit.errors import PictureError, RecipeError, StylekitError
from stylekit.job import Job
from stylekit.pictures import Picture, format_of, read_recipe_json, save_png, to_array
from stylekit.presets import PRESETS, Preset
from stylekit.recipe import (
    CONTENT_LAYERS,
    LIVE,
    MOST_STYLES,
    SETTINGS,
    STYLE_LAYERS,
    Recipe,
    Weights,
)
from stylekit.studio import backends
from stylekit.studio.masks import Drawings
from stylekit.studio.run import PREVIEW, ROOM, Order, Studio, View, opened, pictures_of
from stylekit.studio.session import Canvas, Session
from stylekit.ui import plots
from stylekit.ui.components import Dial, PictureFile
from stylekit.ui.layout import OF_A_RUN, Page, drawn_on, flat, nested, status
from stylekit.ui.listening import Listener

Updates = dict[Component | BlockContext, Any]

PLOT_PERIOD = 4
"""Previews between two drawings of the losses."""

PALETTE_METHOD = "linear"
"""How the colours of a palette are taken in place of luminance, which takes those of the photo alone."""

SHOWN = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "AVIF")
"""Pillow's names of the formats that browsers show."""


class Events:
    """The handlers of one page."""

    def __init__(self, page: Page, studio: Studio) -> None:
        self.page, self.studio, self.words = page, studio, studio.words

    # ------------------------------------------------------------------------------------------------ painting

    def paint(self, session: Session, *values: Any) -> Iterator[Updates]:
        """Paint anew."""
        yield from self._run(session, values, resume=False)

    def resume(self, session: Session, *values: Any) -> Iterator[Updates]:
        """Continue from the canvas."""
        yield from self._run(session, values, resume=True)

    def _run(self, session: Session, values: Sequence[Any], resume: bool) -> Iterator[Updates]:
        try:
            order = self.order(values, resume)
        except StylekitError as error:
            yield self._shown(session, View("refused", "", error=str(error), canvas=session.kept()))
            return
        with closing(self.studio.paint(session, order, Listener())) as views:
            for number, view in enumerate(views):
                yield self._shown(session, view, with_plot=number % PLOT_PERIOD == 0)

    def order(self, values: Sequence[Any], resume: bool) -> Order:
        """What the visitor asks for, from the values of `Page.pictures` and `Page.controls`; raises RecipeError and SizeError."""
        count = len(self.page.pictures)
        content, *others, palette, start, content_mask, softness = values[: count - MOST_STYLES]
        style_masks = values[count - MOST_STYLES : count]
        styles = {number: style for number, style in enumerate(others) if style}
        settings = nested(dict(zip(self.page.controls, values[count:], strict=True)), len(styles))
        recipe = Recipe(**settings)
        drawings = Drawings.of(content_mask, {number: style_masks[number] for number in styles}, softness, recipe.size)
        return Order(content, list(styles.values()), recipe, resume, palette, start, drawings)

    def _shown(self, session: Session, view: View, with_plot: bool = True) -> Updates:
        """A view as updates of the page."""
        page = self.page
        updates: Updates = {page.status: status(view)}
        if view.preview is not None:
            updates[page.canvas] = view.preview
        if view.table is not None and (with_plot or view.canvas):
            names = {"content": "loss.content", "style": "loss.style", "tv": "loss.tv"}
            labels = {name: self.words(key) for name, key in names.items()} | {layer: layer for layer in STYLE_LAYERS}
            updates[page.plot] = plots.drawn(view.table, labels, self.words("losses.label"))
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
            page.resume: gr.update(visible=kept and not running, variant="primary"),
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
        done = canvas.step / max(canvas.step + canvas.unfinished, 1)
        return View("done", text, done=done, table=session.table, canvas=canvas)

    def end(self, session: Session, how: str) -> Any:
        """Ask the run to end with its next step."""
        session.stopping = how
        return status(View("waiting", self.words("status.stopping"))) if session.dials else gr.skip()

    def recover(self, session: Session) -> Updates:
        """After an error that gradio met with a view of ours, such as a full disk: the buttons of what is true."""
        session.stopping = session.stopping or "pause"
        return self._shown(session, View("refused", "", error=self.words("error.unexpected"), canvas=session.kept()))

    # ------------------------------------------------------------------------------------------------ a page loaded anew

    def arrive(self, session: Session, token: str) -> Any:
        """Settings and pictures of whoever was here before in the same tab."""
        found = self.studio.sessions.find(token, session)
        if found is session:
            return gr.skip()
        found.touch()
        updates: Updates = {self.page.session: found}
        updates |= {self.page.controls[key]: _set(self.page.controls[key], value) for key, value in found.settings.items()}
        for key, picture in self.page.files.items():
            path = found.pictures.get(key)
            if key in found.pictures and (path is None or Path(path).is_file()):
                updates[picture] = path
        return updates | self._preset_of(found)

    def come_back(self, session: Session) -> Any:
        """The painting of whoever was here before in the same tab; it may take a moment until its run has ended."""
        if session.tabs < 2 or not (canvas := self.studio.left(session)):
            return gr.skip()
        return self._shown(session, self._again(session, canvas, "status.back"))

    # ------------------------------------------------------------------------------------------------ settings

    def turn(self, session: Session, *values: Any) -> None:
        """The values of `Page.controls`: remembered, and what can act on a running picture does so."""
        settings = dict(zip(self.page.controls, values, strict=True))
        if dials := session.dials:  # once: a run may end meanwhile
            with suppress(RecipeError):  # layers that are being written: the next run takes them, or says what is wrong
                turned = nested({key: settings[key] for key in self.page.turned}, len(dials.weights.style_scales))
                weights = Weights(**{name: turned[name] for name in LIVE})
                if session.recipe:
                    self.studio.limits.check_style_scales(session.recipe.size, weights.style_scales, len(weights.style_scales))
                session.turn(weights)
        with suppress(RecipeError):
            recipe = Recipe(**nested(settings, MOST_STYLES))
            session.settings, session.waiting = settings, self._waits(session, recipe)

    def _waits(self, session: Session, recipe: Recipe) -> str:
        """Which settings a running picture cannot take."""
        running = session.recipe if session.dials else None
        names = [name for name in SETTINGS if name not in (*LIVE, *OF_A_RUN)] if running else []
        waiting = [self.words(f"label.{name}") for name in names if getattr(recipe, name) != getattr(running, name)]
        return self.words("status.waits", settings=", ".join(waiting)) if waiting else ""

    def turn_by_hand(self, session: Session, *values: Any) -> Updates:
        """The same for a control that the visitor moves: between runs, it says what becomes of it."""
        self.turn(session, *values)
        settings = dict(zip(self.page.controls, values, strict=True))
        updates = self._changed(session, settings)
        if session.settings == settings:
            session.refused = ""
        if session.dials or session.canvas is None:
            return updates | {self.page.status: gr.skip()}
        return updates | {self.page.status: status(View("done", self.words("status.next"), done=1.0))}

    def _changed(self, session: Session, values: dict[str, Any]) -> Updates:
        """The preset is no longer chosen when the visitor has moved one of its settings."""
        preset = PRESETS.get(session.preset or "")
        if not preset or all(values[key] in (value, None) for key, value in _settings_of(preset).items()):
            return {}
        session.preset, session.preset_note = None, self.words("preset.changed", preset=preset.title)
        return self._preset_of(session)

    def _preset_of(self, session: Session) -> Updates:
        preset, page = PRESETS.get(session.preset or ""), self.page
        note = session.preset_note or (preset.description if preset else "")
        chosen, other = (page.program, page.preset) if preset and preset.program else (page.preset, page.program)
        return {chosen: session.preset, other: None, page.preset_note: note}

    def judge(self, key: str, session: Session, value: Any, before: Any) -> Any:
        """A number that has been typed in place of `before`: where no recipe may have it, say so, and show that again."""
        control = self.page.controls[key]
        error = None if value is None else self._refusal(key, value)
        if error is None:
            return gr.skip()
        counts = control.value if self._refusal(key, before) else before
        session.refused = self.words("value.refused", error=error, value=f"{counts:g}")
        return {control: _set(control, counts), self.page.status: status(View("done", "", error=session.refused))}

    def _refusal(self, key: str, value: Any) -> RecipeError | None:
        """Why no recipe of this studio may have this value of a control."""
        try:
            self.studio.limits.check(Recipe(**nested({key: value}, MOST_STYLES)))
        except RecipeError as error:
            return error
        return None

    def choose_preset(self, session: Session, name: str | None) -> Any:
        """A preset's settings; those that it does not name go back to their defaults, but encoder, size and steps stay.

        With a palette, so does the way in which colours are taken from it.
        """
        if name is None:
            return gr.skip()
        session.preset, session.preset_note = name, ""
        stay = {"color_method", "color_strength"} if session.pictures.get("palette") else set()
        updates: Updates = {}
        for key, value in _settings_of(PRESETS[name]).items():
            if key not in stay:
                updates[self.page.controls[key]] = _set(self.page.controls[key], value)
        return updates | self._preset_of(session)

    def choose_palette(self, palette: str | None, method: str, strength: float) -> Updates:
        """A palette needs a method that takes colours as a whole, and some strength: chosen here, and said."""
        if palette is None:
            return {self.page.palette_note: ""}
        method, strength = PALETTE_METHOD if method == "luminance" else method, strength or 1
        said = self.words("palette.used", method=method, strength=f"{strength:g}")
        controls = self.page.controls
        return {controls["color_method"]: method, controls["color_strength"]: strength, self.page.palette_note: said}

    def restore(self, session: Session, path: str | None) -> Any:
        """Bring back the settings of a picture or recipe file; of a picture without them, ask what it is for."""
        if path is None:
            return gr.skip()
        offer: Updates = {self.page.offer: gr.update(visible=False)}
        try:
            text = read_recipe_json(path)
        except PictureError as error:
            return offer | self._offered(path, error)
        try:
            return offer | self._restored(session, Recipe.from_json(text), Path(path).name)
        except RecipeError as error:
            return offer | {self.page.status: status(View("refused", "", error=str(error)))}

    def _offered(self, path: str, error: PictureError) -> Updates:
        _, picture = self._look(path)
        if picture is None:
            return {self.page.status: status(View("refused", "", error=str(error)))}
        said = status(View("idle", self.words("offer.say", name=Path(path).name)))
        return {self.page.status: said, self.page.offer: gr.update(visible=True)}

    def use_as(self, place: PictureFile, path: str | None) -> Updates:
        """A picture that was dropped somewhere, as photo or as artwork."""
        said = status(View("idle", self.words("status.ready")))
        shown = self.shown_by_browsers(path) if path else None
        return {place: shown or path, self.page.status: said, self.page.offer: gr.update(visible=False)}

    def show(self, path: str | None) -> Any:
        """An upload that a browser cannot show, as one that it can: its field would seem empty."""
        return (self.shown_by_browsers(path) if path else None) or gr.skip()

    def shown_by_browsers(self, path: str) -> str | None:
        """A PNG of a HEIC photo or a TIFF, as large as the studio can use; None where none is needed, or none can be had."""
        try:
            if format_of(path) in SHOWN:
                return None
            picture, recipe = opened(path, ROOM * self.studio.limits.max_size, enlarge=False), None
            with suppress(PictureError):
                recipe = read_recipe_json(path)
            shown = self.studio.folder() / f"{Path(path).stem}.png"
            save_png(shown, picture.image, alpha=picture.alpha, recipe_json=recipe)
        except (PictureError, OSError):
            return None  # what is chosen is looked at in any case, and that says what is wrong with it
        return str(shown)

    def dismiss(self) -> Updates:
        """It is for nothing."""
        return {self.page.status: status(View("idle", "")), self.page.offer: gr.update(visible=False)}

    def _restored(self, session: Session, recipe: Recipe, name: str) -> Updates:
        updates: Updates = {}
        clamped = {}
        for key, value in flat(recipe).items():
            control = self.page.controls[key]
            if key in ("size", "steps") and value > control.maximum:
                value = clamped[key] = control.maximum
            updates[control] = _set(control, value)
        session.preset, session.preset_note = None, ""
        said = " ".join(self._to_say(recipe, name, clamped))
        return updates | self._preset_of(session) | {self.page.status: status(View("refused", said))}

    def _to_say(self, recipe: Recipe, name: str, clamped: dict[str, int]) -> Iterator[str]:
        """All that a restored recipe and the page do not have in common."""
        yield self.words("recipe.restored", name=name)
        for key, value in clamped.items():
            yield self.words("recipe.clamped", name=key, value=value)
        if other := recipe.more_content_layers.keys() - set(CONTENT_LAYERS):
            yield self.words("recipe.other_layers", layers=", ".join(sorted(other)))
        if recipe.init == "image":
            yield self.words("recipe.start_image")

    def look_at_photo(self, session: Session, path: str | None) -> Updates:
        """The photo that has just been chosen: what there is to tell, and a look at it while nothing is painted yet."""
        note, picture = self._look(path)
        updates: Updates = {self.page.content_note: note}
        if self.studio.keep_picture(session, "content", path):
            updates[self.page.paint] = gr.update(value=self.words("paint"))
        if picture:
            photo = to_array(picture.image)
            updates[self.page.content_mask] = drawn_on(photo)
            if session.canvas is None and session.dials is None:
                updates[self.page.canvas] = photo
        return updates

    def look_at_artwork(self, number: int, key: str, session: Session, path: str | None) -> Updates:
        """An artwork that has just been chosen: what there is to tell of the first, and where masks are painted on it."""
        note, picture = self._look(path)
        self.studio.keep_picture(session, key, path)
        style_mask, tab = self.page.style_masks[number], self.page.style_mask_tabs[number]
        updates: Updates = {style_mask: drawn_on(to_array(picture.image)) if picture else None}
        return updates | ({self.page.style_note: note} if number == 0 else {tab: gr.update(visible=picture is not None)})

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
            order = self.order(values, resume=False)
            self.studio.limits.check(order.recipe, len(order.styles))
            if order.content is None or not order.styles:
                raise RecipeError(self.words("error.two_pictures"))
            content, styles = pictures_of(order.content, order.styles, order.recipe)
            alpha, layers = backends.gatys_units(Job(content.image, styles, order.recipe))
        except StylekitError as error:
            return alert(error)
        parts = ", ".join(f"{layer} {weight:.3g}" for layer, weight in layers.items())
        return escape(self.words("units.say", alpha=f"{alpha:.3g}", layers=parts, size=order.recipe.size))


def alert(error: StylekitError) -> str:
    """An error as HTML, for a note."""
    return f'<span class="error" role="alert">{escape(str(error))}</span>'


def _settings_of(preset: Preset) -> dict[str, Any]:
    """The preset as values of the page's controls, without those that stay the visitor's choice."""
    stay = {"encoder", "size", "steps", "seed"} - preset.settings.keys()
    return {key: value for key, value in flat(preset.recipe()).items() if key not in stay}


def _set(control: Any, value: Any) -> Any:
    """An update that shows `value`, with a longer slider where it lies beyond an end."""
    if isinstance(control, gr.Slider):
        return gr.update(value=value, minimum=min(value, control.minimum), maximum=max(value, control.maximum))
    return gr.update(value=value)


def focus(selector: str) -> str:
    """JavaScript that moves the focus there when the page has followed; the values of an event pass it unchanged."""
    return f"(...values) => {{ setTimeout(() => document.querySelector('{selector}')?.focus(), 200); return values }}"


def once_left(elem_id: str) -> str:
    """JavaScript for `Events.judge`: a number that is still being typed is none, for a click into the field is a release, too."""
    field = f"document.querySelector('#{elem_id} input[type=number]')"
    return f"(session, value) => [session, {field} === document.activeElement ? null : value, numberBefore]"


def keep_picture(studio: Studio, key: str, session: Session, path: str | None) -> None:
    """Studio.keep_picture, as a handler: of no picture is there anything to show."""
    studio.keep_picture(session, key, path)


def wire(blocks: gr.Blocks, page: Page, studio: Studio, limits_on_waiting: int) -> None:
    """Connect the page's components with their handlers; to be called inside `blocks`."""
    events = Events(page, studio)
    controls = list(page.controls.values())
    buttons = [page.paint, page.resume, page.pause, page.stop, page.download, page.earlier]
    shown = [page.status, page.canvas, page.plot, page.compare, *buttons]
    live: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    for button, handler in ((page.paint, events.paint), (page.resume, events.resume)):
        painting = button.click(
            handler,
            [page.session, *page.pictures, *controls],
            shown,
            show_progress="hidden",
            concurrency_limit=limits_on_waiting,  # our own line decides who paints
            concurrency_id="paint",
            api_visibility="private",
        )
        painting.failure(events.recover, page.session, shown, **live)
    page.pause.click(lambda session: events.end(session, "pause"), page.session, page.status, **live)
    page.stop.click(lambda session: events.end(session, "stop"), page.session, page.status, **live)

    page.earlier.click(events.bring_back, page.session, shown, **live)

    turned, presets = [page.session, *controls], [page.preset, page.program, page.preset_note]
    by_hand = [page.status, *presets]
    last = {**live, "trigger_mode": "always_last"}
    for key, control in page.controls.items():
        control.input(events.turn_by_hand, turned, by_hand, **last)
        if isinstance(control, Dial):
            control.input(None, control, control, js=control.lengthen(), **live)
        if isinstance(control, Dial | gr.Number):
            left = control.release if isinstance(control, Dial) else control.blur
            typed, judge = [page.session, control, page.before], functools.partial(events.judge, key)
            judged = left(judge, typed, [control, page.status], js=once_left(str(control.elem_id)), **last)
            judged.then(events.turn, turned, None, **live)
    chosen = [*controls, *presets]
    for chooser in (page.preset, page.program):
        chooser.input(events.choose_preset, [page.session, chooser], chosen, **live).then(events.turn, turned, None, **live)
    told = [*chosen, page.status, page.offer]
    restored = page.recipe_file.upload(events.restore, [page.session, page.recipe_file], told, **live)
    restored.then(events.turn, turned, None, js=focus("#offer button"), **live)
    for button, place in ((page.as_photo, page.content), (page.as_artwork, page.style)):
        use = functools.partial(events.use_as, place)
        used = button.click(use, page.recipe_file, [place, page.status, page.offer], **live)
        used.then(None, js=focus("#paint"), **live)
    page.as_nothing.click(events.dismiss, None, [page.status, page.offer], **live).then(None, js=focus("#paint"), **live)
    page.units.click(events.gatys_units, [*page.pictures, *controls], page.units_note, api_visibility="private")
    looked = [page.content_note, page.canvas, page.paint, page.content_mask]
    colors = [page.controls[name] for name in ("color_method", "color_strength")]
    taken = page.palette.change(events.choose_palette, [page.palette, *colors], [page.palette_note, *colors], **live)
    taken.then(events.turn, turned, None, **live)
    page.content.change(events.look_at_photo, [page.session, page.content], looked, **live)
    artworks = [key for key, picture in page.files.items() if picture in (page.style, *page.further)]
    for number, key in enumerate(artworks):
        told = [page.style_note if number == 0 else page.style_mask_tabs[number], page.style_masks[number]]
        looked_at = functools.partial(events.look_at_artwork, number, key)
        page.files[key].change(looked_at, [page.session, page.files[key]], told, **live)
    for picture in page.files.values():
        picture.upload(events.show, picture, picture, **live)
    for key, picture in page.files.items():
        if key not in ("content", *artworks):
            picture.change(functools.partial(keep_picture, studio, key), [page.session, picture], None, **live)
    found = [page.session, *chosen, *page.files.values()]
    token = "session => [session, stylekitToken()]"
    loaded = blocks.load(events.arrive, [page.session, page.token], found, js=token, **live)
    loaded.then(events.come_back, page.session, shown, **live)
