"""What there is to tell of a conference: its events, folded, and what each has changed.

The outcome depends on the log alone, so whoever tells it again tells the same, by the same ids.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from proto.base import Token
from proto.conference import (
    AutomaticCallRefused,
    CallConnected,
    CallEnded,
    CallLegChanged,
    CallProgressed,
    CallRequested,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceLocked,
    ConferenceStarted,
    GuestsMuted,
    OutsideReported,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantMuted,
    PresentationStarted,
    PresentationStopped,
    RoleChanged,
    SpotlightChanged,
)
from proto.config import HookType
from proto.urls import RECORD
from proto.webhooks import Notice
from services.webhooks.core import shapes
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


class Said(msgspec.Struct, frozen=True):
    """A notice without its number."""

    type: HookType
    data: dict[str, Any]


def tell(fold: Fold, commit: Iterable[ConferenceEvent], version: int) -> tuple[Fold, list[Notice]]:
    """The conference after a commit, and what there is to tell of it."""
    notices: list[Notice] = []
    for event in commit:
        after, special = evolve(fold, event)
        seen = after.facts or fold.facts
        for one in [*special, *_differences(fold, after, event)]:
            assert seen is not None
            after = replace(after, seq=after.seq + 1)
            ident = f"{seen.uuid[:50]}_{after.seq}"
            notices.append(
                Notice(ident, one.type, event.at, fold.conference, seen.uuid, after.seq, one.data)
            )
        fold = after
    return replace(fold, version=version), notices


def evolve(fold: Fold, event: ConferenceEvent) -> tuple[Fold, list[Said]]:
    """Fold one fact in; and what it says beyond how it changes conference and participants."""
    if isinstance(event, ConferenceStarted):
        facts = ConferenceData(
            event.name,
            event.service_type,
            event.at.timestamp(),
            guests_muted=event.guests_muted,
            uuid=event.instance,
        )
        started = Said("conference_started", msgspec.to_builtins(facts))
        return Fold(fold.conference, fold.version, fold.seq, facts), [started]
    if fold.facts is None:
        return fold, []  # Of a conference whose start is older than the log.
    match event:
        case ConferenceEnded(at=at, reason=reason):
            over = {"end_time": at.timestamp(), **_duration(fold.facts.start_time, at)}
            data = {**msgspec.to_builtins(fold.facts), **over, "end_reason": reason}
            ended = Fold(fold.conference, fold.version, fold.seq)
            return ended, [Said("conference_ended", data)]
        case ConferenceLocked(on=on):
            return replace(fold, facts=replace(fold.facts, is_locked=on)), []
        case GuestsMuted(on=on):
            guests = {w: replace(p, is_muted=on) for w, p in fold.people.items() if _guest(p)}
            facts = replace(fold.facts, guests_muted=on)
            return replace(fold, facts=facts, people=fold.people | guests), []
        case (
            CallRequested() | CallProgressed() | CallConnected() | CallEnded() | CallLegChanged()
        ) as call:
            return _called(fold, fold.facts, call)
        case AutomaticCallRefused(display_name=name, code=code, reason=reason):
            data = {
                "conference": fold.facts.name,
                "display_name": name,
                "automatic": event.automatic,
                "code": code,
                "reason": reason,
                "retry_time": event.retry_at.timestamp() if event.retry_at else None,
            }
            return fold, [Said("stream_refused", data)]
        case _:
            return _derived(_person(fold, fold.facts, event)), []


def _person(fold: Fold, facts: ConferenceData, event: ConferenceEvent) -> Fold:
    match event:
        case ParticipantJoined(participant=who):
            return replace(fold, people=fold.people | {who: _joined(facts, event)})
        case ParticipantLeft(participant=who):
            return replace(fold, people=_without(fold.people, who))
        case PresentationStarted(participant=who):
            fold = replace(fold, facts=replace(facts, presenter=who))
            people = {w: replace(p, is_presenting=w == who) for w, p in fold.people.items()}
            return replace(fold, people=people)
        case PresentationStopped(participant=who) if facts.presenter == who:
            fold = replace(fold, facts=replace(facts, presenter=""))
            people = {w: replace(p, is_presenting=False) for w, p in fold.people.items()}
            return replace(fold, people=people)
        case ParticipantAdmitted(participant=who):
            return _changed(fold, who, service_type=facts.service_type)
        case RoleChanged(participant=who, role=role):
            # Whoever is muted as a Guest is heard as a Host.
            muted = {"is_muted": role == "guest"} if facts.guests_muted else {}
            return _changed(fold, who, role=role, **muted)
        case ParticipantMuted(participant=who, on=on):
            return _changed(fold, who, is_muted=on)
        case SpotlightChanged(participant=who, on=on):
            return _changed(fold, who, spotlight=on)
        case OutsideReported(kind=kind, platform=platform, on=on):
            others = [one for one in fold.outside if one != f"{kind}.{platform}"]
            return replace(fold, outside=[*others, *([f"{kind}.{platform}"] if on else [])])
        case _:
            return fold


Call = CallRequested | CallProgressed | CallConnected | CallEnded | CallLegChanged


def _called(fold: Fold, facts: ConferenceData, event: Call) -> tuple[Fold, list[Said]]:
    """The life of a call to a streaming service."""
    who = event.participant
    if isinstance(event, CallRequested):
        stream = _requested(facts, event)
        fold = replace(fold, streams=fold.streams | {who: stream}, calls=fold.calls | {who: event})
        return fold, [_said("requested", stream)]
    if who not in fold.streams:
        return fold, []
    stream = fold.streams[who]
    match event:
        case CallProgressed(step=step, detail=detail):
            known = stream.recording if event.recording is None else event.recording
            stream = replace(stream, state=step, detail=detail, recording=known)
            what = "updated" if step == "connected" else step
            return _derived(replace(fold, streams=fold.streams | {who: stream})), [
                _said(what, stream)
            ]
        case CallConnected(encrypted=encrypted):
            stream = replace(
                stream,
                state="connected",
                detail="",
                encryption="On" if encrypted else "Off",
                connect_time=stream.connect_time or event.at.timestamp(),
            )
            fold = replace(
                fold,
                streams=fold.streams | {who: stream},
                people=fold.people | {who: _streaming(fold, facts, stream)},
            )
            return _derived(fold), [_said("connected", stream)]
        case CallEnded(code=code, reason=reason):
            fold = replace(
                fold,
                streams=_without(fold.streams, who),
                calls=_without(fold.calls, who),
                people=_without(fold.people, who),
            )
            over = {
                "end_time": event.at.timestamp(),
                **_duration(stream.connect_time, event.at),
                "code": code,
                "reason": reason,
                "retry_time": event.retry_at.timestamp() if event.retry_at else None,
            }
            said = _said("ended", stream)
            return _derived(fold), [replace(said, data={**said.data, **over})]
        case CallLegChanged(state=state, detail=detail):
            stream = replace(stream, presentation_state=state, presentation_detail=detail)
            return replace(fold, streams=fold.streams | {who: stream}), [_said("updated", stream)]


TYPES: dict[str, HookType] = {
    "requested": "stream_requested",
    "routed": "stream_routed",
    "assigned": "stream_assigned",
    "connecting": "stream_connecting",
    "connected": "stream_connected",
    "updated": "stream_updated",
    "recovering": "stream_recovering",
    "ended": "stream_ended",
}


def _said(what: str, stream: StreamData) -> Said:
    return Said(TYPES[what], msgspec.to_builtins(stream))


def _requested(facts: ConferenceData, event: CallRequested) -> StreamData:
    second = event.presentation_destination
    delivery = event.destination.delivery
    return StreamData(
        event.participant,
        facts.name,
        event.display_name,
        "requested",
        event.destination.redacted,
        event.destination.fingerprint,
        event.destination.scheme,
        event.at.timestamp(),
        recording=event.destination.scheme == RECORD,
        presentation_url=shapes.shown(second),
        presentation_fingerprint=shapes.fingerprint(second),
        presentation_state="requested" if second else "",
        backup_url=shapes.shown(delivery.backup if delivery else None),
        automatic=event.automatic,
    )


def _streaming(fold: Fold, facts: ConferenceData, stream: StreamData) -> ParticipantData:
    """A stream as a participant; one that was there keeps what it is."""
    there = fold.people.get(stream.uuid)
    if there is not None:
        return replace(there, encryption=stream.encryption)
    assert stream.connect_time is not None
    call = fold.calls[stream.uuid]
    return ParticipantData(
        stream.uuid,
        stream.uuid,
        stream.uuid,
        facts.name,
        stream.display_name,
        call.role,
        "RECORD" if stream.recording else "RTMP",
        "out",
        facts.service_type,
        stream.connect_time,
        source_alias=facts.name,
        destination_alias=stream.url,
        encryption=stream.encryption,
        has_media=True,
        is_streaming=call.streaming and not stream.recording,
        is_recording=stream.recording,
        fingerprint=stream.fingerprint,
    )


def _joined(facts: ConferenceData, event: ParticipantJoined) -> ParticipantData:
    return ParticipantData(
        event.participant,
        event.participant,
        event.participant,
        facts.name,
        event.display_name,
        event.role,
        shapes.protocol_of(event.protocol),
        "in",
        "waiting_room" if event.waiting else facts.service_type,
        event.at.timestamp(),
        source_alias=shapes.shown(event.media),
        destination_alias=event.called,
        has_media=event.media is not None,
        is_muted=facts.guests_muted and event.role == "guest",
        system_location=event.location,
        fingerprint=shapes.fingerprint(event.media),
    )


def _derived(fold: Fold) -> Fold:
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


def _differences(before: Fold, after: Fold, event: ConferenceEvent) -> Iterable[Said]:
    """Who came, changed and went; and the conference, if it is otherwise than before."""
    for who, person in after.people.items():
        was = before.people.get(who)
        if was is None:
            yield Said("participant_connected", msgspec.to_builtins(person))
        elif changed := _changes(was, person):
            data = {**msgspec.to_builtins(person), "changed": changed}
            yield Said("participant_updated", data)
    for who, person in before.people.items():
        if who not in after.people and after.facts is not None:
            yield Said("participant_disconnected", _gone(person, event))
    if before.facts is not None and after.facts is not None:
        same = before.facts.uuid == after.facts.uuid
        if same and (changed := _changes(before.facts, after.facts)):
            data = {**msgspec.to_builtins(after.facts), "changed": changed}
            yield Said("conference_updated", data)


def _gone(person: ParticipantData, event: ConferenceEvent) -> dict[str, Any]:
    reason = event.reason if isinstance(event, ParticipantLeft | CallEnded) else ""
    over = {"end_time": event.at.timestamp(), **_duration(person.connect_time, event.at)}
    return {**msgspec.to_builtins(person), **over, "disconnect_reason": reason}


def _changes(before: msgspec.Struct, after: msgspec.Struct) -> list[str]:
    names = before.__struct_fields__
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def _changed(fold: Fold, who: str, **fields: Any) -> Fold:
    if who not in fold.people:
        return fold
    return replace(fold, people=fold.people | {who: replace(fold.people[who], **fields)})


def _guest(person: ParticipantData) -> bool:
    return person.role == "guest" and person.call_direction == "in"


def _without(known: dict[str, T], who: str) -> dict[str, T]:
    return {key: value for key, value in known.items() if key != who}


def _duration(since: float | None, until: datetime) -> dict[str, float]:
    return {"duration": 0.0 if since is None else max(0.0, round(until.timestamp() - since, 3))}
