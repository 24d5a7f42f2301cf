"""The sample pictures: all credited, all loadable, small enough, and their painter repeatable."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

ASSETS = Path(__file__).parent.parent / "assets"
PICTURES = sorted(path for folder in ("artworks", "photos") for path in (ASSETS / folder).iterdir())


@pytest.fixture(scope="module")
def painter() -> ModuleType:
    """assets/make_samples.py, which lies outside any package."""
    spec = importlib.util.spec_from_file_location("make_samples", ASSETS / "make_samples.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def name(path: Path) -> str:
    """The picture as CREDITS.md writes it: folder/file."""
    return path.relative_to(ASSETS).as_posix()


def test_there_are_pictures_of_both_kinds() -> None:
    assert sum(name(path).startswith("artworks/") for path in PICTURES) == 8
    assert sum(name(path).startswith("photos/") for path in PICTURES) >= 4


def test_credits_list_exactly_the_pictures() -> None:
    credits = (ASSETS / "CREDITS.md").read_text(encoding="utf-8")
    listed = re.findall(r"^### `((?:artworks|photos)/\S+)`$", credits, re.MULTILINE)
    assert sorted(listed) == [name(path) for path in PICTURES]


def test_every_credit_names_its_licence() -> None:
    entries = (ASSETS / "CREDITS.md").read_text(encoding="utf-8").split("\n### ")[1:]
    for entry in entries:
        assert re.search(r"^- Licence: \S", entry, re.MULTILINE), entry.splitlines()[0]


@pytest.mark.parametrize("path", PICTURES, ids=name)
def test_picture_opens_as_rgb_in_a_good_size(path: Path) -> None:
    with Image.open(path) as image:
        image.load()
        assert image.mode == "RGB"
        assert 480 <= max(image.size) <= 800


@pytest.mark.parametrize("path", PICTURES, ids=name)
def test_file_names_make_good_titles(path: Path) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*\.jpg", path.name)


def test_all_together_are_small() -> None:
    assert sum(path.stat().st_size for path in ASSETS.rglob("*") if path.is_file()) < 4_000_000


def test_the_painter_knows_exactly_these_pictures(painter: ModuleType) -> None:
    known = [f"artworks/{key}.jpg" for key in painter.ARTWORKS] + [f"photos/{key}.jpg" for key in painter.PHOTOS]
    assert sorted(known) == [name(path) for path in PICTURES]


def test_painting_twice_gives_the_same_picture(painter: ModuleType) -> None:
    first, second = (np.asarray(painter.paint("stained-glass", 96)) for _ in range(2))
    assert first.shape == (96, 77, 3)
    np.testing.assert_array_equal(first, second)
    assert first.std() > 30  # painted, not blank


def test_a_small_painting_resembles_the_stored_one(painter: ModuleType) -> None:
    """The stored artwork comes from this script: seen from afar, both have the same light and dark places."""
    with Image.open(ASSETS / "artworks" / "ink-mountains.jpg") as stored:
        images = stored, painter.paint("ink-mountains", 160)
        far = [np.asarray(image.convert("L").resize((12, 15)), float) for image in images]
    assert np.corrcoef(far[0].ravel(), far[1].ravel())[0, 1] > 0.8
