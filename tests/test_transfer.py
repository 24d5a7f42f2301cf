"""The engine's contracts, on a tiny real encoder."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy import Toy, picture

from stylekit import Dials, Recipe, RecipeError, SizeError, stylize
from stylekit.statistics import mix, moments

CONTENT, STYLE = picture(1), picture(2, 48, 48)
BASE = Recipe(encoder="toy", size=48, steps=12, coarsest=24)


def run(recipe=BASE, content=CONTENT, styles=(STYLE,), encoder=None, **more):
    return stylize(content, list(styles), recipe, encoder=encoder or Toy(), **more)


def frames(*args, **more):
    return list(run(*args, **more))


# ------------------------------------------------------------------------------------------------- shape of a run


def test_frames_come_in_order_with_the_aspect_ratio_kept_and_the_size_asked_for():
    got = frames()
    assert [f.step for f in got] == list(range(13)) and {f.steps for f in got} == {12}
    assert [f.level for f in got] == sorted(f.level for f in got) and got[-1].level == got[-1].levels == 2
    assert got[0].image.shape == (1, 3, 17, 24) and got[-1].image.shape == (1, 3, 34, 48)
    for f in got:
        assert f.image.min() >= 0 and f.image.max() <= 1 and torch.isfinite(f.image).all()
    seconds = [f.seconds for f in got]
    assert seconds[0] == 0 and seconds == sorted(seconds)


def test_the_first_frame_comes_before_the_encoder_is_used():
    encoder = Toy()
    first = next(iter(run(encoder=encoder)))
    assert encoder.asked == [] and first.losses == {} and first.step == 0


def test_frames_own_their_images():
    stream = run()
    kept = [(f.image, f.image.clone()) for f in itertools.islice(stream, 6)]
    list(stream)
    assert all(torch.equal(image, copy) for image, copy in kept)
    assert not any(torch.equal(a[0], b[0]) for a, b in itertools.pairwise(kept))


def test_closing_stops_at_once_and_leaves_gradients_on():
    encoder = Toy()
    stream = run(encoder=encoder)
    list(itertools.islice(stream, 4))
    asked = len(encoder.asked)
    assert torch.is_grad_enabled()
    stream.close()
    assert len(encoder.asked) == asked and torch.is_grad_enabled() and next(stream, None) is None


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("init", ["content", "noise", "style", "image"])
def test_the_same_recipe_gives_the_same_picture_bit_for_bit(optimizer, init):
    recipe = replace(BASE, optimizer=optimizer, init=init, steps=6)
    more = {"start": picture(9)} if init == "image" else {}
    one, two = frames(recipe, **more)[-1], frames(recipe, **more)[-1]
    assert torch.equal(one.image, two.image) and one.losses == two.losses


def test_the_seed_matters_to_noise_and_to_nothing_else():
    def last(**changes):
        return frames(replace(BASE, steps=2, **changes))[-1].image

    assert not torch.equal(last(init="noise", seed=1), last(init="noise", seed=2))
    assert torch.equal(last(seed=1), last(seed=2))


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("picture_", "error"),
    [
        ((CONTENT * 255).byte(), SizeError),
        (CONTENT[0], SizeError),
        (CONTENT.repeat(2, 1, 1, 1), SizeError),
        (CONTENT * 2, SizeError),
        (CONTENT * float("nan"), SizeError),
        (CONTENT[..., :0], SizeError),
    ],
)
def test_wrong_tensors_are_refused_at_the_call(picture_, error):
    for arguments in ({"content": picture_}, {"styles": [picture_]}):
        with pytest.raises(error):
            run(**arguments)


def test_wrong_requests_are_refused_at_the_call():
    with pytest.raises(RecipeError, match="at least one style"):
        run(styles=[])
    with pytest.raises(RecipeError, match="no layer 'relu9_1'"):
        run(replace(BASE, content_layer="relu9_1"))
    with pytest.raises(RecipeError, match="asks for the encoder compact, but toy"):
        run(replace(BASE, encoder="compact"))
    with pytest.raises(RecipeError, match="Init image"):
        run(replace(BASE, init="image"))
    with pytest.raises(RecipeError, match="Init image"):
        run(start=CONTENT)
    with pytest.raises(RecipeError, match="layers stay the same"):
        run(dials=Dials(replace(BASE, layer_weights={"relu1_1": 1}).weights))


def test_a_picture_too_elongated_is_refused_with_the_numbers_and_paints_at_a_larger_size():
    strip = picture(3, 20, 600)
    with pytest.raises(SizeError, match=r"48x2 .* at least 16"):
        run(content=strip)
    got = frames(replace(BASE, size=480, steps=2), content=strip)
    assert got[-1].image.shape == (1, 3, 16, 480)


@pytest.mark.parametrize("tiny", [picture(4, 1, 1), picture(4, 2, 3)])
def test_tiny_pictures_paint(tiny):
    assert torch.isfinite(frames(content=tiny)[-1].image).all()
    assert torch.isfinite(frames(styles=[tiny])[-1].image).all()


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("statistic", ["gram", "mean_covariance"])
def test_flat_pictures_paint(value, statistic):
    flat = torch.full((1, 3, 30, 40), value)
    for arguments in ({"content": flat}, {"styles": [flat]}, {"content": flat, "styles": [flat]}):
        for frame in frames(replace(BASE, statistic=statistic, steps=6), **arguments)[1:]:
            assert torch.isfinite(frame.image).all() and all(np.isfinite(list(frame.losses.values())))


# ------------------------------------------------------------------------------------------------------ the dials


def test_a_turned_dial_changes_the_following_frames_and_not_the_earlier_ones():
    dials = Dials(BASE.weights)
    plain, turned = frames(), []
    louder = replace(BASE, style_weight=50.0).weights
    for frame in run(dials=dials):
        turned.append(frame)
        if frame.step == 5:
            dials.weights = louder
    for a, b in zip(plain[:6], turned[:6], strict=True):
        assert torch.equal(a.image, b.image) and b.weights == BASE.weights
    for a, b in zip(plain[6:], turned[6:], strict=True):
        assert not torch.equal(a.image, b.image) and b.weights == louder


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
    assert len(list(stream)) == 10


def test_what_has_no_weight_costs_nothing():
    encoder = Toy()
    shallow = {**dict.fromkeys(BASE.layer_weights, 0.0), "relu1_1": 1.0, "relu2_1": 1.0}
    frames(replace(BASE, content_weight=0, layer_weights=shallow), encoder=encoder)
    assert set(encoder.deepest) == {"relu2_1"}
    encoder = Toy()
    frames(replace(BASE, style_weight=0), encoder=encoder)
    assert set(encoder.deepest) == {"relu4_2"} and all(asked == ["relu4_2"] for asked in encoder.asked)


def test_a_run_without_any_weight_leaves_the_picture_as_it_is():
    got = frames(replace(BASE, content_weight=0, style_weight=0, tv_weight=0, coarsest=48))
    assert len(got) == 13 and torch.equal(got[0].image, got[-1].image)


# ----------------------------------------------------------------------------------------------------- the losses


def arrays(image, encoder, layers):
    return {k: v[0].double().numpy() for k, v in encoder(image, layers).items()}


def statistics(f):
    f = f.reshape(len(f), -1)
    mean = f.mean(1)
    return mean, f @ f.T / f.shape[1], (f - mean[:, None]) @ (f - mean[:, None]).T / f.shape[1]


def share(a, b):
    return ((a - b) ** 2).sum() / (b**2).sum()


@pytest.mark.parametrize("statistic", ["gram", "mean_covariance"])
def test_the_losses_of_a_frame_are_the_formulas_of_its_own_image(statistic):
    layers = {"relu1_1": 0.5, "relu2_1": 1.0, "relu3_1": 2.0, "relu4_1": 0.25}
    recipe = replace(BASE, statistic=statistic, layer_weights=layers, optimizer="adam", coarsest=48, size=56, tv_weight=0.1)
    encoder, content = Toy(), picture(1, 40, 56)
    last = frames(recipe, content=content, encoder=encoder)[-1]
    x, c, s = (arrays(p, encoder.variant(recipe.padding), [*layers, "relu4_2"]) for p in (last.image, content, STYLE))
    expected = {}
    for layer in layers:
        (m, g, v), (ms, gs, vs) = statistics(x[layer]), statistics(s[layer])
        expected[layer] = share(g, gs) if statistic == "gram" else 0.5 * share(v, vs) + 0.5 * share(m, ms)
    expected["style"] = sum(layers[k] * expected[k] for k in layers) / 4
    spread = c["relu4_2"] - c["relu4_2"].mean((1, 2), keepdims=True)
    expected["content"] = ((x["relu4_2"] - c["relu4_2"]) ** 2).sum() / (spread**2).sum()
    expected["tv"] = variation(last.image) / variation(content)
    assert last.losses == pytest.approx(expected, rel=1e-3)


def variation(image):
    x = image[0].double().numpy()
    return (np.diff(x, axis=1) ** 2).mean() + (np.diff(x, axis=2) ** 2).mean()


def test_the_gatys_formulation_has_the_papers_constants():
    recipe = replace(BASE, statistic="gram", formulation="gatys", optimizer="adam", coarsest=48, size=56, style_weight=1e3)
    encoder, content, style = Toy(), picture(1, 40, 56), picture(2, 40, 56)
    last = frames(recipe, content=content, styles=[style], encoder=encoder)[-1]
    layers = list(recipe.layer_weights)
    x, c, s = (arrays(p, encoder.variant(recipe.padding), [*layers, "relu4_2"]) for p in (last.image, content, style))
    for layer in layers:
        f, t = (a[layer].reshape(len(a[layer]), -1) for a in (x, s))
        n, m = f.shape
        assert last.losses[layer] == pytest.approx(((f @ f.T - t @ t.T) ** 2).sum() / (4 * n**2 * m**2), rel=1e-3)
    assert last.losses["content"] == pytest.approx(0.5 * ((x["relu4_2"] - c["relu4_2"]) ** 2).sum(), rel=1e-3)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize(
    ("changes", "term"),
    [
        ({"style_weight": 0, "init": "noise"}, "content"),
        ({"content_weight": 0, "statistic": "gram"}, "style"),
        ({"content_weight": 0, "statistic": "mean_covariance"}, "style"),
        ({"content_weight": 0, "style_weight": 0, "tv_weight": 1.0}, "tv"),
    ],
)
def test_each_optimizer_lowers_each_loss(optimizer, changes, term):
    got = frames(replace(BASE, optimizer=optimizer, coarsest=48, steps=40, **changes))
    assert got[-1].losses[term] < 0.5 * got[1].losses[term]


def test_total_is_what_the_weights_say():
    """With the style alone, doubling beta and halving every layer weight is the same objective, hence the same picture."""
    half = dict.fromkeys(BASE.layer_weights, 0.5)
    one = frames(replace(BASE, style_weight=4.0))[-1]
    two = frames(replace(BASE, style_weight=8.0, layer_weights=half))[-1]
    assert (one.image - two.image).abs().max() < 1e-3
    assert one.losses["style"] == pytest.approx(2 * two.losses["style"], rel=1e-2)


def test_several_styles_are_mixed_as_if_they_were_one_picture():
    encoder, a, b = Toy(), picture(5, 48, 48), picture(6, 48, 48)
    recipe = replace(BASE, content_weight=0, coarsest=48, optimizer="adam", statistic="gram")
    first = frames(recipe, styles=[a, b], encoder=encoder)[1]
    seen = encoder.variant(recipe.padding)
    for layer in recipe.layer_weights:
        mixed = mix([moments(seen(p, [layer])[layer]) for p in (a, b)])
        mine = moments(seen(first.image, [layer])[layer])
        assert first.losses[layer] == pytest.approx(share(mine.second.numpy(), mixed.second.numpy()), rel=1e-3)


def test_init_image_starts_from_the_image_and_init_style_from_the_style():
    start = picture(8, 34, 48)
    first = frames(replace(BASE, init="image", coarsest=48), start=start)[0]
    assert torch.equal(first.image, start)
    first = frames(replace(BASE, init="style", coarsest=48))[0]
    assert (first.image.mean((2, 3)) - STYLE[:, :, 7:41].mean((2, 3))).abs().max() < 0.02
