"""A visitor's timeline: pictures of each run are kept on the way, to be looked at, compared, and gone on from.

The kept pictures of a run, its moments, are a branch. A run that goes on where a branch ends makes that longer; one that goes on
from any other moment, or from one with other settings, is a branch of its own. The last moment of a branch is its painting.

A moment is a picture without loss: a run that goes on from it is recorded as rounded (see recipe.Keyframe), so that what it
paints can be painted again from its recipe alone, bit for bit.
"""

import contextlib
import logging
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from stylekit.errors import PictureError
from stylekit.pictures import Picture, save_png, save_quickly, to_pil
from stylekit.pyramid import scaled
from stylekit.recipe import Recipe, Weights
from stylekit.resize import fit
from stylekit.studio.losses import LossTable
from stylekit.studio.masks import Drawings
from stylekit.transfer import Frame

MOST_BRANCHES = 6
"""Of a visitor; beyond, the least advanced goes when a run ends."""

MOST_MOMENTS = 32
"""Of a branch."""

EVENLY = 20
"""Moments of a run that nobody turns a weight in."""

DENSER = 4
"""How many times as many there are next to a turn."""

THUMBNAIL = 128
"""Longest side in pixels."""

MOST_WAITING = 3
"""Moments that wait for the disk; where that is slower than the steps are, fewer are kept."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Sources:
    """All that a painting was made of, beside its recipe."""

    pictures: Mapping[str, str] = field(default_factory=dict)
    """paths, by the name of their place on the page: content, style, style_2 to style_4, palette, start"""
    drawings: Drawings | None = None
    """what was painted on them"""


@dataclass(frozen=True)
class Moment:
    """A picture of a run, with all that is needed to look back at it, to paint it again and to go on from it."""

    path: Path
    """with the recipe inside: a WebP without loss, or, at the end of a run, a PNG"""
    thumbnail: Path
    """JPEG"""
    painting: Path
    """what is gone on from: `path`, unless that has the photo's colours, parts or transparency"""
    before: Path
    """the photo, to compare with"""
    recipe: Recipe
    """that paints it again"""
    made_of: tuple[str, ...]
    """the photo and the artworks"""
    step: int
    """counted from the beginning of the branch that its branch began from"""
    size: int
    """longest side in pixels; less than the recipe's on the way"""
    unfinished: int
    """steps that are still to come; 0 if it is finished, or was stopped for good"""
    losses: Mapping[str, float] = field(default_factory=dict, compare=False)
    """unweighted, by their terms; empty before the first step"""
    sources: Sources = field(default_factory=Sources, compare=False)
    """the photo and the artworks by their places, and all else"""
    turned: bool = False
    """whether weights were turned just before or just after it"""

    @property
    def weights(self) -> Weights:
        """Those that it was painted with last."""
        return self.recipe.settled().weights


class Branch:
    """A run's moments, and its losses."""

    def __init__(self, number: int, folder: Path, origin: "Origin | None" = None) -> None:
        self.number = number
        """from 1 on, in the order of their beginnings; a number is not given twice"""
        self.folder = folder
        self.origin = origin
        """where it began; None with the photo, noise or a picture of the visitor's"""
        self.moments: tuple[Moment, ...] = ()
        """in the order of their steps"""
        self.table = LossTable()
        self.steps = 0
        """that it has when it is finished"""
        self.running = True
        """whether its run goes on"""
        self.written = 0
        """files that were begun, to be named by"""

    @property
    def end(self) -> Moment | None:
        """Its painting."""
        return self.moments[-1] if self.moments else None

    def add(self, moment: Moment) -> None:
        """Put a later moment behind the others, or a new end in the place of the last moment if that is of the same step."""
        same = [other for other in self.moments[-1:] if other.step >= moment.step]
        kept = thinned((*self.moments[: len(self.moments) - len(same)], moment))
        gone = [other for other in (*self.moments, moment) if other not in kept]
        self.moments = kept  # in one go: a page may be looking
        for other in gone:
            _remove(other)


@dataclass(frozen=True)
class Origin:
    """The moment that a branch began from."""

    number: int
    """of the other branch"""
    step: int


class Timeline:
    """A visitor's branches. A plain value without a lock, like the session that it belongs to."""

    def __init__(self) -> None:
        self.branches: list[Branch] = []
        self._begun = 0

    def begin(self, folder: Path, after: Moment | None = None) -> Branch:
        """A branch from the photo, or from the moment `after`, which counts its losses, too; its files go into `folder`."""
        self._begun += 1
        other = self.branch_of(after)
        origin = Origin(other.number, after.step) if other and after else None
        branch = Branch(self._begun, folder, origin)
        if other and after:
            branch.table = other.table.until(after.step)
        self.branches = [*self.branches, branch]
        return branch

    def adopt(self, moment: Moment) -> None:
        """Begin a branch with a moment from elsewhere, such as the wall; its files lie in a folder of their own."""
        if self.branch_of(moment) is None:
            branch = self.begin(moment.before.parent)
            branch.moments, branch.steps, branch.running = (moment,), moment.step + moment.unfinished, False
            branch.written = 1

    def branch_of(self, moment: Moment | None) -> Branch | None:
        """The branch that it lies on."""
        return next((branch for branch in self.branches if moment in branch.moments), None)

    def ends(self) -> list[Moment]:
        """The paintings that are still on the disk, in the order in which their branches were begun."""
        return [end for branch in self.branches if (end := branch.end) and end.path.is_file()]

    def find(self, number: int, step: int) -> Moment | None:
        """The moment of this step on the branch of this number, if it is still on the disk."""
        moments = [moment for branch in self.branches if branch.number == number for moment in branch.moments]
        return next((moment for moment in moments if moment.step == step and moment.path.is_file()), None)

    def named(self, name: str) -> Moment | None:
        """The moment that a page calls `branch:step`; None for what is no name of one, and for one that is gone."""
        number, _, step = name.partition(":")
        return self.find(int(number), int(step)) if _is_number(number) and _is_number(step) else None

    def tidy(self, canvas: Moment | None) -> None:
        """Drop what was left without a picture, and, beyond MOST_BRANCHES, the least advanced but that of `canvas`."""
        others = [branch for branch in self.branches if not branch.running and canvas not in branch.moments]
        others.sort(key=lambda branch: (branch.moments[-1].size, branch.moments[-1].step) if branch.moments else (0, 0))
        too_many = len(self.branches) - MOST_BRANCHES
        for number, branch in enumerate(others):
            if number < too_many or not branch.moments:
                self.drop(branch)

    def drop(self, branch: Branch) -> None:
        """Forget a branch, and remove its pictures."""
        self.branches = [other for other in self.branches if other is not branch]
        shutil.rmtree(branch.folder, ignore_errors=True)

    def forget(self) -> None:
        """Drop all branches."""
        for branch in self.branches:
            self.drop(branch)


def thinned(moments: Sequence[Moment], most: int = MOST_MOMENTS) -> tuple[Moment, ...]:
    """At most `most` of them, spread evenly; the first and the last stay, and those next to a turn as long as others can go."""
    left = list(moments)
    while len(left) > most:
        room = {n: left[n + 1].step - left[n - 1].step for n in range(1, len(left) - 1)}
        del left[min(room, key=lambda n: (left[n].turned, room[n]))]
    return tuple(left)


class Choice:
    """Which of a run's steps are kept: EVENLY many, and DENSER times as many after each turn, fading."""

    def __init__(self, steps: int) -> None:
        self._apart = steps / EVENLY
        self._kept = self._turned = -steps

    def wants(self, step: int) -> bool:
        """Whether this step is to be kept."""
        apart = min(self._apart, max(self._apart / DENSER, (step - self._turned) / 2))
        return step - self._kept >= max(1, apart)

    def turned(self, step: int) -> None:
        """Weights were turned: `step` is the first with other weights."""
        self._turned = step

    def wants_before_turn(self, step: int) -> bool:
        """Whether this step, the last with the weights before, is to be kept."""
        return step - self._kept >= max(1, self._apart / DENSER)

    def kept(self, step: int) -> None:
        """This step is kept."""
        self._kept = step


class Recorder:
    """Keeps moments of a run on its branch, in a thread of its own: the loop waits neither for the device nor for the disk."""

    def __init__(
        self, branch: Branch, photo: Picture, made_of: tuple[str, ...], sources: Sources, all_moments: bool = True
    ) -> None:
        """`photo` at the run's size; without `all_moments`, only the end is kept."""
        self.branch, self.made_of, self.sources = branch, made_of, sources
        self._photo, self._alpha = photo.image, photo.alpha
        self._choice = Choice(branch.steps)
        if branch.end:
            self._choice.kept(branch.end.step)
        self._all_moments = all_moments
        self._before: tuple[Frame, int] | None = None
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, "stylekit keeps moments")

    def take(self, frame: Frame, step: int, turned: bool) -> None:
        """A frame has come, `step` of the branch; `turned`: with other weights than the one before."""
        if turned and self._before and self._choice.wants_before_turn(self._before[1]):
            self._keep_later(*self._before, turned=True)
        if turned:
            self._choice.turned(step)
        if self._choice.wants(step):
            self._keep_later(frame, step, turned)
        self._before = frame, step

    def end(self, frame: Frame, step: int, unfinished: int) -> Moment:
        """The last moment, when all others are kept; raises PictureError and OSError, leaving nothing of it."""
        self._thread.shutdown()
        moment = self._kept(frame, step, unfinished, turned=False, last=True)
        self.branch.add(moment)
        return moment

    def close(self) -> None:
        """No more frames come; what waits is still kept."""
        self._before = None
        self._thread.shutdown(wait=False)

    def _keep_later(self, frame: Frame, step: int, turned: bool) -> None:
        if self._all_moments and self._waiting < MOST_WAITING:
            self._waiting += 1
            self._choice.kept(step)
            self._thread.submit(self._keep, frame, step, turned)

    def _keep(self, frame: Frame, step: int, turned: bool) -> None:
        try:
            self.branch.add(self._kept(frame, step, frame.steps - frame.step, turned))
        except (PictureError, OSError) as error:  # the last picture will say it to the visitor
            log.info("A moment was not kept: %s", error)
        except Exception:
            log.exception("A moment was not kept.")
        finally:
            self._waiting -= 1

    def _kept(self, frame: Frame, step: int, unfinished: int, turned: bool, last: bool = False) -> Moment:
        branch, recipe, size = self.branch, frame.recipe, frame.painting.shape[2:]
        branch.written += 1
        name = branch.folder / f"{branch.written}"
        name.mkdir()  # the downloaded file's name is the same for all
        path = name / ("stylekit.png" if last else "stylekit.webp")
        save = save_png if last else save_quickly
        plain = frame.image is frame.painting and self._alpha is None
        painting = path if plain else name / "plain.webp"
        moment = Moment(
            path,
            name / "thumbnail.jpg",
            painting,
            branch.folder / "photo.webp",
            recipe,
            self.made_of,
            step,
            max(size),
            unfinished,
            frame.losses,
            self.sources,
            turned,
        )
        try:
            save(path, frame.image, alpha=self._alpha, recipe_json=recipe.to_json())
            if not plain:
                save_quickly(painting, frame.painting)
            save_thumbnail(moment.thumbnail, frame.image)
            if not moment.before.is_file():
                save_quickly(moment.before, self._photo)
        except BaseException:
            _remove(moment)
            raise
        return moment


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def save_thumbnail(path: Path, image: Tensor) -> Path:
    """Write an image (1, 3, H, W) as a small JPEG, to this path, which is returned. Raises OSError."""
    size = image.shape[2:]
    to_pil(fit(image, scaled(size, min(THUMBNAIL, max(size))))).save(path, "JPEG", quality=80)
    return path


def _remove(moment: Moment) -> None:
    """Its files, but the photo, which is the whole branch's."""
    with contextlib.suppress(OSError):
        shutil.rmtree(moment.path.parent)
