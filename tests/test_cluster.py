"""Many machines, as far as one goes: three of Ray's nodes on it, each with room for one task. Workers and nodes are killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from stylekit import Recipe, afar, cli, cluster, open_picture
from stylekit.augment import Manifest, Plan, painted
from stylekit.clip import Clip, write
from stylekit.encoders import load_encoder
from stylekit.errors import BusyError, RecipeError
from stylekit.job import Job
from stylekit.reel import Reel
from stylekit.studio import backends, hosting
from stylekit.studio.backends import afar as runs
from stylekit.studio.backends import here
from stylekit.transfer import Dials
from stylekit.video import Video, filmed, scenes

ASSETS = Path(__file__).parents[1] / "assets"
STORE = 80 << 20

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


@pytest.fixture(scope="module")
def nodes():
    """The cluster; nodes that a test removes are replaced before the next."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as on a node with one core: sums are added up in the same order
    os.environ["STYLEKIT_RAY_ADDRESS"] = made.address
    try:
        cluster.join(made.address)
        yield made
    finally:
        del os.environ["STYLEKIT_RAY_ADDRESS"]
        runs._idle.clear()
        ray.shutdown()
        made.shutdown()
        torch.set_num_threads(threads)


@pytest.fixture
def three(nodes):
    """All three there."""
    while len(nodes.worker_nodes) < 3:
        nodes.add_node(num_cpus=1, object_store_memory=STORE)
    deadline = time.monotonic() + 60
    while cluster.shares()[1] != 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return nodes


def lose(nodes, node_id):
    """End a machine without a word, with all that runs on it."""
    nodes.remove_node(next(node for node in nodes.worker_nodes if node.node_id == node_id), allow_graceful=False)


# ------------------------------------------------------------------------------------------------------- many pictures


@pytest.fixture
def plan(tmp_path):
    photos = tmp_path / "photos"
    for number in range(4):
        path = photos / f"class-{number % 2}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.open(ASSETS / "photos" / "cat.jpg").rotate(9 * number).resize((80, 64)).save(path)
    (photos / "broken.jpg").write_bytes(b"no picture")
    return Plan(photos, ASSETS / "artworks", tmp_path / "out", 3, Recipe(size=64, steps=12), jitter=0.5)


def test_variants_are_those_of_this_machine_bit_for_bit_and_a_broken_photo_is_a_line(three, plan, tmp_path):
    done = {each.task.out: each for each in afar.carried_out(plan.tasks())}
    assert len(done) == 15 and sum(bool(each.error) for each in done.values()) == 3
    beside, encoder = replace(plan, results=tmp_path / "beside"), load_encoder("compact")
    for task in [task for task in beside.tasks() if task.source != "broken.jpg"][::4]:
        assert painted(task, encoder).sha256 == done[task.out].sha256
        assert (tmp_path / "out" / task.out).read_bytes() == (tmp_path / "beside" / task.out).read_bytes()


def test_a_worker_and_a_machine_killed_in_the_midst_of_a_batch_lose_and_repeat_nothing(three, plan, monkeypatch):
    def watched(*arguments):  # says where it is, then does the task
        import ray as there

        folder = Path(plan.results).parent
        said = {"pid": os.getpid(), "node": there.get_runtime_context().get_node_id()}
        (folder / f"{os.getpid()}.part").write_text(json.dumps(said))
        (folder / f"{os.getpid()}.part").replace(folder / f"{os.getpid()}.place")
        return afar._variant(*arguments)

    given, places = cluster.unordered, []
    monkeypatch.setattr(cluster, "unordered", lambda work, orders, most: given(watched, orders, most))
    manifest = Manifest(plan)
    for number, done in enumerate(afar.carried_out(manifest.missing(plan.tasks()))):
        manifest.add(done)
        places = [json.loads(path.read_text()) for path in sorted(plan.results.parent.glob("*.place"))]
        if number == 2:
            os.kill(places[0]["pid"], signal.SIGKILL)
        if number == 5:
            lose(three, next(place["node"] for place in places if place["node"] != places[0]["node"]))
    lines = [json.loads(line) for line in manifest.path.read_text().splitlines()[1:]]
    whole = [line["out"] for line in lines if "error" not in line]
    assert len(whole) == len(set(whole)) == 12 and {line["source"] for line in lines if "error" in line} == {"broken.jpg"}
    assert len({place["pid"] for place in places}) > 3  # another one took the place of that which was killed
    assert not Manifest(plan, resume=True).missing([task for task in plan.tasks() if task.source != "broken.jpg"])


def test_what_kills_every_worker_is_tried_twice_and_said(three):
    def work(number):
        if number == 1:
            os._exit(1)
        return number

    assert dict(cluster.unordered(work, ((n, (n,)) for n in range(4)))) == {0: 0, 1: None, 2: 2, 3: 3}


def test_the_command_paints_on_the_cluster_that_the_environment_names(three, plan, capsys):
    orders = ["augment", str(plan.photos), str(plan.artworks), str(plan.results), "--size", "32", "--steps", "2", "--json"]
    assert cli.main([*orders, "--engine", "ray", "--workers", "2"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["painted"], last["lost"]) == ("done", 4, 1)


# ------------------------------------------------------------------------------------------------------- moving pictures


@pytest.fixture
def clip(tmp_path):
    """Two scenes of eight pictures: a photo that moves to the left, then another."""
    path, pictures = tmp_path / "clip.mp4", []
    for name in ("cat.jpg", "rocket.jpg"):
        photo = open_picture(ASSETS / "photos" / name, 160).image[0].permute(1, 2, 0)
        pictures += [(photo[:80, n : n + 96] * 255).byte().numpy() for n in range(8)]
    write(path, [(number / 12, picture) for number, picture in enumerate(pictures)], rate=12)
    return Clip(str(path), 64)


def test_each_scene_is_painted_by_itself_and_the_film_is_that_of_this_machine(three, clip, tmp_path):
    assert [(scene.start, scene.stop) for scene in scenes(clip)] == [(0, 8), (8, 16)]
    styles = [open_picture(ASSETS / "artworks" / "indigo-waves.jpg", 64).image]
    video = Video(
        Recipe(size=64, steps=12, color_strength=0.5), steps=3, turns=((0, {"style_weight": 2}), (1, {"style_weight": 20}))
    )
    own, others = Reel(tmp_path / "own.mp4", {}), Reel(tmp_path / "afar.mp4", {})
    for shot in filmed(clip, styles, video, encoder=load_encoder("compact")):
        if shot.finished:
            own.add(shot)
    pictures = afar.filmed_afar(clip, styles, video, others)
    came = []
    with contextlib.closing(pictures):
        for picture in pictures:
            came.append(picture.number)
            if len(came) == 5:
                break  # given up
    for picture in afar.filmed_afar(clip, styles, video, others):  # and gone on with
        came.append(picture.number)
        if len(came) == 9:  # in the midst of scenes, a machine is lost
            lose(three, next(iter(three.worker_nodes)).node_id)
    assert sorted(set(came)) == list(range(16))
    files = [sorted((path.name, path.read_bytes()) for path in reel.folder.glob("??????-*.webp")) for reel in (own, others)]
    assert files[0] == files[1]


# ------------------------------------------------------------------------------------------------------------ the page


@pytest.fixture
def job():
    pictures = [open_picture(ASSETS / path, 96).image for path in ("photos/cat.jpg", "artworks/indigo-waves.jpg")]
    return Job(pictures[0], pictures[1:], Recipe(size=96, steps=40, color_strength=0.5))


def test_a_run_is_that_of_this_machine_bit_for_bit(three, job):
    assert hosting.limits().concurrency == 3 and hosting.device_name() == "cluster, 3 places"
    seen = list(backends.frames(job, Dials(job.recipe.weights)))
    *_, last = here.frames(job, Dials(job.recipe.weights))
    assert seen[0].step == 0 and [frame.step for frame in seen] == sorted({frame.step for frame in seen})
    assert seen[-1].step == 40 and torch.equal(seen[-1].image, last.image) and seen[-1].recipe == last.recipe
    assert seen[-1].losses.keys() == last.losses.keys()


def test_a_machine_lost_in_the_midst_of_a_run_is_told_and_another_goes_on_with_what_was_turned(three, job):
    job = replace(job, recipe=replace(job.recipe, steps=150))
    dials, told, steps, lost_at = Dials(job.recipe.weights), [], [], 0
    for frame in backends.frames(job, dials, lambda: told.append(steps[-1])):
        steps.append(frame.step)
        if frame.step >= 20 and dials.weights == job.recipe.weights:
            dials.weights = replace(dials.weights, style_weight=44.0)
        if frame.weights.style_weight == 44.0 and not lost_at:
            lost_at = frame.step
            lose(three, node_of_the_run())
    assert steps == sorted(set(steps)) and steps[-1] == 150 and frame.weights.style_weight == 44.0
    assert len(told) == 1 and told[0] >= lost_at
    turned, resumed = frame.keyframes
    assert turned.weights.style_weight == 44.0 and resumed.resumed and resumed.step(150) == told[0]
    *_, again = here.frames(replace(job, recipe=frame.recipe), Dials(frame.recipe.weights))
    assert torch.equal(again.image, frame.image)  # the recipe has it all


def node_of_the_run():
    """The machine whose painter has a run."""
    from ray._private import state

    alive = [actor for actor in state.actors().values() if actor["State"] == "ALIVE"]
    idle = {painter._actor_id.hex() for painter in runs._idle}
    return next(actor["Address"]["NodeID"] for actor in alive if actor["ActorID"] not in idle)


def test_a_run_that_is_closed_ends_on_its_machine_too_and_the_next_one_takes_its_place(three, job):
    ray = cluster.join()
    frames = backends.frames(replace(job, recipe=replace(job.recipe, steps=5000)), Dials(job.recipe.weights))
    for frame in frames:
        if frame.step > 5:
            break
    frames.close()
    painter, deadline = runs._idle[-1], time.monotonic() + 20
    while ray.get(painter.runs.remote()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    *_, last = backends.frames(job, Dials(job.recipe.weights))
    assert last.step == 40 and runs._idle[-1] is painter


def test_what_is_wrong_with_a_recipe_is_said_as_it_is_here(three, job):
    wrong = replace(job, recipe=replace(job.recipe, content_layer="relu9_9"))
    with pytest.raises(RecipeError, match="no layer"):
        list(backends.frames(wrong, Dials(wrong.recipe.weights)))


def test_as_many_runs_as_there_is_room_for_go_on_at_once_and_one_more_is_told(three, job, monkeypatch):
    long = replace(job, recipe=replace(job.recipe, steps=5000))
    going = [backends.frames(long, Dials(job.recipe.weights)) for _ in range(3)]
    try:
        starts = [threading.Thread(target=next, args=(frames,)) for frames in going]
        for start in starts:
            start.start()
        for start in starts:
            start.join(60)
        monkeypatch.setattr(runs, "PATIENCE", 4.0)
        with pytest.raises(BusyError, match="no room"):
            next(backends.frames(job, Dials(job.recipe.weights)))
    finally:
        for frames in going:
            frames.close()


# ------------------------------------------------------------------------------------------------------ without a cluster


def said_by_a_fresh_interpreter(lines):
    """What `cluster.join` says, after these lines."""
    script = f"import sys\nfrom stylekit import cluster\nfrom stylekit.errors import StylekitError\n{lines}"
    environment = {name: text for name, text in os.environ.items() if "RAY" not in name} | {"PYTHONPATH": str(ASSETS.parent)}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=240)
    return ended.stderr.splitlines()[-1]


def test_without_ray_a_sentence_says_how_it_comes():
    said = said_by_a_fresh_interpreter('sys.modules["ray"] = None\ncluster.join()')
    assert said.startswith("stylekit.errors.UsageError") and "pip install 'stylekit[ray]'" in said


def test_where_there_is_no_cluster_a_sentence_says_so():
    pytest.importorskip("ray", reason="Ray is not installed")
    said = said_by_a_fresh_interpreter('cluster.join("127.0.0.1:9")')
    assert said.startswith("stylekit.errors.WorldError") and "at 127.0.0.1:9" in said
