"""What steers a painting beyond its weights: several artworks, brushes, layers, masks, colours, tiles, averages, presets.

Oracles are NumPy in float64, written from the formulas in losses.py, recipe.py and in the programs that presets are named for.
"""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import toy
from toy import Small19, Toy

from stylekit import PRESETS, Dials, Masks, Recipe, RecipeError, SizeError, Weights, stylize
from stylekit.color import recolored
from stylekit.formulations import BY_NAME as FORMULATIONS
from stylekit.objective import Objective
from stylekit.recipe import CONTENT_LAYERS, LIVE, SETTINGS, STYLE_LAYERS, Choice, setting
from stylekit.resize import tile
from stylekit.statistics import _directions

OPTIMIZERS = ("lbfgs", "adam")
STATISTICS = ("mean_covariance", "gram", "covariance", "mean_variance", "wasserstein", "sliced")
LAYERS = dict(zip(STYLE_LAYERS, (1.0, 0.5, 2.0, 1.0, 0.25)))


def picture(seed=0, height=32, width=32):
    return toy.picture(seed, height, width)


def recipe(**settings):
    """A short recipe of one level."""
    return Recipe(**({"encoder": "toy", "size": 32, "steps": 4, "coarsest": 32, "padding": "zeros"} | settings))


def paint(settings, *, content=None, styles=None, encoder=None, turns=None, **more):
    """All frames of a run of pictures of 32x32; `turns` are {step: weights from after its frame on}."""
    content = picture(0) if content is None else content
    dials, frames = more.pop("dials", Dials(settings.weights)), []
    if settings.init == "image":
        more.setdefault("start", picture(2))
    for frame in stylize(content, styles or [picture(1)], settings, encoder=encoder or Toy(), dials=dials, **more):
        frames.append(frame)
        if turns and frame.step in turns:
            dials.weights = turns[frame.step]
    return frames


def objective(settings, styles, content=None, **more):
    """In float64; the function weights -> {name: loss} of picture 9."""
    content = picture(0).double() if content is None else content
    whole = Objective(content, [s.double() for s in styles], settings, Toy().double(), **more)

    def losses(image=None, **weights):
        image = picture(9, *content.shape[2:]).double() if image is None else image
        total, terms = whole(image, replace(settings.weights, **weights))
        return {"total": float(total)} | {name: float(loss) for name, loss in terms.items()}

    return losses


def resized(image, height, width):
    """What "the picture at this size" means: torch's bicubic with antialiasing, within [0, 1]."""
    return torch.nn.functional.interpolate(image, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


# ------------------------------------------------------------------------------------------- the oracle: plain NumPy


def array(tensor):
    return tensor.detach().cpu().numpy().astype(np.float64)


def matrices(image, layers=STYLE_LAYERS, encoder=None):
    """{layer: F, C x M}"""
    features = (encoder or Toy()).double()(image.double(), layers)
    return {layer: array(f)[0].reshape(f.shape[1], -1) for layer, f in features.items()}


def remembered(statistic, f, guide=None):
    """What a statistic remembers of F (C, M), as arrays; `guide` (M,) for moments alone."""
    if statistic == "sliced":
        return (np.sort(_directions(len(f)).numpy() @ f),)
    g = np.ones(f.shape[1]) if guide is None else guide.ravel()
    return f @ g / g.sum(), np.einsum("m,im,jm->ij", g, f, f) / g.sum()


def mixed(parts, shares):
    return tuple(sum(share * p for share, p in zip(shares, arrays)) / sum(shares) for arrays in zip(*parts))


def distance(statistic, x, s):
    """The relative loss of one layer, of what is remembered."""
    if statistic == "sliced":  # sizes of which the number of locations divides LEVELS: each location is as wide as the other
        return squares(x[0] - s[0]) / squares(s[0])
    (m, g), (m_s, g_s) = x, s
    if statistic == "gram":
        return squares(g - g_s) / squares(g_s)
    c, c_s = g - np.outer(m, m), g_s - np.outer(m_s, m_s)
    means = squares(m - m_s) / squares(m_s)
    if statistic == "wasserstein":
        return travel(m, c, m_s, c_s) / np.trace(g_s)
    if statistic == "mean_variance":
        return 0.5 * squares(np.diag(c - c_s)) / squares(np.diag(c_s)) + 0.5 * means
    covariances = squares(c - c_s) / squares(c_s)
    return covariances if statistic == "covariance" else 0.5 * covariances + 0.5 * means


def squares(x):
    return float((x**2).sum())


def travel(m, c, m_s, c_s):
    """Squared Wasserstein-2 distance of two Gaussians."""
    root = square_root(c_s)
    return squares(m - m_s) + np.trace(c + c_s - 2 * square_root(root @ c @ root))


def square_root(c):
    """Of a symmetric matrix, singular or not."""
    values, axes = np.linalg.eigh(c)
    return axes * np.sqrt(np.maximum(values, 0)) @ axes.T


def style_losses(statistic, styles, shares, image=None):
    """{layer: loss} of the image from styles mixed in `shares`, numbers or {layer: numbers}."""
    seen = [matrices(s) for s in styles]
    losses = {}
    for layer, f in matrices(picture(9) if image is None else image).items():
        mine = shares[layer] if isinstance(shares, dict) else shares
        target = mixed([remembered(statistic, s[layer]) for s in seen], mine)
        losses[layer] = distance(statistic, remembered(statistic, f), target)
    return losses


def layers_of(terms):
    return {layer: terms[layer] for layer in STYLE_LAYERS}


# ---------------------------------------------------------------------------------------------------------- several styles


@pytest.mark.parametrize("statistic", STATISTICS)
def test_shares_mix_what_is_remembered_of_the_styles_and_are_read_at_every_call(statistic):
    styles = [picture(1), picture(2), picture(3)]
    see = objective(recipe(statistic=statistic, layer_weights=LAYERS), styles)
    for shares, ratios in [
        ((), (1, 1, 1)),
        ((2.0, 1.0, 1.0), (0.5, 0.25, 0.25)),
        ((200.0, 100.0, 100.0), (0.5, 0.25, 0.25)),
        ((0.5,), (0.5, 1, 1)),  # a style that is not named has 1
        ((0.0, 3.0, 1.0), (0, 0.75, 0.25)),
        ((0.0, 0.0, 0.0), (1, 1, 1)),
        ((), (1, 1, 1)),  # and back
    ]:
        expected = style_losses(statistic, styles, ratios)
        terms = see(style_shares=shares)
        assert layers_of(terms) == pytest.approx(expected, rel=1e-6)
        total = sum(LAYERS[layer] * loss for layer, loss in expected.items()) / len(LAYERS)
        assert terms["style"] == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_style_whose_share_is_0_is_as_if_it_were_not_there(statistic):
    settings = recipe(statistic=statistic)
    one, two = picture(1), picture(2)
    assert objective(settings, [one, two])(style_shares=(0.0, 0.3)) == pytest.approx(objective(settings, [two])(), rel=1e-12)


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
        expected = style_losses("mean_covariance", styles, shares, frame.painting)
        assert layers_of(frame.losses) == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_a_split_gives_each_layer_the_styles_that_are_at_home_near_its_depth():
    styles = [picture(1), picture(2)]
    see = objective(recipe(), styles)
    for split in (0.0, 0.3, 1.0):
        # style 1 fades from the shallowest of five layers to the deepest, style 2 the other way; what is not split is equal
        shares = {layer: ((1 - split) + split * (1 - n / 4), (1 - split) + split * n / 4) for n, layer in enumerate(STYLE_LAYERS)}
        assert layers_of(see(style_split=split)) == pytest.approx(style_losses("mean_covariance", styles, shares), rel=1e-6)


def test_wholly_split_two_styles_are_alone_at_the_ends_and_equal_in_the_middle():
    one, two = picture(1), picture(2)
    split = objective(recipe(), [one, two])(style_split=1.0)
    first, second, both = (objective(recipe(), styles)() for styles in ([one], [two], [one, two]))
    assert split["relu1_1"] == pytest.approx(first["relu1_1"], rel=1e-12)
    assert split["relu5_1"] == pytest.approx(second["relu5_1"], rel=1e-12)
    assert split["relu3_1"] == pytest.approx(both["relu3_1"], rel=1e-12)
    between = [split[layer] for layer in ("relu2_1", "relu4_1")]
    assert between != pytest.approx([both[layer] for layer in ("relu2_1", "relu4_1")], rel=1e-3)


def test_wholly_split_three_styles_have_the_first_middle_and_last_layer():
    styles = [picture(1), picture(2), picture(3)]
    split = objective(recipe(), styles)(style_split=1.0)
    for layer, style in zip(("relu1_1", "relu3_1", "relu5_1"), styles):
        assert split[layer] == pytest.approx(objective(recipe(), [style])()[layer], rel=1e-12)


def test_a_split_where_the_style_at_home_has_no_share_falls_back_on_the_others():
    one, two = picture(1), picture(2)
    terms = objective(recipe(), [one, two])(style_split=1.0, style_shares=(1.0, 0.0))
    assert layers_of(terms) == pytest.approx(layers_of(objective(recipe(), [one])()), rel=1e-12)


def test_one_style_or_one_layer_may_be_split():
    one, two = picture(1), picture(2)
    assert objective(recipe(), [one])(style_split=1.0) == pytest.approx(objective(recipe(), [one])(), rel=1e-12)
    for layer, style in (("relu1_1", one), ("relu5_1", two)):  # a layer is as deep as it is, whatever others there are
        single = recipe(layer_weights={layer: 1.0})
        terms = objective(single, [one, two])(style_split=1.0)
        assert np.isfinite(terms["style"]) and terms["style"] == pytest.approx(objective(single, [style])()["style"], rel=1e-12)


# -------------------------------------------------------------------------------------------------------------- brush size


class Seeing(Toy):
    """Remembers the sizes, too."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def _walk(self, image, wanted):
        self.sizes.append((image.shape[2], image.shape[3]))
        return super()._walk(image, wanted)


def test_a_brush_of_some_size_is_a_style_picture_of_that_size():
    big = picture(1, 64, 80)
    see = objective(recipe(), [big])
    # as large as the photo of 32 pixels if its scale is 1; turned up and down, and back to one that was there before
    for scale, size in [(1.0, (26, 32)), (2.0, (51, 64)), (1.5, (38, 48)), (1.0, (26, 32)), (4.0, (102, 128))]:
        expected = style_losses("mean_covariance", [resized(big.double(), *size)], (1,))
        assert layers_of(see(style_scales=(scale,))) == pytest.approx(expected, rel=1e-6)


def test_each_style_has_its_own_brush_and_1_if_none_is_named():
    styles = [picture(1, 64, 64), picture(2, 64, 64)]
    at = [resized(styles[0].double(), 16, 16), resized(styles[1].double(), 32, 32)]
    terms = objective(recipe(), styles)(style_scales=(0.5,))
    assert layers_of(terms) == pytest.approx(style_losses("mean_covariance", at, (1, 1)), rel=1e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_with_half_the_brush_is_one_with_half_the_style_picture(optimizer):
    big, settings = picture(1, 64, 64), recipe(optimizer=optimizer)
    scaled = paint(replace(settings, style_scales=(0.5,)), styles=[big])
    plain = paint(settings, styles=[resized(big, 16, 16)])
    assert all(torch.equal(a.painting, b.painting) and a.losses == b.losses for a, b in zip(scaled, plain, strict=True))


def test_a_turned_brush_is_used_by_the_next_step():
    settings, big = recipe(optimizer="adam"), picture(1, 64, 64)
    frames = paint(settings, styles=[big], turns={2: replace(settings.weights, style_scales=(2.0,))})
    for frame, size in zip(frames[1:], (32, 32, 64, 64)):
        expected = style_losses("mean_covariance", [resized(big, size, size)], (1,), frame.painting)
        assert layers_of(frame.losses) == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize(
    ("scale", "size"), [(1.0, (20, 30)), (2.0, (40, 60)), (1.5, (30, 45)), (0.8, (16, 24)), (0.25, (16, 24))], ids=str
)
def test_no_style_is_enlarged_beyond_its_own_pixels_times_the_brush_unless_nothing_would_be_seen(scale, size):
    encoder, settings = Seeing(), recipe(size=64, coarsest=64, style_scales=(scale,), optimizer="adam", steps=1)
    paint(settings, content=picture(0, 64, 64), styles=[picture(1, 20, 30)], encoder=encoder)
    assert set(encoder.sizes) == {(64, 64), size}


# ----------------------------------------------------------------------------------------------------------- content layers


def content_distance(layer, image, content):
    f, p = matrices(image, [layer])[layer], matrices(content, [layer])[layer]
    return squares(f - p) / squares(p - p.mean(1, keepdims=True))


def test_the_content_layer_counts_1_and_the_further_ones_what_they_say():
    more = {"relu1_1": 0.5, "relu3_1": 0.0, "relu5_1": 2.0}
    see = objective(recipe(content_layer="relu4_2", more_content_layers=more, content_weight=3.0, style_weight=0.0), [picture(1)])
    each = {layer: content_distance(layer, picture(9), picture(0)) for layer in ("relu4_2", *more)}
    for turned in (more, {**more, "relu3_1": 4.0}, dict.fromkeys(more, 0.0), more):
        terms = see(more_content_layers=turned)
        expected = each["relu4_2"] + sum(weight * each[layer] for layer, weight in turned.items())
        assert terms["content"] == pytest.approx(expected, rel=1e-9)
        assert terms["total"] == pytest.approx(3 * expected, rel=1e-9)


@pytest.mark.parametrize("extra", [0.0, 0.5])
def test_the_content_layer_named_twice_counts_1_and_its_own_weight(extra):
    see = objective(recipe(content_layer="relu3_1", more_content_layers={"relu3_1": extra, "relu1_1": 1.0}), [picture(1)])
    shallow, deep = (content_distance(layer, picture(9), picture(0)) for layer in ("relu1_1", "relu3_1"))
    assert see()["content"] == pytest.approx(shallow + (1 + extra) * deep, rel=1e-9)


def test_a_turned_content_layer_is_used_by_the_next_step():
    settings = recipe(optimizer="adam", more_content_layers={"relu1_1": 0.0})
    frames = paint(settings, turns={2: replace(settings.weights, more_content_layers={"relu1_1": 3.0})})
    for frame, extra in zip(frames[1:], (0, 0, 3, 3)):
        deep, shallow = (content_distance(layer, frame.painting, picture(0)) for layer in ("relu4_2", "relu1_1"))
        assert frame.losses["content"] == pytest.approx(deep + extra * shallow, rel=1e-4)


# -------------------------------------------------------------------------------------------------------------------- masks


def halves(height=32, width=32):
    """1 on the left half."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., : width // 2] = 1
    return mask


@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("init", ["content", "noise", "style", "image"])
def test_the_photo_stays_where_it_is_kept_from_the_first_step_on_and_the_rest_is_painted(init, optimizer, averaging):
    settings = recipe(coarsest=16, steps=8, init=init, optimizer=optimizer, averaging=averaging, tv_weight=0.1)
    frames = paint(settings, masks=Masks(photo=halves()))
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
    painted = paint(settings, masks=Masks(photo=mask))[-1]
    assert (painted.image - picture(0) / 2).min() >= -1e-6 and (painted.image - picture(0) / 2).max() <= 0.5 + 1e-6
    seen = style_losses("mean_covariance", [picture(1)], (1,), painted.image)
    # half of the picture is painted, so the style counts by half, as each place is pulled as hard as without a mask
    assert layers_of(painted.losses) == pytest.approx({layer: loss / 2 for layer, loss in seen.items()}, rel=1e-4)


@pytest.mark.parametrize("place", ["styles", "artworks", "photo"])
def test_a_mask_of_another_aspect_ratio_is_refused_and_a_smaller_copy_is_not(place):
    for (height, width), fits in (((32, 32), True), ((31, 32), True), ((7, 7), True), ((32, 24), False), ((8, 32), False)):
        mask = torch.ones(1, 1, height, width) / 2
        masks = Masks(**{place: mask if place == "photo" else [mask]})
        if fits:
            paint(recipe(steps=1), masks=masks)
        else:
            with pytest.raises(SizeError, match=f"{width}x{height} pixels does not fit"):
                paint(recipe(steps=1), masks=masks)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_photo_kept_everywhere_is_the_photo(optimizer):
    frames = paint(recipe(optimizer=optimizer, init="noise", tv_weight=0.1), masks=Masks(photo=torch.ones(1, 1, 32, 32)))
    assert all(torch.equal(frame.image, picture(0)) for frame in frames[1:])
    assert all(np.isfinite(loss) for frame in frames for loss in frame.losses.values())


def test_a_photo_kept_nowhere_changes_nothing():
    one, other = paint(recipe()), paint(recipe(), masks=Masks(photo=torch.zeros(1, 1, 32, 32)))
    assert torch.allclose(one[-1].painting, other[-1].painting, atol=1e-3)


def test_the_style_is_measured_where_the_photo_is_not_kept():
    keep = halves()
    see = objective(
        recipe(layer_weights={"relu1_1": 1.0}, content_layer="relu1_1"), [picture(1)], masks=Masks(photo=keep.double())
    )
    image = picture(9).double()
    shown = torch.where(keep > 0, picture(0).double(), image)
    f, s = matrices(shown, ["relu1_1"])["relu1_1"], matrices(picture(1), ["relu1_1"])["relu1_1"]
    guided = remembered("mean_covariance", f, 1 - array(keep))
    expected = (1 - array(keep)).mean() * distance("mean_covariance", guided, remembered("mean_covariance", s))
    assert see(image)["relu1_1"] == pytest.approx(expected, rel=1e-6)


def blocks(mask, height, width):
    """Means of equal blocks."""
    m = array(mask)[0, 0]
    return m.reshape(height, m.shape[0] // height, width, m.shape[1] // width).mean((1, 3))


@pytest.mark.parametrize("statistic", STATISTICS[:5])
def test_masked_styles_are_each_compared_in_their_place_in_proportion_to_area_and_share(statistic):
    ramp = torch.linspace(0, 1, 32).expand(1, 1, 32, 32).contiguous()
    styles, masks = [picture(1), picture(2)], [ramp, (1 - ramp) * 0.5]
    see = objective(recipe(statistic=statistic, layer_weights=LAYERS), styles, masks=Masks([m.double() for m in masks]))
    for shares, ratios in [((), (1, 1)), ((3.0, 1.0), (1.5, 0.5)), ((0.0, 1.0), (0, 2)), ((0.0, 0.0), (1, 1))]:
        expected = {}
        for layer, f in matrices(picture(9)).items():
            side = round(f.shape[1] ** 0.5)
            expected[layer] = 0.0
            for style, mask, ratio in zip(styles, masks, ratios):
                guide = blocks(mask, side, side)
                x, s = remembered(statistic, f, guide), remembered(statistic, matrices(style)[layer])
                expected[layer] += ratio * guide.mean() * distance(statistic, x, s)
        assert layers_of(see(style_shares=shares)) == pytest.approx(expected, rel=1e-5)


def test_a_style_without_a_mask_is_everywhere():
    see = objective(recipe(), [picture(1), picture(2)], masks=Masks([halves().double()]))
    left = objective(recipe(), [picture(1), picture(2)], masks=Masks([halves().double(), torch.ones(1, 1, 32, 32).double()]))
    assert see() == pytest.approx(left(), rel=1e-9)


def test_an_even_mask_of_ones_is_no_mask():
    ones = torch.ones(1, 1, 32, 32).double()
    masked = objective(recipe(), [picture(1)], masks=Masks([ones], [ones]))
    assert masked() == pytest.approx(objective(recipe(), [picture(1)])(), rel=1e-9)


@pytest.mark.parametrize("statistic", ["mean_covariance", "gram", "wasserstein", "sliced"])
def test_between_two_styles_masks_there_is_no_dead_gap(statistic):
    width = 96
    ramp = torch.zeros(width)
    ramp[32:64] = torch.linspace(0, 1, 32)
    ramp[64:] = 1
    mask = ramp.expand(1, 1, 32, width).contiguous().double()
    settings = recipe(size=width, coarsest=width, statistic=statistic, layer_weights={"relu1_1": 1, "relu2_1": 1, "relu3_1": 1})
    styles = [picture(1, 32, width).double(), picture(2, 32, width).double()]
    content = picture(0, 32, width).double()
    whole = Objective(content, styles, settings, Toy().double(), Masks([mask, 1 - mask]))
    image = torch.rand(1, 3, 32, width, generator=torch.Generator().manual_seed(5), dtype=torch.float64).requires_grad_(True)
    whole(image, replace(settings.weights, content_weight=0.0))[0].backward()
    pull = image.grad.abs().mean((0, 1, 2))
    assert (pull > 0).all()
    away, gap = torch.cat((pull[8:28], pull[68:88])).mean(), pull[36:60]
    assert 1 / 3 < gap.mean() / away < 3
    for column in range(32, 64):  # nowhere in it, either, in the mean of five columns
        assert pull[column - 2 : column + 3].mean() > away / 6


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


@pytest.mark.parametrize("statistic", STATISTICS[:5])
def test_an_artworks_mask_says_what_is_looked_at(statistic):
    looked = (1 - halves()) * torch.linspace(0.2, 1, 32)[:, None]
    see = objective(recipe(statistic=statistic), [picture(1)], masks=Masks(artworks=[looked.double()]))
    seen, image, expected = matrices(picture(1)), matrices(picture(9)), {}
    for layer, s in seen.items():
        side = round(s.shape[1] ** 0.5)
        target = remembered(statistic, s, blocks(looked, side, side))
        expected[layer] = distance(statistic, remembered(statistic, image[layer]), target)
    assert layers_of(see()) == pytest.approx(expected, rel=1e-5)


def test_what_an_artworks_mask_leaves_out_does_not_matter():
    settings = recipe(layer_weights={"relu1_1": 1.0}, content_layer="relu1_1")
    mask = torch.zeros(1, 1, 32, 32).double()
    mask[..., :14] = 1
    spoilt = picture(1)
    spoilt[..., 16:] = picture(7)[..., 16:]
    one, other = (objective(settings, [s], masks=Masks(artworks=[mask]))() for s in (picture(1), spoilt))
    assert one["relu1_1"] == pytest.approx(other["relu1_1"], rel=1e-9)
    assert one["relu1_1"] != pytest.approx(objective(settings, [picture(1)])()["relu1_1"], rel=1e-3)


@pytest.mark.parametrize("factor", [0.25, 1.5, 3])
def test_masks_of_another_size_are_the_same_masks(factor):
    smooth = resized(picture(4, 8, 8)[:, :1], 96, 96)
    side = round(32 * factor)
    masks = [Masks([resized(smooth, n, n)], [resized(smooth, n, n)], resized(smooth, n, n)) for n in (32, side)]
    settings = recipe(optimizer="adam", steps=3)
    one, other = (paint(settings, masks=m)[-1].image for m in masks)
    assert (one - other).abs().mean() < 0.01


MASK = torch.ones(1, 1, 32, 32)


@pytest.mark.parametrize("place", ["styles", "artworks", "photo"])
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
    masks = Masks(photo=wrong) if place == "photo" else Masks(**{place: [wrong]})
    with pytest.raises(SizeError, match=words):
        stylize(picture(0), [picture(1)], recipe(), encoder=Toy(), masks=masks)


@pytest.mark.parametrize("place", ["styles", "artworks"])
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
        stylize(picture(0), [picture(1)], recipe(), encoder=Toy(), masks=Masks(artworks=[torch.zeros(1, 1, 32, 32)]))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_style_that_is_masked_altogether_is_as_if_it_had_no_place(optimizer):
    masks = Masks([torch.zeros(1, 1, 32, 32), None])
    frames = paint(recipe(optimizer=optimizer), styles=[picture(1), picture(2)], masks=masks)
    alone = paint(recipe(optimizer=optimizer), styles=[picture(2)])
    assert torch.allclose(frames[-1].painting, alone[-1].painting, atol=1e-4)


# ------------------------------------------------------------------------------------------------------------------- colour


@pytest.mark.parametrize("method", setting("color_method").choices)
def test_a_frames_image_is_its_painting_with_as_much_of_the_photos_colours_as_is_asked_for(method):
    settings = recipe(color_method=method, steps=3)
    plain, strong = paint(settings), paint(replace(settings, color_strength=0.6))
    for a, b in zip(plain, strong):
        assert torch.equal(a.image, a.painting) and torch.equal(a.painting, b.painting)
        assert torch.equal(b.image, recolored(b.painting, picture(0), method, 0.6))
    assert not torch.allclose(strong[-1].image, strong[-1].painting, atol=1e-3)


@pytest.mark.parametrize("method", setting("color_method").choices[1:])
def test_a_palette_is_where_colours_come_from(method):
    palette = picture(6, 20, 50)
    last = paint(recipe(color_method=method, color_strength=1.0, steps=2), palette=palette)[-1]
    assert torch.equal(last.image, recolored(last.painting, palette, method, 1.0))
    assert not torch.equal(last.image, recolored(last.painting, picture(0), method, 1.0))


def test_a_palette_is_refused_where_colours_are_taken_place_by_place():
    assert setting("color_method").choices[0] == "luminance"
    with pytest.raises(RecipeError, match="with a palette, choose another"):
        stylize(picture(0), [picture(1)], recipe(color_method="luminance"), encoder=Toy(), palette=picture(6))


@pytest.mark.parametrize("method", setting("color_method").choices)
def test_colours_that_are_brought_back_leave_the_kept_photo_alone(method):
    settings = recipe(color_method=method, color_strength=1.0, steps=2, init="noise")
    palette = None if method == "luminance" else picture(6)
    for frame in paint(settings, palette=palette, masks=Masks(photo=halves()))[1:]:
        assert torch.equal(frame.image[..., :16], picture(0)[..., :16])
        source = picture(0) if palette is None else palette
        painting = frame.painting.lerp(picture(0), halves())
        assert torch.equal(frame.image[..., 16:], recolored(painting, source, method, 1.0)[..., 16:])


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


# ------------------------------------------------------------------------------------------------------------------- tiling


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("kind", ["squared", "absolute", "power"])
def test_a_tile_may_begin_anywhere_on_the_grid_of_the_deepest_layer(formulation, kind):
    statistic = {"relative": "mean_covariance", "crowsonkb": "wasserstein"}.get(formulation, "gram")
    settings = recipe(formulation=formulation, statistic=statistic, tv_kind=kind, tv_weight=1.0, style_weight=1.0)
    settings = replace(settings, content_weight=0.0)  # the photo's borders fade into each other where they are
    image, content = picture(9, 32, 48).double(), picture(0, 32, 48).double()
    for shift in [(16, 0), (0, 32), (16, 16)]:
        totals = {}
        for tiling in (True, False):
            plain = objective(settings, [picture(1)], content)(image, tiling=tiling)
            rolled = objective(settings, [picture(1)], content.roll(shift, (2, 3)))(image.roll(shift, (2, 3)), tiling=tiling)
            totals[tiling] = (plain["total"], rolled["total"])
        assert totals[True][0] == pytest.approx(totals[True][1], rel=1e-9)
        assert totals[False][0] != pytest.approx(totals[False][1], rel=1e-4)


def test_a_photo_becomes_a_tile_at_its_borders_and_stays_itself_inside():
    photo = picture(3, 40, 64)
    tiled = tile(photo)
    assert torch.allclose(tiled[:, :, 0], tiled[:, :, -1], atol=1e-6) and torch.allclose(tiled[..., 0], tiled[..., -1], atol=1e-6)
    assert torch.allclose(tiled[:, :, 10:30, 16:48], photo[:, :, 10:30, 16:48], atol=1e-6)
    assert not torch.allclose(tiled[:, :, 2, 20:40], photo[:, :, 2, 20:40], atol=1e-3)
    assert torch.allclose(tile(torch.full((1, 3, 7, 1), 0.3)), torch.full((1, 3, 7, 1), 0.3))
    assert tiled.min() >= 0 and tiled.max() <= 1


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
    return recipe(size=48, coarsest=48, content_weight=0.01, tv_weight=1.0, optimizer=optimizer, **layers, **settings)


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


# ---------------------------------------------------------------------------------------------------------------- averaging


def averages(iterates, decay):
    """Of images so far: sum over i of decay^(n-i) x_i / sum over i of decay^(n-i)"""
    out = []
    for n in range(1, len(iterates) + 1):
        powers = decay ** np.arange(n - 1, -1, -1.0)
        out.append(sum(p * x for p, x in zip(powers, iterates)) / powers.sum())
    return out


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.999])
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


# ------------------------------------------------------------------------------------------------------ every closed choice


CHOICES = [(name, choice) for name, s in SETTINGS.items() if isinstance(s, Choice) and not s.open for choice in s.choices]


def test_every_closed_field_is_among_the_choices_that_are_painted():
    known = {"statistic", "formulation", "tv_kind", "color_method", "pooling", "padding", "optimizer", "init"}
    assert {name for name, _ in CHOICES} == known


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("name", "choice"), CHOICES, ids=lambda x: x)
def test_every_choice_of_every_field_paints_and_lowers_the_total(name, choice, optimizer):
    changes = {name: choice}
    if name == "formulation":
        changes["statistic"] = {"relative": "mean_covariance", "crowsonkb": "wasserstein"}.get(choice, "gram")
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


def test_what_an_encoder_has_not_is_refused_at_the_call():
    with pytest.raises(RecipeError, match="pooling"):
        stylize(picture(0), [picture(1)], recipe(pooling="l2"), encoder=Toy())


# ------------------------------------------------------------------------------------------------------- as in known programs


def features(image, encoder):
    """{layer: (C, H, W)} of all layers."""
    return {layer: array(f)[0] for layer, f in encoder(image, encoder.layers).items()}


def gram(f):
    """Sums, not averages."""
    flat = f.reshape(len(f), -1)
    return flat @ flat.T


def mse(a, b):
    return np.mean((a - b) ** 2)


def l1_sum(x):
    return np.abs(x[:, :, 1:] - x[:, :, :-1]).sum() + np.abs(x[:, 1:, :] - x[:, :-1, :]).sum()


def crowsonkb(image, x, content, style):
    total = 0.015 * mse(x["relu4_2"], content["relu4_2"])
    weights = np.array([256, 64, 16, 4, 1]) / (256 + 64 + 16 + 4 + 1)
    for layer, weight in zip(["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"], weights):
        (m, c), (m_s, c_s) = (
            (f.reshape(len(f), -1).mean(1), np.cov(f.reshape(len(f), -1), bias=True) + 1e-4 * np.eye(len(f)))
            for f in (x[layer], style[layer])
        )
        total += weight * travel(m, c, m_s, c_s) / len(m)  # mean over channels of both parts
    p = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
    d1 = np.mean((p[:, 1:-1, 1:] - p[:, 1:-1, :-1])[..., 1:] ** 2) / 3
    d2 = np.mean((p[:, 1:, 1:-1] - p[:, :-1, 1:-1])[:, 1:] ** 2) / 3
    d3 = np.mean((p[:, 1:, 1:] - p[:, :-1, :-1]) ** 2) / 12
    d4 = np.mean((p[:, 1:, :-1] - p[:, :-1, 1:]) ** 2) / 12
    return total + 2.0 * 2 * (d1 + d2 + d3 + d4)


CAFFE = 255 * 0.226
"""Programs that feed pixels from 0 to 255, less a mean, to the network, and do not divide them by a standard deviation, have
features about so many times as large as torchvision's way; exactly so if the three channels' deviations were equal and there
were no biases."""


def seen_by_caffe(*pictures):
    return [{layer: CAFFE * f for layer, f in features.items()} for features in pictures]


def neural_style_pt(image, x, content, style):
    x, content, style = seen_by_caffe(x, content, style)
    total = 5 * mse(x["relu4_2"], content["relu4_2"])
    for layer in ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]:
        total += 100 * mse(gram(x[layer]) / x[layer].size, gram(style[layer]) / style[layer].size)
    return total + 1e-3 * l1_sum(255 * image)


def gordicaleksa(image, x, content, style):
    x, content, style = seen_by_caffe(x, content, style)
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    style_loss = sum(((gram(x[k]) / x[k].size - gram(style[k]) / style[k].size) ** 2).sum() for k in layers) / len(layers)
    return 1e5 * mse(x["conv4_2"], content["conv4_2"]) + 3e4 * style_loss + 1.0 * l1_sum(255 * image)


def pytorch(_image, x, content, style):
    style_score = sum(
        mse(gram(x[k]) / x[k].size, gram(style[k]) / style[k].size)  # a b c d = 1 C H W
        for k in ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1"]
    )
    return 1e6 * style_score + 1 * mse(x["conv2_2"], content["conv2_2"])


def tensorflow(image, x, content, style):
    def gram_matrix(f):  # divided by I J, the number of locations
        return np.einsum("cij,dij->cd", f, f) / (f.shape[1] * f.shape[2])

    x, content, style = seen_by_caffe(x, content, style)  # as keras.applications preprocesses; but the image is in [0, 1]
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    style_loss = sum(mse(gram_matrix(x[k]), gram_matrix(style[k])) for k in layers) * 1e-2 / len(layers)
    return style_loss + mse(x["relu5_2"], content["relu5_2"]) * 1e4 / 1 + 30 * l1_sum(image)


PROGRAMS = {
    "crowsonkb": crowsonkb,
    "neural-style-pt": neural_style_pt,
    "gordicaleksa": gordicaleksa,
    "pytorch": pytorch,
    "tensorflow": tensorflow,
}
"""Totals of a picture (3, H, W) in [0, 1] and of features, which come from one encoder for all: that is where presets depart
from programs. And crowsonkb pads its first convolution alone by repeating the border, where the preset pads all."""


def test_every_preset_that_is_named_for_a_program_has_its_oracle():
    assert {name for name, preset in PRESETS.items() if preset.program} == set(PROGRAMS)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_presets_total_is_that_of_its_program(name, seed):
    settings, encoder = PRESETS[name].recipe(), Small19().double()
    image, content, style = (toy.picture(3 * seed + n, 32, 48).double() for n in range(3))
    way = encoder.variant(settings.padding, settings.pooling)
    assert settings.padding == ("replicate" if name == "crowsonkb" else "zeros") and settings.pooling == "max"
    total, terms = Objective(content, [style], settings, encoder)(image, settings.weights)
    expected = PROGRAMS[name](array(image)[0], *(features(picture, way) for picture in (image, content, style)))
    assert float(total) == pytest.approx(expected, rel=1e-6)
    assert {"content", "style"} <= set(terms)


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_term_of_a_preset_is_that_of_its_program(name):
    settings, encoder = PRESETS[name].recipe(), Small19().double()
    image, content, style = (toy.picture(n, 32, 48).double() for n in range(3))
    way = encoder.variant(settings.padding, settings.pooling)
    flat, whole = torch.full_like(image, 0.5), Objective(content, [style], settings, encoder)
    of = {key: features(p, way) for key, p in (("image", image), ("content", content), ("style", style))}
    for image_, x, c, s, zero in [
        (flat, of["content"], of["content"], of["image"], ("content_weight", "tv_weight")),  # the style's alone
        (flat, of["image"], of["content"], of["image"], ("style_weight", "tv_weight")),
        (image, of["image"], of["image"], of["image"], ("content_weight", "style_weight")),
    ]:
        expected = PROGRAMS[name](array(image_)[0], x, c, s)
        painted = content if x is of["content"] else image
        target = Objective(content, [image], settings, encoder) if zero == ("content_weight", "tv_weight") else whole
        total = float(target(painted, replace(settings.weights, **dict.fromkeys(zero, 0.0)))[0])
        assert total == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "optimizer", "init", "averaging"),
    [
        ("crowsonkb", "adam", "content", 0.99),
        ("neural-style-pt", "lbfgs", "noise", 0.0),
        ("gordicaleksa", "lbfgs", "content", 0.0),
        ("pytorch", "lbfgs", "content", 0.0),
        ("tensorflow", "adam", "content", 0.0),
    ],
)
def test_a_preset_starts_and_moves_as_its_program_does(name, optimizer, init, averaging):
    settings = PRESETS[name].recipe(size=512)
    assert (settings.optimizer, settings.init, settings.averaging) == (optimizer, init, averaging)
    assert settings.coarsest == 128 if name == "crowsonkb" else settings.coarsest >= 512
    assert settings.encoder == "vgg19" and settings.seed == 0


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_paints_and_lowers_its_total(name):
    settings = PRESETS[name].recipe(encoder="vgg19", size=32, steps=4, averaging=0.0, init="image")
    frames = paint(settings, encoder=Small19(), styles=[picture(1), picture(2)])
    whole = Objective(picture(0), [picture(1), picture(2)], settings, Small19())
    before, after = (float(whole(frame.painting, settings.weights)[0]) for frame in (frames[0], frames[-1]))
    assert frames[-1].levels == 1 and np.isfinite([*frames[-1].losses.values(), before, after]).all()
    assert after < before


# -------------------------------------------------------------------------------------------------------------------- dials


TURNED = {
    "content_weight": 0.2,
    "style_weight": 9.0,
    "tv_weight": 0.5,
    "layer_weights": dict.fromkeys(STYLE_LAYERS, 0.3) | {"relu1_1": 3.0},
    "more_content_layers": {"relu1_1": 2.0},
    "style_shares": (0.1, 0.9),
    "style_scales": (2.0, 0.75),
    "style_split": 0.8,
    "tv_gamma": 0.5,
    "color_strength": 0.7,
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
    turned = replace(settings.weights, **{name: TURNED[name]})
    styles = [picture(1, 64, 64), picture(2, 64, 64)]
    plain = paint(settings, styles=styles)
    frames = paint(settings, styles=styles, turns={2: turned, 5: settings.weights})
    assert [frame.weights for frame in frames] == [settings.weights] * 3 + [turned] * 3 + [settings.weights] * 2
    same = [torch.equal(a.image, b.image) for a, b in zip(plain, frames)]
    assert all(same[:3]) and not any(same[3 + (optimizer == "adam") : 6])
    assert all(np.isfinite(loss) for frame in frames for loss in frame.losses.values())


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
