"""What the scheduler counts: bids, assignments and refusals, and how long calls waited for them."""

from collections.abc import Sequence
from datetime import datetime

from kit import metrics
from kit.metrics import declared
from proto.scheduler import (
    Bid,
    DestinationAssigned,
    MixAssigned,
    MixRefused,
    Offer,
    SchedulerEvent,
    SessionAssigned,
    SessionRefused,
    WorkerKind,
)

ASSIGNED: dict[type[SchedulerEvent], str] = {
    MixAssigned: "mix",
    SessionAssigned: "session",
    DestinationAssigned: "destination",
}


def count_bids(kind: WorkerKind, bids: Sequence[Bid]) -> None:
    for bid in bids:
        outcome = ("ok" if bid.free else "full") if isinstance(bid, Offer) else bid.code
        metrics.add(declared.BIDS, kind=kind, outcome=outcome)


def count_commit(commit: Sequence[SchedulerEvent]) -> None:
    for event in commit:
        if (kind := ASSIGNED.get(type(event))) is not None:
            metrics.add(declared.ASSIGNED, kind=kind)
        elif isinstance(event, MixRefused | SessionRefused):
            refused = "mix" if isinstance(event, MixRefused) else "session"
            metrics.add(declared.REFUSED, kind=refused, reason=event.code)


def waited(commit: Sequence[SchedulerEvent], since: datetime, now: datetime) -> None:
    """`commit` answers a wish that was made at `since`."""
    seconds = max(0.0, (now - since).total_seconds())
    for event in commit:
        if isinstance(event, MixAssigned | DestinationAssigned):
            metrics.observe(declared.QUEUED, seconds, kind=ASSIGNED[type(event)])
