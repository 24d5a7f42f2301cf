"""The house: who may import whom, who may print, who reads the environment, what is said of it all. And that this can fail."""

import ast
import inspect
import json
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

import stylekit
from stylekit import recipe

ROOT = Path(__file__).parents[1]

STOREYS = {
    "errors": 0,
    **dict.fromkeys(["pyramid", "memory"], 0.5),
    "recipe": 1,
    **dict.fromkeys(["threads", "guided", "cluster"], 2),
    **dict.fromkeys(["resize", "statistics", "edges", "encoders"], 2),
    "color": 2.5,
    **dict.fromkeys(["pictures", "formulations", "variables", "sheet"], 3),
    "optimizers": 4,
    "objective": 5,
    "job": 6,
    **dict.fromkeys(["transfer", "presets"], 7),
    **dict.fromkeys(["explore", "augment", "film", "sweep", "card"], 8),
    **dict.fromkeys(["flow", "clip"], 8.5),  # a clip is written like a film
    "video": 8.6,
    "reel": 8.7,
    "afar": 8.8,  # what batch and video paint elsewhere
    "stylekit": 9,  # its __init__: the public names of all rooms below
    "studio": 10,
    **dict.fromkeys(["cli", "ui"], 11),
    **dict.fromkeys(["app", "__main__"], 12),  # the street
}
"""A room imports only from storeys below its own."""

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv", "expandvars"}
ENVIRONMENT_EXCEPTIONS = {
    "encoders/vgg19.py": {("get", "STYLEKIT_VGG19")},
    "ui/__init__.py": {("setdefault", "GRADIO_ANALYTICS_ENABLED")},  # gradio reads it while it is imported
    "cluster.py": {("setdefault", "RAY_USAGE_STATS_ENABLED"), ("get", "RAY_ADDRESS")},  # Ray reads them
    "threads.py": {("setdefault", "OMP_WAIT_POLICY"), ("setdefault", "GOMP_SPINCOUNT")},  # torch, likewise
}
"""Besides studio/hosting.py, which may do as it likes: {file: (what it does with os.environ, to which variables)}."""


def files():
    """`(path, source)` of everything in the house; paths as seen from inside stylekit/, and `app.py`."""
    yield "app.py", (ROOT / "app.py").read_text(encoding="utf-8")
    for path in sorted((ROOT / "stylekit").rglob("*.py")):
        yield path.relative_to(ROOT / "stylekit").as_posix(), path.read_text(encoding="utf-8")


def room_of(path):
    """`ui/layout.py` -> `ui`"""
    return "stylekit" if path == "__init__.py" else path.split("/")[0].removesuffix(".py")


def imports(path, tree):
    """The full names of the modules that a file imports, wherever in it and however; "?" where it cannot be read."""
    inside = ["stylekit", *path.split("/")[:-1]] if path != "app.py" else []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = inside[: len(inside) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" if module == "stylekit" else module for alias in node.names)
        elif isinstance(node, ast.Call) and _name(node.func) in {"import_module", "__import__"}:
            known = node.args and isinstance(node.args[0], ast.Constant)
            yield node.args[0].value if known else "?"


def _name(node):
    """The last name of `a.b.name`, or of `name`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def room_imported(module):
    """`stylekit.ui.events` -> `ui`; a public name such as `stylekit.Recipe`, or all of them -> `stylekit`."""
    inner = module.split(".")[1:2]
    return inner[0] if inner and inner[0] in STOREYS else "stylekit"


def import_faults(path, tree):
    room = room_of(path)
    for module in imports(path, tree):
        top = module.split(".")[0]
        if top == "stylekit":
            other = room_imported(module)
            if other != room and STOREYS[other] >= STOREYS[room]:
                yield f"{path} imports {module}, which does not lie below it"
        elif top == "?":
            yield f"{path} imports what only running it would show"
        elif top in {"gradio", "gradio_client"} and room != "ui":
            yield f"{path} imports gradio"
        elif (top == "spaces" and not path.startswith("studio/backends/")) or (top == "ray" and room != "cluster"):
            yield f"{path} imports {top}"
        elif top == "tqdm" and room != "cli":
            yield f"{path} prints"
        elif STOREYS[room] < 2 and top not in sys.stdlib_module_names:
            yield f"{path} imports {top}, but its storey has the standard library alone"


def names_used(tree):
    """Every `name`, `module.name` and `from module import name`, as (node, module or "", name)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node, "", node.id
        elif isinstance(node, ast.Attribute):
            yield node, _name(node.value), node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, node.module or "", alias.name) for alias in node.names)


def print_faults(path, tree):
    if room_of(path) == "cli":
        return
    for _, module, name in names_used(tree):
        prints = name == "print" and module in {"", "builtins"}
        writes = module == "sys" and name.strip("_") in {"stdout", "stderr"}
        if prints or writes:
            yield f"{path} prints"


def environment_faults(path, tree):
    if path == "studio/hosting.py":
        return
    constants = {
        _name(node.targets[0]): node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    excused = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            variable = first.value if isinstance(first, ast.Constant) else constants.get(_name(first))
            if (node.func.attr, variable) in ENVIRONMENT_EXCEPTIONS.get(path, ()):
                excused.add(node.func.value)
    for node, module, name in names_used(tree):
        if name in ENVIRONMENT and module in {"os", "path", "os.path", "posixpath"} and node not in excused:
            yield f"{path} uses the environment ({name})"


def faults(path, source):
    """What is wrong with a file of the house, in words."""
    if room_of(path) not in STOREYS:
        return [f"{path} stands on no storey: DESIGN.md does not know it"]
    tree = ast.parse(source)
    return [*import_faults(path, tree), *print_faults(path, tree), *environment_faults(path, tree)]


def test_the_house_is_as_it_was_drawn():
    seen = dict(files())
    assert {"app.py", "__init__.py", "__main__.py", "errors.py", "encoders/vgg19.py", "studio/hosting.py"} <= seen.keys()
    assert [fault for path, source in seen.items() for fault in faults(path, source)] == []


@pytest.mark.parametrize(
    ("path", "source", "says"),
    [
        # upwards, sideways, and in every way in which Python can say it
        ("errors.py", "from stylekit.recipe import Recipe", "does not lie below"),
        ("pyramid.py", "from stylekit.recipe import Recipe", "does not lie below"),
        ("statistics.py", "from stylekit.transfer import stylize", "does not lie below"),
        ("statistics.py", "def f():\n    import stylekit.resize", "does not lie below"),
        ("statistics.py", "from . import resize", "does not lie below"),
        ("statistics.py", "from .resize import fit", "does not lie below"),
        ("statistics.py", "if TYPE_CHECKING:\n    from stylekit.encoders import Encoder", "does not lie below"),
        ("resize.py", "from stylekit.statistics import moments", "does not lie below"),
        ("resize.py", "from stylekit.pictures import to_pil", "does not lie below"),
        ("pictures.py", "from stylekit.transfer import stylize", "does not lie below"),
        ("color.py", "from stylekit import optimizers", "does not lie below"),
        ("resize.py", "import stylekit.encoders.vgg19 as network", "does not lie below"),
        ("encoders/vgg19.py", "from stylekit.studio import hosting", "does not lie below"),
        ("encoders/vgg19.py", "from ..statistics import moments", "does not lie below"),
        ("encoders/__init__.py", "from .. import pictures", "does not lie below"),
        ("encoders/compact.py", "__import__('stylekit.pictures')", "does not lie below"),
        ("transfer.py", "from stylekit.presets import PRESETS", "does not lie below"),
        ("transfer.py", "from stylekit import cli", "does not lie below"),
        ("transfer.py", "from stylekit import Recipe", "does not lie below"),
        ("transfer.py", "import stylekit", "does not lie below"),
        ("transfer.py", "from stylekit import *", "does not lie below"),
        ("transfer.py", "import importlib\nimportlib.import_module('stylekit.ui')", "does not lie below"),
        ("transfer.py", "import importlib\nimportlib.import_module(name)", "only running it"),
        ("explore.py", "from stylekit.augment import many", "does not lie below"),
        ("cli.py", "from stylekit.ui import build", "does not lie below"),
        ("ui/events.py", "from stylekit.cli import main", "does not lie below"),
        ("__init__.py", "from stylekit.ui import build", "does not lie below"),
        ("tools.py", "", "no storey"),
        # gradio, and anything at all on the lowest storeys
        ("transfer.py", "import gradio as gr", "gradio"),
        ("transfer.py", "def f():\n    from gradio.components import Image", "gradio"),
        ("cli.py", "from gradio import Blocks", "gradio"),
        ("cli.py", "import gradio_client", "gradio"),
        ("app.py", "import gradio", "gradio"),
        ("studio/run.py", "import gradio", "gradio"),
        ("studio/run.py", "from stylekit.ui.words import Words", "does not lie below"),
        ("studio/hosting.py", "import importlib\nimportlib.import_module('spaces')", "spaces"),
        ("ui/events.py", "import spaces", "spaces"),
        ("recipe.py", "import torch", "standard library"),
        ("pyramid.py", "from numpy import ceil", "standard library"),
        ("errors.py", "import PIL.Image", "standard library"),
        # printing
        ("transfer.py", "def f():\n    print(1)", "prints"),
        ("transfer.py", "stylize(progress=print)", "prints"),
        ("ui/events.py", "import builtins\nbuiltins.print(1)", "prints"),
        ("ui/events.py", "import sys\nsys.stdout.write('x')", "prints"),
        ("pictures.py", "from sys import stderr\nstderr.write('x')", "prints"),
        ("pictures.py", "import sys\nsys.__stderr__.write('x')", "prints"),
        ("transfer.py", "from tqdm import tqdm", "prints"),
        ("app.py", "print('hello')", "prints"),
        # the environment
        ("ui/layout.py", "import os\nos.environ['X']", "environment"),
        ("pictures.py", "import os\nos.getenv('X')", "environment"),
        ("pictures.py", "from os import environ", "environment"),
        ("cli.py", "from os import getenv as get\nget('X')", "environment"),
        ("cli.py", "import os\nos.path.expandvars('$X')", "environment"),
        ("app.py", "import os\nos.environ.setdefault('GRADIO_ANALYTICS_ENABLED', 'False')", "environment"),
        ("encoders/vgg19.py", "import os\nos.environ.get('STYLEKIT_MAX_SIZE')", "environment"),
        ("encoders/vgg19.py", "import os\nVARIABLE = 'HOME'\nos.environ.get(VARIABLE)", "environment"),
        ("encoders/compact.py", "import os\nos.environ.get('STYLEKIT_VGG19')", "environment"),
        ("ui/__init__.py", "import os\nos.environ.get('GRADIO_ANALYTICS_ENABLED')", "environment"),
        ("ui/__init__.py", "import os\nos.environ.setdefault('GRADIO_SERVER_PORT', '1')", "environment"),
        ("threads.py", "import os\nos.environ.setdefault('OMP_NUM_THREADS', '1')", "environment"),
    ],
)
def test_the_test_above_can_fail(path, source, says):
    assert any(says in fault for fault in faults(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("recipe.py", "import json\nfrom stylekit.errors import RecipeError"),
        ("pictures.py", "from stylekit.resize import fit"),
        ("encoders/vgg19.py", "import torch\nfrom stylekit.encoders import Encoder\nfrom . import compact"),
        ("encoders/vgg19.py", "import os\nVARIABLE = 'STYLEKIT_VGG19'\nos.environ.get(VARIABLE)"),
        ("transfer.py", "from stylekit.statistics import moments\nfrom stylekit import pictures, resize\nblueprint(1)"),
        ("cli.py", "import sys\nfrom stylekit import __version__\nprint(1, file=sys.stderr)"),
        ("ui/__init__.py", "import os\nos.environ.setdefault('GRADIO_ANALYTICS_ENABLED', 'False')\nimport gradio"),
        ("ui/events.py", "import gradio\nfrom stylekit.ui import layout\nfrom .words import Words"),
        ("studio/hosting.py", "import os\nos.environ['SPACE_ID']"),
        ("studio/backends/zerogpu.py", "import importlib\nimportlib.import_module('spaces')"),
        ("__init__.py", "from stylekit.transfer import stylize"),
        ("__main__.py", "from stylekit.cli import main"),
        ("app.py", "from stylekit import ui"),
    ],
)
def test_what_the_design_allows_is_no_fault(path, source):
    assert faults(path, source) == []


def test_app_is_only_the_front_door():
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    assert set(imports("app.py", ast.parse(source))) == {"stylekit.ui"} and len(source.splitlines()) < 20


# ------------------------------------------------------------------------------------------------------------ from outside


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """What a fresh process sees that imports all but the page: `early`, `seen`, `page`; and the home that it had."""
    code = """if True:
        import json, sys
        import stylekit, stylekit.cli
        stylekit.Recipe(), stylekit.PRESETS, dir(stylekit)
        early = "torch" in sys.modules
        import numpy, torch, PIL.Image, safetensors.torch
        seen = []
        def watch(event, args):
            writing = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
            if writing or event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
                seen.append([event, str(args[0])])
        sys.addaudithook(watch)
        from stylekit import *
        assert stylekit.stylize is stylekit.transfer.stylize and not hasattr(stylekit, "sketch")
        import stylekit.studio.run
        page = sorted(name for name in sys.modules if name.startswith(("gradio", "spaces", "stylekit.ui")))
        print(json.dumps({"early": early, "seen": seen, "page": page}))
    """
    home = tmp_path_factory.mktemp("home")
    path = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=home, env=path, check=True)
    return json.loads(done.stdout) | {"home": home}


def test_importing_stylekit_opens_no_connection_and_writes_nothing(imported):
    assert imported["seen"] == [] and list(imported["home"].iterdir()) == []


def test_importing_stylekit_and_its_studio_brings_neither_gradio_nor_zerogpus_package(imported):
    assert imported["page"] == []


def test_importing_stylekit_brings_no_torch_until_it_is_needed(imported):
    assert not imported["early"]


def test_page_and_command_line_start_without_torchvision(doors):
    """Its import takes a second, and all that is needed of it are a few constants."""
    assert doors("page")["modules"] == ["gradio", "torch"]


def test_the_command_line_paints_without_gradio_and_without_torchs_compiler(doors):
    """The compiler's import takes as long as all else of torch, and nothing here is compiled."""
    assert doors("command line")["modules"] == ["torch"]


def test_all_is_what_there_is():
    tree = ast.parse((ROOT / "stylekit" / "__init__.py").read_text(encoding="utf-8"))
    rooms = [node for node in ast.walk(tree) if getattr(node, "module", "").startswith("stylekit.")]
    imported = [alias.name for node in rooms for alias in node.names]
    assert sorted(stylekit.__all__) == sorted(imported)  # what mypy and editors see
    assert set(stylekit.__all__) <= set(dir(stylekit))
    names = {}
    exec("from stylekit import *", names)
    assert {name for name in names if not name.startswith("__")} == set(stylekit.__all__)
    assert [name for name in stylekit.__all__ if name.startswith("_")] == []


def test_every_public_name_is_documented():
    for name in stylekit.__all__:
        thing = getattr(stylekit, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__, name
        else:  # a constant: a string stands below it, where it is made
            made = [source for _, source in files() if re.search(rf"^{name}\b.*=", source, re.M)]
            assert made and all(has_a_string_below(name, ast.parse(source)) for source in made), name


def has_a_string_below(name, tree):
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if name in map(_name, targets):
            return isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    return False


def silent(path, source):
    """Public modules, classes, functions and methods without a docstring."""
    tree = ast.parse(source)
    found = [] if ast.get_docstring(tree) else [path]

    def look(parent, name):
        for node in parent.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                setter = any(isinstance(d, ast.Attribute) and d.attr in {"setter", "deleter"} for d in node.decorator_list)
                if not ast.get_docstring(node) and not setter:
                    found.append(f"{name}: {node.name}")
                if isinstance(node, ast.ClassDef):
                    look(node, f"{name}: {node.name}")

    look(tree, path)
    return found


def test_everything_public_says_what_it_is():
    assert [name for path, source in files() for name in silent(path, source)] == []


def test_the_test_above_sees_modules_classes_methods_and_decorated_functions():
    source = """if True:
        pass
import functools

@functools.cache
def cached(): ...

class A:
    def method(self): ...

    @property
    def size(self):
        "Says what it is."

    @size.setter
    def size(self, value): ...

    def _private(self): ...

async def later(): ...
"""
    assert silent("x.py", source) == ["x.py", "x.py: cached", "x.py: A", "x.py: A: method", "x.py: later"]


# --------------------------------------------------------------------------------------------------------------- the words


def languages():
    from stylekit.ui.words import LANGUAGES, sentences

    assert {path.stem for path in (ROOT / "stylekit/ui/words").glob("*.json")} == set(LANGUAGES)
    return {language: sentences(language).said for language in LANGUAGES}


def braces(sentence):
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def words_asked_for():
    """`(file, key as a regular expression, names passed)` of every call of words with its key or part of it in place."""
    for path, source in files():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and _name(node.func) == "words" and node.args:
                key, passed = node.args[0], {keyword.arg for keyword in node.keywords}
                if isinstance(key, ast.Constant):
                    yield path, re.escape(key.value), passed
                elif isinstance(key, ast.JoinedStr):
                    parts = (re.escape(p.value) if isinstance(p, ast.Constant) else r"\w+" for p in key.values)
                    yield path, "".join(parts), passed


def test_every_language_has_the_same_keys_and_the_same_braces():
    assert "en" in languages()
    for language, sentences in languages().items():
        assert {k: braces(v) for k, v in sentences.items()} == {k: braces(v) for k, v in languages()["en"].items()}, language


def test_every_key_that_the_page_asks_for_exists_and_gets_what_its_braces_need():
    asked, english = list(words_asked_for()), languages()["en"]
    assert len(asked) > 20
    for path, key, passed in asked:
        found = [k for k in english if re.fullmatch(key, k)]
        assert found, f"{path} asks for {key}"
        assert all(braces(english[k]) <= passed for k in found), f"{path} asks for {key} with {passed}"


def test_the_pages_words_are_all_used_and_no_label_is_missing():
    english = languages()["en"].keys()
    code = "".join(source for path, source in files() if path.startswith(("ui/", "studio/")) and path != "ui/words.py")
    of_languages = {"plural", "decimal"}  # what ui/words.py itself asks for
    composed = (
        "engine.",
        "presets.",
        "label.",
        "part.",
        "help.",
        "samples.",
        "lesson.",
        "color.",
        "photo",
        "artwork",
    )  # keys that the code puts together
    unused = {key for key in english if f'"{key}"' not in code.replace("'", '"') and not key.startswith(composed)}
    assert unused == of_languages
    said = {name.removeprefix("label.").removeprefix("part.") for name in english}
    of_a_run = {"repeats", "until", "keyframes"}  # what became of it: no control of the page
    assert set(recipe.SETTINGS) - {"layer_weights"} - of_a_run <= said


# ----------------------------------------------------------------------------------------------------------- what it stands on


def test_requirements_name_what_is_imported_and_nothing_else():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = {re.match(r"[\w.-]+", line)[0].lower() for line in lines if line and not line.startswith("#")}
    tops = {module.split(".")[0] for path, source in files() for module in imports(path, ast.parse(source))}
    foreign = tops - sys.stdlib_module_names - {"stylekit", "spaces", "ray"}  # on a Space of the right kind; an extra
    named = {"PIL": "pillow", "cv2": "opencv-python-headless", "pillow_heif": "pillow-heif"}
    assert {named.get(name, name) for name in foreign} == required
