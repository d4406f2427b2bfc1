"""Calls to streaming services: those that are asked for, and those that are automatic."""

from datetime import datetime, timedelta

from proto.base import Refused
from proto.conference import (
    AutomaticCallRefused,
    CallRequested,
    ConferenceEvent,
    Dial,
)
from proto.config import CryptoMode
from proto.media import picture_problem
from proto.urls import RECORD, SealedUrl
from proto.views import ConferenceView
from services.conference_state.core.life import after, redials
from services.conference_state.core.vmr import Automatic, Vmr

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
            if unencrypted(url, vmr.crypto_mode):
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
    if unencrypted(url, crypto_mode):
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
        retry_at = retry_time(automatic.id, refused.code, state, at, vmr)
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
    if any(url is not None and unencrypted(url, vmr.crypto_mode) for url in legs):
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


def unencrypted(url: SealedUrl, mode: CryptoMode) -> bool:
    """Whether the address may not be dialled with that media encryption."""
    return mode == "on" and url.in_the_clear()


def retry_time(
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
