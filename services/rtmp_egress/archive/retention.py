"""Which recordings have to go. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from proto.recording import Recording


class Retention(msgspec.Struct, frozen=True):
    """0: without limit."""

    days: float = 0.0
    bytes: float = 0.0


class Expired(NamedTuple):
    recording: str
    reason: str


def expired(recordings: Iterable[Recording], retention: Retention, now: datetime) -> list[Expired]:
    """Those that are too old, and of the rest the oldest until all fit. None that is being made."""
    over = sorted(
        (r for r in recordings if r.state == "complete" and r.ended_at is not None),
        key=lambda r: (r.ended_at or now, r.recording),
    )
    found: list[Expired] = []
    kept: list[Recording] = []
    for one in over:
        age = now - (one.ended_at or now)
        if retention.days and age > timedelta(days=retention.days):
            found.append(Expired(one.recording, f"it is older than {retention.days:g} days"))
        else:
            kept.append(one)
    excess = sum(one.size for one in kept) - retention.bytes
    for one in kept:
        if not retention.bytes or excess <= 0:
            break
        reason = f"all recordings together are larger than {retention.bytes / 1e9:g} GB"
        found.append(Expired(one.recording, reason))
        excess -= one.size
    return found
