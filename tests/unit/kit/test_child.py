"""When a child that died is started again."""

from itertools import pairwise

from kit.child import FIRST_PAUSE, LONGEST_PAUSE, STEADY, WORKED, WORKED_PAUSE, pause_after


def pauses(*lives: float) -> list[float]:
    """What comes after each of these lives."""
    told: list[float] = []
    for lived in lives:
        told.append(pause_after(lived, told[-1] if told else None))
    return told


def test_one_that_cannot_run_is_tried_less_and_less_often() -> None:
    told = pauses(*[0.1] * 12)

    assert told[0] == FIRST_PAUSE
    assert all(after == min(before * 2, LONGEST_PAUSE) for before, after in pairwise(told))
    assert told[-1] == LONGEST_PAUSE


def test_one_that_worked_is_soon_back_however_often_it_is_killed() -> None:
    assert max(pauses(*[WORKED + 0.1] * 100)) == WORKED_PAUSE


def test_one_that_could_not_run_and_then_worked_is_soon_back() -> None:
    assert pauses(*[0.1] * 12, WORKED + 0.1)[-1] == WORKED_PAUSE


def test_earlier_deaths_of_one_that_lived_long_are_forgotten() -> None:
    assert pauses(*[0.1] * 12, STEADY + 1)[-1] == FIRST_PAUSE
