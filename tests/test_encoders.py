"""Both encoders: what they promise, against torchvision and the maths, and every way in which weights can be wrong."""

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
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torchvision.models.vgg import cfgs, make_layers
from toy import Small19, Toy, picture

from stylekit import RecipeError, SizeError, WeightsError, load_encoder, open_picture
from stylekit.cli import main
from stylekit.encoders import Encoder, Reach, allow_tf32, compact, vgg19
from stylekit.encoders.compact import Compact
from stylekit.encoders.vgg19 import VGG19
from stylekit.formulations import content_loss
from stylekit.recipe import POOLINGS
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


@pytest.mark.parametrize(("name", "pooling"), [("vgg19", "max"), *(("compact", pooling) for pooling in POOLINGS)])
def test_strides_and_receptive_fields_are_what_the_gradients_show(name, pooling):
    encoder = copy.deepcopy(encoders()[name]).double().variant("zeros", pooling)
    for layer in ["relu1_1", "relu2_1", "relu3_1", "relu4_2", "relu5_1"]:
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
