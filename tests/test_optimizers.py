"""L-BFGS against scipy's, the guard, and what both optimisers keep when weights or sizes change."""

import math

import numpy as np
import pytest
import scipy.optimize
import torch

from stylekit.errors import DivergedError
from stylekit.optimizers import LBFGS, OPTIMIZERS, Adam
from stylekit.variables import Pixels

SHAPE = (1, 3, 4, 5)
N = math.prod(SHAPE)


def quadratic(condition, seed=0, scale=1.0):
    """0.5 (x - m)' A (x - m) with A's eigenvalues from 1 to `condition`; returns (objective, A, minimiser)."""
    random = np.random.default_rng(seed)
    q, _ = np.linalg.qr(random.normal(size=(N, N)))
    a = q @ np.diag(np.geomspace(1, condition, N)) @ q.T
    minimiser = random.uniform(0.2, 0.8, N)
    a_, m_ = torch.from_numpy(a).float(), torch.from_numpy(minimiser).float()

    def objective(image):
        d = image.flatten() - m_
        loss = scale * 0.5 * d @ a_ @ d
        return loss, {"loss": loss}

    return objective, a, minimiser


def steps(optimizer, objective, count):
    for _ in range(count):
        optimizer.step(objective)
    return optimizer


@pytest.mark.parametrize(("condition", "count", "error"), [(3, 40, 1e-4), (300, 300, 3e-3)])
def test_lbfgs_finds_the_minimiser_that_scipys_finds(condition, count, error):
    objective, a, _ = quadratic(condition)
    start = np.full(N, 0.5)

    def oracle(x):
        _, _, m = quadratic(condition)
        return 0.5 * (x - m) @ a @ (x - m), a @ (x - m)

    theirs = scipy.optimize.minimize(oracle, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-16, "gtol": 1e-12}).x
    ours = steps(LBFGS(Pixels(torch.full(SHAPE, 0.5))), objective, count).variables.parameters[0].detach().flatten().numpy()
    assert np.abs(ours - theirs).max() < error


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_lbfgs_does_not_mind_the_scale_of_the_objective(scale):
    plain = steps(LBFGS(Pixels(torch.full(SHAPE, 0.5))), quadratic(30)[0], 60).image
    scaled = steps(LBFGS(Pixels(torch.full(SHAPE, 0.5))), quadratic(30, scale=scale)[0], 60).image
    assert (plain - scaled).abs().max() < 1e-3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_losses_belong_to_the_image_that_is_shown(name):
    objective, _, _ = quadratic(30)
    optimizer = OPTIMIZERS[name](Pixels(torch.full(SHAPE, 0.5)))
    for _ in range(10):
        optimizer.step(objective)
        assert optimizer.losses["loss"].item() == pytest.approx(
            objective(optimizer.variables.image().detach())[0].item(), rel=1e-5
        )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_costs_one_evaluation_and_a_change_one_more(name):
    objective, _, _ = quadratic(300)  # far from converged, so that no step is undone
    calls = []

    def counted(image):
        calls.append(1)
        return objective(image)

    optimizer = steps(OPTIMIZERS[name](Pixels(torch.full(SHAPE, 0.5))), counted, 4)
    assert len(calls) == 5
    optimizer.objective_changed()
    steps(optimizer, counted, 3)
    assert len(calls) == 9


def test_a_step_into_nonsense_is_undone_and_the_run_goes_on():
    objective, _, minimiser = quadratic(3)
    broken = {"on": False}

    def sometimes(image):
        loss, terms = objective(image)
        return (loss * math.nan if broken["on"] else loss), terms

    optimizer = steps(LBFGS(Pixels(torch.full(SHAPE, 0.5))), sometimes, 5)
    before = optimizer.image
    broken["on"] = True
    optimizer.step(sometimes)
    assert torch.equal(optimizer.image, before) and math.isfinite(optimizer.total)
    broken["on"] = False
    steps(optimizer, sometimes, 60)
    assert np.abs(optimizer.image.flatten().numpy() - minimiser).max() < 1e-2


def test_a_cliff_is_not_fallen_from():
    objective, _, _ = quadratic(3)

    def cliff(image):  # outside of the box the loss is a thousand times higher
        loss, terms = objective(image)
        outside = (image - 0.5).abs().max() > 0.5
        return loss * (1000.0 if outside else 1.0), terms

    optimizer = LBFGS(Pixels(torch.full(SHAPE, 0.5)))
    seen = []
    for _ in range(80):
        optimizer.step(cliff)
        assert torch.isfinite(optimizer.variables.parameters[0]).all()
        seen.append(optimizer.total)
    assert max(seen) < 100 * seen[0] and seen[-1] < 1e-3 * seen[0]


def test_an_objective_that_is_not_finite_from_the_start_is_an_error():
    for kind in OPTIMIZERS.values():
        with pytest.raises(DivergedError, match="finite"):
            kind(Pixels(torch.full(SHAPE, 0.5))).step(lambda x: (x.sum() * math.nan, {}))


def test_adam_stays_in_range_even_on_a_gradient_that_is_not_finite():
    optimizer = Adam(Pixels(torch.full(SHAPE, 0.5)))
    optimizer.step(quadratic(3)[0])
    optimizer.step(lambda x: ((x * 1e30).square().sum(), {}))  # infinite loss and gradient
    steps(optimizer, quadratic(3)[0], 5)
    assert (
        torch.isfinite(optimizer.image).all()
        and optimizer.variables.image().min() >= 0
        and optimizer.variables.image().max() <= 1
    )


def test_when_the_objective_changes_lbfgs_drops_its_pairs_and_adam_its_first_moment():
    objective, _, _ = quadratic(3)
    lbfgs = steps(LBFGS(Pixels(torch.full(SHAPE, 0.5))), objective, 5)
    assert lbfgs._torch.state[lbfgs.variables.parameters[0]]["old_dirs"]
    lbfgs.objective_changed()
    assert "old_dirs" not in lbfgs._torch.state[lbfgs.variables.parameters[0]]
    adam = steps(Adam(Pixels(torch.full(SHAPE, 0.5))), objective, 5)
    second = adam._torch.state[adam.variables.parameters[0]]["exp_avg_sq"].clone()
    adam.objective_changed()
    assert not adam._torch.state[adam.variables.parameters[0]]["exp_avg"].any()
    assert torch.equal(adam._torch.state[adam.variables.parameters[0]]["exp_avg_sq"], second) and second.all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_after_a_change_the_new_objective_is_what_is_lowered(name):
    first, _, _ = quadratic(3, seed=1)
    second, _, minimiser = quadratic(3, seed=2)
    optimizer = steps(OPTIMIZERS[name](Pixels(torch.full(SHAPE, 0.5))), first, 20)
    optimizer.objective_changed()
    steps(optimizer, second, 80)
    assert np.abs(optimizer.image.flatten().numpy() - minimiser).max() < 0.02


def towards(target):
    """Mean squared distance: its gradient per pixel shrinks as the pixels grow in number."""

    def objective(image):
        loss = (image - torch.nn.functional.interpolate(target, image.shape[2:], mode="bilinear")).square().mean()
        return loss, {"loss": loss}

    return objective


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_new_size_keeps_the_picture_and_goes_on_lowering(name):
    target = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
    optimizer = steps(OPTIMIZERS[name](Pixels(torch.full((1, 3, 8, 10), 0.5))), towards(target), 30)
    before = optimizer.image
    optimizer.size_changed((16, 20))
    assert optimizer.image.shape == (1, 3, 16, 20)
    small = torch.nn.functional.interpolate(optimizer.image, (8, 10), mode="area")
    assert (small - before).abs().mean() < 0.02
    optimizer.step(towards(target))
    first = optimizer.total
    steps(optimizer, towards(target), 20)
    assert optimizer.total < first


def test_adams_moments_follow_the_size_of_the_picture_and_of_its_gradient():
    target = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    adam = steps(Adam(Pixels(torch.full((1, 3, 8, 10), 0.5))), towards(target), 10)
    before = adam._torch.state[adam.variables.parameters[0]]["exp_avg_sq"].mean().item()
    count = adam._torch.state[adam.variables.parameters[0]]["step"].item()
    adam.size_changed((16, 20))
    after = adam._torch.state[adam.variables.parameters[0]]["exp_avg_sq"]
    assert after.shape == (1, 3, 16, 20) and after.min() >= 0
    adam.step(towards(target))
    # four times the pixels: gradients a quarter, their squares a sixteenth
    assert adam._torch.state[adam.variables.parameters[0]]["exp_avg_sq"].mean().item() == pytest.approx(before / 16, rel=0.5)
    assert adam._torch.state[adam.variables.parameters[0]]["step"].item() == count + 1
