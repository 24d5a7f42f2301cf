"""The loop at its edges: odd pictures and requests, every weight at zero and back, total and gradient by formulas in NumPy."""

import math
from contextlib import closing
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import toy
from toy import Toy

from stylekit import Dials, Recipe, RecipeError, SizeError, UsageError, Weights, stylize
from stylekit.objective import Objective
from stylekit.pyramid import levels

OPTIMIZERS = ("lbfgs", "adam")
INITS = ("content", "noise", "style", "image")
SETTINGS = [("mean_covariance", "relative"), ("gram", "relative"), ("gram", "gatys")]
"""(statistic, formulation)"""
LAYERS = {"relu1_1": 1.0, "relu2_1": 0.5, "relu3_1": 2.0, "relu4_1": 1.0, "relu5_1": 0.25}


def picture(seed=0, height=32, width=32):
    return toy.picture(seed, height, width)


def flat(value, height=32, width=32):
    return torch.full((1, 3, height, width), value)


def recipe(**settings):
    """A short recipe of one level."""
    return Recipe(**({"encoder": "toy", "size": 32, "steps": 4, "coarsest": 32, "padding": "zeros"} | settings))


@pytest.fixture
def encoder():
    return Toy()


def paint(a_recipe=None, *, encoder=None, content=None, styles=None, **more):
    """All frames of a run of pictures of 32x32."""
    content = picture(0) if content is None else content
    styles = [picture(1)] if styles is None else styles
    if a_recipe is None:
        a_recipe = recipe()
    if a_recipe.init == "image":
        more.setdefault("start", picture(2))
    return list(stylize(content, styles, a_recipe, encoder=encoder or Toy(), **more))


def run(a_recipe=None, *, encoder, **more):
    return stylize(picture(0), [picture(1)], recipe() if a_recipe is None else a_recipe, encoder=encoder, **more)


def same(frames, others):
    """Whether two runs gave the same, bit for bit."""
    return len(frames) == len(others) and all(
        torch.equal(a.image, b.image) and a.losses == b.losses and a.weights == b.weights for a, b in zip(frames, others)
    )


def finite(frames):
    """Whether each picture and each loss is finite, and each picture within [0, 1]."""
    return all(
        f.image.isfinite().all() and f.image.min() >= 0 and f.image.max() <= 1 and all(map(math.isfinite, f.losses.values()))
        for f in frames
    )


# ------------------------------------------------------------------------------------------- the oracle: plain NumPy


def array(tensor):
    return tensor.detach().cpu().numpy().astype(np.float64)


def matrix(features):
    """C x M in float64."""
    return array(features)[0].reshape(features.shape[1], -1)


def numpy_tv(image):
    x = array(image)
    return ((x[:, :, 1:] - x[:, :, :-1]) ** 2).mean() + ((x[:, :, :, 1:] - x[:, :, :, :-1]) ** 2).mean()


def numpy_moments(features_of_each):
    """Mean and second moment, averaged over pictures."""
    all_f = [matrix(f) for f in features_of_each]
    return np.mean([f.mean(1) for f in all_f], 0), np.mean([f @ f.T / f.shape[1] for f in all_f], 0)


def numpy_losses(image, content, styles, weights, a_recipe, encoder):
    """(total, terms) as the formulas have it, for pictures that have the image's size already."""
    gatys = a_recipe.formulation == "gatys"
    used = [layer for layer, weight in weights.layer_weights.items() if weight] if weights.style_weight else []
    asked = {*used, a_recipe.content_layer}
    of_image, of_content, of_styles = encoder(image, asked), encoder(content, asked), [encoder(s, asked) for s in styles]
    terms = {"tv": numpy_tv(image) / (1 if gatys else numpy_tv(content))}
    total = weights.tv_weight * terms["tv"]
    if weights.content_weight:
        f, p = matrix(of_image[a_recipe.content_layer]), matrix(of_content[a_recipe.content_layer])
        distance = ((f - p) ** 2).sum()
        terms["content"] = distance / 2 if gatys else distance / ((p - p.mean(1, keepdims=True)) ** 2).sum()
        total += weights.content_weight * terms["content"]
    if used:
        for layer in used:
            (m, g), (m_s, g_s) = numpy_moments([of_image[layer]]), numpy_moments([s[layer] for s in of_styles])
            c, c_s = g - np.outer(m, m), g_s - np.outer(m_s, m_s)
            if gatys:  # the paper's sums: 1/(4 N^2 M^2) sum (F F^T - S S^T)^2
                n, places = matrix(of_image[layer]).shape
                terms[layer] = ((g * places - g_s * places) ** 2).sum() / (4 * n**2 * places**2)
            elif a_recipe.statistic == "gram":
                terms[layer] = ((g - g_s) ** 2).sum() / (g_s**2).sum()
            else:
                terms[layer] = ((c - c_s) ** 2).sum() / (c_s**2).sum() / 2 + ((m - m_s) ** 2).sum() / (m_s**2).sum() / 2
        terms["style"] = sum(weights.layer_weights[layer] * terms[layer] for layer in used) / len(used)
        total += weights.style_weight * terms["style"]
    return total, terms


# ------------------------------------------------------------------------------------------------ checks at the call


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param((picture(0) * 255).to(torch.uint8), id="uint8"),
        pytest.param(picture(0)[0], id="3-D"),
        pytest.param(picture(0).repeat(2, 1, 1, 1), id="batch of two"),
        pytest.param(torch.rand(1, 4, 32, 32), id="four channels"),
        pytest.param(torch.rand(1, 32, 32, 3), id="channels last"),
        pytest.param(torch.empty(1, 3, 0, 32), id="empty"),
        pytest.param(picture(0).where(picture(0) < picture(0).max(), torch.nan), id="NaN"),
        pytest.param(picture(0).where(picture(0) < picture(0).max(), torch.inf), id="inf"),
        pytest.param(picture(0) * 255, id="above 1"),
        pytest.param(picture(0) - 0.5, id="below 0"),
    ],
)
@pytest.mark.parametrize("place", ["second style", "start"])
def test_a_wrong_tensor_is_refused_at_the_call(encoder, wrong, place):
    second, settings, more = (picture(1), recipe(init="image"), {"start": wrong}) if place == "start" else (wrong, recipe(), {})
    with pytest.raises(SizeError):
        stylize(picture(0), [picture(1), second], settings, encoder=encoder, **more)
    assert not encoder.asked


@pytest.mark.parametrize(
    ("settings", "more", "words"),
    [
        ({"encoder": "vgg19"}, {}, "vgg19"),
        ({"content_layer": "relu9_9"}, {}, "relu9_9"),
        ({"layer_weights": {"relu1_1": 1.0, "conv7": 1.0}}, {}, "conv7"),
        ({"layer_weights": {"conv7": 0.0}}, {}, "conv7"),
        ({}, {"start": picture(2)}, "start"),
        ({"init": "image"}, {}, "start"),
        ({}, {"dials": Dials(Weights(1, 1, 1, {"relu1_1": 1.0}))}, "layers"),
        ({}, {"styles": []}, "style"),
    ],
    ids=["encoder", "content layer", "style layer", "unused style layer", "start", "no start", "dials", "no style"],
)
def test_a_wrong_request_is_refused_at_the_call(encoder, settings, more, words):
    styles = more.pop("styles", [picture(1)])
    with pytest.raises(RecipeError, match=words):
        stylize(picture(0), styles, recipe(**settings), encoder=encoder, **more)
    assert not encoder.asked


def test_a_single_tensor_for_the_styles_is_refused_as_a_request_or_painted_with(encoder):
    try:
        frames = list(islice(stylize(picture(0), picture(1), recipe(), encoder=encoder), 2))
    except UsageError:
        assert not encoder.asked
    else:
        assert same(frames, paint()[:2])


@pytest.mark.parametrize("kind", [torch.float64, torch.float16], ids=str)
def test_pictures_of_another_float_type_are_painted_or_refused_at_the_call(encoder, kind):
    content, style = picture(0).to(kind), picture(1).to(kind)
    try:
        frames = stylize(content, [style], recipe(), encoder=encoder)
    except UsageError:
        return
    assert finite(list(frames))


def test_a_picture_that_is_part_of_a_graph_is_painted_like_any_other():
    content = picture(0, 48, 40).requires_grad_(True)
    settings = recipe(tv_weight=0.1)
    assert same(paint(settings, content=content), paint(settings, content=content.detach()))
    assert content.grad is None


def test_nothing_is_computed_before_the_first_frame_is_asked_for_nor_for_it(encoder):
    frames = run(encoder=encoder)
    assert not encoder.asked
    first = next(frames)
    assert first.step == 0 and not encoder.asked
    next(frames)
    assert encoder.asked


# ------------------------------------------------------------------------------------------------------------ frames


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("shape", [(32, 32), (100, 61), (40, 333), (17, 16)])
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


# -------------------------------------------------------------------------------------------------- where it begins


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


# ------------------------------------------------------------------------------------------------------------- dials


def turned_at(when, settings, turn, encoder=None):
    """Frames of a run whose dials are turned after frame `when`, by `turn(weights) -> weights`."""
    dials, frames = Dials(settings.weights), []
    for frame in run(settings, encoder=encoder or Toy(), dials=dials):
        frames.append(frame)
        if frame.step == when:
            dials.weights = turn(dials.weights)
    return frames


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("when", [0, 3, 5])
def test_a_dial_turned_after_a_frame_changes_the_following_frames_and_no_earlier_one(optimizer, when):
    settings = recipe(steps=8, optimizer=optimizer, content_weight=0.1)
    loud = replace(settings.weights, content_weight=20.0)
    turned, plain = turned_at(when, settings, lambda _: loud), paint(settings)
    assert same(turned[: when + 1], plain[: when + 1])
    signs_only = optimizer == "adam" and when == 0  # its very first move knows the gradient's signs alone
    for a, b in list(zip(turned, plain))[when + 1 + signs_only :]:
        assert not torch.equal(a.image, b.image)
    assert [f.weights for f in turned] == [settings.weights] * (when + 1) + [loud] * (8 - when)
    assert turned[-1].losses["content"] < plain[-1].losses["content"]


def test_dials_that_are_assigned_the_same_weights_change_nothing():
    settings = recipe(steps=6)
    equal = Weights(
        *(getattr(settings.weights, name) for name in ("content_weight", "style_weight", "tv_weight")),
        dict(settings.layer_weights),
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
        _, terms = numpy_losses(frame.image, picture(0), [picture(1)], frame.weights, settings, Toy())
        assert frame.losses == pytest.approx(terms, rel=1e-4, abs=1e-7)


# ------------------------------------------------------------------------------------------------ stopping, and torch


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_no_torch_mode_is_left_on_between_frames_nor_after_a_close(encoder, optimizer, steps):
    with closing(run(recipe(steps=50, optimizer=optimizer), encoder=encoder)) as frames:
        for _ in islice(frames, steps + 1):
            assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    x = torch.ones(1, requires_grad=True)
    (3 * x).backward()
    assert x.grad == 3


# --------------------------------------------------------------------------------------------------- what is computed


def test_targets_are_looked_at_once_per_level_and_the_picture_once_per_step(encoder):
    settings = recipe(size=60, coarsest=20, steps=9, optimizer="adam")
    frames = paint(settings, encoder=encoder, styles=[picture(1), picture(2)])
    assert frames[-1].levels == 3
    targets_and_first_look = 3 + 1  # content, two styles; the picture as it is at a new size
    assert len(encoder.asked) == 9 + 3 * targets_and_first_look


# ------------------------------------------------------------------------------------------------ losses, by formulas


@pytest.mark.parametrize(("statistic", "formulation"), SETTINGS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_total_and_terms_are_those_of_the_formulas_in_float64(statistic, formulation, count):
    encoder = Toy().double()
    settings = recipe(statistic=statistic, formulation=formulation, layer_weights=LAYERS)
    image, content, *styles = (picture(seed).double() for seed in range(9, 11 + count))
    objective = Objective(content, styles, settings, encoder)
    zero_layer = {**LAYERS, "relu2_1": 0.0}
    for weights in (
        Weights(0.7, 3.0, 0.2, LAYERS),
        Weights(1.0, 0.0, 0.0, LAYERS),
        Weights(0.0, 2.0, 0.0, zero_layer),
        Weights(0.0, 0.0, 5.0, LAYERS),
        Weights(1e6, 1e9, 1e-3, zero_layer),
        Weights(0.0, 0.0, 0.0, LAYERS),
    ):
        total, terms = objective(image, weights)
        expected_total, expected = numpy_losses(image, content, styles, weights, settings, encoder)
        assert float(total) == pytest.approx(expected_total, rel=1e-9, abs=1e-12)
        assert {name: float(loss) for name, loss in terms.items()} == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("statistic", "formulation"), SETTINGS)
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


@pytest.mark.parametrize("statistic", ["mean_covariance", "gram"])
def test_two_styles_are_mixed_by_their_moments_as_if_they_were_one_picture(statistic):
    one, two = picture(1), picture(2)
    encoder = Toy()
    settings = recipe(statistic=statistic, layer_weights={"relu1_1": 1.0}, content_layer="relu1_1")
    weights = Weights(0, 1, 0, {"relu1_1": 1.0})
    _, mixed = Objective(picture(0), [one, two], settings, encoder)(picture(0), weights)
    _, alone = Objective(picture(0), [one], settings, encoder)(picture(0), weights)
    _, other = Objective(picture(0), [two], settings, encoder)(picture(0), weights)
    _, twice = Objective(picture(0), [one, one], settings, encoder)(picture(0), weights)
    assert float(twice["style"]) == pytest.approx(float(alone["style"]), rel=1e-5)
    assert abs(float(mixed["style"]) - (float(alone["style"]) + float(other["style"])) / 2) > 1e-3 * float(mixed["style"])
    # features of both at once, as a picture with each in half of its places would have
    m, g = numpy_moments([torch.cat([encoder(s, ["relu1_1"])["relu1_1"] for s in (one, two)], 3)])
    m_x, g_x = numpy_moments([encoder(picture(0), ["relu1_1"])["relu1_1"]])
    c, c_x = g - np.outer(m, m), g_x - np.outer(m_x, m_x)
    expected = {
        "gram": ((g_x - g) ** 2).sum() / (g**2).sum(),
        "mean_covariance": ((c_x - c) ** 2).sum() / (c**2).sum() / 2 + ((m_x - m) ** 2).sum() / (m**2).sum() / 2,
    }
    assert float(mixed["style"]) == pytest.approx(expected[statistic], rel=1e-4)


def test_the_order_of_two_styles_does_not_matter_but_both_do():
    settings, (one, two) = recipe(steps=3), (picture(1), picture(2))
    both = paint(settings, styles=[one, two])[-1].image
    assert torch.allclose(both, paint(settings, styles=[two, one])[-1].image, atol=1e-4)
    assert not torch.allclose(both, paint(settings, styles=[one])[-1].image, atol=1e-3)
    assert not torch.allclose(both, paint(settings, styles=[two])[-1].image, atol=1e-3)


def test_the_paintings_gradient_is_the_weighted_sum_of_the_terms_gradients():
    encoder, settings = Toy().double(), recipe(layer_weights=LAYERS)
    content, style, image = (picture(seed).double() for seed in (0, 1, 2))
    objective = Objective(content, [style], settings, encoder)

    def gradient(*weights):
        x = image.clone().requires_grad_(True)
        objective(x, Weights(*weights, LAYERS))[0].backward()
        return x.grad

    parts = 2 * gradient(1, 0, 0) + 3 * gradient(0, 1, 0) + 0.5 * gradient(0, 0, 1)
    assert torch.allclose(gradient(2, 3, 0.5), parts, rtol=1e-9, atol=1e-15)


# ----------------------------------------------------------------------------------------------- does it lower them?


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("statistic", "formulation"), SETTINGS)
@pytest.mark.parametrize("term", ["content_weight", "style_weight", "tv_weight"])
def test_each_optimizer_lowers_each_term_on_its_own_from_noise(optimizer, statistic, formulation, term):
    weights = Weights(**({"content_weight": 0, "style_weight": 0, "tv_weight": 0, "layer_weights": LAYERS} | {term: 1.0}))
    settings = recipe(steps=40, optimizer=optimizer, init="noise", statistic=statistic, formulation=formulation)
    settings = settings.with_weights(weights)
    frames = paint(settings)
    _, before = numpy_losses(frames[0].image, picture(0), [picture(1)], weights, settings, Toy())
    _, after = numpy_losses(frames[-1].image, picture(0), [picture(1)], weights, settings, Toy())
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


# ---------------------------------------------------------------------------------------------------- odd pictures


@pytest.mark.parametrize("shape", [(20, 600), (600, 20), (1, 400), (7, 300)])
@pytest.mark.parametrize("size", [16, 64, 600])
def test_a_very_elongated_content_is_painted_or_refused_with_the_numbers(encoder, shape, size):
    content = picture(0, *shape)
    shorter = max(1, round(size * min(shape) / max(shape)))
    if shorter < 16:
        with pytest.raises(SizeError) as caught:
            stylize(content, [picture(1)], recipe(size=size, coarsest=16), encoder=encoder)
        sides = f"{size}x{shorter}" if shape[1] > shape[0] else f"{shorter}x{size}"
        assert sides in str(caught.value) and "16" in str(caught.value)
    else:
        frames = paint(recipe(size=size, coarsest=16, steps=3), encoder=encoder, content=content)
        assert finite(frames) and sorted(frames[-1].image.shape[2:]) == [shorter, size]


def test_an_elongated_content_is_painted_where_only_shallow_layers_are_asked_for(encoder):
    settings = recipe(size=32, coarsest=16, layer_weights={"relu1_1": 1.0}, content_layer="relu1_1", tv_weight=0.1)
    for shape in [(1, 64), (64, 1)]:
        frames = paint(settings, encoder=encoder, content=picture(0, *shape))
        assert finite(frames) and sorted(frames[-1].image.shape[2:]) == [1, 32]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (15, 15)])
@pytest.mark.parametrize("init", ["content", "style"])
def test_a_tiny_or_elongated_style_is_painted_with(encoder, shape, init):
    frames = paint(recipe(init=init), encoder=encoder, styles=[picture(1, *shape)])
    assert finite(frames) and len(frames) == 5


def test_a_style_is_seen_no_larger_than_the_picture_and_never_enlarged_without_need(encoder):
    seen = []
    encoder.register_forward_pre_hook(lambda _, arguments: seen.append(tuple(arguments[0].shape[2:])))
    paint(encoder=encoder, styles=[picture(1, 300, 200), picture(2, 20, 18), picture(3, 8, 4)])
    assert seen[:4] == [(32, 32), (32, 21), (20, 18), (32, 16)]  # content, then each style


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("pictures", ["black content", "black style", "both black", "both grey", "white on black"])
@pytest.mark.parametrize(("statistic", "formulation"), SETTINGS)
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
