"""What a run needs is checked once, before anything is computed."""

import pickle
from dataclasses import replace
from itertools import islice

import pytest
import torch
from runs import LAYERS, finite, halves, paint, picture, recipe, same
from toy import Toy

import stylekit
from stylekit import Dials, Job, Masks, RecipeError, SizeError, UsageError, Weights, stylize
from stylekit.recipe import setting

# ------------------------------------------------------------------------------------------------ pictures and requests


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
@pytest.mark.parametrize("place", ["content", "second style", "start"])
def test_a_wrong_tensor_is_refused_at_the_call(encoder, wrong, place):
    pictures = {"content": picture(0), "second style": picture(1), "start": picture(2)} | {place: wrong}
    content, second, start = pictures.values()
    with pytest.raises(SizeError):
        stylize(content, [picture(1), second], recipe(init="image"), encoder=encoder, start=start)
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


@pytest.mark.parametrize("tiny", [picture(4, 1, 1), picture(4, 2, 3)])
def test_tiny_pictures_paint(tiny):
    assert torch.isfinite(paint(content=tiny)[-1].image).all()
    assert torch.isfinite(paint(styles=[tiny])[-1].image).all()


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


def test_what_an_encoder_has_not_is_refused_at_the_call():
    with pytest.raises(RecipeError, match="pooling"):
        stylize(picture(0), [picture(1)], recipe(pooling="l2"), encoder=Toy())


@pytest.mark.parametrize("method", ["luminance", "artwork"])
def test_a_palette_is_refused_where_colours_are_taken_place_by_place(method):
    assert method in setting("color_method").choices
    with pytest.raises(RecipeError, match="with a palette, choose another"):
        stylize(picture(0), [picture(1)], recipe(color_method=method), encoder=Toy(), palette=picture(6))


@pytest.mark.parametrize(
    "other",
    [
        {"layer_weights": {"relu1_1": 1.0}},
        {"layer_weights": {**LAYERS, "relu4_2": 0.0}},
        {"more_content_layers": {}},
        {"more_content_layers": {"relu1_1": 0.5, "relu2_1": 0.0}},
    ],
    ids=["fewer", "more", "no content layers", "more content layers"],
)
def test_other_layers_are_refused_by_the_dials_and_at_the_call(other):
    settings = recipe(more_content_layers={"relu1_1": 0.5})
    dials, wrong = Dials(settings.weights), replace(settings.weights, **other)
    with pytest.raises(RecipeError, match="layers"):
        dials.weights = wrong
    assert dials.weights == settings.weights
    with pytest.raises(RecipeError, match="layers"):
        stylize(picture(0), [picture(1)], settings, encoder=Toy(), dials=Dials(wrong))


# ---------------------------------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize("place", ["content", "style", "keep"])
def test_a_mask_of_another_aspect_ratio_is_refused_and_a_smaller_copy_is_not(place):
    for (height, width), fits in (((32, 32), True), ((31, 32), True), ((7, 7), True), ((32, 24), False), ((8, 32), False)):
        mask = torch.ones(1, 1, height, width) / 2
        masks = Masks(**{place: mask if place == "keep" else [mask]})
        if fits:
            paint(recipe(steps=1), masks=masks)
        else:
            with pytest.raises(SizeError, match=f"{width}x{height} pixels does not fit"):
                paint(recipe(steps=1), masks=masks)


MASK = torch.ones(1, 1, 32, 32)


@pytest.mark.parametrize("place", ["content", "style", "keep"])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (torch.ones(1, 3, 32, 32), r"mask.*\(1, 1, H, W\)"),
        (torch.ones(32, 32), "mask"),
        (torch.ones(2, 1, 32, 32), "mask"),
        (torch.ones(1, 1, 0, 32), "mask"),
        (torch.ones(1, 1, 32, 32, dtype=torch.uint8), "mask"),
        (torch.ones(1, 1, 32, 32, dtype=torch.bool), "mask"),
        (MASK * 1.01, "mask.*between 0 and 1"),
        (MASK - 1.01, "mask.*between 0 and 1"),
        (torch.full_like(MASK, torch.nan), "mask.*between 0 and 1"),
        (MASK * torch.inf, "mask.*between 0 and 1"),
    ],
    ids=["channels", "2-D", "batch", "empty", "uint8", "bool", "above 1", "below 0", "NaN", "inf"],
)
def test_wrong_masks_are_refused_at_the_call(place, wrong, words):
    masks = Masks(keep=wrong) if place == "keep" else Masks(**{place: [wrong]})
    with pytest.raises(SizeError, match=words):
        stylize(picture(0), [picture(1)], recipe(), encoder=Toy(), masks=masks)


@pytest.mark.parametrize("place", ["content", "style"])
def test_more_masks_than_styles_are_refused_and_fewer_are_not(place):
    with pytest.raises(RecipeError, match="2 masks for 1 styles"):
        stylize(picture(0), [picture(1)], recipe(), encoder=Toy(), masks=Masks(**{place: [MASK, None]}))
    paint(recipe(steps=1), styles=[picture(1), picture(2)], masks=Masks(**{place: [MASK]}))


@pytest.mark.parametrize("kind", [torch.float16, torch.float64])
def test_masks_of_any_float_type_are_accepted(kind):
    mask = halves().to(kind)
    masks, plain = Masks([mask], [mask], mask), Masks([halves()], [halves()], halves())
    one, other = (paint(recipe(steps=2), masks=m)[-1].image for m in (masks, plain))
    assert torch.equal(one, other)


def test_an_artwork_that_is_masked_altogether_is_refused():
    with pytest.raises(RecipeError, match="mask"):
        stylize(picture(0), [picture(1)], recipe(), encoder=Toy(), masks=Masks(style=[torch.zeros(1, 1, 32, 32)]))


# ------------------------------------------------------------------------------------------------------------ elsewhere


def test_a_job_can_be_sent_elsewhere():
    def painted(job):
        return list(stylekit.paint(job, encoder=Toy()))

    masks, turned = Masks(keep=halves()), recipe(keyframes=[{"at": 0.5, "style_weight": 8.0}])
    job = Job(picture(0), [picture(1)], turned, masks=masks)
    there = pickle.loads(pickle.dumps(job))
    assert torch.equal(painted(there)[-1].image, painted(job)[-1].image)
