"""The command line, on the compact encoder that ships."""

import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from stylekit import PRESETS, Recipe, WeightsError, __version__, cli, open_picture, read_recipe_json, transfer
from stylekit.encoders import vgg19
from stylekit.recipe import SETTINGS, PerLayer
from stylekit.transfer import Frame

ROOT = Path(__file__).parents[1]
PHOTO, ARTWORK = str(ROOT / "assets/photos/coffee.jpg"), str(ROOT / "assets/artworks/indigo-waves.jpg")
SMALL = ["--size", "48", "--steps", "4"]
SWEEP = ["sweep", PHOTO, ARTWORK, *SMALL]


def help_text(capsys):
    """What `stylekit stylize --help` prints."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["stylize", "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def recipe_of(*options):
    return cli.recipe_of(cli.parser().parse_args(["stylize", "a", "b", "-o", "c.png", *options]))


def test_every_setting_is_an_option_and_the_defaults_are_the_recipes(capsys):
    text = help_text(capsys)
    for name, default in vars(Recipe()).items():
        option = f"--{name.replace('_', '-')}"
        assert {"keyframes": "--ignore-keyframes"}.get(
            name, option.removesuffix("s") if isinstance(SETTINGS[name], PerLayer) else option
        ) in text
        if isinstance(default, str | int | float) and not isinstance(default, bool):
            assert f"(default: {default})" in " ".join(text.split())
        assert SETTINGS[name].symbol in text
    assert recipe_of() == Recipe()


def test_help_can_be_written_where_greek_letters_cannot(monkeypatch):
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", pipe)
    with pytest.raises(SystemExit):
        cli.main(["stylize", "--help"])
    pipe.flush()
    assert "--style-weight" in pipe.buffer.getvalue().decode("ascii")


def test_options_win_over_presets_and_files(tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(Recipe(size=100, style_weight=7, layer_weights={"relu1_1": 1, "relu3_1": 2}).to_json())
    recipe = recipe_of("--recipe", str(file), "--size", "64", "--layer-weight", "relu3_1=0.5", "relu5_1=3")
    assert recipe == Recipe(size=64, style_weight=7, layer_weights={"relu1_1": 1, "relu3_1": 0.5, "relu5_1": 3})
    assert recipe_of("--preset", "bold", "--seed", "3") == PRESETS["bold"].recipe(seed=3)
    assert recipe_of("--start", "x.png").init == "image"


def test_json_lines_have_exactly_the_promised_keys(tmp_path, capsys):
    out = tmp_path / "out.png"
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--json", "--content-weight", "0"]) == 0
    *frames, done = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [f["step"] for f in frames] == [0, 1, 2, 3, 4]
    for f in frames:
        assert set(f) == {"event", "step", "steps", "level", "seconds", "losses"} and f["event"] == "frame"
        assert set(f["losses"]) == {"content", "style", "tv", *Recipe().layer_weights, "edges"}
        assert f["losses"]["content"] is None
    assert frames[0]["losses"]["style"] is None and frames[4]["losses"]["style"] > 0
    assert set(done) == {"event", "out", "width", "height", "steps", "seconds", "device", "encoder"}
    assert (done["event"], done["out"], done["width"], done["height"], done["steps"]) == ("done", str(out), 48, 32, 4)


def test_a_saved_picture_brings_back_its_recipe_and_gives_the_same_picture(tmp_path, capsys):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    assert (
        cli.main(["stylize", PHOTO, ARTWORK, "-o", str(one), *SMALL, "--preset", "broad", "--init", "noise", "--seed", "5"]) == 0
    )
    said = capsys.readouterr()
    assert said.out == "" and f"{one}: 48x32, 4 steps" in said.err and "scaled from 640x427" in said.err
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(two), "--recipe", str(one), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert read_recipe_json(one) == read_recipe_json(two)
    assert (np.asarray(Image.open(one)) == np.asarray(Image.open(two))).all()


def test_several_styles_start_and_transparency(tmp_path):
    cut_out = tmp_path / "cut-out.png"
    Image.new("RGBA", (40, 60), (200, 30, 30, 128)).save(cut_out)
    out = tmp_path / "out.webp"
    arguments = ["stylize", str(cut_out), ARTWORK, PHOTO, "-o", str(out), *SMALL, "--start", PHOTO, "--quiet"]
    assert cli.main(arguments) == 0
    with Image.open(out) as painting:
        assert painting.mode == "RGBA" and painting.size == (32, 48)
    assert Recipe.from_json(read_recipe_json(out)).init == "image"


def test_a_small_artwork_is_not_enlarged_and_a_large_one_is_reduced(tmp_path, monkeypatch):
    seen, painted = [], transfer.paint

    def seeing(job, **more):
        seen.extend(tuple(picture.shape[2:]) for picture in (job.content, *job.styles))
        return painted(job, **more)

    monkeypatch.setattr(transfer, "paint", seeing)
    small = tmp_path / "small.png"
    Image.new("RGB", (30, 40), "navy").save(small)
    assert cli.main(["stylize", str(small), str(small), ARTWORK, "-o", str(tmp_path / "x.png"), *SMALL, "--quiet"]) == 0
    assert seen == [(48, 36), (40, 30), (36, 48)]


def test_vgg19_with_the_weights_of_two_blocks(tmp_path, monkeypatch, capsys):
    random, shapes = torch.Generator().manual_seed(1), {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}
    weights = {f"features.{i}.weight": 0.1 * torch.randn(*shape, 3, 3, generator=random) for i, shape in shapes.items()}
    save_file(
        weights | {f"features.{i}.bias": torch.zeros(shape[0]) for i, shape in shapes.items()}, tmp_path / "vgg.safetensors"
    )
    monkeypatch.setenv("STYLEKIT_VGG19", str(tmp_path / "vgg.safetensors"))
    recipe, out = tmp_path / "recipe.json", tmp_path / "out.tif"
    recipe.write_text('{"encoder": "vgg19", "content_layer": "relu2_1", "layer_weights": {"relu1_1": 1}}')
    more = ["--layer-weight", "relu2_2=2", "--device", "cpu", "--json"]
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), "--recipe", str(recipe), *SMALL, *more]) == 0
    *frames, done = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (done["encoder"], done["device"]) == ("vgg19", "cpu") and frames[-1]["losses"]["relu2_2"] > 0
    assert Recipe.from_json(read_recipe_json(out)).layer_weights == {"relu1_1": 1, "relu2_2": 2}


BAD = {
    "extension": ["stylize", PHOTO, ARTWORK, "-o", "x.foo"],
    "folder": ["stylize", PHOTO, ARTWORK, "-o", "no/such/folder/x.png"],
    "long name": ["stylize", PHOTO, ARTWORK, "-o", "x" * 300 + ".png"],
    "is a folder": ["stylize", PHOTO, ARTWORK, "-o", "taken.png"],
    "no picture": ["stylize", __file__, ARTWORK, "-o", "x.png"],
    "no file": ["stylize", PHOTO, "none.jpg", "-o", "x.png"],
    "number": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--size", "big"],
    "limit": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--size", "5"],
    "layer": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--layer-weight", "relu9_1=1"],
    "layer weight": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--layer-weight", "relu1_1"],
    "encoder": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--encoder", "vgg16"],
    "device": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--device", "abacus"],
    "device without room": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--device", "cuda:77"],
    "abbreviation": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--step", "5"],
    "no recipe": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--recipe", "none.json"],
    "start against init": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--start", PHOTO, "--init", "noise"],
    "no start": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--start", "none.png"],
    "init": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--init", "image"],
    "two sources": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--preset", "bold", "--recipe", "x.json"],
    "preset": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--preset", "none"],
    "former preset": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--preset", "smooth"],
    "no recipe inside": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--recipe", PHOTO],
    "no style": ["stylize", PHOTO, "-o", "x.png"],
    "film": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--film", "x.avi"],
    "film's length": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--film", "x.mp4", "--film-seconds", "0"],
    "no film": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--film-loop"],
    "one name for two": ["stylize", PHOTO, ARTWORK, "-o", "x.webp", "--film", "x.webp"],
    "no axis": ["sweep", PHOTO, ARTWORK, "-o", "x.png"],
    "no values": ["sweep", PHOTO, ARTWORK, "-o", "x.png", "--rows", "style_weight"],
    "a value": ["sweep", PHOTO, ARTWORK, "-o", "x.png", "--rows", "style_weight=1,-5"],
    "two that do not go together": [*SWEEP, "-o", "x.png", "--rows", "statistic=gram,sliced", "--columns", "formulation=gatys"],
    "a layer that there is not": [*SWEEP, "-o", "x.png", "--rows", "relu9_1=0,1"],
    "kept": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--keep-every", "0"],
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_asking_wrongly_is_one_sentence_and_status_2(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.png").mkdir()
    try:
        status = cli.main([*arguments, "--quiet"] if arguments[0] in ("stylize", "sweep") else arguments)
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr()
    assert status == 2 and said.out == "" and said.err.startswith("stylekit: error: ") and said.err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["taken.png"]


def test_the_output_is_checked_before_anything_is_opened(tmp_path, capsys):
    assert cli.main(["stylize", "none.jpg", "none.jpg", "-o", str(tmp_path / "none" / "x.png")]) == 2
    assert "folder to save in does not exist" in capsys.readouterr().err


def test_a_bare_call_shows_the_help(capsys):
    assert cli.main([]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "stylize" in said.err and "presets" in said.err


def test_missing_weights_are_the_worlds_fault(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STYLEKIT_VGG19", str(tmp_path / "none.pth"))
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(tmp_path / "x.png"), "--encoder", "vgg19", "--quiet"]) == 1
    assert "STYLEKIT_VGG19 names no file" in capsys.readouterr().err


def test_vgg19_is_fetched_with_progress_and_offline_says_so(tmp_path, monkeypatch, capsys):
    def fetching():
        yield 3 << 20, 548 << 20
        yield 5 << 20, 0  # a server that does not say how much it sends
        raise WeightsError("Offline.")

    monkeypatch.setattr(vgg19, "find_weights", lambda: None)
    monkeypatch.setattr(vgg19, "download", fetching)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(tmp_path / "x.png"), "--encoder", "vgg19"]) == 1
    *_, three, five, last = capsys.readouterr().err.split("\r\x1b[K")
    assert (three, five, last) == ("3 of 548 MB", "5 MB", "stylekit: error: Offline.\n")


def ending_at(step, error, monkeypatch):
    """The engine, but it raises `error` in place of the frame of that step."""
    painted = transfer.paint

    def ending(*args, **more):
        for frame in painted(*args, **more):
            if frame.step == step:
                raise error
            yield frame

    monkeypatch.setattr(transfer, "paint", ending)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("not enough memory\nand a long story"), "The computation failed (not enough memory); try a smaller size."),
        (MemoryError(), "The computation failed (MemoryError); try a smaller size."),
        (WeightsError("The world failed."), "The world failed."),
    ],
)
def test_a_failure_in_the_middle_keeps_the_last_picture(error, sentence, tmp_path, monkeypatch, capsys):
    ending_at(3, error, monkeypatch)
    out = tmp_path / "out.png"
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--quiet"]) == 1
    kept, failed = capsys.readouterr().err.splitlines()
    assert kept.startswith(f"{out}: 48x32, stopped at step 2 of 4") and failed == f"stylekit: error: {sentence}"
    assert open_picture(out).size == (32, 48)
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["failed"] is True


@pytest.mark.parametrize(("step", "saved"), [(0, False), (1, True), (3, True)])
def test_an_interruption_saves_what_there_is(step, saved, tmp_path, monkeypatch, capsys):
    ending_at(step, KeyboardInterrupt(), monkeypatch)
    out = tmp_path / "out.png"
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--quiet"]) == 130
    assert capsys.readouterr().err == "" and out.exists() == saved


def test_a_film_and_pictures_on_the_way_lie_beside_the_painting(tmp_path, capsys):
    film = ["--film", str(tmp_path / "run.mp4"), "--film-seconds", "1", "--film-sliders", "--keep-every", "2"]
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(tmp_path / "out.png"), *SMALL, *film, "--json"]) == 0
    *_, filmed, done = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert filmed == {"event": "film", "out": str(tmp_path / "run.mp4"), "seconds": 1} and done["event"] == "done"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-2.png", "out-4.png", "out.png", "run.mp4"]
    assert Recipe.from_json(read_recipe_json(tmp_path / "out-2.png")).until == 0.5


def test_a_run_that_is_stopped_still_gives_its_film_and_a_film_that_fails_costs_no_picture(tmp_path, monkeypatch, capsys):
    ending_at(3, KeyboardInterrupt(), monkeypatch)
    out, run = tmp_path / "out.png", tmp_path / "films" / "run.webp"
    run.parent.mkdir()
    asked = ["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--film", str(run), "--film-seconds", "1"]
    assert cli.main(asked) == 130
    assert f"{run}: 1 s, " in capsys.readouterr().err
    with Image.open(run) as film:
        assert film.n_frames > 2 and film.size == (48, 32)
    run.unlink()
    ending, painted = transfer.paint, []
    monkeypatch.setattr(transfer, "paint", lambda *args, **more: (run.parent.rmdir(), ending(*args, **more), painted)[1])
    out.unlink()
    assert cli.main([*asked, "--quiet"]) == 1 and out.exists()
    assert "The film could not be written (no such file or directory)" in capsys.readouterr().err


def test_a_sweep_is_a_sheet_and_the_recipes_of_its_pictures(tmp_path, capsys):
    out, single = tmp_path / "sheet.png", tmp_path / "single.png"
    assert cli.main([*SWEEP, "-o", str(out), "--rows", "style-weight=1,25", "--columns", "relu5_1=0,1,3", "--json"]) == 0
    *cells, done = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(cell["row"], cell["column"]) for cell in cells] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert cells[5]["label"] == "style_weight = 25, relu5_1 = 3" and cells[5]["losses"]["style"] > 0
    assert done == {"event": "done", "out": str(out), "recipes": str(tmp_path / "sheet.json"), "painted": 6, "cells": 6}
    recipes = json.loads((tmp_path / "sheet.json").read_text())["recipes"]
    assert recipes[1][2]["style_weight"] == 25 and recipes[1][2]["layer_weights"]["relu5_1"] == 3
    (tmp_path / "one.json").write_text(json.dumps(recipes[1][2]))
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(single), "--recipe", str(tmp_path / "one.json"), "--quiet"]) == 0
    sheet, painting = np.asarray(Image.open(out)), np.asarray(Image.open(single))
    height, width = painting.shape[:2]
    places = [(y, x) for y in range(len(sheet) - height + 1) for x in range(sheet.shape[1] - width + 1)]
    assert sum(bool((sheet[y : y + height, x : x + width] == painting).all()) for y, x in places) == 1


def test_a_sweep_that_is_stopped_keeps_what_was_finished(tmp_path, monkeypatch, capsys):
    painted, begun = transfer.paint, []

    def stopping(job, **more):
        begun.append(job)
        for frame in painted(job, **more):
            if len(begun) == 2 and frame.step == 2:
                raise KeyboardInterrupt
            yield frame

    monkeypatch.setattr(transfer, "paint", stopping)
    out = tmp_path / "sheet.png"
    assert cli.main([*SWEEP, "-o", str(out), "--rows", "statistic=gram,sliced,covariance"]) == 130
    assert "1 of 3 pictures" in capsys.readouterr().err and open_picture(out).size[0] > 3 * 32
    assert len(json.loads((tmp_path / "sheet.json").read_text())["recipes"]) == 3


def test_quietly_nothing_is_read_but_the_last_picture(tmp_path, monkeypatch):
    read, image = [], Frame.image.func
    monkeypatch.setattr(Frame, "image", property(lambda frame: read.append(frame.step) or image(frame)))
    monkeypatch.setattr(Frame, "losses", property(lambda frame: read.append("losses") or {}))
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(tmp_path / "out.png"), *SMALL, "--quiet"]) == 0
    assert set(read) == {4}


def test_progress_on_a_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "70")
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(tmp_path / "x.png"), *SMALL]) == 0
    lines = capsys.readouterr().err.split("\r\x1b[K")
    assert any(line.startswith("[##########----------] step 2 of 4, 48x32, ") and line.endswith(" left") for line in lines)
    assert all(len(line) < 70 for line in lines if line.startswith("[")) and lines[-1].endswith("on cpu\n")


def painting(out):
    """A long painting in a process of its own."""
    command = [sys.executable, "-m", "stylekit", "stylize", PHOTO, ARTWORK, "-o", str(out), "--size", "64", "--steps", "5000"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals for one process")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_saves_the_last_picture_and_ends_with_130(number, status, tmp_path):
    out = tmp_path / "out.png"
    with painting(out) as process:
        for _ in range(5):
            assert json.loads(process.stdout.readline())["event"] == "frame"
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    done = [json.loads(line) for line in rest.splitlines()][-1]
    assert process.returncode == status and errors == ""
    assert done["event"] == "done" and done["interrupted"] and 4 <= done["steps"] < 5000
    assert Recipe.from_json(read_recipe_json(out)).steps == 5000


@pytest.mark.slow
def test_a_reader_who_leaves_ends_it_without_a_word(tmp_path):
    out = tmp_path / "out.png"
    with painting(out) as process:
        process.stdout.readline()
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 1 and process.stderr.read() == ""
    assert Recipe.from_json(read_recipe_json(out)).steps == 5000


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
def test_a_full_disk_for_the_lines_costs_no_picture(tmp_path):
    out = tmp_path / "out.png"
    command = [sys.executable, "-m", "stylekit", "stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--json"]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60
        )
    assert ended.returncode == 1 and "No space left" in ended.stderr and "Traceback" not in ended.stderr
    assert "frame" not in ended.stderr and not out.exists()  # the first line failed before the first step: nothing was painted


def stylekit(*arguments, redirect="", **options):
    """The command line in a process of its own, through a shell that redirects its streams."""
    command = shlex.join([sys.executable, "-m", "stylekit", *map(str, arguments)])
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        ["sh", "-c", f"exec {command} {redirect}"], capture_output=True, text=True, env=environment, timeout=100, **options
    )


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such shell")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what a process has loaded, and a disk always full")


@posix
def test_help_presets_and_refusals_come_before_torch(tmp_path):
    code = "import sys\nfrom stylekit.cli import main\ntry:\n main({})\nexcept SystemExit: pass\nprint('torch' in sys.modules)"
    for asked in (
        ["--help"],
        ["stylize", "--help"],
        ["presets"],
        ["stylize", "a", "b", "-o", "c.png", "--size", "5"],
        ["sweep", "a", "b", "-o", "c.png", "--rows", "tv_weight=-1"],
    ):
        done = subprocess.run([sys.executable, "-c", code.format(asked)], capture_output=True, text=True, cwd=ROOT, check=True)
        assert done.stdout.splitlines()[-1] == "False", asked


@linux
@pytest.mark.parametrize(
    ("loaded", "number", "status"),
    [
        ("_ctypes", signal.SIGINT, 130),
        ("libtorch_python", signal.SIGTERM, 143),
        ("PIL/_imaging", signal.SIGINT, 130),
    ],
)
def test_ctrl_c_while_it_starts_ends_it_at_once_without_a_word(loaded, number, status, tmp_path):
    with painting(tmp_path / "out.png") as process:
        maps = Path(f"/proc/{process.pid}/maps")
        while loaded not in maps.read_text() and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(number)
        said = process.communicate(timeout=60)
    assert (process.returncode, said) == (status, ("", "")) and list(tmp_path.iterdir()) == []


@pytest.mark.slow
@posix
@pytest.mark.parametrize("redirect", [">&- 2>&-", pytest.param("2>/dev/full", marks=linux)])
def test_notes_that_nobody_can_read_cost_no_picture(redirect, tmp_path):
    out = tmp_path / "out.png"
    done = stylekit("stylize", PHOTO, ARTWORK, "-o", out, *SMALL, redirect=redirect)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and open_picture(out).size == (32, 48)


@posix
@pytest.mark.parametrize("redirect", [">&-", "2>&-", pytest.param("2>/dev/full", marks=linux)])
def test_refusals_keep_their_status_where_nobody_can_read_them(redirect, tmp_path):
    done = stylekit("stylize", PHOTO, ARTWORK, "-o", tmp_path / "x.png", "--size", "5", redirect=redirect)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr
    assert stylekit("--help", redirect=redirect).returncode == 0


@linux
def test_help_that_does_not_arrive_says_so():
    done = stylekit("--help", redirect=">/dev/full")
    assert done.returncode == 1 and done.stderr == "stylekit: error: The output ended (No space left on device).\n"


@pytest.mark.slow
@linux
def test_a_full_disk_for_the_picture_puts_it_into_the_temporary_folder(tmp_path):
    full, spare = tmp_path / "full", tmp_path / "spare"
    full.mkdir()
    spare.mkdir()
    painted = [sys.executable, "-m", "stylekit", "stylize", PHOTO, ARTWORK, "-o", str(full / "cat.jpg"), *SMALL, "--quiet"]
    script = f"mount -t tmpfs -o size=16k none {full} && echo mounted && cat /dev/zero 2>/dev/null >{full}/filler"
    script += f"; {shlex.join(painted)}; echo $?; ls -A {full}"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(spare)}
    if not shutil.which("unshare"):
        pytest.skip("no unshare, to mount a small disk with")
    command = ["unshare", "-rm", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
    if not done.stdout.startswith("mounted"):
        pytest.skip(f"no small disk can be mounted here: {done.stderr}")
    (kept,) = spare.iterdir()
    assert done.stderr == (
        f"stylekit: error: The picture could not be saved (no space left on device); the painting is kept as {kept}.\n"
    )
    assert done.stdout == "mounted\n1\nfiller\n"
    assert open_picture(kept).size == (32, 48) and Recipe.from_json(read_recipe_json(kept)).size == 48


def test_a_folder_that_went_away_costs_no_picture_and_json_says_where_it_is(tmp_path, monkeypatch, capsys):
    out, painted = tmp_path / "out" / "out.png", transfer.paint
    out.parent.mkdir()

    def losing(*args, **more):
        for frame in painted(*args, **more):
            if frame.step == 3:
                out.parent.rmdir()
            yield frame

    monkeypatch.setattr(transfer, "paint", losing)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--json"]) == 1
    said = capsys.readouterr()
    kept = Path(json.loads(said.out.splitlines()[-1])["out"])
    assert kept.parent == tmp_path and open_picture(kept).size == (32, 48)
    assert said.err.count("\n") == 1 and str(kept) in said.err and "does not exist" in said.err


def test_where_nothing_can_be_saved_the_first_reason_is_given(tmp_path, monkeypatch, capsys):
    out, painted = tmp_path / "out" / "out.png", transfer.paint
    out.parent.mkdir()
    monkeypatch.setattr(transfer, "paint", lambda *args, **more: (out.parent.rmdir(), painted(*args, **more))[1])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--quiet"]) == 2
    assert capsys.readouterr().err.startswith("stylekit: error: The folder to save in does not exist")


@linux
def test_a_folder_that_takes_nothing_names_one_that_would(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", "/sys/x.png"]) == 2
    assert capsys.readouterr().err.endswith(f"(permission denied); -o {tmp_path / 'x.png'} would do.\n")


@pytest.mark.slow
@posix
def test_what_the_shell_has_switched_off_stays_off(tmp_path):
    out = tmp_path / "out.png"
    script = (
        f"trap '' INT; {shlex.join([sys.executable, '-m', 'stylekit', 'stylize', PHOTO, ARTWORK, '-o', str(out), *SMALL])} & "
    )
    script += "child=$!; for n in 1 2 3 4 5 6 7 8; do sleep 0.3; kill -INT $child 2>/dev/null; done; wait $child"
    done = subprocess.run(["sh", "-c", script], env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=100)
    assert done.returncode == 0 and out.exists()


def test_presets_and_version(capsys):
    assert cli.main(["presets"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(PRESETS)
    assert cli.main(["presets", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert Recipe.from_json(json.dumps(lines[2]["recipe"])) == PRESETS["bold"].recipe()
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"stylekit {__version__}\n"


@pytest.mark.parametrize(("options", "says"), [([], "--color-strength 0"), (["--color-strength", "1"], "with a palette")])
def test_a_palette_that_would_change_nothing_is_refused(tmp_path, capsys, options, says):
    out = tmp_path / "out.png"
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL, "--palette", ARTWORK, *options]) > 0
    assert says in capsys.readouterr().err and not out.exists()


def test_inside_writes_a_labelled_figure_of_ten_pictures(tmp_path, capsys):
    out = tmp_path / "figure.png"
    assert cli.main(["inside", PHOTO, ARTWORK, "-o", str(out), "--size", "32", "--steps", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"event": "done", "out": str(out), "painted": 10, "pictures": 10}
    figure = Image.open(out)
    assert figure.width > 5 * 32 and np.asarray(figure).std() > 20
    assert cli.main(["inside", PHOTO, ARTWORK, "-o", str(out), "--size", "3"]) == 2
    assert "size must lie between" in capsys.readouterr().err
