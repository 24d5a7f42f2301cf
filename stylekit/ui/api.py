"""The endpoints for programs: /stylize streams previews, /stylize_file returns the result alone."""

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import gradio as gr
from gradio.components import Component

from stylekit.errors import RecipeError
from stylekit.recipe import MOST_STYLES, SETTINGS, Choice, PerArtwork, Performance, PerLayer, Recipe, Switch, setting
from stylekit.studio.limits import Limits
from stylekit.studio.run import Order, Studio
from stylekit.studio.session import Session
from stylekit.ui.components import PictureFile
from stylekit.ui.listening import Listener

PERIOD = 3
"""Previews between two that are shown, because each becomes a file."""


def stylize(studio: Studio, content: str, *values: Any) -> Iterator[Any]:
    """Paint a photo in the style of one to four artworks, showing previews; the last picture is the result, a PNG.

    The settings are those of stylekit.Recipe; `size` is the longest side in pixels. A studio with a time limit may end
    earlier, with a warning: the picture is then as far as it came.
    """
    styles, palette, start = [style for style in values[:MOST_STYLES] if style], *values[MOST_STYLES : MOST_STYLES + 2]
    settings = dict(zip(SETTINGS, values[MOST_STYLES + 2 :], strict=True))
    try:
        order = Order(content, styles, Recipe(**settings), palette=palette, start=start, all_moments=False)
        if palette and not order.recipe.color_strength:
            raise RecipeError(studio.words("error.palette"))
    except RecipeError as error:
        raise gr.Error(str(error), print_exception=False) from error
    session, shown = Session(), 0
    with closing(studio.paint(session, order, Listener())) as views:
        for view in views:
            if view.error:
                raise gr.Error(view.error, print_exception=False)
            if view.mode == "waiting":
                yield gr.skip()  # nothing new, but whoever cancels finds something to close
            if view.preview is not None:
                shown += 1
                if shown % PERIOD == 1:
                    yield view.preview
            if view.canvas:
                if view.canvas.unfinished:  # the studio's time limit
                    gr.Warning(view.text)
                yield str(view.canvas.path)


def wire(studio: Studio, limits_on_waiting: int) -> None:
    """Put the endpoints on the page, unseen; to be called inside gr.Blocks."""
    with gr.Group(visible=False):
        pictures = ["content", "style", *(f"style_{n}" for n in range(2, MOST_STYLES + 1)), "palette", "start"]
        inputs: list[Component] = [PictureFile(type="filepath", image_mode=None, label=name) for name in pictures]
        inputs += [_input(name, studio.limits) for name in SETTINGS]
        painted = _named(studio, pictures)
        preview, file = gr.Image(format="jpeg", label="picture"), gr.File(label="result")
        both: list[tuple[str, Callable[..., Any], Component]] = [
            ("stylize", painted, preview),
            ("stylize_file", _last_of(painted), file),
        ]
        for name, handler, output in both:
            gr.Button(name).click(
                handler, inputs, output, api_name=name, concurrency_limit=limits_on_waiting, concurrency_id="paint"
            )


def _input(name: str, limits: Limits) -> Component:
    """A parameter of the API for a setting, whose recipe checks its limits; the default is within the studio's."""
    described, default = setting(name), getattr(Recipe(), name)
    match described:
        case PerLayer():
            return gr.JSON(dict(default), label=name)
        case PerArtwork() | Performance():
            return gr.JSON([], label=name)
        case Switch():
            return gr.Checkbox(default, label=name)
        case Choice():
            return gr.Dropdown(list(described.choices), value=default, allow_custom_value=True, label=name)
    most = {"size": limits.max_size, "steps": limits.max_steps}.get(name, default)
    return gr.Number(min(default, most), label=name)


def _named(studio: Studio, pictures: Sequence[str]) -> Callable[..., Iterator[Any]]:
    """`stylize` with a name for each parameter, for the API to show: the pictures, two of which are needed, and the fields."""

    @functools.wraps(stylize)
    def named(*values: Any) -> Iterator[Any]:
        yield from stylize(studio, *values)

    kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    parameters = [inspect.Parameter(name, kind, default=empty if n < 2 else None) for n, name in enumerate(pictures)]
    parameters += [inspect.Parameter(name, kind, default=getattr(Recipe(), name)) for name in SETTINGS]
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
