"""Whether somebody's line carries the large picture: from what their browser reports."""

import msgspec

BAD_LOSS = 0.08
"""Of the packets; above it pictures stand still more than they move."""

GOOD_LOSS = 0.02

HEADROOM = 1.2
"""Times the large picture's rate that the browser must believe in before it gets it again."""

PROVEN = 10.0
"""Seconds that a line has to be good before the large picture comes back."""

BAD_REPORTS = 2
"""In a row, about a second each: one burst of loss is repaired by sending again."""


class Line(msgspec.Struct, frozen=True):
    """One way to one browser."""

    small: bool = False
    "It gets the small picture."
    bad: int = 0
    "Bad reports in a row."
    good_since: float | None = None
    loss: float = 0.0
    "Of the packets, as reported last."
    estimate: float | None = None
    "Bits per second that the browser believes in (REMB); None: it has not said."


def heard(line: Line, now: float, rate: float, *, loss: float) -> Line:
    """After a receiver report; `rate` is the large picture's, in bits per second."""
    return _judged(msgspec.structs.replace(line, loss=loss), now, rate)


def estimated(line: Line, estimate: float) -> Line:
    """After the browser's own estimate, which counts with the next report."""
    return msgspec.structs.replace(line, estimate=estimate)


def _judged(line: Line, now: float, rate: float) -> Line:
    known = line.estimate
    is_bad = line.loss > BAD_LOSS or (known is not None and known < rate)
    bad = line.bad + 1 if is_bad else 0
    if not line.small:
        return msgspec.structs.replace(line, small=bad >= BAD_REPORTS, bad=bad, good_since=None)
    is_good = line.loss < GOOD_LOSS and (known is None or known > HEADROOM * rate)
    since = (now if line.good_since is None else line.good_since) if is_good else None
    if since is not None and now - since >= PROVEN:
        return msgspec.structs.replace(line, small=False, bad=0, good_since=None)
    return msgspec.structs.replace(line, bad=bad, good_since=since)


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
