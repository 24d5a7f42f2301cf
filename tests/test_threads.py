"""Threads that wait yield their core, and there are no more of them than a container has cores."""

import itertools
import os
import sys

import pytest
import torch

from stylekit import threads

linux = pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP is asked, which torch has on Linux alone")


@pytest.mark.slow
@linux
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="threads do not spin where there is one core")
@pytest.mark.parametrize("door", ["page", "command line", "told"])
def test_threads_that_wait_take_no_time_of_the_processor(doors, door):
    assert doors(door)["waited"] < doors("left alone")["waited"] / 5


@pytest.mark.slow
@linux
@pytest.mark.parametrize("door", ["page", "command line"])
def test_page_and_command_line_say_so_to_openmp_before_it_starts(doors, door):
    said = doors(door)["openmp"]
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in said and "GOMP_SPINCOUNT = '1000'" in said


@pytest.mark.parametrize("said", [{}, {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "77"}])
def test_what_the_environment_says_stays(monkeypatch, said):
    ours = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
    for name in ours:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name) if name not in said else monkeypatch.setenv(name, said[name])
    assert not threads.yield_cores()  # too late here
    assert {name: os.environ[name] for name in ours} == (said or ours)


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
