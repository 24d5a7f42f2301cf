"""From a visitor's drawings to masks: each colour a region, soft edges that add up, and nothing from an empty drawing."""

import itertools
import time

import numpy as np
import pytest
import torch

from stylekit import SizeError
from stylekit.job import _check_masks
from stylekit.recipe import MOST_STYLES
from stylekit.studio.masks import COLORS, MOST_LAYERS, OPACITY, SOFTNESS, Drawings, blurred, regions_of


def rgb(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def layer(*boxes, height=40, width=60, opacity=1.0):
    """Rectangles (colour's number, top, left, bottom, right) as an editor's layer."""
    painted = np.zeros((height, width, 4), np.uint8)
    for number, top, left, bottom, right in boxes:
        painted[top:bottom, left:right] = [*rgb(COLORS[number]), round(255 * opacity)]
    return painted


def value(*layers):
    """An editor's value."""
    return {"background": np.zeros((*layers[0].shape[:2], 3), np.uint8), "layers": list(layers), "composite": None}


def masks_of(photo, artworks=1, softness=0.0, on_styles=None, size=512):
    on_artworks = dict.fromkeys(range(artworks)) | (on_styles or {})
    return Drawings.of(photo, on_artworks, softness, size).masks()


@pytest.mark.parametrize("empty", [None, {}, {"layers": []}, {"layers": None}, {"layers": [None]}, value(layer())], ids=repr)
def test_nothing_painted_is_no_mask(empty):
    assert masks_of(empty, on_styles={0: empty}) is None


def test_a_region_of_one_artwork_belongs_to_no_other_and_the_rest_to_all():
    masks = masks_of(value(layer((1, 0, 0, 40, 20), (2, 0, 40, 40, 60))), artworks=3)
    one, two, three = masks.content
    assert one[..., :20].min() == 1 and one[..., 20:40].min() == 1 and one[..., 40:].max() == 0
    assert two[..., :20].max() == 0 and two[..., 40:].min() == 1
    assert three[..., 20:40].min() == 1 and three[..., :20].max() == three[..., 40:].max() == 0
    assert masks.keep is None


def test_where_artwork_b_is_left_out_the_third_colour_still_belongs_to_c():
    painted = value(layer((1, 0, 0, 40, 30), (3, 0, 30, 40, 60)))
    first, third = Drawings.of(painted, {0: None, 2: None}, 0.0, 512).masks().content
    assert first[..., :30].min() == 1 and first[..., 30:].max() == 0
    assert third[..., :30].max() == 0 and third[..., 30:].min() == 1


def test_the_photo_is_kept_where_its_colour_is_and_no_style_mask_is_needed():
    masks = masks_of(value(layer((0, 10, 10, 30, 30))), artworks=2)
    assert masks.content == [] and masks.keep.shape == (1, 1, 40, 60)
    assert masks.keep[..., 10:30, 10:30].min() == 1 and masks.keep.sum() == 400


def test_a_colour_of_an_artwork_that_is_not_there_changes_nothing_for_the_others():
    masks = masks_of(value(layer((4, 0, 0, 20, 20))), artworks=2)
    assert masks is not None and masks.content == [] and masks.keep is None


@pytest.mark.parametrize("softness", [0.0, 0.005, 0.02, 0.1, 0.5])
def test_regions_add_up_to_one_everywhere_however_soft(softness):
    regions = regions_of([layer((0, 0, 0, 20, 20), (1, 20, 0, 40, 30), (3, 5, 30, 35, 60))], softness)
    assert regions.shape == (1, 2 + MOST_STYLES, 40, 60)
    assert regions.min() >= 0 and regions.max() <= 1 and regions.sum(1).sub(1).abs().max() < 1e-6


def scribbled(random, height, width):
    """A layer of ten dabs of any colours, as the brush of the page makes them."""
    painted, y, x = np.zeros((height, width, 4), np.uint8), *np.mgrid[:height, :width]
    for _ in range(10):
        number, radius = random.integers(len(COLORS)), random.integers(2, 40)
        dab = (y - random.integers(height)) ** 2 + (x - random.integers(width)) ** 2 < radius**2
        painted[dab] = [*rgb(COLORS[number]), round(255 * OPACITY)]
    return painted


def test_what_anybody_paints_with_the_usual_soft_edges_is_never_refused():
    random = np.random.default_rng(0)
    for _ in range(60):
        height, width = random.integers(60, 300, 2)
        on_styles = {number: value(scribbled(random, height, width)) for number in range(4)}
        masks = masks_of(value(scribbled(random, height, width)), 4, SOFTNESS, on_styles)
        picture = torch.zeros(1, 3, int(height), int(width))
        _check_masks(masks, picture, [picture] * 4)  # as a run does
        assert len(masks.style) == 4


def test_paint_as_translucent_as_the_brush_covers_and_half_of_it_is_half_a_mask():
    for opacity, covered in ((OPACITY, 1), (OPACITY / 2, 0.5)):
        regions = regions_of([layer((1, 0, 0, 40, 60), opacity=opacity)], 0.0)
        assert regions[:, 2].mean().item() == pytest.approx(covered, abs=0.01)
        assert regions[:, 1].mean().item() == pytest.approx(1 - covered, abs=0.01)


def test_paint_over_paint_belongs_to_the_colour_that_was_painted_last():
    for last, *earlier in itertools.permutations(range(len(COLORS)), 3):
        over, alpha = np.zeros(3), 0.0
        for number in (*earlier, last):  # as the editor composes strokes: over, with straight colours
            alpha, before = OPACITY + (1 - OPACITY) * alpha, alpha
            over = (OPACITY * np.array(rgb(COLORS[number])) + (1 - OPACITY) * before * over) / alpha
        painted = np.full((4, 4, 4), [*over.round(), round(255 * alpha)], np.uint8)
        assert regions_of([painted], 0.0)[0, 0 if last == 0 else last + 1].min() == 1


def test_what_is_painted_on_an_artwork_is_all_that_is_looked_at_of_it():
    on_style = value(layer((1, 5, 10, 25, 40), height=30, width=50))
    alone = masks_of(None, 2, on_styles={1: on_style})
    assert not alone.content and alone.keep is None and alone.style[0] is None
    expected = torch.zeros(1, 1, 30, 50)
    expected[..., 5:25, 10:40] = 1
    assert torch.equal(alone.style[1], expected)
    both = masks_of(value(layer((0, 0, 0, 20, 20))), 2, 0.1, {0: on_style})
    assert both.keep.shape == (1, 1, 40, 60) and both.style[0].shape == (1, 1, 30, 50) and both.style[1] is None
    assert 0.3 < both.style[0][0, 0, 15, 10] < 0.7
    assert masks_of(value(layer()), 2, on_styles={0: value(layer())}) is None


def test_a_nearly_right_colour_at_an_edge_counts_as_the_nearest():
    painted = layer((2, 0, 0, 40, 60))
    painted[..., 1:3] -= 7
    assert regions_of([painted], 0.0)[:, 3].min() == 1


def test_of_several_layers_the_last_lies_on_top():
    regions = regions_of([layer((1, 0, 0, 40, 60)), layer((2, 0, 0, 40, 30))], 0.0)
    assert regions[0, 3, :, :30].min() == 1 and regions[0, 2, :, 30:].min() == 1 and regions[0, 2, :, :30].max() == 0


def test_blurring_fades_over_the_reach_and_no_farther():
    step = torch.zeros(1, 1, 8, 100)
    step[..., 50:] = 1
    soft = blurred(step, 12)[0, 0, 4]
    assert soft[:35].max() < 1e-12 and soft[65:].min() == pytest.approx(1, abs=1e-6)
    assert (soft.diff() >= -1e-6).all() and soft[48:52].mean().item() == pytest.approx(0.5, abs=0.07)
    assert torch.equal(blurred(step, 0), step)


def test_blurring_is_the_mean_of_a_window_three_times():
    image = torch.rand(1, 2, 13, 21, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = image
    for _ in range(3):
        padded = torch.nn.functional.pad(expected, [4] * 4, mode="replicate")
        expected = torch.nn.functional.avg_pool2d(padded, 9, stride=1)
    assert torch.allclose(blurred(image, 12), expected, atol=1e-12)


def test_a_large_drawing_is_brought_down_before_anything_is_computed():
    big = layer((1, 0, 0, 3000, 1000), (0, 0, 3000, 3000, 4000), height=3000, width=4000)
    drawings = Drawings.of(value(big), {0: None}, 0.1, 200)
    assert drawings.content[0].shape == (150, 200, 4)
    one = drawings.masks().content[0]
    assert one.shape == (1, 1, 150, 200) and one[..., :30].min() == 1


def test_a_wide_blur_takes_about_as_long_as_a_narrow_one():
    def seconds(reach):
        began = time.perf_counter()
        blurred(stack, reach)
        return time.perf_counter() - began

    stack = torch.rand(1, 6, 512, 512)
    narrow, wide = (min(seconds(reach) for _ in range(3)) for reach in (3, 150))
    assert wide < 4 * narrow  # 200 times with a window that is summed up anew


@pytest.mark.parametrize(
    ("painted", "softness", "message"),
    [
        (value(layer(), layer(height=41)), 0.0, "different sizes"),
        (value(*[layer((1, 0, 0, 9, 9))] * (MOST_LAYERS + 1)), 0.0, f"up to {MOST_LAYERS} layers"),
        (value(np.zeros((2, 5000, 4), np.uint8)), 0.0, "4096 pixels"),
        (value(layer((1, 0, 0, 9, 9))), 7.0, "soft edges"),
        (value(layer((1, 0, 0, 9, 9))), float("nan"), "soft edges"),
    ],
)
def test_what_no_editor_of_the_page_makes_is_refused_in_words(painted, softness, message):
    with pytest.raises(SizeError, match=message):
        masks_of(painted, softness=softness)
    if softness == 0:
        with pytest.raises(SizeError, match=message):
            masks_of(None, on_styles={0: painted})


def test_new_strokes_lie_above_those_of_a_drawing_that_was_brought_back():
    old, new = np.zeros((8, 8, 4), np.uint8), np.zeros((16, 16, 4), np.uint8)
    old[:, :] = [*bytes.fromhex(COLORS[0][1:]), 255]
    new[:, 8:] = [*bytes.fromhex(COLORS[1][1:]), 255]
    both = Drawings([new], {0: []}).over({"content": [old], 1: [old]})
    masks = both.masks()
    assert masks.keep.shape == (1, 1, 16, 16) and torch.equal(masks.keep[..., :8], torch.ones(1, 1, 16, 8))
    assert not masks.keep[..., 8:].any() and torch.equal(masks.content[0][..., 8:], torch.ones(1, 1, 16, 8))
    assert Drawings((), {0: []}).over({"content": [old]}).content[0] is old and 1 not in both.styles
