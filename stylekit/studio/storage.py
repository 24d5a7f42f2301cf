"""One folder for everything that visitors leave on the disk, gradio's cache included; it goes when the studio goes.

    stylekit-x7k2/     in the temporary folder, or where GRADIO_TEMP_DIR says
      alive            locked as long as the studio runs
      cache/           gradio's: uploads, and what the page and the API show; the results lie in folders of their own here
      temporary/       uploads that are under way

It is removed at the end, whether that is Ctrl-C, a signal or the last line of a program. Where nothing can be removed, because
the process was killed, the next studio finds the lock open and removes it.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed: that is lock enough
    fcntl = None  # type: ignore[assignment]

PREFIX = "stylekit-"

LIFETIME = 7200
"""Seconds that pictures stay on the disk."""

ROUND = 600
"""Seconds between two rounds in which what is older is removed."""

YOUNG = 60
"""Seconds in which a folder without a lock may still be getting one, and an empty folder a file."""


class Folder:
    """A studio's folder in `place`; those of studios that were killed are removed first."""

    def __init__(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        for other in place.glob(f"{PREFIX}*"):
            if _abandoned(other):
                shutil.rmtree(other, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place)).resolve()
        self._alive = _locked(self.path / "alive")
        self._owner = os.getpid()
        self.closed = False
        atexit.register(self.remove)

    @property
    def cache(self) -> Path:
        """For gradio."""
        return self._there("cache")

    @property
    def temporary(self) -> Path:
        """For what is on its way."""
        return self._there("temporary")

    def _there(self, name: str) -> Path:
        path = self.path / name
        if not self.closed:
            path.mkdir(parents=True, exist_ok=True)  # cleaners of temporary folders may have been here
        return path

    def new(self) -> Path:
        """A folder of nobody else's, which nobody guesses: who knows a file's path in the cache may fetch it."""
        path = self.cache / secrets.token_hex(16)
        path.mkdir()
        return path

    def sweep(self, age: float = LIFETIME) -> None:
        """Remove files that were written more than `age` seconds ago, and folders that have been empty for a while."""
        for path in _inside(self.cache, self.temporary):
            with contextlib.suppress(OSError):  # also of a folder that is not empty
                old = time.time() - path.stat().st_mtime
                if path.is_dir() and old > YOUNG:
                    path.rmdir()
                elif old > age and not path.is_dir():
                    path.unlink()

    def sweep_from_now_on(self, *others: Callable[[], None]) -> None:
        """Sweep every ROUND seconds while the process lives, and call `others`."""

        def rounds() -> None:
            while not self.closed:
                for sweep in (self.sweep, *others):
                    sweep()
                time.sleep(ROUND)

        threading.Thread(target=rounds, daemon=True, name="stylekit sweeps").start()

    def remove(self) -> None:
        """Remove it all, once; only the process that made it does, not one that was forked from it."""
        if self.closed or os.getpid() != self._owner:
            return
        self.closed = True
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave half of it
        self._alive.close()
        for _ in range(5):  # threads that are still at work may put something there meanwhile
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return
            time.sleep(0.05)


def end_at_signals() -> None:
    """Let the signals that end a process end this one as `sys.exit` does, so that its folder is removed."""

    def leave(number: int, _: Any) -> None:
        sys.exit(128 + number)

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, leave)


def _inside(*folders: Path) -> Iterator[Path]:
    """Files first, then the folders that they lie in, from the inside out."""
    for folder in folders:
        yield from sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True)


def _locked(path: Path) -> IO[str]:
    file = open(path, "w")  # noqa: SIM115  kept open as long as the studio lives
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def _abandoned(folder: Path) -> bool:
    """Whether nobody holds the folder's lock."""
    try:
        if not (folder / "alive").exists():
            return folder.is_dir() and time.time() - folder.stat().st_mtime > YOUNG
        if fcntl is None:
            (folder / "alive").unlink()
            return True
        with open(folder / "alive") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        return False
