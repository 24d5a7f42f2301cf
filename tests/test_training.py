"""The training of the compact encoder: its losses against plain formulas, and a short run from pictures to weights."""

import copy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stylekit.encoders.compact import Compact
from stylekit.losses import FLOOR
from training import even_out, train_compact
from training.data import STYLE_LAYERS, Painting
from training.train_compact import Optimizers, Student, layer_losses, widen

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
    student, images = Student(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        made = student(images)
    maps = {k: torch.rand(student.head[k].out_channels, f.shape[1]) for k, f in made.items()}
    theirs = {k: torch.einsum("oc,bchw->bohw", maps[k], f) for k, f in made.items()}
    student.fit_heads(images, theirs, Compact.layers)
    for layer, (features, _, _) in student.losses(images, theirs).items():
        assert features < 0.01, layer


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


def test_a_wider_student_begins_as_the_narrower_one():
    torch.manual_seed(0)
    narrow, wide = Student(), Student()
    narrow.net.conv["down3"] = torch.nn.Conv2d(48, 96, 4, stride=2, padding=1)
    narrow.net.conv["relu3_1"] = torch.nn.Conv2d(96, 80, 3, padding=1)
    assert widen(wide, narrow.state_dict()) == []
    image = torch.rand(1, 3, 32, 32)
    for (layer, a), b in zip(narrow(image).items(), wide(image).values(), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5), layer


def test_layers_behind_a_kernel_that_could_not_be_taken_over_are_named():
    other = Student()
    other.net.conv["relu4_2"] = torch.nn.Conv2d(160, 320, 1)
    assert widen(Student(), other.state_dict()) == ["relu4_2", "relu5_1"]
    assert widen(Student(), {}) == list(Compact.layers)


def test_evening_out_finds_how_much_more_of_the_weak_directions_the_teacher_has():
    torch.manual_seed(0)
    net = Compact().requires_grad_(False)
    pictures = [
        torch.rand(1, 3, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3) + 0.1 * torch.rand(1, 3, 64, 64) for _ in range(6)
    ]
    pool = [Painting(*pictures[i : i + 3], 1.0, None, None) for i in (0, 3)]
    before = [net(picture, STYLE_LAYERS) for picture in pictures]
    turns = {}
    for layer in STYLE_LAYERS:
        covariances = [np.cov(f[layer][0].flatten(1).double().numpy(), bias=True) for f in before]
        e, u = np.linalg.eigh(np.mean(covariances, 0))
        turns[layer] = torch.from_numpy(u * np.maximum(e / e[-1], 1e-4) ** -0.15 @ u.T).float()

    original = copy.deepcopy(net)

    def teacher(picture):
        features = original(picture, STYLE_LAYERS)
        return {layer: torch.einsum("kc,bchw->bkhw", turns[layer], f) for layer, f in features.items()}

    assert even_out.even_out(net, teacher, pool) == dict.fromkeys(STYLE_LAYERS, 0.3)
    for picture in pictures:
        theirs = teacher(picture)
        for layer, mine in net(picture, STYLE_LAYERS).items():
            ours, goal = (f[0].flatten(1) for f in (mine, theirs[layer]))
            assert (ours.T @ ours - goal.T @ goal).norm() < 5e-3 * (goal.T @ goal).norm(), layer  # all distances are the same


def test_a_short_training_ends_with_weights_that_can_be_loaded(tmp_path, monkeypatch, capsys):
    if not (SHARED / "weights/vgg19_standin.safetensors").exists():
        pytest.skip("the pictures and the teacher to train with are not here (../shared)")
    out = tmp_path / "made.safetensors"
    monkeypatch.setattr(
        sys, "argv", ["train_compact", "--minutes", "0.05", "--alone", "0.5", "--threads", "2", "--out", str(out)]
    )
    train_compact.main()
    said = capsys.readouterr().out.splitlines()
    encoder = Compact.load(out, said[-1].split()[-1]).eval()
    assert "batch" in said[0]
    features = encoder(torch.rand(1, 3, 64, 64), Compact.layers)
    assert all(bool(f.isfinite().all()) and f.std() > 0 for f in features.values())
    assert out.with_suffix(".resume.pt").stat().st_size > out.stat().st_size
    monkeypatch.setattr(sys, "argv", ["even_out", "--weights", str(out), "--out", str(out), "--paintings", "1", "--threads", "2"])
    even_out.main()
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 6
    evened = Compact.load(out, said[-1].split()[-1])
    assert all(torch.equal(evened.conv[name].bias, conv.bias) for name, conv in encoder.conv.items())
    moved = {layer for layer, root in encoder.root.items() if not torch.equal(evened.root[layer].weight, root.weight)}
    assert "relu4_2" not in moved and moved
