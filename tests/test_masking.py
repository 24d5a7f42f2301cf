"""From a visitor's drawing to masks: each colour a region, soft edges that add up, and nothing from an empty drawing."""

import numpy as np
import pytest
import torch

from stylekit.recipe import MOST_STYLES
from stylekit.ui.masking import COLORS, blurred, masks_of, regions_of


def rgb(color):
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def drawing(*boxes, height=40, width=60):
    """An editor's value with rectangles (colour's number, top, left, bottom, right) on one layer."""
    layer = np.zeros((height, width, 4), np.uint8)
    for number, top, left, bottom, right in boxes:
        layer[top:bottom, left:right] = [*rgb(COLORS[number]), 255]
    return {"background": np.zeros((height, width, 3), np.uint8), "layers": [layer], "composite": None}


@pytest.mark.parametrize("empty", [None, {}, {"layers": []}, {"layers": None}, {"layers": [None]}, drawing()], ids=repr)
def test_nothing_painted_is_no_mask(empty):
    assert masks_of(empty, 1) is None


def test_a_region_of_one_artwork_belongs_to_no_other_and_the_rest_to_all():
    masks = masks_of(drawing((1, 0, 0, 40, 20), (2, 0, 40, 40, 60)), artworks=3)
    one, two, three = masks.styles
    assert one[..., :20].min() == 1 and one[..., 20:40].min() == 1 and one[..., 40:].max() == 0
    assert two[..., :20].max() == 0 and two[..., 40:].min() == 1
    assert three[..., 20:40].min() == 1 and three[..., :20].max() == three[..., 40:].max() == 0
    assert masks.photo is None


def test_the_photo_is_kept_where_its_colour_is_and_no_style_mask_is_needed():
    masks = masks_of(drawing((0, 10, 10, 30, 30)), artworks=2)
    assert masks.styles == [] and masks.photo.shape == (1, 1, 40, 60)
    assert masks.photo[..., 10:30, 10:30].min() == 1 and masks.photo.sum() == 400


def test_a_colour_of_an_artwork_that_is_not_there_changes_nothing_for_the_others():
    masks = masks_of(drawing((4, 0, 0, 20, 20)), artworks=2)
    assert masks is not None and masks.styles == [] and masks.photo is None


@pytest.mark.parametrize("softness", [0.0, 0.005, 0.02, 0.1, 0.5])
def test_regions_add_up_to_one_everywhere_however_soft(softness):
    regions = regions_of(drawing((0, 0, 0, 20, 20), (1, 20, 0, 40, 30), (3, 5, 30, 35, 60)), softness)
    assert regions.shape == (1, 2 + MOST_STYLES, 40, 60)
    assert regions.min() >= 0 and regions.sum(1).sub(1).abs().max() < 1e-5


def test_half_transparent_paint_is_half_a_mask():
    value = drawing((1, 0, 0, 40, 60))
    value["layers"][0][..., 3] = 128
    regions = regions_of(value, 0.0)
    assert regions[:, 2].mean().item() == pytest.approx(128 / 255) and regions[:, 1].mean().item() == pytest.approx(127 / 255)


def test_what_is_painted_on_the_first_artwork_is_all_that_is_looked_at_of_it():
    cutout = drawing((1, 5, 10, 25, 40), height=30, width=50)
    alone = masks_of(None, 2, cutout=cutout)
    assert not alone.styles and alone.photo is None and len(alone.artworks) == 1
    expected = torch.zeros(1, 1, 30, 50)
    expected[..., 5:25, 10:40] = 1
    assert torch.equal(alone.artworks[0], expected)
    both = masks_of(drawing((0, 0, 0, 20, 20)), 2, 0.1, cutout)
    assert both.photo.shape == (1, 1, 40, 60) and both.artworks[0].shape == (1, 1, 30, 50)
    assert 0.3 < both.artworks[0][0, 0, 15, 10] < 0.7
    assert masks_of(drawing(), 2, cutout=drawing()) is None


def test_a_nearly_right_colour_at_an_edge_counts_as_the_nearest():
    value = drawing((2, 0, 0, 40, 60))
    value["layers"][0][..., :3] += 7
    assert regions_of(value, 0.0)[:, 3].min() == 1


def test_blurring_fades_over_the_reach_and_no_farther():
    step = torch.zeros(1, 1, 8, 100)
    step[..., 50:] = 1
    soft = blurred(step, 12)[0, 0, 4]
    assert soft[:35].max() == 0 and soft[65:].min() == pytest.approx(1, abs=1e-6)
    assert (soft.diff() >= -1e-6).all() and soft[48:52].mean().item() == pytest.approx(0.5, abs=0.07)
    assert torch.equal(blurred(step, 0), step)
