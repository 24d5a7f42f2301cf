"""A labelled contact sheet of pictures."""

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

MOST_PIXELS = 384
"""Longest side of a picture on the sheet."""

GROUND, INK = "#f7f5f1", "#3b3631"
"""Colours of the sheet: paper, and what is written on it."""


def contact_sheet(rows: Sequence[str], columns: Sequence[str], pictures: Mapping[tuple[int, int], Image.Image]) -> Image.Image:
    """Pictures by (row, column) under the columns' names and beside the rows'; the place of one that is missing stays empty.

    All are brought to the size of the largest, at most MOST_PIXELS on the longest side.
    """
    longest = min(MOST_PIXELS, max((max(p.size) for p in pictures.values()), default=MOST_PIXELS))
    small = {place: _within(picture, longest) for place, picture in pictures.items()}
    width, height = (max((p.size[n] for p in small.values()), default=longest) for n in (0, 1))
    letter, gap = max(13, min(width, height) // 14), max(6, longest // 32)
    font = ImageFont.load_default(letter)
    left = max(math.ceil(font.getlength(name)) for name in rows) + 2 * gap
    width = max(width, *(math.ceil(font.getlength(name)) for name in columns))
    line = round(1.4 * letter)
    top = line + 2 * gap if any(columns) else gap
    whole = (left + len(columns) * (width + gap), top + len(rows) * (height + gap))
    paper = Image.new("RGB", whole, GROUND)
    draw = ImageDraw.Draw(paper)
    for row, name in enumerate(rows):
        draw.text((gap, top + row * (height + gap) + height // 2), name, INK, font, anchor="lm")
    for column, name in enumerate(columns):
        draw.text((left + column * (width + gap) + width // 2, gap + line // 2), name, INK, font, anchor="mm")
    for (row, column), picture in small.items():
        x, y = left + column * (width + gap), top + row * (height + gap)
        paper.paste(picture, (x + (width - picture.width) // 2, y + (height - picture.height) // 2))
    return paper


def _within(picture: Image.Image, longest: int) -> Image.Image:
    """The picture, no larger than `longest` pixels on its longest side, and no smaller."""
    scale = longest / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
