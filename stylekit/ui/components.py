"""Image components that gradio does not have. Gradio writes a stub (.pyi) beside every file that defines one."""

import base64
import io
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import gradio as gr
import numpy as np
from gradio.components.base import server
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder
from PIL import Image, UnidentifiedImageError
from starlette.exceptions import HTTPException

from stylekit.ui.words import Words

ASSETS = Path(__file__).parents[2] / "assets"

MOST_LAYERS = 4
"""Layers of a drawing; the page's editors have one."""

LARGEST_LAYER = 2_000_000
"""Bytes of a layer as PNG: large areas of few colours, hence some kilobytes."""

MOST_PIXELS = 4_000_000
"""Of a layer: sixteen times what the page's editors have."""

MOST_WAITING = 32_000_000
"""Bytes of all visitors' drawings that wait in one editor; beyond, the oldest go."""

WAIT = 7200
"""Seconds that a drawing waits to be painted with."""

LONGEST_NAME = 64
"""Characters of the names that a browser makes for a drawing and for a visitor."""


class LiveImage(gr.Image):
    """An image whose arrays travel inside the message as JPEG: nothing is encoded for long, or written to the disk."""

    def postprocess(self, value: Any) -> Any:
        """An array (H, W, 3) uint8 as a data URL; anything else as gr.Image does."""
        if isinstance(value, np.ndarray):
            buffer = io.BytesIO()
            Image.fromarray(value).save(buffer, "JPEG", quality=85)
            return ImageData(url="data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode())
        return super().postprocess(value)

    def get_block_name(self) -> str:
        """The stock component in the browser."""
        return "image"


class PictureFile(gr.Image):
    """An image input that hands on the path of the upload unopened; ours says in words what is wrong with a file."""

    def preprocess(self, payload: Any) -> Any:
        """The path, None without an upload; gr.Image itself fails on what it cannot open."""
        if payload is None or not payload.path:
            return super().preprocess(payload)
        return str(uploaded(payload.path))

    def example_payload(self) -> Any:
        """A sample, for the example calls that “Use via API” prints: one that is on this machine."""
        return {"path": str(min(ASSETS.glob("photos/*.jpg"))), "meta": {"_type": "gradio.FileData"}}

    def get_block_name(self) -> str:
        """The stock component in the browser."""
        return "image"


class Dial(gr.Slider):
    """A slider that hands on what was typed into its field, even beyond its ends: the recipe is what judges."""

    LENGTHEN = (
        "value => {{ if (value === null || document.activeElement?.type !== 'number') return {{__type__: 'update'}};"
        " return {{__type__: 'update', minimum: Math.min(value, {least}), maximum: Math.max(value, {most})}} }}"
    )

    def preprocess(self, payload: Any) -> Any:
        """The number, None for an empty field; gr.Slider raises an error beyond its ends."""
        return payload

    def lengthen(self) -> str:
        """JavaScript for the event `input`: a slider that is as long as the number in its field needs it."""
        return self.LENGTHEN.format(least=self.minimum, most=self.maximum)

    def get_block_name(self) -> str:
        """The stock component in the browser."""
        return "slider"


@dataclass
class Drawing:
    """What a visitor has painted, as PNG files, until it is painted with."""

    visitor: str
    layers: dict[int, bytes] = field(default_factory=dict)
    came: float = field(default_factory=time.monotonic)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.layers.values()))


class MaskEditor(gr.ImageEditor):
    """An image editor of whose drawings only the layers are kept, of each visitor's only the last, and of all a bounded number.

    After each stroke the browser sends it the drawing's parts under a name, and later that name as the value. Gradio's own keeps
    whatever comes, for ever. (It has no `__init__` of its own, because gradio reads from that what to tell the browser.)
    """

    _lock = threading.Lock()

    @property
    def _drawings(self) -> dict[str, Drawing]:
        return cast(dict[str, Drawing], self.blob_storage)

    @server  # type: ignore[untyped-decorator]
    def accept_blobs(self, data: Any) -> None:
        """A part of a drawing, from the browser."""
        said, files = data.data, data.files
        name, visitor = str(said.get("id")), str(said.get("session_hash"))
        if max(len(name), len(visitor)) > LONGEST_NAME or len(files) != 1:
            raise HTTPException(400, Words()("error.drawing"))
        if said.get("type") != "layer":
            return  # background and composite say nothing that the page does not know
        index, layer = str(said.get("index")), files[0][1]
        if not (index.isdecimal() and int(index[:9]) < MOST_LAYERS and len(layer) <= LARGEST_LAYER and _small_png(layer)):
            raise HTTPException(413, Words()("error.drawing"))
        with self._lock:
            self._drop_old(name, visitor)
            self._drawings.setdefault(name, Drawing(visitor)).layers[int(index)] = layer

    def _drop_old(self, name: str, visitor: str) -> None:
        """Make room for the visitor's drawing of this name."""
        now, waiting = time.monotonic(), self._drawings
        for other, drawing in list(waiting.items()):
            too_many = sum(d.size for d in waiting.values()) > MOST_WAITING - LARGEST_LAYER
            if (other != name and drawing.visitor == visitor) or now - drawing.came > WAIT or too_many:
                del waiting[other]

    def preprocess(self, payload: Any) -> Any:
        """`{"layers": [(H, W, 4) uint8, ...]}`, and the names of the stock component's other parts with None."""
        if payload is None:
            return None
        if payload.id is None:
            layers = [uploaded(layer.path).read_bytes() for layer in payload.layers[:MOST_LAYERS]]
        else:
            with self._lock:
                drawing = self._drawings.pop(payload.id, None)
            if drawing is None:
                raise gr.Error(Words()("error.drawing_lost"), print_exception=False)
            layers = [drawing.layers[index] for index in sorted(drawing.layers)]
        if not all(len(layer) <= LARGEST_LAYER and _small_png(layer) for layer in layers):
            raise gr.Error(Words()("error.drawing"), print_exception=False)
        arrays = [np.asarray(Image.open(io.BytesIO(layer)).convert("RGBA")) for layer in layers]
        return {"background": None, "layers": arrays, "composite": None}

    def get_block_name(self) -> str:
        """The stock component in the browser."""
        return "imageeditor"


def uploaded(path: str) -> Path:
    """The path, if it is an upload or one of the samples; gradio itself checks only what carries its mark."""
    real = Path(path).resolve()
    if not any(real.is_relative_to(Path(folder).resolve()) for folder in (get_upload_folder(), ASSETS)):
        raise gr.Error(Words()("error.not_uploaded"), print_exception=False)
    return real


def _small_png(file: bytes) -> bool:
    """Whether this begins like a PNG of at most MOST_PIXELS; nothing is decoded."""
    try:
        with Image.open(io.BytesIO(file), formats=["PNG"]) as picture:
            return picture.width * picture.height <= MOST_PIXELS
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
