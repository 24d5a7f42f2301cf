"""The page: the only room that knows gradio. `build()` makes it, `launch(demo)` opens it with the studio's limits."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from stylekit.threads import yield_cores

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # gradio reads it when it is imported: nothing leaves this machine
yield_cores()

from stylekit.studio import hosting

hosting.folder()  # and where its cache is

import gradio as gr
from gradio import routes
from gradio.context import LocalContext
from starlette.middleware import Middleware

from stylekit.errors import UsageError
from stylekit.studio.limits import Limits
from stylekit.studio.run import Studio
from stylekit.studio.wall import Walls
from stylekit.ui import (
    address,
    api,
    card,
    compare,
    events,
    extremes,
    film,
    inside,
    language,
    lesson,
    loop,
    samples,
    sweep,
    timeline,
    undo,
    video,
    wall,
)
from stylekit.ui.components import ASSETS
from stylekit.ui.guard import LARGEST_MESSAGE, Guard
from stylekit.ui.head import ICON, Head
from stylekit.ui.layout import place
from stylekit.ui.wall import Downloads
from stylekit.ui.words import Words

HERE = Path(__file__).parent

VERMILION = gr.themes.Color(
    *("#fdf4f1", "#fbe5de", "#f6c9bb", "#eea48f", "#e37a5e", "#d25a3c", "#b8432b", "#973523", "#7a2d20", "#64281e", "#36120c")
)
SPARE = 20
"""Visitors beyond the line whom gradio lets in, so that our line can tell them that the studio is full."""

LETTERS = gr.themes.Size("0.75rem", "0.75rem", "0.8125rem", "0.875rem", "1rem", "1.375rem", "1.625rem", "letters")
"""Sizes of text that follow the browser's font size, which gradio's own, in pixels, do not."""

FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]


class Page(gr.Blocks):
    """The page, which knows the limits and the walls that it is launched with."""

    limits = Limits()
    walls: Walls
    words: Words

    async def process_api(self, *args: Any, **options: Any) -> Any:
        """As gradio's; whose event it is, is known from the first look at its values on, so that errors speak their language."""
        LocalContext.request.set(options.get("request"))
        return await super().process_api(*args, **options)

    def validate_inputs(self, block_fn: Any, inputs: list[Any]) -> None:
        """Raises gr.Error, in a sentence, for a call with too few values."""
        if len(inputs) < (needed := len(block_fn.inputs)):
            said = f"This call has {len(inputs)} values and needs {needed}, in the order that “Use via API” names."
            raise gr.Error(said, print_exception=False)

    async def preprocess_data(self, *args: Any, **options: Any) -> Any:
        """As gradio's; a value of the wrong kind is said in a sentence."""
        try:
            return await super().preprocess_data(*args, **options)
        except gr.Error:
            raise
        except Exception as error:
            said = "A value of this call is of the wrong kind; “Use via API” says what each must be."
            raise gr.Error(said, print_exception=False) from error


def build(limits: Limits | None = None) -> Page:
    """The page with its events, not yet served. Ends the program, in a sentence, if an environment variable makes no sense."""
    try:
        limits = limits or hosting.limits()
    except UsageError as error:
        raise SystemExit(f"stylekit: {error}") from None
    hosting.prepare()
    words = Words()
    gr.set_static_paths([ASSETS])
    with Page(title=words("title"), analytics_enabled=False, fill_width=True) as page, words.marking():
        components = place(words, limits)
        studio, waiting = Studio(limits, words), limits.concurrency + limits.queue
        handlers = events.wire(page, components, studio, waiting + SPARE)
        timeline.open_room(components, studio, handlers, waiting + SPARE)
        compare.open_room(components, words, events.AT_ONCE)
        rooms = inside.open_room(components, studio, waiting + SPARE)
        loop.open_room(components, studio, rooms)
        lesson.open_room(components, studio, handlers, rooms)
        extremes.open_room(components, studio, handlers, waiting + SPARE)
        sweep.open_room(components, studio, waiting + SPARE)
        film.open_room(components, studio, waiting + SPARE)
        video.open_room(components, studio, waiting + SPARE)
        address.open_room(page, components, studio)
        undo.open_room(components, studio)
        wall.open_room(page, handlers)
        card.open_room(handlers)
        api.wire(studio, waiting + SPARE)
        language.open_room(page, handlers, words)  # the last, for it looks at all that is there
    demo = cast(Page, page)
    demo.queue(api_open=False, max_size=waiting + SPARE)
    demo.limits, demo.walls, demo.words = limits, studio.walls, words
    return demo


def launch(demo: Page, **options: Any) -> Any:
    """`demo.launch` with this studio's theme, limits and guard; `options` win."""
    with demo.words.marking():
        strip = samples.style(demo.words)
    app = dict(options.pop("app_kwargs", None) or {})
    app["middleware"] = [_guard(demo, options), Middleware(Head, words=demo.words), *_downloads(demo), *app.get("middleware", ())]
    settings: dict[str, Any] = {
        "theme": theme(),
        "css_paths": [
            HERE / "page.css",
            *sorted(set(HERE.glob("*.css")) - {HERE / "page.css", HERE / "room.css", HERE / "lesson.css", samples.RULES}),
        ],
        "head": _inside("room.css", "style")
        + _inside("lesson.css", "style")
        + strip
        + "".join(_inside(path.name, "script") for path in sorted(HERE.glob("*.js"))),
        "max_file_size": f"{demo.limits.max_upload_mb}mb",
        "max_threads": 40 + demo.limits.concurrency + demo.limits.queue,
        "state_session_capacity": 500,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "footer_links": ["api"],
        "favicon_path": ICON,
        "app_kwargs": app,
        "_frontend": False,  # or gradio asks for the page itself, and gives up after three seconds, which a busy machine needs
        "ssr_mode": False,  # or the page would come from Gradio's own server beside this one, with its head
    }
    hosting.open_doors(demo.walls.sweep)
    return demo.launch(**(settings | options))


def _inside(name: str, tag: str) -> str:
    """A file of this folder as an element of the page's head."""
    return f"<{tag}>{(HERE / name).read_text(encoding='utf-8')}</{tag}>"


def _downloads(demo: Page) -> list[Middleware]:
    return [Middleware(Downloads, walls=demo.walls)] if demo.walls.hours else []


def _guard(demo: Page, options: Mapping[str, Any]) -> Middleware:
    return Middleware(
        Guard,
        names=hosting.names(),
        local=hosting.is_local(options.get("server_name"), options.get("share")),
        largest=(demo.limits.max_upload_mb << 20) + LARGEST_MESSAGE,
    )


def _snippets(*args: Any, **options: Any) -> dict[str, str]:
    """Gradio's example calls for "Use via API"; its curl leaves the event's name in a subshell, where bash forgets it."""
    snippets: dict[str, str] = generate_code_snippets(*args, **options)
    before, read, after = snippets["bash"].partition("| read EVENT_ID;")
    return snippets | ({"bash": f"{before}| {{ read EVENT_ID;{after.rstrip()}; }}"} if read else {})


generate_code_snippets = cast(Any, routes).generate_code_snippets
cast(Any, routes).generate_code_snippets = _snippets


def theme() -> gr.themes.Base:
    """Quiet greys of a gallery wall and one vermilion; fonts of the visitor's own system, so that none is fetched."""
    return gr.themes.Base(
        primary_hue=VERMILION,
        neutral_hue=gr.themes.colors.stone,
        font=FONT,
        text_size=LETTERS,
        radius_size="md",
        spacing_size="sm",
    ).set(
        body_text_color_subdued="#665f56",
        body_text_color_subdued_dark="#b3aaa1",
        block_info_text_color="#665f56",
        block_info_text_color_dark="#b3aaa1",
        block_label_text_color="#5c554d",
        block_label_text_color_dark="#c3bab1",
        block_title_text_color="#3b3631",
        block_title_text_color_dark="#ddd5cc",
        error_text_color_dark="#ffa492",
        input_background_fill_dark="#2a2623",
        input_placeholder_color="#6f675e",
        input_placeholder_color_dark="#a89f96",
        body_background_fill="#f7f5f1",
        body_background_fill_dark="#171513",
        background_fill_secondary="#efece6",
        background_fill_secondary_dark="#1f1c1a",
        block_background_fill="#fdfcfa",
        block_background_fill_dark="#1f1c1a",
        border_color_primary="#ddd8cf",
        border_color_primary_dark="#37322e",
        block_border_width="1px",
        color_accent="#b8432b",
        slider_color="#b8432b",
        slider_color_dark="#d9684c",
        button_primary_background_fill="#b8432b",
        button_primary_background_fill_dark="#b8432b",
        button_primary_background_fill_hover="#a13822",
        button_primary_background_fill_hover_dark="#c9543b",
        button_primary_text_color="white",
    )
