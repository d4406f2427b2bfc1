"""What the benchmark of history writes is a history."""

from bench.history import PEOPLE, meeting
from tests.unit.gateway.test_past import Told


def test_a_meeting_is_over_when_all_of_it_is_told() -> None:
    told = Told()
    for number in (1, 2):
        for commit in meeting(number):
            told.learn(f"room-{number}", *commit)

    assert list(told.conferences()) == ["i-1", "i-2"]
    assert len(told.participants()) == 2 * PEOPLE
    [one, other] = told.conferences().values()
    assert (one.participant_count, other.disconnect_reason) == (PEOPLE, "Nobody is left")
