"""Many machines: a Ray cluster, joined only when asked for. Everything here that is Ray's is said here, and once.

    ray start --head                      # on one machine
    ray start --address=FIRST:6379        # on each of the others
    RAY_ADDRESS=FIRST:6379 stylekit augment photos/ artworks/ more/ --engine ray

What is to be computed is sent along, pictures included: the machines share no disk. stylekit, in the same version, and the
encoder's weights are installed on each. Whoever reaches a cluster's ports may run what he likes on its machines, and Ray listens
on all interfaces, whatever it is told: it belongs behind a firewall (https://docs.ray.io/en/latest/ray-security/index.html).
"""

import contextlib
import importlib
import logging
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

from stylekit.errors import StylekitError, UsageError, WorldError

Key = TypeVar("Key")

STORE = 256 << 20
"""Bytes of the store of a cluster that is begun here: what is on its way is small, and Ray would take a third of all memory."""

WAIT = 10.0
"""Seconds for a cluster to answer."""

TRIES = 2
"""Of a task whose process or machine died, perhaps of its memory."""


def join(address: str | None = None) -> Any:
    """The package `ray`, connected to the cluster at this address; None: the one that RAY_ADDRESS names, or one begun here.

    Raises UsageError where Ray is not installed, WorldError where there is no such cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine but for its cluster
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise UsageError("Ray is not installed; `pip install 'stylekit[ray]'`, or `pip install ray`, brings it.") from error
    if ray.is_initialized():
        return ray
    where = address or os.environ.get("RAY_ADDRESS", "")
    facts = {"address": where} if where else {"include_dashboard": False, "object_store_memory": STORE}
    try:
        _knock(where)
        with _own_signals():
            ray.init(**facts, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        where = f"at {where}" if where else "here"
        raise WorldError(f"There is no Ray cluster {where} that can be joined; begin one by `ray start --head`.") from error
    return ray


def _knock(where: str) -> None:
    """Raises OSError if nobody listens at HOST:PORT: Ray waits for minutes. Other addresses, such as auto, Ray looks up."""
    host, colon, port = where.rpartition(":")
    if colon and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), WAIT).close()


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Ray answers SIGTERM in its own way; the program's own stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Share(NamedTuple):
    """What one of the tasks that are computed beside each other takes of its machine."""

    cores: int
    gpu: bool

    @property
    def options(self) -> dict[str, Any]:
        """As Ray is told it. A task that dies is tried again by us, who know what is done of it."""
        return {"num_cpus": self.cores, "num_gpus": int(self.gpu), "max_retries": 0}


def shares(cores: int = 1) -> tuple[Share, int]:
    """(what a task takes, how many the cluster has room for at this moment): GPUs if there are any, else so many cores each.

    Fewer cores each where no machine has so many.
    """
    resources = [node["Resources"] for node in join().nodes() if node["Alive"]]
    if gpus := int(sum(each.get("GPU", 0) for each in resources)):
        return Share(1, True), gpus
    having = [int(each.get("CPU", 0)) for each in resources]
    cores = max(1, min(cores, max(having, default=1)))
    return Share(cores, False), max(1, sum(each // cores for each in having))


def is_lost(error: BaseException) -> bool:
    """Whether a process or a machine of the cluster is gone: not what a task raised, which would raise it elsewhere, too."""
    errors: Any = importlib.import_module("ray.exceptions")
    return isinstance(error, errors.RayError) and not isinstance(error, (errors.RayTaskError, errors.TaskCancelledError))


def raised(error: Exception) -> Exception:
    """What a task raised, as it was there if it is ours."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, StylekitError) else error


def unordered(
    work: Callable[..., Any], orders: Iterable[tuple[Key, tuple[Any, ...]]], most: int | None = None
) -> Generator[tuple[Key, Any], None, None]:
    """(key, work(*arguments)) for each (key, arguments), as soon as it is done, wherever in the cluster; close it to stop.

    At most `most` at a time (default: as many as there is room for, as machines come and go). The result is None of what
    was lost TRIES times. Raises what `work` raises.
    """
    ray, waiting = join(), iter(orders)
    again: list[tuple[Key, tuple[Any, ...]]] = []
    running: dict[Any, tuple[Key, tuple[Any, ...]]] = {}
    tries, task = Counter[Key](), ray.remote(work)
    try:
        while True:
            share, room = shares()
            while len(running) < min(most or room, room) and (order := again.pop() if again else next(waiting, None)):
                running[task.options(**share.options).remote(*order[1])] = order
            if not running:
                return
            (done,), _ = ray.wait([*running], num_returns=1)
            key, arguments = running.pop(done)
            try:
                yield key, ray.get(done)
            except Exception as error:
                if not is_lost(error):
                    raise raised(error) from error
                tries[key] += 1
                if tries[key] < TRIES:
                    again.append((key, arguments))
                else:
                    yield key, None
    finally:
        for each in running:
            ray.cancel(each, force=True)


def streamed(
    work: Callable[..., Iterator[Any]], keys: Iterable[Key], order: Callable[[Key], tuple[Any, ...]], most: int | None = None
) -> Generator[tuple[Key, Any], None, None]:
    """(key, each of what work(*order(key)) yields) for all keys, as it comes, wherever in the cluster; close it to stop.

    `order` is asked again for what is lost on the way, and says then what is still to be done. At most `most` at a time
    (default: as many as there is room for). Raises what `work` raises, and WorldError for what was lost TRIES times in a row.
    """
    ray, waiting = join(), list(reversed(list(keys)))
    running: dict[Any, Key] = {}
    tries, task = Counter[Key](), ray.remote(num_returns="streaming")(work)
    try:
        while waiting or running:
            share, room = shares()
            while waiting and len(running) < min(most or room, room):
                key = waiting.pop()
                running[task.options(**share.options).remote(*order(key))] = key
            (ready,), _ = ray.wait([*running], num_returns=1)
            key = running[ready]
            try:
                item = ray.get(next(ready))
            except StopIteration:
                del running[ready]
            except Exception as error:
                del running[ready]
                if not is_lost(error):
                    raise raised(error) from error
                tries[key] += 1
                if tries[key] == TRIES:
                    raise WorldError("The same task was lost twice on the cluster, perhaps for want of memory.") from error
                waiting.append(key)
            else:
                tries[key] = 0
                yield key, item
    finally:
        for each in running:
            ray.cancel(each, force=True)
