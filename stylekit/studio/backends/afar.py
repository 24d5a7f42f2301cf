"""A run in a process of a Ray cluster, on whatever machine has room for it; if that is lost, the run goes on on another.

The processes stay for the runs to come, for one takes seconds to begin. Frames come as a stream that waits for whoever reads it;
weights are turned by a call beside it.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from stylekit import cluster
from stylekit.errors import BusyError, WorldError
from stylekit.job import Job
from stylekit.recipe import Weights
from stylekit.studio import hosting
from stylekit.studio.backends.parcel import packed, unpacked
from stylekit.transfer import Dials, Frame, paint

PATIENCE = 60.0
"""Seconds to wait for room in the cluster, and for a process to begin there."""

APART = 0.05
"""Seconds between two frames that are sent: they are large, and nobody sees more."""

UNREAD = 2
"""Frames that may be on their way; then the painter waits."""

TRIES = 3
"""Losses in a row, without a step between them, after which it is not tried again."""

_lock = threading.Lock()
_idle: list[Any] = []
"""Painters without a run, the last one used last; there are never more of them than there were runs at a time."""


class Painter:
    """In a process of the cluster: carries out runs, one after the other."""

    def __init__(self, cores: int) -> None:
        import torch

        from stylekit.encoders import allow_tf32
        from stylekit.memory import keep_freed

        keep_freed()
        allow_tf32()
        torch.set_num_threads(cores)
        self._dials: Dials | None = None
        self._runs = 0

    def runs(self) -> int:
        """How many go on; answers once it is there."""
        return self._runs

    def frames(self, job: Job, weights: Weights) -> Iterator[Frame]:
        """`paint`, begun with these weights: the first frame, the last, and what can be seen between."""
        from stylekit.studio.backends import here

        self._dials, sent = Dials(weights), 0.0
        last = round(job.recipe.until * job.recipe.all_steps)
        self._runs += 1
        try:
            for frame in paint(job, encoder=here.encoder(job.recipe.encoder), dials=self._dials):
                if time.monotonic() - sent > APART or frame.step == last:
                    yield packed(frame)
                    sent = time.monotonic()
        finally:
            self._runs -= 1

    def turn(self, weights: Weights) -> None:
        """Use these weights from the next step on."""
        if self._dials:
            self._dials.weights = weights


def frames(job: Job, dials: Dials, moved: Callable[[], None]) -> Iterator[Frame]:
    """`paint`, in the cluster; `moved` is called when its machine was lost and it goes on on another.

    Raises BusyError where there is no room for it, and WorldError when it is lost again and again.
    """
    ray, last, lost = cluster.join(hosting.cluster_address()), None, 0
    weights = sent = dials.weights
    while True:
        painter = _borrowed()
        stream = painter.frames.options(_generator_backpressure_num_objects=UNREAD).remote(job, weights)
        before = last.seconds if last else 0.0
        try:
            for reference in stream:
                frame = unpacked(ray.get(reference), job)
                if last and frame.step <= last.step:
                    continue
                last, lost = replace(frame, seconds=before + frame.seconds), 0
                yield last
                if dials.weights != sent:
                    sent = dials.weights
                    painter.turn.remote(sent)
            return
        except Exception as error:
            if not cluster.is_lost(error):
                raise cluster.raised(error) from error
            painter, lost = None, lost + 1
            if lost == TRIES:
                raise WorldError("The machines that paint were lost again and again; please try again.") from error
        finally:  # to drop the stream would cancel nothing
            if painter is not None:
                with contextlib.suppress(Exception):
                    ray.cancel(stream)
                _give_back(painter)
        if last:
            weights, sent = (last.weights if dials.weights == sent else dials.weights), dials.weights
            job = _resumed(job, last)
            moved()


def _resumed(job: Job, frame: Frame) -> Job:
    """What is left of a job after this frame."""
    if frame.step == job.done:
        return job
    recipe = frame.recipe.resumed(frame.step, frame.weights).with_later(frame.step, job.recipe)
    return replace(job, recipe=replace(recipe, until=job.recipe.until), start=frame.painting, done=frame.step)


def _borrowed() -> Any:
    """A painter of no one else's; raises BusyError if there is no room for one."""
    ray = cluster.join(hosting.cluster_address())
    while True:
        with _lock:
            painter = _idle.pop() if _idle else None
        fresh = painter is None
        if painter is None:
            share, _ = cluster.shares(hosting.CORES)
            facts = {"num_cpus": share.cores, "num_gpus": int(share.gpu), "max_concurrency": 3}
            painter = ray.remote(**facts)(Painter).remote(share.cores)
        try:
            ray.get(painter.runs.remote(), timeout=PATIENCE)
            return painter
        except Exception as error:
            with contextlib.suppress(Exception):
                ray.kill(painter)
            if fresh:
                raise BusyError("There is no room on the machines that paint; please try again in a few minutes.") from error


def _give_back(painter: Any) -> None:
    with _lock:
        _idle.append(painter)
