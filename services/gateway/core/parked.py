"""Messages that nobody could handle, as they are shown and looked for."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from proto import parked
from proto.access import DURABLES

MOST = 100
"""Messages in one answer."""

SCANNED = 1000
"""Messages that are looked at for one answer; it says where the next goes on."""

TRACE = re.compile(r"00-([0-9a-f]{32})-", re.ASCII)

LONGEST = 65_536
"""Bytes of a body that are shown."""


class ParkedMessage(msgspec.Struct, frozen=True):
    """A message that was put aside."""

    id: int
    "Its number in the stream PARKED."
    service: str
    "Who could not handle it; empty: a consumer that this version does not know."
    durable: str
    "The consumer of that service."
    family: str
    conference: str
    sequence: int | None
    "Where it stood in the family's stream; none: an older version did not say."
    reason: str
    parked_at: datetime | None
    size: int
    trace: str
    "Id of the trace that it belongs to."
    events: list[str]
    "What it holds, by type; empty where it cannot be told."


class ParkedWhole(ParkedMessage, frozen=True):
    """The same with its body."""

    body: Any
    "None: it is no JSON, or too large to be shown."


class Wanted(msgspec.Struct, frozen=True):
    """Which of them; empty fields ask for nothing."""

    service: str = ""
    family: str = ""
    conference: str = ""


class ParkedPage(msgspec.Struct, frozen=True):
    parked: list[ParkedMessage]
    "Oldest first."
    total: int
    "Messages that are parked, whichever were asked for."
    next: int | None
    "Give it as `after` to see what follows; none: there is no more."


def whole(
    sequence: int,
    subject: str,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime | None,
) -> ParkedWhole:
    """A stored message, as it is shown."""
    durable = subject.rpartition(".")[2]
    source = headers.get(parked.SUBJECT, "").split(".")
    family, conference = (source[0], source[2]) if len(source) == 3 else ("", "")
    known: Mapping[str, Mapping[str, str]] = dict(DURABLES.items())
    place = headers.get(parked.SEQUENCE, "")
    trace = TRACE.match(headers.get("traceparent", ""))
    content = _content(body)
    return ParkedWhole(
        sequence,
        known.get(family, {}).get(durable, ""),
        durable,
        family,
        conference,
        int(place) if place.isdecimal() else None,
        headers.get(parked.REASON, ""),
        at,
        len(body),
        trace[1] if trace else "",
        _types(content),
        content,
    )


def brief(one: ParkedWhole) -> ParkedMessage:
    """All but the body."""
    return ParkedMessage(*(getattr(one, name) for name in ParkedMessage.__struct_fields__))


def matches(one: ParkedMessage, wanted: Wanted) -> bool:
    service = wanted.service.replace("-", "_")
    return (
        service in ("", one.service)
        and wanted.family in ("", one.family)
        and wanted.conference in ("", one.conference)
    )


def _content(body: bytes) -> Any:
    if len(body) > LONGEST:
        return None
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return None


def _types(content: Any) -> list[str]:
    if not isinstance(content, list):
        return []
    return [str(one["type"])[:64] for one in content if isinstance(one, dict) and "type" in one]
