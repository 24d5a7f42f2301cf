"""What a step frees stays for the next one, where the C library can be told so."""

import ctypes
import functools
import subprocess
import sys
from pathlib import Path

import pytest

from stylekit.memory import keep_freed

ROOT = Path(__file__).parents[1]

FAULTS = """if True:
    import resource, sys
    from concurrent.futures import ThreadPoolExecutor
    import torch
    from stylekit.memory import keep_freed

    how, out = sys.argv[1:]
    if how == "told":
        assert keep_freed()
    if how == "page":
        from stylekit.studio import hosting

        hosting.prepare()
    if how == "command line":
        from stylekit.cli import main

        pictures = ["assets/photos/cat.jpg", "assets/artworks/harbour-night.jpg"]
        assert main(["stylize", *pictures, "-o", out, "--size", "32", "--steps", "1", "--quiet"]) == 0

    def faults():
        for turn in range(2):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            for _ in range(10):
                torch.full((8 * 2**20,), 1.0)  # 32 MB
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with ThreadPoolExecutor(1) as thread:
        print(faults(), thread.submit(faults).result())
"""


@functools.cache
def pages_asked_for(how, out="none.png"):
    """Pages that the system handed out while 32 MB are used and freed ten times, once the heap has grown: in two threads."""
    done = subprocess.run([sys.executable, "-c", FAULTS, how, str(out)], cwd=ROOT, capture_output=True, text=True, check=True)
    return [int(number) for number in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["told", "page", "command line"])
def test_what_was_freed_is_used_again_in_every_thread_instead_of_asked_of_the_system_anew(tmp_path, how):
    if not has_glibc():
        pytest.skip("the C library is not glibc")
    kept, left = pages_asked_for(how, tmp_path / "painted.png"), pages_asked_for("left alone")
    assert all(few * 10 < many for few, many in zip(kept, left, strict=True))


def has_glibc():
    try:
        return bool(ctypes.CDLL(None).gnu_get_libc_version)
    except (AttributeError, OSError, TypeError):
        return False


@pytest.mark.parametrize("error", [OSError, TypeError])
def test_a_system_without_a_c_library_to_ask_is_left_as_it_is(monkeypatch, error):
    def refuse(name):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert keep_freed() is False


def test_a_c_library_that_cannot_be_told_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert keep_freed() is False


def test_refused_values_are_not_called_kept(monkeypatch):
    told = []

    class Refusing:
        def mallopt(self, parameter, value):
            told.append(parameter)
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Refusing())
    assert keep_freed() is False and len(told) == 3
