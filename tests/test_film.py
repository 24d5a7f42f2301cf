"""Films of short runs, read back with FFmpeg and Pillow."""

from dataclasses import replace
from itertools import pairwise

import av
import numpy as np
import pytest
import runs
import torch
from PIL import Image, ImageColor, ImageSequence

from stylekit import PictureError, Recipe, UsageError, WorldError, read_recipe_json
from stylekit.film import (
    RATES,
    TURNED,
    Film,
    Footage,
    change,
    check_filmable,
    kept_every,
    pictures,
    recorded,
    write_film,
    written,
)
from stylekit.pictures import to_array


@pytest.fixture(scope="module")
def frames():
    """A run that changes much at first and little later, and in which a hand turns two weights."""
    recipe = runs.recipe(steps=30, init="noise")
    more = replace(recipe.weights, style_weight=20.0, layer_weights={**recipe.layer_weights, "relu5_1": 0.0})
    return runs.paint(recipe, turns={20: more})


def filmed(frames, **footage):
    taken = Footage(**footage)
    assert list(recorded(frames, taken)) == frames
    return taken


def steps_of(shown):
    return np.array([change(one, other) for one, other in pairwise(shown)])


def decoded(path):
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        facts = stream.codec_context.name, stream.pix_fmt, float(stream.duration * stream.time_base)
        return facts, [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_equal_times_show_equal_change(frames):
    film, rate = Film(seconds=5), 12
    moving = steps_of(pictures(filmed(frames), film, rate))
    moving = moving[moving > moving.max() / 4]  # it rests at both ends
    steps = steps_of([to_array(frame.image) for frame in frames])
    assert moving.std() / moving.mean() < 0.25 < 0.5 < steps.std() / steps.mean()
    assert len(moving) == pytest.approx(film.seconds * rate * 0.78, abs=2)


def test_it_begins_with_the_first_picture_and_ends_with_the_last(frames):
    shown = list(pictures(filmed(frames), Film(), 12))
    assert change(shown[0], to_array(frames[0].image)) < 0.02 > change(shown[-1], to_array(frames[-1].image))
    assert change(shown[0], shown[-1]) > 0.04


def test_a_long_run_is_thinned_and_still_spans_from_end_to_end(frames):
    footage = filmed(frames, most=6)
    assert 3 <= len(footage.kept) <= 6 and (footage.shots[0].step, footage.shots[-1].step) == (0, 30)
    apart = steps_of([shot.seen for shot in footage.shots])
    assert apart[:-1].max() < 4 * apart[:-1].min()


def test_a_run_that_stands_still_takes_one_picture(frames):
    footage = filmed([frames[4]] * 50)
    assert len(footage.kept) == 1 and len(list(pictures(footage, Film(seconds=1), 12))) == 12


def test_a_loop_goes_from_the_photo_to_the_painting_and_back_without_a_jump(frames):
    photo = runs.picture(5)
    shown = list(pictures(filmed(frames), Film(seconds=4, loop=True), 24, photo))
    middle = shown[int(len(shown) * 0.58)]
    assert change(shown[0], to_array(photo)) < 0.02 > change(middle, to_array(frames[-1].image))
    assert change(shown[-1], shown[0]) <= 1.5 * steps_of(shown).max()


def test_sliders_are_drawn_below_and_show_what_was_turned(frames):
    footage = filmed(frames)
    plain, drawn = (list(pictures(footage, Film(size=256, sliders=sliders), 12)) for sliders in (False, True))
    height, turned = plain[0].shape[0], np.array(ImageColor.getrgb(TURNED))
    assert drawn[0].shape[0] > height and drawn[0].shape[0] % 2 == 0 == drawn[0].shape[1] % 2
    assert all((one == other[:height]).all() for one, other in zip(plain, drawn))
    in_color = [int((shown[height:] == turned).all(-1).sum()) for shown in drawn]
    assert in_color[0] == 0 < in_color[len(drawn) // 4] < in_color[-1]


def test_a_narrow_film_has_room_for_what_was_turned_alone(frames):
    footage = filmed(frames)
    narrow, wide = (next(pictures(footage, Film(size=size, sliders=True), 12)).shape for size in (96, 768))
    assert narrow[0] - 96 < 110 and wide[0] - 768 < 130


def test_footage_that_was_saved_makes_the_same_film_and_can_be_gone_on_with(frames, tmp_path):
    footage, again = filmed(frames[:16]), Footage()
    footage.save(tmp_path / "footage.zip")
    again.load(tmp_path / "footage.zip")
    film = Film(seconds=2, sliders=True)
    for one, other in zip(pictures(footage, film, 12), pictures(again, film, 12), strict=True):
        assert change(one, other) < 0.015
    again.before = 15
    for frame in frames[:6]:
        again.take(frame)
    assert (again.shots[0].step, again.shots[-1].step) == (0, 20)


def test_the_mp4_is_what_browsers_and_phones_play(frames, tmp_path):
    frames = [replace(frame, painting=frame.painting[..., :31, :29]) for frame in frames]
    write_film(tmp_path / "run.mp4", filmed(frames), Film(seconds=2, size=63))
    (codec, kind, seconds), shown = decoded(tmp_path / "run.mp4")
    assert (codec, kind, seconds) == ("h264", "yuv420p", 2) and len(shown) == 48 and shown[0].shape == (64, 60, 3)
    raw = (tmp_path / "run.mp4").read_bytes()
    assert 0 < raw.find(b"moov") < raw.find(b"mdat")
    assert [path.name for path in tmp_path.iterdir()] == ["run.mp4"]


@pytest.mark.parametrize("name", ["run.mp4", "run.webp"])
def test_colours_arrive_as_they_are(name, frames, tmp_path):
    flat = torch.tensor([0.8, 0.2, 0.1]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    write_film(tmp_path / name, filmed([replace(frames[0], painting=flat)]), Film(seconds=1))
    shown = decoded(tmp_path / name)[1] if name.endswith("mp4") else [np.asarray(Image.open(tmp_path / name).convert("RGB"))]
    assert np.abs(shown[0].astype(int) - to_array(flat)).max() <= 4


def test_the_webp_is_animated_and_repeats(frames, tmp_path):
    write_film(tmp_path / "run.webp", filmed(frames), Film(seconds=2))
    with Image.open(tmp_path / "run.webp") as film:
        seconds = sum(still.info["duration"] for still in ImageSequence.Iterator(film) if still.load()) / 1000
        assert (film.format, film.info["loop"], film.size) == ("WEBP", 0, (32, 32)) and film.n_frames > RATES[".webp"]
    assert seconds == pytest.approx(2, abs=0.01)


def test_what_cannot_be_is_said_in_a_sentence(frames, tmp_path):
    for wrong in ({"seconds": 0}, {"seconds": 1e9}, {"size": 4}, {"size": 10_000}, {"seconds": float("nan")}):
        with pytest.raises(UsageError, match="lies between"):
            Film(**wrong)
    with pytest.raises(PictureError, match=r"\.mp4 or \.webp"):
        check_filmable("run.avi")
    with pytest.raises(UsageError, match="nothing to make a film of"):
        write_film(tmp_path / "run.mp4", Footage(), Film())
    with pytest.raises(WorldError, match="no such file or directory"):
        write_film(tmp_path / "none" / "run.mp4", filmed(frames), Film(seconds=1))
    assert list(tmp_path.iterdir()) == []


def test_a_film_that_is_not_finished_leaves_the_one_before(frames, tmp_path):
    path = tmp_path / "run.mp4"
    path.write_bytes(b"before")
    parts = written(path, filmed(frames), Film(seconds=1))
    assert 0 < next(parts) < next(parts) < 1
    parts.close()
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
    assert list(written(path, filmed(frames), Film(seconds=1)))[-1] == 1 and path.stat().st_size > 1000


def test_pictures_are_kept_on_the_way_and_closing_stops_the_run(tmp_path):
    footage, run = Footage(), runs.run(runs.recipe(steps=10))
    frames = recorded(kept_every(run, 2, tmp_path / "out.png"), footage)
    for frame in frames:
        if frame.step == 5:
            break
    frames.close()
    assert next(run, None) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-02.png", "out-04.png"]
    assert Recipe.from_json(read_recipe_json(tmp_path / "out-04.png")).until == 0.4
    assert footage.shots[-1].step == 5
    with pytest.raises(UsageError, match="at least 1, not 0"):
        kept_every(run, 0, tmp_path / "out.png")
