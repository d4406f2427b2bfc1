"""What has been: conferences that ended and participants who left, out of the event log.

Each event is folded once, when it comes. What goes on is kept in mind; what is over is handed out.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from proto.conference import (
    CallConnected,
    CallEnded,
    CallRequested,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceStarted,
    ParticipantJoined,
    ParticipantLeft,
    Role,
    RoleChanged,
)
from services.gateway.core.status import Protocol, protocol_of

HISTORY = "/api/admin/history/v1"

NOTHING: Mapping[str, "ConferenceHistory"] = {}


class ConferenceHistory(msgspec.Struct, frozen=True):
    """One instance of a conference that has ended."""

    id: str
    name: str
    service_type: str
    start_time: datetime
    end_time: datetime | None
    duration: int
    "Seconds."
    disconnect_reason: str
    "Why it ended; ours."
    instant_message_count: int
    participant_count: int
    participants: list[str]
    "Resource URIs; filled in when it is shown."
    resource_uri: str


class ParticipantHistory(msgspec.Struct, frozen=True):
    """Somebody who was in a conference, or a streaming service that was called."""

    id: str
    call_uuid: str
    conference: str
    "Resource URI of the conference's history."
    conference_name: str
    display_name: str
    role: Role
    protocol: Protocol
    call_direction: Literal["in", "out"]
    start_time: datetime
    connect_time: datetime | None
    "When a call was answered; None if it never was."
    end_time: datetime | None
    duration: int
    "Seconds."
    disconnect_reason: str
    disconnect_code: str
    "Reason code of docs/reason-codes.md for a call; ours."
    encryption: Literal["On", "Off"]
    is_streaming: bool
    local_alias: str
    remote_alias: str
    "Redacted."
    presentation_alias: str
    "The second address of a dual stream, redacted; ours."
    resource_uri: str


Record = ConferenceHistory | ParticipantHistory


class Change(msgspec.Struct, frozen=True):
    """A record as it is now; it is over if it has an `end_time`."""

    key: str
    "Of the conference."
    record: Record


class Past:
    """The records that are not over yet; they can be taken up again from where they were kept."""

    def __init__(
        self,
        running: Mapping[str, ConferenceHistory] = NOTHING,
        present: Iterable[tuple[str, ParticipantHistory]] = (),
    ) -> None:
        self._running = dict(running)
        "By the conference's key."
        self._present: dict[str, dict[str, ParticipantHistory]] = {key: {} for key in running}
        for key, one in present:
            self._present[key][one.id] = one

    def learn(self, key: str, event: ConferenceEvent) -> list[Change]:
        """Take in the next event of the conference `key`; what that changes."""
        match event:
            case ConferenceStarted():
                # One that has not ended by then has: its end could not be read.
                ended = self._ended(key, event.at, "")
                self._running[key] = _started(event)
                self._present[key] = {}
                return [*ended, Change(key, self._running[key])]
            case ConferenceEnded(at=at, reason=reason):
                return self._ended(key, at, reason)
            case _ if key in self._running:
                return self._went_on(key, event)
            case _:
                # Of a conference whose start is older than what the log still holds.
                return []

    def _went_on(self, key: str, event: ConferenceEvent) -> list[Change]:
        present = self._present[key]
        replace = msgspec.structs.replace
        match event:
            case ParticipantJoined(participant=who) | CallRequested(participant=who):
                number = self._running[key].participant_count + 1
                self._running[key] = replace(self._running[key], participant_count=number)
                present[who] = _came(self._running[key], event)
                return [Change(key, self._running[key]), Change(key, present[who])]
            case CallConnected(participant=who, encrypted=encrypted) if who in present:
                one = present[who]
                connected = one.connect_time or event.at
                encryption: Literal["On", "Off"] = "On" if encrypted else "Off"
                present[who] = replace(one, connect_time=connected, encryption=encryption)
                return [Change(key, present[who])]
            case RoleChanged(participant=who, role=role) if who in present:
                present[who] = replace(present[who], role=role)
                return [Change(key, present[who])]
            case ParticipantLeft(participant=who, reason=reason) if who in present:
                return [Change(key, _left(present.pop(who), event.at, reason, ""))]
            case CallEnded(participant=who, reason=reason, code=code) if who in present:
                return [Change(key, _left(present.pop(who), event.at, reason, code))]
            case _:
                return []

    def _ended(self, key: str, at: datetime, reason: str) -> list[Change]:
        conference = self._running.pop(key, None)
        if conference is None:
            return []
        left: list[Record] = [_left(one, at, reason, "") for one in self._present.pop(key).values()]
        over = msgspec.structs.replace(
            conference,
            end_time=at,
            duration=_seconds(conference.start_time, at),
            disconnect_reason=reason,
        )
        return [Change(key, record) for record in (*left, over)]


def _left(one: ParticipantHistory, at: datetime, reason: str, code: str) -> ParticipantHistory:
    return msgspec.structs.replace(
        one,
        end_time=at,
        duration=_seconds(one.connect_time or at, at),
        disconnect_reason=reason,
        disconnect_code=code,
    )


def _started(event: ConferenceStarted) -> ConferenceHistory:
    return ConferenceHistory(
        event.instance,
        event.name,
        event.service_type,
        event.at,
        end_time=None,
        duration=0,
        disconnect_reason="",
        instant_message_count=0,
        participant_count=0,
        participants=[],
        resource_uri=f"{HISTORY}/conference/{event.instance}/",
    )


def _came(
    conference: ConferenceHistory, event: ParticipantJoined | CallRequested
) -> ParticipantHistory:
    calling = isinstance(event, CallRequested)
    url = event.destination if isinstance(event, CallRequested) else event.media
    second = event.presentation_destination if isinstance(event, CallRequested) else None
    return ParticipantHistory(
        event.participant,
        event.participant,
        conference.resource_uri,
        conference.name,
        event.display_name,
        event.role,
        "RTMP" if isinstance(event, CallRequested) else protocol_of(event.protocol),
        "out" if calling else "in",
        event.at,
        None if calling else event.at,
        end_time=None,
        duration=0,
        disconnect_reason="",
        disconnect_code="",
        encryption="Off",
        is_streaming=isinstance(event, CallRequested) and event.streaming,
        local_alias=conference.name if isinstance(event, CallRequested) else event.called,
        remote_alias=url.redacted if url else "",
        presentation_alias=second.redacted if second else "",
        resource_uri=f"{HISTORY}/participant/{event.participant}/",
    )


def _seconds(since: datetime, until: datetime) -> int:
    return max(0, round((until - since).total_seconds()))
