"""The whole engine on a second device: nothing is left behind on the CPU, bits are the same, and few steps wait for the host."""

from dataclasses import replace

import pytest
import torch
from device import Elsewhere, Mixed, SecondDevice
from toy import Small19, picture

from stylekit import Dials, Job, Masks, Recipe, paint, statistics
from stylekit.recipe import COLOR_METHODS, FORMULATIONS, PADDINGS, POOLINGS, STATISTICS

BASE = Recipe(encoder="vgg19", size=32, steps=4, coarsest=20, style_weight=3.0, tv_weight=0.1, optimizer="adam")
"""Two levels."""
LEFT = (torch.arange(32) < 16).float().expand(1, 1, 32, 32).contiguous()


def pictures(count=1):
    return [picture(n + 1, 32, 36) for n in range(count)]


def run(job, device="cpu", turns=None):
    """All frames; `turns` = {step: weights that are turned after it}."""
    encoder, dials, frames = Small19().to(device), Dials(job.weights), []
    for frame in paint(job, encoder=encoder, dials=dials):
        frames.append(frame)
        dials.weights = (turns or {}).get(frame.step, dials.weights)
    return frames


def job(recipe=BASE, styles=1, **more):
    return Job(picture(0, 32, 32), pictures(styles), recipe, **more)


def assert_same_on_both(a_job, turns=None):
    """Runs it on both and asserts that each frame is the same."""
    expected = [(frame.painting, frame.image, frame.losses) for frame in run(a_job, turns=turns)]
    with SecondDevice() as device:
        frames = run(a_job, device.name, turns)
        assert all(isinstance(frame.painting, Elsewhere) for frame in frames)
        found = [(frame.painting.cpu(), frame.image.cpu(), frame.losses) for frame in frames]
    for (painting, image, losses), (painting_, image_, losses_) in zip(expected, found, strict=True):
        assert torch.equal(painting, painting_) and torch.equal(image, image_) and losses == losses_


MEASURED = [
    *({"statistic": name} for name in STATISTICS),
    *({"formulation": name, "statistic": needed} for name, needed in FORMULATIONS.items() if needed),
]
OTHERS = [
    *({"init": name} for name in ("noise", "style")),
    {"optimizer": "lbfgs"},
    {"variables": "bands"},
    {"tiling": True},
    {"averaging": 0.9},
    {"more_content_layers": {"relu1_1": 0.5}},
    {"content_weight": 0.0},
    {"repeats": 1, "steps": 2},
    {"style_weight": 0.0},
]


def row(n):
    """The n-th of everything that may be chosen: in all rows together, each choice is made."""
    chosen = {
        "padding": PADDINGS[:4],
        "pooling": POOLINGS,
        "color_method": COLOR_METHODS,
        "tv_kind": ("squared", "absolute", "power"),
    }
    settings = {name: choices[n % len(choices)] for name, choices in chosen.items()} | {"color_strength": 0.7}
    return settings | MEASURED[n] | (OTHERS[n] if n < len(OTHERS) else {})


@pytest.mark.parametrize("settings", [row(n) for n in range(len(MEASURED))], ids=lambda s: "-".join(map(str, s.values())))
def test_every_setting_paints_on_a_second_device_what_it_paints_on_the_cpu(settings):
    assert_same_on_both(job(replace(BASE, **settings)))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_masks_palette_several_styles_and_turned_dials_are_there_too(optimizer):
    recipe = replace(BASE, optimizer=optimizer, steps=6, color_method="linear", color_strength=0.5, init="image")
    masks = Masks(content=[LEFT, 1 - LEFT], style=[None, torch.ones(1, 1, 32, 36)], keep=LEFT.mT.contiguous())
    given = {"masks": masks, "start": picture(5), "palette": picture(6)}
    turned = replace(recipe.weights, style_shares=(1.0, 0.5), style_scales=(0.8, 1.5), style_split=0.5, tiling=True)
    assert_same_on_both(job(recipe, 2, **given), {1: turned, 4: recipe.weights})
    assert_same_on_both(job(recipe, 2, **given | {"masks": Masks(style=[torch.ones(1, 1, 32, 36)])}))
    assert_same_on_both(job(replace(recipe, keyframes=[{"at": 0.5, "style_weight": 9.0, "resumed": True}]), 2, **given))


def test_a_run_is_continued_there():
    recipe = replace(BASE, optimizer="lbfgs", steps=6)
    left = run(job(recipe))[3]
    resumed = left.recipe.resumed(left.step, recipe.weights)
    assert_same_on_both(Job(picture(0, 32, 32), pictures(), resumed, start=left.painting, done=left.step))


@pytest.mark.parametrize(("optimizer", "most"), [("adam", 1), ("lbfgs", 25)])
def test_a_step_waits_for_the_host_no_more_often_than_it_must(optimizer, most):
    """Adam asks once, whether its loss is finite. L-BFGS asks thrice; 22 more are within torch's, with ten pairs."""
    recipe = replace(BASE, optimizer=optimizer, coarsest=32, size=16)
    assert reads(job(replace(recipe, steps=13))) - reads(job(replace(recipe, steps=12))) <= most


def reads(a_job):
    """The reads of a run of which no frame is looked at."""
    with SecondDevice() as device:
        run(a_job, device.name)
    return device.reads


def test_reading_a_frames_losses_is_one_read_however_many_there_are():
    with SecondDevice() as device:
        *_, last = run(job(), device.name)
        before = device.reads
        assert len(last.losses) == 9 and device.reads == before + 1


# ------------------------------------------------------------------------------------- that all of this can fail


def test_a_mask_that_is_left_on_the_cpu_is_found(monkeypatch):
    monkeypatch.setattr(Masks, "on", lambda self, device: self)
    with SecondDevice() as device, pytest.raises(Mixed):
        run(job(masks=Masks(content=[LEFT])), device.name)


def test_a_target_that_goes_back_to_the_cpu_is_found_where_it_meets_the_painting(monkeypatch):
    def measure(features, guide):
        measured = statistics.moments(features, guide)
        return measured if features.requires_grad else statistics.Moments(*(x.cpu() for x in measured))

    monkeypatch.setitem(statistics.BY_NAME, "gram", statistics.Statistic(measure, statistics.gram_loss))
    with SecondDevice() as device, pytest.raises(Mixed):
        run(job(replace(BASE, statistic="gram")), device.name)


def test_tensors_of_both_devices_meet_only_as_on_a_gpu():
    with SecondDevice() as device:
        here, there = torch.ones(3), torch.ones(3, device=device.name)
        for meet in (lambda: here + there, lambda: there @ here, lambda: torch.stack((there, here)), lambda: there.add_(here)):
            with pytest.raises(Mixed):
                meet()
        with pytest.raises(Mixed):
            torch.stack((there.sum(), torch.tensor(1.0)))  # even single numbers
        assert device.reads == 0
        doubled = there * torch.tensor(2.0)  # but for those, element by element
        assert isinstance(doubled, Elsewhere) and doubled.device.type == device.name and device.reads == 0
        assert torch.equal(doubled.cpu(), torch.full((3,), 2.0)) and device.reads == 1
        assert float(doubled.sum()) == 6 and device.reads == 2
        assert here.copy_(doubled) is here and device.reads == 3


def test_a_gradient_is_on_the_device_of_its_tensor_and_a_mix_on_the_way_back_is_found():
    class Leaving(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient + torch.ones(3)  # on the CPU

    with SecondDevice() as device:
        x = torch.ones(3, device=device.name, requires_grad=True)
        (3 * x).sum().backward()
        assert isinstance(x.grad, Elsewhere) and x.grad.cpu().tolist() == [3, 3, 3]
        with pytest.raises(Mixed):
            Leaving.apply(x).sum().backward()
