"""The life of one destination. Pure: no I/O, no clock, no randomness, no logging.

A reactor: told what happened, it answers what to do.

    connecting → publishing → recovering → publishing | failed | stopped

When to try again, where, and when to give up is decided here alone. What may pass by itself is
tried for as long as the conference lives; what only people can mend ends the destination, unless
it has been live before: then it is asked again now and then, because somebody may mend it.
"""

from typing import Literal

import msgspec

from proto.base import Reason
from proto.egress import DestinationState
from proto.urls import Codec

FIRST_PAUSE = 0.5
"""Seconds before the first retry: a server that was restarted is back by then, or soon."""

LONGEST_PAUSE = 20.0
"""Seconds that pauses grow to, before chance lengthens them: at most 30 attempts in ten minutes."""

QUICK = 10.0
"""Seconds after the loss of what had been steady in which the server most likely is restarted."""

QUICK_PAUSE = 1.6
"""Longest pause meanwhile: with chance, viewers have it again 2.5 s after the server is there."""

SPREAD = 0.5
"""Most that chance adds to a pause, as a part of it, so that destinations of one server that died
do not come back as one."""

SLOW_FIRST, SLOW_LONGEST = 10.0, 200.0
"""The same for what has been live and is now refused in earnest: up to five minutes."""

STEADY = 30.0
"""Seconds of being live after which earlier trouble is forgotten."""

KEPT = 2.0
"""Seconds of being live that prove address and credentials right: some servers let everybody start,
and then close on those who may not."""

LASTING = frozenset(
    {
        *("bad-url", "unsealable", "tls-authority", "tls-certificate", "not-rtmp"),
        *("forbidden-address", "unknown-app", "connect-rejected", "publish-denied"),
        *("publish-rejected", "auth-required", "auth-failed", "auth-unsupported"),
    }
)
"""Reason codes that only people can change: nothing is gained by asking again soon."""

IN_USE = "stream-key-in-use-or-invalid"
"""Mostly our own earlier connection, which the server has not given up yet."""

IN_USE_AT_FIRST, IN_USE_LATER = 30.0, 120.0
"""Seconds that a key may be in use. At first it more likely is somebody else's."""

IN_USE_PAUSE = 5.0
"""Longest pause while the key is in use: viewers wait for the moment in which it is free."""

SHRUGS = ("rejected", "refused-after-start")
"""The server closes without a word: mostly a wrong address, but a server that is being started
does it, too."""

SHRUGS_LIMIT = 3
"""In a row, before that counts as a refusal."""

OVERFLOWS = 2
"""Within `STEADY`, after which a new connection is better than more gaps in this one."""

TOO_HIGH = "bit rate too high for the connection; {} s of picture and sound were dropped"


class Connected(msgspec.Struct, frozen=True):
    """The service accepted the stream."""

    tls_version: str = ""
    codec: Codec = "h264"
    note: Reason = ""
    "Why it is not the codec that was asked for."


class Failed(msgspec.Struct, frozen=True):
    """The connection could not be made, or broke."""

    code: str
    "One of `docs/reason-codes.md`."
    reason: Reason


class Overflowed(msgspec.Struct, frozen=True):
    """The connection was too slow for the stream, and whole groups of pictures were dropped."""

    seconds: int
    "Of media."


class Woken(msgspec.Struct, frozen=True):
    """The moment of the last `WakeAt` has come."""


class Removed(msgspec.Struct, frozen=True):
    """Nobody wants the destination any more."""


class Dial(msgspec.Struct, frozen=True):
    """Connect and publish."""

    address: int = 0
    "Which of the destination's addresses."


class HangUp(msgspec.Struct, frozen=True):
    """Unpublish and close, whatever the connection is at."""


class WakeAt(msgspec.Struct, frozen=True):
    """Say `Woken` then; takes the place of an earlier one."""

    at: float


class Tell(msgspec.Struct, frozen=True):
    """Let the world know."""

    state: DestinationState
    code: str = ""
    reason: Reason = ""
    attempt: int = 1
    "The dial that is under way, or comes next."
    tls_version: str = ""
    next_retry_in: float | None = None
    address: int = 0
    codec: Codec = "h264"
    "That is sent."


Input = Connected | Failed | Overflowed | Woken | Removed
Action = Dial | HangUp | WakeAt | Tell


class Destination(msgspec.Struct, frozen=True):
    phase: Literal["connecting", "publishing", "waiting", "over"] = "connecting"
    since: float = 0.0
    "When the phase began, seconds on the caller's clock."
    attempt: int = 1
    "Counts dials since it was last steady; the one under way, or the next."
    addresses: tuple[int, ...] = (0,)
    "Those that may still be tried: the one in use first."
    seen: bool = False
    "Viewers have seen it: what is tried now is to get it back."
    proven: bool = False
    "The server once kept the stream for a while."
    pause: float = FIRST_PAUSE
    "Before the next attempt, if this one fails; without chance."
    lost_at: float | None = None
    "If it had been steady until then."
    in_use_since: float | None = None
    shrugs: int = 0
    "In a row."
    overflowed_at: float | None = None
    warning: Reason = ""
    "While it has not been steady since it overflowed."
    tls_version: str = ""
    codec: Codec = "h264"
    note: Reason = ""
    "Of the connection, for as long as it lasts."


def start(
    now: float, *, addresses: int = 1, seen: bool = False
) -> tuple[Destination, list[Action]]:
    """`seen`: it was live before, in a process that died."""
    fresh = Destination(since=now, addresses=tuple(range(addresses)), seen=seen, proven=seen)
    return fresh, [Tell(_trying(fresh)), Dial()]


def react(
    destination: Destination, event: Input, now: float, chance: float
) -> tuple[Destination, list[Action]]:
    """`chance`: a random number from 0 to 1."""
    match destination.phase, event:
        case "over", _:
            return destination, []
        case "waiting", Removed():
            return _over(destination, now), [Tell("stopped", attempt=destination.attempt)]
        case _, Removed():
            stopped = Tell("stopped", attempt=destination.attempt)
            return _over(destination, now), [HangUp(), stopped]
        case "connecting", Connected():
            return _connected(destination, event, now)
        case "connecting" | "publishing", Failed():
            return _failed(destination, event, now, chance)
        case "publishing", Overflowed(seconds):
            return _overflowed(destination, seconds, now, chance)
        case "publishing", Woken() if destination.warning:
            calm = msgspec.structs.replace(destination, overflowed_at=None, warning="")
            return calm, [_publishing(calm)]
        case "waiting", Woken():
            dialling = msgspec.structs.replace(destination, phase="connecting", since=now)
            return dialling, [Dial(dialling.addresses[0])]
        case _:
            return destination, []  # late news about what is settled


def _connected(
    destination: Destination, connected: Connected, now: float
) -> tuple[Destination, list[Action]]:
    live = msgspec.structs.replace(
        destination,
        phase="publishing",
        since=now,
        seen=True,
        in_use_since=None,
        tls_version=connected.tls_version,
        codec=connected.codec,
        note=connected.note,
    )
    actions: list[Action] = [_publishing(live)]
    if live.warning:
        actions.append(WakeAt(now + STEADY))
    return live, actions


def _publishing(live: Destination) -> Tell:
    return Tell(
        "publishing",
        "overflow" if live.warning else "codec-fallback" if live.note else "",
        live.warning or live.note,
        live.attempt,
        tls_version=live.tls_version,
        address=live.addresses[0],
        codec=live.codec,
    )


def _failed(
    destination: Destination, failed: Failed, now: float, chance: float
) -> tuple[Destination, list[Action]]:
    tried = _learn(destination, failed.code, now)
    for_good, rest = _for_good(tried, failed.code, now), tried.addresses[1:]
    if for_good and not rest and (failed.code == IN_USE or not tried.proven):
        told = Tell("failed", failed.code, failed.reason, tried.attempt, address=tried.addresses[0])
        return _over(tried, now), [told]
    if for_good and not tried.proven:
        # This address will never do; the other has the same chances as any that is new.
        tried = msgspec.structs.replace(tried, addresses=rest, in_use_since=None, shrugs=0)
    else:
        tried = msgspec.structs.replace(tried, addresses=(*rest, tried.addresses[0]))
    return _wait(tried, failed, now, chance, slow=for_good and not rest)


def _learn(destination: Destination, code: str, now: float) -> Destination:
    """What is known after a failure, before it is judged."""
    lasted = now - destination.since if destination.phase == "publishing" else 0.0
    if lasted >= STEADY:
        destination = msgspec.structs.replace(
            destination, attempt=0, pause=FIRST_PAUSE, lost_at=now
        )
    elif destination.phase == "publishing":
        destination = msgspec.structs.replace(destination, lost_at=None)
    return msgspec.structs.replace(
        destination,
        proven=destination.proven or lasted >= KEPT,
        in_use_since=_earlier(destination.in_use_since, now) if code == IN_USE else None,
        shrugs=destination.shrugs + 1 if code in SHRUGS else 0,
    )


def _earlier(known: float | None, now: float) -> float:
    return now if known is None else known


def _for_good(destination: Destination, code: str, now: float) -> bool:
    """Whether trying again soon is of no use."""
    if code == IN_USE:
        limit = IN_USE_LATER if destination.proven else IN_USE_AT_FIRST
        return now - _earlier(destination.in_use_since, now) > limit
    if code in SHRUGS:
        return destination.shrugs >= SHRUGS_LIMIT
    return code in LASTING


def _wait(
    destination: Destination, failed: Failed, now: float, chance: float, *, slow: bool = False
) -> tuple[Destination, list[Action]]:
    most = IN_USE_PAUSE if failed.code == IN_USE else LONGEST_PAUSE
    if destination.lost_at is not None and now - destination.lost_at < QUICK:
        most = min(most, QUICK_PAUSE)
    least, most = (SLOW_FIRST, SLOW_LONGEST) if slow else (0.0, most)
    pause = min(max(destination.pause, least), most)
    delay = pause * (1 + SPREAD * chance)
    waiting = msgspec.structs.replace(
        destination,
        phase="waiting",
        since=now,
        attempt=destination.attempt + 1,
        pause=pause * 2,
    )
    told = Tell(
        _trying(waiting),
        failed.code,
        failed.reason,
        waiting.attempt,
        next_retry_in=delay,
        address=waiting.addresses[0],
    )
    return waiting, [told, WakeAt(now + delay)]


def _overflowed(
    destination: Destination, seconds: int, now: float, chance: float
) -> tuple[Destination, list[Action]]:
    before = destination.overflowed_at
    reason = TOO_HIGH.format(seconds)
    warned = msgspec.structs.replace(destination, overflowed_at=now, warning=reason)
    if before is None or now - before >= STEADY:
        return warned, [_publishing(warned), WakeAt(now + STEADY)]
    tried = _learn(warned, "overflow", now)
    waiting, actions = _wait(tried, Failed("overflow", reason), now, chance)
    return waiting, [HangUp(), *actions]


def _trying(destination: Destination) -> DestinationState:
    return "recovering" if destination.seen else "connecting"


def _over(destination: Destination, now: float) -> Destination:
    return msgspec.structs.replace(destination, phase="over", since=now)
