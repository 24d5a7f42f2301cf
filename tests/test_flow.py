"""Optical flow: pictures whose motion is known."""

import pytest
import torch
from test_video import texture

from stylekit.flow import flow, trusted, warp

pytest.importorskip("cv2", reason="opencv-python-headless is not installed")


def moved(picture, x, y):
    """What is at p there is at p + (x, y) in the result; a part without borders."""
    return picture[..., 40 - y : 104 - y, 40 - x : 136 - x]


def test_a_shift_is_found_and_undone():
    before, now = moved(texture(), 0, 0), moved(texture(), 3, -2)
    back = flow(now, before)  # where what is here was
    middle = back[..., 8:-8, 8:-8]
    assert (middle - torch.tensor([-3.0, 2.0]).view(1, 2, 1, 1)).abs().mean() < 0.1
    away, still = ((warp(before, along) - now)[..., 8:-8, 8:-8].abs().mean() for along in (back, torch.zeros_like(back)))
    assert away < 0.2 * still


def test_what_comes_in_at_the_border_is_not_trusted_and_the_rest_is():
    before, now = moved(texture(), 0, 0), moved(texture(), -9, 0)  # from the right, 9 columns are new
    where = trusted(flow(now, before), flow(before, now))
    assert where[..., :-12].mean() > 0.9 and where[..., -8:].mean() < 0.1


def test_what_was_hidden_is_not_trusted():
    picture, square = texture().clone(), texture(1)[..., :40, :40]
    before, now = picture.clone(), picture.clone()
    before[..., 60:100, 60:100] = square
    now[..., 60:100, 72:112] = square  # columns 60 to 72 are uncovered
    where = trusted(flow(now, before), flow(before, now))
    assert where[..., 64:96, 62:70].mean() < 0.3 and where[..., 8:50, 8:-8].mean() > 0.95


def test_an_unrelated_picture_is_hardly_trusted():
    one, other = texture(2)[..., :96, :96], texture(3)[..., :96, :96]
    assert trusted(flow(one, other), flow(other, one)).mean() < 0.3
