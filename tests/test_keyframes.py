"""What is turned while it runs is recorded, and played again: the same picture, or the same performance at another size."""

import json
from dataclasses import replace

import pytest
import torch
from toy import Toy, picture

from stylekit import Dials, Job, Keyframe, Recipe, RecipeError, open_picture, paint, save_png

BASE = Recipe(encoder="toy", size=64, steps=24, coarsest=16, optimizer="lbfgs")
OPTIMIZERS = ("lbfgs", "adam")


def job(recipe=BASE, **more):
    return Job(picture(0), [picture(1)], recipe, **more)


def frames_of(a_job, turns=None, until=None):
    """All frames; `turns` = {step: weights} are turned by hand after that step."""
    dials, frames = Dials(a_job.weights), []
    for frame in paint(a_job, encoder=Toy(), dials=dials):
        frames.append(frame)
        if frame.step == until:
            break
        if turns and frame.step in turns:
            dials.weights = turns[frame.step]
    return frames


def louder(weights, by=4.0):
    return replace(weights, style_weight=by * weights.style_weight)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_steered_run_is_painted_again_bit_for_bit_from_its_json(optimizer):
    recipe = replace(BASE, optimizer=optimizer)
    one, two = louder(recipe.weights), replace(recipe.weights, tv_weight=0.5, color_strength=0.5)
    steered = frames_of(job(recipe), {0: one, 7: two, 8: recipe.weights, 15: one})
    again = frames_of(job(Recipe.from_json(steered[-1].recipe.to_json())))
    assert len(steered[-1].keyframes) == 4 and torch.equal(steered[-1].image, again[-1].image)
    assert [f.weights for f in again] == [f.weights for f in steered] and again[-1].recipe == steered[-1].recipe
    plain = frames_of(job(recipe))[-1]
    assert plain.keyframes == () and not torch.equal(plain.image, again[-1].image)


def test_at_another_size_and_number_of_steps_it_is_the_same_performance():
    steered = frames_of(job(), {6: louder(BASE.weights), 18: BASE.weights})[-1].recipe
    other = frames_of(job(replace(steered, size=40, steps=48)))
    loud = [frame.step for frame in other if frame.weights != BASE.weights]
    assert loud == list(range(13, 37))


def test_a_picture_that_was_stopped_is_painted_again_as_it_was():
    stopped = frames_of(job(), {3: louder(BASE.weights)}, until=11)[-1]
    assert stopped.recipe.until == pytest.approx(11 / 24)
    again = frames_of(job(stopped.recipe))[-1]
    assert again.step == 11 and torch.equal(again.image, stopped.image)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stopped_at", [1, 9, 13, 24])
def test_a_continued_run_is_painted_again_bit_for_bit(optimizer, stopped_at):
    """Left in the middle of a level, between two, or finished; then gone on with, from the picture, with other weights."""
    recipe = replace(BASE, optimizer=optimizer)
    left = frames_of(job(recipe), {2: louder(recipe.weights)}, until=stopped_at)[-1]
    onward = left.recipe.resumed(left.step, replace(recipe.weights, tv_weight=0.3))
    assert onward.all_steps == (24 if stopped_at < 24 else 24 + recipe.steps_of_a_repeat)
    resumed = frames_of(job(onward, start=left.painting, done=left.step))
    assert (resumed[0].step, resumed[-1].step) == (stopped_at, onward.all_steps)
    assert torch.equal(resumed[0].image, left.image)
    again = frames_of(job(Recipe.from_json(resumed[-1].recipe.to_json())))
    assert torch.equal(again[-1].image, resumed[-1].image) and len(again) == onward.all_steps + 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stopped_at", [9, 13, 24])
def test_a_run_that_is_continued_from_a_file_is_painted_again_bit_for_bit(optimizer, stopped_at, tmp_path):
    """In the middle of a level, at the end of one, and finished."""
    recipe = replace(BASE, optimizer=optimizer, averaging=0.5)
    left = frames_of(job(recipe), until=stopped_at)[-1]
    save_png(tmp_path / "left.png", left.painting)
    onward = left.recipe.resumed(left.step, louder(recipe.weights), rounded=True)
    resumed = frames_of(job(onward, start=open_picture(tmp_path / "left.png").image, done=left.step))[-1]
    assert json.loads(resumed.recipe.to_json())["keyframes"][0]["rounded"] is True
    again = frames_of(job(Recipe.from_json(resumed.recipe.to_json())))[-1]
    assert torch.equal(again.image, resumed.image)
    other = frames_of(job(left.recipe.resumed(left.step, louder(recipe.weights)), start=left.painting, done=left.step))[-1]
    assert not torch.equal(other.image, resumed.image)


def test_a_run_that_is_left_between_two_levels_and_gone_on_with_is_as_if_it_had_not_been_left():
    """There L-BFGS has no memory anyway: the same bits."""
    whole = frames_of(job())
    last_of_a_level = max(frame.step for frame in whole if frame.level == 2)
    left = whole[last_of_a_level]
    resumed = frames_of(job(left.recipe.resumed(left.step, BASE.weights), start=left.painting, done=left.step))
    assert torch.equal(resumed[-1].image, whole[-1].image)


@pytest.mark.parametrize("turned", [True, False])
def test_a_tile_that_is_continued_at_a_larger_size_grows_around_its_borders(turned):
    recipe = replace(BASE, tiling=True, layer_weights={"relu1_1": 1.0, "relu3_1": 1.0}, content_layer="relu3_1")
    last_of_a_level = max(frame.step for frame in frames_of(job(recipe)) if frame.level == 1)
    left = frames_of(job(recipe), until=last_of_a_level)[-1]
    onward = left.recipe.resumed(left.step, replace(recipe.weights, tiling=not turned))
    resumed = frames_of(job(onward, start=left.painting, done=left.step))
    assert torch.equal(frames_of(job(resumed[-1].recipe))[-1].image, resumed[-1].image)


def test_a_hand_on_the_dials_ends_the_playing():
    recipe = replace(BASE, keyframes=[{"at": 0.25, "style_weight": 20.0}, {"at": 0.75, "style_weight": 1.0}])
    mine = replace(BASE.weights, style_weight=9.0)
    seen = [frame.weights.style_weight for frame in frames_of(job(recipe), {12: mine})]
    assert seen[6:] == [BASE.style_weight] + 6 * [20.0] + 12 * [9.0]


def test_keyframes_are_checked_as_the_rest_of_a_recipe_is():
    for keyframes in (
        [{"at": 1.0}],
        [{"at": -0.1}],
        [{"at": 0.5}, {"at": 0.25}],
        [{"at": 0.5, "size": 128}],
        [{"at": 0.5, "style_weight": -1}],
        [{"at": 0.5, "layer_weights": {"relu1_1": 1}}],
        [{"at": 0.5, "resumed": 1}],
        [{"at": 0.5, "rounded": "yes"}],
        [{}],
        "loud",
        [1],
    ):
        with pytest.raises(RecipeError):
            replace(BASE, keyframes=keyframes)


def test_the_json_of_a_keyframe_says_what_it_changes():
    weights = replace(BASE.weights, style_weight=8.0)
    recipe = replace(BASE, keyframes=(Keyframe(0.5, weights), Keyframe(0.75, weights, resumed=True)))
    assert json.loads(recipe.to_json())["keyframes"] == [{"at": 0.5, "style_weight": 8.0}, {"at": 0.75, "resumed": True}]


def test_settled_and_throughout_speak_for_the_whole_run():
    recipe = replace(BASE, keyframes=[{"at": 0.5, "style_weight": 8.0}], until=0.6)
    assert recipe.settled() == replace(BASE, style_weight=8.0)
    turned = recipe.throughout(tv_weight=0.2, size=32)
    assert turned.size == 32 and turned.tv_weight == turned.keyframes[0].weights.tv_weight == 0.2
    assert turned.keyframes[0].weights.style_weight == 8.0


def test_recipes_without_a_version_load_and_paint_as_they_did():
    """Then a layer of weight 0 was one of the layers that the style loss is divided by."""
    old = {"style_weight": 10.0, "layer_weights": {"relu1_1": 1.0, "relu2_1": 0.0, "relu3_1": 2.0, "relu4_1": 0.0}}
    assert Recipe.from_json(json.dumps(old)).style_weight == 5.0
    assert Recipe.from_json(json.dumps(old | {"version": 1})).style_weight == 10.0
    assert Recipe.from_json('{"style_weight": 10.0}').style_weight == 10.0
    with pytest.raises(RecipeError, match="version 4"):
        Recipe.from_json('{"version": 4}')


def test_a_layer_of_weight_0_counts_for_nothing():
    """But the deepest one that is named says how small a level may be, as it may be turned up."""
    with_zeros = replace(BASE, layer_weights={"relu1_1": 1.0, "relu2_1": 0.0, "relu3_1": 0.0, "relu4_1": 2.0})
    without = replace(BASE, layer_weights={"relu1_1": 1.0, "relu4_1": 2.0})
    assert torch.equal(frames_of(job(with_zeros))[-1].image, frames_of(job(without))[-1].image)
