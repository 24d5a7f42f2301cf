"""Ask a running studio for one painting through the Gradio client, and look at what comes back."""

import sys
from pathlib import Path

from gradio_client import Client, handle_file
from PIL import Image

assets = Path(__file__).parents[1] / "assets"
content, style = assets / "photos" / "coffee.jpg", assets / "artworks" / "indigo-waves.jpg"
client = Client(sys.argv[1], verbose=False)
result = client.predict(content=handle_file(content), style=handle_file(style), size=160, steps=30, api_name="/stylize_file")
with Image.open(result) as painting, Image.open(content) as photo:
    assert painting.format == "PNG" and max(painting.size) == 160, painting
    assert "stylekit" in painting.info, "the picture carries no recipe"
    plain = photo.convert("RGB").resize(painting.size)
    changed = sum(abs(a - b) for a, b in zip(painting.convert("RGB").tobytes(), plain.tobytes()))
    mean = changed / (3 * painting.width * painting.height)
    assert mean > 5, f"the painting differs from the photo by only {mean:.1f} of 255"
    print(f"painted {painting.size[0]}x{painting.size[1]}, {mean:.0f} of 255 away from the photo in the mean")
