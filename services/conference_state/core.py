"""The rules of a conference. Pure: no I/O, no clock, no randomness, no logging."""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

import msgspec

from proto.base import Refused
from proto.conference import (
    CallConnected,
    CallEnded,
    CallProgressed,
    CallRequested,
    CallStep,
    ConferenceCommand,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceStarted,
    Dial,
    EndConference,
    Join,
    Leave,
    ParticipantJoined,
    ParticipantLeft,
    PresentationStarted,
    PresentationStopped,
    Quality,
    StartPresenting,
    StopPresenting,
)
from proto.egress import DestinationChanged
from proto.routing import CallRefused, CallRouted
from proto.scheduler import DestinationAssigned, SessionRefused
from proto.views import STEP_STATE, ConferenceView, ParticipantView

Fact = CallRouted | CallRefused | DestinationAssigned | SessionRefused | DestinationChanged
"""What other services say about a call."""

LAST_LEFT = "No participants can keep conference alive"
"""Pexip's own words for a conference that only streaming participants are left in."""


class Vmr(msgspec.Struct, frozen=True):
    """What the configuration says about the conference."""

    name: str
    layout: str = "1:7"
    quality: Quality = "hd"
    participant_limit: int | None = None


def decide(
    state: ConferenceView, command: ConferenceCommand, at: datetime, vmr: Vmr | None
) -> list[ConferenceEvent] | Refused:
    """What `command` causes now. An empty list means that it already holds."""
    match command:
        case Join():
            return _join(state, command, at, vmr)
        case Dial():
            return _dial(state, command, at, vmr)
        case _ if not state.running:
            return Refused("unknown", "the conference is not running", "conference")
        case Leave(participant=who, reason=reason):
            return _leave(state, who, reason, at)
        case StartPresenting(participant=who):
            return _start_presenting(state, who, at)
        case StopPresenting(participant=who):
            return [PresentationStopped(at, who)] if state.presenter == who else []
        case EndConference(reason=reason):
            return _end(state, reason, at)
    assert_never(command)


def _open(
    state: ConferenceView, command: Join | Dial, at: datetime, vmr: Vmr | None
) -> list[ConferenceEvent] | Refused:
    """Start the conference if it is not running; refuse if there is no room."""
    if vmr is None:
        return Refused("unknown", "no such conference is configured", "conference")
    if not state.running:
        return [
            ConferenceStarted(
                at, command.conference, command.instance, vmr.name, vmr.layout, vmr.quality
            ),
        ]
    if vmr.participant_limit is not None and len(state.participants) >= vmr.participant_limit:
        return Refused("full", f"all {vmr.participant_limit} places are taken", "conference")
    return []


def _join(
    state: ConferenceView, command: Join, at: datetime, vmr: Vmr | None
) -> list[ConferenceEvent] | Refused:
    if state.find(command.participant):
        return []
    opened = _open(state, command, at, vmr)
    if isinstance(opened, Refused):
        return opened
    if command.presenting and command.presentation is None:
        return Refused("invalid", "there is nothing to present", "presentation")
    joined = ParticipantJoined(
        at,
        command.participant,
        command.display_name,
        command.role,
        command.media,
        command.presentation,
    )
    floor = _take_floor(state, command.participant, at) if command.presenting else []
    return [*opened, joined, *floor]


def _dial(
    state: ConferenceView, command: Dial, at: datetime, vmr: Vmr | None
) -> list[ConferenceEvent] | Refused:
    if state.find(command.participant):
        return []
    opened = _open(state, command, at, vmr)
    if isinstance(opened, Refused):
        return opened
    requested = CallRequested(
        at,
        command.participant,
        command.display_name or command.destination.redacted,
        command.role,
        command.destination,
        command.protocol,
        command.routing,
        command.location,
        command.streaming,
        command.keep_conference_alive,
    )
    return [*opened, requested]


def _leave(
    state: ConferenceView, who: str, reason: str, at: datetime
) -> list[ConferenceEvent] | Refused:
    participant = state.find(who)
    if participant is None:
        return Refused("unknown", "no such participant is in the conference", "participant")
    if participant.destination:
        # Only people keep a conference alive, so nobody else is affected.
        return [
            CallEnded(at, who, "disconnected", reason),
            *_close_if_last(state, at),
        ]
    stopped: list[ConferenceEvent] = (
        [PresentationStopped(at, who)] if state.presenter == who else []
    )
    left = ParticipantLeft(at, who, reason)
    if any(p.destination is None for p in state.participants if p.participant != who):
        return [*stopped, left]
    return [*stopped, left, *_end(state, LAST_LEFT, at, besides=who)]


def _close_if_last(state: ConferenceView, at: datetime) -> list[ConferenceEvent]:
    if len(state.participants) > 1:
        return []
    return [ConferenceEnded(at, state.instance, LAST_LEFT)]


def _end(
    state: ConferenceView, reason: str, at: datetime, *, besides: str = ""
) -> list[ConferenceEvent]:
    """Everybody goes, in the order in which they came, and then the conference."""
    events: list[ConferenceEvent] = []
    for participant in state.participants:
        if participant.participant == besides:
            continue
        if participant.destination:
            events.append(CallEnded(at, participant.participant, "conference-ended", reason))
        else:
            events.append(ParticipantLeft(at, participant.participant, reason))
    return [*events, ConferenceEnded(at, state.instance, reason)]


def _start_presenting(
    state: ConferenceView, who: str, at: datetime
) -> list[ConferenceEvent] | Refused:
    participant = state.find(who)
    if participant is None:
        return Refused("unknown", "no such participant is in the conference", "participant")
    if participant.presentation is None:
        return Refused("invalid", "the participant has nothing to present", "participant")
    return [] if state.presenter == who else _take_floor(state, who, at)


def _take_floor(state: ConferenceView, who: str, at: datetime) -> list[ConferenceEvent]:
    stopped: list[ConferenceEvent] = (
        [PresentationStopped(at, state.presenter)] if state.presenter else []
    )
    return [*stopped, PresentationStarted(at, who)]


def learn(state: ConferenceView, fact: Fact, at: datetime) -> list[ConferenceEvent]:
    """What another service's word about a call means here; what comes too late means nothing."""
    call = state.find(fact.participant)
    if call is None or call.destination is None:
        return []
    match fact:
        case CallRouted(rule=rule, location=location) if call.state == "requested":
            where = f" from {location}" if location else ""
            how = f"by rule “{rule}”" if rule else "manually"
            return [CallProgressed(at, call.participant, "routed", f"routed {how}{where}")]
        case DestinationAssigned(session=session) if session == call.session:
            return []
        case DestinationAssigned(session=session, worker=worker):
            step: CallStep = "recovering" if _on_air(call) else "assigned"
            detail = f"assigned to {worker}"
            return [CallProgressed(at, call.participant, step, detail, session)]
        case CallRefused(code=code, reason=reason):
            return _drop(state, call, code, reason, at)
        case SessionRefused(reason=reason):
            return _drop(state, call, "no-worker", reason, at)
        case DestinationChanged():
            return _hear_of(state, call, fact, at)
        case CallRouted():
            return []
    assert_never(fact)


def _hear_of(
    state: ConferenceView, call: ParticipantView, fact: DestinationChanged, at: datetime
) -> list[ConferenceEvent]:
    """How a call's destination is doing."""
    other = bool(call.session) and fact.session != call.session
    match fact.state:
        case "failed" | "stopped" | "recovering" if other:
            # The last words of a session that the call has left.
            return []
        case "failed" | "stopped":
            return _drop(state, call, fact.code or "stopped", fact.reason, at)
        case "publishing" if call.state == "connected" and not other:
            return []
        case "publishing":
            return [CallConnected(at, call.participant, bool(fact.tls_version), fact.session)]
        case "connecting" if not _on_air(call):
            return _progress(call, "connecting", fact, at)
        case "connecting" | "recovering":
            # Connecting again is part of recovering; the indicator stays on.
            return _progress(call, "recovering", fact, at)
    assert_never(fact.state)


def _on_air(call: ParticipantView) -> bool:
    """Whether viewers have seen it and expect to see it again."""
    return call.state in ("connected", "recovering")


def _progress(
    call: ParticipantView, step: CallStep, fact: DestinationChanged, at: datetime
) -> list[ConferenceEvent]:
    if call.state == STEP_STATE[step]:
        return []
    return [CallProgressed(at, call.participant, step, fact.reason, fact.session)]


def _drop(
    state: ConferenceView, call: ParticipantView, code: str, reason: str, at: datetime
) -> list[ConferenceEvent]:
    ended = CallEnded(at, call.participant, code, reason)
    return [ended, *_close_if_last(state, at)]


def evolve(view: ConferenceView, event: ConferenceEvent) -> ConferenceView:
    """Fold one fact in. Never judges: the log is right."""
    replace = msgspec.structs.replace
    changes: dict[str, object]
    match event:
        case ConferenceStarted():
            return ConferenceView(
                conference=event.conference,
                version=view.version,
                name=event.name,
                running=True,
                instance=event.instance,
                started_at=event.at,
                layout=event.layout,
                quality=event.quality,
            )
        case ParticipantJoined():
            return _with(
                view,
                ParticipantView(
                    event.participant,
                    event.display_name,
                    event.role,
                    joined_at=event.at,
                    media=event.media,
                    presentation=event.presentation,
                ),
            )
        case CallRequested():
            return _with(
                view,
                ParticipantView(
                    event.participant,
                    event.display_name,
                    event.role,
                    state="requested",
                    joined_at=event.at,
                    destination=event.destination,
                    is_streaming=event.streaming,
                    keep_conference_alive=event.keep_conference_alive,
                ),
            )
        case CallProgressed(participant=who, step=step, detail=detail, session=session):
            changes = {"state": STEP_STATE[step], "detail": detail}
            return _change(view, who, **changes, **({"session": session} if session else {}))
        case CallConnected(participant=who, encrypted=encrypted, session=session):
            changes = {"state": "connected", "detail": "", "encrypted": encrypted}
            return _change(view, who, **changes, **({"session": session} if session else {}))
        case ParticipantLeft(participant=who) | CallEnded(participant=who):
            rest = [p for p in view.participants if p.participant != who]
            return _settle(replace(view, participants=rest))
        case PresentationStarted(participant=who):
            return replace(view, presenter=who)
        case PresentationStopped(participant=who):
            return replace(view, presenter="" if view.presenter == who else view.presenter)
        case ConferenceEnded(at=at, reason=reason):
            return replace(
                view,
                running=False,
                ended_at=at,
                end_reason=reason,
                participants=[],
                presenter="",
                streaming=False,
            )
    assert_never(event)


def _with(view: ConferenceView, participant: ParticipantView) -> ConferenceView:
    return msgspec.structs.replace(view, participants=[*view.participants, participant])


def _change(view: ConferenceView, who: str, **changes: object) -> ConferenceView:
    changed = [
        msgspec.structs.replace(p, **changes) if p.participant == who else p
        for p in view.participants
    ]
    return _settle(msgspec.structs.replace(view, participants=changed))


def _settle(view: ConferenceView) -> ConferenceView:
    """Derive what follows from the participants."""
    # A stream that is being recovered still is a stream: its indicator stays.
    on = any(p.is_streaming and p.state in ("connected", "recovering") for p in view.participants)
    return msgspec.structs.replace(view, streaming=on)


def empty(conference: str) -> ConferenceView:
    return ConferenceView(conference, 0)


def replay(conference: str, events: Iterable[ConferenceEvent]) -> ConferenceView:
    view = empty(conference)
    for event in events:
        view = evolve(view, event)
    return view
