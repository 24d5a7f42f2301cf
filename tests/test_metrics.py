"""Numbers for paintings, on pictures whose answers are known."""

import pytest
import torch
from toy import picture

from bench import metrics
from bench.pictures import Variant, cell, main, paths_of, table, variant_of
from stylekit import PRESETS, Recipe

DISTANCES = (metrics.palette, metrics.chroma, metrics.patches)


def flat(red, green, blue, height=32, width=48):
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous()


def noise(strength, seed=0, size=64):
    return strength * torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("distance", DISTANCES)
def test_a_distance_is_nothing_to_itself_and_alike_both_ways(distance):
    a, b = picture(0, 32, 48), picture(1, 40, 40)
    assert distance(a, a) == 0
    assert distance(a, b) == pytest.approx(distance(b, a)) and distance(a, b) > 0.01


def test_palettes_without_a_colour_in_common_are_at_distance_1_and_half_a_palette_between():
    red, blue = flat(0.8, 0.2, 0.2), flat(0.2, 0.2, 0.8)
    both = torch.cat((red, blue), 3)
    assert metrics.palette(red, blue) > 0.9
    assert metrics.palette(red, both) == pytest.approx((1 - 0.5**0.5) ** 0.5, abs=0.05)  # Hellinger of (1, 0), (1/2, 1/2)
    assert metrics.palette(red, red * 0.5) < 0.05  # a shade of it: the ratios of the channels count


def test_chroma_is_the_distance_that_colours_are_from_grey():
    assert metrics.chroma(flat(1.0, 0, 0), flat(0.5, 0.5, 0.5)) == pytest.approx(0.2577, abs=1e-3)  # Oklab's of sRGB's red
    assert metrics.chroma(flat(0.2, 0.2, 0.2), flat(0.9, 0.9, 0.9)) < 1e-4


def test_patches_of_flat_pictures_are_as_far_apart_as_their_pixels_and_of_noise_as_their_spread():
    assert metrics.patches(flat(0.5, 0.5, 0.5), flat(0.6, 0.6, 0.6, 40, 40)) == pytest.approx(0.1, rel=1e-3)
    assert metrics.patches(noise(0.3), noise(0.1, 1)) == pytest.approx(0.2, rel=0.05)
    fine = noise(0.2)
    stripes = fine.clone().sort(3).values  # the same pixels in another order
    assert metrics.patches(fine, stripes) > 0.05


def test_directions_tell_a_grid_from_hatching_and_are_even_for_noise():
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    stripes, hatching = (0.5 + 0.4 * torch.sin(2 * wave).expand(1, 3, 96, 96) for wave in (rows, (rows + columns) / 2**0.5))
    noise = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    assert metrics.directions(stripes) > 100 and metrics.directions(hatching) < 0.01
    assert metrics.directions(noise) == pytest.approx(1, abs=0.1)
    assert metrics.directions(stripes.mT) == pytest.approx(metrics.directions(stripes), rel=1e-3)
    assert metrics.directions(torch.full((1, 3, 32, 32), 0.5)) < 1e-3  # nothing at all is no grid


def test_the_bands_see_the_octave_in_which_a_pattern_is_and_how_strong_it_is():
    places = torch.arange(64.0)
    for period, strongest in ((2, 0), (8, 1), (16, 2), (32, 3)):
        wave = 0.5 + 0.2 * torch.sin(2 * torch.pi * (places + 0.5) / period).view(1, 1, 1, 64).expand(1, 3, 64, 64)
        assert int(metrics.bands(wave).argmax()) == strongest
        assert metrics.octaves(0.5 + (wave - 0.5) / 2, wave)[strongest] == pytest.approx(0.5, rel=1e-3)
    assert metrics.octaves(flat(0.5, 0.5, 0.5), flat(0.2, 0.2, 0.2)) == [1.0] * metrics.BANDS


def test_flecks_of_colour_are_speckle_and_edges_grey_grain_and_shades_are_not():
    grey, edge = flat(0.5, 0.5, 0.5, 64, 64), torch.cat((flat(0.8, 0.3, 0.3, 70, 35), flat(0.3, 0.3, 0.8, 70, 35)), 3)
    grain = grey + noise(0.1)[:, :1]
    assert metrics.speckle(grey) == metrics.speckle(edge) == 0 and metrics.speckle(grain) < 1e-3
    flecked = grey.clone()
    flecked[:, :, ::8, ::8] = flat(1.0, 0, 0, 8, 8)
    assert metrics.speckle(flecked) == pytest.approx(0.2577 / 8 / 2**0.5, rel=0.02)  # one in 64, over the two planes
    assert metrics.median(picture(0, 70, 30)[:, :1])[0, 0, 66, 9] == picture(0, 70, 30)[0, 0, 64:69, 7:12].median()


def test_structure_is_1_for_lighter_or_softer_light_nothing_for_noise_and_negative_for_a_negative():
    photo = picture(3, 64, 80)
    assert metrics.structure(photo, photo) == 1
    assert metrics.structure(photo * 0.97 + 0.03, photo) > 0.99
    assert metrics.structure(1 - photo, photo) < -0.5
    noises = [0.5 + noise(0.2, seed) for seed in (0, 1)]
    assert abs(metrics.structure(*noises)) < 0.05


def test_large_pictures_are_thinned_out_and_not_averaged():
    flecked = flat(0.5, 0.5, 0.5, 600, 600)
    flecked[:, :, torch.rand(600, 600, generator=torch.Generator().manual_seed(0)) < 0.2] = 0.9
    small = flecked[:, :, :300, :300]
    for distance in DISTANCES:
        assert distance(flecked, small) < 0.02


def test_a_variant_is_settings_or_a_preset_with_some_and_those_of_all_come_last():
    assert variant_of("gentle") == Variant("gentle", "gentle")
    assert variant_of("now:").recipe(size=64) == Recipe(size=64)
    assert variant_of("w:gentle,style_scales=[2]").recipe(size=64) == PRESETS["gentle"].recipe(style_scales=(2.0,), size=64)
    assert variant_of("w:steps=7").recipe(steps=9).steps == 7
    with pytest.raises(SystemExit, match="no preset; there are balanced"):
        variant_of("nothing").recipe()


def test_the_table_says_means_and_on_how_many_pairs_a_variant_is_better(tmp_path):
    rows = {
        "artwork": [{"palette": 0.0, "structure": 0.1}] * 2,
        "now": [{"palette": 0.5, "structure": 0.5}, {"palette": 0.3, "structure": 0.5}],
        "new": [{"palette": 0.4, "structure": 0.6}, {"palette": 0.35, "structure": 0.7}],
    }
    now, new = table(rows, "now").splitlines()[-2:]
    assert now == "| now | 0.400 | 0.500 |" and new == "| new | 0.375 (1/2) | 0.650 (2/2) |"
    assert cell([float("nan")], [], "W2") == ""


def test_pairs_are_named_counted_or_drawn_from_other_folders(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for n in range(3):
            (tmp_path / folder / f"{n}.png").touch()
    photos, artworks = tmp_path / "a", tmp_path / "b"
    assert paths_of(["1+2"], photos, artworks) == [(photos / "1.png", artworks / "2.png")]
    assert paths_of([str(photos / "0.png") + "+2.png"], photos, artworks) == [(photos / "0.png", artworks / "2.png")]
    drawn = paths_of([], photos, artworks)
    assert len(set(drawn)) == 9 and paths_of(["4"], photos, artworks) == drawn[:4]
    with pytest.raises(SystemExit, match="no picture 7"):
        paths_of(["7+1"], photos, artworks)
    with pytest.raises(SystemExit, match=r"photo\+artwork"):
        paths_of(["cat"], photos, artworks)


def test_it_paints_and_judges_and_keeps_every_painting(tmp_path):
    main([str(tmp_path), "--variant=now:", "--variant=still:style_weight=0", "--pairs", "1", "--size", "48", "--steps", "3"])
    assert {path.name for path in tmp_path.glob("cat*")} == {f"cat+harbour-night, {name}, 48.png" for name in ("now", "still")}
    header, photo, _, now, still = [line.split(",") for line in (tmp_path / "pictures-48.csv").read_text().splitlines()]
    column = header.index("structure")
    assert float(photo[column]) == 1 and float(now[column]) < float(still[column])
    assert len((tmp_path / "table.md").read_text().splitlines()) == 10 and (tmp_path / "sheet-48.png").is_file()
