"""VGG-19 (Simonyan and Zisserman, arXiv 1409.1556) with torchvision's weights, as in Gatys et al.

The weights are looked for in this order: the file named by the environment variable STYLEKIT_VGG19 (torchvision's .pth, or a
.safetensors with the keys `features.*` alone, float16 or float32); torch.hub's cache; else `download()` fetches them there.
A file may end at any layer: a file up to conv5_1 in float16 has 26 MB where torchvision's has 548.

Layers are named as in Gatys et al., `reluB_K`; `convB_K` is the same before its ReLU, where some programs take their losses.
"""

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Generator, Iterator
from http.client import HTTPException
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from stylekit.encoders import Encoder, Reach, convolve, pool
from stylekit.errors import WeightsError
from stylekit.recipe import PADDINGS, POOLINGS

VARIABLE = "STYLEKIT_VGG19"
URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
"""torchvision's `VGG19_Weights.IMAGENET1K_V1`; the file's sha256 begins with the eight digits in its name."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the channels of the pictures that it was trained on; from the same enum, which takes a second to import."""
MEGABYTES = 548
"""Of that file."""
REMEDY = f"Choose the compact encoder, which needs no download, or set {VARIABLE} to a file with the weights."

CHANNELS = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
CONVOLUTIONS = {1: 2, 2: 2, 3: 4, 4: 4, 5: 4}
"""In each block; configuration E of the paper."""
POOLED = tuple(f"relu{block}_{last}" for block, last in CONVOLUTIONS.items() if block < len(CONVOLUTIONS))
"""Layers behind which the picture is halved: the last of each block but the deepest."""


class VGG19(Encoder):
    """VGG-19 up to the last convolution that the weights hold. It was trained with zero padding and max pooling."""

    name = "vgg19"
    paddings = PADDINGS[1:]
    poolings = POOLINGS
    mean: Tensor
    std: Tensor

    def __init__(self, weights: dict[str, Tensor]) -> None:
        """`weights`: torchvision's state dict, or any part of it from `features.0` on; raises WeightsError if it is not."""
        super().__init__()
        self.conv, self.reaches = nn.ModuleDict(), {}
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        before, used, reach = 3, set[str](), Reach()
        for layer, index, channels in _plan():
            if f"features.{index}.weight" not in weights:
                break
            self.conv[layer] = _convolution(weights, index, before, channels)
            before, used = channels, used | {f"features.{index}.weight", f"features.{index}.bias"}
            self.reaches[before_relu(layer)] = self.reaches[layer] = reach = reach.behind(kernel=3)
            reach = reach.behind(kernel=2, stride=2) if layer in POOLED else reach
        if not self.conv:
            raise WeightsError("The VGG-19 file holds no tensor features.0.weight, so it is not torchvision's VGG-19.")
        if other := sorted(name for name in weights if name.startswith("features.") and name not in used):
            raise WeightsError(f"The tensor {other[0]} has no place in VGG-19; the file is incomplete or another network's.")
        self.layers = tuple(self.reaches)

    @classmethod
    def load(cls) -> "VGG19":
        """From the file that `find_weights` finds; raises WeightsError with what to do if there is none."""
        path = find_weights()
        if path is None:
            raise WeightsError(f"VGG-19's weights ({MEGABYTES} MB) are not on this computer yet. {REMEDY}")
        return cls(read_weights(path))

    def _walk(self, image: Tensor, wanted: list[str]) -> Iterator[tuple[str, Tensor]]:
        for layer, x in self._descend(image, wanted):
            if layer in wanted:
                yield layer, x
            if layer == wanted[-1]:
                return

    def _descend(self, image: Tensor, kept: list[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield `(layer, features)` of every layer; only those `kept` are valid after the next one."""
        padding, pooling = self.mode
        x = (image - self.mean) / self.std
        for relu, conv in self.conv.items():
            x = convolve(conv, x, padding)
            yield before_relu(relu), x
            x = torch.relu(x) if before_relu(relu) in kept else torch.relu_(x)
            yield relu, x
            x = pool(x, pooling) if relu in POOLED else x


def find_weights() -> Path | None:
    """The weights file on this computer, or None; raises WeightsError if STYLEKIT_VGG19 names no file."""
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise WeightsError(f"{VARIABLE} names no file; correct it, or unset it to use torchvision's own weights.")
        return Path(named)
    cached = cache_path()
    return cached if cached.is_file() else None


def cache_path() -> Path:
    """Where torchvision, too, keeps the file that it downloads."""
    return Path(torch.hub.get_dir()) / "checkpoints" / URL.rsplit("/", 1)[-1]


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or .pth file in float32; raises WeightsError if it is damaged or something else."""
    try:
        if path.name == cache_path().name:
            check_sha256(path)
        # without mmap=True: torchvision's file is older than the kind that can be mapped
        safe = path.suffix == ".safetensors"
        tensors = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except Exception as error:  # a damaged pickle makes torch raise nearly anything
        raise WeightsError(f"The VGG-19 weights in {path.name} cannot be read; the file is damaged. {REMEDY}") from error
    if not isinstance(tensors, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in tensors.items()):
        raise WeightsError(f"The file {path.name} holds something else than the tensors of a network. {REMEDY}")
    return {name: tensor.float() for name, tensor in tensors.items() if name.startswith("features.")}


def download() -> Generator[tuple[int, int], None, None]:
    """Fetch torchvision's weights into torch.hub's cache, yielding (bytes so far, bytes in all) about every megabyte.

    Bytes in all is 0 where the server does not say. Nothing is left behind when it fails or is closed early. Raises
    WeightsError when offline or if the sha256 differs.
    """
    target = cache_path()
    part: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=".part")
        part = Path(name)
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(URL, timeout=20) as source:
            total, done = int(source.headers.get("Content-Length", 0)), 0
            while chunk := source.read(1 << 20):
                file.write(chunk)
                done += len(chunk)
                yield done, total
        if done < total:
            raise ConnectionError("the server hung up")
        check_sha256(part)
        part.chmod(0o644)  # the cache may be shared; mkstemp makes files for one user
        os.replace(part, target)
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a length that is no number
        raise WeightsError(f"VGG-19's weights could not be downloaded: is this computer online? {REMEDY}") from error
    finally:
        if part:
            part.unlink(missing_ok=True)


def check_sha256(path: Path) -> None:
    """Raises WeightsError unless the file's sha256 begins as torchvision says in the name vgg19-XXXXXXXX.pth."""
    expected = URL.rsplit("-", 1)[-1].removesuffix(".pth")
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    found = digest.hexdigest()
    if not found.startswith(expected):
        raise WeightsError(f"The VGG-19 weights are damaged: their sha256 begins {found[:8]} and not {expected}. {REMEDY}")


def before_relu(relu: str) -> str:
    """`relu3_1` -> `conv3_1`"""
    return relu.replace("relu", "conv")


def _plan() -> Iterator[tuple[str, int, int]]:
    """(layer, torchvision's index, channels) of every convolution, shallow to deep."""
    index = 0
    for block, channels in CHANNELS.items():
        for number in range(1, CONVOLUTIONS[block] + 1):
            yield f"relu{block}_{number}", index, channels
            index += 2  # torchvision counts a convolution, a ReLU ...
        index += 1  # ... and a pooling as one each


def _convolution(weights: dict[str, Tensor], index: int, before: int, channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(before, channels, 3, padding=1)
    try:
        conv.load_state_dict({part: weights[f"features.{index}.{part}"].float() for part in ("weight", "bias")})
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"The tensors features.{index}.* are not those of VGG-19; the file is another network's.") from error
    return conv
