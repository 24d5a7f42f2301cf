"""A studio on ZeroGPU, by its own package; only the GPU is missing. Prints what was seen, as JSON."""

import json
import os
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

NO_PLACE, PLACE = 503, 200


class Device(BaseHTTPRequestHandler):
    """Stands for what lends GPUs to a Space: says yes or no, and remembers what it was asked."""

    answer = NO_PLACE
    asked: list[str] = []  # noqa: RUF012

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        lent = {"idle": False, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "x"} if path == "/schedule" else {}
        body = json.dumps(lent).encode()
        self.send_response(self.answer if path == "/schedule" else PLACE)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing: stdout is for the result."""


server = HTTPServer(("127.0.0.1", 0), Device)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ |= {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{server.server_port}"}

from stylekit import Job, Recipe, open_picture, ui  # noqa: E402
from stylekit.studio import backends, hosting  # noqa: E402
from stylekit.studio.limits import Limits  # noqa: E402
from stylekit.studio.run import Order, Studio  # noqa: E402
from stylekit.studio.session import Session  # noqa: E402
from stylekit.ui.words import Words  # noqa: E402

ASSETS = Path(__file__).parents[1] / "assets"
PHOTO, ARTWORK = str(ASSETS / "photos/coffee.jpg"), str(ASSETS / "artworks/indigo-waves.jpg")
SMALL = Recipe(size=64, steps=30, style_weight=5.0)


def without_a_gpu() -> None:
    """From here on: what the package does in the other process to reach the GPU, it leaves."""
    from spaces.zero import torch

    torch.init = torch.move = lambda *args, **options: None


def painted(studio: Studio, recipe: Recipe, turn: bool = False) -> tuple[Session, list]:
    session, views = Session(), []
    for view in studio.paint(session, Order(PHOTO, [ARTWORK], recipe)):
        views.append(view)
        if turn and view.mode == "painting":
            session.turn(replace(recipe, style_weight=44.0).weights)
    return session, views


def main() -> None:
    """Print what was seen."""
    from spaces.zero.decorator import decorated_cache

    seen: dict[str, object] = {"decorated": sorted({task.__qualname__ for task in decorated_cache})}
    demo = ui.build(Limits())
    ui.launch(demo, prevent_thread_lock=True, server_name="127.0.0.1", quiet=True)
    seen["reported"] = "/startup-report" in Device.asked
    studio = Studio(Limits(), Words())
    seen["no place"] = painted(studio, SMALL)[1][-1].error
    Device.answer = PLACE
    seen["no gpu"] = painted(studio, SMALL)[1][-1].error
    without_a_gpu()
    session, _ = painted(studio, SMALL, turn=True)
    seen["step"], seen["turned"] = session.canvas.step, session.canvas.recipe.settled().style_weight
    seen["refused"] = painted(studio, replace(SMALL, content_layer="relu3_3"))[1][-1].error
    asked = len(Device.asked)
    content, style = open_picture(PHOTO, 64).image, open_picture(ARTWORK, 64).image
    recipe = replace(SMALL, statistic="gram")
    seen["units"], seen["asked for units"] = backends.gatys_units(Job(content, [style], recipe))[0], len(Device.asked) - asked
    seen["device"] = hosting.device_name()
    demo.close()
    server.shutdown()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
