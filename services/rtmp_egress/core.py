"""The life of one destination. Pure: no I/O, no clock, no randomness, no logging.

A reactor: told what happened, it answers what to do. When to try again is decided here alone; at
this stage a destination that fails has failed.
"""

from typing import Literal

import msgspec

from proto.base import Reason
from proto.egress import DestinationState


class Connected(msgspec.Struct, frozen=True):
    """The service accepted the stream."""

    tls_version: str = ""


class Failed(msgspec.Struct, frozen=True):
    """The connection could not be made, or broke."""

    code: str
    "One of `docs/reason-codes.md`."
    reason: Reason


class Removed(msgspec.Struct, frozen=True):
    """Nobody wants the destination any more."""


class Dial(msgspec.Struct, frozen=True):
    """Connect and publish."""


class HangUp(msgspec.Struct, frozen=True):
    """Unpublish and close, whatever the connection is at."""


class Tell(msgspec.Struct, frozen=True):
    """Let the world know."""

    state: DestinationState
    code: str = ""
    reason: Reason = ""
    attempt: int = 1
    tls_version: str = ""


Input = Connected | Failed | Removed
Action = Dial | HangUp | Tell


class Destination(msgspec.Struct, frozen=True):
    phase: Literal["connecting", "publishing", "over"] = "connecting"
    attempt: int = 1
    "Counts dials."
    since: float = 0.0
    "When the phase began, seconds on the caller's clock."


def start(now: float) -> tuple[Destination, list[Action]]:
    return Destination(since=now), [Tell("connecting"), Dial()]


def react(destination: Destination, event: Input, now: float) -> tuple[Destination, list[Action]]:
    attempt = destination.attempt
    match destination.phase, event:
        case "connecting", Connected(tls_version):
            told = Tell("publishing", attempt=attempt, tls_version=tls_version)
            return Destination("publishing", attempt, now), [told]
        case "connecting" | "publishing", Failed(code, reason):
            return Destination("over", attempt, now), [Tell("failed", code, reason, attempt)]
        case "connecting" | "publishing", Removed():
            return Destination("over", attempt, now), [HangUp(), Tell("stopped", attempt=attempt)]
        case _:
            return destination, []  # late news about what is settled
