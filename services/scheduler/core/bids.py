"""Who of those who were asked gets the work, and why nobody does."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import assert_never

from proto.scheduler import Bid, Declined, Offer, Refusal


def best(bids: Iterable[Bid]) -> Offer | None:
    """Who stays, with hardware, on the same host (the feed costs nothing there), with most room."""
    offers = [bid for bid in bids if isinstance(bid, Offer) and bid.free > 0]
    if not offers:
        return None
    return min(offers, key=_rank)


def _rank(offer: Offer) -> tuple[bool, bool, bool, int, str]:
    """The least is the best."""
    return offer.leaving, not offer.hardware, not offer.same_host, -offer.free, offer.worker


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


def why_nobody(kind: str, asked: int, location: str, refused: Sequence[Refusal]) -> str:
    """One sentence: silence and refusal are different things."""
    where = f" in location “{location}”" if location else ""
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
