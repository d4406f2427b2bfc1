"""Who has not been heard of for too long: a browser that is gone says no goodbye."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from proto.views import ConferenceView
from services.gateway.core.tickets import LIFETIME

GRACE = 10.0
"""Seconds beyond a token's life, so that the last refresh can still be told."""

OVERDUE = "Timer expired awaiting token refresh"
"""Pexip's own words, which programs know."""


class Seat(NamedTuple):
    conference: str
    participant: str


def overdue(
    views: Iterable[ConferenceView], kept: Mapping[Seat, float], now: float, known_since: float
) -> list[Seat]:
    """Those who take part by browser and have not kept their seats. Who was never heard of has
    been silent for no longer than we have listened, `known_since`, and they have been there."""
    late = []
    for view in views:
        for person in view.participants:
            if not person.by_call():
                continue
            seat = Seat(view.conference, person.participant)
            if now - kept.get(seat, known_since) > LIFETIME + GRACE:
                late.append(seat)
    return late
