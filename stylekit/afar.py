"""What `augment` and `video` paint on the machines of a cluster: pictures are sent there, and finished files come back.

On one kind of machine, with one thread, the files are those that this machine makes, bit for bit.
"""

import atexit
import hashlib
import itertools
import os
import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import Tensor

from stylekit import cluster
from stylekit.augment import LOST, Done, Task, loaded, painted
from stylekit.clip import Camera, Clip
from stylekit.reel import Reel
from stylekit.video import EARLIER, Video, filmed, scenes

# ------------------------------------------------------------------------------------------------------- many pictures


def carried_out(tasks: Sequence[Task], workers: int | None = None, device: str | None = None) -> Generator[Done, None, None]:
    """Like `augment.carried_out`, on a cluster: so many variants at a time (default: as many as it has room for).

    Raises what `cluster.join` raises.
    """
    ray = cluster.join()
    sent = lru_cache(maxsize=16)(lambda path: ray.put(path.read_bytes()))  # of an artwork, which many share
    unreadable: list[Done] = []

    def orders() -> Iterator[tuple[Task, tuple[Any, ...]]]:
        for task in tasks:
            try:
                yield task, (task, (task.photos / task.source).read_bytes(), sent(task.artworks / task.artwork), device)
            except OSError as error:
                unreadable.append(Done(task, error=f"A picture cannot be read ({type(error).__name__}); try again."))

    for task, result in cluster.unordered(_variant, orders(), workers):
        if result is None:
            yield Done(task, error=LOST)
            continue
        done, data = result
        try:
            if data:
                _put(task.results / task.out, data)
            yield done._replace(task=task)
        except OSError as error:
            yield Done(task, error=f"It could not be saved ({type(error).__name__}); make room and try again.")
    yield from unreadable


def _variant(task: Task, photo: bytes, artwork: bytes, device: str | None) -> tuple[Done, bytes]:
    """On a machine that has none of the files: (what became of the variant, its file)."""
    _one_thread()
    with TemporaryDirectory(prefix="stylekit-") as folder:
        photos, results = Path(folder) / "photos", Path(folder) / "results"
        artworks = _shelf() / hashlib.sha256(artwork).hexdigest()  # where the next variant finds it opened
        for path, data in ((photos / task.source, photo), (artworks / task.artwork, artwork)):
            _put(path, data)
        there = task._replace(photos=photos, artworks=artworks, results=results)
        done = painted(there, loaded(task.recipe.encoder, device))
        return done, b"" if done.error else (results / task.out).read_bytes()


# ------------------------------------------------------------------------------------------------------ moving pictures


class Painted(NamedTuple):
    """A picture of a clip that is finished."""

    number: int
    at: float
    """seconds"""
    begins: bool
    """whether a scene begins with it"""
    losses: Mapping[str, float]
    files: Mapping[str, bytes] = MappingProxyType({})
    """as a reel keeps them"""


def filmed_afar(
    source: Clip | Camera,
    styles: Sequence[Tensor],
    video: Video,
    reel: Reel,
    workers: int | None = None,
    device: str | None = None,
) -> Generator[Painted, None, None]:
    """Paint a clip on a cluster, each scene by itself, and keep its pictures in the reel; they come in any order.

    A clip without cuts is one scene, and no quicker than here. Raises as `filmed` does, and what `cluster.join` raises.
    """
    ray = cluster.join()
    clip = ray.put(Path(source.path).read_bytes() if isinstance(source, Clip) else b"")
    given = ray.put((source, list(styles), video))

    def order(scene: range) -> tuple[Any, ...]:
        there = next(number for number in scene if number not in known)
        past = {number: reel[number] for number in scene if there - max(EARLIER) <= number < there}
        return clip, given, range(there, scene.stop), past, device

    known = set(reel)
    missing = [scene for scene in scenes(source) if not known.issuperset(scene)]
    for _, picture in cluster.streamed(_scene, missing, order, workers):
        reel.put(picture.files)
        known.add(picture.number)
        yield picture


def _scene(clip: bytes, given: Any, numbers: range, past: Mapping[int, Tensor], device: str | None) -> Iterator[Painted]:
    """On a machine that has no file of it: the pictures of a scene that are still to be painted, after those `past`."""
    _one_thread()
    source, styles, video = given
    with TemporaryDirectory(prefix="stylekit-") as folder:
        if isinstance(source, Clip):
            here = Path(folder) / Path(source.path).name
            here.write_bytes(clip)
            source = replace(source, path=str(here))
        reel, first = Reel(Path(folder) / "film.mp4", {}), numbers.start - len(past)
        moments = itertools.islice(source, first, numbers.stop)
        encoder = loaded(video.recipe.encoder, device)
        for shot in filmed(moments, styles, video, encoder=encoder, painted=past, first=first):
            if shot.finished:
                files = {path.name: path.read_bytes() for path in reel.add(shot)}
                yield Painted(shot.number, shot.moment.at, shot.begins, shot.frame.losses, files)


# -------------------------------------------------------------------------------------------------------------- both


def _one_thread() -> None:
    """As many tasks as a machine has cores are computed beside each other."""
    import torch

    torch.set_num_threads(1)


@lru_cache(maxsize=1)
def _shelf() -> Path:
    """A folder of this process's own, until it ends."""
    folder = TemporaryDirectory(prefix="stylekit-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _put(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and its folders. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent / f".{secrets.token_hex(8)}.part"
    unfinished.write_bytes(data)
    os.replace(unfinished, path)
