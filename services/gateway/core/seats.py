"""Tokens of people who are here by their browser, and whose seat is to be cleared. Pure.

A token says who it is of and until when, in the clear, and has a signature behind that, so that any
gateway of the installation can check it and none has to remember it. What its bearer may do is
looked up each time.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from proto.seats import Seat
from proto.views import ConferenceView

LASTS = timedelta(seconds=120)
"""How long a token holds; clients ask for a new one after a third of that."""

LONGEST = 512
"""Characters; ours have some two hundred."""

Sign = Callable[[str], str]
"""The signature of a text."""

Check = Callable[[str, str], bool]
"""Whether a signature, first, is that of a text; takes as long whether it is or not."""


class Shown(msgspec.Struct, frozen=True):
    """What a token that is ours says."""

    conference: str
    participant: str
    until: datetime


def token(seat: Seat, sign: Sign) -> str:
    said = f"{seat.conference}.{seat.participant}.{int(seat.until.timestamp())}"
    return f"{said}.{sign(_purpose(said))}"


def shown(given: str, now: datetime, check: Check) -> Shown | None:
    """None: it is none of ours, or its time is over."""
    if len(given) > LONGEST or not given.isascii():
        return None
    said, _, signature = given.rpartition(".")
    if not check(signature, _purpose(said)):
        return None
    conference, participant, until = said.split(".")
    ends = datetime.fromtimestamp(int(until), UTC)
    return Shown(conference, participant, ends) if now < ends else None


def _purpose(said: str) -> str:
    """Nothing else that is signed with the same key begins like this."""
    return f"seat of {said}"


class Missed(msgspec.Struct, frozen=True):
    """Somebody who has to go."""

    conference: str
    participant: str


def overdue(
    views: Iterable[ConferenceView],
    seats: Mapping[tuple[str, str], datetime],
    seen: Mapping[tuple[str, str], datetime],
    now: datetime,
) -> list[Missed]:
    """Who is here by their browser and has not been heard of for too long.

    `seats` says until when their tokens hold. `seen` is since when whoever asks could have heard
    of them: nobody is sent away for what happened while nobody listened.
    """
    return [
        Missed(*who)
        for who in present(views)
        if now >= max(seats.get(who, NEVER), seen.get(who, now) + LASTS)
    ]


NEVER = datetime.min.replace(tzinfo=UTC)


def present(views: Iterable[ConferenceView]) -> list[tuple[str, str]]:
    """All who are here by their browser."""
    return [
        (view.conference, person.participant)
        for view in views
        if view.running
        for person in view.participants
        if person.by_call()
    ]


def empty_seats(
    views: Iterable[ConferenceView], seats: Mapping[tuple[str, str], datetime], now: datetime
) -> list[tuple[str, str]]:
    """Whose time has been over for as long again, and who is not here."""
    here = set(present(views))
    return [who for who, until in seats.items() if who not in here and now >= until + LASTS]
