"""Three components that gradio does not have. Gradio writes a stub (.pyi) beside every file that defines one."""

import base64
import io
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder
from PIL import Image

ASSETS = Path(__file__).parents[2] / "assets"


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
        # gradio itself checks only what carries its mark, which a program may leave out
        path = Path(payload.path).resolve()
        if not any(path.is_relative_to(Path(folder).resolve()) for folder in (get_upload_folder(), ASSETS)):
            raise gr.Error("This file was not uploaded; upload a picture first.", print_exception=False)
        return str(path)

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
