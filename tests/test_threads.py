"""Threads that wait yield their core, and there are no more of them than a container has cores."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stylekit import threads

ROOT = Path(__file__).parents[1]
linux = pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP is asked, which torch has on Linux alone")

WAITED = """if True:
    import os, sys, time
    from stylekit.threads import yield_cores

    if sys.argv[1] == "yield":
        assert yield_cores()
    import torch
    assert not yield_cores()  # too late

    def cost():
        began = time.process_time()
        for _ in range(50):
            numbers.mul_(1.0)
            time.sleep(0.005)
        return time.process_time() - began

    torch.set_num_threads(2)
    numbers = torch.ones(2**20)
    cost()
    print(cost())
"""


def environment(**more):
    return {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))} | {"PYTHONPATH": str(ROOT), **more}


def python(*arguments, **more):
    done = subprocess.run([sys.executable, *arguments], env=environment(**more), capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
@linux
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="threads do not spin where there is one core")
def test_threads_that_wait_take_no_time_of_the_processor():
    yielding, spinning = (float(python("-c", WAITED, how).stdout) for how in ("yield", "spin"))
    assert yielding < spinning / 5


@pytest.mark.slow
@linux
@pytest.mark.parametrize("door", ["command line", "page"])
def test_page_and_command_line_say_so_to_openmp_before_it_starts(door, tmp_path):
    arguments = ["-m", "stylekit", "stylize", "assets/photos/cat.jpg", "assets/artworks/harbour-night.jpg"]
    arguments += ["-o", str(tmp_path / "x.png"), "--size", "32", "--steps", "1", "--quiet"]
    said = python(*(["-c", "import app"] if door == "page" else arguments), OMP_DISPLAY_ENV="verbose").stderr
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in said and "GOMP_SPINCOUNT = '1000'" in said


@linux
def test_what_the_environment_says_stays():
    code = "from stylekit.threads import yield_cores; yield_cores(); import torch"
    said = python("-c", code, OMP_DISPLAY_ENV="verbose", OMP_WAIT_POLICY="ACTIVE", GOMP_SPINCOUNT="77").stderr
    assert "OMP_WAIT_POLICY = 'ACTIVE'" in said and "GOMP_SPINCOUNT = '77'" in said


@pytest.mark.parametrize(
    ("files", "allowed"),
    [
        ([["max 100000\n"]], 2),
        ([["100000 100000\n"]], 1),
        ([["120000 100000\n"]], 2),
        ([["20000 100000\n"]], 1),
        ([["900000 100000\n"]], 2),
        ([[None], ["-1\n", "100000\n"]], 2),
        ([[None], ["50000\n", "100000\n"]], 1),
        ([["gibberish\n"], [None, None]], 2),
    ],
)
def test_a_container_gives_as_many_threads_as_its_quota_says(files, allowed, tmp_path, monkeypatch):
    names = [[tmp_path / f"{row}-{column}" for column in range(len(texts))] for row, texts in enumerate(files)]
    for path, text in zip(itertools.chain(*names), itertools.chain(*files), strict=True):
        if text is not None:
            path.write_text(text)
    monkeypatch.setattr(threads, "QUOTAS", names)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert threads.limit_threads() == torch.get_num_threads() == allowed
    finally:
        torch.set_num_threads(before)
