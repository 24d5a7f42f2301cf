"""Many pictures: a folder of photos, each painted in the style of some artworks, as training data for other networks.

    plan = Plan(Path("photos"), Path("artworks"), Path("more"), per_photo=2, jitter=0.3)
    manifest = Manifest(plan, resume=True)
    for done in carried_out(manifest.missing(plan.tasks()), workers=2):
        manifest.add(done)

Which artwork, which weights and which part of the photo a variant has is drawn from its own name and the recipe's seed, so that
it does not depend on the order, on other photos, or on what was painted before. Shapes stay, textures change: what a network
learns then is less texture and more shape (Geirhos et al., "ImageNet-trained CNNs are biased towards texture", arXiv 1811.12231).

Pictures are painted one by one in several processes with one thread each. Several at a time through one pass of the encoder gain
nothing on a CPU: 72 ms a picture alone, 77 and 73 ms in batches of 4 and 8, at 128 pixels on one core. Two processes on two cores
paint 1.7 times as many pictures as one process with two threads: 37 against 22 a minute, of 128 pixels and 60 steps
(`python -m bench.speed --augment 1 2 --sizes 128`); a second thread gains one process next to nothing at that size.
"""

import hashlib
import json
import multiprocessing
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stylekit.errors import PictureError, RecipeError, StylekitError
from stylekit.recipe import Recipe

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from stylekit.encoders import Encoder

SIZE, STEPS = 256, 60
"""Of a variant for which nobody has said them."""

READABLE = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif", ".ppm")
"""Extensions of what is taken for a picture in a folder."""

MOST_PER_PHOTO = 1000

SMALLEST_CROP = 0.5
"""Share of a photo's sides that stays, with the largest jitter."""

FACTOR = 4.0
"""Between the least and the usual weight of the style, and between that and the most, with the largest jitter."""

TRIES = 2
"""Of a variant whose worker died, perhaps of another one's memory."""

LOST = "Its worker died twice, perhaps for want of memory; choose fewer workers."


class Task(NamedTuple):
    """One variant that is to be painted."""

    source: str
    """the photo, inside its folder"""
    artwork: str
    """inside its folder"""
    number: int
    """which of the photo's variants, from 1 on"""
    out: str
    """inside the results' folder"""
    recipe: Recipe
    crop: tuple[float, float, float]
    """(top, left, side) of the part of the photo that is painted, as shares"""
    photos: Path
    artworks: Path
    results: Path


class Done(NamedTuple):
    """What became of a variant."""

    task: Task
    seconds: float = 0.0
    sha256: str = ""
    """of the file"""
    error: str = ""
    """why there is none"""

    def line(self) -> dict[str, Any]:
        """As it stands in the manifest: enough to paint it again."""
        task = self.task
        facts = {"out": task.out, "source": task.source, "artwork": task.artwork, "number": task.number, "crop": task.crop}
        if self.error:
            return {**facts, "error": self.error}
        recipe = json.loads(task.recipe.to_json())
        return {**facts, "seed": task.recipe.seed, "recipe": recipe, "seconds": round(self.seconds, 3), "sha256": self.sha256}


@dataclass(frozen=True)
class Plan:
    """Which variants of a folder's photos are to be painted. Raises RecipeError for what cannot be."""

    photos: Path
    """any tree of folders: those of classes stay"""
    artworks: Path
    results: Path
    per_photo: int = 1
    recipe: Recipe = field(default_factory=lambda: Recipe(size=SIZE, steps=STEPS))
    jitter: float = 0.0
    """0 = all alike; 1 = style weights from a quarter to four times the recipe's, and parts of half the photo's sides"""
    extension: str = ".png"

    def __post_init__(self) -> None:
        if not 1 <= self.per_photo <= MOST_PER_PHOTO:
            raise RecipeError(f"Each photo has from 1 to {MOST_PER_PHOTO} variants, not {self.per_photo}.")
        if not 0 <= self.jitter <= 1:
            raise RecipeError(f"The jitter lies between 0 and 1, not {self.jitter:g}.")
        if self.results.resolve().is_relative_to(self.photos.resolve()):
            raise RecipeError("The results lie among the photos, and would be painted next time; choose a folder outside.")
        if self.recipe.init == "image" or self.recipe.keyframes:
            raise RecipeError("Variants have no picture to start from and no keyframes; choose another recipe.")

    def tasks(self) -> list[Task]:
        """Every variant, in the order of the photos' names. Raises PictureError where a folder has no pictures."""
        photos, artworks = pictures_in(self.photos), pictures_in(self.artworks)
        same = Counter(photo.rpartition(".")[0] for photo in photos)
        return [
            self._task(photo, artworks, number, same[photo.rpartition(".")[0]] > 1)
            for photo in photos
            for number in range(1, self.per_photo + 1)
        ]

    def _task(self, photo: str, artworks: Sequence[str], number: int, ambiguous: bool) -> Task:
        drawn = random.Random(f"{self.recipe.seed}/{photo}/{number}")
        artwork = artworks[drawn.randrange(len(artworks))]
        weight = self.recipe.style_weight * FACTOR ** (self.jitter * drawn.uniform(-1, 1))
        side = 1 - self.jitter * drawn.uniform(0, 1 - SMALLEST_CROP)
        crop = (drawn.uniform(0, 1 - side), drawn.uniform(0, 1 - side), side)
        recipe = replace(self.recipe, style_weight=float(f"{weight:.4g}"), seed=drawn.randrange(2**31))
        name = photo if ambiguous else photo.rpartition(".")[0]  # of a.jpg beside a.png, the extension stays
        out = f"{name}-stylized-{Path(artwork).stem}-{number}{self.extension}"
        return Task(photo, artwork, number, out, recipe, crop, self.photos, self.artworks, self.results)

    def facts(self) -> dict[str, Any]:
        """What a manifest begins with: results of another plan do not go into the same folder."""
        return {
            "photos": str(self.photos.resolve()),
            "artworks": str(self.artworks.resolve()),
            "per_photo": self.per_photo,
            "jitter": self.jitter,
            "extension": self.extension,
            "recipe": json.loads(self.recipe.to_json()),
        }


def pictures_in(folder: Path) -> list[str]:
    """The pictures of a tree of folders, by their names inside it, sorted; raises PictureError if there are none."""
    if not folder.is_dir():
        raise PictureError(f"{folder} is no folder.")
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.suffix.lower() in READABLE and p.is_file())
    if not found:
        raise PictureError(f"{folder} has no pictures ({', '.join(READABLE)}).")
    return found


# -------------------------------------------------------------------------------------------------------------- painting


def painted(task: Task, encoder: "Encoder") -> Done:
    """Paint one variant and save it, whole or not at all; what is wrong with its pictures is said in the result."""
    from stylekit.pictures import open_picture, save_picture
    from stylekit.transfer import stylize

    began = time.perf_counter()
    try:
        photo = _part(open_picture(task.photos / task.source, round(task.recipe.size / task.crop[2])).image, task.crop)
        artwork = _artwork(task.artworks / task.artwork, task.recipe.size)
        *_, last = stylize(photo, [artwork], task.recipe, encoder=encoder)
        out = task.results / task.out
        out.parent.mkdir(parents=True, exist_ok=True)
        save_picture(out, last.image, recipe_json=last.recipe.to_json())
        return Done(task, time.perf_counter() - began, hashlib.sha256(out.read_bytes()).hexdigest())
    except StylekitError as error:
        return Done(task, error=str(error))


def _part(photo: "Tensor", crop: tuple[float, float, float]) -> "Tensor":
    """The crop of a photo (1, 3, H, W)."""
    height, width = photo.shape[2:]
    rows, columns = (max(1, round(crop[2] * side)) for side in (height, width))
    top, left = min(round(crop[0] * height), height - rows), min(round(crop[1] * width), width - columns)
    return photo[..., top : top + rows, left : left + columns]


@lru_cache(maxsize=16)
def _artwork(path: Path, size: int) -> "Tensor":
    """An artwork, which many variants share."""
    from stylekit.pictures import open_picture

    return open_picture(path, size, enlarge=False).image


@lru_cache(maxsize=1)
def loaded(name: str, device: str | None) -> "Encoder":
    """The encoder of this process, loaded once."""
    from stylekit.encoders import load_encoder

    return load_encoder(name, device)


def _begin() -> None:
    """In a worker, first: Ctrl-C is for the parent to answer, and a parent that was killed is not outlived."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()


def _work(task: Task, device: str | None) -> Done:
    """What a worker does."""
    import torch

    torch.set_num_threads(1)
    return painted(task, loaded(task.recipe.encoder, device))


def carried_out(tasks: Sequence[Task], workers: int, device: str | None = None) -> Generator[Done, None, None]:
    """Paint the variants in so many processes, and give each as soon as it is done; close it to stop.

    A worker that dies costs nothing but its variant, which is tried once more by itself.
    """
    waiting, tries = list(reversed(tasks)), Counter[str]()
    while waiting:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin) as pool:
            running: dict[Future[Done], Task] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < 2 * workers:  # few, so that little is lost and nothing piles up
                        task = waiting.pop()
                        running[pool.submit(_work, task, device)] = task
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        result = future.result()
                        del running[future]
                        yield result
            except BrokenProcessPool:
                for task in running.values():
                    tries[task.out] += 1
                    if tries[task.out] < TRIES:
                        waiting.append(task)
                    else:
                        yield Done(task, error=LOST)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


# -------------------------------------------------------------------------------------------------------------- manifest


def is_whole(results: Path, line: Mapping[str, Any]) -> bool:
    """Whether the file of a manifest's line is there, as it was written."""
    path = results / line["out"]
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == str(line["sha256"])


class Manifest:
    """The record of a folder of results: JSON Lines, the plan first, then a line for each variant when it is there.

    A line is written at once and whole, or is the last one and torn: then it is taken off. So whatever ended a run, what the
    manifest says is there is there, and what it does not say is painted again.
    """

    NAME = "manifest.jsonl"

    def __init__(self, plan: Plan, resume: bool = False) -> None:
        """Raises RecipeError where the folder holds other results, or these and `resume` is False."""
        self.path = plan.results / self.NAME
        self.known: dict[str, dict[str, Any]] = {}
        """{out: its line} of the variants that are done"""
        facts = json.dumps({"plan": plan.facts()})
        lines = self._whole_lines()
        if not lines:
            plan.results.mkdir(parents=True, exist_ok=True)
            self._append(facts)
            return
        if not resume:
            raise RecipeError(f"{plan.results} holds results already: add --resume to go on, or choose another folder.")
        if lines[0] != facts:
            raise RecipeError(f"{plan.results} holds results of other photos, artworks or settings; choose another folder.")
        found = [json.loads(line) for line in lines[1:]]
        self.known = {each["out"]: each for each in found if "error" not in each and is_whole(plan.results, each)}
        for torn in plan.results.rglob(".*.part"):  # what was being written when a run was killed
            torn.unlink()

    def _whole_lines(self) -> list[str]:
        if not self.path.is_file():
            return []
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            with open(self.path, "r+b") as file:
                file.truncate(len(whole))
        return whole.decode().splitlines()

    def _append(self, line: str) -> None:
        with open(self.path, "ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def add(self, done: Done) -> None:
        """Record a variant, after its file is there."""
        self._append(json.dumps(done.line()))
        if not done.error:
            self.known[done.task.out] = done.line()

    def missing(self, tasks: Sequence[Task]) -> list[Task]:
        """Those that are not done."""
        return [task for task in tasks if task.out not in self.known]


# ----------------------------------------------------------------------------------------------------------- a DataLoader


def opened(path: str) -> "Image":
    """A photo (RGB) that still knows its file, which `Stylize` looks for: the loader of an ImageFolder."""
    from PIL import Image

    with Image.open(path) as file:
        image = file.convert("RGB")
    image.filename = path  # type: ignore[attr-defined]
    return image


class Stylize:
    """A transform for torchvision.transforms.v2.Compose: now and then, a photo's painted variant in its place.

        dataset = ImageFolder("photos", loader=opened, transform=v2.Compose([Stylize("more", 0.5), v2.Resize(224), ...]))

    Chance is torch's, so that the workers of a DataLoader draw differently, and a seed repeats it. Can be pickled.
    """

    def __init__(self, bank: str | os.PathLike[str], share: float = 0.5) -> None:
        """`bank` is a folder that `augment` filled from these photos; `share` (0 to 1) of the photos are replaced.

        Raises PictureError for a folder without a manifest, and RecipeError for another share.
        """
        if not 0 <= share <= 1:
            raise RecipeError(f"The share of painted photos lies between 0 and 1, not {share:g}.")
        self.bank, self.share = Path(bank), share
        self.variants: dict[str, list[str]] = {}
        """{photo, inside its folder: its variants, inside the bank}"""
        try:
            first, *lines = (self.bank / Manifest.NAME).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise PictureError(f"{self.bank} has no {Manifest.NAME}; fill it by `stylekit augment` first.") from error
        self.photos = Path(json.loads(first)["plan"]["photos"])
        for line in map(json.loads, lines):
            if "error" not in line:
                self.variants.setdefault(line["source"], []).append(line["out"])

    def __call__(self, image: "Image") -> "Image":
        """`image`, as `opened` gives it, or one of its variants; one that the bank does not know stays."""
        import torch

        if torch.rand(()) >= self.share:
            return image
        path = Path(getattr(image, "filename", "")).resolve()
        known = self.variants.get(path.relative_to(self.photos).as_posix(), []) if path.is_relative_to(self.photos) else []
        if not known:
            return image
        return opened(str(self.bank / known[int(torch.randint(len(known), ()))]))
