"""Many pictures: what is drawn, what is recorded, and that a run that is killed loses and repeats nothing."""

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylekit import Recipe, cli, open_picture, read_recipe_json
from stylekit.augment import Done, Manifest, Plan, Stylize, carried_out, is_whole, opened, painted, pictures_in
from stylekit.encoders import load_encoder
from stylekit.errors import PictureError, RecipeError

ASSETS = Path(__file__).parents[1] / "assets"
SMALL = Recipe(size=32, steps=2)


@pytest.fixture
def photos(tmp_path):
    """A tree of two classes with three small photos, of which two have one stem, and one broken one."""
    folder = tmp_path / "photos"
    for name in ("cats/a.jpg", "cats/a.png", "dogs/b.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(ASSETS / "photos" / "cat.jpg").resize((48, 40)).save(path)
    (folder / "dogs" / "broken.jpg").write_bytes(b"no picture")
    (folder / "dogs" / "notes.txt").write_text("not one either")
    return folder


@pytest.fixture
def plan(photos, tmp_path):
    def made(**more):
        return Plan(photos, ASSETS / "artworks", tmp_path / "out", **({"recipe": SMALL} | more))

    return made


def lines(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_names_keep_folders_and_stems_and_never_meet(plan):
    outs = [task.out for task in plan(per_photo=2).tasks()]
    assert len(set(outs)) == len(outs) == 8
    assert {out.split("-stylized-")[0] for out in outs} == {"cats/a.jpg", "cats/a.png", "dogs/b", "dogs/broken"}
    assert all(out.endswith(("-1.png", "-2.png")) for out in outs)


def test_what_is_drawn_depends_on_the_photos_own_name_and_the_seed_alone(plan, photos):
    before = {task.out: task for task in plan(per_photo=3, jitter=0.5).tasks()}
    (photos / "cats" / "a.png").unlink()
    (photos / "ants.jpg").write_bytes((photos / "dogs" / "b.jpg").read_bytes())
    after = {task.out: task for task in plan(per_photo=3, jitter=0.5).tasks()}
    kept = [out for out in before if out.startswith("dogs/b-")]
    assert len(kept) == 3 and all(before[out] == after[out] for out in kept)
    others = plan(per_photo=3, jitter=0.5, recipe=Recipe(size=32, steps=2, seed=1)).tasks()
    assert [(t.artwork, t.crop) for t in others] != [(t.artwork, t.crop) for t in after.values()]


def test_jitter_varies_weights_and_crops_within_what_it_says(plan):
    still = plan(per_photo=20).tasks()
    assert {(task.recipe.style_weight, task.crop) for task in still} == {(SMALL.style_weight, (0, 0, 1))}
    drawn = plan(per_photo=20, jitter=1.0).tasks()
    factors = [task.recipe.style_weight / SMALL.style_weight for task in drawn]
    assert 0.25 <= min(factors) < 0.5 and 2 < max(factors) <= 4
    assert all(0.5 <= side <= 1 and 0 <= top <= 1 - side and 0 <= left <= 1 - side for top, left, side in (t.crop for t in drawn))
    assert len({task.artwork for task in drawn}) == len(pictures_in(ASSETS / "artworks"))


def test_a_variant_is_the_part_of_the_photo_that_it_says_with_its_recipe_inside(plan):
    task = next(task for task in plan(jitter=1.0).tasks() if task.source == "dogs/b.jpg")
    done = painted(task, load_encoder("compact"))
    image = open_picture(task.results / task.out).image
    assert not done.error and max(image.shape[2:]) == 32 and is_whole(task.results, done.line())
    recipe = Recipe.from_json(read_recipe_json(task.results / task.out))
    assert recipe == task.recipe == Recipe.from_json(json.dumps(done.line()["recipe"]))


def test_a_broken_photo_is_a_line_and_not_the_end(plan, tmp_path, capsys):
    out = tmp_path / "out"
    orders = ["augment", str(plan().photos), str(ASSETS / "artworks"), str(out), "--size", "32", "--steps", "2", "--workers", "1"]
    assert cli.main([*orders, "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1] | {"manifest": ""} == {"event": "done", "manifest": "", "painted": 3, "count": 4, "lost": 1}
    first, *rest = lines(out)
    assert first["plan"]["recipe"]["size"] == 32
    assert [line["source"] for line in rest if "error" in line] == ["dogs/broken.jpg"]
    assert all(is_whole(out, line) for line in rest if "error" not in line)

    assert cli.main(orders) == 2
    assert "--resume" in capsys.readouterr().err
    assert cli.main([*orders, "--steps", "3", "--resume"]) == 2
    assert "other photos, artworks or settings" in capsys.readouterr().err


def test_what_ended_in_the_middle_of_a_line_or_a_file_goes_on_from_there(plan):
    whole = plan()
    tasks, manifest = [task for task in whole.tasks() if "broken" not in task.source], Manifest(whole)
    encoder = load_encoder("compact")
    for task in tasks:
        manifest.add(painted(task, encoder))
    with open(manifest.path, "ab") as file:
        file.write(b'{"out": "cats/never')
    (whole.results / "cats" / ".1234.part").write_bytes(b"half a picture")
    (whole.results / tasks[0].out).write_bytes(b"damaged")
    (whole.results / tasks[1].out).unlink()
    again = Manifest(whole, resume=True)
    assert [task.out for task in again.missing(tasks)] == [task.out for task in tasks[:2]]
    assert not list(whole.results.rglob(".*.part"))
    again.add(painted(tasks[0], encoder))
    assert Manifest(whole, resume=True).missing(tasks) == [tasks[1]]


def test_a_run_that_is_killed_loses_nothing_and_paints_nothing_twice(plan, tmp_path, photos):
    for number in range(12):
        (photos / f"more-{number}.jpg").write_bytes((photos / "dogs" / "b.jpg").read_bytes())
    out = tmp_path / "out"
    command = [sys.executable, "-m", "stylekit", "augment", str(photos), str(ASSETS / "artworks"), str(out)]
    command += ["--size", "32", "--steps", "2", "--workers", "1", "--quiet", "--resume"]
    run = subprocess.Popen(command, start_new_session=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not ((out / "manifest.jsonl").exists() and len(lines(out)) > 3):
        time.sleep(0.05)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    before = {line["out"]: line for line in lines(out)[1:]}
    assert 3 <= len(before) < 16  # it was killed in the middle
    assert subprocess.run(command, check=False).returncode == 0
    after = [line for line in lines(out)[1:] if "error" not in line]
    assert len(after) == len({line["out"] for line in after}) == 15
    assert all(line in after for line in before.values() if "error" not in line)
    assert all(is_whole(out, line) for line in after)
    pixels = [np.asarray(Image.open(out / line["out"])) for line in after[:2]]
    assert pixels[0].std() > 5


def test_what_a_killed_worker_had_in_hand_is_painted_by_another(plan):
    tasks = [task for task in plan(per_photo=2).tasks() if "broken" not in task.source]
    results = carried_out(tasks, workers=1)
    first = next(results)
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid, signal.SIGKILL)
    done = [first, *results]
    assert sorted(each.task.out for each in done) == sorted(task.out for task in tasks)
    assert not any(each.error for each in done)


def test_plans_that_cannot_be_are_refused_in_words(plan, photos, tmp_path):
    with pytest.raises(RecipeError, match="variants"):
        plan(per_photo=0)
    with pytest.raises(RecipeError, match="jitter"):
        plan(jitter=2)
    with pytest.raises(RecipeError, match="outside"):
        Plan(photos, ASSETS / "artworks", photos / "more")
    with pytest.raises(PictureError, match="no folder"):
        Plan(tmp_path / "none", ASSETS / "artworks", tmp_path / "out").tasks()
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match="no pictures"):
        Plan(tmp_path / "empty", ASSETS / "artworks", tmp_path / "out").tasks()


def test_an_error_is_recorded_without_a_file():
    task = Plan(Path("p"), Path("a"), Path("o"))._task("x.jpg", ["y.jpg"], 1, False)
    assert Done(task, error="no").line().keys() == {"out", "source", "artwork", "number", "crop", "error"}


def test_a_dataset_has_variants_in_the_place_of_some_photos_and_its_classes_stay(plan, photos):
    datasets = pytest.importorskip("torchvision.datasets", reason="torchvision is not installed")
    from torchvision.transforms import v2

    (photos / "dogs" / "broken.jpg").unlink()
    made, encoder = plan(per_photo=2), load_encoder("compact")
    manifest = Manifest(made)
    for task in made.tasks():
        manifest.add(painted(task, encoder))

    def dataset(share):
        stylize = pickle.loads(pickle.dumps(Stylize(made.results, share)))  # as a DataLoader's workers get it
        change = v2.Compose([stylize, v2.Resize((24, 24)), v2.PILToTensor()])
        return datasets.ImageFolder(str(photos), loader=opened, transform=change)

    plain, all_painted = dataset(0.0), dataset(1.0)
    assert [label for _, label in all_painted] == [label for _, label in plain] == [0, 0, 1]
    variants = [v2.functional.resize(opened(str(made.results / out)), (24, 24)) for out in manifest.known]
    known = [v2.functional.pil_to_tensor(image) for image in variants]
    assert all(any(torch.equal(image, one) for one in known) for image, _ in all_painted)
    assert not any(torch.equal(image, one) for image, _ in plain for one in known)
    torch.manual_seed(1)
    seen = {
        tuple(torch.equal(a, b[0]) for a, (b, *_) in zip([x for x, _ in dataset(0.5)], zip(plain), strict=True))
        for _ in range(12)
    }
    assert len(seen) > 1  # chance decides
    assert opened(str(ASSETS / "photos" / "cat.jpg")) == Stylize(made.results, 1.0)(opened(str(ASSETS / "photos" / "cat.jpg")))


def test_a_bank_without_a_manifest_and_a_share_beyond_all_are_refused(plan, tmp_path):
    with pytest.raises(PictureError, match="stylekit augment"):
        Stylize(tmp_path)
    Manifest(plan())
    with pytest.raises(RecipeError, match="between 0 and 1"):
        Stylize(plan().results, 1.5)
