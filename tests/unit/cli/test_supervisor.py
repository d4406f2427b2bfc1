"""How long the supervisor waits before it tries again."""

from services.supervisor import FIRST_PAUSE, LONGEST_PAUSE, pause_after


def test_restarts_come_at_once_first_and_never_too_often() -> None:
    pauses = [pause_after(deaths) for deaths in range(1, 9)]
    assert pauses[:4] == [FIRST_PAUSE, 0.4, 0.8, 1.6]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert pause_after(10_000) == LONGEST_PAUSE
