"""How a conference goes on, and how it ends: departures and timers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from proto.base import Refused
from proto.conference import (
    CallEnded,
    ConferenceEnded,
    ConferenceEvent,
    ParticipantLeft,
    PresentationStopped,
)
from proto.views import ConferenceView, ParticipantView
from services.conference_state.core.keeping import keeps, people
from services.conference_state.core.view import evolve
from services.conference_state.core.vmr import Vmr

LAST_LEFT = "No participants can keep conference alive"
HOSTS_LEFT = "All conference hosts departed hosted conference"
WAITED_TOO_LONG = (
    "Timeout waiting for conference host to join or permit access to locked conference"
)
ALONE = "Last remaining participant removed from conference after timeout"
DIAL_OUT_FAILED = "Gateway dial out failed"
CALL_DISCONNECTED = "Call disconnected"
"""Pexip's own words, which programs know."""


def after(state: ConferenceView, events: Sequence[ConferenceEvent]) -> ConferenceView:
    for event in events:
        state = evolve(state, event)
    return state


def leave(
    state: ConferenceView, who: str, reason: str, at: datetime
) -> list[ConferenceEvent] | Refused:
    participant = state.find(who)
    if participant is None:
        return Refused("unknown", "no such participant is in the conference", "participant")
    return with_consequences(state, _goes(state, participant, "disconnected", reason, at), at)


def with_consequences(
    state: ConferenceView, departure: list[ConferenceEvent], at: datetime
) -> list[ConferenceEvent]:
    """The departure, and the end of the conference if it is that."""
    left = after(state, departure)
    if state.service_type == "gateway":
        return [*departure, *end(left, _why_it_is_over(state, departure), at)]
    if left.participants and (keeps(left) or people(left)):
        return departure
    never_kept = not keeps(state) and not people(state)
    if left.participants and never_kept:
        # Streams were dialled before anybody came: one that fails takes no other with it.
        return departure
    return [*departure, *end(left, LAST_LEFT, at)]


def _why_it_is_over(state: ConferenceView, departure: list[ConferenceEvent]) -> str:
    """What who is left of a gateway call is told when the other goes."""
    match departure[-1]:
        case CallEnded(code=code, participant=who) if code != "disconnected":
            call = state.find(who)
            answered = call is not None and call.state in ("connected", "recovering")
            return CALL_DISCONNECTED if answered else DIAL_OUT_FAILED
        case CallEnded(reason=reason) | ParticipantLeft(reason=reason):
            return reason
    return LAST_LEFT


def end(state: ConferenceView, reason: str, at: datetime) -> list[ConferenceEvent]:
    """Everybody goes, in the order in which they came, and then the conference."""
    events: list[ConferenceEvent] = []
    for participant in state.participants:
        if participant.destination:
            ended = CallEnded(at, participant.participant, "conference-ended", reason)
            events.append(ended)
        else:
            events.append(ParticipantLeft(at, participant.participant, reason))
    return [*events, ConferenceEnded(at, state.instance, reason)]


def _goes(
    state: ConferenceView, participant: ParticipantView, code: str, reason: str, at: datetime
) -> list[ConferenceEvent]:
    who = participant.participant
    if participant.destination:
        return [CallEnded(at, who, code, reason)]
    stopped: list[ConferenceEvent] = (
        [PresentationStopped(at, who)] if state.presenter == who else []
    )
    return [*stopped, ParticipantLeft(at, who, reason)]


def deadline(state: ConferenceView, vmr: Vmr) -> datetime | None:
    """When a `Tick` has something to do next, if nothing else happens."""
    due = [
        _end_due(state, vmr),
        *(_wait_over(p, vmr) for p in state.participants),
        *(retry for _, retry in redials(state, vmr)),
    ]
    return min((moment for moment in due if moment is not None), default=None)


def expire(state: ConferenceView, at: datetime, vmr: Vmr) -> list[ConferenceEvent]:
    """What the timers that are over by now have done."""
    ends_at = _end_due(state, vmr)
    if ends_at is not None and ends_at <= at:
        return end(state, _why_it_ends(state, vmr, at), at)
    events: list[ConferenceEvent] = []
    for participant in state.participants:
        over = _wait_over(participant, vmr)
        if over is not None and over <= at:
            left: ConferenceEvent = ParticipantLeft(at, participant.participant, WAITED_TOO_LONG)
            events += with_consequences(after(state, events), [left], at)
    return events


def redials(state: ConferenceView, vmr: Vmr) -> list[tuple[int, datetime]]:
    """The Automatically Dialed Participants that are to be called again, and when."""
    configured = {automatic.id for automatic in vmr.automatic}
    return [
        (known.automatic, known.retry_at)
        for known in state.automatic
        if known.retry_at is not None and known.automatic in configured
    ]


def _end_due(state: ConferenceView, vmr: Vmr) -> datetime | None:
    moments = [moment for moment in (_unkept_due(state, vmr), _alone_due(state, vmr)) if moment]
    return min(moments, default=None)


def _why_it_ends(state: ConferenceView, vmr: Vmr, at: datetime) -> str:
    unkept = _unkept_due(state, vmr)
    if unkept is None or unkept > at:
        return ALONE
    return HOSTS_LEFT if any(p.present() for p in state.participants) else LAST_LEFT


def _unkept_due(state: ConferenceView, vmr: Vmr) -> datetime | None:
    """Guests stay a minute without a Host; streams wait as long for people as Guests for a Host."""
    if not state.running or state.unkept_since is None:
        return None
    if any(p.present() for p in state.participants):
        return state.unkept_since + timedelta(seconds=vmr.guests_only_timeout)
    if people(state):
        return None  # each of those who wait has a limit of their own
    return state.unkept_since + timedelta(seconds=vmr.waiting_for_chair_timeout)


def _alone_due(state: ConferenceView, vmr: Vmr) -> datetime | None:
    if not state.running or state.alone_since is None or not vmr.last_participant_timeout:
        return None
    return state.alone_since + timedelta(seconds=vmr.last_participant_timeout)


def _wait_over(participant: ParticipantView, vmr: Vmr) -> datetime | None:
    if participant.state != "waiting" or participant.joined_at is None:
        return None
    return participant.joined_at + timedelta(seconds=vmr.waiting_for_chair_timeout)
