"""Pictures in and out, against colours, turns and sizes known without stylekit. All files are made here."""

import json
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin, features

from stylekit import pictures
from stylekit.errors import PictureError, SizeError
from stylekit.pictures import (
    Picture,
    open_picture,
    read_recipe_json,
    save_picture,
    save_png,
    to_array,
    to_pil,
)

RECIPE = json.dumps({"name": "Gemälde 画 🎨", "style_weight": 1.5}, ensure_ascii=False)
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)  # (H, W, 3), no symmetry


def saved(tmp_path: Path, picture: Image.Image, name: str = "in.png", **options) -> Path:
    path = tmp_path / name
    if name.endswith("heic"):
        pillow_heif.from_pillow(picture).save(path, **options)
    else:
        picture.save(path, **options)
    return path


def pixels(picture: Picture) -> np.ndarray:
    """(H, W, 3) in 0..255, not rounded."""
    return picture.image[0].permute(1, 2, 0).numpy() * 255


def check(picture: Picture, expected, tolerance: float = 0.51) -> None:
    """The picture has the colours `expected` (broadcast to its size), and is a tensor as promised."""
    image = picture.image
    assert image.dtype == torch.float32 and image.device.type == "cpu" and image.shape[:2] == (1, 3)
    assert image.min() >= 0 and image.max() <= 1 and image.is_contiguous()
    np.testing.assert_allclose(pixels(picture), np.broadcast_to(expected, pixels(picture).shape), atol=tolerance)


def refused(path, message: str, error: type[Exception] = PictureError, **options) -> None:
    """Opening fails with one sentence that holds `message`, names a remedy and shows no path and no jargon."""
    with pytest.raises(error) as caught:
        open_picture(path, **options)
    said = str(caught.value)
    assert message in said
    assert said[0].isupper() and said.endswith(".") and said.count(". ") == 0 and ";" in said
    assert str(Path(path).parent) not in said and "Error" not in said and "object at" not in said


# ------------------------------------------------------------------------------------------------------ formats


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.ppm", "a.webp", "a.jp2"])
def test_lossless_formats_arrive_exactly(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    picture = open_picture(saved(tmp_path, Image.fromarray(NOISE), name, **options))
    check(picture, NOISE, 0.001)
    assert picture.size == (6, 9) and picture.alpha is None and picture.note == ""


@pytest.mark.parametrize("name", ["a.jpg", "a.avif", "a.heic"])
def test_lossy_formats_arrive_nearly(tmp_path, name):
    if name.endswith("avif") and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    check(open_picture(saved(tmp_path, Image.new("RGB", (32, 20), (200, 90, 30)), name, quality=95)), (200, 90, 30), 4)


def test_path_may_be_text_or_pathlike_and_name_may_lie(tmp_path):
    path = saved(tmp_path, Image.fromarray(NOISE), "really-a-png.jpg", format="PNG")
    for kind in (path, str(path)):
        check(open_picture(kind), NOISE, 0.001)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.tif", "a.png"])
def test_first_frame_of_many(tmp_path, name):
    frames = [Image.new("RGB", (8, 4), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if name.endswith("webp") else {}
    path = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], **options)
    picture = open_picture(path)
    check(picture, (255, 0, 0))
    assert picture.note == "first frame only"


def test_phone_photo_with_a_second_picture_inside_needs_no_note(tmp_path):
    first, second = Image.new("RGB", (64, 48), (0, 128, 0)), Image.new("RGB", (64, 48))
    picture = open_picture(saved(tmp_path, first, "a.mpo", save_all=True, append_images=[second]))
    check(picture, (0, 128, 0), 3)
    assert picture.note == ""


# -------------------------------------------------------------------------------------------------------- modes


def test_one_bit(tmp_path):
    bits = np.array([[0, 255, 255], [255, 0, 0]], np.uint8)
    check(open_picture(saved(tmp_path, Image.fromarray(bits).convert("1"))), bits[..., None], 0.001)


def test_grey(tmp_path):
    check(open_picture(saved(tmp_path, Image.fromarray(NOISE[..., 0]))), NOISE[..., :1], 0.001)


def test_grey_with_alpha(tmp_path):
    picture = open_picture(saved(tmp_path, Image.merge("LA", [Image.new("L", (5, 4), v) for v in (100, 51)])))
    check(picture, 100 * 0.2 + 255 * 0.8, 0.01)  # a fifth of the grey over white
    assert picture.alpha is not None and torch.allclose(picture.alpha, torch.tensor(0.2))


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.bmp", "a.tif"])
def test_palette(tmp_path, name):
    picture = Image.new("P", (4, 3), 1)
    picture.putpalette([0, 0, 0, 200, 100, 50])
    opened = open_picture(saved(tmp_path, picture, name))
    check(opened, (200, 100, 50), 0.001)
    assert opened.alpha is None


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])])
def test_palette_with_transparency(tmp_path, transparency):
    picture = Image.fromarray(np.array([[0, 1, 0]], np.uint8)).convert("P")
    picture.putpalette([10, 20, 30, 200, 100, 50])
    opened = open_picture(saved(tmp_path, picture, "a.png", transparency=transparency))
    check(opened, [[(10, 20, 30), (255, 255, 255), (10, 20, 30)]], 0.001)
    assert opened.alpha is not None and opened.alpha.flatten().tolist() == [1, 0, 1]


@pytest.mark.parametrize(("mode", "hidden"), [("L", 7), ("RGB", (7, 8, 9))])
def test_one_transparent_colour(tmp_path, mode, hidden):
    picture = Image.new(mode, (2, 1), hidden)
    picture.putpixel((0, 0), 50 if mode == "L" else (50, 50, 50))
    opened = open_picture(saved(tmp_path, picture, "a.png", transparency=hidden))
    check(opened, [[(50, 50, 50), (255, 255, 255)]], 0.001)
    assert opened.alpha is not None and opened.alpha.flatten().tolist() == [1, 0]


def test_cmyk_without_profile(tmp_path):
    opened = open_picture(saved(tmp_path, Image.new("CMYK", (32, 32), (255, 0, 0, 0)), "a.tif"))
    check(opened, (0, 255, 255))  # full cyan ink, nothing else
    assert opened.note == "converted from CMYK"


def test_inverted_cmyk_of_adobe_jpegs(tmp_path):
    path = saved(tmp_path, Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "a.jpg", quality=95)
    assert b"Adobe" in path.read_bytes()
    check(open_picture(path), (255, 0, 0), 3)
    check(open_picture(path, 8), (255, 0, 0), 3)  # decoded at a fraction of its size


def test_ycbcr_tiff(tmp_path):
    ycbcr = Image.new("RGB", (16, 16), (200, 90, 30)).convert("YCbCr")
    path = saved(tmp_path, ycbcr, "a.tif", compression="jpeg")
    with Image.open(path) as picture:
        assert picture.tag_v2[262] == 6  # TIFF 6.0: PhotometricInterpretation is YCbCr
    check(open_picture(path), (200, 90, 30), 3)


@pytest.mark.parametrize("color", [(128, 0, 0), (140, 40, 30), (200, -30, -10), (255, 0, 0), (0, 0, 0)])
def test_lab_tiff(tmp_path, color):
    # CIE 15: f(Y/Yn) = (L* + 16) / 116, f(X/Xn) = f(Y/Yn) + a* / 500, f(Z/Zn) = f(Y/Yn) - b* / 200; L* = 100 is 255
    y = (color[0] / 2.55 + 16) / 116
    f = np.array([y + color[1] / 500, y, y - color[2] / 200])
    xyz_d50 = np.where(f > 6 / 29, f**3, (f - 4 / 29) * 3 * (6 / 29) ** 2) * (0.9642, 1, 0.8249)
    lab = Image.new("LAB", (4, 4), (color[0], color[1] + 128, color[2] + 128))
    check(open_picture(saved(tmp_path, lab, "a.tif")), srgb_of(xyz_d50), 2)


@pytest.mark.parametrize("name", ["ramp.png", "ramp.tif"])
def test_sixteen_bit_grey_stays_a_ramp(tmp_path, name):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(3, 0)
    opened = open_picture(saved(tmp_path, Image.fromarray(ramp), name))
    check(opened, (ramp / 257)[..., None], 0.51)
    assert len(np.unique(pixels(opened))) == 256 and opened.note == ""


def test_sixteen_bit_grey_is_not_stretched(tmp_path):
    dark = np.full((3, 3), 6425, np.uint16)  # a night sky: 25/255
    check(open_picture(saved(tmp_path, Image.fromarray(dark))), 25, 0.001)


def test_sixteen_bit_rgb_png(tmp_path):
    rows = b"".join(b"\0" + struct.pack(">6H", 65535, 0, 25700, 257, 514, 771) for _ in range(2))
    path = tmp_path / "deep.png"
    path.write_bytes(png(2, 2, 16, 2, rows))
    check(open_picture(path), [[(255, 0, 100), (1, 2, 3)]] * 2, 0.001)


def test_float_tiff_in_unit_range_stays(tmp_path):
    check(open_picture(saved(tmp_path, Image.fromarray(np.full((2, 2), 0.4, np.float32)), "a.tif")), 0.4 * 255)


def test_float_tiff_is_stretched_and_says_so(tmp_path):
    values = np.array([[-100, 0, 300, -3.4e38], [np.nan, np.inf, 100, 3e38]], np.float32)
    opened = open_picture(saved(tmp_path, Image.fromarray(values), "a.tif"))
    check(opened, [[[0], [63.75], [255], [0]], [[0], [0], [127.5], [0]]])
    assert opened.note == "stretched from -100..300 to black..white"


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_flat_float_tiff_is_black_and_no_division_by_zero(tmp_path, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(open_picture(saved(tmp_path, Image.fromarray(np.full((2, 2), value, np.float32)), "a.tif")), 0)


def test_whole_numbers_of_32_bits_are_stretched(tmp_path):
    opened = open_picture(saved(tmp_path, Image.fromarray(np.array([[-5, 0, 5]], np.int32)), "a.tif"))
    check(opened, [[[0], [127.5], [255]]])


@pytest.mark.parametrize(("kind", "name"), [(np.uint16, "a.png"), (np.float32, "a.tif")])
def test_deep_pictures_are_converted_without_much_memory(tmp_path, kind, name):
    values = np.zeros((3000, 3000), kind)
    values[:, 1500:] = 60000
    path = saved(tmp_path, Image.fromarray(values), name)
    tracemalloc.start()
    opened = open_picture(path, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * values.size  # bytes; 17 of each pixel when all are converted at once
    assert pixels(opened)[:, :30].max() < 3 and pixels(opened)[:, 34:].min() > 230


# -------------------------------------------------------------------------------------------------------- alpha


def test_alpha_in_is_alpha_out_and_hidden_colour_is_gone(tmp_path):
    alpha = RNG.integers(1, 255, (6, 9, 1), dtype=np.uint8)
    alpha[0, 0] = 0
    opened = open_picture(saved(tmp_path, Image.fromarray(np.concatenate([NOISE, alpha], 2))))
    assert opened.alpha is not None and opened.alpha.shape == (1, 1, 6, 9)
    np.testing.assert_allclose(opened.alpha[0, 0].numpy() * 255, alpha[..., 0], atol=1e-3)
    share = alpha / 255
    check(opened, NOISE * share + 255 * (1 - share), 0.01)
    assert opened.image[..., 0, 0].tolist() == [[1, 1, 1]]


def test_opaque_alpha_is_none(tmp_path):
    assert open_picture(saved(tmp_path, Image.fromarray(NOISE).convert("RGBA"))).alpha is None


def test_hidden_colour_does_not_bleed_when_shrunk(tmp_path):
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[:, ::2] = (0, 0, 255, 255)
    rgba[:, 1::2] = (255, 0, 0, 0)  # red that nobody sees
    opened = open_picture(saved(tmp_path, Image.fromarray(rgba)), 16)
    inside = pixels(opened)[4:-4, 4:-4]
    np.testing.assert_allclose(inside, np.broadcast_to((127.5, 127.5, 255), inside.shape), atol=3)  # blue on white


# ------------------------------------------------------------------------------------------------ upright, sizes

# The corner marks of an upright picture (red top left, lime top right), as the file must store them: Exif 2.32, 4.6.4 A
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.jpg", "a.heic"])
@pytest.mark.parametrize("orientation", STORED)
def test_orientation(tmp_path, orientation, name):
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :32], upright[:16, 32:] = (255, 0, 0), (0, 255, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    options = {"a.webp": {"lossless": True}, "a.jpg": {"quality": 95, "subsampling": 0}}
    exif = exif.tobytes() if name == "a.heic" else exif
    path = saved(tmp_path, stored, name, exif=exif, **options.get(name, {}))
    opened = open_picture(path)
    assert opened.size == (32, 64) and opened.note == ""
    check(opened, upright, {"a.jpg": 8, "a.heic": 16}.get(name, 0.001))
    small = open_picture(path, 16)
    assert small.size == (8, 16) and small.note == "scaled from 64x32 to 16x8"
    np.testing.assert_allclose(pixels(small)[[1, 1, 6], [2, 13, 2]], [(255, 0, 0), (0, 255, 0), (0, 0, 0)], atol=12)


def test_alpha_turns_with_the_picture(tmp_path):
    rgba = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    rgba.putpixel((0, 0), (0, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: the left top goes to the right top
    alpha = open_picture(saved(tmp_path, rgba, exif=exif)).alpha
    assert alpha is not None and alpha.shape == (1, 1, 4, 2)
    assert (alpha[0, 0] == 0).nonzero().tolist() == [[0, 1]]


@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\x7f"])
def test_broken_exif_is_no_reason_to_refuse(tmp_path, exif):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow may say that it is broken
        check(open_picture(saved(tmp_path, Image.new("RGB", (8, 8), "red"), "a.jpg", exif=exif)), (255, 0, 0), 3)


@pytest.mark.parametrize(
    ("full", "size", "expected"),
    [
        ((400, 300), 200, (150, 200)),
        ((300, 400), 200, (200, 150)),
        ((40, 30), 200, (150, 200)),  # enlarged
        ((1, 5000), 512, (512, 1)),
        ((5000, 1), 512, (1, 512)),
        ((1, 1), 1, (1, 1)),
        ((1, 1), 7, (7, 7)),
        ((1000, 333), 100, (33, 100)),
        ((1001, 777), 64, (50, 64)),
    ],
)
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_longest_side(tmp_path, full, size, expected, name):
    opened = open_picture(saved(tmp_path, Image.new("RGB", full, (255, 0, 0)), name), size)
    assert opened.size == expected
    check(opened, (255, 0, 0), 3)
    assert (f"from {full[0]}x{full[1]} to {expected[1]}x{expected[0]}" in opened.note) == (full != expected[::-1])


def test_a_circle_stays_a_circle(tmp_path):
    y, x = np.mgrid[:300, :500]
    disc = np.where((x - 250) ** 2 + (y - 150) ** 2 < 100**2, 0, 255).astype(np.uint8)
    dark = open_picture(saved(tmp_path, Image.fromarray(disc)), 250).image[0, 0] < 0.5
    height, width = int(dark.any(1).sum()), int(dark.any(0).sum())
    assert abs(height - 100) <= 1 and abs(width - 100) <= 1


def test_shrinking_averages(tmp_path):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    inside = pixels(open_picture(saved(tmp_path, Image.fromarray(stripes)), 8))[2:-2, 2:-2]
    np.testing.assert_allclose(inside, 127.5, atol=2)


def test_twenty_megapixels(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (5184, 3888), (10, 200, 90)), "a.jpg")
    opened = open_picture(path, 512)
    assert opened.size == (384, 512) and opened.note == "scaled from 5184x3888 to 512x384"
    check(opened, (10, 200, 90), 3)


@pytest.mark.parametrize("size", [0, -5, 1.5, "512", True, (512, 512)])
def test_impossible_sizes(tmp_path, size):
    refused(saved(tmp_path, Image.fromarray(NOISE)), "at least 1", SizeError, size=size)


def test_a_size_that_would_fill_the_memory(tmp_path):
    refused(saved(tmp_path, Image.new("L", (2, 2))), "choose a smaller size", SizeError, size=20_000)


# ------------------------------------------------------------------------------------------------------ profiles


def s15(value: float) -> bytes:
    """s15Fixed16Number of ICC.1:2010, 4.6."""
    return struct.pack(">i", round(value * 65536))


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A minimal ICC v2 display profile: header (ICC.1:2001-04, 6.1), tag table, tags."""
    offset, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        body += b"\0" * (-len(body) % 4)
        table += struct.pack(">4sII", name, offset + len(data), len(body))
        data += body
    header = struct.pack(">I4sI4s4s4s12s4s", offset + len(data), b"\0" * 4, 0x02100000, b"mntr", space, b"XYZ ",
                         struct.pack(">6H", 2020, 1, 1, 0, 0, 0), b"acsp")  # fmt: skip
    header += b"\0" * 28 + s15(0.9642) + s15(1) + s15(0.8249)  # the D50 illuminant
    return header.ljust(128, b"\0") + table + data


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(s15, values))


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def described(tags: dict[bytes, bytes]) -> dict[bytes, bytes]:
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 78
    return {b"desc": text, b"wtpt": xyz(0.9642, 1, 0.8249), b"cprt": b"text\0\0\0\0none\0", **tags}


ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
"""Adobe RGB (1998), annex C: columns are the D50-adapted XYZ of the primaries; gamma 2.19921875."""
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
"""sRGB's primaries, D50-adapted with Bradford, as in every sRGB profile."""


def srgb_of(xyz_d50: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, in 0..255."""
    linear = np.clip(np.linalg.solve(SRGB, xyz_d50), 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def adobe_profile() -> bytes:
    curves = {name: gamma(2.19921875) for name in (b"rTRC", b"gTRC", b"bTRC")}
    primaries = {name: xyz(*ADOBE[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return profile(b"RGB ", described(curves | primaries))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.heic"])
def test_embedded_profile(tmp_path, name):
    color = (150, 100, 60)
    expected = srgb_of(ADOBE @ (np.array(color) / 255) ** 2.19921875)
    assert abs(expected - color).max() > 8  # the profile makes a difference
    path = saved(tmp_path, Image.new("RGB", (16, 16), color), name, icc_profile=adobe_profile(), quality=95)
    opened = open_picture(path)
    check(opened, expected, 1.5 if name in ("a.png", "a.tif") else 4)
    assert opened.note == ""


def test_profile_keeps_alpha(tmp_path):
    color = (150, 100, 60)
    expected = srgb_of(ADOBE @ (np.array(color) / 255) ** 2.19921875)
    path = saved(tmp_path, Image.new("RGBA", (4, 4), (*color, 51)), icc_profile=adobe_profile())
    check(open_picture(path), expected * 0.2 + 255 * 0.8, 1)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_profile(tmp_path, mode):
    icc = profile(b"GRAY", described({b"kTRC": gamma(1.0)}))  # linear light
    value = {"L": 64, "LA": (64, 255), "I;16": 64 * 257}[mode]
    expected = 255 * (1.055 * (64 / 255) ** (1 / 2.4) - 0.055)  # 137: far from 64
    check(open_picture(saved(tmp_path, Image.new(mode, (4, 4), value), icc_profile=icc)), expected, 1.5)


def test_grey_picture_with_a_colour_profile(tmp_path):
    expected = 255 * (1.055 * ((64 / 255) ** 2.19921875) ** (1 / 2.4) - 0.055)
    opened = open_picture(saved(tmp_path, Image.new("L", (4, 4), 64), icc_profile=adobe_profile()))
    check(opened, expected, 1.5)
    assert opened.note == ""


def test_lab_profile_of_pillow(tmp_path):
    """A profile that Pillow builds: sRGB embedded changes nothing."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    check(open_picture(saved(tmp_path, Image.fromarray(NOISE), icc_profile=icc)), NOISE, 1.01)


@pytest.mark.parametrize(
    ("icc", "mode"),
    [(b"rubbish", "RGB"), (adobe_profile()[:200], "RGB"), (adobe_profile(), "CMYK"),
     (profile(b"GRAY", described({b"kTRC": gamma(1.0)})), "RGB"), (profile(b"RGB ", {}), "RGB")],
)  # fmt: skip
def test_useless_profile_is_ignored(tmp_path, icc, mode):
    plain = open_picture(saved(tmp_path, Image.new(mode, (4, 4), 100), "plain.tif"))
    opened = open_picture(saved(tmp_path, Image.new(mode, (4, 4), 100), "a.tif", icc_profile=icc))
    assert torch.equal(opened.image, plain.image)
    assert "broken colour profile ignored" in opened.note and "broken" not in plain.note


def test_cmyk_through_its_profile(tmp_path, monkeypatch):
    """No CMYK profile is small enough to be made here, so the call is watched: the CMYK numbers meet the profile."""
    seen = []

    def through(im, icc):
        seen.append((im.mode, im.getpixel((0, 0)), icc))
        return Image.new("RGB", im.size, (1, 2, 3))

    monkeypatch.setattr(pictures, "_through_profile", through)
    path = saved(tmp_path, Image.new("CMYK", (2, 2), (9, 8, 7, 6)), "a.tif", icc_profile=b"any")
    check(open_picture(path), (1, 2, 3), 0.001)
    assert seen == [("CMYK", (9, 8, 7, 6), b"any")]


# -------------------------------------------------------------------------------------------------- what is refused


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, kind: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bomb(path: Path, side: int, extra: bytes = b"") -> Path:
    """A whole and valid 1-bit picture that is small as a file."""
    path.write_bytes(png(side, side, 1, 0, (b"\0" * (1 + (side + 7) // 8)) * side, extra))
    assert path.stat().st_size < 1_000_000
    return path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jpg", b"", "empty"),
        ("text.jpg", "Grüße, this is a letter.\n".encode(), "text"),
        ("python.jpg", b"Python is no picture\n", "text"),
        ("page.png", b"<!doctype html><html></html>", "text"),
        ("draw.png", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        ("paper.jpg", b"%PDF-1.7\n\x00\x01\x02", "PDF"),
        ("art.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "PostScript"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64, "damaged"),
        ("phone2.heic", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + b"\0" * 64, "damaged"),
        ("film.jpg", b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + b"\0" * 64, "video"),
        ("data.jpg", bytes(range(256)), "not a picture"),
        ("two.jpg", b"\xff\xd8", "damaged"),
        ("short.webp", b"RIFF\x20\0\0\0WEBPVP8 ", "damaged"),
    ],
)
def test_what_is_no_picture(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, message)


def test_missing_file_and_folder(tmp_path):
    refused(tmp_path / "none.png", "no such file")
    refused(tmp_path, "no such file")


def test_unreadable_file(tmp_path, monkeypatch):
    def forbidden(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(args[0]))

    path = saved(tmp_path, Image.fromarray(NOISE))
    monkeypatch.setattr("builtins.open", forbidden)
    refused(path, "may not be read")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.tif", "a.bmp", "a.ppm", "a.jp2", "a.heic"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_truncated(tmp_path, name, share):
    noise = Image.fromarray(RNG.integers(0, 256, (100, 100, 3), dtype=np.uint8))
    path = saved(tmp_path, noise, name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused(path, "damaged")


def test_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = bomb(tmp_path / "bomb.png", 13_000)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(path, "13000x13000")


@pytest.mark.parametrize(("side", "opens"), [(9_700, True), (30_000, False)])
def test_pillows_own_limits_say_nothing(tmp_path, monkeypatch, side, opens):
    """Pillow warns at 89 million pixels and raises at 179 million; only our own limit counts, without a warning."""
    monkeypatch.setattr(pictures, "_finished", lambda *args: args)  # 94 million pixels as floats would take a second
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if opens:
            assert open_picture(bomb(tmp_path / "big.png", side))[1] == (side, side)
        else:
            refused(bomb(tmp_path / "big.png", side), "30000x30000")


def test_the_limit_is_the_callers(tmp_path):
    path = saved(tmp_path, Image.fromarray(NOISE))
    refused(path, "9x6", max_pixels=53)
    assert open_picture(path, max_pixels=54).size == (6, 9)


def test_a_large_heic_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("RGB", (600, 400)), "a.heic")
    assert open_picture(path, max_pixels=600 * 400).size == (400, 600)
    monkeypatch.setattr(pillow_heif.HeifImageFile, "load", lambda self: pytest.fail("decoded"))
    refused(path, "600x400", max_pixels=600 * 400 - 1)


def test_a_heic_that_lies_about_its_size_is_not_decoded(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (6000, 4000)), "a.heic")
    said = b"ispe\0\0\0\0" + struct.pack(">II", 6000, 4000)  # ISO/IEC 23008-12, 6.5.3: the box that holds width and height
    assert said in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(said, said[:8] + struct.pack(">II", 64, 64)))
    refused(path, "damaged", max_pixels=100_000)


def test_text_bomb_inside_a_png(tmp_path):
    hidden = chunk(b"zTXt", b"stylekit\0\0" + zlib.compress(b" " * 50_000_000, 9))
    path = bomb(tmp_path / "text.png", 8, hidden)
    refused(path, "damaged")
    with pytest.raises(PictureError):
        read_recipe_json(path)


def test_pillows_settings_stay_as_they_are(tmp_path):
    """In a process of its own, where nobody else has changed anything: a limit changed and changed back counts too."""
    bomb(tmp_path / "bomb.png", 13_000)
    code = """if True:
        import sys, warnings
        from PIL import Image, ImageFile, PngImagePlugin
        Image.init()
        readers = list(Image.OPEN)
        from stylekit import errors, pictures
        names = [(Image, "MAX_IMAGE_PIXELS"), (ImageFile, "LOAD_TRUNCATED_IMAGES"), (PngImagePlugin, "MAX_TEXT_CHUNK")]
        before = [getattr(*name) for name in names], list(warnings.filters)
        for path in sys.argv[1:]:
            try: pictures.open_picture(path)
            except errors.PictureError: pass
        assert before == ([getattr(*name) for name in names], list(warnings.filters)) and readers == list(Image.OPEN)
    """
    good = [saved(tmp_path, Image.fromarray(NOISE), name) for name in ("a.png", "a.heic")]
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "bomb.png", *good],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


# ------------------------------------------------------------------------------------------------------------- out


def test_to_array_rounds_clamps_and_hides_what_is_not_finite():
    values = torch.tensor([0.0, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1.0, 1.7, -0.3, torch.nan, torch.inf, -torch.inf])
    array = to_array(values.expand(1, 3, 1, -1))
    assert array.dtype == np.uint8 and array.shape == (1, 10, 3)
    assert array[0, :, 1].tolist() == [0, 0, 1, 255, 255, 255, 0, 0, 0, 0]


def test_to_pil_keeps_channels_apart_and_takes_graphs_halves_and_grey():
    image = torch.tensor(NOISE.copy()).permute(2, 0, 1)[None] / 255
    assert np.array_equal(np.asarray(to_pil(image)), NOISE)
    assert np.array_equal(np.asarray(to_pil(image.clone().requires_grad_())), NOISE)
    assert to_pil(image.bfloat16()).size == (9, 6)
    assert np.array_equal(to_array(image[:, :1]), NOISE[..., :1].repeat(3, 2))


def test_to_pil_resizes_alpha():
    picture = to_pil(torch.zeros(1, 3, 4, 6), torch.full((1, 1, 2, 3), 0.2))
    assert picture.mode == "RGBA" and picture.size == (6, 4) and picture.getpixel((5, 3)) == (0, 0, 0, 51)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    image = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(to_array(image.cuda()), to_array(image))


@pytest.fixture
def image() -> torch.Tensor:
    return torch.tensor(NOISE.copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.tif", "a.tiff"])
def test_saved_exactly(tmp_path, image, name):
    alpha = torch.linspace(0.2, 1, 54).reshape(1, 1, 6, 9)
    save_picture(tmp_path / name, image, alpha=alpha, recipe_json=RECIPE)
    with Image.open(tmp_path / name) as picture:
        assert picture.mode == "RGBA"
        assert np.array_equal(np.asarray(picture)[..., :3], NOISE)
        assert abs(np.asarray(picture)[..., 3] - alpha[0, 0].numpy() * 255).max() <= 0.51


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_saved_nearly(tmp_path, name):
    smooth = torch.tensor([0.9, 0.4, 0.1]).reshape(1, 3, 1, 1).expand(1, 3, 16, 16)
    save_picture(tmp_path / name, smooth)
    check(open_picture(tmp_path / name), (229.5, 102, 25.5), 4)


def test_jpeg_lies_on_white(tmp_path):
    save_picture(tmp_path / "a.jpg", torch.zeros(1, 3, 8, 8), alpha=torch.full((1, 1, 8, 8), 0.2))
    check(open_picture(tmp_path / "a.jpg"), 204, 3)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_recipe_round_trip(tmp_path, image, name):
    save_picture(str(tmp_path / name), image, recipe_json=RECIPE)
    text = read_recipe_json(str(tmp_path / name))
    assert text == RECIPE and type(text) is str
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_recipe_is_read_without_decoding(tmp_path, image, name, monkeypatch):
    save_picture(tmp_path / name, image, recipe_json=RECIPE)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    assert read_recipe_json(tmp_path / name) == RECIPE


def test_recipe_of_a_huge_picture(tmp_path):
    text = chunk(b"iTXt", b"stylekit\0\0\0\0\0" + RECIPE.encode())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_recipe_json(bomb(tmp_path / "huge.png", 13_000, text)) == RECIPE


def test_picture_says_srgb(tmp_path, image):
    save_png(tmp_path / "a.png", image)
    assert chunk(b"sRGB", b"\1") in (tmp_path / "a.png").read_bytes()
    save_picture(tmp_path / "a.jpg", image)
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.getexif().get_ifd(0x8769)[0xA001] == 1


def test_save_png_ignores_the_name(tmp_path, image):
    save_png(tmp_path / "frame", image, recipe_json=RECIPE)
    assert (tmp_path / "frame").read_bytes().startswith(b"\x89PNG") and read_recipe_json(tmp_path / "frame") == RECIPE


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n  "])
def test_recipe_of_a_json_file(tmp_path, start):
    (tmp_path / "r.json").write_bytes(start + RECIPE.encode())
    assert read_recipe_json(tmp_path / "r.json").strip() == RECIPE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{" + b" " * 1_000_000 + b"}", "megabyte"),
        (b'{"a": "\xff\xfe"}', "UTF-8"),
        (b"", "empty"),
        (b"a letter", "text"),
    ],
)
def test_no_recipe_in_a_file(tmp_path, content, message):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(PictureError, match=message):
        read_recipe_json(tmp_path / "r.json")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.gif"])
def test_no_recipe_in_a_picture(tmp_path, name):
    with pytest.raises(PictureError, match="carries no stylekit recipe"):
        read_recipe_json(saved(tmp_path, Image.fromarray(NOISE), name))


@pytest.mark.parametrize("comment", [b"ASCII\0\0\0stylekit {}", b"UNICODE\0" + "a camera".encode("utf-16"), b"UNI"])
def test_comments_of_cameras_are_no_recipes(tmp_path, comment):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    with pytest.raises(PictureError, match="carries no stylekit recipe"):
        read_recipe_json(saved(tmp_path, Image.fromarray(NOISE), "a.jpg", exif=exif))


def test_recipe_too_long(tmp_path, image):
    for name, length in (("a.png", 1_000_001), ("a.jpg", 40_000)):
        with pytest.raises(PictureError):
            save_picture(tmp_path / name, image, recipe_json="x" * length)
    save_picture(tmp_path / "b.jpg", image, recipe_json="x" * 32_000)
    save_picture(tmp_path / "b.png", image, recipe_json="x" * 1_000_000)
    assert sorted(os.listdir(tmp_path)) == ["b.jpg", "b.png"]


def test_too_large_for_webp(tmp_path):
    with pytest.raises(PictureError, match="save it as PNG"):
        save_picture(tmp_path / "a.webp", torch.zeros(1, 3, 1, 16_400))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a.bmp", "a.gif", "a", "a.jpg.exe"])
def test_unknown_extension(tmp_path, image, name):
    with pytest.raises(PictureError, match=r"\.png, \.jpg, \.jpeg, \.webp, \.tif"):
        save_picture(tmp_path / name, image)
    assert os.listdir(tmp_path) == []


def test_nowhere_to_save(tmp_path, image):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    for path, message in (("none/a.png", "does not exist"), ("file/a.png", "does not exist"), ("folder.png", "folder")):
        with pytest.raises(PictureError, match=message) as caught:
            save_picture(tmp_path / path, image)
        assert str(tmp_path) not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.parametrize(("number", "message"), [(13, "permission denied"), (28, "no space left")])
def test_a_failed_save_leaves_the_old_picture_and_nothing_else(tmp_path, image, monkeypatch, number, message):
    save_png(tmp_path / "a.png", image)
    before = (tmp_path / "a.png").read_bytes()

    def half(self, file, *args, **kwargs):
        file.write(b"half a picture")
        file.flush()
        assert (tmp_path / "a.png").read_bytes() == before and len(os.listdir(tmp_path)) == 2
        raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(PictureError, match=message) as caught:
        save_png(tmp_path / "a.png", 1 - image)
    assert str(tmp_path) not in str(caught.value)
    assert (tmp_path / "a.png").read_bytes() == before and os.listdir(tmp_path) == ["a.png"]


def test_an_interrupted_save_leaves_nothing(tmp_path, image, monkeypatch):
    def interrupted(self, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_png(tmp_path / "a.png", image)
    assert os.listdir(tmp_path) == []


def test_a_save_replaces_and_obeys_the_umask(tmp_path, image):
    save_png(tmp_path / "a.png", image)
    save_png(tmp_path / "a.png", 1 - image)
    check(open_picture(tmp_path / "a.png"), 255 - NOISE.astype(int), 0.51)
    (tmp_path / "other").write_text("")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode  # not 0600, as mkstemp would


def test_open_then_save_then_open_changes_nothing(tmp_path):
    first = open_picture(saved(tmp_path, Image.fromarray(NOISE)))
    save_png(tmp_path / "b.png", first.image, alpha=first.alpha)
    assert torch.equal(open_picture(tmp_path / "b.png").image, first.image)


def test_a_picture_is_frozen_and_comparable():
    picture = Picture(torch.rand(1, 3, 2, 5))
    assert picture.size == (2, 5) and picture == picture and picture != Picture(picture.image)
    with pytest.raises(AttributeError):
        picture.note = "changed"  # type: ignore[misc]


def test_nothing_is_printed(tmp_path, capsys):
    open_picture(saved(tmp_path, Image.fromarray(NOISE)), 4)
    save_picture(tmp_path / "a.jpg", torch.rand(1, 3, 4, 4))
    assert capsys.readouterr() == ("", "")
