"""What the page says of itself before it is shown: its language, description, icon and preview picture.

Here its sentences are put in, too, in the language that the browser asks for: gradio has one page for all.
Gradio's template speaks of Gradio there. Programs that make a preview of a link read only what the server sends, and only
the first of each kind, so this can be mended nowhere else.
"""

import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

from gradio.route_utils import get_root_url
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stylekit.ui.words import LANGUAGES, Sentences, Words, asked_for, sentences

HERE = Path(__file__).parent

ICON, PREVIEW = HERE / "icon.png", HERE / "preview.jpg"

PREVIEW_SIZE = 1200, 630
"""Width and height in pixels: what previews of links are cropped to."""

THEIRS = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>\s*')
"""Gradio's description of itself; no value in it has a `>`."""


class Head:
    """ASGI middleware: the page with a head of our own, and its pictures at /icon.png and /preview.jpg."""

    def __init__(self, app: ASGIApp, words: Words) -> None:
        self.app, self.words = app, words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Only what is asked for at these paths is touched, and of the answers only HTML."""
        path = scope["path"] if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else ""
        if picture := {"/icon.png": ICON, "/preview.jpg": PREVIEW}.get(path):
            await FileResponse(picture, headers={"cache-control": "max-age=86400"})(scope, receive, send)
        elif path == "/":
            language = asked_for(Headers(scope=scope))
            await self.app(scope, receive, _Rewriting(send, lambda html: self.rewritten(html, _root(scope), language)))
        elif path == "/config":  # the page once more, for programs
            await self.app(scope, receive, _Rewriting(send, lambda config: self.words.filled(config, LANGUAGES[0])))
        else:
            await self.app(scope, receive, send)

    def rewritten(self, html: str, root: str, language: str) -> str:
        """Gradio's page in a language, with this head; `root` is the page's address without a slash at its end."""
        ours = THEIRS.sub("", html).replace('lang="en"', f'lang="{language}"', 1)
        return str(self.words.filled(ours.replace("<head>", "<head>" + self.head(root, sentences(language)), 1), language))

    def head(self, root: str, words: Sentences) -> str:
        """The elements that belong to this page."""
        title, description = words("title"), words("description")
        image, (width, height) = f"{root}/preview.jpg", PREVIEW_SIZE
        named = {"description": description, "twitter:card": "summary_large_image"}
        properties = {
            "og:type": "website",
            "og:site_name": title,
            "og:title": words("headline"),
            "og:description": description,
            "og:url": f"{root}/",
            "og:image": image,
            "og:image:width": width,
            "og:image:height": height,
            "og:image:alt": words("preview.alt"),
        }
        return "".join(
            [
                f"<title>{escape(title)}</title>",
                '<link rel="icon" type="image/png" href="icon.png">',
                *_metas("name", named),
                *_metas("property", properties),
                _speaking(words.language),
            ]
        )


def _speaking(language: str) -> str:
    """Gradio takes the browser's language for its own words and for the page's: here it has that of ours."""
    ours = f'{{ get: () => "{language}" }}'
    return f'<script>Object.defineProperty(navigator, "language", {ours});</script>'


def _metas(kind: str, values: Mapping[str, object]) -> list[str]:
    return [f'<meta {kind}="{name}" content="{escape(str(value))}">' for name, value in values.items()]


def _root(scope: Scope) -> str:
    """The address at which the visitor sees the page, behind a proxy too."""
    return get_root_url(Request(scope), "/", scope.get("root_path") or None)


class _Rewriting:
    """`send` for an answer whose body is rewritten as a whole, if it is HTML or JSON."""

    def __init__(self, send: Send, rewrite: Callable[[str], str]) -> None:
        self.send, self.rewrite = send, rewrite
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_text(message):
            self.start = message
        elif self.start is None or message["type"] != "http.response.body":
            await self.send(message)
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                body = self.rewrite(self.body.decode()).encode()
                headers = MutableHeaders(raw=self.start["headers"])
                headers["content-length"] = str(len(body))
                headers["vary"] = "Accept-Language, Cookie"
                await self.send(self.start)
                await self.send({"type": "http.response.body", "body": body})


def _is_text(start: Message) -> bool:
    kind = MutableHeaders(raw=start["headers"]).get("content-type", "")
    return start["status"] == 200 and kind.startswith(("text/html", "application/json"))
