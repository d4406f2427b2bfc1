"""Who may come in and do what: PINs, waiting, roles, muting."""

from datetime import datetime
from hmac import compare_digest

from proto.base import Refused
from proto.conference import (
    ConferenceEvent,
    ConferenceLocked,
    GuestsMuted,
    ParticipantAdmitted,
    ParticipantMuted,
    PresentationStarted,
    PresentationStopped,
    Role,
    RoleChanged,
    SpotlightChanged,
)
from proto.views import ConferenceView, ParticipantView
from services.conference_state.core.keeping import host_present
from services.conference_state.core.life import after
from services.conference_state.core.vmr import Vmr

Outcome = list[ConferenceEvent] | Refused

UNKNOWN = Refused("unknown", "no such participant is in the conference", "participant")


def role_by_pin(vmr: Vmr, pin: str) -> Role | Refused:
    """What `pin`, possibly empty, makes of whoever gives it. A closing # does not matter."""
    given = pin.rstrip("#").encode()
    host = compare_digest(given, vmr.pin.rstrip("#").encode())
    guest = compare_digest(given, vmr.guest_pin.rstrip("#").encode())
    if not vmr.pin or host:
        return "chair"
    if vmr.allow_guests and guest:
        return "guest"
    return Refused("pin", "Invalid PIN", "pin")


def has_to_wait(state: ConferenceView, role: Role, vmr: Vmr) -> bool:
    """For a Host, or to be let into a locked conference, into which a Host's PIN still leads."""
    if state.allow_guests and role == "guest" and not host_present(state):
        return True
    return state.locked and not (vmr.pin and role == "chair")


def _admitted(state: ConferenceView, at: datetime) -> list[ConferenceEvent]:
    if state.locked:
        return []
    hosted = not state.allow_guests or host_present(state)
    return [
        ParticipantAdmitted(at, p.participant)
        for p in state.participants
        if p.state == "waiting" and (hosted or p.role == "chair")
    ]


def admit(state: ConferenceView, who: str, at: datetime) -> Outcome:
    participant = state.find(who)
    if participant is None:
        return UNKNOWN
    if participant.state != "waiting":
        return []
    if state.allow_guests and participant.role == "guest" and not host_present(state):
        return Refused("invalid", "no Host is there yet", "participant")
    events: list[ConferenceEvent] = [ParticipantAdmitted(at, who)]
    return [*events, *admitted(after(state, events), at)]


def lock(state: ConferenceView, on: bool, at: datetime) -> Outcome:
    if state.locked == on:
        return []
    events: list[ConferenceEvent] = [ConferenceLocked(at, on)]
    return [*events, *admitted(after(state, events), at)]


def set_role(state: ConferenceView, who: str, role: Role, at: datetime) -> Outcome:
    person = _person(state, who)
    if isinstance(person, Refused):
        return person
    if person.role == role:
        return []
    events: list[ConferenceEvent] = [RoleChanged(at, who, role)]
    if role == "guest" and state.presenter == who and not state.guests_can_present:
        events.insert(0, PresentationStopped(at, who))
    return [*events, *admitted(after(state, events), at)]


def mute(state: ConferenceView, who: str, on: bool, at: datetime) -> Outcome:
    person = _person(state, who)
    if isinstance(person, Refused):
        return person
    return [] if person.is_muted == on else [ParticipantMuted(at, who, on)]


def spotlight(state: ConferenceView, who: str, on: bool, at: datetime) -> Outcome:
    person = _person(state, who)
    if isinstance(person, Refused):
        return person
    return [] if (person.spotlight is not None) == on else [SpotlightChanged(at, who, on)]


def mute_guests(state: ConferenceView, on: bool, at: datetime) -> Outcome:
    guests = [p for p in state.participants if p.destination is None and p.role == "guest"]
    if state.guests_muted == on and all(p.is_muted == on for p in guests):
        return []
    return [GuestsMuted(at, on)]


def start_presenting(state: ConferenceView, who: str, at: datetime) -> Outcome:
    participant = state.find(who)
    if participant is None:
        return UNKNOWN
    if not participant.can_present():
        return Refused("invalid", "the participant has nothing to present", "participant")
    if participant.state == "waiting":
        return Refused("invalid", "the participant is still waiting", "participant")
    if participant.role == "guest" and not state.guests_can_present:
        return Refused("forbidden", "Guests cannot present in this conference", "participant")
    return [] if state.presenter == who else take_floor(state, who, at)


def take_floor(state: ConferenceView, who: str, at: datetime) -> list[ConferenceEvent]:
    stopped: list[ConferenceEvent] = (
        [PresentationStopped(at, state.presenter)] if state.presenter else []
    )
    return [*stopped, PresentationStarted(at, who)]


def admitted(state: ConferenceView, at: datetime) -> list[ConferenceEvent]:
    """Who need not wait any longer as things are now. A Host who comes in this way brings in the
    Guests who wait for one."""
    first = _admitted(state, at)
    return [*first, *_admitted(after(state, first), at)]


def _person(state: ConferenceView, who: str) -> ParticipantView | Refused:
    participant = state.find(who)
    if participant is None:
        return UNKNOWN
    if participant.destination is not None:
        return Refused("invalid", "this cannot be done to a call", "participant")
    return participant
