"""Looking inside: reconstructions know what they were given alone; Gram matrices by hand; pulls are parts of the gradient."""

from dataclasses import replace

import pytest
import torch
from toy import picture

from stylekit import explore
from stylekit.encoders import load_encoder
from stylekit.errors import SizeError
from stylekit.job import Job
from stylekit.objective import Objective
from stylekit.recipe import STYLE_LAYERS, Recipe
from stylekit.resize import fit
from stylekit.statistics import mean_covariance_loss, moments

RECIPE = Recipe(encoder="toy", size=48, steps=20, statistic="mean_covariance", layer_weights={"relu1_1": 1.0, "relu3_1": 0.5})


def test_the_figure_has_a_picture_of_each_layer_and_each_lowers_what_it_is_made_of_alone(encoder):
    photo, artwork = picture(1), picture(2)
    first, last = {}, {}
    for reconstruction, frame in explore.reconstruct(photo, [artwork], RECIPE, encoder=encoder, size=48, steps=12):
        key = (reconstruction.of, reconstruction.layers)
        last[key] = frame
        if frame.step == 1:
            first[key] = frame
    contents = [("content", (layer,)) for layer in STYLE_LAYERS]
    styles = [("style", STYLE_LAYERS[:count]) for count in range(1, 6)]
    assert list(last) == [key for pair in zip(contents, styles, strict=True) for key in pair]
    for (of, layers), frame in last.items():
        assert frame.losses.keys() == ({"content", "tv"} if of == "content" else {"style", "tv", *layers})
        assert frame.losses[of] < first[of, layers].losses[of]


def test_a_photo_from_its_first_layer_is_the_photo_and_an_artwork_from_its_style_is_another_picture():
    encoder, photo = load_encoder("compact"), picture(1, 40, 40)
    of_content = explore.from_content(Recipe(), "relu1_1", 40, 40)
    of_style = explore.from_style(Recipe(), ["relu1_1"], 40, 40, first=40)
    *_, content = explore.paint(Job(photo, [photo], of_content), encoder=encoder)
    *_, style = explore.paint(Job(photo, [photo], of_style), encoder=encoder)
    near, far = ((frame.image - photo).square().mean() for frame in (content, style))
    assert near < 0.1 * far
    known = moments(encoder(photo, ["relu1_1"])["relu1_1"])
    assert mean_covariance_loss(moments(encoder(style.image, ["relu1_1"])["relu1_1"]), known) < 0.05


def test_the_worked_example_is_a_product_of_numbers_that_are_there(encoder):
    image = picture(3)
    example = explore.worked_example(image, encoder, row=5, column=7, channels=3)
    seen = encoder(image, ["relu1_1"])["relu1_1"][0, :, 5:9, 7:11]
    for a, row in zip(example.channels, example.features, strict=True):
        assert row.tolist() == seen[a].flatten().tolist()
    by_hand = [
        [sum(x * y for x, y in zip(a, b, strict=True)) for b in example.features.tolist()] for a in example.features.tolist()
    ]
    torch.testing.assert_close(example.gram, torch.tensor(by_hand))
    with pytest.raises(SizeError, match="rows up to 36"):
        explore.worked_example(image, encoder, row=37)


def test_the_patch_that_excites_a_channel_most_does_so_alone(encoder):
    image = picture(4, 48, 64)
    (box,) = explore.most_exciting(image, "relu2_1", [3], encoder)
    features = encoder(image, ["relu2_1"])["relu2_1"][0, 3]
    changed = image.clone()
    changed[..., box.top : box.top + box.height, box.left : box.left + box.width] = 0.5
    place = divmod(int(features.argmax()), features.shape[1])
    assert encoder(changed, ["relu2_1"])["relu2_1"][0, 3][place] != features.max()
    assert box.top >= 0 and box.top + box.height <= 48 and box.left >= 0 and box.left + box.width <= 64


def test_places_in_disorder_keep_the_gram_matrix_and_lose_the_content(encoder):
    image = picture(5, 48, 48)
    shuffled = explore.shuffled(image, "relu2_1", encoder, seed=1)
    assert shuffled.style < 1e-9 and shuffled.content > 0.5
    assert shuffled.picture.shape == image.shape and not torch.equal(shuffled.picture, image)
    stride = encoder.stride("relu2_1")

    def squares(picture):
        parts = picture.unfold(2, stride, stride).unfold(3, stride, stride).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
        return sorted(map(tuple, parts.tolist()))

    assert squares(shuffled.picture) == squares(image)  # all are there, each whole


@pytest.mark.parametrize("size", [24, 48])
def test_pulls_add_up_to_the_total_and_are_its_slope(encoder, size):
    """With `large_forms`, a painting of half the size is pulled by more of the style."""
    photo, artwork, painting = picture(6, 24, 24), picture(7, 24, 24), picture(8, 24, 24)
    recipe = Recipe(encoder="toy", size=24, tv_weight=0.3, layer_weights={"relu1_1": 1.0, "relu2_1": 0.0, "relu3_1": 0.5})
    free = replace(recipe, size=size, large_forms=0.5)
    pulls = explore.pulls(Job(photo, [artwork], free), painting, free.weights, encoder)
    recipe = replace(recipe, style_weight=recipe.style_weight * (size / 24) ** 0.5)
    assert list(pulls) == ["content", "relu1_1", "relu3_1", "edges", "tv"]
    assert sum(pull.share for pull in pulls.values()) == pytest.approx(1, abs=1e-5)
    double = encoder.double()
    objective = Objective(fit(photo, (24, 24)).double(), [artwork.double()], recipe, double)
    random = torch.Generator().manual_seed(1)
    direction = torch.randn(painting.shape, generator=random, dtype=torch.float64)
    for name, pull in pulls.items():
        weights = recipe.weights
        alone = {"content": {"style_weight": 0, "tv_weight": 0}, "tv": {"content_weight": 0, "style_weight": 0}}
        if name in alone:
            only = Recipe(**{**vars(recipe), **alone[name]}).weights
        else:
            layers = {k: w * (k == name) for k, w in weights.layer_weights.items()}
            changed = {"content_weight": 0, "tv_weight": 0, "layer_weights": layers, "style_weight": weights.style_weight / 2}
            changed["edge_weight"] = weights.edge_weight * (name == "edges")  # alone, they are not shared by two layers
            only = Recipe(**{**vars(recipe), **changed}).weights
        image = painting.double().requires_grad_(True)
        objective(image, only)[0].backward()
        assert pull.force == pytest.approx(float(image.grad.norm()), rel=1e-3)
        torch.testing.assert_close(pull.where.double(), image.grad.square().sum(1)[0].sqrt(), rtol=1e-2, atol=1e-6)
        step = 1e-5
        with torch.no_grad():
            ahead, behind = (objective(painting.double() + sign * step * direction, only)[0] for sign in (1, -1))
        assert float((ahead - behind) / (2 * step)) == pytest.approx(float((image.grad * direction).sum()), rel=1e-3, abs=1e-6)
