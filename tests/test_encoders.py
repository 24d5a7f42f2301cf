"""The encoders: what they promise, against torchvision and the maths; every way in which weights can be wrong; their variants."""

import contextlib
import copy
import functools
import hashlib
import http.server
import itertools
import math
import random
import socket
import statistics
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torchvision.models.vgg import cfgs, make_layers
from toy import Small19, Toy, picture

from stylekit import Recipe, RecipeError, SizeError, WeightsError, load_encoder, open_picture, stylize
from stylekit.cli import main
from stylekit.encoders import Encoder, Reach, allow_tf32, compact, convolve, pool, vgg19
from stylekit.encoders.compact import Compact
from stylekit.encoders.vgg19 import VGG19
from stylekit.formulations import content_loss
from stylekit.recipe import PADDINGS, POOLINGS
from stylekit.statistics import gram_loss, mean_covariance_loss, moments
from stylekit.studio import hosting
from training.student import Student

SHARED = Path(__file__).parents[2] / "shared" / "weights" / "vgg19_standin.safetensors"


@functools.cache
def reference():
    torch.manual_seed(0)
    return torchvision.models.vgg19(weights=None).features.eval()


def small_weights(last=7):
    """The first layers of a VGG-19 with random weights: `features.0` to `features.{last}`."""
    return {k: v.clone() for k, v in reference().state_dict().items() if int(k.split(".")[0]) <= last}


def named(weights):
    return {f"features.{key}": tensor for key, tensor in weights.items()}


# ------------------------------------------------------------------------------------------------------ any encoder


def test_unknown_layers_and_too_small_pictures_are_refused_with_what_would_work():
    encoder = Toy()
    with pytest.raises(RecipeError, match=r"toy has no layer 'relu9_9'; it has relu1_1"):
        encoder(picture(1), ["relu1_1", "relu9_9"])
    with pytest.raises(SizeError, match=r"56x15 .* at least 16"):
        encoder(picture(1, 15, 56), ["relu5_1"])
    assert encoder(picture(1, 15, 56), ["relu4_1"])["relu4_1"].shape[2:] == (1, 7)
    assert encoder(picture(1), []) == {}
    with pytest.raises(RecipeError, match="compact, vgg19"):
        load_encoder("vgg16")


@functools.cache
def encoders():
    """Both, with random weights: what is true of any weights needs none in particular."""
    torch.manual_seed(1)
    return {"compact": Student().net.eval(), "vgg19": VGG19(named(reference().state_dict())).eval()}


ASKED = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1"]
both = pytest.mark.parametrize("name", ["compact", "vgg19"])


@both
def test_what_cannot_be_is_refused_with_the_numbers(name):
    encoder = encoders()[name]
    with pytest.raises(RecipeError, match=rf"{name} has no layer 'conv_4'; it has .*relu1_1, .*relu5_1"):
        encoder(picture(1), ["relu1_1", "conv_4"])
    for layer, side in {"relu2_1": 2, "relu3_1": 4, "relu4_2": 8, "relu5_1": 16}.items():
        with pytest.raises(SizeError, match=rf"{side - 1}x40 pixels.* at least {side};"):
            encoder(torch.rand(1, 3, 40, side - 1), ["relu1_1", layer])
        with torch.no_grad():
            assert encoder(torch.rand(1, 3, side, side), [layer])[layer].shape[2:] == (1, 1)


@both
@pytest.mark.parametrize(("height", "width"), [(32, 48), (33, 47), (31, 17)])
def test_layers_halve_the_size_and_drop_the_odd_pixel(name, height, width):
    with torch.no_grad():
        features = encoders()[name](torch.rand(1, 3, height, width), ASKED)
    for layer, strides in zip(ASKED, (1, 2, 4, 8, 8, 16), strict=True):
        assert features[layer].shape[2:] == (height // strides, width // strides), layer


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pooling"), [("vgg19", "max"), *(("compact", pooling) for pooling in POOLINGS)])
def test_strides_and_receptive_fields_are_what_the_gradients_show(name, pooling):
    encoder = copy.deepcopy(encoders()[name]).double().variant("zeros", pooling)
    deepest = ["relu5_1"] if name == "compact" else []  # of VGG-19 too wide for a test; its number is in the next but one
    for layer in ["relu1_1", "relu2_1", "relu3_1", "relu4_1", *deepest]:
        assert_reach(encoder, layer)


@pytest.mark.parametrize("make", [Toy, Small19])
def test_an_encoder_of_ones_own_says_its_strides_and_receptive_fields_too(make):
    for layer in make.layers[:8]:
        assert_reach(make().double(), layer)


def assert_reach(encoder, layer):
    """Two places side by side see squares as large, and as far apart, as the encoder says, each around its own place."""
    stride, field = encoder.stride(layer), encoder.receptive_field(layer)
    around = (field - stride) // 2
    place = -(-around // stride)  # so far inside that nothing beyond the border is seen
    height, width = (2 * place + 1) * stride, (2 * place + 2) * stride
    for column in (place, place + 1):
        rows, columns = seen_from(encoder, layer, place, column, (height, width))
        for seen, at in ((rows, place), (columns, column)):
            assert seen == (at * stride - around, at * stride - around + field - 1), layer


def seen_from(encoder, layer, row, column, size):
    """The first and last row, and column, of an image that this place of `layer` depends on, by its gradient."""
    seen = torch.zeros(size, dtype=torch.double)
    for seed in range(2):  # some pixels behind a ReLU or a maximum count in one picture and not in another
        image = picture(seed, *size).double().requires_grad_(True)
        (gradient,) = torch.autograd.grad(encoder(image, [layer])[layer][0, :, row, column].sum(), image)
        seen += gradient[0].abs().sum(0)
    rows, columns = (seen.sum(dim).nonzero().flatten() for dim in (1, 0))
    return (int(rows[0]), int(rows[-1])), (int(columns[0]), int(columns[-1]))


def test_vgg19s_receptive_fields_are_those_of_the_literature():
    """Of the five style layers, and of relu4_2: 3, 10, 24, 68, 84 and 156 pixels."""
    assert [encoders()["vgg19"].receptive_field(layer) for layer in ASKED] == [3, 10, 24, 68, 84, 156]


@both
def test_strides_of_unknown_layers_are_refused(name):
    for ask in (encoders()[name].stride, encoders()[name].receptive_field):
        with pytest.raises(RecipeError, match="has no layer 'relu9_9'"):
            ask("relu9_9")


class Coarse(Encoder):
    """Somebody's encoder of layers with names of their own, of which one place sees 32 pixels and the next one is as far away."""

    name = "coarse"
    layers = ("fine", "patches")

    def __init__(self):
        super().__init__()
        self.reaches = {"fine": Reach().behind(3), "patches": Reach().behind(32, 32)}
        self.fine, self.patches = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Conv2d(3, 4, 32, stride=32)

    def _walk(self, image, wanted):
        for layer in wanted:
            yield layer, getattr(self, layer)(image)


def test_layers_of_any_name_are_mirrored_and_checked_by_the_strides_that_they_say():
    torch.manual_seed(4)
    encoder, image = Coarse().double(), picture(1, 64, 96).double()
    with pytest.raises(SizeError, match=r"40x31 pixels.* at least 32"):
        encoder(picture(1, 31, 40).double(), ["patches"])
    wide = torch.nn.functional.pad(image, [32] * 4, mode="reflect")
    with torch.no_grad():
        found, whole = encoder.variant("mirror")(image, encoder.layers), encoder(wide, encoder.layers)
    for layer, stride in (("fine", 1), ("patches", 32)):
        inside = slice(32 // stride, -32 // stride)
        assert torch.allclose(found[layer], whole[layer][:, :, inside, inside], rtol=1e-12, atol=1e-12), layer
        assert found[layer].shape[2:] == (64 // stride, 96 // stride)


@both
def test_it_goes_no_deeper_than_asked(name, monkeypatch):
    def too_deep(_):
        raise AssertionError("a layer was computed that nobody asked for")

    encoder, names = encoders()[name], list(encoders()[name].conv)
    for conv in names[names.index("relu3_1") + 1 :]:
        monkeypatch.setattr(encoder.conv[conv], "forward", too_deep)
    with torch.no_grad():
        assert list(encoder(picture(1), ["relu3_1"])) == ["relu3_1"]
    with pytest.raises(AssertionError, match="nobody asked"):
        encoder(picture(1), ["relu4_1"])


@both
def test_features_come_in_order_of_depth_and_do_not_depend_on_what_else_is_asked(name):
    """Nor are they, or the picture, written over by the layers behind them."""
    image = picture(1)
    before, encoder = image.clone(), encoders()[name]
    with torch.no_grad():
        together = encoder(image, [*reversed(ASKED), "relu1_1"])
        assert list(together) == ASKED
        for layer in ASKED:
            assert torch.equal(encoder(image, iter([layer]))[layer], together[layer]), layer
    assert torch.equal(image, before)


@both
def test_features_are_differentiable_in_the_image(name):
    """The gradient along a random direction is the finite difference, through every layer at once."""
    encoder = copy.deepcopy(encoders()[name]).double()
    image, direction = picture(1, 16, 20).double(), torch.randn(1, 3, 16, 20, dtype=torch.double)
    pull = {layer: torch.randn_like(f) for layer, f in encoder(image, ASKED).items()}

    def value(x):
        return sum((pull[layer] * f).mean() for layer, f in encoder(x, ASKED).items())

    x = image.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(x), x)
    with torch.no_grad():
        # so short that it passes no ReLU's or maximum's kink: at 1e-7 one run in thirty does
        expected = (value(image + 1e-9 * direction) - value(image - 1e-9 * direction)) / 2e-9
    assert (gradient * direction).sum().item() == pytest.approx(expected.item(), rel=1e-4)


@both
def test_a_loaded_encoder_is_frozen_and_without_hooks(name, tmp_path, monkeypatch):
    save_file(named(small_weights()), tmp_path / "weights.safetensors")
    monkeypatch.setenv("STYLEKIT_VGG19", str(tmp_path / "weights.safetensors"))
    encoder = load_encoder(name, "cpu")
    image = picture(1).requires_grad_(True)
    encoder(image, ["relu2_1"])["relu2_1"].sum().backward()
    assert image.grad.abs().sum() > 0
    assert all(not p.requires_grad and p.grad is None for p in encoder.parameters())
    for module in encoder.modules():
        assert not module.training
        assert not any(value for key, value in vars(module).items() if key.endswith("_hooks")), "DESIGN.md: no hooks"
    assert encoder.device == torch.device("cpu")


@pytest.fixture
def precision():
    """Restores what the process rounds to."""
    before = rounding()
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def rounding():
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


def test_loading_an_encoder_leaves_the_precision_of_the_process_as_it_is(precision):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    for device in ("cpu", "cuda"):
        with contextlib.suppress(AssertionError, RuntimeError):  # there may be no GPU here
            load_encoder("compact", device)
        assert rounding() == (False, False)
    allow_tf32()
    assert rounding() == (True, True)


def test_the_page_and_the_command_line_own_the_process_and_let_it_round(precision, tmp_path):
    pictures = [str(Path(__file__).parents[1] / "assets" / name) for name in ("photos/cat.jpg", "artworks/harbour-night.jpg")]
    paint = ["stylize", *pictures, "-o", str(tmp_path / "painted.png"), "--size", "32", "--steps", "1", "--quiet"]
    for start in (hosting.prepare, lambda: main(paint)):
        torch.backends.cuda.matmul.allow_tf32 = False
        start()
        assert rounding() == (True, True)


# ------------------------------------------------------------------------------------------------------ compact


def test_the_compact_encoder_ships_small_frozen_and_without_hooks():
    encoder = load_encoder("compact", "cpu")
    assert sum(p.numel() for p in encoder.parameters()) <= 1_600_000
    assert compact.WEIGHTS.stat().st_size <= 4_000_000
    assert not any(p.requires_grad for p in encoder.parameters())
    assert all(not m._forward_hooks and not m._backward_hooks for m in encoder.modules())
    card = compact.WEIGHTS.with_suffix(".md").read_text()
    assert compact.SHA256 in card and hashlib.sha256(compact.WEIGHTS.read_bytes()).hexdigest() == compact.SHA256


def test_compact_features_have_the_strides_of_vgg19_and_pass_gradients_on():
    image = picture(1, 64, 48).requires_grad_(True)
    features = load_encoder("compact", "cpu")(image, Compact.layers)
    shapes = [tuple(f.shape[2:]) for f in features.values()]
    assert shapes == [(64, 48), (32, 24), (16, 12), (8, 6), (8, 6), (4, 3)]
    sum(f.sum() for f in features.values()).backward()
    assert image.grad.abs().sum() > 0


def test_the_root_of_a_head_gives_the_heads_distances():
    """With root = (P'P)^(1/2): ||P D P'|| = ||root D root|| and ||P d|| = ||root d||."""
    torch.manual_seed(0)
    p = torch.randn(20, 6, dtype=torch.double)
    values, vectors = torch.linalg.eigh(p.T @ p)
    root = vectors @ values.sqrt().diag() @ vectors.T
    a, b = torch.rand(1, 6, 5, 7, dtype=torch.double), torch.rand(1, 6, 5, 7, dtype=torch.double)

    def through(matrix, x):
        return torch.einsum("oc,bchw->bohw", matrix, x)

    for distance in DISTANCES:
        assert distance(through(p, a), through(p, b)).item() == pytest.approx(distance(through(root, a), through(root, b)).item())


DISTANCES = (
    content_loss,
    lambda x, y: gram_loss(moments(x), moments(y)),
    lambda x, y: mean_covariance_loss(moments(x), moments(y)),
)


@pytest.mark.parametrize("wide", [True, False])
def test_what_the_encoder_gives_is_as_far_apart_as_what_its_heads_would_give(wide):
    """Through the network, with a random P for every root; a P with fewer rows than columns has a singular root."""
    torch.manual_seed(2)
    encoder, heads = Student().net.double(), {}
    for layer, root in encoder.root.items():
        channels = root.in_channels
        p = torch.randn(2 * channels if wide else channels // 2, channels, dtype=torch.double)
        values, vectors = torch.linalg.eigh(p.T @ p)
        root.weight.data = (vectors @ values.clamp_min(0).sqrt().diag() @ vectors.T)[:, :, None, None]
        heads[layer] = p
    a, b = picture(1, 32, 32).double(), picture(2, 32, 32).double()
    with torch.no_grad():
        folded = [encoder(x, Compact.layers) for x in (a, b)]
        own = [dict(encoder.walk_unprojected(x)) for x in (a, b)]
    assert set(Compact.layers) - set(heads) == set(compact.OWN)
    for layer in Compact.layers:
        p = heads.get(layer, torch.eye(own[0][layer].shape[1], dtype=torch.double))
        through = [torch.einsum("oc,bchw->bohw", p, features[layer]) for features in own]
        for distance in DISTANCES:
            ours, theirs = distance(*(f[layer] for f in folded)).item(), distance(*through).item()
            assert theirs > 1e-8 and ours == pytest.approx(theirs, rel=1e-4), layer


def test_the_shipped_roots_are_symmetric_and_positive():
    for root in load_encoder("compact", "cpu").root.values():
        matrix = root.weight.flatten(1)
        assert (matrix - matrix.T).abs().max() < 2e-3 * matrix.abs().max()
        assert torch.linalg.eigvalsh(matrix).min() > -1e-2 * matrix.abs().max()


def test_features_that_are_vgg19s_own_are_as_many_and_none_negative():
    encoder, channels = load_encoder("compact", "cpu"), {"relu3_1": 256, "relu4_2": 512}
    with torch.no_grad():
        features = encoder(picture(1), compact.OWN)
    assert {layer: f.shape[1] for layer, f in features.items()} == channels
    assert min(float(f.min()) for f in features.values()) == 0


def test_features_that_are_vgg19s_own_are_so_channel_by_channel():
    if not SHARED.exists():
        pytest.skip("the reference's weights are not here (../shared/weights)")
    theirs, ours = VGG19(vgg19.read_weights(SHARED)).eval(), load_encoder("compact", "cpu")
    photo = open_picture(Path(__file__).parents[1] / "assets/photos/coffee.jpg", 128).image
    with torch.no_grad():
        wanted, found = theirs(photo, compact.OWN), ours(photo, compact.OWN)
    for layer in compact.OWN:
        assert content_loss(found[layer], wanted[layer]) < 0.2, layer
        assert content_loss(found[layer].roll(1, 1), wanted[layer]) > 0.5, layer


def test_the_compact_encoder_tells_pictures_apart_as_vgg19_does():
    """Relative losses between our own samples, which it was not trained on, agree within 25 per cent in the median."""
    if not SHARED.exists():
        pytest.skip("the reference's weights are not here (../shared/weights)")
    paths = sorted((Path(__file__).parents[1] / "assets").glob("*/*.jpg"))[::2]
    pictures = [open_picture(path, 128).image for path in paths]
    theirs, ours = VGG19(vgg19.read_weights(SHARED)).eval(), load_encoder("compact", "cpu")
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    with torch.no_grad():
        seen = [[{k: moments(f) for k, f in e(x, layers).items()} for x in pictures] for e in (theirs, ours)]
    for layer in layers:
        pairs = itertools.permutations(range(len(pictures)), 2)
        ratios = [math.log(gram_loss(o[j], o[i]) / gram_loss(t[j], t[i])) for i, j in pairs for t, o in [by_layer(seen, layer)]]
        assert statistics.median(map(abs, ratios)) < math.log(1.25), layer


def by_layer(seen, layer):
    return [[moments_of[layer] for moments_of in encoder] for encoder in seen]


def test_damaged_missing_and_foreign_compact_weights_are_refused(tmp_path):
    whole = compact.WEIGHTS.read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="damaged"):
        Compact.load(cut)
    flipped = tmp_path / "flipped.safetensors"
    flipped.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(WeightsError, match="damaged"):
        Compact.load(flipped)
    with pytest.raises(WeightsError, match="missing"):
        Compact.load(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="damaged"):
        Compact.load(sha256="0" * 64)


def test_packed_weights_take_two_bytes_each_and_come_back_in_single_precision(tmp_path):
    torch.manual_seed(3)
    made, path = Compact(), tmp_path / "made.safetensors"
    save_file(made.packed(), path)
    assert path.stat().st_size < 2.1 * sum(tensor.numel() for tensor in made.state_dict().values())
    read = Compact.load(path, hashlib.sha256(path.read_bytes()).hexdigest())
    for name, tensor in made.state_dict().items():
        back = read.state_dict()[name]
        assert back.dtype == torch.float32 and torch.equal(back, tensor.half().float()), name


# ------------------------------------------------------------------------------------------------------ VGG-19


def test_vgg19_gives_torchvisions_features_for_every_layer():
    encoder = VGG19(named(reference().state_dict())).eval()
    assert encoder.layers[:5] == ("conv1_1", "relu1_1", "conv1_2", "relu1_2", "conv2_1") and encoder.layers[-1] == "relu5_4"
    image = picture(1, 32, 48)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x, expected = (image - mean) / std, []
    for module in reference():
        x = torch.relu(x) if isinstance(module, torch.nn.ReLU) else module(x)
        if not isinstance(module, torch.nn.MaxPool2d):
            expected.append(x)
    assert len(expected) == 2 * 16
    with torch.no_grad():
        features = encoder(image, encoder.layers)
    for (layer, ours), theirs in zip(features.items(), expected, strict=True):
        assert theirs.abs().max() > 0 and (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max(), layer


def test_what_is_said_of_torchvisions_weights_is_what_torchvision_says():
    """Its enum is the source; the package has a copy, because importing torchvision takes a second."""
    theirs = torchvision.models.VGG19_Weights.IMAGENET1K_V1
    means = theirs.transforms()
    assert theirs.url == vgg19.URL and (list(vgg19.MEAN), list(vgg19.STD)) == (means.mean, means.std)
    assert torchvision.models.VGG19_Weights.DEFAULT is theirs
    with torch.device("meta"):
        classifier = torchvision.models.vgg19(weights=None).classifier
    ours = encoders()["vgg19"].parameters()
    assert sum(p.numel() for p in (*ours, *classifier.parameters())) == theirs.meta["num_params"]
    assert round(theirs.meta["_file_size"]) == vgg19.MEGABYTES


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", ["pth", "old pth", "safetensors"])
def test_weights_come_from_either_kind_of_file_and_a_short_one_has_fewer_layers(tmp_path, monkeypatch, kind, half):
    weights = {k: v.half() if half else v for k, v in named(small_weights()).items()}
    path = tmp_path / f"weights.{kind.split()[-1]}"
    if kind == "safetensors":
        save_file(weights, path)
    else:
        more = {"classifier.0.weight": torch.ones(2)}
        torch.save(weights | more, path, _use_new_zipfile_serialization=kind == "pth")
        assert zipfile.is_zipfile(path) == (kind == "pth")
    monkeypatch.setenv("STYLEKIT_VGG19", str(path))
    encoder = load_encoder("vgg19", "cpu")
    assert encoder.layers == tuple(f"{kind}{place}" for place in ("1_1", "1_2", "2_1", "2_2") for kind in ("conv", "relu"))
    whole = VGG19(named(small_weights()))
    with torch.no_grad():
        a, b = (e(picture(1), ["relu2_2"])["relu2_2"] for e in (encoder, whole))
    assert (a - b).abs().max() < (1e-2 if half else 1e-5) * b.abs().max()
    with pytest.raises(RecipeError, match="relu5_1"):
        encoder(picture(1), ["relu5_1"])


def test_torchvisions_own_file_is_of_the_old_kind_and_loads_from_torchs_cache(tmp_path, monkeypatch):
    """vgg19-dcbb9e9d.pth is of January 2017: not a zip archive, which torch.save makes since version 1.6 of 2020."""
    torch.save(named(small_weights()), tmp_path / "made.pth", _use_new_zipfile_serialization=False)
    name = f"vgg19-{hashlib.sha256((tmp_path / 'made.pth').read_bytes()).hexdigest()[:8]}.pth"
    monkeypatch.setattr(vgg19, "URL", f"https://download.invalid/models/{name}")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "made.pth").rename(tmp_path / "checkpoints" / name)
    assert load_encoder("vgg19", "cpu").layers[-1] == "relu2_2"


@pytest.mark.parametrize("last", [0, 2, 5, 12, 21, 28])
def test_a_file_that_ends_early_has_the_layers_up_to_its_end(last):
    encoder = VGG19(named(small_weights(last)))
    convolutions = [int(key.split(".")[0]) for key in reference().state_dict() if key.endswith("weight")]
    assert encoder.layers == encoders()["vgg19"].layers[: 2 * (convolutions.index(last) + 1)]
    with torch.no_grad():
        deepest = encoder.layers[-1]
        assert torch.equal(encoder(picture(1), [deepest])[deepest], encoders()["vgg19"](picture(1), [deepest])[deepest])


def test_a_file_with_a_gap_is_refused_rather_than_cut_short_silently():
    for gap in (5, 16, 21):
        weights = named({k: v for k, v in reference().state_dict().items() if int(k.split(".")[0]) != gap})
        with pytest.raises(WeightsError):
            VGG19(weights)


@pytest.mark.parametrize(("letter", "norm"), [("A", False), ("B", False), ("D", False), ("E", True)])
def test_the_other_networks_of_the_same_paper_are_not_taken_for_vgg19(letter, norm):
    """VGG-11, 13, 16 and VGG-19 with batch normalisation; their tensors have VGG-19's names, and largely its shapes."""
    with pytest.raises(WeightsError, match="VGG-19"):
        VGG19(named(make_layers(cfgs[letter], norm).state_dict()))


def test_the_reference_of_the_developers_loads_through_the_environment_variable(monkeypatch):
    if not SHARED.exists():
        pytest.skip("the reference's weights are not here (../shared/weights)")
    monkeypatch.setenv("STYLEKIT_VGG19", str(SHARED))
    assert "relu5_1" in load_encoder("vgg19", "cpu").layers


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p.write_bytes(b"junk"), "cannot be read"),
        (lambda p: save_file(named(small_weights()), p) or p.write_bytes(p.read_bytes()[:1000]), "cannot be read"),
        (lambda p: save_file({"layer1.weight": torch.ones(3)}, p), "not torchvision's VGG-19"),
        (
            lambda p: save_file(named({"0.weight": torch.ones(8, 3, 3, 3), "0.bias": torch.ones(8)}), p),
            "another network",
        ),
        (lambda p: save_file({"features.0.weight": torch.ones(64, 3, 3, 3)}, p), "another network"),
        (lambda p: None, "names no file"),
    ],
)
def test_wrong_files_are_refused_with_what_to_do(tmp_path, monkeypatch, make, says):
    path = tmp_path / "weights.safetensors"
    make(path)
    monkeypatch.setenv("STYLEKIT_VGG19", str(path))
    with pytest.raises(WeightsError, match=says) as caught:
        load_encoder("vgg19", "cpu")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [torch.ones(3), [1], None, {0: torch.ones(1)}, {"features.0.weight": 3}, {"state_dict": {"features.0.weight": 3}}],
    ids=["tensor", "list", "nothing", "numbers as names", "numbers as tensors", "nested"],
)
def test_a_pth_file_of_something_else_is_refused_with_what_to_do(tmp_path, monkeypatch, content):
    torch.save(content, tmp_path / "weights.pth")
    monkeypatch.setenv("STYLEKIT_VGG19", str(tmp_path / "weights.pth"))
    with pytest.raises(WeightsError):
        load_encoder("vgg19", "cpu")


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_files_damaged_anywhere_are_refused_or_read_but_nothing_else_happens(tmp_path, kind):
    """Cut off or with bytes changed in the first 3 kB, where the names, shapes and the pickle are."""
    weights = {"features.0.weight": torch.ones(64, 3, 3, 3), "features.0.bias": torch.ones(64)}
    path, chance, other = tmp_path / f"weights.{kind}", random.Random(0), []
    (torch.save if kind == "pth" else save_file)(weights, path)
    whole = path.read_bytes()
    for number in range(250):
        data = bytearray(whole)
        if number % 5 == 0:
            data = data[: chance.randrange(len(data))]
        for _ in range(number % 5):
            data[chance.randrange(min(len(data), 3000))] = chance.randrange(256)
        path.unlink()  # a new file each time: the one before may still be mapped
        path.write_bytes(data)
        try:
            VGG19(vgg19.read_weights(path))
        except WeightsError:
            pass
        except Exception as error:
            other.append(repr(error))
    assert other == []


def test_a_pickle_that_would_run_code_is_not_run(tmp_path, monkeypatch):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"features.0.weight": Trap()}, tmp_path / "trap.pth")
    monkeypatch.setenv("STYLEKIT_VGG19", str(tmp_path / "trap.pth"))
    with pytest.raises(WeightsError):
        load_encoder("vgg19", "cpu")
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A server of a small file in place of torchvision's, and an empty cache; returns (file, cached path)."""
    served, cache = tmp_path / "served", tmp_path / "cache"
    served.mkdir()
    torch.save(named(small_weights()), served / "file.pth")
    data = (served / "file.pth").read_bytes() + b"\0" * (3 << 20)
    name = f"vgg19-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    (served / name).write_bytes(data)
    handler = functools.partial(Quiet, directory=served)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(vgg19, "URL", f"http://127.0.0.1:{server.server_port}/{name}")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(cache))
    yield served / name, cache / "checkpoints" / name
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_a_download_shows_its_progress_and_ends_in_torchs_cache(elsewhere):
    source, cached = elsewhere
    assert vgg19.find_weights() is None
    with pytest.raises(WeightsError, match="compact"):
        load_encoder("vgg19", "cpu")
    progress = list(vgg19.download())
    total = source.stat().st_size
    assert [t for _, t in progress] == [total] * len(progress) and len(progress) >= 3
    assert [d for d, _ in progress] == sorted(d for d, _ in progress) and progress[-1][0] == total
    assert cached.read_bytes() == source.read_bytes() and [p.name for p in cached.parent.iterdir()] == [cached.name]
    assert vgg19.find_weights() == cached


def test_a_wrong_file_is_not_kept(elsewhere):
    source, cached = elsewhere
    source.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="damaged"):
        list(vgg19.download())
    assert list(cached.parent.iterdir()) == []


def test_a_download_that_is_given_up_leaves_nothing(elsewhere):
    _, cached = elsewhere
    download = vgg19.download()
    next(download)
    download.close()
    assert list(cached.parent.iterdir()) == []


def test_offline_says_what_to_do(elsewhere, monkeypatch):
    _, cached = elsewhere
    with socket.create_server(("127.0.0.1", 0)) as closed:  # a port of which it is certain that nobody listens any more
        port = closed.getsockname()[1]
    monkeypatch.setattr(vgg19, "URL", f"http://127.0.0.1:{port}/vgg19-00000000.pth")
    with pytest.raises(WeightsError, match=r"online\? Choose the compact encoder"):
        list(vgg19.download())
    assert list(cached.parent.iterdir()) == []


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """A function that makes a server give one answer, byte by byte as said; its cache is empty."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    threads = []

    def answer(data):
        listening = socket.create_server(("127.0.0.1", 0))

        def serve():
            connection, _ = listening.accept()
            with listening, connection:
                connection.recv(4096)
                connection.sendall(data)

        threads.append(threading.Thread(target=serve, daemon=True))
        threads[-1].start()
        monkeypatch.setattr(vgg19, "URL", f"http://127.0.0.1:{listening.getsockname()[1]}/vgg19-00000000.pth")

    yield answer
    for thread in threads:
        thread.join(5)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 404 Not Found\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
        b"",
        b"please log in to this network\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: many\r\n\r\ndata",
    ],
    ids=["not found", "cut off", "cut off in chunks", "hung up", "not http", "no number"],
)
def test_a_server_that_fails_is_one_sentence_and_leaves_nothing(answers, answer):
    answers(answer)
    with pytest.raises(WeightsError, match="Choose the compact encoder"):
        list(vgg19.download())
    assert list(vgg19.cache_path().parent.iterdir()) == []


def test_a_server_that_does_not_say_how_much_is_no_failure(answers, monkeypatch):
    data = b"x" * 5000
    answers(b"HTTP/1.0 200 OK\r\n\r\n" + data)
    monkeypatch.setattr(vgg19, "URL", vgg19.URL.replace("00000000", hashlib.sha256(data).hexdigest()[:8]))
    assert list(vgg19.download()) == [(5000, 0)]
    assert vgg19.cache_path().read_bytes() == data


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="Choose the compact encoder"):
        list(vgg19.download())


def test_a_damaged_file_in_torchs_cache_is_noticed(elsewhere):
    _, cached = elsewhere
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"half of it")
    with pytest.raises(WeightsError, match="damaged"):
        load_encoder("vgg19", "cpu")


@pytest.mark.parametrize("named_by_hand", [False, True])
def test_a_readable_file_under_torchvisions_name_must_be_torchvisions(tmp_path, monkeypatch, named_by_hand):
    """It would load; only its sha256 tells that it is another."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = tmp_path / ("elsewhere" if named_by_hand else "checkpoints") / vgg19.URL.rsplit("/", 1)[-1]
    path.parent.mkdir()
    torch.save(named(small_weights()), path)
    if named_by_hand:
        monkeypatch.setenv("STYLEKIT_VGG19", str(path))
    with pytest.raises(WeightsError, match=r"sha256 begins \w{8} and not dcbb9e9d"):
        load_encoder("vgg19", "cpu")


def test_a_file_that_may_not_be_read_is_one_sentence(elsewhere, monkeypatch):
    """Another user's, in a cache that they share: it is there, but opening it is refused."""
    _, cached = elsewhere
    list(vgg19.download())
    opened = Path.open

    def refuse(path, *args, **kwargs):
        if path == cached:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WeightsError, match="compact") as caught:
        load_encoder("vgg19", "cpu")
    assert str(cached.parent) not in str(caught.value)


# ------------------------------------------------------------ variants: other borders, other poolings


NUMPY = {"zeros": "constant", "replicate": "edge", "reflect": "reflect", "circular": "wrap"}
"""NumPy's words for the paddings of a convolution."""

MODES = [(name, padding, pooling) for name in ("compact", "vgg19") for padding in PADDINGS for pooling in POOLINGS]
every_mode = pytest.mark.parametrize(("name", "padding", "pooling"), MODES)


@functools.cache
def exact():
    """Both encoders in double precision."""
    return {name: copy.deepcopy(encoder).double().requires_grad_(False) for name, encoder in encoders().items()}


def seen(encoder, image, layers=ASKED):
    with torch.no_grad():
        return encoder(image, layers)


# ------------------------------------------------------------------------------------------------------ one network, many modes


@both
def test_the_default_is_the_encoder_itself_and_to_the_bit_what_it_was(name):
    encoder, image = encoders()[name], picture(1, 33, 46)
    assert encoder.variant() is encoder and encoder.variant(padding="zeros", pooling="max") is encoder
    x = (image - encoder.mean) / encoder.std if name == "vgg19" else (image - 0.45) * 4
    features = seen(encoder, image)
    with torch.no_grad():
        for layer, conv in encoder.conv.items():
            if layer.endswith("_1") and layer != "relu1_1" and name == "vgg19":
                x = torch.max_pool2d(x, 2)
            x = conv(x)
            if name == "compact":
                given = x = torch.relu(encoder.widen[layer](x) if layer in encoder.widen else x)
                x = torch.max_pool2d(x, 2) if layer in {"relu1_2", "relu2_2", "relu3_4", "relu4_2"} else x
                x = encoder.narrow[layer](x) if layer in encoder.narrow else x
                given = x if layer in {"relu4_1", "relu5_1"} else given  # what is kept; of the others what is at the ReLU
                given = encoder.root[layer](given) if layer in encoder.root else given
            else:
                given = x = torch.relu(x)
            if layer in ASKED:
                assert torch.equal(features[layer], given), layer


@every_mode
def test_a_variant_shares_the_weights_and_leaves_the_original_alone(name, padding, pooling):
    encoder, image = encoders()[name], picture(1)
    before = seen(encoder, image)
    other = encoder.variant(padding, pooling)
    assert (other is encoder) == ((padding, pooling) == ("zeros", "max"))
    assert other.mode == (padding, pooling) and encoder.mode == ("zeros", "max")
    assert other.name == encoder.name and other.layers == encoder.layers and other.training == encoder.training
    mine, theirs = other.state_dict(), encoder.state_dict()
    assert mine.keys() == theirs.keys() and all(mine[k].data_ptr() == theirs[k].data_ptr() for k in mine)
    features = seen(other, image)
    assert [f.shape for f in features.values()] == [f.shape for f in before.values()]
    deepest = ASKED[-1]
    assert torch.equal(features[deepest], before[deepest]) == (other is encoder)
    for layer, f in seen(encoder, image).items():
        assert torch.equal(f, before[layer]), layer


@both
def test_a_variant_of_a_variant_starts_from_neither(name):
    encoder = encoders()[name]
    reflected = encoder.variant("circular").variant("reflect")
    assert reflected.mode == ("reflect", "max") and reflected.variant("reflect") is reflected
    back = reflected.variant()
    for layer, f in seen(back, picture(1)).items():
        assert torch.equal(f, seen(encoder, picture(1))[layer])


def test_variants_work_beside_each_other():
    """Several visitors' runs use the same weights at the same time."""
    modes = [encoders()["vgg19"].variant(padding, pooling) for padding in PADDINGS for pooling in POOLINGS]
    alone = [seen(mode, picture(1))["relu4_1"] for mode in modes]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda mode: [seen(mode, picture(1))["relu4_1"] for _ in range(3)], modes))
    for expected, found in zip(alone, together, strict=True):
        assert all(torch.equal(f, expected) for f in found)


@pytest.mark.parametrize(
    ("name", "padding", "pooling", "says"),
    [
        ("vgg19", "same", "max", r"vgg19 has no padding 'same'; it has mirror, zeros, replicate, reflect, circular\.$"),
        ("vgg19", "zeros", "mean", r"vgg19 has no pooling 'mean'; it has max, average, l2\.$"),
        ("vgg19", None, "max", "no padding None"),
        ("vgg19", "zeros", ["max"], "no pooling"),
        ("compact", "Reflect", "max", r"it has mirror, zeros, replicate, reflect, circular\.$"),
        ("compact", "zeros", "sum", r"compact has no pooling 'sum'; it has max, average, l2\.$"),
    ],
)
def test_what_an_encoder_does_not_have_is_refused_with_what_it_has(name, padding, pooling, says):
    with pytest.raises(RecipeError, match=says):
        encoders()[name].variant(padding, pooling)


def test_an_encoder_of_ones_own_goes_on_working_and_has_its_one_mode():
    encoder = type("Plain", (Toy,), {"paddings": Encoder.paddings})()
    assert encoder.variant() is encoder and encoder.variant("zeros", "max") is encoder
    with pytest.raises(RecipeError, match=r"toy has no padding 'reflect'; it has mirror, zeros\.$"):
        encoder.variant("reflect")
    with pytest.raises(RecipeError, match=r"toy has no pooling 'l2'; it has max\.$"):
        encoder.variant(pooling="l2")


class Own(Encoder):
    """Somebody's encoder with the names for its parts that come to mind first, and two paddings."""

    name = "own"
    layers = ("relu1_1", "relu2_1")
    paddings = ("zeros", "circular")

    def __init__(self):
        super().__init__()
        self.padding = 1
        self.reaches = {"relu1_1": Reach(1, 3), "relu2_1": Reach(2, 4)}
        self.conv = nn.Conv2d(3, 4, 3, padding=self.padding).requires_grad_(False)
        self.pooling = nn.AvgPool2d(2)

    def _walk(self, image, wanted):
        x = convolve(self.conv, image, self.mode[0]).relu()
        if "relu1_1" in wanted:
            yield "relu1_1", x
        if "relu2_1" in wanted:
            yield "relu2_1", self.pooling(x)


def test_an_encoder_of_ones_own_may_have_more_modes():
    own, image = Own(), picture(1, 8, 8)
    other = own.variant("circular")
    assert other.conv is own.conv
    rolled = seen(other, image.roll((2, 4), (2, 3)), own.layers)
    for stride, (layer, f) in enumerate(seen(other, image, own.layers).items(), start=1):
        assert torch.allclose(rolled[layer], f.roll((2 // stride, 4 // stride), (2, 3)))
        assert not torch.allclose(f, seen(own, image, own.layers)[layer])
    with pytest.raises(RecipeError, match=r"it has mirror, zeros, circular\.$"):
        own.variant("reflect")


PAINTED = [
    *(("compact", padding, "max") for padding in PADDINGS if padding != "zeros"),
    *(
        (name, padding, pooling)
        for name in ("compact", "vgg19")
        for padding, pooling in (("reflect", "l2"), ("circular", "average"))
    ),
]


@pytest.mark.parametrize(("name", "padding", "pooling"), PAINTED)
def test_a_picture_is_painted_with_a_variant(name, padding, pooling):
    recipe = Recipe(encoder=name, size=32, steps=2)
    frames = list(stylize(picture(1), [picture(2)], recipe, encoder=encoders()[name].variant(padding, pooling)))
    assert len(frames) == 3 and bool(frames[-1].image.isfinite().all()) and frames[-1].losses["style"] > 0


# ------------------------------------------------------------------------------------------------------ borders


@pytest.mark.parametrize(
    ("stride", "size"), [(1, (5, 6)), (1, (2, 3)), (1, (1, 4)), (1, (4, 1)), (1, (1, 1)), (2, (6, 5)), (2, (2, 3))]
)
@pytest.mark.parametrize("padding", NUMPY)
def test_a_convolution_sees_what_numpys_padding_shows(padding, size, stride):
    """Of a side of one pixel a mirror can only show that pixel."""
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 3, 2 + stride, stride, padding=1).double()
    x = torch.randn(1, 2, *size, dtype=torch.double)
    wide = x.numpy()
    for axis in (2, 3):
        mode = "edge" if padding == "reflect" and x.shape[axis] == 1 else NUMPY[padding]
        wide = np.pad(wide, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode=mode)
    windows = np.lib.stride_tricks.sliding_window_view(wide, conv.kernel_size, (2, 3))[:, :, ::stride, ::stride]
    weight, bias = (p.detach().numpy() for p in (conv.weight, conv.bias))
    expected = np.einsum("bchwij,ocij->bohw", windows, weight) + bias[:, None, None]
    np.testing.assert_allclose(convolve(conv, x, padding).detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("size", [(4, 5), (3, 2), (1, 3), (2, 1), (1, 1)])
@pytest.mark.parametrize("padding", NUMPY)
def test_a_convolution_hands_the_borders_gradients_back_to_where_they_came_from(padding, size):
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 3, 3, padding=1).double()
    x = torch.randn(1, 2, *size, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: convolve(conv, x, padding), x)
    pulled = x.detach().clone().contiguous(memory_format=torch.channels_last).requires_grad_(True)
    gradients = [torch.autograd.grad(convolve(conv, image, padding).square().sum(), image)[0] for image in (x, pulled)]
    assert torch.allclose(*gradients)


@pytest.mark.parametrize("padding", PADDINGS[2:])
def test_a_borders_copy_keeps_the_channels_of_a_pixel_side_by_side(padding):
    x = torch.rand(1, 8, 9, 10).contiguous(memory_format=torch.channels_last)
    conv = nn.Conv2d(8, 8, 3, padding=1).to(memory_format=torch.channels_last)
    assert convolve(conv, x, padding).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("name", "pooling"), [(name, pooling) for name, padding, pooling in MODES if padding == "circular"])
def test_circular_features_roll_with_the_picture(name, pooling):
    """A picture that goes on at its opposite side has no border, and so no pixel is another's better."""
    encoder, image = exact()[name].variant("circular", pooling), picture(1, 32, 48).double()
    features = seen(encoder, image)
    for down, right in ((16, 0), (0, 16), (-16, 32)):
        rolled = seen(encoder, image.roll((down, right), (2, 3)))
        for layer, strides in zip(ASKED, (1, 2, 4, 8, 8, 16), strict=True):
            expected = features[layer].roll((down // strides, right // strides), (2, 3))
            assert (rolled[layer] - expected).abs().max() <= 1e-12 * expected.abs().max(), layer
    shallow = image.roll((2, 6), (2, 3))  # a layer needs multiples of its own stride alone
    assert torch.allclose(seen(encoder, shallow)["relu2_1"], features["relu2_1"].roll((1, 3), (2, 3)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("padding", PADDINGS[:4])
@both
def test_features_with_borders_do_not_roll(name, padding):
    encoder, image = exact()[name].variant(padding), picture(1, 32, 48).double()
    features, rolled = (seen(encoder, x) for x in (image, image.roll(16, 3)))
    for layer, strides in zip(ASKED, (1, 2, 4, 8, 8, 16), strict=True):
        assert not torch.allclose(rolled[layer], features[layer].roll(16 // strides, 3), rtol=1e-3), layer


@pytest.mark.parametrize(("name", "padding", "pooling"), [mode for mode in MODES if mode[1] != "mirror"])
def test_a_flat_picture_has_flat_features_with_every_padding_but_zeros(name, padding, pooling):
    image = torch.tensor([0.8, 0.3, 0.5], dtype=torch.double)[:, None, None].expand(1, 3, 37, 50)
    for layer, f in seen(exact()[name].variant(padding, pooling), image).items():
        rim = (f - f[:, :, f.shape[2] // 2, f.shape[3] // 2, None, None]).abs().max() / f.abs().max()
        assert (rim < 1e-12) == (padding != "zeros"), layer


@pytest.mark.parametrize("size", [(48, 64), (37, 50), (33, 17), (16, 40)])
@both
def test_mirror_shows_the_encoder_what_numpys_padding_shows_and_drops_what_is_beyond(name, size):
    """A side of 16 pixels has no 16 others to mirror, and stays as it is."""
    encoder, image = exact()[name], picture(1, *size).double()
    rows, columns = (16 if side > 16 else 0 for side in size)
    wide = np.pad(image.numpy(), ((0, 0), (0, 0), (rows, rows), (columns, columns)), mode="reflect")
    whole, found = seen(encoder, torch.from_numpy(wide)), seen(encoder.variant("mirror"), image)
    for layer, plain in seen(encoder, image).items():
        stride = encoder.stride(layer)
        top, left = rows // stride, columns // stride
        expected = whole[layer][:, :, top : top + plain.shape[2], left : left + plain.shape[3]]
        assert found[layer].shape == plain.shape
        assert torch.allclose(found[layer], expected, rtol=1e-12, atol=0), layer


@both
def test_a_mirrored_border_sees_what_the_photo_goes_on_as_better_than_zeros(name):
    """The features of a cut-out beside those of the whole photo, in the outermost places of the cut-out."""
    photo = open_picture(Path(__file__).parents[1] / "assets/photos/coffee.jpg", 160).image.double()[:, :, :112]
    encoder, cut = exact()[name], photo[:, :, 16:-16, 32:-32]
    whole = seen(encoder, photo)
    apart = {"zeros": [], "mirror": []}
    for padding, errors in apart.items():
        for layer, f in seen(encoder.variant(padding), cut).items():
            stride = encoder.stride(layer)
            expected = whole[layer][:, :, 16 // stride :, 32 // stride :][:, :, : f.shape[2], : f.shape[3]]
            off = (f - expected).square()
            off[:, :, 1:-1, 1:-1] = 0
            errors.append(float(off.sum() / expected.square().sum()))
    assert all(mirror < zeros for mirror, zeros in zip(apart["mirror"], apart["zeros"], strict=True)), apart


@every_mode
def test_every_variant_sees_pictures_down_to_the_same_size(name, padding, pooling):
    """Where the deepest layer is one pixel, and a mirror has nothing to show."""
    encoder = encoders()[name].variant(padding, pooling)
    for height, width in ((16, 16), (16, 40), (33, 17)):
        f = seen(encoder, picture(1, height, width))["relu5_1"]
        assert f.shape[2:] == (height // 16, width // 16) and bool(f.isfinite().all())
    with pytest.raises(SizeError, match="at least 16"):
        encoder(picture(1, 15, 40), ["relu5_1"])


@every_mode
def test_every_variant_is_differentiable_in_the_image(name, padding, pooling):
    """The gradient along a random direction is the finite difference, through every layer at once."""
    encoder = exact()[name].variant(padding, pooling)
    torch.manual_seed(5)
    image, direction = picture(1, 17, 20).double(), torch.randn(1, 3, 17, 20, dtype=torch.double)
    pull = {layer: torch.randn_like(f) / f.norm() for layer, f in seen(encoder, image).items()}

    def value(x):
        return sum((pull[layer] * f).sum() for layer, f in encoder(x, ASKED).items())

    x = image.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(value(x), x)
    with torch.no_grad():
        expected = (value(image + 1e-8 * direction) - value(image - 1e-8 * direction)) / 2e-8  # 1e-7 passes a ReLU's kink
    assert (gradient * direction).sum().item() == pytest.approx(expected.item(), rel=1e-4)


# ------------------------------------------------------------------------------------------------------ poolings


@pytest.mark.parametrize("size", [(6, 8), (7, 5), (2, 2), (3, 2)])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_pooling_is_numpys_largest_mean_or_root_of_the_mean_square_of_four(pooling, size):
    torch.manual_seed(0)
    x = torch.randn(1, 3, *size, dtype=torch.double).clamp_min(0)
    fours = x.numpy()[:, :, : size[0] // 2 * 2, : size[1] // 2 * 2].reshape(1, 3, size[0] // 2, 2, size[1] // 2, 2)
    expected = {
        "max": fours.max((3, 5)),
        "average": 1.4 * fours.mean((3, 5)),
        "l2": 1.3 * np.sqrt((fours**2).mean((3, 5))),
    }[pooling]
    np.testing.assert_allclose(pool(x, pooling).numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_poolings_gradient_is_finite_where_nothing_is_active(pooling):
    x = torch.zeros(1, 2, 4, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(pool(x, pooling).sum(), x)
    assert bool(gradient.isfinite().all()) and gradient.abs().max() <= 1.4
    small = (torch.arange(32, dtype=torch.double).view(1, 2, 4, 4) * 1e-3).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: pool(x, pooling), small)


@pytest.mark.parametrize("pooling", POOLINGS[1:])
@pytest.mark.parametrize(("name", "most"), [("compact", 1.35), ("vgg19", 1.25)])
def test_poolings_keep_the_size_of_what_deeper_layers_see(name, most, pooling):
    """Relative to max pooling, in the middle of some samples; see AVERAGE and L2."""
    if name == "vgg19" and not SHARED.exists():
        pytest.skip("the reference's weights are not here (../shared/weights)")
    encoder = VGG19(vgg19.read_weights(SHARED)).eval() if name == "vgg19" else load_encoder("compact", "cpu")
    layers = ["relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    paths = sorted((Path(__file__).parents[1] / "assets").glob("*/*.jpg"))[::3]
    pairs = [
        [seen(e, open_picture(path, 128).image, layers) for e in (encoder.variant("zeros", pooling), encoder)] for path in paths
    ]
    for layer in layers:
        assert 0.8 < statistics.median(float(mine[layer].norm() / max_[layer].norm()) for mine, max_ in pairs) < most, layer


# ------------------------------------------------------------------------------------------------------ before the ReLU


def test_each_layer_before_the_relu_becomes_the_relu_layer_by_clamping():
    encoder, image = encoders()["vgg19"], picture(1, 33, 40)
    convs, relus = encoder.layers[::2], encoder.layers[1::2]
    assert [name.replace("relu", "conv") for name in relus] == list(convs) and len(convs) == 16
    together, alone = seen(encoder, image, encoder.layers), seen(encoder, image, relus)
    assert tuple(together) == encoder.layers
    for conv, relu in zip(convs, relus, strict=True):
        assert together[conv].min() < 0
        assert torch.equal(together[conv].clamp_min(0), together[relu]) and torch.equal(together[relu], alone[relu]), relu
        assert torch.equal(seen(encoder, image, [conv])[conv], together[conv]), conv


def test_layers_before_the_relu_are_differentiable_beside_those_behind_it():
    encoder, image = exact()["vgg19"], picture(1, 16, 16).double().requires_grad_(True)
    f = encoder(image, ["conv2_1", "relu2_1"])
    gradients = [
        torch.autograd.grad(y.sum(), image, retain_graph=True)[0] for y in (f["conv2_1"].clamp_min(0), f["relu2_1"], f["conv2_1"])
    ]
    assert torch.allclose(gradients[0], gradients[1]) and not torch.allclose(gradients[0], gradients[2])


def test_a_relu_is_taken_in_place_unless_the_layer_before_it_is_asked_for(monkeypatch):
    copies = []
    real = torch.relu
    monkeypatch.setattr(torch, "relu", lambda x: copies.append(x.shape) or real(x))
    seen(encoders()["vgg19"], picture(1), ASKED)
    assert copies == []
    seen(encoders()["vgg19"], picture(1), ["conv2_1", "relu3_1"])
    assert len(copies) == 1


def test_a_layer_before_the_relu_needs_as_large_a_picture_and_goes_no_deeper(monkeypatch):
    encoder = encoders()["vgg19"]
    assert encoder.smallest_side(["conv1_2"]) == 1 and encoder.smallest_side(["conv4_1", "relu2_1"]) == 8
    with pytest.raises(SizeError, match="at least 16"):
        encoder(picture(1, 15, 40), ["conv5_1"])
    monkeypatch.setattr(encoder.conv["relu3_2"], "forward", None)
    assert list(seen(encoder, picture(1), ["conv3_1"])) == ["conv3_1"]


def test_a_recipe_may_take_its_losses_before_the_relu():
    recipe = Recipe(encoder="vgg19", size=32, steps=2, content_layer="conv4_2", layer_weights={"conv1_1": 1, "conv3_1": 1})
    *_, last = stylize(picture(1), [picture(2)], recipe, encoder=encoders()["vgg19"])
    assert last.losses.keys() == {"tv", "content", "style", "conv1_1", "conv3_1", "edges"} and last.losses["style"] > 0
    with pytest.raises(RecipeError, match="compact has no layer 'conv1_1'"):
        stylize(picture(1), [picture(2)], Recipe(layer_weights={"conv1_1": 1}), encoder=load_encoder("compact", "cpu"))
