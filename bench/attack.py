"""What a studio promises to withstand, tried on one of its own: `python -m bench.attack`.

Starts `python app.py` on a free port of 127.0.0.1 with a temporary folder of its own, asks it for what nobody should ask,
and prints what was seen beside what SECURITY.md promises. Exits with 1 if a promise is not kept. Every loop is bounded, and
nothing but the studio that it has started is asked.
"""

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

ROOT = Path(__file__).parents[1]
PHOTO, ARTWORK = ROOT / "assets" / "photos" / "coffee.jpg", ROOT / "assets" / "artworks" / "indigo-waves.jpg"
PATIENCE = 60.0
"""Seconds for anything that should take a few."""

API = "/gradio_api"


class Served:
    """A studio in a process of its own, and what an attacker needs: its address, its uploads, its endpoints."""

    def __init__(self, folder: Path, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = environment.get("GRADIO_SERVER_PORT") or free.getsockname()[1]
        self.folder, self.base = folder, f"http://127.0.0.1:{port}"
        own = {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1", "TMPDIR": str(folder), "GRADIO_TEMP_DIR": ""}
        own |= {"STYLEKIT_KEEP_FOLDER": str(folder.with_name(f"{folder.name}-kept"))}
        own |= {"GRADIO_ANALYTICS_ENABLED": "False", "NO_PROXY": "127.0.0.1,localhost", "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, str(ROOT / "app.py")]
        self.log = open(folder.with_name(f"{folder.name}.log"), "wb")  # noqa: SIM115  as long as the process
        self.process = subprocess.Popen(
            command, cwd=folder, env=os.environ | own | {"PYTHONPATH": str(ROOT)} | environment, stdout=self.log, stderr=self.log
        )
        self.web = httpx.Client(base_url=self.base, timeout=PATIENCE, trust_env=False)
        self.until(self._answers)
        self.config = self.web.get("/config").json()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.said()
        with contextlib.suppress(httpx.HTTPError):
            return self.web.get("/config").status_code == 200
        return False

    def said(self) -> str:
        """What the process has printed."""
        return Path(self.log.name).read_text()

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> float:
        """Wait for it, and return how long that took; inf if it did not come."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if condition():
                return time.monotonic() - began
            time.sleep(0.1)
        return float("inf")

    def end(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send the signal, and return how long the process took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.web.close()
        self.log.close()
        return time.monotonic() - began

    def left(self) -> list[str]:
        """The pictures, and what is not known, in the temporary folder."""
        return [str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file() and path.name != "alive"]

    def memory(self) -> int:
        """Megabytes that the process has in memory; 0 where the system does not say."""
        status = Path(f"/proc/{self.process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("VmRSS")), 0)

    def upload(self, path: Path) -> str:
        """The path of an upload on the server."""
        answer = self.web.post(f"{API}/upload", files={"files": (path.name, path.read_bytes())})
        answer.raise_for_status()
        return str(answer.json()[0])

    def order(self, endpoint: str = "stylize_file", **settings: Any) -> httpx.Response:
        """Ask for a painting by the API; the answer names the event, whose messages are not fetched yet."""
        pictures = {name: {"path": self.upload(path)} for name, path in (("content", PHOTO), ("style", ARTWORK))}
        for picture in pictures.values():
            picture["meta"] = {"_type": "gradio.FileData"}  # type: ignore[assignment]
        return self.web.post(f"{API}/call/v2/{endpoint}", json={**pictures, "size": 64, "steps": 4, **settings})

    def messages(self, endpoint: str, event: str, seconds: float = PATIENCE) -> Iterator[str]:
        """The event's messages, as lines, as they come."""
        with self.web.stream("GET", f"{API}/call/{endpoint}/{event}", timeout=seconds) as stream:
            yield from stream.iter_lines()

    def painted(self, **settings: Any) -> float:
        """Seconds until a small painting is done; inf if it is not."""
        began = time.monotonic()
        answer = self.order(**settings)
        if answer.status_code == 200:
            for line in self.messages("stylize_file", answer.json()["event_id"]):
                if line == "event: complete":
                    return time.monotonic() - began
                if line == "event: error":
                    break
        return float("inf")

    def editors(self) -> list[int]:
        """The components in which masks are painted."""
        return [part["id"] for part in self.config["components"] if part["type"] == "imageeditor"]

    def blob(self, layer: bytes, **changes: Any) -> httpx.Response:
        """Send a part of a drawing to the first of them, as a browser does after a stroke."""
        fields = {"component_id": self.editors()[0], "session_hash": "one", "fn_name": "accept_blobs"}
        fields |= {"id": "drawing", "type": "layer", "index": "0", **changes}
        data = {key: str(value) for key, value in fields.items()}
        return self.web.post(f"{API}/component_server", data=data, files={"file": ("layer.png", layer)})


@contextlib.contextmanager
def served(**environment: str) -> Iterator[Served]:
    """A studio with a folder of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        place = Path(folder) / "temporary"
        place.mkdir()
        studio = Served(place, **environment)
        try:
            yield studio
        finally:
            if studio.process.poll() is None:
                studio.end()


def png(width: int, height: int) -> bytes:
    """A transparent picture."""
    file = io.BytesIO()
    Image.new("RGBA", (width, height)).save(file, "PNG")
    return file.getvalue()


# ------------------------------------------------------------------------------------------------ the promises

FOREIGN = {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}

Row = tuple[str, str, bool]
"""What is promised, what was seen, whether it was kept."""


def drawings(studio: Served) -> Iterator[Row]:
    """Memory that masks may take."""
    before = studio.memory()
    status = studio.blob(png(64, 64), index="50000000").status_code
    yield "layer 50,000,000 of a drawing is refused", f"{status}, {studio.memory() - before:+} MB", status == 413
    status = studio.blob(png(4000, 4000)).status_code
    yield "a layer of 16 megapixels is refused", str(status), status == 413
    padded = png(8, 8) + bytes(1_900_000)
    for number in range(60):
        studio.blob(padded, session_hash=f"visitor{number}", id=f"drawing{number}")
    grown = studio.memory() - before
    yield "114 MB of drawings take less than 90", f"{grown:+} MB", grown < 90


def strangers(studio: Served) -> Iterator[Row]:
    """Whose requests are let in, and how long they may be."""
    paths = ("upload", "component_server", "queue/join", "call/stylize", "cancel")
    seen = {studio.web.post(f"{API}/{path}", headers=FOREIGN, json={}).status_code for path in paths}
    yield "another site's page can change nothing", str(seen), seen == {403}
    status = studio.web.get("/", headers={"host": "elsewhere.example"}).status_code
    yield "a foreign name for this machine is not answered", str(status), status == 403
    status = studio.web.post(f"{API}/process_recording", files={"video": b"x"}).status_code
    yield "gradio's recorder is not offered", str(status), status == 404
    status = studio.web.post(f"{API}/queue/join", content=bytes(3_000_000)).status_code
    yield "a request of 3 MB is refused", str(status), status == 413


def words(studio: Served) -> Iterator[Row]:
    """What is said to whoever asks wrongly."""
    for what, settings in (
        ("a layer name of 900 kB", {"layer_weights": {"x" * 900_000: 1}}),
        ("brushes of 4 at the largest size", {"size": 1024, "style_scales": [4]}),
    ):
        event = studio.order(**settings).json()["event_id"]
        said = "\n".join(studio.messages("stylize_file", event))
        yield f"{what} is refused in a sentence", f"{len(said)} characters", "event: error" in said and len(said) < 1500


def silence(studio: Served) -> Iterator[Row]:
    """Runs that nobody listens to, or that are cancelled."""
    for _ in range(6):
        studio.order(steps=1000, size=256)
    took = studio.painted()
    yield "six runs that nobody fetches are over in 30 s", f"{took:.0f} s", took < 30
    watched = studio.messages("stylize_file", studio.order(steps=1000, size=256).json()["event_id"])
    next(watched)
    waiting = studio.messages("stylize_file", studio.order(steps=1000, size=256).json()["event_id"])
    heard = sum("update" in next(waiting) for _ in range(12))
    waiting.close()
    watched.close()
    took = studio.painted()
    yield "two that are cancelled, one in line, are over in 10 s", f"{took:.0f} s, {heard} signs of life", took < 10 and heard > 0


def leavings(number: signal.Signals) -> Iterator[Row]:
    """What an ended studio leaves on the disk."""
    with served() as studio:
        studio.painted()
        studio.upload(PHOTO)
        before = len(studio.left())
        took = studio.end(number)
        if number == signal.SIGKILL:
            Served(studio.folder).end()
        left = len(studio.left())
        after = " and a new start" if number == signal.SIGKILL else ""
        yield (
            f"nothing is left after {number.name}{after}",
            f"{before} files, then {left}; {took:.1f} s",
            before > 0 and left == 0,
        )


def small_limits() -> Iterator[Row]:
    """Limits at the small end."""
    with served(STYLEKIT_MAX_SIZE="64", STYLEKIT_MAX_STEPS="4") as studio:
        took = studio.painted()
        yield "a studio of 64 pixels and 4 steps starts and paints", f"{took:.0f} s", took < PATIENCE


def rows() -> Iterator[Row]:
    """All promises, tried one after the other."""
    with served(STYLEKIT_MAX_SECONDS="60") as studio:
        for attack in (strangers, drawings, words, silence):
            yield from attack(studio)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        yield from leavings(number)
    yield from small_limits()


def main() -> int:
    """Print the table as it comes; 1 if a promise was not kept."""
    broken = 0
    for promise, seen, kept in rows():
        broken += not kept
        print(f"{'kept  ' if kept else 'BROKEN'}  {promise:60} {seen}", flush=True)
    return min(1, broken)


if __name__ == "__main__":
    sys.exit(main())
