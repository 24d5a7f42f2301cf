"""What happens: plain functions and generators first, the wiring at the foot."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from html import escape
from itertools import pairwise
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
    EDGES,
    LIVE,
    MOST_STYLES,
    PALETTE_METHODS,
    SETTINGS,
    STYLE_LAYERS,
    Recipe,
    Weights,
    setting,
)
from stylekit.studio import backends
from stylekit.studio.masks import Drawings
from stylekit.studio.run import PREVIEW, ROOM, Order, Studio, View, opened, pictures_of
from stylekit.studio.session import Session
from stylekit.studio.timeline import Moment
from stylekit.ui import compare, plots, strip
from stylekit.ui.components import Dial, PictureFile
from stylekit.ui.layout import OF_A_RUN, Page, drawn_on, flat, label_of, nested, status
from stylekit.ui.listening import Listener
from stylekit.ui.words import understood

Updates = dict[Component | BlockContext, Any]

PLOT_PERIOD = 4
"""Previews between two drawings of the losses."""

PALETTE_METHOD = "linear"
"""How the colours of a palette are taken in place of a method that takes those of the photo alone."""

SHOWN = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "AVIF")
"""Pillow's names of the formats that browsers show."""

AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""How gradio calls what takes no time to speak of: past the line, without a sign of progress, for this page alone."""

LAST: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last"}
"""The same for what a visitor moves: of many changes, the last counts."""


GO_ON = """goes_on => {
  const press = (tries) => {
    const button = document.querySelector("#continue");
    if (button?.checkVisibility()) button.click();
    else if (tries) setTimeout(press, 100, tries - 1);
  };
  if (goes_on) press(100);
}"""
"""JavaScript: Continue with what the page was painting before it was loaded anew, once the button is there."""


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
        session.ended, session.plays = "", session.steered
        try:
            order = self.order(values, resume, session.steered)
        except StylekitError as error:
            refused = View("refused", "", error=str(error), canvas=session.kept())
            session.ended = status(refused)
            yield self._shown(session, refused)
            return
        session.artworks = order.letters
        if order.drawings and session.drawn:
            order = replace(order, drawings=order.drawings.over(session.drawn))
        with closing(self.studio.paint(session, order, Listener())) as views:
            for number, view in enumerate(views):
                session.ended = status(view) if view.mode in ("done", "refused") else ""
                yield self._shown(session, view, with_plot=number % PLOT_PERIOD == 0)

    def order(self, values: Sequence[Any], resume: bool, steered: Recipe | None = None) -> Order:
        """What the visitor asks for, from the values of `Page.pictures` and `Page.controls`; raises RecipeError and SizeError.

        With the keyframes of `steered`, a recipe that was brought back.
        """
        count = len(self.page.pictures)
        content, *others, palette, start, content_mask, softness = values[: count - MOST_STYLES]
        style_masks = values[count - MOST_STYLES : count]
        styles, letters = [style for style in others if style], _chosen(others)
        recipe = Recipe(**nested(dict(zip(self.page.controls, values[count:], strict=True)), letters))
        if steered:
            recipe = performed(recipe, steered, letters, resume)
        drawings = Drawings.of(content_mask, {number: style_masks[number] for number in letters}, softness, recipe.size)
        return Order(content, styles, recipe, resume, palette, start, drawings, letters)

    def _shown(self, session: Session, view: View, with_plot: bool = True) -> Updates:
        """A view as updates of the page."""
        page = self.page
        updates: Updates = {page.status: status(view)}
        if view.preview is not None:
            updates[page.canvas] = view.preview
        if view.table is not None and (with_plot or view.canvas):
            names = {"content": "loss.content", "style": "loss.style", "tv": "loss.tv", EDGES: "loss.edges"}
            labels = {name: self.words(key) for name, key in names.items()} | {layer: layer for layer in STYLE_LAYERS}
            updates[page.plot] = plots.drawn(view.table, labels, self.words("losses.label"), strip.span(session))
        if view.canvas:
            updates[page.canvas] = str(view.canvas.path)
            updates[page.compare] = compare.drawn(view.canvas)
            updates[page.download] = gr.update(value=str(view.canvas.path))
        return updates | self._timeline(session, view) | self._moved_along(session, view) | self._buttons(session, view)

    def _timeline(self, session: Session, view: View) -> Updates:
        """The strip, if there is something new on it."""
        state = strip.state(session)
        if state == session.strip and view.mode in ("waiting", "painting"):
            return {}
        return self.strip_of(session)

    def strip_of(self, session: Session) -> Updates:
        """The strip as it is now."""
        session.strip = strip.state(session)
        return {self.page.strip: strip.drawn(session, lambda weights: flat(weights, session.artworks))}

    def _moved_along(self, session: Session, view: View) -> Updates:
        """The sliders follow the keyframes that are played."""
        if not session.playing or view.weights is None:
            return {}
        shown = flat(view.weights, session.artworks)
        moved = {key: value for key, value in shown.items() if session.settings.get(key) != value}
        session.settings = session.settings | moved
        return self.set_all(moved)

    def set_all(self, values: Mapping[str, Any]) -> Updates:
        """The page's controls with these values."""
        return {self.page.controls[key]: _set(self.page.controls[key], value) for key, value in values.items()}

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
            page.pin: gr.update(visible=kept and not running and self.studio.walls.hours > 0),
            page.card.button: gr.update(visible=kept and not running),
            page.card.panel: gr.update(visible=False),  # it is of another painting
            page.settle: gr.update(visible=not running and session.steered is not None),
        }

    def shown_again(self, session: Session, canvas: Moment, key: str) -> Updates:
        """A painting that is back on the easel, with the sentence `key`."""
        return self._shown(session, self._again(session, canvas, key))

    def _again(self, session: Session, canvas: Moment, key: str) -> View:
        """A painting that is shown again, with the sentence `key`."""
        text = self.words(key, step=canvas.step, size=canvas.size)
        done = canvas.step / max(canvas.step + canvas.unfinished, 1)
        return View("done", text, done=done, table=session.table, canvas=canvas)

    def end(self, session: Session, how: str) -> Any:
        """Ask the run to end with its next step."""
        session.stopping = how
        return status(View("waiting", self.words("status.stopping"))) if session.dials else gr.skip()

    def ended(self, session: Session) -> Any:
        """What the run has said at its end, if that was before "Stopping" arrived at the page."""
        return session.ended or gr.skip()

    def said(self, text: str, error: str = "") -> str:
        """A sentence for the page's status, when nothing is painted."""
        return status(View("idle", text, error=error))

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
        updates |= self.set_all(found.settings) | self._settle_of(found)
        for key, picture in self.page.files.items():
            path = found.pictures.get(key)
            if key in found.pictures and (path is None or Path(path).is_file()):
                updates[picture] = path
        return updates | self.preset_of(found)

    def come_back(self, session: Session) -> Any:
        """The painting of whoever was here before in the same tab; it may take a moment until its run has ended."""
        if session.tabs < 2 or not (canvas := self.studio.left(session)):
            return gr.skip()
        return self.shown_again(session, canvas, "status.back") | {
            self.page.goes_on: "yes" if self.studio.goes_on(session) else ""
        }

    # ------------------------------------------------------------------------------------------------ settings

    def turn(self, session: Session, *values: Any, key: str | None = None) -> Any:
        """Turn a running picture by settings that were `put`; by `values`, those of `Page.controls`, if none ever was.

        What the page sends may be older than what a hand has told meanwhile.
        """
        settings = session.settings or dict(zip(self.page.controls, values, strict=True))
        return self._settle_of(session) if self._take(session, settings, key) else gr.skip()

    def put(self, session: Session, values: Mapping[str, Any]) -> Updates:
        """The page's controls with these values, which are remembered at once: the page tells only what a hand has moved."""
        before = session.settings or self._first()
        if session.steered is not None and self._has_turned(session, {**before, **values}, None):
            self._let_go(session)
        session.settings = {**before, **values}
        session.changes.note(before, session.settings)
        return self.set_all(values)

    def _take(self, session: Session, settings: dict[str, Any], key: str | None) -> bool:
        """Remember the values of `Page.controls`; what can act on a running picture does so. Whether keyframes were let go.

        Only the control called `key` ends the playing, for the page may show the others as they were a moment ago.
        """
        let_go = session.steered is not None and self._has_turned(session, settings, key)
        if let_go:
            self._let_go(session)
        if session.dials and not session.playing:
            with suppress(RecipeError):  # layers that are being written: the next run takes them, or says what is wrong
                turned = nested({key: settings[key] for key in self.page.turned}, session.artworks)
                weights = Weights(**{name: turned[name] for name in LIVE})
                if session.recipe:
                    self.studio.limits.check_style_scales(session.recipe.size, weights.style_scales, len(weights.style_scales))
                session.turn(weights)
        with suppress(RecipeError):
            recipe = Recipe(**nested(settings))
            session.changes.note(session.settings or self._first(), settings)
            session.settings, session.waiting = settings, self._waits(session, recipe)
        return let_go

    def _first(self) -> dict[str, Any]:
        """The values that the page begins with."""
        return {key: control.value for key, control in self.page.controls.items()}

    def _has_turned(self, session: Session, settings: Mapping[str, Any], key: str | None) -> bool:
        """Whether one of the weights, or the one that is called `key`, is not as it was."""
        keys = [name for name in self.page.turned if key in (name, None)]
        return any(settings[name] != session.settings.get(name) for name in keys)

    def _let_go(self, session: Session) -> None:
        """Forget the keyframes of the recipe that was brought back."""
        session.let_go = self.words("steered.ended") if session.playing and session.dials else ""
        session.steered = None

    def _settle_of(self, session: Session) -> Updates:
        return {self.page.settle: gr.update(visible=session.steered is not None and session.dials is None)}

    def _waits(self, session: Session, recipe: Recipe) -> str:
        """Which settings a running picture cannot take."""
        running = session.recipe if session.dials else None
        names = [name for name in SETTINGS if name not in (*LIVE, *OF_A_RUN)] if running else []
        waiting = [self.words(f"label.{name}") for name in names if getattr(recipe, name) != getattr(running, name)]
        said = [self.words("status.waits", settings=", ".join(waiting))] if waiting else []
        said += [self.words("status.tiles")] if running and recipe.tiling and not running.tiling else []
        return " ".join(said)

    def turn_by_hand(self, key: str, session: Session, *values: Any) -> Updates:
        """The same for the control called `key`, which the visitor moves: between runs, it says what becomes of it."""
        told = dict(zip(self.page.controls, values, strict=True))
        settings = (session.settings or told) | {key: told[key]}  # of others, a page that is not told yet may have older ones
        let_go = self._take(session, settings, key)
        updates = self.changed(session, settings) | (self._settle_of(session) if let_go else {})
        if session.settings == settings:
            session.refused = ""
        if session.dials or not (let_go or session.canvas):
            return updates | {self.page.status: gr.skip()}
        said = self.words("steered.dropped" if let_go else "status.next")
        return updates | {self.page.status: status(View("done", said, done=1.0))}

    def changed(self, session: Session, values: dict[str, Any]) -> Updates:
        """The preset is no longer chosen when the visitor has moved one of its settings."""
        preset = PRESETS.get(session.preset or "")
        if not preset or all(values[key] in (value, None) for key, value in _settings_of(preset).items()):
            return {}
        session.preset, session.preset_note = None, self.words("preset.changed", preset=self.words(f"presets.{preset.name}"))
        return self.preset_of(session)

    def preset_of(self, session: Session) -> Updates:
        """Which preset the page shows as chosen, and what is said of it."""
        preset, page = PRESETS.get(session.preset or ""), self.page
        note = session.preset_note or (self.words(f"presets.{preset.name}.about") if preset else "")
        chosen, other = (page.program, page.preset) if preset and preset.program else (page.preset, page.program)
        return {chosen: session.preset, other: None, page.preset_note: note}

    def judge(self, key: str, session: Session, value: Any, before: Any) -> Any:
        """A number that has been typed in place of `before`: where no recipe may have it, say so, and show that again."""
        control = self.page.controls[key]
        error = None if value is None else self._refusal(key, value)
        if error is None:
            return gr.skip()
        counts = control.value if self._refusal(key, before) else before
        session.refused = self.words("value.refused", error=understood(str(error)), value=float(counts))
        return {control: _set(control, counts), self.page.status: status(View("done", "", error=session.refused))}

    def _refusal(self, key: str, value: Any) -> RecipeError | None:
        """Why no recipe of this studio may have this value of a control."""
        name = key.partition(".")[0]
        try:
            setting(name).check(label_of(key, self.words), nested({key: value})[name])
            self.studio.limits.check(Recipe(**nested({key: value})))
        except RecipeError as error:
            return error
        return None

    def choose_preset(self, session: Session, name: str | None) -> Any:
        """A preset's settings; those that it does not name go back to their defaults, but encoder, size and steps stay.

        With a palette, so does the way in which colours are taken from it.
        """
        if name is None:
            return gr.skip()
        let_go = session.steered is not None
        if let_go:
            self._let_go(session)
        session.preset, session.preset_note = name, ""
        stay = {"color_method", "color_strength"} if session.pictures.get("palette") else set()
        chosen = {key: value for key, value in _settings_of(PRESETS[name]).items() if key not in stay}
        updates = self.put(session, chosen) | self.preset_of(session) | self._settle_of(session)
        said = status(View("idle", self.words("steered.dropped"))) if let_go and not session.dials else gr.skip()
        return updates | {self.page.status: said}

    def choose_palette(self, session: Session, palette: str | None, method: str, strength: float) -> Updates:
        """A palette needs a method that takes colours as a whole, and some strength: chosen here, and said."""
        if palette is None:
            return {self.page.palette_note: ""}
        method, strength = method if method in PALETTE_METHODS else PALETTE_METHOD, strength or 1
        said = self.words("palette.used", method=method, strength=float(strength))
        return self.put(session, {"color_method": method, "color_strength": strength}) | {self.page.palette_note: said}

    def restore(self, session: Session, path: str | None, *artworks: str | None) -> Any:
        """Bring back the settings of a picture or recipe file; of a picture without them, ask what it is for."""
        if path is None:
            return gr.skip()
        offer: Updates = {self.page.offer: gr.update(visible=False)}
        try:
            text = read_recipe_json(path)
        except PictureError as error:
            return offer | self._offered(path, error)
        try:
            return offer | self.restored(session, Recipe.from_json(text), Path(path).name, _chosen(artworks))
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

    def restored(self, session: Session, recipe: Recipe, name: str, artworks: Sequence[int]) -> Updates:
        """What a recipe began with, for artworks in these places (0 is A); its keyframes are kept for Paint."""
        most = {key: self.page.controls[key].maximum for key in ("size", "steps")}
        clamped = {key: largest for key, largest in most.items() if getattr(recipe, key) > largest}
        brought = flat(recipe, artworks) | clamped
        session.changes.note(session.settings or self._first(), brought)
        session.settings = brought
        session.preset, session.preset_note = None, ""
        session.steered = recipe if recipe.keyframes or recipe.repeats else None
        said = status(View("refused", " ".join(self._to_say(session, recipe, name, clamped))))
        updates = self.set_all(session.settings) | self.preset_of(session) | self._settle_of(session)
        return updates | {self.page.status: said}

    def settle(self, session: Session, *artworks: str | None) -> Any:
        """The weights with which a recipe that was brought back ended, throughout."""
        if session.steered is None:
            return gr.skip()
        last = flat(session.steered.settled().weights, _chosen(artworks))
        session.steered = None
        said = status(View("idle", self.words("steered.settled")))
        return self.put(session, last) | self._settle_of(session) | {self.page.status: said}

    def _to_say(self, session: Session, recipe: Recipe, name: str, clamped: dict[str, int]) -> Iterator[str]:
        """All that a restored recipe and the page do not have in common."""
        yield self.words("recipe.restored", name=name)
        for key, value in clamped.items():
            yield self.words("recipe.clamped", name=self.words(f"label.{key}"), value=value)
        weights = [recipe.weights, *(keyframe.weights for keyframe in recipe.keyframes)]
        button = self.words("again" if session.kept() else "paint")
        turned = sum(before != after for before, after in pairwise(weights))
        if turned or recipe.repeats:
            continued = sum(keyframe.resumed for keyframe in recipe.keyframes) or recipe.repeats
            key, times = ("recipe.steered", turned) if turned else ("recipe.continued", continued)
            yield self.words(key, count=times, button=button)
        if recipe.until < 1:
            step = round(recipe.until * recipe.all_steps)
            yield self.words("recipe.until", step=step, steps=recipe.all_steps, button=button)
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
            updates[self.page.content_mask] = drawn_on(photo, session.drawn_on("content"))
            if session.canvas is None and session.dials is None:
                updates[self.page.canvas] = photo
        return updates

    def look_at_artwork(self, number: int, key: str, session: Session, path: str | None) -> Updates:
        """An artwork that has just been chosen: what there is to tell of the first, and where masks are painted on it."""
        note, picture = self._look(path)
        self.studio.keep_picture(session, key, path)
        style_mask, tab = self.page.style_masks[number], self.page.style_mask_tabs[number]
        layers = session.drawn_on(number)
        updates: Updates = {style_mask: drawn_on(to_array(picture.image), layers) if picture else None}
        return updates | ({self.page.style_note: note} if number == 0 else {tab: gr.update(visible=picture is not None)})

    def keep_picture(self, key: str, session: Session, path: str | None) -> None:
        """A palette or a starting picture that has just been chosen: there is nothing to tell of it."""
        self.studio.keep_picture(session, key, path)

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
        parts = ", ".join(self.words("units.layer", layer=layer, weight=weight) for layer, weight in layers.items())
        return escape(self.words("units.say", alpha=alpha, layers=parts, size=order.recipe.size))


def alert(error: StylekitError) -> str:
    """An error as HTML, for a note."""
    return f'<span class="error" role="alert">{escape(understood(str(error)))}</span>'


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


def _chosen(artworks: Sequence[str | None]) -> tuple[int, ...]:
    """The numbers of the artworks (0 is A) in whose places there is a picture."""
    return tuple(number for number, path in enumerate(artworks) if path)


def performed(recipe: Recipe, steered: Recipe, artworks: Sequence[int], resume: bool) -> Recipe:
    """The page's recipe with what was turned in `steered`; a run that goes on has begun, and has the page's weights now."""

    def here(weights: Weights) -> Weights:
        return Weights(**nested(flat(weights, artworks), artworks))

    keyframes = tuple(replace(keyframe, weights=here(keyframe.weights)) for keyframe in steered.keyframes)
    begun = recipe if resume else recipe.with_weights(here(steered.weights))
    return replace(begun, repeats=steered.repeats, keyframes=keyframes)


def wire(blocks: gr.Blocks, page: Page, studio: Studio, limits_on_waiting: int) -> Events:
    """Connect the page's components with their handlers, which are returned; to be called inside `blocks`."""
    events = Events(page, studio)
    _wire_runs(page, events, limits_on_waiting)
    _wire_controls(page, events)
    _wire_settings(page, events)
    _wire_pictures(page, events)
    _wire_drop(page, events)
    _wire_arrival(blocks, page, events)
    return events


def _wire_runs(page: Page, events: Events, limits_on_waiting: int) -> None:
    for button, handler in ((page.paint, events.paint), (page.resume, events.resume)):
        painting = button.click(
            handler,
            [page.session, *page.pictures, *page.controls.values()],
            page.shown,
            show_progress="hidden",
            concurrency_limit=limits_on_waiting,  # our own line decides who paints
            concurrency_id="paint",
            api_visibility="private",
        )
        painting.failure(events.recover, page.session, page.shown, **AT_ONCE)
    for button, how in ((page.pause, "pause"), (page.stop, "stop")):
        asked = button.click(functools.partial(events.end, how=how), page.session, page.status, **AT_ONCE)
        asked.then(events.ended, page.session, page.status, **AT_ONCE)


def _wire_controls(page: Page, events: Events) -> None:
    """Each control by hand: what it does at once, and what is said of a number that was typed."""
    turned, by_hand = [page.session, *page.controls.values()], [page.status, *page.presets, page.settle]
    for key, control in page.controls.items():
        control.input(functools.partial(events.turn_by_hand, key), turned, by_hand, **LAST)
        if isinstance(control, Dial):
            control.input(None, control, control, js=control.lengthen(), **AT_ONCE)
        if isinstance(control, Dial | gr.Number):
            left = control.release if isinstance(control, Dial) else control.blur
            typed, judge = [page.session, control, page.before], functools.partial(events.judge, key)
            judged = left(judge, typed, [control, page.status], js=once_left(str(control.elem_id)), **LAST)
            judged.then(functools.partial(events.turn, key=""), turned, page.settle, **AT_ONCE)
    tiling = page.controls["tiling"]
    tiling.change(lambda on: gr.update(visible=bool(on)), tiling, page.tiled, **AT_ONCE)
    page.softness.input(None, page.softness, page.softness, js=page.softness.lengthen(), **AT_ONCE)
    page.units.click(events.gatys_units, [*page.pictures, *page.controls.values()], page.units_note, api_visibility="private")


def _wire_settings(page: Page, events: Events) -> None:
    """What sets several controls at once; when the page has followed, a picture that is painted follows, too."""

    def then_turn(changed: Any, js: str | None = None) -> None:
        changed.then(events.turn, [page.session, *page.controls.values()], page.settle, js=js, **AT_ONCE)

    for chooser in (page.preset, page.program):
        then_turn(chooser.input(events.choose_preset, [page.session, chooser], page.settings, **AT_ONCE))
    artworks = [page.style, *page.further]
    brought, told = [page.session, page.recipe_file, *artworks], [*page.settings, page.offer]
    then_turn(page.recipe_file.upload(events.restore, brought, told, **AT_ONCE), js=focus("#offer button"))
    settled = page.settle.click(events.settle, [page.session, *artworks], page.settings, **AT_ONCE)
    then_turn(settled, js=focus("#paint"))
    colors = [page.controls[name] for name in ("color_method", "color_strength")]
    asked = [page.session, page.palette, *colors]
    then_turn(page.palette.change(events.choose_palette, asked, [page.palette_note, *colors], **AT_ONCE))


def _wire_drop(page: Page, events: Events) -> None:
    """A picture without a recipe that was dropped somewhere: what it is for."""
    for button, place in ((page.as_photo, page.content), (page.as_artwork, page.style)):
        use = functools.partial(events.use_as, place)
        used = button.click(use, page.recipe_file, [place, page.status, page.offer], **AT_ONCE)
        used.then(None, js=focus("#paint"), **AT_ONCE)
    dismissed = page.as_nothing.click(events.dismiss, None, [page.status, page.offer], **AT_ONCE)
    dismissed.then(None, js=focus("#paint"), **AT_ONCE)


def _wire_pictures(page: Page, events: Events) -> None:
    looked = [page.content_note, page.canvas, page.paint, page.content_mask]
    page.content.change(events.look_at_photo, [page.session, page.content], looked, **AT_ONCE)
    artworks = [key for key, picture in page.files.items() if picture in (page.style, *page.further)]
    for number, key in enumerate(artworks):
        told = [page.style_note if number == 0 else page.style_mask_tabs[number], page.style_masks[number]]
        looked_at = functools.partial(events.look_at_artwork, number, key)
        page.files[key].change(looked_at, [page.session, page.files[key]], told, **AT_ONCE)
    for key, picture in page.files.items():
        picture.upload(events.show, picture, picture, **AT_ONCE)
        if key not in ("content", *artworks):
            picture.change(functools.partial(events.keep_picture, key), [page.session, picture], None, **AT_ONCE)


def _wire_arrival(blocks: gr.Blocks, page: Page, events: Events) -> None:
    found = [page.session, *page.settings, *page.files.values()]
    token = "session => [session, stylekitToken()]"
    loaded = blocks.load(events.arrive, [page.session, page.token], found, js=token, **AT_ONCE)
    back = loaded.then(events.come_back, page.session, [*page.shown, page.goes_on], **AT_ONCE)
    back.then(None, page.goes_on, None, js=GO_ON)
