"""Variants of the encoders: other borders, other poolings, on the same weights; and VGG-19's layers before the ReLU."""

import copy
import functools
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from test_encoders import ASKED, SHARED, both, encoders
from torch import nn
from toy import Toy, picture

from stylekit import Recipe, RecipeError, SizeError, load_encoder, open_picture, stylize
from stylekit.encoders import Encoder, Reach, convolve, pool, vgg19
from stylekit.encoders.vgg19 import VGG19
from stylekit.recipe import PADDINGS, POOLINGS

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
    assert last.losses.keys() == {"tv", "content", "style", "conv1_1", "conv3_1"} and last.losses["style"] > 0
    with pytest.raises(RecipeError, match="compact has no layer 'conv1_1'"):
        stylize(picture(1), [picture(2)], Recipe(layer_weights={"conv1_1": 1}), encoder=load_encoder("compact", "cpu"))
