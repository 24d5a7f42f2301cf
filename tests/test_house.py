"""The house: who may import whom, who may print, who reads the environment. And that this test can fail."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import stylekit

ROOT = Path(__file__).parents[1]
STOREYS = [
    {"errors"},
    {"recipe", "pyramid"},
    {"images", "losses", "optimizers", "encoders"},
    {"transfer", "presets"},
    set(),
    {"cli", "ui"},
]
"""From the ground up; `stylekit` itself (its __init__) stands between 4 and 5, app.py on the street."""

NEVER_PRINTS = {"print"}
READS_ENVIRONMENT = {"ui/hosting.py", "ui/__init__.py", "encoders/vgg19.py"}
"""hosting.py; gradio's analytics switch, which must be set before gradio is imported; STYLEKIT_VGG19."""


def storey(room):
    return next(number for number, rooms in enumerate(STOREYS) if room in rooms)


def room_of(path):
    """The room of a file, as a path below stylekit/: `ui/layout.py` -> `ui`."""
    return path.split("/")[0].removesuffix(".py")


def imports(tree):
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from ([f"{module}.{alias.name}" for alias in node.names] if module == "stylekit" else [module])


def faults(path, source):
    """What is wrong with a file of stylekit/, in words."""
    tree, room = ast.parse(source), room_of(path)
    for module in imports(tree):
        top, _, rest = module.partition(".")
        if top == "stylekit":
            other = rest.split(".")[0]
            if other not in set().union(*STOREYS):
                if room not in STOREYS[5]:
                    yield f"{path} imports the whole of stylekit"
            elif other != room and storey(other) >= storey(room):
                yield f"{path} imports {other}, which does not lie below it"
        elif top == "gradio" and room != "ui":
            yield f"{path} imports gradio"
        elif storey(room) < 2 and top not in sys.stdlib_module_names:
            yield f"{path} imports {top}, but its storey has the standard library alone"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print" and room != "cli":
            yield f"{path} prints"
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and path not in READS_ENVIRONMENT:
            yield f"{path} reads the environment"


def files():
    for path in sorted((ROOT / "stylekit").rglob("*.py")):
        name = path.relative_to(ROOT / "stylekit").as_posix()
        if name not in {"__init__.py", "__main__.py"}:
            yield name, path.read_text(encoding="utf-8")


def test_every_room_imports_only_from_below():
    assert [fault for path, source in files() for fault in faults(path, source)] == []


@pytest.mark.parametrize(
    ("path", "source", "says"),
    [
        ("losses.py", "from stylekit.transfer import stylize", "does not lie below"),
        ("losses.py", "def f():\n    import stylekit.images", "does not lie below"),
        ("images.py", "from stylekit.losses import moments", "does not lie below"),
        ("encoders/vgg19.py", "from stylekit.ui import hosting", "does not lie below"),
        ("transfer.py", "from stylekit import cli", "does not lie below"),
        ("transfer.py", "from stylekit import Recipe", "whole"),
        ("transfer.py", "import gradio as gr", "gradio"),
        ("cli.py", "from gradio import Blocks", "gradio"),
        ("recipe.py", "import torch", "standard library"),
        ("errors.py", "from stylekit.recipe import Recipe", "does not lie below"),
        ("transfer.py", "def f():\n    print(1)", "prints"),
        ("ui/layout.py", "import os\nos.environ['X']", "environment"),
        ("images.py", "import os\nos.getenv('X')", "environment"),
    ],
)
def test_the_test_above_can_fail(path, source, says):
    assert any(says in fault for fault in faults(path, source))


def test_app_is_only_the_front_door():
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    assert set(imports(ast.parse(source))) == {"stylekit.ui"} and len(source.splitlines()) < 20


def test_importing_stylekit_brings_no_page_and_writes_nothing(tmp_path):
    code = "import sys, stylekit; print('gradio' in sys.modules)"
    path = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=path, check=True)
    assert done.stdout.strip() == "False" and list(tmp_path.iterdir()) == []


def test_all_is_what_there_is():
    tree = ast.parse((ROOT / "stylekit" / "__init__.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(stylekit.__all__) == imported and len(stylekit.__all__) == len(imported)
    for name in stylekit.__all__:
        thing = getattr(stylekit, name)
        assert thing.__doc__ and not name.startswith("_")


def test_everything_public_says_what_it_is():
    silent = []
    for path, source in files():
        tree = ast.parse(source)
        parents = [(tree, path), *((node, node.name) for node in tree.body if isinstance(node, ast.ClassDef))]
        for parent, name in parents:
            if name.startswith("_"):
                continue
            for node in parent.body:
                public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
                if public and not ast.get_docstring(node) and not any(isinstance(d, ast.Attribute) for d in node.decorator_list):
                    silent.append(f"{path}: {node.name}")  # an attribute as decorator is a property's setter
    assert silent == []


def test_the_pages_words_are_all_there_and_all_used():
    languages = {
        path.stem: set(json.loads(path.read_text(encoding="utf-8"))) for path in (ROOT / "stylekit/ui/words").glob("*.json")
    }
    assert all(keys == languages["en"] for keys in languages.values())
    code = "".join(source for path, source in files() if path.startswith("ui/") and path != "ui/words.py")
    assert set(re.findall(r"words\(\s*\"([\w.]+)\"", code)) <= languages["en"]
    composed = ("label.", "help.", "samples.", "photo", "artwork")  # keys that the code puts together
    unused = {key for key in languages["en"] if f'"{key}"' not in code.replace("'", '"') and not key.startswith(composed)}
    assert unused == set()
    assert {f"label.{name}" for name in json.loads(stylekit.Recipe().to_json())} - {"label.layer_weights"} <= languages["en"]
