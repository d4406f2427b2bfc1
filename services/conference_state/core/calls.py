"""Calls to streaming services: asked for, automatic, and what other services say about them."""

from datetime import datetime, timedelta
from typing import assert_never

from proto.base import Refused
from proto.conference import (
    AutomaticCallRefused,
    CallConnected,
    CallEnded,
    CallLegChanged,
    CallProgressed,
    CallRequested,
    CallStep,
    ConferenceEvent,
    Dial,
    LegState,
)
from proto.config import CryptoMode
from proto.egress import DestinationChanged
from proto.media import picture_problem
from proto.routing import CallRefused, CallRouted
from proto.scheduler import DestinationAssigned, SessionRefused
from proto.urls import RECORD, SealedUrl
from proto.views import STEP_STATE, ConferenceView, ParticipantView
from services.conference_state.core.life import after, redials, with_consequences
from services.conference_state.core.vmr import Automatic, Vmr

Fact = CallRouted | CallRefused | DestinationAssigned | SessionRefused | DestinationChanged
"""What other services say about a call."""

FIRST_RETRY = 2.0
"""Seconds before an automatic call that failed is made again; twice as long after each failure."""

LAST_RETRY = 60.0
"""Seconds that this grows to: a service that is back is noticed within a minute."""

GIVEN_UP_RETRY = 300.0
"""The same for one whose destination was given up: the egress worker has tried already what trying
helps, and what only people can mend is not mended by asking every minute."""

FINAL = ("encryption-required", "forbidden", "present", "protocol")
"""Reason codes that no further attempt can change."""

ENCRYPTION = "media encryption is required, and rtmp:// has none"


def dial(state: ConferenceView, command: Dial, at: datetime, vmr: Vmr) -> CallRequested | Refused:
    legs = [("destination", command.destination)]
    if command.presentation_destination is not None:
        legs.append(("presentation_destination", command.presentation_destination))
    if refused := _forbidden(vmr, state, command.destination):
        return refused
    if problem := picture_problem(command.picture, dual=len(legs) > 1):
        field, why = problem
        return Refused("contradiction", why, field)
    if command.routing == "manual":
        for field, url in legs:
            if _unencrypted(url, vmr.crypto_mode):
                return Refused("encryption-required", ENCRYPTION, field)
    return CallRequested(
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
        command.presentation_destination,
        vmr.crypto_mode,
        picture=command.picture,
        node=command.node if command.routing == "manual" else "",
    )


def may_go_out(
    state: ConferenceView, url: SealedUrl, crypto_mode: CryptoMode, vmr: Vmr
) -> Refused | None:
    """Why `url` may not be dialled for somebody who calls us; None if it may."""
    if refused := _forbidden(vmr, state, url):
        return refused
    if _unencrypted(url, crypto_mode):
        return Refused("encryption-required", ENCRYPTION, "destination")
    return None


def automatic_calls(state: ConferenceView, at: datetime, vmr: Vmr) -> list[ConferenceEvent]:
    """Call all Automatically Dialed Participants that this instance has not called yet."""
    known = {automatic.automatic for automatic in state.automatic}
    return _call_all([a for a in vmr.automatic if a.id not in known], state, at, vmr)


def call_again(state: ConferenceView, at: datetime, vmr: Vmr) -> list[ConferenceEvent]:
    """Call those of them whose time has come again."""
    due = {ident for ident, moment in redials(state, vmr) if moment <= at}
    return _call_all([a for a in vmr.automatic if a.id in due], state, at, vmr)


def _call_all(
    wanted: list[Automatic], state: ConferenceView, at: datetime, vmr: Vmr
) -> list[ConferenceEvent]:
    events: list[ConferenceEvent] = []
    for automatic in wanted:
        event = _call(automatic, state, at, vmr)
        events.append(event)
        state = after(state, [event])
    return events


def _call(
    automatic: Automatic, state: ConferenceView, at: datetime, vmr: Vmr
) -> CallRequested | AutomaticCallRefused:
    refused = _refusal(automatic, state, vmr)
    if refused:
        retry_at = _retry_at(automatic.id, refused.code, state, at, vmr)
        return AutomaticCallRefused(
            at, automatic.id, automatic.display_name, refused.code, refused.reason, retry_at
        )
    known = next((a for a in state.automatic if a.automatic == automatic.id), None)
    number = known.calls + 1 if known else 1
    return CallRequested(
        at,
        # Unlike any other, and the same whoever decides it.
        f"{state.instance[:40]}-a{automatic.id}-{number}",
        automatic.display_name or automatic.destination.redacted,
        automatic.role,
        automatic.destination,
        "rtmp",
        automatic.routing,
        automatic.location,
        automatic.streaming,
        automatic.keep_conference_alive,
        automatic.presentation,
        vmr.crypto_mode,
        automatic.id,
        automatic.picture,
    )


def _refusal(automatic: Automatic, state: ConferenceView, vmr: Vmr) -> Refused | None:
    if refused := _forbidden(vmr, state, automatic.destination):
        return refused
    if _called(automatic.destination, state):
        return Refused("present", "the same address is called in this conference already")
    if automatic.routing == "routing_rule":
        return None
    if automatic.protocol != "rtmp":
        return Refused("protocol", f"it dials by {automatic.protocol}, only rtmp can be")
    legs = (automatic.destination, automatic.presentation)
    if any(url is not None and _unencrypted(url, vmr.crypto_mode) for url in legs):
        return Refused("encryption-required", ENCRYPTION)
    return None


def _called(url: SealedUrl, state: ConferenceView) -> bool:
    """Whether somebody has called that very address, which cannot take a second stream."""
    mark = url.fingerprint
    calls = [p.destination for p in state.participants if p.destination]
    return bool(mark) and any(destination.fingerprint == mark for destination in calls)


def _forbidden(vmr: Vmr, state: ConferenceView, url: SealedUrl) -> Refused | None:
    if not (vmr.enable_dialout and (vmr.enable_rtmp or url.scheme == RECORD)):
        what = "dialling out" if not vmr.enable_dialout else "streaming"
        return Refused("forbidden", f"{what} is disabled in the global settings", "destination")
    return full(state, vmr)


def full(state: ConferenceView, vmr: Vmr) -> Refused | None:
    limit = vmr.participant_limit
    if limit is not None and len(state.participants) >= limit:
        return Refused("full", f"all {limit} places are taken", "conference")
    return None


def _unencrypted(url: SealedUrl, mode: CryptoMode) -> bool:
    return mode == "on" and url.in_the_clear()


def _retry_at(
    ident: int,
    code: str,
    state: ConferenceView,
    at: datetime,
    vmr: Vmr | None,
    *,
    given_up: bool = False,
) -> datetime | None:
    """When an automatic call that has just failed is made again; None: not at all."""
    automatic = next((a for a in vmr.automatic if a.id == ident), None) if vmr else None
    if automatic is None or not automatic.retry or code in FINAL:
        return None
    if given_up:
        return at + timedelta(seconds=GIVEN_UP_RETRY)
    known = next((a for a in state.automatic if a.automatic == ident), None)
    doublings = min(known.failures if known else 0, 10)
    return at + timedelta(seconds=min(FIRST_RETRY * 2**doublings, LAST_RETRY))


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
        case CallRouted(destination=url) if _unencrypted(url, call.crypto_mode):
            return _drop(state, call, "encryption-required", ENCRYPTION, at, vmr)
        case CallRouted(destination=url) if call.state == "requested":
            recording = url.scheme == RECORD
            routed = _routed(fact)
            known = None if recording == call.is_recording else recording
            return [CallProgressed(at, call.participant, "routed", routed, recording=known)]
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
        case "connecting" if not _on_air(call):
            # A server that is not up yet is tried again; what stands in the way is told.
            return _progress(call, "connecting", fact, at)
        case "connecting" | "recovering":
            # Connecting again is part of recovering; the indicator stays on.
            return _progress(call, "recovering", fact, at)
    assert_never(fact.state)


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
    retry_at = _retry_at(call.automatic, code, state, at, vmr, given_up=given_up)
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
        case CallRouted(destination=url) if _unencrypted(url, call.crypto_mode):
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
