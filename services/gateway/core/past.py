"""What has been: conferences that ended and participants who left, out of the event log.

Each event is folded once, when it comes. Only so many are remembered, the newest.
"""

from collections import OrderedDict
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
from proto.urls import RECORD

HISTORY = "/api/admin/history/v1"

REMEMBERED = 10_000
"""Of conferences and of participants, each; about a kilobyte apiece. Pexip keeps as many."""


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
    "Resource URIs."
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
    protocol: Literal["RTMP", "URL", "RECORD"]
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
    is_recording: bool = False
    "What was sent was kept here."


class Past:
    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._running: dict[str, ConferenceHistory] = {}
        "By the conference's key."
        self._present: dict[str, dict[str, ParticipantHistory]] = {}
        self._conferences: OrderedDict[str, ConferenceHistory] = OrderedDict()
        self._participants: OrderedDict[str, ParticipantHistory] = OrderedDict()

    def conferences(self) -> list[ConferenceHistory]:
        """Newest first."""
        return list(reversed(self._conferences.values()))

    def participants(self) -> list[ParticipantHistory]:
        """Newest first."""
        return list(reversed(self._participants.values()))

    def conference(self, number: str) -> ConferenceHistory | None:
        return self._conferences.get(number)

    def participant(self, number: str) -> ParticipantHistory | None:
        return self._participants.get(number)

    def learn(self, key: str, event: ConferenceEvent) -> None:
        """Take in the next event of the conference `key`."""
        match event:
            case ConferenceStarted():
                self._running[key] = _started(event)
                self._present[key] = {}
            case ConferenceEnded(at=at, reason=reason):
                self._ended(key, at, reason)
            case _ if key in self._running:
                self._went_on(key, event)
            case _:
                # Of a conference whose start is older than what the log still holds.
                pass

    def _went_on(self, key: str, event: ConferenceEvent) -> None:
        conference, present = self._running[key], self._present[key]
        replace = msgspec.structs.replace
        match event:
            case ParticipantJoined(participant=who) | CallRequested(participant=who):
                present[who] = _came(conference, event)
                uris = [*conference.participants, present[who].resource_uri]
                self._running[key] = replace(
                    conference, participants=uris, participant_count=len(uris)
                )
            case CallConnected(participant=who, encrypted=encrypted) if who in present:
                one = present[who]
                present[who] = replace(
                    one,
                    connect_time=one.connect_time or event.at,
                    encryption="On" if encrypted else "Off",
                )
            case RoleChanged(participant=who, role=role) if who in present:
                present[who] = replace(present[who], role=role)
            case ParticipantLeft(participant=who, reason=reason) if who in present:
                self._left(present.pop(who), event.at, reason, "")
            case CallEnded(participant=who, reason=reason, code=code) if who in present:
                self._left(present.pop(who), event.at, reason, code)
            case _:
                pass

    def _ended(self, key: str, at: datetime, reason: str) -> None:
        conference = self._running.pop(key, None)
        for one in self._present.pop(key, {}).values():
            self._left(one, at, reason, "")
        if conference is not None:
            self._conferences[conference.id] = msgspec.structs.replace(
                conference,
                end_time=at,
                duration=_seconds(conference.start_time, at),
                disconnect_reason=reason,
            )
            while len(self._conferences) > self._remembered:
                self._conferences.popitem(last=False)

    def _left(self, one: ParticipantHistory, at: datetime, reason: str, code: str) -> None:
        self._participants[one.id] = msgspec.structs.replace(
            one,
            end_time=at,
            duration=_seconds(one.connect_time or at, at),
            disconnect_reason=reason,
            disconnect_code=code,
        )
        while len(self._participants) > self._remembered:
            self._participants.popitem(last=False)


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
    recording = isinstance(event, CallRequested) and event.destination.scheme == RECORD
    url = event.destination if isinstance(event, CallRequested) else event.media
    second = event.presentation_destination if isinstance(event, CallRequested) else None
    return ParticipantHistory(
        event.participant,
        event.participant,
        conference.resource_uri,
        conference.name,
        event.display_name,
        event.role,
        "RECORD" if recording else "RTMP" if calling else "URL",
        "out" if calling else "in",
        event.at,
        None if calling else event.at,
        end_time=None,
        duration=0,
        disconnect_reason="",
        disconnect_code="",
        encryption="Off",
        is_streaming=isinstance(event, CallRequested) and event.streaming and not recording,
        local_alias=conference.name if calling else "",
        remote_alias=url.redacted if url else "",
        presentation_alias=second.redacted if second else "",
        resource_uri=f"{HISTORY}/participant/{event.participant}/",
        is_recording=recording,
    )


def _seconds(since: datetime, until: datetime) -> int:
    return max(0, round((until - since).total_seconds()))
