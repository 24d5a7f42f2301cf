"""What the page says of itself before it is shown: its language, description, icon and preview picture.

Gradio's template speaks of Gradio there. Programs that make a preview of a link read only what the server sends, and only
the first of each kind, so this can be mended nowhere else.
"""

import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path

from gradio.route_utils import get_root_url
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stylekit.ui.words import Words

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
            await self.app(scope, receive, _Rewriting(send, lambda html: self.rewritten(html, _root(scope))))
        else:
            await self.app(scope, receive, send)

    def rewritten(self, html: str, root: str) -> str:
        """Gradio's page with this head; `root` is the page's address without a slash at its end."""
        ours = THEIRS.sub("", html).replace('lang="en"', f'lang="{self.words.language}"', 1)
        return ours.replace("<head>", "<head>" + self.head(root), 1)

    def head(self, root: str) -> str:
        """The elements that belong to this page."""
        title, description = self.words("title"), self.words("description")
        image, (width, height) = f"{root}/preview.jpg", PREVIEW_SIZE
        named = {"description": description, "twitter:card": "summary_large_image"}
        properties = {
            "og:type": "website",
            "og:site_name": title,
            "og:title": self.words("headline"),
            "og:description": description,
            "og:url": f"{root}/",
            "og:image": image,
            "og:image:width": width,
            "og:image:height": height,
            "og:image:alt": self.words("preview.alt"),
        }
        return "".join(
            [
                f"<title>{escape(title)}</title>",
                '<link rel="icon" type="image/png" href="icon.png">',
                *_metas("name", named),
                *_metas("property", properties),
                self._speaking(),
            ]
        )

    def _speaking(self) -> str:
        """Gradio takes the browser's language for its own words and for the page's: here it has that of ours."""
        ours = f'{{ get: () => "{self.words.language}" }}'
        return f'<script>Object.defineProperty(navigator, "language", {ours});</script>'


def _metas(kind: str, values: Mapping[str, object]) -> list[str]:
    return [f'<meta {kind}="{name}" content="{escape(str(value))}">' for name, value in values.items()]


def _root(scope: Scope) -> str:
    """The address at which the visitor sees the page, behind a proxy too."""
    return get_root_url(Request(scope), "/", scope.get("root_path") or None)


class _Rewriting:
    """`send` for an answer whose body is rewritten as a whole, if it is HTML."""

    def __init__(self, send: Send, rewrite: Callable[[str], str]) -> None:
        self.send, self.rewrite = send, rewrite
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            self.start = message
        elif self.start is None or message["type"] != "http.response.body":
            await self.send(message)
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                body = self.rewrite(self.body.decode()).encode()
                MutableHeaders(raw=self.start["headers"])["content-length"] = str(len(body))
                await self.send(self.start)
                await self.send({"type": "http.response.body", "body": body})


def _is_html(start: Message) -> bool:
    return start["status"] == 200 and MutableHeaders(raw=start["headers"]).get("content-type", "").startswith("text/html")
