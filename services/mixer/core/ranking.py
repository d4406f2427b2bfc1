"""Who has which place in Adaptive Composition: by speaking, and with as few moves as can be.

Everybody keeps their place until it matters. Who speaks and is not seen at all comes at once, into
a small place; who goes on speaking gets a large one, and at most two others move for it.
"""

import math
from collections.abc import Sequence

import msgspec

from proto.views import ConferenceView
from services.mixer.core.layouts.composition import EXTENDED_SMALL, LARGE, MIDDLE, SMALL

LARGE_AFTER = 4.0
"""Seconds that somebody is the active speaker before they are shown large: an answer of one
sentence reshuffles nothing, a contribution does."""

SEEN_LARGE = LARGE
SEEN_WELL = LARGE + MIDDLE


class Ranking(msgspec.Struct, frozen=True):
    order: tuple[str, ...] = ()
    "Everybody, by place: large ones, middle ones, small ones, and those who are not seen."
    speaker: str = ""
    since: float = -math.inf
    "Since when they are the active speaker."

    def due(self) -> float:
        """When something changes if nothing else happens, in seconds."""
        waits = self.speaker and self.order.index(self.speaker) >= SEEN_LARGE
        return self.since + LARGE_AFTER if waits else math.inf


def places(view: ConferenceView) -> int:
    """How many people Adaptive Composition shows."""
    return SEEN_WELL + (EXTENDED_SMALL if view.transforms.enable_extended_ac else SMALL)


def follow(
    ranking: Ranking,
    people: Sequence[str],
    stage: Sequence[str],
    now: float,
    *,
    places: int = SEEN_WELL + SMALL,
) -> Ranking:
    """What has become of it by `now`, in seconds; the same ranking while nothing matters."""
    rank = {who: n for n, who in enumerate(stage)}
    order = _present(ranking.order, people, rank)
    speaker = next((who for who in stage if who in order), "")
    since = ranking.since if speaker == ranking.speaker else now
    if speaker:
        order = _seen(order, speaker, places, rank)
        if order.index(speaker) >= SEEN_LARGE and now - since >= LARGE_AFTER:
            order = _large(order, speaker, rank)
    found = Ranking(tuple(order), speaker, since)
    return ranking if found == ranking else found


def _present(before: Sequence[str], people: Sequence[str], rank: dict[str, int]) -> list[str]:
    """Without those who left, whose places go to the best of the next size; newcomers last."""
    if not before:
        return sorted(people, key=lambda who: rank.get(who, len(rank)))
    here, order = set(people), list(before)
    for who in before:
        if who not in here:
            _vacate(order, order.index(who), rank)
    known = set(order)
    return order + [who for who in people if who not in known]


def _vacate(order: list[str], place: int, rank: dict[str, int]) -> None:
    """Somebody else moves up into a place, and others into theirs."""
    for end, next_end in ((SEEN_LARGE, SEEN_WELL), (SEEN_WELL, len(order))):
        following = order[end:next_end]
        if place < end and following:
            best = min(following, key=lambda who: rank.get(who, len(rank)))
            found = order.index(best)
            order[place], place = best, found
    del order[place]


def _seen(order: list[str], who: str, places: int, rank: dict[str, int]) -> list[str]:
    """Whoever speaks has at least a small place."""
    place = order.index(who)
    if place < places:
        return order
    return _swapped(order, place, _longest_silent(order, SEEN_WELL, places, rank))


def _large(order: list[str], who: str, rank: dict[str, int]) -> list[str]:
    """Into a large place, whose owner gets a middle one, whose owner gets what becomes free."""
    place = order.index(who)
    order = _swapped(order, place, _longest_silent(order, 0, SEEN_LARGE, rank))
    if place < SEEN_WELL:
        return order
    return _swapped(order, place, _longest_silent(order, SEEN_LARGE, SEEN_WELL, rank))


def _longest_silent(order: list[str], start: int, end: int, rank: dict[str, int]) -> int:
    return max(range(start, end), key=lambda place: rank.get(order[place], len(rank)))


def _swapped(order: list[str], one: int, other: int) -> list[str]:
    order = list(order)
    order[one], order[other] = order[other], order[one]
    return order
