"""What this machine is, and what its host says of it. Reads all environment variables but the weights'.

STYLEKIT_CONCURRENCY   paintings that are computed at the same time (1; on a cluster, as many as it has room for at the start)
STYLEKIT_QUEUE         visitors who may wait in line (20)
STYLEKIT_MAX_SIZE      longest side of a result in pixels (1024; 512 on a Space without a GPU)
STYLEKIT_MAX_STEPS     steps of one run (1000)
STYLEKIT_MAX_SECONDS   computing time of one run (1800; 300 on a Space); then it pauses and keeps its picture
STYLEKIT_MAX_UPLOAD_MB size of an uploaded file (25)
STYLEKIT_KEEP_HOURS    hours after a visitor's last visit that pinned pictures are kept; 0 keeps nothing, and offers no wall
                       (8760 where only this machine reaches the studio, 336 on a network, 24 on a Space)
STYLEKIT_KEEP_MB       megabytes of all visitors' pins (4000)
STYLEKIT_WALL_MB       megabytes of one visitor's (300)
STYLEKIT_MAX_CLIP_SECONDS  of a clip that is painted as a film (10; 3 on a Space)
STYLEKIT_KEEP_FOLDER   where pins lie (the user's folder for data; on a Space with storage, /data)
STYLEKIT_RAY_ADDRESS   of a Ray cluster that paints, such as 10.0.0.5:6379, or auto: the one of this machine
STYLEKIT_HOSTS         further names by which the studio is reached, such as studio.example.org behind a proxy; with commas
"""

import functools
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from platformdirs import user_data_path

from stylekit import cluster
from stylekit.encoders import allow_tf32, pick_device, vgg19
from stylekit.errors import UsageError, WeightsError
from stylekit.memory import keep_freed
from stylekit.studio.limits import LEAST, Limits
from stylekit.studio.storage import Folder, end_at_signals
from stylekit.studio.wall import Walls
from stylekit.threads import limit_threads

CORES = 2
"""Of each run on a cluster without GPUs: somebody waits for it."""

DAY = 24
"""In hours."""

DISK_OF_A_SPACE = Path("/data")
"""Where Hugging Face mounts storage that outlasts a restart, if the Space has some."""

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Names of the machine itself."""


def limits() -> Limits:
    """The defaults of this place, changed by the variables above. Raises UsageError for one that makes no sense."""
    on_space = "SPACE_ID" in os.environ
    here = Limits(
        concurrency=places(),
        max_seconds=300 if on_space else 1800,
        max_clip_seconds=3 if on_space else 10,
        max_size=512 if on_space and not has_gpu() else 1024,
        keep_hours=DAY if on_space else 365 * DAY if is_local(None, None) else 14 * DAY,
    )
    return replace(here, **{name: _number(name) for name in vars(here) if f"STYLEKIT_{name.upper()}" in os.environ})


def cluster_address() -> str:
    """Of the cluster that paints; empty where there is none."""
    return os.environ.get("STYLEKIT_RAY_ADDRESS", "").strip()


def places() -> int:
    """Paintings that can be computed at the same time. Raises UsageError and WorldError for a cluster that cannot be joined."""
    if not (address := cluster_address()):
        return 1
    cluster.join(address)
    return cluster.shares(CORES)[1]


def _number(name: str) -> int:
    variable = f"STYLEKIT_{name.upper()}"
    text = os.environ[variable]
    least = LEAST.get(name, 1)
    if not (text.isdecimal() and least <= int(text[:10]) < 10**9):
        raise UsageError(f"The environment variable {variable} must be a whole number from {least} on, not {text[:20]!r}.")
    return int(text)


def has_gpu() -> bool:
    """Whether a GPU is here, or can be borrowed."""
    return pick_device().type != "cpu" or borrows_gpu()


def borrows_gpu() -> bool:
    """Whether this is a Space that lends a GPU for each run (ZeroGPU)."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")  # as its package reads it


def default_encoder() -> str:
    """VGG-19 where a GPU and its weights are; else compact, which is quick and needs no download."""
    try:
        return "vgg19" if has_gpu() and vgg19.find_weights() is not None else "compact"
    except WeightsError:
        return "compact"


def device_name() -> str:
    """Where pictures are computed, in words."""
    device = pick_device()
    if cluster_address():
        count = places()
        return f"cluster, {count} place{'s' if count > 1 else ''}"
    if borrows_gpu():
        return "GPU on loan"
    if device.type == "cuda":
        return torch.cuda.get_device_name()
    cores = torch.get_num_threads()
    return "Apple GPU" if device.type == "mps" else f"CPU, {cores} core{'s' if cores > 1 else ''}"


@functools.cache
def folder() -> Folder:
    """This process's folder, made at the first call; inside the one that GRADIO_TEMP_DIR names, and gradio's own from now on."""
    made = Folder(Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()))
    os.environ["GRADIO_TEMP_DIR"] = str(made.cache)
    return made


def walls(limits: Limits) -> Walls:
    """Where visitors' pins are kept."""
    return Walls(_place_of_walls() / "walls", limits.keep_hours, limits.keep_mb << 20, limits.wall_mb << 20)


def _place_of_walls() -> Path:
    """The first folder that can be written to; the last is this process's own, which goes with it."""
    if said := os.environ.get("STYLEKIT_KEEP_FOLDER"):
        return Path(said).expanduser()
    disks = [DISK_OF_A_SPACE / "stylekit"] if "SPACE_ID" in os.environ and DISK_OF_A_SPACE.is_dir() else []
    for place in (*disks, user_data_path("stylekit", appauthor=False)):
        there = next(parent for parent in (place, *place.parents) if parent.exists())
        if os.access(there, os.W_OK):
            return place
    return folder().path


def names() -> list[str]:
    """By which the studio is reached, besides those of its machine."""
    said = f"{os.environ.get('STYLEKIT_HOSTS', '')},{os.environ.get('SPACE_HOST', '')}"
    return [name.strip().lower() for name in said.split(",") if name.strip()]


def is_local(server_name: str | None, share: bool | None) -> bool:
    """Whether only this machine is to reach the studio, as launched with these arguments of gradio's."""
    shared = os.environ.get("GRADIO_SHARE", "").lower() == "true" if share is None else share
    name = server_name or os.environ.get("GRADIO_SERVER_NAME") or LOCAL[0]
    return name.strip("[]") in LOCAL and not shared


def open_doors(*sweeping: Callable[[], None]) -> None:
    """Once before visitors come: nothing that they send lies anywhere but in the folder, for longer than it may.

    What else is to be swept now and then is done in the same rounds.
    """
    tempfile.tempdir = str(folder().temporary)
    folder().sweep_from_now_on(*sweeping)
    end_at_signals()


def prepare() -> None:
    """Once at the start: use as many cores as there are for us, let steps keep their memory and an NVIDIA GPU be quick."""
    keep_freed()
    allow_tf32()
    if (cores := os.environ.get("CPU_CORES", "")).isdecimal():
        torch.set_num_threads(max(1, int(cores)))
    limit_threads()
