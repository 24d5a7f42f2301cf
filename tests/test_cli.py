"""The command line, on the compact encoder that ships."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylekit import PRESETS, Recipe, __version__, cli, open_picture, read_recipe_json

ROOT = Path(__file__).parents[1]
PHOTO, ARTWORK = str(ROOT / "assets/photos/coffee.jpg"), str(ROOT / "assets/artworks/indigo-waves.jpg")
SMALL = ["--size", "48", "--steps", "4"]


def recipe_of(*options):
    return cli.recipe_of(cli.parser().parse_args(["stylize", "a", "b", "-o", "c.png", *options]))


def test_every_setting_is_an_option_and_the_defaults_are_the_recipes():
    text = cli.parser()._subparsers._group_actions[0].choices["stylize"].format_help()
    for f in fields(Recipe):
        assert ("--layer-weight" if f.name == "layer_weights" else f"--{f.name.replace('_', '-')}") in text
    assert recipe_of() == Recipe()


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
        assert set(f["losses"]) == {"content", "style", "tv", *Recipe().layer_weights}
        assert f["losses"]["content"] is None
    assert frames[0]["losses"]["style"] is None and frames[4]["losses"]["style"] > 0
    assert set(done) == {"event", "out", "width", "height", "steps", "seconds", "device", "encoder"}
    assert (done["event"], done["out"], done["width"], done["height"], done["steps"]) == ("done", str(out), 48, 32, 4)


def test_a_saved_picture_brings_back_its_recipe_and_gives_the_same_picture(tmp_path, capsys):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    assert (
        cli.main(["stylize", PHOTO, ARTWORK, "-o", str(one), *SMALL, "--preset", "shapes", "--init", "noise", "--seed", "5"]) == 0
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


BAD = {
    "extension": ["stylize", PHOTO, ARTWORK, "-o", "x.foo"],
    "folder": ["stylize", PHOTO, ARTWORK, "-o", "no/such/folder/x.png"],
    "is a folder": ["stylize", PHOTO, ARTWORK, "-o", "taken.png"],
    "no picture": ["stylize", __file__, ARTWORK, "-o", "x.png"],
    "no file": ["stylize", PHOTO, "none.jpg", "-o", "x.png"],
    "number": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--size", "big"],
    "limit": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--size", "5"],
    "layer": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--layer-weight", "relu9_1=1"],
    "layer weight": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--layer-weight", "relu1_1"],
    "encoder": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--encoder", "vgg16"],
    "device": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--device", "abacus"],
    "init": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--init", "image"],
    "two sources": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--preset", "bold", "--recipe", "x.json"],
    "preset": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--preset", "none"],
    "no recipe inside": ["stylize", PHOTO, ARTWORK, "-o", "x.png", "--recipe", PHOTO],
    "no style": ["stylize", PHOTO, "-o", "x.png"],
    "no command": [],
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_asking_wrongly_is_one_sentence_and_status_2(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.png").mkdir()
    try:
        status = cli.main([*arguments, "--quiet"] if "stylize" in arguments else arguments)
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr()
    assert status == 2 and said.out == "" and said.err.startswith("stylekit: error: ") and said.err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["taken.png"]


def test_missing_weights_are_the_worlds_fault(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STYLEKIT_VGG19", str(tmp_path / "none.pth"))
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(tmp_path / "x.png"), "--encoder", "vgg19", "--quiet"]) == 1
    assert "STYLEKIT_VGG19 names no file" in capsys.readouterr().err


def test_a_failure_in_the_middle_keeps_the_last_picture(tmp_path, monkeypatch, capsys):
    painted = cli.stylize

    def failing(*args, **more):
        for frame in painted(*args, **more):
            if frame.step == 3:
                raise RuntimeError("not enough memory\nand a long story")
            yield frame

    monkeypatch.setattr(cli, "stylize", failing)
    out = tmp_path / "out.png"
    assert cli.main(["stylize", PHOTO, ARTWORK, "-o", str(out), *SMALL]) == 1
    assert "not enough memory); try a smaller size" in capsys.readouterr().err
    assert open_picture(out).size == (32, 48)


def test_ctrl_c_saves_the_last_picture_and_ends_with_130(tmp_path):
    out = tmp_path / "out.png"
    command = [
        sys.executable,
        "-m",
        "stylekit",
        "stylize",
        PHOTO,
        ARTWORK,
        "-o",
        str(out),
        "--size",
        "64",
        "--steps",
        "5000",
        "--json",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        for _ in range(5):
            assert json.loads(process.stdout.readline())["event"] == "frame"
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    done = json.loads(rest.splitlines()[-1])
    assert process.returncode == 130 and errors == ""
    assert done["event"] == "done" and done["interrupted"] and 4 <= done["steps"] < 5000
    assert Recipe.from_json(read_recipe_json(out)).steps == 5000


def test_presets_and_version(capsys):
    assert cli.main(["presets"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(PRESETS)
    assert cli.main(["presets", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert Recipe(**lines[2]["recipe"]) == PRESETS["bold"].recipe()
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0 and capsys.readouterr().out == f"stylekit {__version__}\n"
