"""What `pip install .` installs: every room with its data, the types, and the command `stylekit`."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, unpacked."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ("pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "stylekit", source / "stylekit", ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
    code = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, built], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (packed,) = built.glob("*.whl")
    with zipfile.ZipFile(packed) as file:
        file.extractall(built)
    return built


def test_nothing_of_the_package_is_left_out(wheel):
    def inside(folder):
        files = (path for path in (folder / "stylekit").rglob("*") if path.is_file())
        return {path.relative_to(folder) for path in files if "__pycache__" not in path.parts and path.suffix != ".pyi"}

    assert inside(wheel) == inside(ROOT) and (wheel / "stylekit" / "py.typed").is_file()


def test_the_command_is_called_stylekit(wheel):
    (names,) = wheel.glob("*.dist-info/entry_points.txt")
    target = names.read_text().split("stylekit = ")[1].split()[0]
    module, function = target.split(":")
    code = f"import sys; from {module} import {function}; sys.argv = ['stylekit', '--version']; sys.exit({function}())"
    done = subprocess.run([sys.executable, "-c", code], cwd=wheel, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("stylekit ")
