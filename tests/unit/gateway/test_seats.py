"""Tokens of people who are here by their browser, and whose seat is cleared."""

from datetime import UTC, datetime, timedelta

import pytest

from kit.secrets import Sealer
from proto.seats import Seat
from proto.views import ConferenceView, ParticipantView
from services.gateway.core.seats import LASTS, Missed, Shown, empty_seats, overdue, shown, token

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
UNTIL = NOW + LASTS
OURS, THEIRS = Sealer(b"k" * 32), Sealer(b"x" * 32)
SEAT = Seat("town-hall-1", "ann", UNTIL)
TOKEN = token(SEAT, OURS.token)
ANN = ("town-hall-1", "ann")
SECOND = timedelta(seconds=1)


def view(*people: ParticipantView, running: bool = True) -> ConferenceView:
    return ConferenceView("town-hall-1", 1, running=running, participants=list(people))


def person(who: str = "ann", protocol: str = "webrtc") -> ParticipantView:
    return ParticipantView(who, who.title(), "guest", protocol=protocol)  # type: ignore[arg-type]


def test_a_token_says_whose_it_is_until_its_time_is_over() -> None:
    assert shown(TOKEN, NOW, OURS.is_token) == Shown("town-hall-1", "ann", UNTIL)
    assert shown(TOKEN, UNTIL - SECOND, OURS.is_token) is not None
    assert shown(TOKEN, UNTIL, OURS.is_token) is None


@pytest.mark.parametrize(
    "given",
    [
        "",
        "...",
        "nonsense",
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN.replace("ann", "bob"),
        TOKEN.replace("town-hall-1", "town-hall-2"),
        TOKEN.replace(str(int(UNTIL.timestamp())), "99999999999"),
        token(SEAT, THEIRS.token),
        f"town-hall-1.ann.99999999999.{OURS.token('feeds of town-hall-1')}",
        "é" * 10,
        "x" * 10_000,
    ],
)
def test_what_we_have_not_signed_is_no_token(given: str) -> None:
    assert shown(given, NOW, OURS.is_token) is None


@pytest.mark.parametrize(
    ("until", "seen", "now", "has_to_go"),
    [
        pytest.param(UNTIL, NOW, UNTIL - SECOND, False, id="in-time"),
        pytest.param(UNTIL, NOW, UNTIL, True, id="silent"),
        pytest.param(UNTIL, NOW + LASTS, UNTIL + SECOND, False, id="we-have-only-just-begun"),
        pytest.param(UNTIL, NOW + LASTS, UNTIL + LASTS, True, id="and-then-long-enough"),
        pytest.param(UNTIL, None, UNTIL + LASTS, False, id="seen-for-the-first-time"),
        pytest.param(None, NOW, UNTIL - SECOND, False, id="no-seat-yet"),
        pytest.param(None, NOW, UNTIL, True, id="no-seat-ever"),
        pytest.param(UNTIL + LASTS, NOW, UNTIL + SECOND, False, id="refreshed"),
    ],
)
def test_who_is_silent_for_too_long_while_we_listen_has_to_go(
    until: datetime | None, seen: datetime | None, now: datetime, has_to_go: bool
) -> None:
    seats = {ANN: until} if until else {}
    heard = {ANN: seen} if seen else {}
    missed = overdue([view(person())], seats, heard, now)
    assert missed == ([Missed(*ANN)] if has_to_go else [])


def test_nobody_else_has_a_seat() -> None:
    late = UNTIL + LASTS
    others = [view(person(protocol="sip")), view(person(), running=False), view()]
    assert overdue(others, {}, {ANN: NOW}, late) == []


def test_a_seat_is_forgotten_when_nobody_can_come_back_to_it() -> None:
    seats = {ANN: UNTIL}
    assert empty_seats([view()], seats, UNTIL) == []
    assert empty_seats([view()], seats, UNTIL + LASTS) == [ANN]
    assert empty_seats([view(person())], seats, UNTIL + LASTS) == []
