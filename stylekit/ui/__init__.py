"""The page: the only room that knows gradio. `build()` makes it, `launch(demo)` opens it with the studio's limits."""

import os
from pathlib import Path
from typing import Any, cast

from stylekit.threads import yield_cores

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # gradio reads it when it is imported: nothing leaves this machine
yield_cores()

import gradio as gr
from starlette.middleware import Middleware

from stylekit.ui import hosting
from stylekit.ui.components import ASSETS
from stylekit.ui.events import wire
from stylekit.ui.head import ICON, Head
from stylekit.ui.layout import place
from stylekit.ui.painting import LIFETIME, Studio
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
    """The page, which knows the limits that it is launched with."""

    limits = hosting.Limits()


def build(limits: hosting.Limits | None = None) -> Page:
    """The page with its events, not yet served. Raises UsageError if an environment variable makes no sense."""
    limits = limits or hosting.Limits.from_environment()
    hosting.prepare()
    words = Words()
    gr.set_static_paths([ASSETS])
    with Page(title=words("title"), analytics_enabled=False, delete_cache=(1800, LIFETIME), fill_width=True) as page:
        components = place(words, limits)
        waiting = limits.concurrency + limits.queue
        wire(page, components, Studio(limits, words), waiting + SPARE)
    demo = cast(Page, page)
    demo.queue(api_open=False, max_size=waiting + SPARE)
    demo.limits = limits
    return demo


def launch(demo: Page, **options: Any) -> Any:
    """`demo.launch` with this studio's looks and limits; `options` win."""
    settings: dict[str, Any] = {
        "theme": theme(),
        "css_paths": [HERE / "page.css"],
        "head": _inside("room.css", "style") + "".join(_inside(path.name, "script") for path in sorted(HERE.glob("*.js"))),
        "max_file_size": f"{demo.limits.max_upload_mb}mb",
        "max_threads": 40 + demo.limits.concurrency + demo.limits.queue,
        "state_session_capacity": 500,
        "run_history": False,
        "enable_monitoring": False,
        "show_error": False,
        "footer_links": ["api"],
        "favicon_path": ICON,
        "app_kwargs": {"middleware": [Middleware(Head, words=Words())]},
        "ssr_mode": False,  # or the page would come from Gradio's own server beside this one, with its head
    }
    return demo.launch(**(settings | options))


def _inside(name: str, tag: str) -> str:
    """A file of this folder as an element of the page's head."""
    return f"<{tag}>{(HERE / name).read_text(encoding='utf-8')}</{tag}>"


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
