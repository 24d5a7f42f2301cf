"""The pyramid: properties that hold for every size, every number of steps and every coarsest level."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest

from stylekit.pyramid import FACTOR, levels, longest_for, scaled

SIZES = (16, 17, 31, 48, 49, 60, 61, 64, 72, 86, 87, 100, 115, 128, 200, 256, 333, 512, 768, 1024, 2048, 8192)
STEPS = (1, 2, 3, 4, 5, 6, 7, 9, 10, 13, 20, 50, 200, 1001, 100_000)
COARSEST = (16, 32, 48, 64, 130, 512, 8192)
PLANS = [(size, steps, coarsest) for size in SIZES for steps in STEPS for coarsest in COARSEST]


def wrong(holds):
    """The plans for which a property does not hold, with what came out."""
    return [(plan, levels(*plan)) for plan in PLANS if not holds(levels(*plan), *plan)][:5]


def test_every_step_is_given_out_and_no_level_goes_without():
    assert not wrong(lambda plan, size, steps, coarsest: sum(level.steps for level in plan) == steps)
    assert not wrong(lambda plan, size, steps, coarsest: all(level.steps >= 1 for level in plan))


def test_the_last_level_has_the_size_that_was_asked_for():
    assert not wrong(lambda plan, size, steps, coarsest: plan[-1].size == size)


def test_the_first_level_is_about_the_coarsest_and_not_smaller_if_there_are_steps_enough():
    def holds(plan, size, steps, coarsest):
        if steps < 13:  # more than the levels of any of these plans
            return plan[0].size >= min(size, coarsest)
        return coarsest <= plan[0].size <= 1.2 * coarsest or (len(plan) == 1 and size < 1.5 * coarsest)

    assert not wrong(holds)


def test_sizes_and_steps_are_whole_numbers_and_sizes_grow():
    assert not wrong(lambda plan, *_: all(type(number) is int for level in plan for number in level))
    assert not wrong(lambda plan, *_: all(a.size < b.size for a, b in pairwise(plan)))


def test_a_larger_level_never_gets_more_steps_if_there_are_two_for_each():
    def holds(plan, size, steps, coarsest):
        return steps < 2 * len(plan) or all(a.steps >= b.steps for a, b in pairwise(plan))

    assert not wrong(holds)


def test_each_level_is_between_one_and_a_half_and_two_times_as_large_as_the_one_before():
    def holds(plan, size, steps, coarsest):
        return all(1.5 * a.size <= b.size + 1 and b.size - 1 <= 2 * a.size for a, b in pairwise(plan))

    assert not wrong(holds)


def test_the_factor_from_level_to_level_is_the_same_up_to_whole_pixels():
    def holds(plan, size, steps, coarsest):
        return all(abs(b.size**2 - a.size * c.size) <= a.size + 2 * b.size + c.size for a, b, c in zip(plan, plan[1:], plan[2:]))

    assert not wrong(holds)


def test_a_step_more_changes_no_level_by_much():
    for size, coarsest in [(512, 48), (1024, 32), (128, 64)]:
        for steps in range(12, 120):
            before, after = levels(size, steps, coarsest), levels(size, steps + 1, coarsest)
            assert [level.size for level in before] == [level.size for level in after]
            assert all(abs(a.steps - b.steps) <= len(before) for a, b in zip(before, after)), (size, steps, coarsest)


def test_fewer_steps_than_levels_leave_out_the_smallest():
    full = levels(1024, 200, 48)
    assert len(full) > 4
    for steps in range(1, len(full)):
        few = levels(1024, steps, 48)
        assert [level.size for level in few] == [level.size for level in full[-steps:]]
        assert [level.steps for level in few] == [1] * steps


def test_one_level_if_the_coarsest_is_not_smaller():
    assert levels(64, 7, 64) == [(64, 7)]
    assert levels(64, 7, 1000) == [(64, 7)]


def test_a_pyramid_of_exact_powers_of_the_factor():
    assert FACTOR == 1.75
    assert [level.size for level in levels(2744, 100, 512)] == [512, 896, 1568, 2744]


SHAPES = [(h, w) for h in (1, 2, 3, 7, 20, 33, 100, 480, 600, 4000) for w in (1, 2, 5, 20, 31, 64, 600, 641, 5000)]


@pytest.mark.parametrize("longest", [1, 2, 16, 17, 32, 100, 511, 512, 8192])
def test_scaled_has_the_longest_side_and_the_aspect_ratio_up_to_half_a_pixel(longest):
    for shape in SHAPES:
        size = scaled(shape, longest)
        assert max(size) == longest, shape
        for was, now in zip(shape, size):
            exact = Fraction(was * longest, max(shape))
            assert now == 1 if exact < Fraction(1, 2) else abs(now - exact) <= Fraction(1, 2), (shape, size)


def test_scaled_to_its_own_longest_side_is_the_same_shape():
    assert all(scaled(shape, max(shape)) == shape for shape in SHAPES)


@pytest.mark.parametrize("shortest", [1, 2, 4, 8, 16])
def test_longest_for_is_the_smallest_at_which_the_shorter_side_is_long_enough(shortest):
    for shape in SHAPES:
        longest = longest_for(shape, shortest)
        shorter = Fraction(min(shape), max(shape))
        assert longest * shorter >= shortest, shape
        assert (longest - 1) * shorter < shortest, shape
        assert min(scaled(shape, longest)) >= shortest, shape


def test_there_are_as_many_levels_as_the_ratio_of_sizes_asks_for():
    for size, coarsest in [(512, 48), (256, 48), (1024, 48), (8192, 16), (96, 48)]:
        assert abs(len(levels(size, 1000, coarsest)) - 1 - math.log(size / coarsest, FACTOR)) <= 0.5


def test_scaled_sizes_keep_the_aspect_ratio_and_at_least_one_pixel():
    assert scaled((300, 400), 100) == (75, 100) and scaled((400, 300), 100) == (100, 75)
    assert scaled((1, 1000), 100) == (1, 100) and scaled((1, 1), 64) == (64, 64)


def test_sides_are_rounded_to_whole_multiples():
    assert scaled((170, 256), 300, 16) == (192, 304) and scaled((10, 1000), 100, 16) == (16, 96)
    assert scaled((170, 256), 300) == (199, 300)
