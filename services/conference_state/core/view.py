"""The fold: what a conference is after all that happened to it."""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

import msgspec

from proto.conference import (
    AnnouncementRequested,
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
    LayoutTransformed,
    OutsideReported,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantMuted,
    PresentationStarted,
    PresentationStopped,
    RoleChanged,
    TransferRefused,
    TransferRequested,
    Transforms,
)
from proto.views import (
    STEP_STATE,
    AnnouncementView,
    AutomaticView,
    ConferenceView,
    Outside,
    ParticipantView,
    TransferView,
)
from services.conference_state.core.keeping import keeps
from services.conference_state.core.looks import transformed

replace = msgspec.structs.replace

ARRIVALS = 200
"""Transferred participants that are known by name: one matters only until the conference that they
came from has let go of them, which takes milliseconds, or a crash and a restart."""


def evolve(view: ConferenceView, event: ConferenceEvent) -> ConferenceView:
    """Fold one fact in. Never judges: the log is right."""
    return _settle(_fold(view, event), event.at)


def _fold(view: ConferenceView, event: ConferenceEvent) -> ConferenceView:
    match event:
        case ConferenceStarted():
            return _started(view, event)
        case ParticipantJoined():
            return _arrived(_with(view, _person(view, event)), event)
        case CallRequested():
            return _called(_with(view, _call(event)), event.automatic)
        case CallProgressed(participant=who, step=step, detail=detail):
            view = _change(view, who, state=STEP_STATE[step], detail=detail)
            return _carried(view, who, event.session)
        case CallConnected(participant=who, encrypted=encrypted):
            return _carried(_connected(view, who, encrypted), who, event.session)
        case CallLegChanged():
            return _leg(view, event)
        case ParticipantLeft(participant=who):
            return _without(view, who)
        case CallEnded(participant=who):
            return _without(_failed(view, _automatic_of(view, who), event.retry_at), who)
        case AutomaticCallRefused(automatic=ident):
            return _failed(view, ident, event.retry_at)
        case PresentationStarted(participant=who):
            return replace(view, presenter=who)
        case PresentationStopped(participant=who):
            return replace(view, presenter="" if view.presenter == who else view.presenter)
        case ParticipantAdmitted(participant=who):
            return _change(view, who, state="connected")
        case RoleChanged(participant=who, role=role):
            # Whoever is muted as a Guest is heard as a Host.
            muted = {"is_muted": role == "guest"} if view.guests_muted else {}
            return _change(view, who, role=role, **muted)
        case ParticipantMuted(participant=who, on=on):
            return _change(view, who, is_muted=on)
        case GuestsMuted(on=on):
            return _mute_guests(view, on)
        case ConferenceLocked(on=on):
            return replace(view, locked=on)
        case LayoutTransformed(transforms=transforms):
            return transformed(view, transforms)
        case OutsideReported():
            return _outside(view, event)
        case AnnouncementRequested(announcement=announcement, platform=platform):
            return replace(view, announcement=AnnouncementView(announcement, platform, at=event.at))
        case TransferRequested(participant=who, target=target, successor=successor):
            return _change(view, who, transfer=TransferView(target, successor))
        case TransferRefused(participant=who):
            return _change(view, who, transfer=_refused(view, event))
        case ConferenceEnded():
            return _ended(view, event)
    assert_never(event)


def _started(view: ConferenceView, event: ConferenceStarted) -> ConferenceView:
    return ConferenceView(
        conference=event.conference,
        version=view.version,
        name=event.name,
        running=True,
        instance=event.instance,
        started_at=event.at,
        layout=event.layout,
        quality=event.quality,
        service_type=event.service_type,
        allow_guests=event.allow_guests,
        guest_layout=event.guest_layout,
        guests_can_present=event.guests_can_present,
        guests_can_see_guests=event.guests_can_see_guests,
        guests_muted=event.guests_muted,
        max_callrate_out=event.max_callrate_out,
        platform=event.platform,
        theme=event.theme,
        arrived=view.arrived,
        enable_overlay_text=event.enable_overlay_text,
        enable_active_speaker_indication=event.enable_active_speaker_indication,
        call_type=event.call_type,
    )


def _ended(view: ConferenceView, event: ConferenceEnded) -> ConferenceView:
    return replace(
        view,
        running=False,
        ended_at=event.at,
        end_reason=event.reason,
        participants=[],
        presenter="",
        locked=False,
        transforms=Transforms(),
        outside=[],
        announcement=None,
        automatic=[],
    )


def _person(view: ConferenceView, event: ParticipantJoined) -> ParticipantView:
    return ParticipantView(
        event.participant,
        event.display_name,
        event.role,
        state="waiting" if event.waiting else "connected",
        joined_at=event.at,
        media=event.media,
        presentation=event.presentation,
        is_muted=view.guests_muted and event.role == "guest",
        protocol=event.protocol,
        called=event.called,
        location=event.location,
    )


def _arrived(view: ConferenceView, event: ParticipantJoined) -> ConferenceView:
    if event.origin is None:
        return view
    return replace(view, arrived=[*view.arrived, event.participant][-ARRIVALS:])


def _refused(view: ConferenceView, event: TransferRefused) -> TransferView | None:
    person = view.find(event.participant)
    if person is None or person.transfer is None:
        return None
    return replace(person.transfer, code=event.code, reason=event.reason)


def _call(event: CallRequested) -> ParticipantView:
    return ParticipantView(
        event.participant,
        event.display_name,
        event.role,
        state="requested",
        joined_at=event.at,
        destination=event.destination,
        is_streaming=event.streaming,
        keep_conference_alive=event.keep_conference_alive,
        crypto_mode=event.crypto_mode,
        presentation_destination=event.presentation_destination,
        presentation_state="requested" if event.presentation_destination else "",
        automatic=event.automatic,
    )


def _connected(view: ConferenceView, who: str, encrypted: bool) -> ConferenceView:
    call = view.find(who)
    if call is None:
        return view
    # What became of the other leg is told for as long as the call lasts.
    detail = call.presentation_detail if call.presentation_state == "failed" else ""
    view = _change(view, who, state="connected", detail=detail, encrypted=encrypted)
    return _automatic(view, call.automatic, failures=0)


def _carried(view: ConferenceView, who: str, session: str) -> ConferenceView:
    """By which session a call is carried from now on, if that has changed."""
    return _change(view, who, session=session) if session else view


def _leg(view: ConferenceView, event: CallLegChanged) -> ConferenceView:
    failed = {"detail": event.detail} if event.state == "failed" else {}
    return _change(
        view,
        event.participant,
        presentation_state=event.state,
        presentation_detail=event.detail,
        **failed,
    )


def _mute_guests(view: ConferenceView, on: bool) -> ConferenceView:
    guests = [p for p in view.participants if p.role == "guest" and p.destination is None]
    muted = {p.participant: replace(p, is_muted=on) for p in guests}
    everybody = [muted.get(p.participant, p) for p in view.participants]
    return replace(view, participants=everybody, guests_muted=on)


def _outside(view: ConferenceView, event: OutsideReported) -> ConferenceView:
    rest = [o for o in view.outside if (o.kind, o.platform) != (event.kind, event.platform)]
    now = [Outside(event.kind, event.platform, event.public)] if event.on else []
    return replace(view, outside=[*rest, *now])


def _automatic_of(view: ConferenceView, who: str) -> int:
    call = view.find(who)
    return call.automatic if call else 0


def _called(view: ConferenceView, ident: int) -> ConferenceView:
    if not ident:
        return view
    before = next((a for a in view.automatic if a.automatic == ident), AutomaticView(ident))
    return _automatic(view, ident, calls=before.calls + 1, retry_at=None)


def _failed(view: ConferenceView, ident: int, retry_at: datetime | None) -> ConferenceView:
    if not ident:
        return view
    before = next((a for a in view.automatic if a.automatic == ident), AutomaticView(ident))
    return _automatic(view, ident, failures=before.failures + 1, retry_at=retry_at)


def _automatic(view: ConferenceView, ident: int, **changes: object) -> ConferenceView:
    if not ident:
        return view
    known = next((a for a in view.automatic if a.automatic == ident), AutomaticView(ident))
    rest = [a for a in view.automatic if a.automatic != ident]
    return replace(view, automatic=[*rest, replace(known, **changes)])


def _with(view: ConferenceView, participant: ParticipantView) -> ConferenceView:
    return replace(view, participants=[*view.participants, participant])


def _without(view: ConferenceView, who: str) -> ConferenceView:
    return replace(view, participants=[p for p in view.participants if p.participant != who])


def _change(view: ConferenceView, who: str, **changes: object) -> ConferenceView:
    changed = [replace(p, **changes) if p.participant == who else p for p in view.participants]
    return replace(view, participants=changed)


def _settle(view: ConferenceView, at: datetime) -> ConferenceView:
    """Derive what follows from the participants, and from what is done outside."""
    # A stream that is being recovered still is a stream: its indicator stays.
    own = any(p.is_streaming and p.state in ("connected", "recovering") for p in view.participants)
    kinds = {outside.kind for outside in view.outside}
    streaming = own or "streaming" in kinds
    recording, transcribing = "recording" in kinds, "transcribing" in kinds
    shown = view.transforms if view.running else Transforms()
    return replace(
        view,
        streaming=streaming,
        public_streaming=any(o.kind == "streaming" and o.public for o in view.outside),
        recording=recording,
        transcribing=transcribing,
        streaming_indicator=_shown(shown.streaming_indicator, streaming),
        recording_indicator=_shown(shown.recording_indicator, recording),
        transcribing_indicator=_shown(shown.transcribing_indicator, transcribing),
        unkept_since=_since(view.running and not keeps(view), view.unkept_since, at),
        alone_since=_since(len(view.participants) == 1, view.alone_since, at),
    )


def _shown(wanted: bool | None, fact: bool) -> bool:
    return fact if wanted is None else wanted


def _since(holds: bool, before: datetime | None, at: datetime) -> datetime | None:
    return (before or at) if holds else None


def empty(conference: str) -> ConferenceView:
    return ConferenceView(conference, 0)


def replay(conference: str, events: Iterable[ConferenceEvent]) -> ConferenceView:
    view = empty(conference)
    for event in events:
        view = evolve(view, event)
    return view
