"""Whether the server on the other end still lives. Pure.

A kernel confirms what a stopped server will never read, so what the server itself says counts: its
answers to our pings and its acknowledgements, but only if it has shown that it gives them. Only
what the network has delivered is waited for: a slow network is not a dead server.
"""

import msgspec

from services.rtmp_egress.rtmp.errors import Refusal

PING_EVERY = 1.0
"""Seconds between two pings."""

MISSED = 3
"""Pings, or acknowledgements, after which a server that used to answer is dead."""


class Ping(msgspec.Struct, frozen=True):
    """One that has not been answered."""

    offset: int
    "Bytes that had been sent when it was."
    delivered_at: float | None = None
    "When the network had brought it there."


class Pulse(msgspec.Struct, frozen=True):
    """What is known of one connection."""

    delivered: int = 0
    "Bytes that the network has brought to the server's machine."
    moved_at: float = 0.0
    "When that last grew, or nothing waited."
    pings: tuple[Ping, ...] = ()
    answers_pings: bool = False
    acknowledged: int = 0
    "Modulo 2**32, as the server says it."
    acknowledges: bool = False
    delivered_then: int = 0
    "When it last acknowledged anything."
    heard_at: float = 0.0
    "When it last answered or acknowledged: a server that is slow does it late, but it does."
    interval: int = 0
    "Most bytes between two acknowledgements: servers have windows of their own."


class Seen(msgspec.Struct, frozen=True):
    """One look at the connection."""

    sent: int
    "Bytes handed over, all in all."
    waiting: int
    "Bytes of them that have not been confirmed by the network."
    pongs: int
    "Pings answered since the last look."
    acknowledged: int


def look(pulse: Pulse, seen: Seen, now: float) -> Pulse:
    """Learn from one look; about one each `PING_EVERY`."""
    delivered = max(pulse.delivered, seen.sent - seen.waiting)
    moved = delivered > pulse.delivered or seen.waiting == 0
    new = seen.acknowledged != pulse.acknowledged
    owed = delivered - pulse.delivered_then
    return Pulse(
        delivered,
        now if moved else pulse.moved_at,
        tuple(_brought(ping, delivered, now) for ping in pulse.pings[seen.pongs :]),
        pulse.answers_pings or seen.pongs > 0,
        seen.acknowledged,
        pulse.acknowledges or new,
        delivered if new else pulse.delivered_then,
        now if new or seen.pongs else pulse.heard_at,
        max(pulse.interval, owed) if new else pulse.interval,
    )


def pinged(pulse: Pulse, offset: int) -> Pulse:
    """A ping has been sent as byte `offset`. Of a server that never answers, a few are kept."""
    return msgspec.structs.replace(pulse, pings=(*pulse.pings[-2 * MISSED :], Ping(offset)))


def liveness(
    pulse: Pulse, now: float, *, silence: float, every: float = PING_EVERY
) -> Refusal | None:
    """Why the connection is to be given up, if it is.

    `silence`: seconds in which the network must have taken something; `every`: between pings.
    """
    if now - pulse.moved_at > silence:
        reason = f"network or server took nothing for {silence:g} s"
        return Refusal("stalled", reason, "live")
    quiet = now - pulse.heard_at
    if quiet >= MISSED * every and (_unanswered(pulse, now, every) or _unconfirmed(pulse)):
        reason = f"the server has neither answered nor acknowledged anything for {quiet:.0f} s"
        return Refusal("not-acknowledged", reason, "live")
    return None


def _unanswered(pulse: Pulse, now: float, every: float) -> bool:
    """Whether a ping that it must have got long ago waits for its answer."""
    oldest = next((ping.delivered_at for ping in pulse.pings), None)
    return pulse.answers_pings and oldest is not None and now - oldest >= MISSED * every


def _unconfirmed(pulse: Pulse) -> bool:
    """Whether it has got much more than it usually lets pass without a word."""
    owed = pulse.delivered - pulse.delivered_then
    return pulse.acknowledges and not pulse.answers_pings and owed > MISSED * pulse.interval


def _brought(ping: Ping, delivered: int, now: float) -> Ping:
    if ping.delivered_at is not None or delivered < ping.offset:
        return ping
    return Ping(ping.offset, now)
