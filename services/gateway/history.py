"""A conference's whole log as lines of JSON: what every service said, in order of time."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec
import nats.js.errors
from nats.js import JetStreamContext

from kit.follow import reading
from proto import subjects
from proto.base import encode
from proto.views import ConferenceView

FETCH = 256
"""Messages per fetch; one is a few hundred bytes."""

FETCH_TIMEOUT = 5.0
"""Seconds for a fetch of what is known to be there."""


class Line(msgspec.Struct, frozen=True):
    """One stored message."""

    family: subjects.Family
    sequence: int
    time: datetime
    commit: msgspec.Raw


class LastLine(msgspec.Struct, frozen=True):
    view: ConferenceView


async def export(
    js: JetStreamContext, conference: str, view: ConferenceView | None
) -> AsyncIterator[bytes]:
    """All five families of a conference, and its view as it is now."""
    lines = [line for family in subjects.FAMILIES for line in await _stored(js, family, conference)]
    for line in sorted(lines, key=lambda line: (line.time, line.family, line.sequence)):
        yield encode(line) + b"\n"
    if view is not None:
        yield encode(LastLine(view)) + b"\n"


async def _stored(js: JetStreamContext, family: subjects.Family, conference: str) -> list[Line]:
    stream, subject = subjects.stream(family), subjects.events(family, conference)
    try:
        last = (await js.get_last_msg(stream, subject)).seq or 0
    except nats.js.errors.NotFoundError:
        return []
    lines: list[Line] = []
    async with reading(js, stream, subject, after=0) as sub:
        wanted = 1
        while not lines or lines[-1].sequence < last:
            for msg in await sub.fetch(wanted, timeout=FETCH_TIMEOUT):
                meta = msg.metadata
                lines.append(
                    Line(family, meta.sequence.stream, meta.timestamp, msgspec.Raw(msg.data))
                )
                wanted = max(1, min(FETCH, meta.num_pending))
    return lines
