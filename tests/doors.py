"""Processes that begin as the studio does, by each of its doors, or without one: each is asked once all that is to be known.

    python tests/doors.py page

Prints as JSON what was seen, for the tests of threads, memory and the house: `begun(door)` reads it. What OpenMP says of
itself at the start goes to stderr.
"""

import functools
import json
import os
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOORS = ("page", "command line", "told", "left alone")
"""`told` is torch alone, in a process that has been told what the doors tell it; `left alone` is torch as it is."""


@functools.cache
def begun(door: str) -> dict[str, Any]:
    """What a process that began at this door has seen: `openmp`, `modules`, `waited`, `pages`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_DISPLAY_ENV": "verbose"}
    done = subprocess.run([sys.executable, __file__, door], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"openmp": done.stderr}


def enter(door: str) -> None:
    """Begin there, up to where a picture could be painted, or has been."""
    if door == "page":
        import app  # noqa: F401
        from stylekit.studio import hosting

        hosting.prepare()
    elif door == "command line":
        with tempfile.TemporaryDirectory() as folder:
            sys.argv = ["stylekit", "stylize", "assets/photos/cat.jpg", "assets/artworks/harbour-night.jpg"]
            sys.argv += ["-o", f"{folder}/x.png", "--size", "32", "--steps", "1", "--quiet"]
            try:
                runpy.run_module("stylekit", run_name="__main__")
            except SystemExit as end:
                assert not end.code
    elif door == "told":
        from stylekit.memory import keep_freed
        from stylekit.threads import yield_cores

        assert yield_cores()
        import torch  # noqa: F401

        assert keep_freed()


def waited() -> float:
    """Seconds of the processor in which 50 short pieces of work are done, and little else."""
    import torch

    torch.set_num_threads(2)
    numbers = torch.ones(2**20)
    for turn in range(2):
        began = time.process_time()
        for _ in range(50 if turn else 5):
            numbers.mul_(1.0)
            time.sleep(0.005)
    return time.process_time() - began


def pages() -> int:
    """Pages that the system hands out while 32 MB are used and freed five times: the fewest of four times, for the heap grows."""
    import torch

    counts = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            torch.full((8 * 2**20,), 1.0)  # 32 MB
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return min(counts)


def main(door: str) -> None:
    """Print what is seen."""
    enter(door)
    import torch  # noqa: F401

    from stylekit.threads import yield_cores

    assert not yield_cores()  # too late
    modules = sorted(name for name in sys.modules if name in ("gradio", "spaces", "torch", "torch._dynamo", "torchvision"))
    with ThreadPoolExecutor(1) as thread:
        faults = [pages(), thread.submit(pages).result()]
    print(json.dumps({"modules": modules, "pages": faults, "waited": waited()}))


if __name__ == "__main__":
    main(sys.argv[1])
