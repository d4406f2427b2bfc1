"""Event sinks: how far one is, as it is shown."""

from datetime import datetime

import msgspec

from proto.config import EventSink
from proto.webhooks import DOWN_AFTER, SinkState, Trouble

SCHEMES = frozenset({"http", "https"})


class DeadEvent(msgspec.Struct, frozen=True):
    """An event that was given up."""

    id: str
    type: str
    conference: str
    time: datetime
    code: str
    failures: int


class SinkStatus(msgspec.Struct, frozen=True):
    """How far an event sink is."""

    id: int
    name: str
    url: str
    "Redacted."
    state: str
    "`ok`, `failing`, `down`, `off`, or `disabled`, when it said that it is gone (410)."
    waiting_conferences: int
    "Of which something has not been delivered."
    oldest_waiting: datetime | None
    next_try: datetime | None
    failures: int
    "Since something was taken."
    delivered: int
    given_up: int
    "In all; `dead` has the newest of them that were not delivered again."
    dead: list[DeadEvent]
    last_error: Trouble | None
    last_success: datetime | None
    disabled_at: datetime | None
    rotating: bool
    "An old secret signs as well."
    locations: list[str]
    "System locations that name it: it is told of those; none: of all."


def sink_status(
    sink: EventSink, revision_state: SinkState | None, locations: list[str]
) -> SinkStatus:
    state = revision_state or SinkState(sink.id)
    lanes = state.lanes.values()
    tries = [lane.retry_at for lane in lanes if lane.retry_at is not None]
    return SinkStatus(
        sink.id,
        sink.name,
        sink.url,
        _word(sink, state),
        len(state.lanes),
        min((lane.since for lane in lanes if lane.since is not None), default=None),
        state.retry_at or min(tries, default=None),
        state.failures,
        state.delivered,
        state.given_up,
        [DeadEvent(d.id, d.type, d.conference, d.at, d.code, d.failures) for d in state.dead],
        state.last_error,
        state.last_success_at,
        state.disabled_at,
        rotating=bool(sink.sealed_old_secret),
        locations=locations,
    )


def _word(sink: EventSink, state: SinkState) -> str:
    if not sink.enable:
        return "off"
    if state.disabled_at is not None:
        return "disabled"
    if state.failures >= DOWN_AFTER:
        return "down"
    failing = state.failures or any(lane.failures for lane in state.lanes.values())
    return "failing" if failing else "ok"
