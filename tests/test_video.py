"""Moving pictures: whose paintings follow, flicker less, begin anew after a cut, and go on after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from stylekit import Recipe, cli
from stylekit.clip import Camera, Clip, Moment, write
from stylekit.errors import RecipeError, UsageError
from stylekit.flow import flow, trusted, warp
from stylekit.pictures import open_picture, to_array
from stylekit.video import Past, Video, filmed, held_to, turned

ASSETS = Path(__file__).parents[1] / "assets"
SMALL = Recipe(size=64, steps=12, coarsest=64, encoder="toy", match_color=0.0)


def texture(seed=0):
    """(1, 3, 144, 176): soft random blots of several sizes."""
    random = torch.Generator().manual_seed(seed)
    layers = [
        torch.nn.functional.interpolate(torch.rand(1, 3, 144 // n, 176 // n, generator=random), (144, 176), mode="bicubic")
        for n in (4, 8, 16)
    ]
    return torch.stack(layers).mean(0).clamp(0, 1)


def walk(count=4, by=2):
    """A camera that moves along a texture."""
    return [Moment(n / 25, texture()[..., 30:78, 20 + by * n : 84 + by * n]) for n in range(count)]


def paintings(moments, video, encoder, **more):
    shots = [shot for shot in filmed(moments, [texture(5)], video, encoder=encoder, **more) if shot.finished]
    return [shot.frame.image for shot in shots], shots


def flicker(moments, images):
    """Mean squared difference to the picture before, moved, where the flow is trusted."""
    away = []
    for (before, now), (old, new) in zip(pairwise(moments), pairwise(images), strict=True):
        back = flow(now.image, before.image)
        where = trusted(back, flow(before.image, now.image))
        away.append(float((where * (new - warp(old, back)).square()).mean() / where.mean()))
    return sum(away) / len(away)


def test_a_clip_flickers_less_than_pictures_painted_one_by_one(encoder):
    moments = walk()
    held, shots = paintings(moments, Video(SMALL, steps=4), encoder)
    apart = [paintings([moment], Video(SMALL), encoder)[0][0] for moment in moments]
    assert flicker(moments, held) < 0.2 * flicker(moments, apart)
    assert [shot.begins for shot in shots] == [True, False, False, False]
    assert [shot.frame.step for shot in shots] == [12, 4, 4, 4]
    assert "temporal" in shots[1].frame.losses and "temporal" not in shots[0].frame.losses


def test_after_a_cut_it_begins_anew(encoder):
    other = [Moment(0.2 + n / 25, texture(9)[..., 30:78, 20 + n : 84 + n]) for n in range(2)]
    moments = [*walk(2), *other]
    images, shots = paintings(moments, Video(SMALL, steps=2), encoder)
    assert [shot.begins for shot in shots] == [True, False, True, False]
    alone = paintings(other, Video(SMALL, steps=2), encoder)[0]
    assert torch.equal(images[2], alone[0]) and torch.equal(images[3], alone[1])


def test_what_was_hidden_is_held_to_an_older_painting_in_which_it_is_seen():
    picture, square = texture()[..., :96, :96], texture(1)[..., :32, :32]
    covered = picture.clone()
    covered[..., 32:64, 32:64] = square
    red, blue = torch.zeros(1, 3, 96, 96), torch.zeros(1, 3, 96, 96)
    red[:, 0], blue[:, 2] = 1, 1
    held = held_to(picture, [Past(covered, red), Past(picture, blue)], Video())
    hidden, seen = held.picture[..., 40:56, 40:56], held.picture[..., 4:24, 4:90]
    assert hidden[:, 2].mean() > 0.4 and seen[:, 2].mean() < 0.05


def test_what_is_seen_for_the_first_time_begins_with_its_own_shape_in_the_paintings_colours():
    before, square = 0.2 + 0.2 * texture()[..., :96, :96], 0.6 + 0.4 * texture(1)[..., :32, :32]
    image = before.clone()
    image[..., 32:64, 32:64] = square
    less, more = torch.tensor([0.4, 1.0, 0.7]).view(3, 1, 1), torch.tensor([0.3, 0.0, 0.1]).view(3, 1, 1)
    painting, own = before * less + more, (square * less + more)[0, :, 4:28, 4:28]
    begun = held_to(image, [Past(before, painting)], Video()).picture[0]
    assert (begun[:, 36:60, 36:60] - own).abs().mean() < 0.05 < (painting[0, :, 36:60, 36:60] - own).abs().mean()
    assert (begun[:, :20] - painting[0, :, :20]).abs().max() < 0.05


@pytest.mark.parametrize("hold", ["flow", "difference", "none"])
def test_a_clip_that_goes_on_from_finished_paintings_is_the_same(hold, encoder):
    from stylekit.color import as_saved

    video = Video(SMALL, steps=3, hold=hold)
    images, _ = paintings(walk(), video, encoder)
    done = {n: as_saved(images[n]) for n in range(2)}
    again, shots = paintings(walk(), video, encoder, painted=done)
    assert [shot.number for shot in shots] == [2, 3]
    assert all(torch.equal(x, y) for x, y in zip(again, images[2:], strict=True))


def test_settings_glide_from_one_moment_to_the_next():
    turns = turned(["0:style_weight=2", "4:style_weight=10", "1:relu5_1=0"])
    video = Video(Recipe(), turns=turns)
    assert [video.recipe_at(at).style_weight for at in (0, 1, 3, 4, 9)] == [2, 4, 8, 10, 10]
    assert [video.recipe_at(at).layer_weights["relu5_1"] for at in (0, 1, 9)] == [Recipe().layer_weights["relu5_1"], 0, 0]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"hold": "glue"}, RecipeError),
        ({"steps": 0}, RecipeError),
        ({"weight": -1}, RecipeError),
        ({"weight": float("nan")}, RecipeError),
        ({"recipe": Recipe(tiling=True)}, RecipeError),
        ({"turns": turned(["1:size=64"])}, RecipeError),
        ({"turns": ((1.0, {"style_weight": 1}), (1.0, {"style_weight": 2}))}, UsageError),
    ],
)
def test_what_cannot_be_is_refused(wrong, error):
    with pytest.raises(error):
        Video(**wrong)


@pytest.mark.parametrize(
    "text", ["style_weight=2", "x:style_weight=2", "-1:style_weight=2", "1:style_weight=1,2", "1:statistic=gram"]
)
def test_a_turn_that_says_nothing_is_refused(text):
    with pytest.raises(RecipeError):
        turned([text])


# -------------------------------------------------------------------------------------------------------- command line


@pytest.fixture
def clip(tmp_path):
    write(tmp_path / "clip.mp4", ((m.at, to_array(m.image)) for m in walk(5)), Fraction(25))
    return str(tmp_path / "clip.mp4")


def options(clip, out, *more):
    artwork = str(ASSETS / "artworks" / "autumn-birches.jpg")
    return ["video", clip, artwork, "-o", str(out), "--size", "48", "--steps", "3", "--steps-per-frame", "2", "--quiet", *more]


def test_a_film_that_was_killed_goes_on_and_is_the_same(clip, tmp_path):
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    assert cli.main(options(clip, whole)) == 0
    assert not list(tmp_path.glob("whole.mp4.*"))
    painting = subprocess.Popen([sys.executable, "-m", "stylekit", *options(clip, cut)])
    folder = tmp_path / "cut.mp4.pictures"
    deadline = time.monotonic() + 120
    while not list(folder.glob("??????-*.webp")) and painting.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(painting.pid, signal.SIGKILL)
    painting.wait()
    assert folder.is_dir() and not cut.exists()
    assert cli.main(options(clip, cut)) == 2  # not without --resume
    assert cli.main(options(clip, cut, "--resume", "--style-weight", "3")) == 2  # nor with other settings
    assert cli.main(options(clip, cut, "--resume")) == 0
    assert cut.read_bytes() == whole.read_bytes() and not folder.exists()
    assert [round(m.at, 3) for m in Clip(str(cut), 48)] == [0.0, 0.04, 0.08, 0.12, 0.16]


def test_a_camera_over_a_photo_is_painted_and_colours_come_back(tmp_path, capsys):
    out = tmp_path / "pan.mp4"
    photo = str(ASSETS / "photos" / "cat.jpg")
    more = ("--camera", "pan-right", "--seconds", "0.1", "--color-strength", "1", "--at", "0:style_weight=1", "--json")
    assert cli.main(options(photo, out, *more)) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in said] == ["picture", "picture", "done"] and said[-1]["pictures"] == 2
    first, source = (
        next(iter(Clip(str(out), 48))).image,
        next(iter(Camera(open_picture(photo, 64).image, 48, "pan-right", 0.1))).image,
    )
    assert (first.mean((2, 3)) - source.mean((2, 3))).abs().max() < 0.1  # the photo's colours, not the ink's


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--camera", "fly"), "This is a video, not a picture"),
        (("--seconds", "3"), "add --camera"),
        (("--from", "3", "--to", "2"), "ends after it begins"),
        (("--hold", "glue"), "held by one of"),
        (("--at", "style_weight=3"), "must look like"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(more, said, clip, tmp_path, capsys):
    assert cli.main(options(clip, tmp_path / "out.mp4", *more)) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.glob("out.mp4*"))
