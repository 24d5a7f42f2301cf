"""Picture files: open anything people really have, upright and in sRGB, and save with the recipe inside.

An image is a tensor (1, 3, H, W), float32, sRGB in [0, 1]; alpha is (1, 1, H, W), 1 where opaque. A size is
(height, width) everywhere except where it says otherwise, because Pillow says (width, height).

Nothing here touches Pillow's global settings or Python's warning filters: other threads share them.

Sources: PNG, third edition (chunks sRGB and iTXt); Exif 2.32, JEITA CP-3451 (Orientation, ColorSpace, UserComment).
"""

import contextlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageCms, PngImagePlugin
from PIL.ImageFile import ImageFile
from pillow_heif import HeifImageFile
from torch import Tensor

from stylekit.errors import PictureError, SizeError
from stylekit.resize import check_size, fit

MAX_PIXELS = 100_000_000
"""Largest picture that is decoded unless the caller says otherwise: a 100-megapixel camera still works."""

STRIP = 2**20
"""Pixels of a picture of more than 8 bits that are converted at a time."""

MAX_RECIPE_BYTES = 1_000_000
"""Longest recipe that is written or read."""

READABLE = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000")
"""Pillow's names of the formats that are tried, before HEIF. No others: some run foreign programs (EPS starts Ghostscript)."""

WRITABLE = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
"""File extensions that can be saved, with Pillow's name of the format."""

KEYWORD = "stylekit"
"""Marks our recipe among other people's text in a picture."""

# Exif tags, by their number in the standard
ORIENTATION, EXIF_IFD, COLOR_SPACE, USER_COMMENT = 0x0112, 0x8769, 0xA001, 0x9286

UNICODE_COMMENT = b"UNICODE\0"
"""Exif 2.32, 4.6.5: the first 8 bytes of a UserComment name its character code; this one means UTF-16."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture with this Exif Orientation upright; 1 is upright already."""

PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
"""The Pillow mode that an ICC profile of each colour space speaks about."""

NOT_PICTURES = (
    (b"%PDF", "This is a PDF, not a picture; export the page as JPEG or PNG."),
    (b"%!PS", "This is a PostScript drawing, which has no pixels; export it as PNG."),
)
"""First bytes of files that people take for pictures, and what to tell them."""

PICTURES = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"GIF8", b"II*\0", b"MM\0*", b"BM", b"\0\0\0\x0cjP")
"""First bytes of files that are pictures, though they could not be opened."""

DAMAGED = "This picture is damaged or of a rare kind that cannot be read; copy it again or save it as JPEG or PNG."


@dataclass(frozen=True, eq=False)  # eq would compare tensors, which have no single truth value
class Picture:
    """A picture as the studio needs it: upright, sRGB, on white."""

    image: Tensor
    """(1, 3, H, W), float32, sRGB in [0, 1], on the CPU"""
    alpha: Tensor | None = None
    """(1, 1, H, W), float32 in [0, 1], or None when the whole picture is opaque"""
    note: str = ""
    """what was done to it, such as "scaled from 5184x3888 to 1024x768"; empty when there is nothing to tell"""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.image.shape[-2], self.image.shape[-1]


# ---------------------------------------------------------------------------------------------- which file is this?


def _opened(path: str | os.PathLike[str]) -> IO[bytes]:
    """The file at `path`, open for reading and not empty; PictureError otherwise."""
    if not os.path.isfile(path):
        raise PictureError("There is no such file; choose a JPEG or PNG picture.")
    if os.path.getsize(path) == 0:
        raise PictureError("This file is empty; copy it again or choose another.")
    try:
        return open(path, "rb")
    except OSError as error:
        raise PictureError("This file may not be read; copy it to another place or choose another.") from error


def _why_not(file: IO[bytes]) -> str:
    """One sentence on why `file` is no picture that can be opened."""
    file.seek(0)
    head = file.read(4096)
    for magic, message in NOT_PICTURES:
        if head.startswith(magic):
            return message
    if b"<svg" in head:
        return "This is an SVG drawing, which has no pixels; export it as PNG."
    if head[4:8] == b"ftyp":
        return _why_not_boxed(head)
    if head.startswith(PICTURES):
        return DAMAGED
    if not any(byte < 9 or 13 < byte < 32 for byte in head):  # no control characters but tabs and line ends
        return "This file is text, not a picture; choose a JPEG or PNG picture."
    return "This file is not a picture of a kind that can be read here; save it as JPEG or PNG."


def _why_not_boxed(head: bytes) -> str:
    """The same for the family of HEIC, AVIF and MP4, which name their brands in the first box, `ftyp`."""
    brands = head[8 : int.from_bytes(head[:4], "big")]
    if any(brand in brands for brand in (b"avi", b"hei", b"hev", b"mif1", b"msf1")):
        return DAMAGED
    return "This is a video, not a picture; save one of its frames as JPEG or PNG."


def _readers(head: bytes) -> Iterator[Callable[[IO[bytes], str], ImageFile]]:
    """What may read a file with these first bytes. Pillow is not told how to read HEIF: it would be for the whole process."""
    Image.init()
    for name in READABLE:
        if name in Image.OPEN:  # this Pillow may have been built without it
            read, accepts = Image.OPEN[name]
            if accepts is None or accepts(head) is True:
                yield read
    if head[4:8] == b"ftyp":
        yield HeifImageFile


def _identify(file: IO[bytes]) -> ImageFile:
    """The picture in `file`, its header read and its pixels not; PictureError when there is none.

    This asks Pillow's readers one by one, as Image.open does, because Image.open also warns about large pictures at a
    limit of its own, and silencing a warning in one thread changes the filters of all.
    """
    file.seek(0)
    for read in _readers(file.read(16)):
        file.seek(0)
        # A damaged header can make Pillow raise nearly anything: its readers index and unpack what the file claims.
        with contextlib.suppress(Exception):
            return read(file, "")
    raise PictureError(_why_not(file))


def _check_pixels(full: tuple[int, int], target: tuple[int, int], max_pixels: int) -> None:
    """Refuses more pixels than `max_pixels` before memory is taken for them."""
    if full[0] * full[1] > max_pixels:
        raise PictureError(
            f"This picture has {full[0]}x{full[1]} pixels, more than the {max_pixels / 1e6:g} million that can be"
            " opened; scale it down first."
        )
    if target[0] * target[1] > max_pixels:
        raise SizeError(
            f"At this size the picture would have {target[0]}x{target[1]} pixels, more than {max_pixels / 1e6:g}"
            " million; choose a smaller size."
        )


# ------------------------------------------------------------------------------- from any mode to sRGB with 8 bits


def _scaled(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """(width, height) with the longer side `longest` and the aspect ratio kept; None changes nothing."""
    if longest is None:
        return width, height
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _has_frames(im: ImageFile) -> bool:
    """Whether `im` is an animation or has several pages; the depth or gain map in a phone's MPO is no page."""
    with contextlib.suppress(Exception):  # if the later frames are damaged, the first may still be whole
        return im.format != "MPO" and bool(getattr(im, "is_animated", False))
    return False


def _decode(im: ImageFile, longest: int | None) -> tuple[int, int]:
    """Decodes the pixels of `im`, large JPEGs at a fraction of their size; returns the full (width, height)."""
    full = im.size
    # A JPEG halves for free while it is decoded; twice the size wanted leaves enough for LANCZOS.
    width, height = _scaled(*full, longest)
    drafted = longest is not None and im.draft(None, (2 * width, 2 * height)) is not None
    try:
        im.load()
    except MemoryError as error:
        raise PictureError("This picture needs more memory than there is; scale it down first.") from error
    except Exception as error:  # as in _identify: decoders raise nearly anything
        raise PictureError(DAMAGED) from error
    return full if drafted else im.size  # a TIFF turns itself upright as it loads


def _strips(im: Image.Image) -> Iterator[npt.NDArray[np.float32]]:
    """The values of a grey picture of more than 8 bits, some rows (h, W) at a time: all at once would be many times the file."""
    rows = max(1, STRIP // im.width)
    for top in range(0, im.height, rows):
        yield np.asarray(im.crop((0, top, im.width, min(top + rows, im.height)))).astype(np.float32)


def _known(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Where values are numbers: not NaN, infinity, or the -3.4e38 by which maps say "no data"."""
    return np.abs(values) < 1e30


def _white_of(im: Image.Image) -> tuple[float, float]:
    """The values that are black and white in a grey picture of more than 8 bits.

    16-bit files say it themselves: 0 and 65535. Whole or float numbers of 32 bits have no white of their own: they
    stay when they lie in [0, 1], and are otherwise stretched from the smallest to the largest.
    """
    if im.mode.startswith("I;16") or (im.mode == "I" and im.format in ("PNG", "PPM")):
        return 0.0, 65535.0
    known = (values[_known(values)] for values in _strips(im))
    ends = [(float(values.min()), float(values.max())) for values in known if values.size] or [(0.0, 0.0)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _eight_bit(im: Image.Image) -> tuple[Image.Image, str]:
    """A grey picture of 16 or 32 bits as mode L, and a note when its values had to be stretched."""
    low, high = _white_of(im)
    grey = np.empty((im.height, im.width), np.uint8)
    top = 0
    for values in _strips(im):
        unit = (np.where(_known(values), values, low) - low) / ((high - low) or 1)
        grey[top : top + len(values)] = np.rint(unit * 255)
        top += len(values)
    note = f"stretched from {low:g}..{high:g} to black..white" if (low, high) not in ((0, 1), (0, 65535)) else ""
    return Image.fromarray(grey), note


def _plain(im: Image.Image) -> tuple[Image.Image, str]:
    """`im` in a mode whose numbers may be averaged (L, LA, RGB, RGBA, CMYK, LAB), and a note if that needs words."""
    if im.mode[0] in "IF":
        return _eight_bit(im)
    if im.has_transparency_data:  # an alpha channel, or one transparent colour
        return im.convert("LA" if im.mode in ("1", "L", "LA", "La") else "RGBA"), ""
    return (im if im.mode in ("L", "RGB", "CMYK", "LAB") else im.convert("RGB")), ""  # 1, P, YCbCr, HSV


def _upright(im: Image.Image, orientation: object) -> Image.Image:
    """`im` as the Exif `orientation` of its file wants it; without one, or with nonsense, as it is."""
    return im.transpose(UPRIGHT[orientation]) if isinstance(orientation, int) and orientation in UPRIGHT else im


def _exif_tag(im: Image.Image, tag: int, block: int | None = None) -> Any:
    """The value of one Exif tag of `im`, None where there is none or the block is damaged: no reason to refuse."""
    try:
        exif = im.getexif()
        return (exif if block is None else exif.get_ifd(block)).get(tag)
    except Exception:  # Pillow's Exif reader raises nearly anything on a damaged block
        return None


def _through_profile(im: Image.Image, icc: bytes) -> Image.Image:
    """`im`, whose numbers mean what the ICC profile says, as sRGB; raises what ImageCms raises on a broken profile."""
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    mode = PROFILE_MODES[profile.profile.xcolor_space.strip()]
    if mode == "RGB" and im.mode == "L":  # grey saved with its camera's profile: three equal channels
        im = im.convert("RGB")
    if mode != im.mode:
        raise ValueError(f"a {mode} profile in a {im.mode} picture")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    return cast(Image.Image, ImageCms.profileToProfile(im, profile, srgb, intent, outputMode="RGB", flags=flags))


def _to_srgb(im: Image.Image, icc: bytes | None) -> tuple[Image.Image, str]:
    """`im` (L, RGB, CMYK or LAB) as RGB, and a note when its embedded profile was of no use."""
    if icc:
        try:
            return _through_profile(im, icc), ""
        except (ImageCms.PyCMSError, OSError, ValueError, KeyError, TypeError):
            return im.convert("RGB"), "broken colour profile ignored"
    return im.convert("RGB"), ""


def _tensor(im: Image.Image) -> Tensor:
    """A picture of mode L or RGB as (1, C, H, W), float32 in [0, 1]."""
    values = np.asarray(im, dtype=np.float32) / 255
    return torch.from_numpy(np.atleast_3d(values)).permute(2, 0, 1)[None].contiguous()


def _painted(im: Image.Image, icc: bytes | None) -> tuple[Tensor, Tensor | None, str]:
    """(image on white, alpha or None when opaque, note) of a picture in one of the modes of `_plain`."""
    alpha = _tensor(im.getchannel("A")) if im.mode in ("LA", "RGBA") else None
    rgb, note = _to_srgb(im.convert(im.mode.removesuffix("A")) if alpha is not None else im, icc)
    image = _tensor(rgb)
    if alpha is None or bool((alpha == 1).all()):
        return image, None, note
    return image * alpha + (1 - alpha), alpha, note


def open_picture(
    path: str | os.PathLike[str], size: int | None = None, *, enlarge: bool = True, max_pixels: int = MAX_PIXELS
) -> Picture:
    """Opens a picture of any usual kind: upright, in sRGB, on white, its longest side `size` pixels (None: as it is).

    With `enlarge` False, a smaller one stays as it is: an enlarged artwork has strokes that its painter did not make. Of an
    animation or a file of several pages, the first frame. Raises PictureError when the file is no picture that can be
    painted with or has more than `max_pixels` pixels, SizeError when `size` cannot be.
    """
    if size is not None:
        check_size(size)
    with _opened(path) as file:
        im = _identify(file)
        size = size if enlarge or size is None else min(size, max(im.size))
        _check_pixels(im.size, _scaled(*im.size, size), max_pixels)
        frames = "first frame only" if _has_frames(im) else ""
        full = _decode(im, size)
    return _finished(im, full, _scaled(*full, size), frames)


def _finished(im: ImageFile, full: tuple[int, int], target: tuple[int, int], note: str) -> Picture:
    """The decoded `im` as a Picture; `full` and `target` are (width, height) as stored, before it is turned upright."""
    plain, deep = _plain(im)
    if plain.size != target:
        plain = plain.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
    orientation = _exif_tag(im, ORIENTATION)
    image, alpha, profile = _painted(_upright(plain, orientation), im.info.get("icc_profile"))
    if orientation in (5, 6, 7, 8):  # lying on its side
        full, target = full[::-1], target[::-1]
    scaled = f"scaled from {full[0]}x{full[1]} to {target[0]}x{target[1]}" if full != target else ""
    cmyk = "converted from CMYK" if im.mode == "CMYK" else ""
    return Picture(image, alpha, ", ".join(filter(None, (note, cmyk, deep, profile, scaled))))


def format_of(path: str | os.PathLike[str]) -> str:
    """Pillow's name of a picture's format, by what is in the file; raises PictureError when it is no picture."""
    with _opened(path) as file:
        return _identify(file).format or ""


def size_of(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(height, width) of the picture in a file, before it is turned upright. Raises PictureError."""
    with _opened(path) as file:
        width, height = _identify(file).size
        return height, width


def open_mask(path: str | os.PathLike[str], size: int | None = None) -> Tensor:
    """Opens a picture as a mask (1, 1, H, W) in [0, 1]: white is 1, black and what is transparent are 0.

    Raises what `open_picture` raises.
    """
    picture = open_picture(path, size)
    mask = picture.image.mean(1, keepdim=True)
    return mask if picture.alpha is None else mask * picture.alpha


# ------------------------------------------------------------------------------------------------------- out again


def _bytes_of(image: Tensor) -> npt.NDArray[np.uint8]:
    """(1, C, H, W) in [0, 1] on any device -> (H, W, C): rounded, clamped, 0 where not finite."""
    finite = image.detach()[0].float().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
    return cast(npt.NDArray[np.uint8], (finite.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def to_array(image: Tensor) -> npt.NDArray[np.uint8]:
    """`image` (1, 3, H, W), or (1, 1, H, W) for grey, as uint8 (H, W, 3): rounded, clamped, 0 where not finite."""
    return np.ascontiguousarray(_bytes_of(image.expand(-1, 3, -1, -1)))


def to_pil(image: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """`image` as a Pillow picture: RGB, or RGBA with `alpha` (1, 1, H, W), which is resized to the image if need be."""
    picture = Image.fromarray(to_array(image))
    if alpha is not None:
        picture.putalpha(Image.fromarray(_bytes_of(fit(alpha, (picture.height, picture.width)))[..., 0]))
    return picture


def _on_white(picture: Image.Image) -> Image.Image:
    """An RGBA picture as RGB, for formats without alpha."""
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _png_chunks(recipe_json: str | None) -> PngImagePlugin.PngInfo:
    """The sRGB chunk, and the recipe as international text (UTF-8), ahead of the pixels and found without them."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"sRGB", b"\x01")  # rendering intent 1: relative colorimetric
    if recipe_json is not None:
        chunks.add_itxt(KEYWORD, recipe_json)
    return chunks


def _exif_block(recipe_json: str | None) -> bytes:
    """Exif that says sRGB, with the recipe as the UserComment: our keyword, a space, the JSON."""
    tags: dict[int, int | bytes] = {COLOR_SPACE: 1}
    if recipe_json is not None:
        tags[USER_COMMENT] = UNICODE_COMMENT + f"{KEYWORD} {recipe_json}".encode("utf-16")
    exif = Image.Exif()
    exif[EXIF_IFD] = tags
    return exif.tobytes()  # as bytes, because Pillow's TIFF writer overlooks the inner block of an Exif object


def _saving(kind: str, recipe_json: str | None) -> dict[str, Any]:
    """What Pillow needs to know to save as `kind` (a value of WRITABLE)."""
    if kind == "PNG":
        return {"pnginfo": _png_chunks(recipe_json)}
    quality = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}}
    return {"exif": _exif_block(recipe_json)} | quality.get(kind, {})


def _why_not_saved(error: Exception) -> str:
    """One sentence on why a picture could not be written, without the path that an OSError names."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "The folder to save in does not exist; make it first or choose another."
    if isinstance(error, IsADirectoryError):
        return "A folder has this name already; choose another name."
    if isinstance(error, OSError) and error.errno is not None:
        return f"The picture could not be saved ({os.strerror(error.errno).lower()}); save it in another place."
    return "The picture or its recipe is too large for this kind of file; save it as PNG."


def _write(path: str | os.PathLike[str], picture: Image.Image, kind: str, recipe_json: str | None, **more: Any) -> None:
    """Saves under a name of its own in the same folder, then renames: nobody ever sees half a picture."""
    if recipe_json is not None and len(recipe_json.encode()) > MAX_RECIPE_BYTES:
        raise PictureError("This recipe is longer than the megabyte that a picture may carry; save it without.")
    unfinished = Path(path).parent / f".{secrets.token_hex(8)}.part"
    try:
        with open(unfinished, "xb") as file:
            picture.save(file, kind, **(_saving(kind, recipe_json) | more))
        os.replace(unfinished, path)
    except (OSError, ValueError) as error:
        raise PictureError(_why_not_saved(error)) from error
    finally:
        with contextlib.suppress(OSError):  # after the rename it is gone already; after an error it must go
            unfinished.unlink()


def save_png(path: str | os.PathLike[str], image: Tensor, *, alpha: Tensor | None = None, recipe_json: str | None = None) -> None:
    """Writes `image` (1, 3, H, W) as a PNG, whatever its name, with `alpha` (1, 1, H, W) and the recipe inside.

    Raises PictureError when the folder is missing or may not be written to.
    """
    _write(path, to_pil(image, alpha), "PNG", recipe_json)


def save_quickly(
    path: str | os.PathLike[str], image: Tensor, *, alpha: Tensor | None = None, recipe_json: str | None = None
) -> None:
    """Like save_png, as a WebP without loss, for pictures that are kept on the way: a ninth of a PNG's time, and smaller."""
    _write(path, to_pil(image, alpha), "WEBP", recipe_json, lossless=True, quality=0, method=0)


def save_picture(
    path: str | os.PathLike[str], image: Tensor, *, alpha: Tensor | None = None, recipe_json: str | None = None
) -> None:
    """Like save_png, in the format that the extension of `path` names (WRITABLE); in a JPEG, alpha becomes white.

    Raises PictureError for an unknown extension, a folder that is missing or may not be written to, and a picture or
    recipe too large for the format (a JPEG carries recipes up to 32,000 characters).
    """
    save_image(path, to_pil(image, alpha), recipe_json)


def save_image(path: str | os.PathLike[str], picture: Image.Image, recipe_json: str | None = None) -> None:
    """Like save_picture, of a Pillow picture of mode RGB or RGBA."""
    kind = WRITABLE.get(Path(path).suffix.lower())
    if kind is None:
        raise PictureError(f"This extension names no format that can be saved; use {', '.join(WRITABLE)}.")
    _write(path, _on_white(picture) if kind == "JPEG" and picture.mode == "RGBA" else picture, kind, recipe_json)


# ------------------------------------------------------------------------------------------------ the recipe inside


def _comment(im: ImageFile) -> str | None:
    """The recipe in the Exif UserComment of `im`, without decoding its pixels."""
    raw = _exif_tag(im, USER_COMMENT, EXIF_IFD)
    if not isinstance(raw, bytes) or not raw.startswith(UNICODE_COMMENT):
        return None
    text = raw.removeprefix(UNICODE_COMMENT).decode("utf-16", "replace")
    return text.removeprefix(f"{KEYWORD} ") if text.startswith(f"{KEYWORD} ") else None


def _json_text(file: IO[bytes]) -> str:
    """All of a .json file of a bounded size."""
    file.seek(0)
    raw = file.read(MAX_RECIPE_BYTES + 1)
    if len(raw) > MAX_RECIPE_BYTES:
        raise PictureError("This file is longer than a megabyte, which no recipe is; choose another.")
    try:
        return raw.decode("utf-8-sig")  # editors on Windows put a byte order mark first
    except UnicodeDecodeError as error:
        raise PictureError("This recipe is not UTF-8 text; save it again as UTF-8.") from error


def read_recipe_json(path: str | os.PathLike[str]) -> str:
    """The recipe inside a picture saved by save_png or save_picture, or the text of a .json file; not parsed here.

    Reads headers only, so the size of the picture does not matter. Raises PictureError when there is no recipe.
    """
    with _opened(path) as file:
        if file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return _json_text(file)
        im = _identify(file)
        # Only PNG keeps its text apart, and asking a PNG for Exif would decode it.
        text = im.info.get(KEYWORD) if im.format == "PNG" else _comment(im)
    if not isinstance(text, str) or len(text) > MAX_RECIPE_BYTES:
        raise PictureError("This picture carries no stylekit recipe; choose one that stylekit saved, or a .json file.")
    return str(text)
