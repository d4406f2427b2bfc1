"""Who of those who were asked gets the work, and why nobody does."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import assert_never

from proto.scheduler import Bid, Declined, Offer, Refusal, SessionWanted

LONGEST = 1000
"""Characters of a reason."""


def best(bids: Iterable[Bid], order: Sequence[str] = ()) -> Offer | None:
    """Who stays, in the first location of `order` that has anybody, with hardware, on the same host
    (the feed costs nothing there), with most room."""
    offers = [bid for bid in bids if isinstance(bid, Offer) and bid.free > 0]
    return min(offers, key=partial(_rank, order), default=None)


def _rank(order: Sequence[str], offer: Offer) -> tuple[bool, int, bool, bool, int, str]:
    """The least is the best."""
    far = _far(order, offer)
    return offer.leaving, far, not offer.hardware, not offer.same_host, -offer.free, offer.worker


def _far(order: Sequence[str], bid: Bid) -> int:
    """How many locations are to be preferred to the worker's."""
    return order.index(bid.location) if bid.location in order else len(order)


def order_of(wanted: SessionWanted) -> tuple[str, ...]:
    """The locations that will do, the best first; empty: any will."""
    return (wanted.location, *wanted.overflow) if wanted.location else ()


def why_there(bids: Iterable[Bid], chosen: Offer, order: Sequence[str] = (), host: str = "") -> str:
    """Why it is not done in the first location of `order`, and not on the mixer's `host`; empty: it
    is, or nothing speaks for them."""
    bids, reasons = list(bids), []
    if chosen.location and (far := _far(order, chosen)):
        kind = "overflow" if far < len(order) else "anywhere"
        nearer = "; ".join(
            f"“{place}” {_whom(bids, chosen, order, place)}" for place in order[:far]
        )
        reasons.append(f"{kind}, in location “{chosen.location}”: {nearer}")
    if host and not chosen.same_host:
        there = [bid for bid in bids if bid.same_host]
        said = _said(there, chosen, order) or "nobody answered there"
        reasons.append(f"not on the mixer's host: {said}")
    return ". ".join(reasons)[:LONGEST]


def _whom(bids: Sequence[Bid], chosen: Offer, order: Sequence[str], place: str) -> str:
    there = [bid for bid in bids if bid.location == place]
    said = _said(there, chosen, order)
    return f"has nobody with room ({said})" if said else "has nobody who answered"


def _said(bids: Sequence[Bid], chosen: Offer, order: Sequence[str]) -> str:
    return ", ".join(f"{bid.worker}: {_short(bid, chosen, order)}" for bid in bids)


def _short(bid: Bid, chosen: Offer, order: Sequence[str]) -> str:
    """What one falls short of."""
    if isinstance(bid, Declined):
        return bid.reason
    if bid.free == 0:
        return "full"
    if bid.leaving and not chosen.leaving:
        return "is being drained"
    if _far(order, bid) > _far(order, chosen):
        return f"is in location “{bid.location}”"
    return "has no hardware encoder free"


def staying(bids: Iterable[Bid]) -> list[Bid]:
    """The answers of those who will be there tomorrow."""
    return [bid for bid in bids if not (isinstance(bid, Offer) and bid.leaving)]


def refusals(bids: Iterable[Bid]) -> list[Refusal]:
    found = []
    for bid in bids:
        match bid:
            case Declined(worker=worker, reason=reason, code=code):
                found.append(Refusal(worker, reason, code))
            case Offer(worker=worker, free=0):
                found.append(Refusal(worker, "full", "full"))
            case Offer():
                pass
            case _:
                assert_never(bid)
    return found


def why_nobody(kind: str, asked: int, order: Sequence[str], refused: Sequence[Refusal]) -> str:
    """One sentence: silence and refusal are different things."""
    where = " in location " + " or ".join(f"“{place}”" for place in order) if order else ""
    if asked == 0:
        return f"no {kind} worker runs{where}"
    if not refused:
        return f"none of {asked} {kind} workers{where} answered"
    return f"no {kind} worker{where} has room: " + "; ".join(
        f"{refusal.worker}: {refusal.reason}" for refusal in refused
    )


def in_a_word(asked: int, refused: Sequence[Refusal]) -> str:
    """The same to be counted by: what most of those said who said no."""
    if asked == 0:
        return "no-worker"
    if not refused:
        return "silent"
    codes = Counter(refusal.code for refusal in refused)
    return min(codes, key=lambda code: (-codes[code], code))
