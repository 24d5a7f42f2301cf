"""Plants faults, one at a time, in a copy of the package, and looks whether the tests catch each.

    python -m tests.plant_faults          # all of them: some two minutes
    python -m tests.plant_faults mask     # those whose name has "mask" in it

Prints a table, and ends with 1 if a fault survives. A fault is a piece of source that stands there once, and what stands there
instead; where the source has changed, its fault is to be written anew.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LONGEST = 120
"""seconds that the tests of one fault may take: a run that never ends is caught, too"""


class Fault(NamedTuple):
    """A mistake that somebody could make."""

    name: str
    file: str
    """in stylekit/"""
    right: str
    wrong: str
    tests: str
    """pytest's arguments"""


FAULTS = [
    Fault(
        "the sign of the content loss",
        "formulations.py",
        "return squares(features - target) / _content_scale(target)",
        "return -squares(features - target) / _content_scale(target)",
        "test_formulations.py",
    ),
    Fault(
        "moments are sums, not averages over the locations",
        "statistics.py",
        "_products(flat, flat) / flat.shape[1]",
        "_products(flat, flat)",
        "test_statistics.py",
    ),
    Fault(
        "quantiles are not sorted",
        "statistics.py",
        "values, order = values.sort(dim=1, stable=True)",
        "order = torch.arange(values.shape[1]).expand_as(values)",
        "test_statistics.py",
    ),
    Fault(
        "a guide weighs the mean, but not the products",
        "statistics.py",
        "return flat @ shares, _products(flat * shares, flat)",
        "return flat @ shares, _products(flat, flat) / flat.shape[1]",
        "test_statistics.py",
    ),
    Fault(
        "a Gram matrix is not measured by its target",
        "statistics.py",
        "return squares(x.second - s.second) / gram_scale(s)",
        "return squares(x.second - s.second)",
        "test_statistics.py",
    ),
    Fault(
        "the relative variation has no floor",
        "formulations.py",
        "total_variation(content, kind, gamma, wrap).clamp_min(floor)",
        "total_variation(content, kind, gamma, wrap)",
        "test_formulations.py",
    ),
    Fault(
        "the dial of the style scale is ignored",
        "objective.py",
        "return _padded(weights.style_scales, len(self.styles), 1.0)",
        "return _padded(self.recipe.style_scales, len(self.styles), 1.0)",
        "test_objective.py",
    ),
    Fault(
        "the weight of a style layer is dropped",
        "objective.py",
        "each = [coefficients.style_layers[layer] * part for layer, part in per_layer.items()]",
        "each = [part for layer, part in per_layer.items()]",
        "test_objective.py",
    ),
    Fault(
        "masks of two artworks are swapped",
        "objective.py",
        "guide = self._guide(k, layer, size)",
        "guide = self._guide(len(self.styles) - 1 - k, layer, size)",
        "test_objective.py",
    ),
    Fault(
        "shares do not add up to 1",
        "objective.py",
        "return [share / sum(chosen) for share in chosen]",
        "return list(chosen)",
        "test_objective.py",
    ),
    Fault(
        "a layer of weight 0 is counted",
        "objective.py",
        "number(float(max(1, len(style_layers)))),",
        "number(float(max(1, len(weights.layer_weights)))),",
        "test_objective.py",
    ),
    Fault(
        "a padding mirrors the outermost pixel, too",
        "encoders/__init__.py",
        'depth = 2 if padding == "reflect" and length > 3 else 1',
        "depth = 1",
        "test_encoders.py -k numpys_padding",
    ),
    Fault(
        "gradients add up from step to step",
        "optimizers.py",
        "            parameter.grad = None\n",
        "            pass\n",
        "test_optimizers.py",
    ),
    Fault(
        "L-BFGS keeps its history when weights are turned",
        "optimizers.py",
        "    def _forget_direction(self) -> None:\n        self._begin()\n",
        "    def _forget_direction(self) -> None:\n        pass\n",
        "test_optimizers.py",
    ),
    Fault(
        "L-BFGS keeps its history at another size",
        "optimizers.py",
        "self._begin()  # the pairs do not fit the new size",
        "pass",
        "test_optimizers.py",
    ),
    Fault(
        "the guard lets every step pass",
        "optimizers.py",
        "return self.total <= self.MUCH_WORSE * before.total + 1e-12 and float(moved) < self.HUGE  # False for NaN",
        "return True",
        "test_optimizers.py",
    ),
    Fault(
        "Adam's memory keeps the gradient's size at another size",
        "optimizers.py",
        'kept = {"exp_avg": mean * share, "exp_avg_sq": square.clamp_min(0) * share**2}',
        'kept = {"exp_avg": mean, "exp_avg_sq": square.clamp_min(0)}',
        "test_optimizers.py",
    ),
    Fault(
        "the average goes on when weights are turned",
        "optimizers.py",
        "self._average.forget()  # so that what has been turned shows at once",
        "pass",
        "test_transfer.py -k average",
    ),
    Fault(
        "a keyframe is a step late",
        "recipe.py",
        "return round(self.at * steps)",
        "return round(self.at * steps) + 1",
        "test_keyframes.py",
    ),
    Fault(
        "a resumed run is played as if it had never been left",
        "transfer.py",
        "                optimizer.restart(turn.rounded)\n",
        "                pass\n",
        "test_keyframes.py",
    ),
    Fault(
        "where a run was stopped is ignored",
        "transfer.py",
        "round(recipe.until * recipe.all_steps)",
        "recipe.all_steps",
        "test_keyframes.py",
    ),
    Fault(
        "JSON loses a setting",
        "recipe.py",
        "values = {name: setting(name).plain(getattr(self, name)) for name in SETTINGS}",
        'values = {name: setting(name).plain(getattr(self, name)) for name in SETTINGS if name != "tv_gamma"}',
        "test_recipe.py",
    ),
    Fault(
        "old recipes are read as new ones",
        "recipe.py",
        "weight * counting / len(layers)",
        "weight",
        "test_keyframes.py",
    ),
    Fault(
        "the palette is ignored",
        "job.py",
        "return self.content if self.palette is None else self.palette",
        "return self.content",
        "test_transfer.py -k palette",
    ),
    Fault(
        "the photo that is kept loses its own colours",
        "transfer.py",
        "return image if self.kept is None else with_kept(image, self.kept, tiling)",
        "return image",
        "test_transfer.py -k colours",
    ),
    Fault(
        "a tile's borders are resized apart",
        "optimizers.py",
        "self._replace(resample(self.image, size, wrap=wrap).clamp(0, 1))",
        "self._replace(resample(self.image, size).clamp(0, 1))",
        "test_optimizers.py -k tile",
    ),
    Fault(
        "transparency is dropped",
        "pictures.py",
        'alpha = _tensor(im.getchannel("A")) if im.mode in ("LA", "RGBA") else None',
        "alpha = None",
        "test_pictures.py -k alpha",
    ),
    Fault(
        "a photo's orientation is ignored",
        "pictures.py",
        "return im.transpose(UPRIGHT[orientation]) if isinstance(orientation, int) and orientation in UPRIGHT else im",
        "return im",
        "test_pictures.py -k orientation",
    ),
    Fault(
        "masks stay on the CPU",
        "transfer.py",
        "job.levels(encoder), job.masks.on(device)",
        "job.levels(encoder), job.masks",
        "test_device.py -k masks",
    ),
]


def caught(fault: Fault, house: Path) -> bool:
    """Whether the fault's tests fail with it in `house`, a copy of all this."""
    path = house / "stylekit" / fault.file
    source = path.read_text(encoding="utf-8")
    if source.count(fault.right) != 1:
        sys.exit(f"{fault.name}: in {fault.file} this stands {source.count(fault.right)} times, not once: {fault.right}")
    path.write_text(source.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        return tests_fail(fault.tests, house)
    finally:
        path.write_text(source, encoding="utf-8")


def tests_fail(arguments: str, house: Path) -> bool:
    """Whether these tests fail in `house`."""
    tests = [f"tests/{part}" if part.endswith(".py") else part for part in arguments.split()]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-o", "addopts=", *tests]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in (0, 1):
        sys.exit(f"pytest {arguments} did not run:\n{done.stdout}{done.stderr}")
    return done.returncode == 1


def copied(place: Path) -> Path:
    """A copy of what the tests need."""
    for name in ("stylekit", "tests", "bench", "training"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyi"))
    shutil.copy(ROOT / "pyproject.toml", place)
    (place / "assets").symlink_to(ROOT / "assets")
    return place


def main(part: str = "") -> int:
    """The table of the faults whose name has `part` in it; gives 1 if one survives."""
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        house = copied(Path(folder))
        faults = [fault for fault in FAULTS if part in fault.name]
        for tests in {fault.tests for fault in faults}:
            if tests_fail(tests, house):
                sys.exit(f"pytest {tests} fails without any fault.")
        for fault in faults:
            began = time.perf_counter()
            found = caught(fault, house)
            survived += not found
            print(f"{'caught' if found else 'SURVIVED':9} {time.perf_counter() - began:5.1f} s  {fault.name}", flush=True)
    print(f"{survived} of them survived" if survived else "all caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
