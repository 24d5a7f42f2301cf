"""The painted pictures of a clip, each in a file of its own, until the film of them is whole: so one that was cut short goes on.

A picture's file is named by its number and its time, and is written whole or not at all. Paintings are kept as 8 bits have them,
which is what the next one goes on from in any case: a film that was cut short and went on is the same, bit for bit.
"""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from stylekit.clip import TICKS, Camera, Clip, write
from stylekit.errors import PictureError, UsageError, WorldError
from stylekit.film import Pixels
from stylekit.pictures import open_picture, save_quickly
from stylekit.video import EARLIER, Shot, Video


def facts(video: Video, source: Clip | Camera, files: Sequence[str]) -> dict[str, Any]:
    """What a film is painted of: with the same again, its pictures are the same."""
    part = [source.begin, source.end] if isinstance(source, Clip) else [source.move, source.seconds]
    said = {"recipe": json.loads(video.recipe.to_json()), "steps": video.steps, "hold": video.hold, "weight": video.weight}
    seen = [[os.path.abspath(path), os.path.getsize(path), os.stat(path).st_mtime_ns] for path in files]
    return {**said, "turns": [[at, dict(values)] for at, values in video.turns], "part": part, "files": seen}


class Reel(Mapping[int, Tensor]):
    """A folder beside the film to come; as a mapping, the paintings (1, 3, H, W) in it by their numbers."""

    FACTS = "clip.json"

    def __init__(self, film: Path, facts: Mapping[str, Any], resume: bool = False) -> None:
        """`facts` say what is painted. Raises UsageError where there is a folder of another film, or `resume` is False."""
        self.film, self.folder = film, film.with_name(f"{film.name}.pictures")
        said = json.dumps(facts, sort_keys=True)
        known = self.folder / self.FACTS
        if known.is_file():
            if not resume:
                raise UsageError(f"{self.folder.name} has pictures of this film already: add --resume to go on, or delete it.")
            if known.read_text(encoding="utf-8") != said:
                raise UsageError(
                    f"{self.folder.name} has pictures of another clip, artwork or settings; delete it to begin anew."
                )
            for torn in self.folder.glob(".*.part"):
                torn.unlink()
            return
        try:
            self.folder.mkdir(exist_ok=True)
            known.write_text(said, encoding="utf-8")
        except OSError as error:
            raise PictureError(f"{self.folder} could not be made; choose another place for the film.") from error

    def add(self, shot: Shot) -> list[Path]:
        """Keep a finished picture, and the painting below it if colours were brought back; returns their files."""
        number, frame = shot.number, shot.frame
        ticks = round(Fraction(shot.moment.at) / TICKS)
        files = [self.folder / f"{number:06}-{ticks}.webp"]
        if frame.image is not frame.painting:
            files = [self._painting(number), *files]
            save_quickly(files[0], frame.painting)
        save_quickly(files[-1], frame.image, recipe_json=frame.recipe.to_json())
        with contextlib.suppress(OSError):  # nothing goes on from it any more
            self._painting(number - max(EARLIER)).unlink()
        return files

    def put(self, files: Mapping[str, bytes]) -> None:
        """Keep a finished picture by the {name: bytes} of the files that another reel kept it in. Raises OSError."""
        for name, data in files.items():
            unfinished = self.folder / f".{secrets.token_hex(8)}.part"
            unfinished.write_bytes(data)
            os.replace(unfinished, self.folder / name)

    def _painting(self, number: int) -> Path:
        return self.folder / f"{number:06}.painting.webp"

    def _pictures(self) -> dict[int, Path]:
        return {int(path.name[:6]): path for path in sorted(self.folder.glob("??????-*.webp"))}

    def __getitem__(self, number: int) -> Tensor:
        painting = self._painting(number)
        return open_picture(painting if painting.is_file() else self._pictures()[number]).image

    def __iter__(self) -> Iterator[int]:
        return iter(self._pictures())

    def __len__(self) -> int:
        return len(self._pictures())

    def shown(self) -> Iterator[tuple[float, Pixels]]:
        """(seconds, picture) of all, in order."""
        for path in self._pictures().values():
            with Image.open(path) as picture:
                yield float(int(path.stem.partition("-")[2]) * TICKS), np.asarray(picture.convert("RGB"))

    def write(self, rate: Fraction, sound: Clip | None) -> None:
        """Write the film of what is there, whole or not at all. Raises WorldError."""
        unfinished = self.film.parent / f".{secrets.token_hex(8)}.part"
        try:
            write(unfinished, self.shown(), rate, sound)
            os.replace(unfinished, self.film)
        except OSError as error:  # PyAV's errors are OSErrors as well
            raise WorldError(f"The film could not be written ({type(error).__name__}); write it to another place.") from error
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()

    def delete(self) -> None:
        """The film is whole: the pictures may go."""
        shutil.rmtree(self.folder, ignore_errors=True)
