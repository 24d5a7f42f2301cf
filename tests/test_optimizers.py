"""L-BFGS and Adam against scipy's and updates written out in NumPy, and at the edges of what an objective may do to them."""

import math

import numpy as np
import pytest
import scipy.optimize
import torch
from oracle import PaperAdam, two_loops

from stylekit.errors import DivergedError
from stylekit.optimizers import LBFGS, OPTIMIZERS, Adam
from stylekit.variables import Pixels

SHAPE = (1, 3, 6, 5)


N = math.prod(SHAPE)


GREY = torch.full(SHAPE, 0.5, dtype=torch.float64)


class Bowl:
    """0.5 d' A d, d = x - minimiser, with A's eigenvalues from 1 to `condition`, in float64; counts its evaluations."""

    def __init__(self, condition=10.0, seed=0, scale=1.0, spread=0.3):
        random = np.random.default_rng(seed)
        q, _ = np.linalg.qr(random.normal(size=(N, N)))
        self.a = scale * (q @ np.diag(np.geomspace(1, condition, N)) @ q.T)
        self.minimiser = 0.5 + random.uniform(-spread, spread, N)
        self.calls = 0

    def value(self, x):
        d = np.asarray(x, dtype=np.float64).ravel() - self.minimiser
        return 0.5 * d @ self.a @ d

    def gradient(self, x):
        return (self.a @ (np.asarray(x, dtype=np.float64).ravel() - self.minimiser)).reshape(SHAPE)

    def __call__(self, image):
        self.calls += 1
        d = image.flatten() - torch.from_numpy(self.minimiser).to(image)
        loss = 0.5 * d @ torch.from_numpy(self.a).to(image) @ d
        return loss, {"loss": loss, "twice": 2 * loss}

    def error(self, optimizer):
        """Largest distance of a pixel from the minimiser."""
        return np.abs(optimizer.variables.image().detach().numpy().ravel() - self.minimiser).max()


class Fenced:
    """A bowl that is `outside(loss)` where the mean distance from the grey start is above `radius`."""

    def __init__(self, bowl, radius, outside):
        self.bowl, self.radius, self.outside = bowl, radius, outside

    def __call__(self, image):
        loss, terms = self.bowl(image)
        if (image.detach() - 0.5).abs().mean() <= self.radius:
            return loss, terms
        return self.outside(loss), {name: self.outside(term) for name, term in terms.items()}


def steps(optimizer, objective, count):
    for _ in range(count):
        optimizer.step(objective)
    return optimizer


def array(optimizer):
    return optimizer.variables.image().detach().numpy().copy()


# --------------------------------------------------------------------------------------------------------------- L-BFGS


@pytest.mark.parametrize(("condition", "steps"), [(10, 40), (1e3, 150), (1e4, 400)])
def test_lbfgs_and_scipys_l_bfgs_b_find_the_same_minimiser(condition, steps):
    bowl = Bowl(condition)
    found = scipy.optimize.minimize(
        bowl.value,
        np.full(N, 0.5),
        jac=lambda x: bowl.gradient(x).ravel(),
        method="L-BFGS-B",
        options={"maxiter": 5000, "maxfun": 10_000, "ftol": 1e-15, "gtol": 1e-10},
    )
    optimizer = LBFGS(Pixels(GREY))
    for _ in range(steps):
        optimizer.step(bowl)
    assert np.abs(array(optimizer).ravel() - found.x).max() < 1e-3
    assert optimizer.total < 1e-5 * bowl.value(np.full(N, 0.5))


def test_lbfgs_moves_as_the_two_loop_recursion_says():
    bowl, optimizer = Bowl(30), LBFGS(Pixels(GREY))
    x, pairs, gradient = GREY.numpy().copy(), [], bowl.gradient(GREY.numpy())
    for number in range(15):  # more than the pairs that are kept
        move = two_loops(gradient, pairs[-LBFGS.HISTORY :]) if number else -0.01 * gradient / np.abs(gradient).mean()
        after = bowl.gradient(x + move)
        pairs.append((move, after - gradient))
        x, gradient = x + move, after
        optimizer.step(bowl)
        assert np.allclose(array(optimizer), x, rtol=0, atol=1e-8), number


def test_lbfgs_keeps_its_pairs_through_small_turns_each_of_the_objective_that_it_was_measured_with():
    optimizer, scale = LBFGS(Pixels(GREY)), 1.0
    x, pairs, gradient = GREY.numpy().copy(), [], Bowl(30).gradient(GREY.numpy())
    for number in range(15):
        if number in (4, 5, 9):
            scale *= 1.3
            optimizer.objective_changed()
            gradient = 1.3 * gradient  # of the new objective, at the same picture
        bowl = Bowl(30, scale=scale)
        move = two_loops(gradient, pairs[-LBFGS.HISTORY :]) if number else -0.01 * gradient / np.abs(gradient).mean()
        after = bowl.gradient(x + move)
        pairs.append((move, after - gradient))
        x, gradient = x + move, after
        optimizer.step(bowl)
        assert np.allclose(array(optimizer), x, rtol=0, atol=1e-8), number


@pytest.mark.parametrize("then", ["objective_changed", "size_changed"])
def test_lbfgs_begins_anew_along_the_gradient_after_a_large_change(then):
    optimizer, new = LBFGS(Pixels(GREY)), Bowl(seed=1)
    for _ in range(6):
        optimizer.step(Bowl())
    optimizer.size_changed(SHAPE[2:]) if then == "size_changed" else optimizer.objective_changed()
    before = array(optimizer)
    optimizer.step(new)
    gradient = new.gradient(before)
    assert np.allclose(array(optimizer) - before, -0.01 * gradient / np.abs(gradient).mean(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_scale_of_the_objective_does_not_matter(name, scale):
    one, other = OPTIMIZERS[name](Pixels(GREY)), OPTIMIZERS[name](Pixels(GREY))
    for _ in range(30):
        one.step(Bowl(100))
        other.step(Bowl(100, scale=scale))
        assert (one.image - other.image).abs().max() < 1e-5
    assert other.total == pytest.approx(scale * one.total, rel=1e-2)


@pytest.mark.parametrize(
    "outside",
    [
        pytest.param(lambda loss: loss * math.nan, id="NaN"),
        pytest.param(lambda loss: loss * math.inf, id="inf"),
        pytest.param(lambda loss: 1e4 * loss + 100, id="jump"),
    ],
)
def test_a_first_move_out_of_the_region_is_undone_and_the_minimiser_still_found(outside):
    bowl = Bowl(spread=0.002)  # within the region, but the first move of 0.01 leads out of it
    fenced, optimizer = Fenced(bowl, 0.004, outside), LBFGS(Pixels(GREY))
    start = bowl.value(GREY.numpy())
    for _ in range(60):
        before = bowl.calls
        optimizer.step(fenced)
        assert bowl.calls - before <= 1 + LBFGS.TRIES
        assert optimizer.variables.image().isfinite().all() and (optimizer.variables.image().detach() - 0.5).abs().mean() <= 0.004
        total, terms = fenced(optimizer.variables.image().detach())
        assert optimizer.total == float(total)
        assert optimizer.losses == {name: loss.detach() for name, loss in terms.items()}
    assert optimizer.total < 1e-6 * start


@pytest.mark.parametrize("broken_at", [0, 2, 5, 9])
def test_evaluations_that_fail_now_and_then_are_undone_and_it_goes_on_lowering(broken_at):
    bowl, optimizer = Bowl(30), LBFGS(Pixels(GREY))

    def flaky(image):
        total, terms = bowl(image)
        return (total * math.nan if bowl.calls % 10 == broken_at else total), terms

    start = bowl.value(GREY.numpy())
    for _ in range(80):
        optimizer.step(flaky)
        assert optimizer.variables.image().isfinite().all()
        assert optimizer.total == pytest.approx(bowl.value(array(optimizer)), rel=1e-9, abs=1e-14)
        assert optimizer.losses["twice"] == pytest.approx(2 * optimizer.total)
        assert np.allclose(optimizer.variables.image().grad.numpy(), bowl.gradient(array(optimizer)), atol=1e-12)
    assert optimizer.total < 1e-3 * start


def test_if_no_move_at_all_is_finite_the_picture_stays_and_an_error_says_so():
    bowl = Bowl()
    trapped, optimizer = Fenced(bowl, 0.0, lambda loss: loss * math.nan), LBFGS(Pixels(GREY))
    optimizer.step(trapped)
    with pytest.raises(DivergedError, match="even after smaller steps"):
        optimizer.step(trapped)
    assert torch.equal(optimizer.image, GREY)
    assert optimizer.total == pytest.approx(bowl.value(GREY.numpy()))


def test_if_every_move_is_much_worse_it_is_stuck_and_evaluates_no_more():
    bowl = Bowl()
    calls, trapped, optimizer = [], Fenced(bowl, 0.0, lambda loss: loss + 100), LBFGS(Pixels(GREY))

    def counted(image):
        calls.append(1)
        return trapped(image)

    optimizer.step(counted)
    assert not optimizer.stuck
    optimizer.step(counted)
    before = len(calls)
    optimizer.step(counted)
    assert optimizer.stuck and len(calls) == before and torch.equal(optimizer.image, GREY)


def test_from_a_trap_it_goes_on_as_soon_as_it_can():
    bowl, optimizer = Bowl(), LBFGS(Pixels(GREY))
    optimizer.step(Fenced(bowl, 0.0, lambda loss: loss * math.nan))
    for _ in range(100):
        optimizer.step(bowl)
    assert bowl.error(optimizer) < 1e-3


def test_stuck_it_goes_on_with_another_objective():
    bowl, optimizer = Bowl(), LBFGS(Pixels(GREY))
    for _ in range(3):
        optimizer.step(Fenced(bowl, 0.0, lambda loss: loss + 100))
    optimizer.objective_changed()
    assert not optimizer.stuck
    for _ in range(100):
        optimizer.step(bowl)
    assert bowl.error(optimizer) < 1e-3


def test_lbfgs_may_leave_the_range_inside_but_never_shows_it():
    bowl, optimizer = Bowl(), LBFGS(Pixels(GREY))
    bowl.minimiser = np.linspace(-1, 2, N)
    for _ in range(40):
        optimizer.step(bowl)
        assert optimizer.image.min() >= 0 and optimizer.image.max() <= 1
    assert optimizer.variables.image().min() < -0.9 and optimizer.variables.image().max() > 1.9


# ----------------------------------------------------------------------------------------------------------------- Adam


def test_adam_moves_as_the_paper_says_through_small_turns_and_after_a_large_one_has_cleared_its_first_moment():
    first, second = Bowl(100), Bowl(100, seed=1, spread=0.9)  # the second's minimiser lies out of range
    ours, theirs = Adam(Pixels(GREY)), PaperAdam(GREY.numpy())
    for bowl in (first, Bowl(100, scale=1.3), second):
        if bowl is second:
            theirs.m[:] = 0
        ours.objective_changed()
        for _ in range(20):
            ours.step(bowl)
            theirs.step(bowl.gradient(theirs.x))
            assert np.allclose(array(ours), theirs.x, rtol=0, atol=1e-9)
    assert theirs.x.min() == 0 or theirs.x.max() == 1


def mean_of(image):
    """A gradient of 1 / number of values everywhere, like that of any average."""
    loss = image.mean()
    return loss, {"loss": loss}


def moves(adam, objective, count):
    """What each step adds to the picture."""
    for _ in range(count):
        before = array(adam)
        adam.step(objective)
        yield array(adam) - before


def test_at_a_new_size_adam_moves_as_if_it_had_always_been_that_size():
    """Of a steady gradient each move is one rate; a gradient that became smaller with the size is no reason to move less."""
    adam = Adam(Pixels(GREY))
    list(moves(adam, mean_of, 4))
    adam.size_changed((11, 13))
    for move in moves(adam, mean_of, 3):
        assert np.allclose(move, -Adam.RATE, rtol=1e-6)


def test_adams_memory_stays_in_its_places_at_a_new_size():
    def slope(image):  # pushes the left edge up and the right edge down
        loss = (image * torch.linspace(-1, 1, image.shape[3]).to(image)).sum()
        return loss, {"loss": loss}

    adam = Adam(Pixels(torch.full((1, 3, 8, 16), 0.5)))
    list(moves(adam, slope, 3))
    adam.size_changed((12, 32))
    (move,) = moves(adam, lambda image: (0 * image.sum(), {}), 1)  # by memory alone
    assert move.shape == (1, 3, 12, 32) and (move[..., :14] > 0.005).all() and (move[..., 18:] < -0.005).all()


def test_adam_forgets_nothing_when_the_size_changes_twice_without_a_step():
    adam = Adam(Pixels(GREY))
    list(moves(adam, mean_of, 1))
    adam.size_changed((9, 9))
    adam.size_changed(SHAPE[2:])
    (move,) = moves(adam, mean_of, 1)
    assert np.allclose(move, -Adam.RATE, rtol=1e-6)


def test_adam_stays_in_range_even_on_a_gradient_that_is_not_finite():
    optimizer = Adam(Pixels(GREY))
    optimizer.step(Bowl())
    optimizer.step(lambda x: ((x * 1e30).square().sum(), {}))  # infinite loss and gradient
    steps(optimizer, Bowl(), 5)
    assert (
        torch.isfinite(optimizer.image).all()
        and optimizer.variables.image().min() >= 0
        and optimizer.variables.image().max() <= 1
    )


# ----------------------------------------------------------------------------------------------------------------- both


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_is_held_always_belongs_to_the_picture_that_is_held(name):
    optimizer = OPTIMIZERS[name](Pixels(GREY))
    for number in range(24):
        bowl = Bowl(1000, seed=number // 8)
        if number in (8, 16):
            optimizer.objective_changed()
        optimizer.step(bowl)
        assert optimizer.total == pytest.approx(bowl.value(array(optimizer)), rel=1e-9)
        assert float(optimizer.losses["loss"]) == optimizer.total
        assert not optimizer.losses["loss"].requires_grad
        assert np.allclose(optimizer.variables.image().grad.numpy(), bowl.gradient(array(optimizer)), atol=1e-10)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_costs_one_evaluation_and_the_first_at_a_new_size_or_objective_two(name):
    optimizer, calls, target = OPTIMIZERS[name](Pixels(GREY)), [], 0.7

    def far(image):
        calls.append(tuple(image.shape[2:]))
        slopes = torch.logspace(0, 3, image.numel()).reshape(image.shape)
        loss = (slopes * (image - target).square()).mean()
        return loss, {"loss": loss}

    counts = []
    for change in (None, None, None, "size", None, None, "objective", None, None):
        if change == "size":
            optimizer.size_changed((12, 10))
        if change == "objective":
            target = 0.2
            optimizer.objective_changed()
            optimizer.objective_changed()  # told twice, measured once
        before = len(calls)
        optimizer.step(far)
        counts.append(len(calls) - before)
    assert counts == [2, 1, 1, 2, 1, 1, 2, 1, 1]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_objective_that_becomes_infinite_by_a_change_is_an_error_and_the_picture_survives(name, value):
    optimizer, bowl = OPTIMIZERS[name](Pixels(GREY)), Bowl()
    for _ in range(3):
        optimizer.step(bowl)
    before = optimizer.image
    optimizer.objective_changed()
    with pytest.raises(DivergedError, match="finite"):
        optimizer.step(lambda image: (image.sum() * value, {}))
    assert torch.equal(optimizer.image, before)
    for _ in range(60):
        optimizer.step(bowl)
    assert bowl.error(optimizer) < 0.05


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_start_is_copied_and_the_image_shown_is_a_copy(name):
    start = GREY.clone()
    optimizer = OPTIMIZERS[name](Pixels(start))
    shown = optimizer.image
    for _ in range(3):
        optimizer.step(Bowl())
    assert torch.equal(start, GREY) and torch.equal(shown, GREY) and not torch.equal(optimizer.image, GREY)
    held = array(optimizer)
    optimizer.image.zero_()
    assert np.array_equal(held, array(optimizer))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_gradient_of_zero_moves_nothing(name):
    optimizer = OPTIMIZERS[name](Pixels(GREY))
    for _ in range(3):
        optimizer.step(lambda image: (0 * image.sum(), {}))
    assert torch.equal(optimizer.image, GREY)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("size", [(6, 5), (12, 10), (7, 11), (3, 4), (1, 1)])
def test_the_size_may_change_before_any_step_and_to_any_size(name, size):
    optimizer = OPTIMIZERS[name](Pixels(torch.linspace(0, 1, N).reshape(SHAPE)))
    optimizer.size_changed(size)
    assert optimizer.image.shape == (1, 3, *size)
    assert optimizer.image.mean() == pytest.approx(0.5, abs=0.01)
    optimizer.step(lambda image: ((image - 0.9).square().mean(), {}))
    assert optimizer.image.isfinite().all() and optimizer.image.shape == (1, 3, *size)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_after_a_change_the_new_objective_is_what_is_lowered(name):
    first, second = Bowl(3, seed=1), Bowl(3, seed=2)
    optimizer = steps(OPTIMIZERS[name](Pixels(GREY)), first, 20)
    optimizer.objective_changed()
    steps(optimizer, second, 80)
    assert second.error(optimizer) < 0.02


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


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_tile_is_resized_around_its_borders_with_what_is_remembered(name):
    """A tile that begins elsewhere stays the same tile, at another size and by a step from memory alone, too."""
    image, slopes = (torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    shown = []
    for shift in ((0, 0), (3, 4)):
        optimizer = OPTIMIZERS[name](Pixels(image.roll(shift, (2, 3))))
        optimizer.step(lambda x, shift=shift: ((x * slopes.roll(shift, (2, 3))).sum(), {}))
        optimizer.size_changed((12, 16), wrap=True)
        resized = optimizer.image
        optimizer.step(lambda x: (0 * x.sum(), {}))
        shown.append([resized, optimizer.image])
    for one, rolled in zip(*shown):
        assert torch.allclose(one.roll((6, 8), (2, 3)), rolled, atol=1e-5)
