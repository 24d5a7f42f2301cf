"""Both encoders: what they promise, against torchvision and the maths, and every way in which weights can be wrong."""

import functools
import hashlib
import http.server
import itertools
import math
import statistics
import threading
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from toy import Toy, picture

from stylekit import RecipeError, SizeError, WeightsError, load_encoder, open_picture
from stylekit.encoders import compact, vgg19
from stylekit.encoders.compact import Compact
from stylekit.encoders.vgg19 import VGG19
from stylekit.losses import content_loss, gram_loss, moments

SHARED = Path(__file__).parents[2] / "shared" / "weights" / "vgg19_standin.safetensors"


@functools.cache
def reference():
    torch.manual_seed(0)
    return torchvision.models.vgg19(weights=None).features.eval()


def small_weights(last=7):
    """The first blocks of a VGG-19 with random weights: `features.0` to `features.{last}`."""
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


# ------------------------------------------------------------------------------------------------------ compact


def test_the_compact_encoder_ships_small_frozen_and_without_hooks():
    encoder = load_encoder("compact", "cpu")
    assert sum(p.numel() for p in encoder.parameters()) <= 2_000_000
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

    for distance in (content_loss, lambda x, y: gram_loss(moments(x), moments(y))):
        assert distance(through(p, a), through(p, b)).item() == pytest.approx(distance(through(root, a), through(root, b)).item())


def test_the_shipped_roots_are_symmetric_and_positive():
    for root in load_encoder("compact", "cpu").root.values():
        matrix = root.weight.flatten(1)
        assert (matrix - matrix.T).abs().max() < 2e-3 * matrix.abs().max()
        assert torch.linalg.eigvalsh(matrix).min() > -1e-2 * matrix.abs().max()


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


# ------------------------------------------------------------------------------------------------------ VGG-19


def test_vgg19_gives_torchvisions_features_for_every_layer():
    encoder = VGG19(named(reference().state_dict())).eval()
    assert len(encoder.layers) == 16 and encoder.layers[0] == "relu1_1" and encoder.layers[-1] == "relu5_4"
    image = picture(1, 32, 48)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x, expected = (image - mean) / std, []
    for module in reference():
        x = torch.relu(x) if isinstance(module, torch.nn.ReLU) else module(x)
        if isinstance(module, torch.nn.ReLU):
            expected.append(x)
    with torch.no_grad():
        features = encoder(image, encoder.layers)
    for (layer, ours), theirs in zip(features.items(), expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5), layer


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_weights_come_from_either_kind_of_file_and_a_short_one_has_fewer_layers(tmp_path, monkeypatch, kind, half):
    weights = {k: v.half() if half else v for k, v in named(small_weights()).items()}
    path = tmp_path / f"weights.{kind}"
    save_file(weights, path) if kind == "safetensors" else torch.save(weights | {"classifier.0.weight": torch.ones(2)}, path)
    monkeypatch.setenv("STYLEKIT_VGG19", str(path))
    encoder = load_encoder("vgg19", "cpu")
    assert encoder.layers == ("relu1_1", "relu1_2", "relu2_1", "relu2_2")
    whole = VGG19(named(small_weights()))
    with torch.no_grad():
        a, b = (e(picture(1), ["relu2_2"])["relu2_2"] for e in (encoder, whole))
    assert (a - b).abs().max() < (1e-2 if half else 1e-6) * b.abs().max()
    with pytest.raises(RecipeError, match="relu5_1"):
        encoder(picture(1), ["relu5_1"])


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
    threading.Thread(target=server.serve_forever, daemon=True).start()
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
    monkeypatch.setattr(vgg19, "URL", "http://127.0.0.1:9/vgg19-00000000.pth")
    with pytest.raises(WeightsError, match=r"online\? Choose the compact encoder"):
        list(vgg19.download())
    assert list(cached.parent.iterdir()) == []


def test_a_damaged_file_in_torchs_cache_is_noticed(elsewhere):
    _, cached = elsewhere
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"half of it")
    with pytest.raises(WeightsError, match="damaged"):
        load_encoder("vgg19", "cpu")
