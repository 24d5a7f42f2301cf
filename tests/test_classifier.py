"""The comparison of trainings with and without painted photos: its parts, and all of it on a data set of stripes."""

import gzip
import math

import numpy as np
import pytest
import torch

from bench.classifier import UNSEEN, artworks_of, interval, main, read, shifted, table


@pytest.fixture
def data(tmp_path):
    """Ten photos of each of two kinds, stripes across and upright, in the files of Fashion-MNIST."""
    chance = np.random.default_rng(0)
    stripes = 120 * (np.arange(28) // 4 % 2)[:, None] + np.full((28, 28), 100)
    folder = tmp_path / "data"
    folder.mkdir()
    for part in ("train", "t10k"):
        kinds = np.tile([0, 1], 10)
        photos = [(stripes.T if kind else stripes) + chance.integers(0, 30, (28, 28)) for kind in kinds]
        for name, array in (("images-idx3", np.stack(photos)), ("labels-idx1", kinds)):
            head = bytes(16 if name.startswith("images") else 8)
            (folder / f"{part}-{name}-ubyte.gz").write_bytes(gzip.compress(head + array.astype(np.uint8).tobytes()))
    return folder


def test_an_interval_is_students():
    assert interval([1.0, 2.0, 3.0, 4.0, 5.0]) == f"3.0 ± {2.776 * math.sqrt(2.5 / 5):.1f}"
    assert interval([7.0, 7.0]) == "7.0 ± 0.0"


def test_differences_are_taken_seed_by_seed():
    scores = {"plain": (50, 60), "ordinary": (55, 65), "painted": (52, 62), "both": (65, 55)}
    lines = table({arm: [{"clean": float(score)} for score in pair] for arm, pair in scores.items()}).splitlines()
    assert lines[2].startswith("| plain | 55.0 ± 63.5 |")
    assert lines[6:8] == ["| painted − plain | 2.0 ± 0.0 |", "| painted − ordinary | -3.0 ± 0.0 |"]


def test_shifts_keep_shape_and_range_are_repeated_and_spare_what_they_say(tmp_path):
    photos = torch.zeros(3, 1, 28, 28)
    photos[:, :, 8:20, 8:20] = 0.5
    artworks = artworks_of(tmp_path, UNSEEN)
    found, again = shifted(photos, artworks), shifted(photos, artworks)
    for name, each in found.items():
        assert each.shape == photos.shape and each.min() >= 0 and each.max() <= 1, name
        assert torch.equal(each, again[name]) and not torch.equal(each, photos), name
    worn = photos > 0
    assert torch.equal(found["ground"][worn], photos[worn]) and found["ground"][~worn].std() > 0.05
    assert not found["filled"][~worn].any() and found["filled"][worn].std() > 0.05
    assert float(found["blur"].sum()) == pytest.approx(float(photos.sum()), rel=1e-4)


def test_without_the_data_set_it_says_where_it_is_to_be_had(tmp_path):
    with pytest.raises(SystemExit, match="apt-get install dataset-fashion-mnist"):
        read(tmp_path, "train")


@pytest.mark.slow
def test_it_paints_learns_and_prints_a_table(data, tmp_path, capsys):
    keep = tmp_path / "keep"
    options = {"per-class": 4, "variants": 1, "size": 28, "steps": 1, "training-steps": 40, "seeds": 2, "tests": 10}
    given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    main([*given, "--painted-tests", "1", "--workers", "1", "--data", str(data), "--keep", str(keep)])
    head, _, *rows = capsys.readouterr().out.split("\n\n")[-1].strip().splitlines()
    assert head.startswith("| learnt from | clean | painted | noise") and head.endswith("| shifted |")
    assert [row.split(" | ")[0] for row in rows[:4]] == ["| plain", "| ordinary", "| painted", "| both"]
    assert float(rows[0].split(" | ")[1].split(" ±")[0]) > 80  # stripes are learnt at once
    assert len(list((keep / "painted-1").rglob("*.png"))) == 8
