"""Where a run is computed: here, in another process, and as ZeroGPU's own package lends a GPU for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stylekit.studio import hosting

HERE = Path(__file__).parent


def said_by(script, **variables):
    """What a script of this folder prints, as JSON; in a fresh interpreter, for a fork of this one has other tests' threads."""
    environment = os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1", **variables}
    ended = subprocess.run([sys.executable, HERE / script], env=environment, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_dials_reach_a_loop_in_another_process():
    seen = said_by("fork.py")
    assert seen[:11] == [5.0] * 11 and seen[-1] == 44.0


def test_zerogpu_is_used_only_where_it_is(monkeypatch):
    assert not hosting.borrows_gpu()
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert hosting.borrows_gpu() and hosting.device_name() == "GPU on loan"


@pytest.fixture(scope="module")
def on_zerogpu():
    pytest.importorskip("spaces", reason="ZeroGPU's package is not installed")
    return said_by("lent.py", NO_PROXY="127.0.0.1,localhost", GRADIO_ANALYTICS_ENABLED="False")


def test_zerogpu_is_told_at_the_start_what_it_is_to_lend_a_gpu_to(on_zerogpu):
    assert on_zerogpu["decorated"] == ["run"] and on_zerogpu["reported"]
    assert on_zerogpu["device"] == "GPU on loan"


def test_zerogpus_own_words_say_why_no_gpu_is_lent_and_what_fails_there_is_no_news_for_visitors(on_zerogpu):
    assert on_zerogpu["no place"] == "No GPU was available"
    assert on_zerogpu["no gpu"].startswith("Something went wrong")


def test_a_run_on_loan_is_turned_finishes_and_says_what_is_wrong_with_its_recipe(on_zerogpu):
    assert on_zerogpu["step"] == 30 and on_zerogpu["turned"] == 44.0
    assert "no layer" in on_zerogpu["refused"]


def test_the_units_of_the_papers_need_no_loan(on_zerogpu):
    assert on_zerogpu["units"] > 0 and on_zerogpu["asked for units"] == 0
