"""Whether somebody's line carries the large picture: from what their browser reports.

By loss alone: a browser's own estimate of its line (REMB) begins low and never rises far beyond
what is sent, so that it would hold everybody at the small picture for ever.
"""

import msgspec

BAD_LOSS = 0.08
"""Of the packets; above it pictures stand still more than they move."""

GOOD_LOSS = 0.02

BAD_REPORTS = 2
"""In a row, about a second each: one burst of loss is repaired by sending again."""

PROVEN = 10.0
"""Seconds that a line has to be good before the large picture comes back; twice as long after each
time that it did not carry it then, up to `PROVEN_MOST`."""

PROVEN_MOST = 160.0


class Line(msgspec.Struct, frozen=True):
    """One way to one browser."""

    small: bool = False
    "It gets the small picture."
    bad: int = 0
    "Bad reports in a row."
    good_since: float | None = None
    large_since: float | None = None
    "When it got the large picture again; None: it has never been without."
    patience: float = PROVEN


def heard(line: Line, now: float, loss: float) -> Line:
    """After a receiver report; `loss` is a part of the packets."""
    return _judged_small(line, now, loss) if line.small else _judged_large(line, now, loss)


def _judged_large(line: Line, now: float, loss: float) -> Line:
    bad = line.bad + 1 if loss > BAD_LOSS else 0
    if bad < BAD_REPORTS:
        return msgspec.structs.replace(line, bad=bad)
    failed = line.large_since is not None and now - line.large_since < 2 * line.patience
    patience = min(2 * line.patience, PROVEN_MOST) if failed else PROVEN
    return Line(small=True, patience=patience)


def _judged_small(line: Line, now: float, loss: float) -> Line:
    if loss >= GOOD_LOSS:
        return msgspec.structs.replace(line, good_since=None)
    since = now if line.good_since is None else line.good_since
    if now - since < line.patience:
        return msgspec.structs.replace(line, good_since=since)
    return Line(large_since=now, patience=line.patience)


class Lines(msgspec.Struct, frozen=True):
    """All calls of a conference together. Counted since it began, but for the first three and the
    last two, which are of now."""

    calls: int = 0
    connected: int = 0
    encodings: int = 0
    received: int = 0
    "Packets, as those below."
    received_lost: int = 0
    sent: int = 0
    sent_lost: int = 0
    pictures: int = 0
    "That were encoded for callers."
    key_frames: int = 0
    jitter: float = 0.0
    "Seconds, of the worst call."
    round_trip: float = 0.0
    "Seconds, of the longest."
