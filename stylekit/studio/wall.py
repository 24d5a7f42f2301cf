"""The wall: pictures that visitors pin, kept with all that they were made of, beyond a reload, a closed tab and a restart.

    walls/
      <SHA-256 of a visitor's key>/           its time is that of the last visit
        00001795678901234567-1f2e3d4c/        a pin; its name begins with the nanoseconds at which it came
          pin.json                            what is said of it, and which file is what; written last
          painting.png                        with the recipe inside
          plain.webp                          the same to go on from, where it has colours or parts of the photo
          thumbnail.webp
          <SHA-256>.jpg                       a picture that it was made of
          mask-content-0.png                  what was painted on the photo, on artwork A (mask-0-0.png) ...

A pin is written under a hidden name and renamed: it is there as a whole or not at all, whatever ends the studio. Pins of one
wall share their pictures by hard links, where the disk has them, so the fifth pin of a photo costs no fifth photo. The key is
known to the visitor's browser alone: whoever lacks it finds no wall, and the disk says of it only its hash.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from stylekit.errors import PictureError, WorldError
from stylekit.pictures import open_picture, read_recipe_json, save_png, to_pil
from stylekit.recipe import Recipe
from stylekit.studio.masks import Drawings
from stylekit.studio.session import TOKEN
from stylekit.studio.timeline import Sources

MOST_PINS = 100
"""Pictures on one wall."""

LEAST_FREE = 256 << 20
"""Bytes of the disk that pins leave to others."""

THUMBNAIL = 240
"""Longest side in pixels."""

HOUR = 3600
"""Seconds after which what is hidden, hence unfinished or taken down, is taken for abandoned."""

CHUNK = 1 << 20
"""Bytes of a file that are in memory at a time."""

DESCRIPTION, PAINTING, PLAIN, THUMB = "pin.json", "painting.png", "plain.webp", "thumbnail.webp"
OWN = (DESCRIPTION, PAINTING, PLAIN, THUMB)
"""Files that a pin shares with no other, for their names say nothing of what is in them."""

PIN = re.compile(r"\d{20}-[0-9a-f]{8}")
"""The name of a pin."""


class Painted(Protocol):
    """What can be pinned: a painting on the easel, or a moment of a run."""

    @property
    def path(self) -> Path:
        """PNG or WebP with the recipe inside."""

    @property
    def sources(self) -> Sources:
        """What it was made of."""


@dataclass(frozen=True, eq=False)
class Pin:
    """A picture on a wall. Its files stay until it is taken down."""

    folder: Path
    said: Mapping[str, Any]
    """what pin.json has: label, painting, step, size, unfinished, pictures, drawings"""

    @property
    def name(self) -> str:
        """By which its wall knows it."""
        return self.folder.name

    @property
    def label(self) -> str:
        """What it shows, for people."""
        return str(self.said["label"])

    @property
    def path(self) -> Path:
        """PNG with the recipe inside."""
        return self.folder / PAINTING

    @property
    def thumbnail(self) -> Path:
        """WebP with THUMBNAIL pixels on its longest side."""
        return self.folder / THUMB

    @property
    def painting(self) -> Path:
        """What is gone on from, as in Moment."""
        plain = self.folder / PLAIN
        return plain if plain.is_file() else self.path

    @property
    def recipe(self) -> Recipe:
        """That paints it again. Raises PictureError and RecipeError, as of any picture."""
        return Recipe.from_json(read_recipe_json(self.path))

    @property
    def pictures(self) -> dict[str, tuple[Path, str]]:
        """What it was made of, by place as in Sources: (file, the name that it had)."""
        return {place: (self.folder / file, name) for place, (file, name) in self.said["pictures"].items()}

    @property
    def made_of(self) -> tuple[str, ...]:
        """The photo and the artworks."""
        return tuple(str(path) for place, (path, _) in self.pictures.items() if place not in ("palette", "start"))

    @property
    def sources(self) -> Sources:
        """What it was made of, masks too."""
        return Sources({place: str(path) for place, (path, _) in self.pictures.items()}, self._drawings())

    def _drawings(self) -> Drawings | None:
        if not (said := self.said.get("drawings")):
            return None

        def layers(files: list[str]) -> list[np.ndarray]:
            return [np.asarray(Image.open(self.folder / file).convert("RGBA")) for file in files]

        styles = {int(number): layers(files) for number, files in said["styles"].items()}
        return Drawings(layers(said["content"]), styles, said["softness"])


class Wall:
    """One visitor's pins."""

    def __init__(self, walls: "Walls", folder: Path) -> None:
        self.walls, self.folder = walls, folder

    def pins(self) -> list[Pin]:
        """The last one first."""
        with contextlib.suppress(OSError):
            os.utime(self.folder)  # the visitor is here
        found = (_pin(folder) for folder in sorted(_folders(self.folder), reverse=True) if PIN.fullmatch(folder.name))
        return [pin for pin in found if pin]

    def find(self, name: object) -> Pin | None:
        """The pin of this name; None for what is no name of one, and for one that was taken down."""
        return _pin(self.folder / name) if isinstance(name, str) and PIN.fullmatch(name) else None

    def pin(self, painted: Painted, label: str) -> Pin:
        """Pin a painting; one that hangs here already stays as it is, and is returned.

        Raises WorldError where there is no room for it, or it cannot be written; nothing is left of it then.
        """
        with self.walls.lock:
            pins = self.pins()
            files, said = _files_of(painted)
            if same := next((pin for pin in pins if pin.said["painting"] == said["painting"]), None):
                return same
            described = json.dumps({"label": label, **said}, ensure_ascii=False).encode()
            self._check_room(pins, files)
            try:
                return self._written({**files, DESCRIPTION: described})
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                why = "the studio's disk is full" if full else "the studio cannot write to its folder"
                raise WorldError(f"The picture could not be pinned, because {why}; download it instead.") from error

    def remove(self, name: object) -> bool:
        """Take a pin down for good; whether it was there."""
        pin = self.find(name)
        return pin is not None and _remove(pin.folder)

    def clear(self) -> None:
        """Take all down, and forget the wall."""
        _remove(self.folder)

    def zipped(self) -> Iterator[bytes]:
        """A zip file of all paintings and of what they were made of, piece by piece as it is made."""
        files = {}
        for number, pin in enumerate(reversed(self.pins()), 1):
            files[f"{number:03} {_plain(pin.label)}.png"] = pin.path
            files |= {f"made of/{path.name[:8]} {_plain(name)}": path for path, name in pin.pictures.values()}
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:  # stored ones cannot be streamed
            for name, path in files.items():
                yield from _added(archive, sink, name, path)
        yield sink.taken()

    def _check_room(self, pins: list[Pin], files: Mapping[str, "Path | bytes"]) -> None:
        """Raises WorldError if these files are more than the wall, all walls or the disk may have."""
        there = {path.name for pin in pins for path in pin.folder.iterdir()}.difference(OWN)
        needed = sum(_size(content) for name, content in files.items() if name not in there)
        if len(pins) >= MOST_PINS:
            raise WorldError(f"The wall is full: it holds {MOST_PINS} pictures. Take one down first.")
        if _bytes_in(self.folder) + needed > self.walls.wall_bytes:
            megabytes = self.walls.wall_bytes >> 20
            raise WorldError(
                f"The wall is full: it holds {megabytes} megabytes. Take a picture down first, or download this one."
            )
        most = self.walls.most_bytes
        if _bytes_in(self.walls.place) + needed > most or self.walls.free() < needed + LEAST_FREE:
            raise WorldError("The studio has no room for more pinned pictures; download this one instead.")

    def _written(self, files: Mapping[str, "Path | bytes"]) -> Pin:
        name = f"{time.time_ns():020}-{secrets.token_hex(4)}"
        hidden, folder = self.folder / f".{name}", self.folder / name
        self.walls.place.mkdir(parents=True, exist_ok=True, mode=0o700)
        hidden.mkdir(parents=True)
        try:
            for file, content in files.items():
                self._put(hidden / file, content)
            hidden.rename(folder)
        except OSError:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
        pin = _pin(folder)
        assert pin
        return pin

    def _put(self, path: Path, content: "Path | bytes") -> None:
        """Write a file down to the disk; one that another pin has is linked."""
        for other in _folders(self.folder) if path.name not in OWN else ():
            with contextlib.suppress(OSError):  # not there, or on a disk without links
                os.link(other / path.name, path)
                return
        with open(path, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                with open(content, "rb") as source:
                    shutil.copyfileobj(source, file, CHUNK)
            file.flush()
            os.fsync(file.fileno())


class Walls:
    """All visitors' walls in the folder `place`, each until `hours` after the last visit; 0 keeps none, so that there is none."""

    def __init__(self, place: Path, hours: int, most_bytes: int, wall_bytes: int) -> None:
        self.place, self.hours, self.most_bytes, self.wall_bytes = place, hours, most_bytes, wall_bytes
        self.lock = threading.Lock()

    def of(self, key: object) -> Wall | None:
        """The wall of whoever has this key; None for what is no key, and where nothing is kept."""
        if not self.hours or not isinstance(key, str) or not TOKEN.fullmatch(key):
            return None
        return Wall(self, self.place / hashlib.sha256(key.encode()).hexdigest())

    def free(self) -> int:
        """Bytes that are left on the disk."""
        there = next(folder for folder in (self.place, *self.place.parents) if folder.is_dir())
        return shutil.disk_usage(there).free

    def sweep(self) -> None:
        """Remove walls that nobody has visited for too long, and what a killed studio left unfinished."""
        for wall in _folders(self.place):
            if _older(wall, HOUR if wall.name.startswith(".") else HOUR * self.hours):
                _remove(wall)
                continue
            for folder in _folders(wall):
                if folder.name.startswith(".") and _older(folder, HOUR):
                    shutil.rmtree(folder, ignore_errors=True)


def _pin(folder: Path) -> Pin | None:
    """The pin in this folder; None if there is none."""
    try:
        said = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        whole = isinstance(said, dict) and {"label", "painting", "pictures"} <= said.keys() and (folder / PAINTING).is_file()
        return Pin(folder, said) if whole else None
    except (OSError, ValueError):
        return None


def _files_of(painted: Painted) -> tuple[dict[str, "Path | bytes"], dict[str, Any]]:
    """({name: file or its bytes}, what pin.json says of them) of a painting. Raises WorldError for one that is gone."""
    try:
        files: dict[str, Path | bytes] = {PAINTING: _as_png(painted.path), THUMB: _thumbnail(painted.path)}
    except (PictureError, OSError) as error:
        raise WorldError("The picture has expired; paint it again, or pin pictures sooner.") from error
    plain = Path(getattr(painted, "painting", painted.path))
    if plain != painted.path and plain.is_file():
        files[PLAIN] = plain
    pictures, sources = {}, painted.sources
    for place, path in sources.pictures.items():
        if (file := Path(path)).is_file():
            pictures[place] = (f"{_digest(file)}{file.suffix.lower()}", file.name)
            files[pictures[place][0]] = file
    said: dict[str, Any] = {key: getattr(painted, key, 0) for key in ("step", "size", "unfinished")}
    said |= {"painting": _digest(files[PAINTING]), "pictures": pictures}
    if sources.drawings:
        drawn, layers = _layers_of(sources.drawings)
        files |= layers
        said["drawings"] = drawn
    return files, said


def _layers_of(drawings: Drawings) -> tuple[dict[str, Any], dict[str, "Path | bytes"]]:
    """(which files they are, the files) of all that is painted on the pictures."""
    files: dict[str, Path | bytes] = {}

    def named(where: object, layers: Any) -> list[str]:
        names = []
        for layer in layers:
            buffer = io.BytesIO()
            Image.fromarray(layer).save(buffer, "PNG")
            name = f"mask-{where}-{hashlib.sha256(buffer.getvalue()).hexdigest()[:16]}.png"
            files[name] = buffer.getvalue()
            names.append(name)
        return names

    styles = {str(number): named(number, layers) for number, layers in drawings.styles.items()}
    return {"content": named("content", drawings.content), "styles": styles, "softness": drawings.softness}, files


def _thumbnail(path: Path) -> bytes:
    buffer = io.BytesIO()
    to_pil(open_picture(path, THUMBNAIL, enlarge=False).image).save(buffer, "WEBP", quality=75)
    return buffer.getvalue()


def _digest(content: "Path | bytes") -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with io.BytesIO(content) if isinstance(content, bytes) else open(content, "rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def _as_png(path: Path) -> "Path | bytes":
    """A picture with a recipe as PNG: itself if it is one; a moment on the way to a painting is a WebP without loss."""
    if path.suffix == ".png":
        return path
    picture = open_picture(path)
    with tempfile.TemporaryDirectory() as folder:
        png = Path(folder) / PAINTING
        save_png(png, picture.image, alpha=picture.alpha, recipe_json=read_recipe_json(path))
        return png.read_bytes()


def _size(content: "Path | bytes") -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _folders(place: Path) -> list[Path]:
    try:
        return [path for path in place.iterdir() if path.is_dir()]
    except OSError:
        return []


def _bytes_in(place: Path) -> int:
    """Of all files in it; what is linked several times counts once."""
    found = {}
    for folder, _, names in os.walk(place):
        for name in names:
            with contextlib.suppress(OSError):
                facts = os.stat(os.path.join(folder, name))
                found[facts.st_ino or (folder, name)] = facts.st_size
    return sum(found.values())


def _older(path: Path, seconds: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime > seconds
    except OSError:
        return False


def _remove(folder: Path) -> bool:
    """Remove a folder at once, as far as others see it; whether it was there."""
    hidden = folder.with_name(f".{secrets.token_hex(8)}")
    try:
        folder.rename(hidden)
    except OSError:
        return False
    shutil.rmtree(hidden, ignore_errors=True)
    return True


def _plain(name: str) -> str:
    """A name that every system takes for a file, 80 characters at most."""
    return re.sub(r"[^\w.+-]+", " ", name).strip(" .")[:80] or "picture"


class _Sink:
    """A file that cannot go back, whose bytes are taken out as they come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _added(archive: zipfile.ZipFile, sink: _Sink, name: str, path: Path) -> Iterator[bytes]:
    """Put a file into a zip file, piece by piece; one that was taken down meanwhile is left out."""
    try:
        source = open(path, "rb")  # noqa: SIM115  closed below; where it is gone there is no entry
    except OSError:
        return
    with source, archive.open(zipfile.ZipInfo(name, time.localtime()[:6]), "w") as entry:
        while piece := source.read(CHUNK):
            entry.write(piece)
            yield sink.taken()
