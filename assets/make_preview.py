"""Draw the page's icon and the picture that previews of links show: `PYTHONPATH=. python assets/make_preview.py`.

The icon is drawn by numbers alone. The preview shows a sample photo, a sample artwork and what stylekit paints of them.
"""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from stylekit import Recipe, load_encoder, open_picture, stylize
from stylekit.pictures import to_array
from stylekit.ui.head import ICON, PREVIEW, PREVIEW_SIZE

HERE = Path(__file__).parent
PHOTO, ARTWORK = HERE / "photos" / "cat.jpg", HERE / "artworks" / "harbour-night.jpg"

WALL, VERMILION, NIGHT, GOLD = "#f7f5f1", "#b8432b", "#1f3563", "#e9b949"
ICON_SIZE = 256


def icon() -> Image.Image:
    """A small painting in a vermilion frame: strokes that turn about a golden light."""
    scale = 4  # drawn larger, so that edges are smooth
    side = ICON_SIZE * scale
    image = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, side - 1, side - 1), side * 0.16, fill=VERMILION)
    draw.rounded_rectangle((side * 0.11, side * 0.11, side * 0.89, side * 0.89), side * 0.07, fill=NIGHT)
    centre = side * 0.56, side * 0.46
    for ring, color in ((0.30, "#7fa3d1"), (0.225, "#f4ead3"), (0.15, "#8fb3dc")):
        for third in range(3):
            begin = 120 * third + 400 * ring
            box = [c + sign * ring * side for sign in (-1, 1) for c in centre]
            draw.arc(box, begin, begin + 88, fill=color, width=round(side * 0.036))
            for angle in (begin, begin + 88):  # round ends
                x, y = (c + (ring - 0.018) * side * f(math.radians(angle)) for c, f in zip(centre, (math.cos, math.sin)))
                draw.ellipse([x - side * 0.018, y - side * 0.018, x + side * 0.018, y + side * 0.018], fill=color)
    draw.ellipse([c + sign * 0.085 * side for sign in (-1, 1) for c in centre], fill=GOLD)
    return image.resize((ICON_SIZE, ICON_SIZE), Image.Resampling.LANCZOS)


def painting(recipe: Recipe) -> Image.Image:
    """The sample photo in the style of the sample artwork."""
    content, style = open_picture(PHOTO, recipe.size), open_picture(ARTWORK, recipe.size)
    for frame in stylize(content.image, [style.image], recipe, encoder=load_encoder(recipe.encoder)):
        last = frame
    return Image.fromarray(to_array(last.image))


def hang(wall: Image.Image, picture: Image.Image, box: tuple[int, int, int, int]) -> None:
    """Hang a picture on the wall with a white border and a soft shadow; `box` is left, upper, right, lower."""
    left, upper, right, lower = box
    shadow = Image.new("L", wall.size)
    ImageDraw.Draw(shadow).rectangle((left - 4, upper + 6, right + 4, lower + 16), fill=90)
    wall.paste("#3a322a", mask=shadow.filter(ImageFilter.GaussianBlur(12)))
    ImageDraw.Draw(wall).rectangle((left - 8, upper - 8, right + 8, lower + 8), fill="white")
    size = right - left, lower - upper
    scale = max(size[0] / picture.width, size[1] / picture.height)
    large = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    x, y = (large.width - size[0]) // 2, (large.height - size[1]) // 2
    wall.paste(large.crop((x, y, x + size[0], y + size[1])), (left, upper))


def preview(painted: Image.Image) -> Image.Image:
    """Photo and artwork on the left, the painting on the right."""
    wall = Image.new("RGB", PREVIEW_SIZE, WALL)
    hang(wall, Image.open(PHOTO).convert("RGB"), (70, 70, 350, 290))
    hang(wall, Image.open(ARTWORK).convert("RGB"), (70, 340, 350, 560))
    hang(wall, painted, (430, 70, 1130, 560))
    return wall


if __name__ == "__main__":
    icon().save(ICON, optimize=True)
    preview(painting(Recipe(encoder="compact", size=512, steps=200))).save(PREVIEW, quality=88)
