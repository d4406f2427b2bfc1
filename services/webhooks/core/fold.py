"""A conference as sinks know it."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from proto.base import Token
from proto.conference import (
    CallRequested,
)
from proto.config import HookType
from services.webhooks.core.shapes import ConferenceData, ParticipantData, StreamData

replace = msgspec.structs.replace


T = TypeVar("T")


class Fold(msgspec.Struct, frozen=True):
    """A conference as sinks know it after the commit `version` of CONFERENCE."""

    conference: Token
    version: int = 0
    seq: int = 0
    "Events so far that there were to tell."
    facts: ConferenceData | None = None
    "None: it does not run."
    people: dict[str, ParticipantData] = {}
    streams: dict[str, StreamData] = {}
    "Calls, connected or not; one that is connected is among the people as well."
    calls: dict[str, CallRequested] = {}
    "How those calls were asked for."
    outside: list[str] = []
    "What is done with meetings of other systems, `<kind>.<platform>`."
    locations: list[str] = []
    "System locations that anybody was in, or any stream dialled from; kept when it has ended."


class Said(msgspec.Struct, frozen=True):
    """A notice without its number."""

    type: HookType
    data: dict[str, Any]


def derived(fold: Fold) -> Fold:
    """What of the conference follows from who is in it."""
    if fold.facts is None:
        return fold
    live = [s for s in fold.streams.values() if s.state in ("connected", "recovering")]
    facts = replace(
        fold.facts,
        is_started=any(p.service_type != "waiting_room" for p in fold.people.values()),
        streaming=any(not s.recording for s in live) or _outside(fold, "streaming"),
        recording=any(s.recording for s in live) or _outside(fold, "recording"),
    )
    return replace(fold, facts=facts)


def _outside(fold: Fold, kind: str) -> bool:
    return any(one.startswith(f"{kind}.") for one in fold.outside)


def without(known: dict[str, T], who: str) -> dict[str, T]:
    return {key: value for key, value in known.items() if key != who}


def duration(since: float | None, until: datetime) -> dict[str, float]:
    return {"duration": 0.0 if since is None else max(0.0, round(until.timestamp() - since, 3))}
