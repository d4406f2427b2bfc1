"""When a session does less than it should, told and done on paper."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proto.egress import Measure
from services.rtmp_egress.core.load import (
    HOLD,
    LATE,
    LONGEST_HOLD,
    OVERLOADED,
    SETTLING,
    Encoded,
    Load,
    react,
)

LADDER: tuple[Measure, ...] = ("preset", "frame_rate", "size")
STEP = 1 / 30
SPEED: dict[tuple[Measure, ...], float] = {(): 1.0, LADDER[:1]: 0.4, LADDER[:2]: 0.2, LADDER: 0.09}
"""What encoding costs under the measures, over what it costs without."""


class Run:
    """An encoder on a clock that only the test moves; a picture costs `cost` of its time."""

    def __init__(self, most: int = 3, step: float = STEP) -> None:
        self.step = step
        self.speed = SPEED
        self.now = 1000.0
        self.load = Load(LADDER[:most])
        self.told: list[tuple[float, int]] = []
        "When, and how many measures were in force from then on."

    def go(self, seconds: float, cost: float, late: float = 0.0) -> list[int]:
        before = len(self.told)
        end = self.now + seconds
        while self.now < end:
            speed = self.speed[LADDER[: self.load.taken]]
            took = min(1.0, cost * speed) * self.step
            self.now += self.step
            self.load, uses = react(self.load, Encoded(took, late), self.now)
            self.told += [(self.now, len(use.measures)) for use in uses]
        return [measures for _, measures in self.told[before:]]


@pytest.fixture
def run() -> Run:
    return Run()


def test_an_encoder_that_keeps_up_is_left_alone(run: Run) -> None:
    assert run.go(600, cost=0.85) == []


def test_measures_are_taken_one_at_a_time_until_it_keeps_up(run: Run) -> None:
    assert run.go(60, cost=2.0) == [1]
    assert run.go(60, cost=4.0) == [2]
    assert run.go(60, cost=9.0) == [3]
    assert run.go(60, cost=20.0) == [], "there is nothing left to be done, and nobody is killed"


def test_no_measure_is_taken_before_the_one_before_could_help(run: Run) -> None:
    run.go(60, cost=20.0)
    times = [at for at, _ in run.told]

    assert times[0] >= 1000 + OVERLOADED
    assert all(b - a >= SETTLING + OVERLOADED for a, b in pairwise(times))


def test_a_burst_is_lived_through(run: Run) -> None:
    for _ in range(20):
        assert run.go(OVERLOADED - 1, cost=2.0) == []
        assert run.go(2, cost=0.3) == []


def test_what_is_late_throughout_tips_the_scales(run: Run) -> None:
    assert run.go(30, cost=0.8, late=LATE / 2) == []
    assert run.go(30, cost=0.8, late=LATE) == [1]


def test_a_mixer_that_is_late_is_not_the_encoders_fault(run: Run) -> None:
    assert run.go(60, cost=0.3, late=0.5) == []


def test_one_key_frame_that_makes_pictures_late_is_not_a_queue(run: Run) -> None:
    for _ in range(30):
        assert run.go(0.5, cost=0.8, late=0.4) == []
        assert run.go(0.5, cost=0.8, late=0.0) == []


def test_all_is_given_back_in_the_other_order_after_a_minute_of_ease_each(run: Run) -> None:
    run.go(60, cost=20.0)
    eased = run.now

    assert run.go(5 * HOLD, cost=0.3) == [2, 1, 0]
    times = [at for at, _ in run.told[3:]]
    assert times[0] - eased >= HOLD
    assert all(b - a >= HOLD for a, b in pairwise(times))


def test_what_would_be_too_much_without_a_measure_keeps_it(run: Run) -> None:
    run.go(60, cost=2.0)

    assert run.go(1200, cost=0.9) == []
    assert run.go(120, cost=0.5) == [0]


def test_a_minute_of_ease_begins_anew_with_each_exception(run: Run) -> None:
    run.go(60, cost=2.0)
    for _ in range(10):
        assert run.go(HOLD - 10, cost=0.3) == []
        assert run.go(2, cost=1.2) == []


def test_a_measure_that_had_to_be_taken_again_is_kept_for_twice_as_long(run: Run) -> None:
    """Content that is light for a minute and heavy after it must not make the picture flicker."""
    changes = 0
    for _ in range(40):
        changes += len(run.go(60, cost=2.0))
        changes += len(run.go(90, cost=0.3))

    assert changes == 3, "taken, given up, taken: after that, ninety seconds of ease say little"
    assert run.load.hold == 2 * HOLD


def test_no_more_measures_are_taken_than_are_allowed() -> None:
    assert Run(most=1).go(300, cost=20.0) == [1]
    assert Run(most=0).go(300, cost=20.0) == []


SLOWLY = 0.2
"""Seconds for a picture: hours pass quickly."""

costs = st.floats(0.0, 20.0)
lates = st.sampled_from([0.0, LATE / 2, LATE, 1.0])
phases = st.lists(st.tuples(st.floats(0.5, 90.0), costs, lates), max_size=8)


@given(phases)
def test_whatever_the_load_one_step_at_a_time_and_never_at_once(
    phases: list[tuple[float, float, float]],
) -> None:
    run = Run(step=SLOWLY)
    for seconds, cost, late in phases:
        run.go(seconds, cost, late)
    steps = [(1000.0, 0), *run.told]

    for (before, had), (after, has) in pairwise(steps):
        assert abs(has - had) == 1
        assert after - before >= (OVERLOADED if has > had else HOLD)


@given(costs, *[st.floats(0.1, 1.0)] * 3)
@example(9.0, 0.1, 1.0, 0.25)
def test_a_load_that_stays_the_same_comes_to_rest(
    cost: float, first: float, second: float, third: float
) -> None:
    """Even where measures save more or less than was thought: each mistake is dearer. A load on
    the very edge of what is too much, as in the example, may be found so late that all of them are
    made within this hour: five up to the longest hold, and that twice."""
    run = Run(step=SLOWLY)
    saved = [1.0, first, first * second, first * second * third]
    run.speed = {LADDER[:n]: saved[n] for n in range(4)}
    run.go(600, cost)
    changes = run.go(3600, cost)

    assert len(changes) <= 2 * 7 + 2


@given(costs, costs)
def test_more_load_never_makes_for_fewer_measures(one: float, other: float) -> None:
    taken = []
    for cost in sorted((one, other)):
        run = Run(step=SLOWLY)
        run.go(HOLD - 1, cost)
        taken.append(run.load.taken)

    assert taken[0] <= taken[1]


@given(phases)
def test_all_is_given_back_after_any_past(phases: list[tuple[float, float, float]]) -> None:
    run = Run(step=SLOWLY)
    for seconds, cost, late in phases:
        run.go(seconds, cost, late)
    run.go(3 * LONGEST_HOLD + 60, cost=0.1)

    assert run.load.taken == 0


def test_the_reason_is_one_that_a_person_understands(run: Run) -> None:
    reasons = list(_reasons())

    assert reasons == ["encoding takes 100 % of the time there is"]


def _reasons() -> Iterator[str]:
    load, now = Load(LADDER), 0.0
    while now < 8:
        now += STEP
        load, uses = react(load, Encoded(STEP, 0.0), now)
        yield from (use.reason for use in uses)
    assert msgspec.structs.asdict(load)["taken"] == 1
