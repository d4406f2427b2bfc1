"""What ran at some time is exported whole, each time that it ran by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from proto.conference import ConferenceEnded, ConferenceStarted, GuestsMuted
from proto.conference.events import ConferenceEvent
from services.gateway.core.period import period
from services.gateway.core.windows import AFTERMATH, Windows

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def told(windows: Windows, *said: tuple[float, str]) -> Windows:
    """`+` starts, `-` ends, anything else is something in between."""
    for minutes, what in said:
        moment = at(minutes)
        events: dict[str, ConferenceEvent] = {
            "+": ConferenceStarted(moment, "c", "i", "C"),
            "-": ConferenceEnded(moment, "i", "over"),
        }
        windows.take("c", moment, [events.get(what, GuestsMuted(moment, True))])
    return windows


TWICE = ((0, "+"), (10, "-"), (20, "+"), (30, "-"))


@pytest.mark.parametrize(
    ("since", "until", "ran"),
    [
        (None, None, [0, 20]),
        (5, 6, [0]),
        (10, 15, [0]),
        (11, 15, []),
        (11, None, [20]),
        (None, 19, [0]),
        (-5, -1, []),
        (5, 25, [0, 20]),
        (31, None, []),
    ],
)
def test_it_is_what_ran_at_some_time_in_between(
    since: float | None, until: float | None, ran: list[float]
) -> None:
    windows = Windows(None if since is None else at(since), None if until is None else at(until))
    found = told(windows, *TWICE).overlapping.get("c", [])

    assert [window.begins for window in found] == [at(minutes) for minutes in ran]


def test_a_run_ends_with_its_aftermath_or_with_the_next_run() -> None:
    windows = told(Windows(None, None), (0, "+"), (10, "-"), (10.5, "+"), (20, "-"))
    first, second = windows.overlapping["c"]

    assert first.holds(at(10.4))
    assert not first.holds(at(10.5))
    assert second.holds(at(20) + AFTERMATH / 2)
    assert not second.holds(at(20) + AFTERMATH)


def test_what_still_runs_has_no_end_and_is_waited_for() -> None:
    windows = told(Windows(at(1), at(2)), (0, "+"), (5, "something"))

    assert not windows.settled
    assert windows.overlapping["c"][0].holds(at(9999))
    assert told(windows, (10, "-")).settled


def test_where_old_messages_are_gone_a_run_begins_in_the_middle() -> None:
    windows = told(Windows(None, None), (3, "something"), (10, "-"), (11, "something"))

    assert [window.begins for window in windows.overlapping["c"]] == [at(3)]


def test_a_time_is_absolute_or_before_now() -> None:
    assert period("-90m", "now", NOON) == (at(-90), NOON)
    assert period("2026-11-26T11:00:00Z", "", NOON) == (at(-60), None)
    assert period("2026-11-26 11:00", "2026-11-26T13:00:00+01:00", NOON) == (at(-60), NOON)


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        ("yesterday", "", "from"),
        ("", "1h", "to"),
        ("-1h", "-2h", "to"),
        ("-9999999h", "", "from"),
        ("-999999d", "", "from"),
    ],
)
def test_what_is_no_time_is_refused_by_field(since: str, until: str, field: str) -> None:
    assert list(period(since, until, NOON)) == [field]
