"""The training of the compact encoder: its losses against plain formulas, and a short run from pictures to weights."""

import copy
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from stylekit.encoders.compact import WIDTHS, Compact
from stylekit.encoders.vgg19 import VGG19
from stylekit.objective import Objective
from stylekit.optimizers import OPTIMIZERS
from stylekit.recipe import STYLE_LAYERS, Recipe
from stylekit.statistics import FLOOR
from stylekit.variables import Pixels
from training import calibrate, data, initialize, train_compact
from training.data import Painting, Pictures
from training.optimizers import Optimizers
from training.student import Student, layer_losses

SHARED = Path(__file__).parents[2] / "shared"


def relative(error, size):
    return (error / size).mean()


def plain_losses(mine, head, theirs):
    """The three relative errors with P a made in full: arrays (B, c, n), (C, c), (B, C, n)."""
    a, t = np.einsum("oc,bcn->bon", head, mine), theirs
    places, half = a.shape[2], len(a) // 2

    def second(x):
        return np.einsum("bcn,bdn->bcd", x, x) / places

    def squares(x):
        return np.square(x).reshape(len(x), -1).sum(1)

    power, mean_t, mean_a = squares(t) / places, t.mean(2), a.mean(2)
    features = relative(squares(a - t) / places, np.maximum(power - squares(mean_t), 0.1 * power))
    centred = [second(x - x.mean(2, keepdims=True)) for x in (a, t)]
    norm = squares(second(t))
    gram = relative(squares(second(a) - second(t)), norm)
    cov = relative(squares(centred[0] - centred[1]), np.maximum(squares(centred[1]), 100 * FLOOR * norm))
    mean = relative(squares(mean_a - mean_t), squares(mean_t))
    apart = (a[:half] - a[half:], t[:half] - t[half:])
    differences = relative(squares(apart[0] - apart[1]), np.maximum(squares(apart[1]), 1e-4 * power[:half] * places))
    return features, gram + cov + mean, differences


def test_the_losses_are_the_plain_formulas():
    torch.manual_seed(0)
    mine, theirs = torch.rand(4, 5, 6, 7, dtype=torch.double), torch.rand(4, 9, 6, 7, dtype=torch.double)
    head = torch.randn(9, 5, dtype=torch.double)
    found = [float(loss) for loss in layer_losses(mine, head, theirs)]
    assert found == pytest.approx(plain_losses(mine.flatten(2).numpy(), head.numpy(), theirs.flatten(2).numpy()), rel=1e-9)


def test_what_a_head_maps_onto_the_teacher_has_no_loss():
    torch.manual_seed(0)
    mine, head = torch.rand(4, 5, 6, 7, dtype=torch.double), torch.randn(9, 5, dtype=torch.double)
    theirs = torch.einsum("oc,bchw->bohw", head, mine)
    assert max(float(loss) for loss in layer_losses(mine, head, theirs)) < 1e-12


def test_fitted_heads_find_the_map_that_made_the_targets():
    torch.manual_seed(0)
    mine, head = [torch.rand(2, 5, 6, 7) for _ in range(3)], torch.nn.Conv2d(5, 9, 1, bias=False)
    made = torch.rand(9, 5)
    initialize.fit_head(head, mine, [torch.einsum("oc,bchw->bohw", made, f) for f in mine])
    assert (head.weight.flatten(1) - made).norm() < 0.01 * made.norm()


def test_a_filter_times_the_neighbourhood_of_each_place_is_the_convolution():
    torch.manual_seed(0)
    x, conv = torch.rand(2, 5, 6, 7), torch.nn.Conv2d(5, 4, 3, padding=1)
    filters = torch.cat((conv.weight.flatten(1), conv.bias[:, None]), 1)
    made = (filters @ initialize.neighbourhoods(x)).unflatten(1, (2, 6, 7)).transpose(0, 1)
    assert torch.allclose(made, conv(x), atol=1e-6)


def left_by(features, importance, selected):
    """Of tr(importance features features'), what a least-squares fit from the selected channels leaves; features (C, places)."""
    root = np.linalg.cholesky(importance).T
    fit = np.linalg.lstsq(features[selected].T, features.T, rcond=None)[0].T
    return np.square(root @ (features - fit @ features[selected])).sum()


@pytest.mark.parametrize("number", [1, 3])
def test_each_selected_channel_is_the_best_next_one(number):
    rng = np.random.default_rng(number)
    features = rng.normal(size=(7, 7)) @ rng.normal(size=(7, 40))
    spread = rng.normal(size=(7, 7))
    importance = spread @ spread.T + np.eye(7)
    parts = [torch.from_numpy(part.reshape(7, 1, 5, 4)).transpose(0, 1) for part in np.split(features, 2, axis=1)]
    selected = initialize.select_channels(parts, torch.from_numpy(importance), number)
    assert len(set(selected)) == number
    for done in range(number):
        others = [left_by(features, importance, [*selected[:done], other]) for other in range(7) if other not in selected[:done]]
        assert left_by(features, importance, selected[: done + 1]) == pytest.approx(min(others), rel=1e-9)


def test_a_widened_layer_gives_the_principal_components_of_what_its_filters_would_give():
    torch.manual_seed(0)
    net = Compact()
    layer, (rank, wide, _) = next((layer, widths) for layer, widths in WIDTHS.items() if widths[0] < widths[1])
    before = net.conv[layer].in_channels
    mine = [torch.rand(2, before, 6, 6) for _ in range(4)]
    fit = torch.randn(wide, 9 * before + 1)
    with torch.no_grad():
        initialize.set_convolution(net, layer, fit, mine)
        made = torch.cat([net.widen[layer](net.conv[layer](x)).transpose(0, 1).flatten(1) for x in mine], 1).double().numpy()
    full = np.concatenate([(fit @ initialize.neighbourhoods(x)).double().numpy() for x in mine], 1)
    mean = full.mean(1, keepdims=True)
    u, s, v = np.linalg.svd(full - mean, full_matrices=False)
    np.testing.assert_allclose(made, mean + (u[:, :rank] * s[:rank]) @ v[:rank], atol=2e-3 * np.abs(full).max())


@pytest.mark.parametrize("number", [2, 4, 5])
def test_narrowing_is_the_best_of_its_rank(number):
    """Of the predicted x, weighted by `importance`, least squares from the narrowed x leave what a truncated SVD leaves."""
    rng = np.random.default_rng(number)
    x, prediction, spread = rng.normal(size=(5, 5)) @ rng.normal(size=(5, 40)), rng.normal(size=(7, 5)), rng.normal(size=(7, 7))
    parts = [torch.from_numpy(part.reshape(5, 1, 5, 4)).transpose(0, 1) for part in np.split(x, 2, axis=1)]
    importance = spread @ spread.T
    narrow = initialize.narrowing(parts, torch.from_numpy(prediction), torch.from_numpy(importance), number).double().numpy()
    weighted, narrowed = spread.T @ prediction @ x, narrow @ x
    left = weighted - np.linalg.lstsq(narrowed.T, weighted.T, rcond=None)[0].T @ narrowed
    least = np.square(np.linalg.svd(weighted, compute_uv=False)[number:]).sum()
    assert narrow.shape == (number, 5)
    assert np.square(left).sum() == pytest.approx(least, rel=1e-6, abs=1e-9 * np.square(weighted).sum())


def test_all_channels_are_predicted_from_the_selected_ones_by_least_squares():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 6)) @ rng.normal(size=(6, 40))
    prediction = initialize.predictor([torch.from_numpy(x.reshape(6, 1, 5, 8)).transpose(0, 1)], [4, 0, 3]).numpy()
    np.testing.assert_allclose(prediction, np.linalg.lstsq(x[[4, 0, 3]].T, x.T, rcond=None)[0].T, atol=1e-4)


def test_an_initialized_student_predicts_its_teacher_far_better_than_heads_on_random_features_do(monkeypatch):
    torch.manual_seed(0)
    weights, before = {}, 3
    for index, channels in ((0, 64), (2, 64), (5, 128), (7, 128), (10, 256)):  # up to conv3_1
        weights[f"features.{index}.weight"] = torch.randn(channels, before, 3, 3) * (2 / (9 * before)) ** 0.5
        weights[f"features.{index}.bias"] = torch.zeros(channels)
        before = channels

    class Teacher:
        vgg19 = VGG19(weights).requires_grad_(False)

    layers = ("relu1_1", "relu2_1", "relu3_1")
    pictures = torch.rand(12, 3, 16, 16).repeat_interleave(4, 2).repeat_interleave(4, 3)
    seen, unseen = pictures[:8], pictures[8:]
    wanted, wanted_of_unseen = (Teacher.vgg19(x, layers) for x in (seen, unseen))

    def left(student):
        with torch.no_grad():
            mine = dict(student.net.walk_unprojected(unseen))
            return [float(layer_losses(mine[k], student.to_teacher(k), wanted_of_unseen[k])[0]) for k in layers]

    initialized, random = Student().to(memory_format=torch.channels_last), Student()
    for layer in list(initialized.net.conv)[5:]:
        del initialized.net.conv[layer]
    monkeypatch.setattr(initialize, "FIRST_STEPS", 200)
    initialize.initialize(initialized, Teacher(), [seen[:4], seen[4:]])
    with torch.no_grad():
        features = dict(random.net.walk_unprojected(seen))
    for layer in layers:
        if layer in random.head:
            initialize.fit_head(random.head[layer], [features[layer]], [wanted[layer]])
    shares = [b / r for b, r in zip(left(initialized), left(random), strict=True)]
    assert max(shares) < 0.6, (left(initialized), left(random))


def test_both_optimizers_move_the_students_own_memory_and_leave_its_roots():
    torch.manual_seed(0)
    student = Student().to(memory_format=torch.channels_last)
    before = {name: p.detach().clone() for name, p in student.named_parameters()}
    optimizers = Optimizers(student, 1e-3)
    sum(f.square().mean() for f in student(torch.rand(1, 3, 32, 32)).values()).backward()
    optimizers.step(1.0)
    for name, p in student.named_parameters():
        still = ".root." in name or name.startswith("head.")  # no loss of these features has gone through a head
        assert torch.equal(p, before[name]) == still, name


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_painting_for_the_training_is_advanced_by_its_student_and_ends_after_its_steps(tmp_path, optimizer):
    random, net = np.random.default_rng(0), Compact.load().eval().requires_grad_(False)
    for number in range(20):
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((96, 72), Image.Resampling.BICUBIC).save(tmp_path / f"{number}.png")
    pictures, rng = Pictures(tmp_path), Random(1)
    painting = next(p for p in iter(lambda: Painting.begin(pictures, 48, rng), None) if p.recipe.optimizer == optimizer)
    before, visits = painting.image, 1
    objective = Objective(painting.content, [painting.style], painting.recipe, net)
    while painting.paint(net, 5):
        visits += 1
    assert visits == -(-painting.recipe.steps // 5) and painting.done == 5 * visits
    with torch.no_grad():
        first, last = (float(objective(image, painting.recipe.weights)[0]) for image in (before, painting.image))
    assert last < 0.5 * first


def test_a_painting_that_is_not_finite_is_given_up(tmp_path):
    net = Compact.load().requires_grad_(False)
    picture = torch.rand(1, 3, 32, 32)
    painting = Painting(picture, picture, Recipe(size=32), OPTIMIZERS["lbfgs"](Pixels(picture)))
    net.conv["relu1_1"].weight[:] = torch.nan
    assert not painting.paint(net, 3)


def test_calibration_finds_how_much_more_of_the_weak_directions_the_teacher_has():
    torch.manual_seed(0)
    net = Student().net.requires_grad_(False)  # signals as large in the depth as at the surface
    pictures = [
        torch.rand(1, 3, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3) + 0.1 * torch.rand(1, 3, 64, 64) for _ in range(6)
    ]
    painted = [tuple(pictures[i : i + 3]) for i in (0, 3)]
    before = [net(picture, STYLE_LAYERS) for picture in pictures]
    amplifiers = {}
    for layer in STYLE_LAYERS:
        covariances = [np.cov(f[layer][0].flatten(1).double().numpy(), bias=True) for f in before]
        e, u = np.linalg.eigh(np.mean(covariances, 0))
        amplifiers[layer] = torch.from_numpy(u * np.maximum(e / e[-1], 1e-4) ** -0.15 @ u.T).float()

    original = copy.deepcopy(net)

    def teacher(picture):
        features = original(picture, STYLE_LAYERS)
        return {layer: torch.einsum("kc,bchw->bkhw", amplifiers[layer], f) for layer, f in features.items()}

    assert calibrate.calibrate(net, teacher, painted) == dict.fromkeys(net.root, 0.3)
    for picture in pictures:
        theirs = teacher(picture)
        for layer, mine in net(picture, net.root).items():
            ours, goal = (f[0].flatten(1) for f in (mine, theirs[layer]))
            assert (ours.T @ ours - goal.T @ goal).norm() < 5e-3 * (goal.T @ goal).norm(), layer  # all distances are the same


def test_a_short_training_ends_with_weights_that_can_be_loaded_and_resumed(tmp_path, monkeypatch, capsys):
    if not (SHARED / "weights/vgg19_standin.safetensors").exists():
        pytest.skip("the pictures and the teacher to train with are not here (../shared)")
    monkeypatch.setattr(initialize, "FIRST_STEPS", 5)
    monkeypatch.setattr(train_compact, "INITIAL_BATCHES", 1)
    monkeypatch.setattr(data, "STEPS", (4, 6))
    monkeypatch.setattr(train_compact, "SIDE", 48)
    few = tmp_path / "pictures"
    few.mkdir()
    for picture in sorted((SHARED / "training").glob("*.jpg"))[::36][:20]:  # one of them to measure by
        (few / picture.name).symlink_to(picture)
    out = tmp_path / "made.safetensors"

    def trained(*options):
        argv = [
            "train_compact",
            "--minutes",
            "0.001",
            "--threads",
            "1",
            "--pool",
            "2",
            "--pictures",
            str(few),
            "--out",
            str(out),
            *options,
        ]
        monkeypatch.setattr(sys, "argv", argv)
        train_compact.main()
        return capsys.readouterr().out.splitlines()

    said = trained("--calibrated-on", "1")
    encoder = Compact.load(out, said[-1].split()[-1]).eval()
    lines = [sum(line.startswith(word) for line in said) for word in ("initialized", "calibrated", "saved")]
    assert lines == [len(WIDTHS) - 1, 1, 2]
    assert any("batch" in line for line in said)
    features = encoder(torch.rand(1, 3, 64, 64), Compact.layers)
    assert all(bool(f.isfinite().all()) and f.std() > 0 for f in features.values())

    resume = out.with_suffix(".resume.pt")
    kernel = torch.load(resume, weights_only=True)["net.conv.relu4_1.weight"]
    said = trained("--calibrated-on", "0", "--resume", str(resume), "--lr", "1e-4")
    after = Compact.load(out, said[-1].split()[-1]).conv["relu4_1"].weight
    assert not any(line.startswith(("initialized", "calibrated")) for line in said)
    assert 0 < (after - kernel).norm() < 0.05 * kernel.norm()
