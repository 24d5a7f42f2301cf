"""Two image components that gradio does not have. Gradio writes a stub (.pyi) beside every file that defines one."""

import base64
import io
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from PIL import Image


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
        return payload.path if payload is not None and payload.path else super().preprocess(payload)

    def get_block_name(self) -> str:
        """The stock component in the browser."""
        return "image"
