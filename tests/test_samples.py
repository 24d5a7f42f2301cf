"""The strip of samples: one for each look, small, painted by one command, and nothing but letters where they are missing."""

import importlib.util

from PIL import Image

from stylekit import PRESETS
from stylekit.ui import samples
from stylekit.ui.components import ASSETS
from stylekit.ui.words import Words


def test_every_look_has_a_small_sample_and_no_other_picture_lies_there():
    assert [look.name for look in samples.looks()] == [name for name, preset in PRESETS.items() if not preset.program]
    assert {path.name for path in (ASSETS / "presets").iterdir()} == {samples.sample_of(look).name for look in samples.looks()}
    for look in samples.looks():
        with Image.open(samples.sample_of(look)) as picture:
            assert picture.size == (200, 160) and picture.convert("L").getextrema()[1] > 100
        assert samples.sample_of(look).stat().st_size < 20_000


def test_each_sample_is_shown_and_said_and_without_them_the_page_has_no_strip(monkeypatch, tmp_path):
    style = samples.style(Words())
    for look in samples.looks():
        assert f'[value="{look.name}"]' in style and f"presets/{look.name}.webp" in style and look.description in style
    monkeypatch.setattr(samples, "ASSETS", tmp_path)
    assert samples.style(Words()) == ""


def test_one_command_paints_a_sample(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("make_strip", ASSETS / "make_strip.py")
    make_strip = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_strip)
    monkeypatch.setattr(samples, "ASSETS", tmp_path)
    make_strip.main(["balanced", "--size", "64"])
    with Image.open(tmp_path / "presets" / "balanced.webp") as picture:
        assert picture.size == (200, 160)
