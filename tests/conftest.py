"""Settings of all tests: nothing leaves this machine, and two threads, because the machines are shared.

And the fixtures of those in a browser: what they need is imported in them, so that other tests do not wait for it.
"""

import os
from pathlib import Path

import pytest

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("STYLEKIT_VGG19", None)

import torch

torch.set_num_threads(2)


@pytest.fixture
def encoder():
    """A tiny one that remembers what it was asked."""
    from toy import Toy

    return Toy()


@pytest.fixture(scope="module")
def url():
    """The address of a studio that is served for this file."""
    from stylekit import ui
    from stylekit.studio.limits import Limits

    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    demo = ui.build(Limits(concurrency=2))
    _, address, _ = ui.launch(demo, prevent_thread_lock=True, server_name="127.0.0.1", server_port=None, quiet=True)
    yield address
    demo.close()


@pytest.fixture(scope="module")
def browser():
    """Chromium: the system's, or playwright's own."""
    from browser import FLAGS, playwright

    with playwright.sync_playwright() as driver:
        system = "/usr/bin/chromium"
        try:
            chromium = driver.chromium.launch(executable_path=system if Path(system).exists() else None, args=FLAGS)
        except playwright.Error as error:
            pytest.skip(f"no browser: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, url):
    """`visit(width=...)` opens the page in a window of its own and gives its Visitor."""
    from browser import Visitor

    visitors = []

    def arrive(**window):
        visitors.append(Visitor(browser, url, **window))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        assert visitor.complaints == []
        outside = [u for u in visitor.requests if not u.startswith(("http://127.0.0.1:", "data:", "blob:"))]
        assert outside == [], "a request left this machine"
        visitor.context.close()


@pytest.fixture
def long_recipe(tmp_path):
    """A file with a recipe that takes long and shows much on the way."""
    from browser import LONG

    path = tmp_path / "long.json"
    path.write_text(LONG.to_json())
    return path
