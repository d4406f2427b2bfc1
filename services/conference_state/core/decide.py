"""One command and what it causes."""

from datetime import datetime
from typing import assert_never

from proto.base import Refused
from proto.conference import (
    Admit,
    CallGateway,
    ConferenceCommand,
    ConferenceEvent,
    ConferenceStarted,
    Dial,
    EndConference,
    Join,
    Leave,
    Lock,
    MuteGuests,
    MuteParticipant,
    ParticipantJoined,
    PresentationStopped,
    ReportOutside,
    SetRole,
    SetSpotlight,
    SettleTransfer,
    StartPresenting,
    StopPresenting,
    Tick,
    Transfer,
    TransformLayout,
)
from proto.views import ConferenceView
from services.conference_state.core import (
    calls,
    gateway,
    life,
    looks,
    outside,
    roles,
    themes,
    transfer,
)
from services.conference_state.core.life import after
from services.conference_state.core.roles import Outcome
from services.conference_state.core.vmr import Vmr


def decide(
    state: ConferenceView, command: ConferenceCommand, at: datetime, vmr: Vmr | None
) -> Outcome:
    """What `command` causes now. An empty list means that it already holds.

    `vmr` is what is configured for the conference; for a `Transfer`, for the one it leads to.
    """
    if state.running and state.service_type == "gateway":
        refused = gateway.refusal(state, command)
        if refused is not None:
            return refused
    match command:
        case CallGateway():
            return gateway.call(state, command, at, vmr)
        case Join() | Dial():
            if vmr is None or vmr.service_type == "gateway":
                return Refused("unknown", "no such conference is configured", "conference")
            if state.find(command.participant) or command.participant in state.arrived:
                return []
            if isinstance(command, Join):
                return _join(state, command, at, vmr)
            return _dial(state, command, at, vmr)
        case Tick() | SettleTransfer() if not state.running:
            return []
        case _ if not state.running:
            return Refused("unknown", "the conference is not running", "conference")
        case Tick():
            return _tick(state, at, vmr or Vmr(state.name))
        case Leave(participant=who, reason=reason):
            return life.leave(state, who, reason, at)
        case StartPresenting(participant=who):
            return roles.start_presenting(state, who, at)
        case StopPresenting(participant=who):
            return [PresentationStopped(at, who)] if state.presenter == who else []
        case EndConference(reason=reason):
            return life.end(state, reason, at)
        case Lock(on=on):
            return roles.lock(state, on, at)
        case Admit(participant=who):
            return roles.admit(state, who, at)
        case SetRole(participant=who, role=role):
            return roles.set_role(state, who, role, at)
        case MuteParticipant(participant=who, on=on):
            return roles.mute(state, who, on, at)
        case SetSpotlight(participant=who, on=on):
            return roles.spotlight(state, who, on, at)
        case MuteGuests(on=on):
            return roles.mute_guests(state, on, at)
        case TransformLayout(transforms=transforms):
            return looks.transform(state, transforms, at)
        case ReportOutside():
            return outside.report(state, command, at)
        case Transfer():
            return transfer.request(state, command, at, vmr)
        case SettleTransfer():
            return transfer.settle(state, command, at)
    assert_never(command)


def _opened(
    state: ConferenceView, command: Join | Dial, at: datetime, vmr: Vmr
) -> list[ConferenceEvent]:
    """Start the conference if it is not running."""
    if state.running:
        return []
    return [
        ConferenceStarted(
            at,
            command.conference,
            command.instance,
            vmr.name,
            vmr.layout,
            vmr.quality,
            vmr.service_type,
            vmr.allow_guests,
            vmr.guest_layout,
            vmr.guests_can_present,
            vmr.guests_can_see_guests,
            vmr.mute_all_guests,
            vmr.max_callrate_out,
            enable_overlay_text=vmr.enable_overlay_text,
            enable_active_speaker_indication=vmr.enable_active_speaker_indication,
            call_type=vmr.call_type,
            frame_rate=vmr.frame_rate,
        )
    ]


def _join(state: ConferenceView, command: Join, at: datetime, vmr: Vmr) -> Outcome:
    role = command.role if command.pin is None else roles.role_by_pin(vmr, command.pin)
    if isinstance(role, Refused):
        return role
    if refused := calls.full(state, vmr):
        return refused
    live = command.protocol == "webrtc" and command.media is None
    if command.presenting and command.presentation is None and not live:
        return Refused("invalid", "there is nothing to present", "presentation")
    events = _opened(state, command, at, vmr)
    events += themes.wear(after(state, events), at, vmr)
    waiting = roles.has_to_wait(after(state, events), role, vmr)
    who = command.participant
    joined = ParticipantJoined(
        at,
        who,
        command.display_name,
        role,
        command.media,
        command.presentation,
        waiting,
        command.protocol,
        command.called,
        command.location,
        command.origin,
    )
    events.append(joined)
    events += roles.admitted(after(state, events), at)
    events += calls.automatic_calls(after(state, events), at, vmr)
    if command.presenting and not waiting and (role == "chair" or vmr.guests_can_present):
        events += roles.take_floor(state, who, at)
    return events


def _dial(state: ConferenceView, command: Dial, at: datetime, vmr: Vmr) -> Outcome:
    requested = calls.dial(state, command, at, vmr)
    if isinstance(requested, Refused):
        return requested
    opened = _opened(state, command, at, vmr)
    return [*opened, *themes.wear(after(state, opened), at, vmr), requested]


def _tick(state: ConferenceView, at: datetime, vmr: Vmr) -> list[ConferenceEvent]:
    events = life.expire(state, at, vmr)
    left = after(state, events)
    if not left.running:
        return events
    return [*events, *themes.wear(left, at, vmr), *calls.call_again(left, at, vmr)]
