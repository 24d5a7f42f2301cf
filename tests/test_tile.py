"""Seamless tiles: the step across the border is like those inside, at any size, with what ships."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stylekit import Recipe, load_encoder, open_picture, stylize
from stylekit.pyramid import scaled
from stylekit.resize import fit, resample, tile, tiles

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


@pytest.mark.parametrize("size", [128, 150])
@pytest.mark.parametrize("artwork", ["orchard-linocut", "indigo-waves"])
def test_a_tile_has_no_seam_even_in_black_and_white(artwork, size):
    image = painted(Recipe(size=size, steps=50, tiling=True), artwork)
    assert all(side % 16 == 0 and abs(side - size * share) <= 8 for side, share in zip(image.shape[2:], (2 / 3, 1), strict=True))
    assert max(excess(image)) < 1.5


def test_colours_that_are_brought_back_bring_no_seam_along():
    assert max(excess(painted(Recipe(size=96, steps=30, tiling=True, color_strength=1.0), "stained-glass"))) < 1.5


def test_a_painting_that_is_no_tile_becomes_one_when_it_is_continued_as_a_tile():
    recipe = Recipe(size=96, steps=40)
    before = painted(recipe, "orchard-linocut")
    assert max(excess(before)) > 3 and not tiles(before)
    after = painted(replace(recipe, tiling=True, init="image", coarsest=96, steps=20), "orchard-linocut", before)
    assert max(excess(after)) < 1.5 and tiles(after)


def test_a_tile_is_told_from_a_picture_and_what_is_one_is_not_faded_again():
    photo = open_picture(ASSETS / "photos" / "cat.jpg", 128).image
    assert not tiles(photo) and tiles(tile(photo))


@pytest.mark.parametrize(
    ("before", "after"), [((32, 48), (48, 80)), ((16, 48), (32, 64)), ((48, 80), (32, 48)), ((20, 30), (33, 41))]
)
@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_a_tile_rolls_with_its_picture_when_it_is_resized(before, after, mode):
    image = torch.rand(1, 3, *before, generator=torch.Generator().manual_seed(0))
    wrapped = resample(image, after, mode, wrap=True)
    assert wrapped.shape == (1, 3, *after)
    inside = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    assert torch.allclose(wrapped[inside], resample(image, after, mode)[inside], atol=1e-5)
    half = [side // 2 for side in before], [side // 2 for side in after]
    if all(side % 2 == 0 for side in after):
        rolled = resample(image.roll(half[0], (2, 3)), after, mode, wrap=True)
        assert torch.allclose(rolled, wrapped.roll(half[1], (2, 3)), atol=1e-5)


def test_sides_are_rounded_to_whole_multiples():
    assert scaled((170, 256), 300, 16) == (192, 304) and scaled((10, 1000), 100, 16) == (16, 96)
    assert scaled((170, 256), 300) == (199, 300)


def test_a_tile_keeps_its_photo_without_a_seam():
    from stylekit import Masks

    recipe = Recipe(size=96, steps=20, tiling=True)
    content = open_picture(ASSETS / "photos" / "coffee.jpg", 96).image
    style = open_picture(ASSETS / "artworks" / "orchard-linocut.jpg", 192).image
    mask = torch.ones(1, 1, *content.shape[2:])
    *_, last = stylize(content, [style], recipe, encoder=load_encoder("compact", "cpu"), masks=Masks(photo=mask))
    assert torch.allclose(last.image, tile(fit(content, (64, 96))), atol=1e-6) and max(excess(last.image)) < 1.5
