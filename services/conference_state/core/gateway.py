"""Gateway calls: somebody called what is no conference, and a rule says who is called for them.

One who calls and one who is called, from the first commit to the last: it ends with either of them
(`life.with_consequences`), and what has ended is never begun again.
"""

from datetime import datetime

from proto.base import Refused
from proto.conference import (
    Admit,
    CallGateway,
    CallRequested,
    ConferenceCommand,
    ConferenceEvent,
    ConferenceStarted,
    Dial,
    Join,
    Lock,
    MuteGuests,
    ParticipantJoined,
    PresentationStarted,
    ReportOutside,
    SetRole,
    Transfer,
)
from proto.views import ConferenceView
from services.conference_state.core import calls
from services.conference_state.core.roles import Outcome
from services.conference_state.core.vmr import Vmr

LAYOUT = "1:0"
"""There is one to be seen, who has the picture for themselves."""

REFUSED: dict[type[ConferenceCommand], str] = {
    Join: "nobody else can join a gateway call",
    Dial: "nobody else can be called from a gateway call",
    Lock: "a gateway call cannot be locked: nobody else can join it",
    Admit: "nobody waits in a gateway call",
    Transfer: "who called through a gateway cannot be transferred",
    SetRole: "the roles in a gateway call are fixed",
    MuteGuests: "nobody in a gateway call is a Guest who could be muted",
}
"""What cannot be done to one, and why."""


def refusal(state: ConferenceView, command: ConferenceCommand) -> Refused | None:
    """Why a command to a gateway call that is on is not carried out; None if it may be."""
    if (reason := REFUSED.get(type(command))) is not None:
        return Refused("invalid", reason, "conference")
    if isinstance(command, ReportOutside) and state.platform not in ("", command.platform):
        return Refused("invalid", "the meeting behind this call is of another platform", "platform")
    return None


def call(state: ConferenceView, command: CallGateway, at: datetime, vmr: Vmr | None) -> Outcome:
    """Begin it. What the rule does not say, the global settings do, which `vmr` holds."""
    if vmr is None or vmr.service_type != "gateway":
        return Refused("invalid", "this is no key of a gateway call", "conference")
    if state.find(command.participant):
        return []
    if state.instance:
        return Refused("gone", "this call has been, and is not begun again", "conference")
    route = command.route
    crypto_mode = route.crypto_mode or vmr.crypto_mode
    if refused := calls.may_go_out(state, command.destination, crypto_mode, vmr):
        return refused
    if command.presenting and command.presentation is None:
        return Refused("invalid", "there is nothing to present", "presentation")
    events: list[ConferenceEvent] = [
        ConferenceStarted(
            at,
            command.conference,
            command.instance,
            route.rule,
            LAYOUT,
            quality=route.quality or vmr.quality,
            service_type="gateway",
            max_callrate_out=route.max_callrate_out or vmr.max_callrate_out,
            platform=command.platform,
            theme=route.theme,
        ),
        ParticipantJoined(
            at,
            command.participant,
            command.display_name,
            "chair",
            command.media,
            command.presentation,
            protocol=command.protocol,
            called=command.alias,
            location=command.location,
        ),
        CallRequested(
            at,
            command.called,
            command.destination.redacted,
            "guest",
            command.destination,
            protocol="rtmp",
            routing="routing_rule",
            location=command.location,
            streaming=True,
            keep_conference_alive="keep_conference_alive_never",
            crypto_mode=crypto_mode,
            incoming=route,
        ),
    ]
    if command.presenting:
        events.append(PresentationStarted(at, command.participant))
    return events
