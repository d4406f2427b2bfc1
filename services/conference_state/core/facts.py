"""What other services say about calls, and what that means here."""

from datetime import datetime
from typing import assert_never

from proto.conference import (
    CallConnected,
    CallEnded,
    CallLegChanged,
    CallProgressed,
    CallStep,
    ConferenceEvent,
    LegState,
)
from proto.egress import DestinationChanged
from proto.routing import CallRefused, CallRouted
from proto.scheduler import DestinationAssigned, SessionRefused
from proto.urls import RECORD
from proto.views import STEP_STATE, ConferenceView, ParticipantView
from services.conference_state.core.calls import ENCRYPTION, retry_time, unencrypted
from services.conference_state.core.life import with_consequences
from services.conference_state.core.vmr import Vmr

Fact = CallRouted | CallRefused | DestinationAssigned | SessionRefused | DestinationChanged
"""What other services say about a call."""


def learn(
    state: ConferenceView, fact: Fact, at: datetime, vmr: Vmr | None = None
) -> list[ConferenceEvent]:
    """What another service's word about a call means here; what comes too late means nothing."""
    call = state.find(fact.participant)
    if call is None or call.destination is None:
        return []
    if fact.leg == "presentation":
        return _learn_leg(call, fact, at)
    match fact:
        case CallRouted(destination=url) if unencrypted(url, call.crypto_mode):
            return _drop(state, call, "encryption-required", ENCRYPTION, at, vmr)
        case CallRouted(destination=url) if call.state == "requested":
            recording = url.scheme == RECORD
            routed = _routed(fact)
            known = None if recording == call.is_recording else recording
            return [
                CallProgressed(
                    at,
                    call.participant,
                    "routed",
                    routed,
                    recording=known,
                    location=fact.location,
                )
            ]
        case DestinationAssigned(session=session) if session == call.session or fact.takes_over:
            # Another session is going to take it over; nothing has changed until it has.
            return []
        case DestinationAssigned(session=session, worker=worker):
            step: CallStep = "recovering" if _on_air(call) else "assigned"
            detail = f"assigned to {worker}"
            return [CallProgressed(at, call.participant, step, detail, session)]
        case CallRefused(code=code, reason=reason):
            return _drop(state, call, code, reason, at, vmr)
        case SessionRefused(reason=reason):
            return _drop(state, call, "no-worker", reason, at, vmr)
        case DestinationChanged():
            return _hear_of(state, call, fact, at, vmr)
        case CallRouted():
            return []
    assert_never(fact)


def _hear_of(
    state: ConferenceView,
    call: ParticipantView,
    fact: DestinationChanged,
    at: datetime,
    vmr: Vmr | None,
) -> list[ConferenceEvent]:
    """How a call's destination is doing."""
    other = bool(call.session) and fact.session != call.session
    match fact.state:
        case "failed" | "stopped" | "recovering" if other:
            # The last words of a session that the call has left.
            return []
        case "failed" | "stopped":
            gone = fact.code or "stopped"
            given_up = fact.state == "failed"
            return _drop(state, call, gone, fact.reason, at, vmr, given_up=given_up)
        case "publishing" if call.state == "connected" and not other:
            return _warn(call, fact, at)
        case "publishing":
            encrypted = bool(fact.tls_version)
            connected = CallConnected(at, call.participant, encrypted, fact.session)
            return [connected, *_warn(call, fact, at, detail=_left_over(call))]
        case "connecting" if other and _on_air(call):
            # A session that is to take over, and has not: where the call is, it goes on.
            return []
        case "connecting" if fact.code and _waited_for(state, call):
            return _drop(state, call, fact.code, fact.reason, at, vmr)
        case "connecting" if not _on_air(call):
            # A server that is not up yet is tried again; what stands in the way is told.
            return _progress(call, "connecting", fact, at)
        case "connecting" | "recovering":
            # Connecting again is part of recovering; the indicator stays on.
            return _progress(call, "recovering", fact, at)
    assert_never(fact.state)


def _waited_for(state: ConferenceView, call: ParticipantView) -> bool:
    """Whether a caller waits for it: one who cannot be put through is told at once."""
    return state.service_type == "gateway" and not _on_air(call)


def _on_air(call: ParticipantView) -> bool:
    """Whether viewers have seen it and expect to see it again."""
    return call.state in ("connected", "recovering")


def _routed(fact: CallRouted) -> str:
    where = f" from {fact.location}" if fact.location else ""
    how = f"by rule “{fact.rule}”" if fact.rule else "manually"
    return f"routed {how}{where}"


def _progress(
    call: ParticipantView, step: CallStep, fact: DestinationChanged, at: datetime
) -> list[ConferenceEvent]:
    if call.state == STEP_STATE[step] and fact.reason in ("", call.detail):
        return []
    return [CallProgressed(at, call.participant, step, fact.reason, fact.session)]


def _warn(
    call: ParticipantView, fact: DestinationChanged, at: datetime, *, detail: str | None = None
) -> list[ConferenceEvent]:
    """What is to be known of a stream that is live, where that has changed."""
    said = fact.reason or _left_over(call)
    if said == (call.detail if detail is None else detail):
        return []
    return [CallProgressed(at, call.participant, "connected", said)]


def _left_over(call: ParticipantView) -> str:
    """What became of the other leg is told for as long as the call lasts."""
    return call.presentation_detail if call.presentation_state == "failed" else ""


def _drop(
    state: ConferenceView,
    call: ParticipantView,
    code: str,
    reason: str,
    at: datetime,
    vmr: Vmr | None,
    *,
    given_up: bool = False,
) -> list[ConferenceEvent]:
    retry_at = retry_time(call.automatic, code, state, at, vmr, given_up=given_up)
    ended = CallEnded(at, call.participant, code, reason, retry_at)
    return with_consequences(state, [ended], at)


def _learn_leg(call: ParticipantView, fact: Fact, at: datetime) -> list[ConferenceEvent]:
    """The presentation leg of a dual stream: it may fail, and the call goes on without it."""
    before = call.presentation_state
    if before in ("", "failed"):
        return []
    state, code, detail = _leg(call, fact)
    news = isinstance(fact, DestinationChanged) and detail not in ("", call.presentation_detail)
    if state == before and not news:
        return []
    return [CallLegChanged(at, call.participant, state, code, detail)]


def _leg(call: ParticipantView, fact: Fact) -> tuple[LegState, str, str]:
    match fact:
        case CallRouted(destination=url) if unencrypted(url, call.crypto_mode):
            return _broken("encryption-required", ENCRYPTION)
        case CallRouted():
            return _not_back(call, "routed", _routed(fact))
        case DestinationAssigned(worker=worker):
            return _not_back(call, "assigned", f"assigned to {worker}")
        case CallRefused(code=code, reason=reason):
            return _broken(code, reason)
        case SessionRefused(reason=reason):
            return _broken("no-worker", reason)
        case DestinationChanged(state="publishing", reason=reason):
            return "connected", "", reason
        case DestinationChanged(state="failed" | "stopped", code=code, reason=reason):
            return _broken(code or "stopped", reason)
        case DestinationChanged(state="recovering", reason=reason):
            return "recovering", "", reason
        case DestinationChanged(reason=reason):
            return "connecting", "", reason


def _broken(code: str, reason: str) -> tuple[LegState, str, str]:
    return "failed", code, f"the presentation stream failed: {reason or code}"


EARLY: dict[LegState, int] = {"requested": 0, "routed": 1, "assigned": 2}
"""What comes before a connection is tried, in its order."""


def _not_back(call: ParticipantView, step: LegState, detail: str) -> tuple[LegState, str, str]:
    """`step`, unless the leg is further already: routing may say the same twice."""
    now = call.presentation_state or "requested"
    if now in EARLY and EARLY[now] < EARLY[step]:
        return step, "", detail
    return now, "", detail
