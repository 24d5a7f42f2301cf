"""The loop: frames, dials, stopping, where it begins, what is shown, and that it lowers what it should."""

import itertools
import math
from contextlib import closing
from dataclasses import fields, replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracle import distance, remembered
from runs import (
    INITS,
    LAYERS,
    OPTIMIZERS,
    UNITS,
    array,
    content_distance,
    finite,
    flat,
    halves,
    layers_of,
    matrices,
    numpy_losses,
    paint,
    picture,
    recipe,
    resized,
    run,
    same,
    style_losses,
    turned_at,
)
from toy import Small19, Toy

from stylekit import Dials, Masks, Recipe, RecipeError, Weights, load_encoder, open_picture, stylize
from stylekit.color import chroma_moments, recolored
from stylekit.objective import Objective
from stylekit.pyramid import levels
from stylekit.recipe import CONTENT_LAYERS, LIVE, PALETTE_METHODS, SETTINGS, STYLE_LAYERS, Choice, setting
from stylekit.resize import fit, tile, tiles
from stylekit.statistics import mix

# --------------------------------------------------------------------------------------------------------------- frames


def test_nothing_is_computed_before_the_first_frame_is_asked_for_nor_for_it(encoder):
    frames = run(encoder=encoder)
    assert not encoder.asked
    first = next(frames)
    assert first.step == 0 and not encoder.asked
    next(frames)
    assert encoder.asked


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("shape", [(100, 61), (40, 333)])
def test_frames_count_steps_and_levels_and_have_the_contents_aspect_ratio(optimizer, shape):
    settings = recipe(size=90, steps=9, coarsest=24, optimizer=optimizer, layer_weights={"relu2_1": 1}, content_layer="relu3_1")
    frames = paint(settings, content=picture(0, *shape))
    coarsest = max(24, math.ceil(4 * max(shape) / min(shape)))  # the shorter side must be seen by relu3_1
    plan = levels(90, 9, coarsest)
    assert [f.step for f in frames] == list(range(10))
    assert [f.level for f in frames] == [1] + [i for i, level in enumerate(plan, start=1) for _ in range(level.steps)]
    assert {(f.steps, f.levels) for f in frames} == {(9, len(plan))}
    for f in frames:
        height, width = f.image.shape[2:]
        assert f.image.shape[:2] == (1, 3) and max(height, width) == plan[f.level - 1].size
        assert abs(height - max(height, width) * shape[0] / max(shape)) <= 0.5
        assert abs(width - max(height, width) * shape[1] / max(shape)) <= 0.5
    assert max(frames[-1].image.shape) == 90
    assert finite(frames)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_a_consumer_does_to_a_frames_image_does_not_reach_the_run(optimizer):
    settings, spoilt = recipe(optimizer=optimizer), []
    for frame in run(settings, encoder=Toy()):
        spoilt.append(frame.image.clone())
        frame.image.zero_()
    assert all(torch.equal(image, f.image) for image, f in zip(spoilt, paint(settings)))


@pytest.mark.parametrize("init", INITS)
def test_the_pictures_that_were_given_stay_as_they_were(init):
    content, style, start = picture(0), picture(1), picture(2)
    paint(recipe(init=init), content=content, styles=[style], **({"start": start} if init == "image" else {}))
    assert torch.equal(content, picture(0)) and torch.equal(style, picture(1)) and torch.equal(start, picture(2))


def test_the_consumers_time_between_frames_does_not_count(encoder, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("stylekit.transfer.time", SimpleNamespace(perf_counter=lambda: now[0]))
    walk = encoder._walk

    def second_long(*arguments):
        now[0] += 1
        return walk(*arguments)

    encoder._walk = second_long
    seconds = []
    for frame in run(recipe(size=40, coarsest=20), encoder=encoder):
        seconds.append((frame.seconds, len(encoder.asked)))
        now[0] += 1000
    assert len(seconds) == 5 and seconds[-1][1] > 4
    assert all(counted == calls for counted, calls in seconds)


def test_a_picture_that_is_part_of_a_graph_is_painted_like_any_other():
    content = picture(0, 48, 40).requires_grad_(True)
    settings = recipe(tv_weight=0.1)
    assert same(paint(settings, content=content), paint(settings, content=content.detach()))
    assert content.grad is None


def test_frames_own_their_images():
    stream = run()
    kept = [(f.image, f.image.clone()) for f in itertools.islice(stream, 6)]
    list(stream)
    assert all(torch.equal(image, copy) for image, copy in kept)
    assert not any(torch.equal(a[0], b[0]) for a, b in itertools.pairwise(kept))


# ------------------------------------------------------------------------------------------------------ where it begins


def test_each_init_begins_with_its_picture():
    assert torch.equal(paint(recipe(init="content"))[0].image, picture(0))
    assert torch.equal(paint(recipe(init="style"))[0].image, picture(1))
    assert torch.equal(paint(recipe(init="image"), start=picture(2))[0].image, picture(2))
    noise = paint(recipe(init="noise", size=64, coarsest=64))[0].image
    assert noise.mean() == pytest.approx(1 / 2, abs=0.02) and noise.var() == pytest.approx(1 / 12, abs=0.01)


@pytest.mark.parametrize("init", ["style", "image"])
def test_a_start_of_another_shape_is_cut_in_the_middle_not_squashed(init):
    wide = flat(0.0, 32, 96)
    wide[..., 32:64] = 1.0  # its middle third is white
    pictures = {"styles": [wide]} if init == "style" else {"start": wide}
    first = paint(recipe(init=init), **pictures)[0].image
    assert first.shape == (1, 3, 32, 32) and torch.equal(first, flat(1.0))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("init", INITS)
def test_the_same_run_gives_the_same_pictures_bit_for_bit(optimizer, init):
    settings = recipe(size=48, coarsest=24, steps=10, tv_weight=0.1, optimizer=optimizer, init=init)
    torch.manual_seed(1)
    first = paint(settings)
    torch.manual_seed(2)  # the run must not read the global random state
    torch.rand(7)
    assert same(first, paint(settings))


def test_a_run_leaves_the_global_random_state_alone(encoder):
    before = torch.get_rng_state()
    paint(recipe(init="noise"), encoder=encoder)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_equal_recipes_give_the_same_picture_whatever_the_order_of_their_layers(optimizer):
    forward = recipe(layer_weights=LAYERS, steps=20, optimizer=optimizer)
    backward = replace(forward, layer_weights=dict(reversed(LAYERS.items())))
    assert forward == backward
    assert all(torch.equal(a.image, b.image) for a, b in zip(paint(forward), paint(backward), strict=True))


def test_two_runs_side_by_side_do_not_disturb_each_other():
    one, two = recipe(init="noise", steps=6), recipe(optimizer="adam", init="noise", seed=3, steps=6)
    encoder = Toy()
    together = list(zip(run(one, encoder=encoder), run(two, encoder=encoder)))
    assert same([a for a, _ in together], paint(one)) and same([b for _, b in together], paint(two))


BASE = recipe(steps=12)


def test_the_seed_matters_to_noise_and_to_nothing_else():
    def last(**changes):
        return paint(replace(BASE, steps=2, **changes))[-1].image

    assert not torch.equal(last(init="noise", seed=1), last(init="noise", seed=2))
    assert torch.equal(last(seed=1), last(seed=2))


# ---------------------------------------------------------------------------------------------------------------- dials


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("when", [0, 3, 5])
def test_a_dial_turned_after_a_frame_changes_the_following_frames_and_no_earlier_one(optimizer, when):
    settings = recipe(steps=8, optimizer=optimizer, content_weight=0.1)
    loud = replace(settings.weights, content_weight=20.0)
    turned, plain = turned_at(when, settings, lambda _: loud), paint(settings)
    assert same(turned[: when + 1], plain[: when + 1])
    unaware = when == 0  # of the content's weight: at the photo itself its gradient is 0
    for a, b in list(zip(turned, plain))[when + 1 + unaware :]:
        assert not torch.equal(a.image, b.image)
    assert [f.weights for f in turned] == [settings.weights] * (when + 1) + [loud] * (8 - when)
    assert turned[-1].losses["content"] < plain[-1].losses["content"]


def dragged(settings, to, after=10):
    """Frames of a run whose dials are turned before each step after the first ten: `to(share)` are the weights, share 0 to 1."""
    dials, frames = Dials(settings.weights), []
    for frame in run(settings, dials=dials):
        frames.append(frame)
        if frame.step >= after:
            dials.weights = to((frame.step + 1 - after) / (settings.steps - after))
    return frames


def moved(frames, since=10):
    """Mean distance of a pixel since that frame."""
    return float((frames[-1].painting - frames[since].painting).abs().mean())


LOUDER = {"style_weight": lambda share: 5 * 1.8**share, "content_weight": lambda share: 1 + share}  # 3 to 5 per cent a step
SWEPT = {f"layer_weights.{layer}": lambda share: 3 * share for layer in ("relu1_1", "relu3_1")}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", [*LOUDER, *SWEPT])
def test_a_dial_that_is_dragged_does_not_hold_the_painting_up(optimizer, name):
    """Against a run that had the last weights from the moment on at which the drag began, and against none."""
    settings = replace(BASE, size=48, coarsest=48, steps=30, optimizer=optimizer)

    def to(share):
        value, layer = (LOUDER | SWEPT)[name](share), name.removeprefix("layer_weights.")
        if layer != name:
            return replace(settings.weights, layer_weights={**settings.layer_weights, layer: value})
        return replace(settings.weights, **{name: value})

    dragged_along, at_once, never = dragged(settings, to), dragged(settings, lambda _: to(1.0)), paint(settings)
    assert len(dragged_along[-1].keyframes) == 20
    assert moved(dragged_along) > 0.8 * min(moved(at_once), moved(never))
    before, slowly, fast = (total_of(settings, frame, to(1.0)) for frame in (never[10], dragged_along[-1], at_once[-1]))
    assert before - slowly > 0.8 * (before - fast)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("turn", [{"style_weight": 50.0}, {"style_weight": 0.5}, {"content_weight": 20.0}, {"tv_weight": 2.0}])
def test_a_large_turn_shows_at_once(optimizer, turn):
    """Three steps later, the loss with the new weights has fallen by a third of what ten steps bring."""
    usual = {"statistic": "mean_covariance", "style_weight": 5.0}
    settings = replace(BASE, size=48, coarsest=48, steps=20, optimizer=optimizer, **usual)
    loud = replace(settings.weights, **turn)
    frames = turned_at(10, settings, lambda _: loud)
    before, soon, later = (total_of(settings, frames[step], loud) for step in (10, 13, 20))
    assert before - soon > (before - later) / 3 > 0


def total_of(settings, frame, weights):
    """The loss of a frame with these weights."""
    content = fit(picture(0), frame.painting.shape[2:])
    with torch.no_grad():
        return float(Objective(content, [picture(1)], settings, Toy())(frame.painting, weights)[0])


def test_dials_that_are_assigned_the_same_weights_change_nothing():
    settings = recipe(steps=6)
    equal = Weights(
        *(getattr(settings.weights, name) for name in ("content_weight", "style_weight", "tv_weight")),
        dict(settings.layer_weights),
        edge_weight=settings.edge_weight,
        match_color=settings.match_color,
    )
    assert same(turned_at(2, settings, lambda _: equal), paint(settings))


def test_without_dials_the_recipes_weights_are_used_and_with_dials_theirs():
    loud = replace(recipe().weights, style_weight=30.0)
    assert paint()[-1].weights == recipe().weights
    by_dials, by_recipe = paint(dials=Dials(loud)), paint(recipe().with_weights(loud))
    assert same(by_dials, by_recipe) and not torch.equal(by_dials[-1].image, paint()[-1].image)


def test_dials_turned_between_the_call_and_the_first_frame_are_used():
    dials = Dials(recipe().weights)
    frames = run(encoder=Toy(), dials=dials)
    dials.weights = replace(recipe().weights, style_weight=30.0)
    assert same(list(frames), paint(recipe(style_weight=30.0)))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("what", ["content_weight", "style_weight", "tv_weight", "relu5_1"])
def test_a_term_or_layer_may_go_from_zero_to_some_weight_and_back(optimizer, what, encoder):
    def at(value):
        weights = Weights(1.0, 1.0, 0.5, LAYERS)
        return replace(weights, layer_weights={**LAYERS, what: value}) if what in LAYERS else replace(weights, **{what: value})

    settings = recipe(steps=9, optimizer=optimizer, init="noise").with_weights(at(0.0))
    dials, frames = Dials(settings.weights), []
    for frame in run(settings, encoder=encoder, dials=dials):
        frames.append(frame)
        if frame.step in (3, 6):
            dials.weights = at(2.0 if frame.step == 3 else 0.0)
    value = [f.weights.layer_weights[what] if what in LAYERS else getattr(f.weights, what) for f in frames]
    assert value == [0] * 4 + [2] * 3 + [0] * 3
    assert finite(frames)
    if (term := what.removesuffix("_weight")) != "tv":
        assert [term in f.losses for f in frames[1:]] == [False] * 3 + [True] * 3 + [False] * 3
    for frame in frames[1:] if optimizer == "adam" else []:
        _, terms = numpy_losses(frame.painting, picture(0), [picture(1)], frame.weights, settings, Toy())
        assert frame.losses == pytest.approx(terms, rel=1e-4, abs=1e-7)


def test_terms_come_and_go_with_their_weights():
    dials, seen = Dials(replace(BASE, content_weight=0, steps=12).weights), {}
    for frame in run(replace(BASE, coarsest=48), dials=dials):
        seen[frame.step] = set(frame.losses)
        if frame.step == 4:
            dials.weights = replace(BASE, style_weight=0).weights
        if frame.step == 8:
            dials.weights = replace(BASE, layer_weights={**BASE.layer_weights, "relu5_1": 0}).weights
    layers = set(BASE.layer_weights)
    assert seen[4] == {"tv", "style", *layers}
    assert seen[8] == {"tv", "content"}
    assert seen[12] == {"tv", "content", "style", *(layers - {"relu5_1"})}


def test_dials_for_other_layers_are_refused_where_they_are_assigned_and_the_run_lives_on():
    dials = Dials(BASE.weights)
    stream = run(dials=dials)
    list(itertools.islice(stream, 3))
    with pytest.raises(RecipeError, match="stay the same"):
        dials.weights = replace(BASE, layer_weights={"relu1_1": 1}).weights
    assert len(list(stream)) == 2


TURNED = {
    "content_weight": 0.2,
    "style_weight": 9.0,
    "tv_weight": 0.5,
    "layer_weights": dict.fromkeys(STYLE_LAYERS, 0.3) | {"relu1_1": 3.0},
    "more_content_layers": {"relu1_1": 2.0},
    "style_shares": (0.1, 0.9),
    "style_scales": (2.0, 0.75),
    "style_split": 0.8,
    "large_forms": 1.5,
    "edge_weight": 0.7,
    "tv_gamma": 0.5,
    "color_strength": 0.7,
    "match_color": 0.9,
    "clean_color": 0.6,
    "tiling": True,
}


def test_every_field_of_weights_is_live():
    assert set(TURNED) == set(LIVE) == {f.name for f in fields(Weights)}
    assert set(CONTENT_LAYERS) >= set(TURNED["more_content_layers"])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", TURNED)
def test_every_dial_may_be_turned_and_back_and_shows_in_the_next_frames(name, optimizer):
    settings = recipe(
        optimizer=optimizer, steps=7, more_content_layers={"relu1_1": 0.5}, tv_weight=0.1, tv_kind="power", style_weight=2.0
    )
    if name == "large_forms":  # of which the last size has nothing
        settings = replace(settings, size=64)
    turned = replace(settings.weights, **{name: TURNED[name]})
    styles = [picture(1, 64, 64), picture(2, 64, 64)]
    plain = paint(settings, styles=styles)
    frames = paint(settings, styles=styles, turns={2: turned, 5: settings.weights})
    assert [frame.weights for frame in frames] == [settings.weights] * 3 + [turned] * 3 + [settings.weights] * 2
    same = [torch.equal(a.image, b.image) for a, b in zip(plain, frames)]
    assert all(same[:3]) and not any(same[3 + (optimizer == "adam") : 6])
    assert all(np.isfinite(loss) for frame in frames for loss in frame.losses.values())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_large_forms_are_more_style_at_the_small_sizes_and_none_at_the_last(optimizer):
    settings = recipe(optimizer=optimizer, size=64, steps=6, style_weight=3.0, large_forms=2.0)
    small, large = levels(64, 6, 32)
    assert (small.size, large.size) == (32, 64)
    by_hand = replace(settings, large_forms=0.0, style_weight=12.0, keyframes=[{"at": small.steps / 6, "style_weight": 3.0}])
    painted, expected, without = (paint(r)[-1].painting for r in (settings, by_hand, replace(settings, large_forms=0.0)))
    assert torch.equal(painted, expected) and not torch.equal(painted, without)
    one = replace(settings, size=32)
    assert torch.equal(paint(one)[-1].painting, paint(replace(one, large_forms=0.0))[-1].painting)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_style_whose_share_is_0_does_not_paint(optimizer):
    one, two, settings = picture(1), picture(2), recipe(optimizer=optimizer, style_shares=(1, 0))
    alone, together = paint(replace(settings, style_shares=()), styles=[one]), paint(settings, styles=[one, two])
    with pytest.raises(RecipeError, match="2 numbers for 1 style"):
        paint(settings, styles=[one])
    assert all(torch.equal(a.painting, b.painting) for a, b in zip(alone, together))


def test_a_turned_share_is_used_by_the_next_step():
    settings, styles = recipe(optimizer="adam", style_shares=(1, 0)), [picture(1), picture(2)]
    turned = replace(settings.weights, style_shares=(0.2, 0.8))
    frames = paint(settings, styles=styles, turns={2: turned})
    for frame, shares in zip(frames[1:], [(1, 0)] * 2 + [(0.2, 0.8)] * 2):
        expected = style_losses("bures", styles, shares, frame.painting)
        assert layers_of(frame.losses) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_a_turned_brush_is_used_by_the_next_step():
    settings, big = recipe(optimizer="adam"), picture(1, 64, 64)
    frames = paint(settings, styles=[big], turns={2: replace(settings.weights, style_scales=(2.0,))})
    for frame, size in zip(frames[1:], (32, 32, 64, 64)):
        expected = style_losses("bures", [resized(big, size, size)], (1,), frame.painting)
        assert layers_of(frame.losses) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_a_turned_content_layer_is_used_by_the_next_step():
    settings = recipe(optimizer="adam", more_content_layers={"relu1_1": 0.0})
    frames = paint(settings, turns={2: replace(settings.weights, more_content_layers={"relu1_1": 3.0})})
    for frame, extra in zip(frames[1:], (0, 0, 3, 3)):
        deep, shallow = (content_distance(layer, frame.painting, picture(0)) for layer in ("relu4_2", "relu1_1"))
        assert frame.losses["content"] == pytest.approx(deep + extra * shallow, rel=1e-4)


# --------------------------------------------------------------------------------------- stopping, and what is computed


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("steps", [0, 2])
def test_no_torch_mode_is_left_on_between_frames_nor_after_a_close(encoder, optimizer, steps):
    with closing(run(recipe(steps=50, optimizer=optimizer), encoder=encoder)) as frames:
        for _ in islice(frames, steps + 1):
            assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    x = torch.ones(1, requires_grad=True)
    (3 * x).backward()
    assert x.grad == 3


def test_targets_are_looked_at_once_per_level_and_the_picture_once_per_step(encoder):
    settings = recipe(size=60, coarsest=20, steps=9, optimizer="adam")
    frames = paint(settings, encoder=encoder, styles=[picture(1), picture(2)])
    assert frames[-1].levels == 3
    targets_and_first_look = 3 + 1  # content, two styles; the picture as it is at a new size
    assert len(encoder.asked) == 9 + 3 * targets_and_first_look


def test_a_style_is_seen_no_larger_than_the_picture_and_never_enlarged_without_need(encoder):
    seen = []
    encoder.register_forward_pre_hook(lambda _, arguments: seen.append(tuple(arguments[0].shape[2:])))
    paint(encoder=encoder, styles=[picture(1, 300, 200), picture(2, 20, 18), picture(3, 8, 4)])
    assert seen[:4] == [(32, 32), (32, 21), (20, 18), (32, 16)]  # content, then each style


def test_what_has_no_weight_costs_nothing():
    encoder = Toy()
    shallow = {**dict.fromkeys(BASE.layer_weights, 0.0), "relu1_1": 1.0, "relu2_1": 1.0}
    paint(replace(BASE, content_weight=0, layer_weights=shallow), encoder=encoder)
    assert set(encoder.deepest) == {"relu2_1"}
    encoder = Toy()
    paint(replace(BASE, style_weight=0), encoder=encoder)
    assert set(encoder.deepest) == {"relu4_2"} and all(asked == ["relu4_2"] for asked in encoder.asked)


class Seeing(Toy):
    """Remembers the sizes, too."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def _walk(self, image, wanted):
        self.sizes.append((image.shape[2], image.shape[3]))
        return super()._walk(image, wanted)


@pytest.mark.parametrize(
    ("scale", "size"), [(1.0, (20, 30)), (2.0, (40, 60)), (1.5, (30, 45)), (0.8, (16, 24)), (0.25, (16, 24))], ids=str
)
def test_no_style_is_enlarged_beyond_its_own_pixels_times_the_brush_unless_nothing_would_be_seen(scale, size):
    encoder, settings = Seeing(), recipe(size=64, coarsest=64, style_scales=(scale,), optimizer="adam", steps=1)
    paint(settings, content=picture(0, 64, 64), styles=[picture(1, 20, 30)], encoder=encoder)
    assert set(encoder.sizes) == {(64, 64), size}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_with_half_the_brush_is_one_with_half_the_style_picture(optimizer):
    big, settings = picture(1, 64, 64), recipe(optimizer=optimizer)
    scaled = paint(replace(settings, style_scales=(0.5,)), styles=[big])
    plain = paint(settings, styles=[resized(big, 16, 16)])
    assert all(torch.equal(a.painting, b.painting) and a.losses == b.losses for a, b in zip(scaled, plain, strict=True))


# ----------------------------------------------------------------------------------------------------- losses of frames


@pytest.mark.parametrize(("statistic", "formulation"), UNITS)
def test_a_frames_losses_are_those_of_the_frames_own_image(statistic, formulation):
    settings = recipe(
        optimizer="adam", init="noise", steps=6, tv_weight=0.3, statistic=statistic, formulation=formulation, layer_weights=LAYERS
    )
    styles = [picture(1), picture(2)]
    for frame in paint(settings, styles=styles)[1:]:
        _, expected = numpy_losses(frame.image, picture(0), styles, frame.weights, settings, Toy())
        assert frame.losses == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_with_lbfgs_a_frames_losses_are_those_of_its_image_if_nothing_was_clamped():
    soft = [0.4 + 0.2 * picture(seed) for seed in (0, 1)]  # far from black and white
    settings, checked = recipe(steps=6, layer_weights=LAYERS), 0
    for frame in paint(settings, content=soft[0], styles=soft[1:])[1:]:
        if frame.image.min() > 0 and frame.image.max() < 1:
            _, expected = numpy_losses(frame.image, soft[0], soft[1:], frame.weights, settings, Toy())
            assert frame.losses == pytest.approx(expected, rel=1e-3, abs=1e-6)
            checked += 1
    assert checked


def test_the_order_of_two_styles_does_not_matter_but_both_do():
    settings, (one, two) = recipe(steps=3), (picture(1), picture(2))
    both = paint(settings, styles=[one, two])[-1].image
    assert torch.allclose(both, paint(settings, styles=[two, one])[-1].image, atol=1e-4)
    assert not torch.allclose(both, paint(settings, styles=[one])[-1].image, atol=1e-3)
    assert not torch.allclose(both, paint(settings, styles=[two])[-1].image, atol=1e-3)


def test_total_is_what_the_weights_say():
    """With the style alone, doubling beta and halving every layer weight is the same objective, hence the same picture."""
    half = dict.fromkeys(BASE.layer_weights, 0.5)
    one = paint(replace(BASE, style_weight=4.0))[-1]
    two = paint(replace(BASE, style_weight=8.0, layer_weights=half))[-1]
    assert (one.image - two.image).abs().max() < 1e-3
    assert one.losses["style"] == pytest.approx(2 * two.losses["style"], rel=1e-2)


# -------------------------------------------------------------------------------------------------- does it lower them?


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("statistic", "formulation"), UNITS)
@pytest.mark.parametrize("term", ["content_weight", "style_weight", "tv_weight"])
def test_each_optimizer_lowers_each_term_on_its_own_from_noise(optimizer, statistic, formulation, term):
    weights = Weights(**({"content_weight": 0, "style_weight": 0, "tv_weight": 0, "layer_weights": LAYERS} | {term: 1.0}))
    settings = recipe(steps=40, optimizer=optimizer, init="noise", statistic=statistic, formulation=formulation)
    settings = settings.with_weights(weights)
    frames = paint(settings)
    _, before = numpy_losses(frames[0].painting, picture(0), [picture(1)], weights, settings, Toy())
    _, after = numpy_losses(frames[-1].painting, picture(0), [picture(1)], weights, settings, Toy())
    term = term.removesuffix("_weight")
    assert after[term] < 0.3 * before[term]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_more_weight_on_the_style_gives_less_style_loss_and_more_content_loss(optimizer):
    quiet, loud = (paint(recipe(steps=40, optimizer=optimizer, style_weight=w))[-1].losses for w in (0.2, 20.0))
    assert loud["style"] < quiet["style"] and loud["content"] > quiet["content"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_scaling_all_weights_together_changes_nothing_to_speak_of(optimizer):
    weights = Weights(1.0, 4.0, 0.1, LAYERS)
    scaled = Weights(1024.0, 4096.0, 102.4, LAYERS)
    settings = recipe(steps=6, optimizer=optimizer, init="noise")
    one, other = paint(settings.with_weights(weights)), paint(settings.with_weights(scaled))
    assert torch.allclose(one[-1].image, other[-1].image, atol=1e-3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("pictures", ["black content", "black style", "both black", "both grey", "white on black"])
@pytest.mark.parametrize(("statistic", "formulation"), UNITS)
def test_black_and_flat_pictures_give_finite_numbers(optimizer, pictures, statistic, formulation):
    content, style = {
        "black content": (flat(0.0), picture(1)),
        "black style": (picture(0), flat(0.0)),
        "both black": (flat(0.0), flat(0.0)),
        "both grey": (flat(0.5), flat(0.5)),
        "white on black": (flat(1.0), flat(0.0)),
    }[pictures]
    settings = recipe(tv_weight=0.1, optimizer=optimizer, statistic=statistic, formulation=formulation, steps=5)
    for init in ("content", "noise"):
        frames = paint(replace(settings, init=init), content=content, styles=[style])
        assert len(frames) == 6 and finite(frames)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("init", INITS)
def test_all_weights_zero_leave_the_picture_as_it_is(optimizer, init, encoder):
    settings = recipe(content_weight=0, style_weight=0, tv_weight=0, optimizer=optimizer, init=init)
    frames = paint(settings, encoder=encoder)
    assert all(torch.equal(f.image, frames[0].image) for f in frames) and len(frames) == 5
    assert not any(encoder.asked)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_from_all_weights_zero_it_goes_on_when_the_dials_are_turned(optimizer):
    quiet = recipe(content_weight=0, style_weight=0, tv_weight=0, optimizer=optimizer, steps=30)
    frames = turned_at(2, quiet, lambda _: Weights(1.0, 5.0, 0.0, quiet.layer_weights))
    assert torch.equal(frames[2].image, frames[0].image)
    assert frames[-1].losses["style"] < 0.5 * frames[3].losses["style"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_content_alone_from_the_content_is_already_there(optimizer):
    frames = paint(recipe(style_weight=0, optimizer=optimizer))
    assert all(f.losses["content"] < 1e-6 for f in frames[1:]) and finite(frames)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_largest_weights_are_painted_with(optimizer):
    weights = Weights(1e12, 1e12, 1e12, dict.fromkeys(LAYERS, 1e12))
    for formulation in ("relative", "gatys"):
        settings = recipe(statistic="gram", formulation=formulation, optimizer=optimizer, init="noise").with_weights(weights)
        assert finite(paint(settings))


CHOICES = [(name, choice) for name, s in SETTINGS.items() if isinstance(s, Choice) and not s.open for choice in s.choices]


def test_every_closed_field_is_among_the_choices_that_are_painted():
    known = {"statistic", "formulation", "tv_kind", "color_method", "pooling", "padding", "optimizer", "init", "variables"}
    assert {name for name, _ in CHOICES} == known


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("name", "choice"), CHOICES, ids=lambda x: x)
def test_every_choice_of_every_field_paints_and_lowers_the_total(name, choice, optimizer):
    changes = {name: choice}
    if name == "formulation":
        changes["statistic"] = {"relative": "bures", "crowsonkb": "wasserstein"}.get(choice, "gram")
        changes["style_weight"] = 5.0 if choice == "relative" else 1e6
    layers = dict.fromkeys(STYLE_LAYERS[:3], 1.0)  # of four pixels, all that relu5_1 has, hardly a covariance is left
    settings = recipe(**{"optimizer": optimizer, "tv_weight": 0.01, "encoder": "vgg19", "layer_weights": layers} | changes)
    frames = paint(settings, encoder=Small19())
    totals = []
    for frame in (frames[0], frames[-1]):
        whole = Objective(picture(0), [picture(1)], settings, Small19())
        totals.append(float(whole(frame.painting, settings.weights)[0]))
    assert all(np.isfinite(loss) for frame in frames[1:] for loss in frame.losses.values())
    assert all(frame.image.isfinite().all() and frame.image.min() >= 0 and frame.image.max() <= 1 for frame in frames)
    assert np.isfinite(totals).all() and totals[1] < totals[0]


@pytest.mark.parametrize(
    ("name", "choices"), [("padding", ("zeros", "replicate", "reflect")), ("pooling", ("max", "average", "l2"))]
)
def test_paddings_and_poolings_reach_the_encoder(name, choices):
    images = [paint(recipe(encoder="vgg19", **{name: choice}), encoder=Small19())[-1].painting for choice in choices]
    assert all(not torch.allclose(a, b, atol=1e-3) for n, a in enumerate(images) for b in images[:n])


# ---------------------------------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("init", ["content", "noise", "style", "image"])
def test_the_photo_stays_where_it_is_kept_from_the_first_step_on_and_the_rest_is_painted(init, optimizer, averaging):
    settings = recipe(coarsest=16, steps=8, init=init, optimizer=optimizer, averaging=averaging, tv_weight=0.1)
    frames = paint(settings, masks=Masks(keep=halves()))
    sizes = [frame.painting.shape[3] for frame in frames]
    assert sizes[0] == 16 and sizes[-1] == 32
    for frame, side in zip(frames[1:], sizes[1:]):
        photo = resized(picture(0), side, side)
        kept = side // 2 - (0 if side == 32 else 2)  # resized, a hard edge is soft for two pixels
        assert torch.allclose(frame.image[..., :kept], photo[..., :kept], atol=1e-6, rtol=0)
        assert (frame.image - photo)[..., side // 2 + 2 :].abs().mean() > 1e-3
    assert torch.equal(frames[-1].image[..., :16], picture(0)[..., :16])


def test_a_photo_kept_by_half_is_half_of_the_painting():
    settings = recipe(optimizer="adam", init="noise", steps=1)
    mask = torch.full((1, 1, 32, 32), 0.5)
    painted = paint(settings, masks=Masks(keep=mask))[-1]
    assert (painted.image - picture(0) / 2).min() >= -1e-6 and (painted.image - picture(0) / 2).max() <= 0.5 + 1e-6
    seen = style_losses("bures", [picture(1)], (1,), painted.image)
    # half of the picture is painted, so the style counts by half, as each place is pulled as hard as without a mask
    assert layers_of(painted.losses) == pytest.approx({layer: loss / 2 for layer, loss in seen.items()}, rel=1e-4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_photo_kept_everywhere_is_the_photo(optimizer):
    frames = paint(recipe(optimizer=optimizer, init="noise", tv_weight=0.1), masks=Masks(keep=torch.ones(1, 1, 32, 32)))
    assert all(torch.equal(frame.image, picture(0)) for frame in frames[1:])
    assert all(np.isfinite(loss) for frame in frames for loss in frame.losses.values())


def test_a_photo_kept_nowhere_changes_nothing():
    one, other = paint(recipe()), paint(recipe(), masks=Masks(keep=torch.zeros(1, 1, 32, 32)))
    assert torch.allclose(one[-1].painting, other[-1].painting, atol=1e-3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_complementary_masks_pull_each_half_to_its_own_style(optimizer):
    settings = recipe(size=64, coarsest=64, steps=25, content_weight=0.0, init="noise", optimizer=optimizer, statistic="gram")
    settings = replace(settings, layer_weights={"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0})
    styles = [0.15 + 0.25 * picture(1, 64, 64), 0.6 + 0.4 * picture(2, 64, 64)]
    masks = Masks([halves(64, 64), 1 - halves(64, 64)])
    frames = paint(settings, content=picture(0, 64, 64), styles=styles, masks=masks)
    sides = [(0, 28), (36, 64)]  # a little away from the border, which both see

    def far(frame, half, style):
        (a, b), layer = sides[half], "relu2_1"
        f = matrices(frame.painting[..., a:b], [layer])[layer]
        return distance("gram", remembered("gram", f), remembered("gram", matrices(styles[style], [layer])[layer]))

    for half in (0, 1):
        own, other = (far(frames[-1], half, style) / far(frames[0], half, style) for style in (half, 1 - half))
        assert own < 0.3 and own < other / 3
        assert far(frames[-1], half, half) < far(frames[-1], half, 1 - half)


@pytest.mark.parametrize("factor", [0.25, 1.5, 3])
def test_masks_of_another_size_are_the_same_masks(factor):
    smooth = resized(picture(4, 8, 8)[:, :1], 96, 96)
    side = round(32 * factor)
    masks = [Masks([resized(smooth, n, n)], [resized(smooth, n, n)], resized(smooth, n, n)) for n in (32, side)]
    settings = recipe(optimizer="adam", steps=3)
    one, other = (paint(settings, masks=m)[-1].image for m in masks)
    assert (one - other).abs().mean() < 0.01


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_style_that_is_masked_altogether_is_as_if_it_had_no_place(optimizer):
    masks = Masks([torch.zeros(1, 1, 32, 32), None])
    frames = paint(recipe(optimizer=optimizer), styles=[picture(1), picture(2)], masks=masks)
    alone = paint(recipe(optimizer=optimizer), styles=[picture(2)])
    assert torch.allclose(frames[-1].painting, alone[-1].painting, atol=1e-4)


# -------------------------------------------------------------------------------------------------------------- colours


@pytest.mark.parametrize("method", setting("color_method").choices)
def test_a_frames_image_is_its_painting_with_as_much_of_the_photos_colours_as_is_asked_for(method):
    settings = recipe(color_method=method, steps=3)
    plain, strong = paint(settings), paint(replace(settings, color_strength=0.6))
    for a, b in zip(plain, strong):
        assert torch.equal(a.image, a.painting) and torch.equal(a.painting, b.painting)
        assert torch.equal(b.image, recolored(b.painting, picture(0), method, 0.6, chroma_moments(picture(1))))
    assert not torch.allclose(strong[-1].image, strong[-1].painting, atol=1e-3)


@pytest.mark.parametrize("method", PALETTE_METHODS)
def test_a_palette_is_where_colours_come_from(method):
    palette = picture(6, 20, 50)
    last = paint(recipe(color_method=method, color_strength=1.0, steps=2), palette=palette)[-1]
    assert torch.equal(last.image, recolored(last.painting, palette, method, 1.0))
    assert not torch.equal(last.image, recolored(last.painting, picture(0), method, 1.0))


@pytest.mark.parametrize("method", setting("color_method").choices)
def test_colours_that_are_brought_back_leave_the_kept_photo_alone(method):
    settings = recipe(color_method=method, color_strength=1.0, steps=2, init="noise")
    palette = picture(6) if method in PALETTE_METHODS else None
    for frame in paint(settings, palette=palette, masks=Masks(keep=halves()))[1:]:
        assert torch.equal(frame.image[..., :16], picture(0)[..., :16])
        source = picture(0) if palette is None else palette
        painting = frame.painting.lerp(picture(0), halves())
        recoloured = recolored(painting, source, method, 1.0, chroma_moments(picture(1)))
        assert torch.equal(frame.image[..., 16:], recoloured[..., 16:])


def test_the_artworks_colours_are_a_mixture_of_all_in_the_shares_that_they_have_at_the_moment():
    styles = [picture(1), picture(2, 20, 30), picture(3)]
    settings = recipe(color_method="artwork", color_strength=1.0, style_shares=(0.0, 1.0, 3.0), steps=4)
    turned = {2: replace(settings.weights, style_shares=(1.0, 1.0))}
    for frame in paint(settings, styles=styles, turns=turned):
        shares = (1.0, 1.0, 1.0) if frame.step >= 3 else (0.0, 1.0, 3.0)
        artwork = mix([chroma_moments(style) for style in styles], shares)
        assert torch.equal(frame.image, recolored(frame.painting, picture(0), "artwork", 1.0, artwork))


@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_colour_is_turned_from_one_frame_to_the_next_and_the_painting_goes_on_undisturbed(optimizer, averaging):
    settings = recipe(optimizer=optimizer, averaging=averaging, steps=6)
    turned = {2: replace(settings.weights, color_strength=1.0), 4: settings.weights}
    for frame, plain in zip(paint(settings, turns=turned), paint(settings)):
        assert torch.equal(frame.painting, plain.painting)
        strength = 1.0 if frame.step in (3, 4) else 0.0
        assert frame.weights.color_strength == strength
        assert torch.equal(frame.image, recolored(frame.painting, picture(0), "luminance", strength))


# ---------------------------------------------------------------------------------------------------------------- tiles


def seam(image):
    """Mean difference of opposite borders."""
    rows, columns = image[:, :, 0] - image[:, :, -1], image[..., 0] - image[..., -1]
    return float((rows.abs().mean() + columns.abs().mean()) / 2)


def inside(image):
    """Mean difference of neighbours that are not at the border."""
    return float((image.diff(dim=2).abs().mean() + image.diff(dim=3).abs().mean()) / 2)


def uneven():
    """Dark at one corner, light at the other: its borders differ."""
    slope = torch.linspace(0.1, 0.35, 48)
    return 0.9 * (slope[:, None] + slope[None]).expand(1, 3, 48, 48) + 0.1 * picture(0, 48, 48)


def tile_recipe(optimizer, **settings):
    layers = {"layer_weights": dict.fromkeys(STYLE_LAYERS[:3], 1.0), "content_layer": "relu3_1"}
    style = {"statistic": "mean_covariance", "style_weight": 5.0}
    return recipe(size=48, coarsest=48, content_weight=0.01, tv_weight=1.0, optimizer=optimizer, **layers, **style, **settings)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_painted_tile_has_no_seam(optimizer):
    settings, styles = tile_recipe(optimizer, steps=40), [picture(1, 64, 64)]
    plain, tiled = (paint(replace(settings, tiling=on), content=uneven(), styles=styles)[-1].image for on in (False, True))
    assert seam(plain) > 20 * inside(plain)
    assert seam(tiled) < seam(plain) / 5
    assert seam(tiled) < 3 * inside(tiled)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_tiling_is_turned_while_it_paints(optimizer):
    settings = tile_recipe(optimizer, steps=45)
    on = {5: replace(settings.weights, tiling=True)}
    frames = paint(settings, content=uneven(), styles=[picture(1, 64, 64)], turns=on)
    assert [frame.weights.tiling for frame in frames] == [False] * 6 + [True] * 40
    assert seam(frames[-1].image) < seam(frames[5].image) / 5


ASSETS = Path(__file__).parents[1] / "assets"


def painted(recipe, artwork, start=None):
    content = open_picture(ASSETS / "photos" / "coffee.jpg", recipe.size).image
    style = open_picture(ASSETS / "artworks" / f"{artwork}.jpg", 2 * recipe.size).image
    *_, last = stylize(content, [style], recipe, encoder=load_encoder("compact", "cpu"), start=start)
    return last.image


def excess(image):
    """How far the step across each border lies above the mean step inside, in standard deviations of those."""
    found = []
    for axis in (2, 3):
        steps = (image - image.roll(1, axis)).abs().mean([1, 5 - axis]).flatten()
        found.append(float((steps[0] - steps[1:].mean()) / steps[1:].std()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("artwork", "size"), [("orchard-linocut", 96), ("indigo-waves", 118)])
def test_a_tile_has_no_seam_even_in_black_and_white(artwork, size):
    image = painted(Recipe(size=size, steps=40, tiling=True), artwork)
    assert all(side % 16 == 0 and abs(side - size * share) <= 8 for side, share in zip(image.shape[2:], (2 / 3, 1), strict=True))
    assert sum(excess(image)) / 2 < 1.5 and max(excess(image)) < 2.5  # one may lie on an edge that the picture has there


def test_colours_that_are_brought_back_bring_no_seam_along():
    assert max(excess(painted(Recipe(size=96, steps=30, tiling=True, color_strength=1.0), "stained-glass"))) < 1.5


@pytest.mark.slow
def test_a_painting_that_is_no_tile_becomes_one_when_it_is_continued_as_a_tile():
    recipe = Recipe(size=96, steps=40)
    before = painted(recipe, "orchard-linocut")
    assert max(excess(before)) > 3 and not tiles(before)
    after = painted(replace(recipe, tiling=True, init="image", coarsest=96, steps=20), "orchard-linocut", before)
    assert max(excess(after)) < 1.5 and tiles(after)


def test_a_tile_keeps_its_photo_without_a_seam():
    from stylekit import Masks

    recipe = Recipe(size=96, steps=20, tiling=True)
    content = open_picture(ASSETS / "photos" / "coffee.jpg", 96).image
    style = open_picture(ASSETS / "artworks" / "orchard-linocut.jpg", 192).image
    mask = torch.ones(1, 1, *content.shape[2:])
    *_, last = stylize(content, [style], recipe, encoder=load_encoder("compact", "cpu"), masks=Masks(keep=mask))
    assert torch.allclose(last.image, tile(fit(content, (64, 96))), atol=1e-6) and max(excess(last.image)) < 1.5


# ------------------------------------------------------------------------------------------------------------ averaging


def averages(iterates, decay):
    """Of images so far: sum over i of decay^(n-i) x_i / sum over i of decay^(n-i)"""
    out = []
    for n in range(1, len(iterates) + 1):
        powers = decay ** np.arange(n - 1, -1, -1.0)
        out.append(sum(p * x for p, x in zip(powers, iterates)) / powers.sum())
    return out


@pytest.mark.parametrize("decay", [0.3, 0.999])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_is_shown_is_the_average_of_the_pictures_so_far(optimizer, decay):
    settings = recipe(optimizer=optimizer, steps=8, init="noise")
    plain, calm = paint(settings), paint(replace(settings, averaging=decay))
    expected = averages([array(frame.painting) for frame in plain[1:]], decay)
    assert torch.equal(calm[0].painting, plain[0].painting)
    for frame, average, raw in zip(calm[1:], expected, plain[1:]):
        np.testing.assert_allclose(array(frame.painting), average, atol=1e-5)
        assert frame.losses == raw.losses  # of the picture that is worked on


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_average_begins_anew_when_weights_are_turned(optimizer):
    settings = recipe(optimizer=optimizer, steps=8)
    turns = {4: replace(settings.weights, style_weight=20.0)}
    plain, calm = paint(settings, turns=turns), paint(replace(settings, averaging=0.9), turns=turns)
    raw = [array(frame.painting) for frame in plain[1:]]
    for frame, average in zip(calm[1:], averages(raw[:4], 0.9) + averages(raw[4:], 0.9)):
        np.testing.assert_allclose(array(frame.painting), average, atol=1e-5)


def test_a_new_size_starts_from_the_average_and_averages_anew():
    rate = 0.02  # Adam's largest first move, nearly
    settings = recipe(optimizer="adam", coarsest=16, size=32, steps=20, averaging=0.95, init="noise")
    frames = paint(settings)
    last = max(n for n, frame in enumerate(frames) if frame.level == 1)
    small, first = frames[last].painting, frames[last + 1].painting
    raw = paint(replace(settings, averaging=0.0))[last].painting
    assert small.shape[3] == 16 and first.shape[3] == 32
    assert (first - resized(small, 32, 32)).abs().max() <= 3 * rate
    assert (first - resized(small, 32, 32)).abs().mean() < (first - resized(raw, 32, 32)).abs().mean() / 2
