"""Calls to streaming services, as sinks are told of them."""

import msgspec

from proto.conference import (
    CallConnected,
    CallEnded,
    CallLegChanged,
    CallProgressed,
    CallRequested,
)
from proto.config import HookType
from proto.urls import RECORD
from services.webhooks.core import shapes
from services.webhooks.core.fold import Fold, Said, derived, duration, without
from services.webhooks.core.shapes import ConferenceData, ParticipantData, StreamData

replace = msgspec.structs.replace


Call = CallRequested | CallProgressed | CallConnected | CallEnded | CallLegChanged


def called(fold: Fold, facts: ConferenceData, event: Call) -> tuple[Fold, list[Said]]:
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
            place = event.location or stream.system_location
            stream = replace(
                stream, state=step, detail=detail, recording=known, system_location=place
            )
            what = "updated" if step == "connected" else step
            return derived(replace(fold, streams=fold.streams | {who: stream})), [
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
            return derived(fold), [_said("connected", stream)]
        case CallEnded(code=code, reason=reason):
            fold = replace(
                fold,
                streams=without(fold.streams, who),
                calls=without(fold.calls, who),
                people=without(fold.people, who),
            )
            over = {
                "end_time": event.at.timestamp(),
                **duration(stream.connect_time, event.at),
                "code": code,
                "reason": reason,
                "retry_time": event.retry_at.timestamp() if event.retry_at else None,
            }
            said = _said("ended", stream)
            return derived(fold), [replace(said, data={**said.data, **over})]
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
        system_location=event.location,
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
        system_location=stream.system_location,
        fingerprint=stream.fingerprint,
    )
