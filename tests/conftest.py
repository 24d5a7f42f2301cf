"""Settings of all tests: nothing leaves this machine, and each of pytest's processes has one thread.

And the fixtures of those in a browser: what they need is imported in them, so that other tests do not wait for it.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"  # of processes that tests start, too
os.environ.pop("STYLEKIT_VGG19", None)
os.environ["STYLEKIT_KEEP_FOLDER"] = tempfile.mkdtemp(prefix="stylekit-tests-")  # not the user's own pins
atexit.register(shutil.rmtree, os.environ["STYLEKIT_KEEP_FOLDER"], ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Here, and not above: the process that shares out the tests needs no torch."""
    import torch

    torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Marks what needs a browser, and keeps a file's tests in one process, with the fixtures that they share.

    Those in a browser take longest, and begin.
    """
    for item in items:
        in_browser = not {"browser", "visit"}.isdisjoint(item.fixturenames)
        if in_browser:
            item.add_marker(pytest.mark.browser)
        together = "doors" if "doors" in item.fixturenames else item.path.name
        item.add_marker(pytest.mark.xdist_group(together))
    items.sort(key=lambda item: "browser" not in item.keywords)


@pytest.fixture
def encoder():
    """A tiny one that remembers what it was asked."""
    from toy import Toy

    return Toy()


@pytest.fixture(scope="session")
def doors():
    """`doors("page")` is what a process saw that began there, once for all tests."""
    from doors import begun

    return begun


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
    """`visit(width=...)` opens the page, or the address `to`, in a window of its own and gives its Visitor."""
    from browser import Visitor

    visitors = []

    def arrive(to=url, **window):
        visitors.append(Visitor(browser, to, **window))
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
