"""Films of a visitor's paintings: recorded while a run goes on, because to paint it again would cost others their turn.

In memory while it runs, in MOST_BYTES at most, and then on the disk, of the last MOST_FILMS paintings; and one film at a time.
"""

import contextlib
import logging
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path

from stylekit.errors import BusyError, UsageError
from stylekit.film import Film, Footage, written
from stylekit.pictures import open_picture
from stylekit.transfer import Frame

LARGEST = 512
"""Longest side of a film, in pixels: that of the previews."""

MOST_SHOTS, MOST_BYTES = 160, 8 << 20
"""Pictures that are kept of a run, and what they may take together."""

MOST_FILMS = 4
"""Paintings of a visitor of which a film can be made."""

APART = 0.05
"""Seconds between two looks at a run; a GPU takes hundreds of steps a second."""

MAKING = threading.BoundedSemaphore(1)
"""Films of all visitors that are written at a time."""

PATIENCE = 60
"""Seconds to wait for another visitor's."""

log = logging.getLogger(__name__)


class Films:
    """What is kept of a visitor's runs, by the path of the painting that each ended with. A plain value without a lock."""

    def __init__(self) -> None:
        self.footage: dict[Path, Path] = {}
        self.made: Path | None = None
        """the last film"""

    def of(self, painting: Path | None) -> Path | None:
        """The footage of a painting, if it is still on the disk."""
        kept = self.footage.get(painting) if painting else None
        return kept if kept and kept.is_file() else None

    def keep(self, painting: Path, kept: Path) -> None:
        """Remember the footage of a painting; beyond MOST_FILMS the oldest goes."""
        self.footage[painting] = kept
        for oldest in list(self.footage)[:-MOST_FILMS]:
            _remove(self.footage.pop(oldest))

    def replace(self, film: Path | None) -> None:
        """There is another film now."""
        if self.made:
            _remove(self.made)
        self.made = film

    def forget(self) -> None:
        """Remove it all from the disk."""
        self.replace(None)
        for kept in self.footage.values():
            _remove(kept)
        self.footage = {}


class Recorder:
    """Records one run. Whatever fails here costs no painting: then there is no film."""

    def __init__(self, films: Films, folder: Callable[[], Path], after: Path | None = None, step: int = 0) -> None:
        """`folder()` makes a new one; the run goes on from `step` of the painting `after`, whose footage is the beginning."""
        self._films, self._folder = films, folder
        self.footage = Footage(LARGEST, MOST_SHOTS, MOST_BYTES)
        self._looked = 0.0
        self._newest: Frame | None = None
        if before := films.of(after):
            try:
                self.footage.load(before, step)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                log.info("A film begins anew: %s", error)

    def take(self, frame: Frame, before: int) -> None:
        """A frame of a run that began after so many steps."""
        self.footage.before, self._newest = before, frame
        if time.monotonic() - self._looked >= APART:
            self.footage.take(frame)
            self._looked = time.monotonic()

    def keep(self, painting: Path) -> None:
        """The run has ended with this painting."""
        if self._newest is None:
            return
        self.footage.take(self._newest)
        folder = None
        try:
            folder = self._folder()
            self.footage.save(folder / "footage.zip")
            self._films.keep(painting, folder / "footage.zip")
        except OSError as error:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            log.info("No film of a run was kept: %s", error)


def make(
    films: Films,
    painting: Path,
    photo: Path,
    film: Film,
    suffix: str,
    folder: Callable[[], Path],
    words: Callable[..., str],
) -> Generator[float, None, None]:
    """Write the film of a painting, in the format of the suffix: how much of it is done, up to 1; then it is `films.made`.

    `photo` is what a loop begins with. Raises UsageError where nothing was recorded, and what `stylekit.film.written` raises.
    """
    yield 0.0  # early, so that a cancel finds something to close
    kept = films.of(painting)
    if kept is None:
        raise UsageError(words("film.nothing"))
    if not MAKING.acquire(timeout=PATIENCE):
        raise BusyError(words("film.busy"))
    place = folder()
    try:
        footage = Footage(LARGEST)
        footage.load(kept)
        path = place / f"stylekit{suffix}"
        with contextlib.closing(written(path, footage, film, open_picture(photo).image)) as parts:
            for part in parts:
                if part < 1:
                    yield part
        films.replace(path)
    finally:
        MAKING.release()
        if films.made is None or films.made.parent != place:
            shutil.rmtree(place, ignore_errors=True)
    yield 1.0


def _remove(file: Path) -> None:
    """The file, and the folder that is its alone."""
    shutil.rmtree(file.parent, ignore_errors=True)
