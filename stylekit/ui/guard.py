"""What stands before gradio: whose requests are let in, and how long they may be.

A page of somebody else's, open in the visitor's browser, can send requests to a studio on the visitor's own machine. Browsers
say where a request comes from (Sec-Fetch-Site, which no script can change; Origin where that is missing), and programs say
nothing: so what says that it comes from elsewhere may only look. A name that an attacker lets point to 127.0.0.1 (DNS
rebinding) comes as Host: a studio that only its own machine can reach answers to that machine's names alone.

Sources: Fetch Metadata Request Headers, W3C; RFC 6454 (Origin); RFC 9110, 7.2 (Host).
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from stylekit.studio.hosting import LOCAL

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

UNUSED = ("/gradio_api/process_recording", "/gradio_api/deep_link", "/gradio_api/run-history", "/monitoring")
"""Gradio's that this page does not use, and that write files or start programs."""

LARGEST_MESSAGE = 2_000_000
"""Bytes of a request that is not an upload: settings, hence a few kilobytes."""


class Guard:
    """ASGI middleware. `names`: by which the studio is known besides (a proxy's, a Space's); `local`: to be reached from its own
    machine only; `largest`: bytes of an upload."""

    def __init__(self, app: App, names: Iterable[str] = (), local: bool = True, largest: int = 25_000_000) -> None:
        self.app, self.names, self.local, self.largest = app, frozenset(names), local, largest

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), str(scope["path"])
        most = self.largest if path.rstrip("/").endswith(("/upload", "/component_server")) else LARGEST_MESSAGE
        if refusal := self.refusal(scope["method"], path, headers, most):
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)
            return
        await self.app(scope, _no_more_than(most, receive), send)

    def refusal(self, method: str, path: str, headers: Headers, most: int) -> tuple[int, str] | None:
        """(status, sentence) for a request that is not let in."""
        if any(unused in path for unused in UNUSED):
            return 404, "This studio does not offer that."
        if not self._mine(name_of(headers.get("host", ""))):
            return 403, "This studio answers to its own names only; its host may add one with STYLEKIT_HOSTS."
        if not _only_looks(method, path) and self._foreign(headers):
            return 403, "This request comes from another site's page; open the studio's own page instead."
        if int(headers.get("content-length", "0") or 0) > most:
            return 413, "This is more than the studio takes at once."
        return None

    def _mine(self, name: str) -> bool:
        return not self.local or name in LOCAL or name in self.names

    def _foreign(self, headers: Headers) -> bool:
        """Whether a browser says that another site's page has sent this."""
        if site := headers.get("sec-fetch-site"):
            return site not in ("same-origin", "none")
        if (origin := headers.get("origin")) is None:
            return False
        here, hosts = urlsplit(origin).netloc, [headers.get("host", "")]  # here: "" for the origin "null"
        if name_of(hosts[0]) in LOCAL:  # there, gradio lets no foreign script set a header of this name
            hosts += [host.strip() for host in headers.get("x-forwarded-host", "").split(",")]
        return not here or (here not in hosts and name_of(here) not in self.names)


def name_of(host: str) -> str:
    """`example.org:7860` -> `example.org`; "" for what is no host."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _only_looks(method: str, path: str) -> bool:
    """Whether a request changes nothing and reads nobody's messages, so that a link or a picture elsewhere may lead to it."""
    return method in ("GET", "HEAD", "OPTIONS") and ("/gradio_api/" not in path or "/gradio_api/file=" in path)


def _no_more_than(most: int, receive: Receive) -> Receive:
    """`receive`, which hangs up on a body that is longer than its header said."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > most else message

    return counted
