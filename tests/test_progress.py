"""The time that is left, held against runs whose time is known."""

from dataclasses import dataclass, field

import pytest

from stylekit.pyramid import levels
from stylekit.recipe import Recipe
from stylekit.studio.progress import Progress

PLAN = levels(512, 60, 64)

MEASURED = {48: 0.030, 87: 0.038, 157: 0.066, 283: 0.14, 512: 0.35}
"""{pixels: seconds of a step}, compact encoder, two cores"""


def cost(size):
    """Of a step, where one at 512 pixels costs 1."""
    return (140**2 + size**2) / (140**2 + 512**2)


@dataclass
class Shown:
    """What Progress reads of a Frame."""

    step: int
    level: int
    seconds: float
    plan: list = field(default_factory=lambda: PLAN)
    begun_with: Recipe = field(default_factory=lambda: Recipe(size=512, steps=60))

    @property
    def steps(self):
        return sum(level.steps for level in self.plan)


def run(plan=PLAN, setup=0.0, until=1.0):
    """A run in which a step takes a second at 512 pixels, less below, and each level `setup` seconds besides."""
    seconds, step = 0.0, 0
    recipe = Recipe(size=512, steps=60, until=until)
    yield Shown(0, 1, 0.0, plan, recipe)
    for number, level in enumerate(plan, start=1):
        seconds += setup
        for _ in range(level.steps):
            step, seconds = step + 1, seconds + cost(level.size)
            yield Shown(step, number, seconds, plan, recipe)


@pytest.mark.parametrize("plan", [PLAN, PLAN + levels(512, 20, 256)])
def test_the_time_left_is_what_the_rest_takes_from_the_second_step_on(plan):
    frames, progress = list(run(plan)), Progress()
    for frame in frames[:-1]:
        progress.take(frame)
        if frame.step >= 2:
            assert progress.seconds_left() == pytest.approx(frames[-1].seconds - frame.seconds)
            assert progress.speed() == pytest.approx(1 / cost(plan[frame.level - 1].size))


def test_the_time_left_of_a_measured_run_is_about_right_from_its_smallest_size_on():
    plan = levels(512, 200, 48)
    left, progress = sum(level.steps * MEASURED[level.size] for level in plan), Progress()
    whole, step = left, 0
    for number, level in enumerate(plan, start=1):
        for _ in range(level.steps):
            step, left = step + 1, left - MEASURED[level.size]
            progress.take(Shown(step, number, whole - left, plan, Recipe(size=512, steps=200)))
            if 2 < step < 200:
                assert 0.7 * left < progress.seconds_left() < 1.3 * left + 0.01


def test_nothing_is_said_before_the_speed_is_known():
    progress = Progress()
    assert (progress.speed(), progress.seconds_left()) == (0, 0)
    frames = run()
    for _ in range(2):
        progress.take(next(frames))
        assert (progress.speed(), progress.seconds_left()) == (0, 0)


def test_looking_at_the_pictures_once_per_level_slows_no_step():
    progress = Progress()
    for frame in run(setup=30.0):
        progress.take(frame)
        if frame.step >= 2:
            assert progress.speed() == pytest.approx(1 / cost(PLAN[frame.level - 1].size))


def test_a_run_that_is_resumed_late_and_ends_early_has_only_the_steps_between_left():
    frames, progress = list(run(until=0.9)), Progress()
    for frame in frames[40:46]:
        progress.take(frame)
    assert progress.seconds_left() == pytest.approx(frames[54].seconds - frames[45].seconds)
    for frame in frames[46:55]:
        progress.take(frame)
    assert progress.seconds_left() == 0
