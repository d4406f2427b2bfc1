"""What may be asked of a conference."""

from typing import Annotated, Literal

import msgspec

from proto.base import Command, Reason, Text, Token
from proto.conference.words import (
    IncomingProtocol,
    IncomingRoute,
    KeepAlive,
    Origin,
    OutsideKind,
    Platform,
    Protocol,
    Role,
    Routing,
    Transforms,
)
from proto.urls import SealedUrl


class Join(Command, frozen=True, tag="join.v1"):
    """Somebody who sends media comes in; the conference starts if it is not running."""

    conference: Token
    participant: Token
    display_name: Text
    instance: Token
    "Used if the conference has to be started."
    role: Role = "guest"
    media: SealedUrl | None = None
    presentation: SealedUrl | None = None
    "What the participant shows while presenting."
    presenting: bool = False
    "Start to present at once."
    pin: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    """What the participant gave for a PIN, possibly nothing: it decides on the role. None: whoever
    sent the command has checked, and `role` counts."""
    protocol: IncomingProtocol | Literal[""] = ""
    "How they came in, if they called."
    called: Text = ""
    "The alias that they called, as it may be shown."
    location: Text = ""
    "Where their call came in."
    origin: Origin | None = None
    "Set for somebody who is transferred; who has come in so once is not brought in again."


class Leave(Command, frozen=True, tag="leave.v1"):
    """A participant goes or is disconnected; for a call this hangs up."""

    conference: Token
    participant: Token
    reason: Reason = "Disconnected by an administrator"


class StartPresenting(Command, frozen=True, tag="start_presenting.v1"):
    """Take the floor; whoever presented before stops."""

    conference: Token
    participant: Token


class StopPresenting(Command, frozen=True, tag="stop_presenting.v1"):
    conference: Token
    participant: Token


class Dial(Command, frozen=True, tag="dial.v1"):
    """Call a streaming service; the conference starts if it is not running."""

    conference: Token
    participant: Token
    destination: SealedUrl
    instance: Token
    display_name: Text = ""
    "Empty: the redacted URL is shown."
    protocol: Protocol = "rtmp"
    routing: Routing = "routing_rule"
    location: Text = ""
    "Manual: where to dial from. By rule: the notional source location."
    role: Role = "guest"
    streaming: bool = True
    keep_conference_alive: KeepAlive = "keep_conference_alive_never"
    presentation_destination: SealedUrl | None = None
    "Makes it a dual stream: the presentation goes here, the main picture alone to `destination`."
    node: Text = ""
    "Manual: the egress worker, or the host, that has to dial; empty: any one in `location`."


class CallGateway(Command, frozen=True, tag="call_gateway.v1"):
    """Somebody called what is no conference: bring them in, and call what the rules say."""

    conference: Token
    "A key of its own, used once; see `proto.subjects.gateway_call`."
    participant: Token
    "Who calls."
    display_name: Text
    instance: Token
    called: Token
    "Who is called: the participant that the stream becomes."
    destination: SealedUrl
    route: IncomingRoute
    alias: Text
    "What was called, as it may be shown."
    protocol: IncomingProtocol = "webrtc"
    location: Text = ""
    "Where the call came in."
    media: SealedUrl | None = None
    presentation: SealedUrl | None = None
    presenting: bool = False
    platform: Platform | Literal[""] = ""
    "Whose the meeting is that the caller stands in; empty: it is none, or nobody knows."


class EndConference(Command, frozen=True, tag="end_conference.v1"):
    conference: Token
    reason: Reason = "Conference terminated by an administrator"


class Lock(Command, frozen=True, tag="lock.v1"):
    """Keep newcomers waiting (`on`), or let all who wait in and keep nobody."""

    conference: Token
    on: bool = True


class Admit(Command, frozen=True, tag="admit.v1"):
    """Let one waiting participant in."""

    conference: Token
    participant: Token


class SetRole(Command, frozen=True, tag="set_role.v1"):
    """Make a participant a Host or a Guest."""

    conference: Token
    participant: Token
    role: Role


class MuteParticipant(Command, frozen=True, tag="mute_participant.v1"):
    """Stop hearing a participant, or hear them again."""

    conference: Token
    participant: Token
    on: bool = True


class MuteGuests(Command, frozen=True, tag="mute_guests.v1"):
    """The same for all Guests, those who come later included."""

    conference: Token
    on: bool = True


class TransformLayout(Command, frozen=True, tag="transform_layout.v1"):
    """Change what `transforms` names, and leave the rest as it is."""

    conference: Token
    transforms: Transforms


class ReportOutside(Command, frozen=True, tag="report_outside.v1"):
    """A meeting of another system, behind a gateway leg, is recorded, streamed or transcribed."""

    conference: Token
    kind: OutsideKind
    platform: Platform
    on: bool = True
    public: bool = False
    "For streaming: anybody may watch."


class Transfer(Command, frozen=True, tag="transfer.v1"):
    """Move somebody to another conference. They stay until they have been let in there."""

    conference: Token
    participant: Token
    target: Token
    "The conference that they are to go to."
    successor: Token
    "Who they are there."
    instance: Token
    "Used if that conference has to be started."
    role: Role = "guest"
    pin: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    "Of that conference: decides on the role. None: whoever sent the command has checked."


class SettleTransfer(Command, frozen=True, tag="settle_transfer.v1"):
    """What the other conference said: nothing against it, or a reason code."""

    conference: Token
    participant: Token
    successor: Token
    code: str = ""
    reason: Reason = ""


class Tick(Command, frozen=True, tag="tick.v1"):
    """Do what has become due by now: timers, and calls that are to be tried again."""

    conference: Token


ConferenceCommand = (
    Join
    | Leave
    | StartPresenting
    | StopPresenting
    | Dial
    | CallGateway
    | EndConference
    | Lock
    | Admit
    | SetRole
    | MuteParticipant
    | MuteGuests
    | TransformLayout
    | ReportOutside
    | Tick
    | Transfer
    | SettleTransfer
)
