"""One conference: its commands and its events.

Stream `CONFERENCE`, subject `conference.events.<conference>`. One stored message is one
*commit*: the JSON array of the events that one command caused, so a commit is atomic.

`conference` is the key of a configured conference (VMR); it may be used again and again, and
each time it runs is an *instance* with an id of its own.

To change an event:
  * add a field with a default: no new version;
  * anything else: rename the old class `...V1`, add the new one under the next tag, extend
    `upcast`, keep the old golden file. Old classes live as long as the stream does.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from proto.base import Command, Event, Reason, Text, Token
from proto.config import CryptoMode
from proto.urls import SealedUrl

Role = Literal["chair", "guest"]
"Pexip's own words on the wire: a Host is `chair`."
Protocol = Literal["rtmp"]
Routing = Literal["manual", "routing_rule"]
Quality = Literal["sd", "hd", "fullhd"]
"Maximum call quality: 848x480, 1280x720 or 1920x1080."
KeepAlive = Literal[
    "keep_conference_alive", "keep_conference_alive_if_multiple", "keep_conference_alive_never"
]
ServiceType = Literal["conference", "lecture"]
"`lecture` is a Virtual Auditorium: Guests see Hosts only."
GuestsSeeGuests = Literal["no_hosts", "always", "never"]
"When the Guests of a Virtual Auditorium see each other: while no Host is there, always, never."
OutsideKind = Literal["recording", "streaming", "transcribing"]
Platform = Literal["google_meet", "teams", "skype"]
"Whose the meeting is that a gateway leg stands in."


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


class Transforms(msgspec.Struct, frozen=True):
    """What is changed about a running conference's looks; None: as configured, or as the facts are.

    Pexip's names. Layouts by their client API name, e.g. `1:7`.
    """

    layout: Text | None = None
    guest_layout: Text | None = None
    "What the Guests of a Virtual Auditorium see."
    streaming_indicator: bool | None = None
    recording_indicator: bool | None = None
    transcribing_indicator: bool | None = None


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


class Tick(Command, frozen=True, tag="tick.v1"):
    """Do what has become due by now: timers, and calls that are to be tried again."""

    conference: Token


ConferenceCommand = (
    Join
    | Leave
    | StartPresenting
    | StopPresenting
    | Dial
    | EndConference
    | Lock
    | Admit
    | SetRole
    | MuteParticipant
    | MuteGuests
    | TransformLayout
    | ReportOutside
    | Tick
)


class ConferenceStarted(Event, frozen=True, tag="conference_started.v1"):
    conference: Token
    instance: Token
    name: Text
    layout: str = "1:7"
    "Client API name of the layout, as configured when the conference started."
    quality: Quality = "hd"
    service_type: ServiceType = "conference"
    allow_guests: bool = False
    "Guests and Hosts are told apart: Guests wait for a Host, and do not stay long without one."
    guest_layout: str = ""
    "What the Guests of a Virtual Auditorium see."
    guests_can_present: bool = True
    guests_can_see_guests: GuestsSeeGuests = "no_hosts"
    guests_muted: bool = False
    max_callrate_out: int | None = None
    "Most that is sent to each streaming service, kbit/s, sound included; None: no limit."


class ParticipantJoined(Event, frozen=True, tag="participant_joined.v1"):
    participant: Token
    display_name: Text
    role: Role
    media: SealedUrl | None = None
    presentation: SealedUrl | None = None
    waiting: bool = False
    "Neither seen nor heard until a Host comes, or lets them in."


class ParticipantAdmitted(Event, frozen=True, tag="participant_admitted.v1"):
    """Waiting is over."""

    participant: Token


class RoleChanged(Event, frozen=True, tag="role_changed.v1"):
    participant: Token
    role: Role


class ParticipantMuted(Event, frozen=True, tag="participant_muted.v1"):
    participant: Token
    on: bool


class GuestsMuted(Event, frozen=True, tag="guests_muted.v1"):
    """All Guests are muted, or none; so are those who come later."""

    on: bool


class ConferenceLocked(Event, frozen=True, tag="conference_locked.v1"):
    on: bool


class LayoutTransformed(Event, frozen=True, tag="layout_transformed.v1"):
    transforms: Transforms
    "All that holds from now on, not only what is new."


class OutsideReported(Event, frozen=True, tag="outside_reported.v1"):
    """A meeting of another system began or ceased to be recorded, streamed or transcribed."""

    kind: OutsideKind
    platform: Platform
    on: bool
    public: bool = False


Announcement = Literal[
    "recording_started",
    "recording_stopped",
    "streaming_started",
    "streaming_stopped",
    "public_streaming_started",
    "public_streaming_stopped",
    "transcribing_started",
    "transcribing_stopped",
]


class AnnouncementRequested(Event, frozen=True, tag="announcement_requested.v1"):
    """The callers are to be told, by sound."""

    announcement: Announcement
    platform: Platform


class ParticipantLeft(Event, frozen=True, tag="participant_left.v1"):
    participant: Token
    reason: Reason


class PresentationStarted(Event, frozen=True, tag="presentation_started.v1"):
    participant: Token


class PresentationStopped(Event, frozen=True, tag="presentation_stopped.v1"):
    participant: Token


class CallRequested(Event, frozen=True, tag="call_requested.v1"):
    """A streaming participant is to be called; routing and scheduler take it from here."""

    participant: Token
    display_name: Text
    role: Role
    destination: SealedUrl
    protocol: Protocol
    routing: Routing
    location: Text
    streaming: bool
    keep_conference_alive: KeepAlive
    presentation_destination: SealedUrl | None = None
    "Set for a dual stream: it has two legs, `main` and `presentation`; otherwise one, `single`."
    crypto_mode: CryptoMode = "besteffort"
    "With `on`, nothing but rtmps:// may be dialled."
    automatic: int = 0
    "Id of the Automatically Dialed Participant that is called; 0: somebody asked for the call."


CallStep = Literal["routed", "assigned", "connecting", "recovering"]
LegState = Literal[
    "requested", "routed", "assigned", "connecting", "connected", "recovering", "failed"
]


class CallProgressed(Event, frozen=True, tag="call_progressed.v1"):
    """How far a call is that is not, or no longer, connected."""

    participant: Token
    step: CallStep
    detail: Reason = ""
    session: str = ""
    "The egress session that carries the call from now on, where that is what has changed."


class CallConnected(Event, frozen=True, tag="call_connected.v1"):
    """The service accepted the stream."""

    participant: Token
    encrypted: bool = False
    session: str = ""
    "The egress session that it came from."


class CallEnded(Event, frozen=True, tag="call_ended.v1"):
    """The streaming participant is gone."""

    participant: Token
    code: str
    "Reason code, e.g. `disconnected`, `connect-refused`, `tls-certificate`, `no-rule`."
    reason: Reason
    retry_at: datetime | None = None
    "When an Automatically Dialed Participant is dialled again; None: not at all."


class CallLegChanged(Event, frozen=True, tag="call_leg_changed.v1"):
    """How the presentation leg of a dual stream is; the call goes on whatever becomes of it."""

    participant: Token
    state: LegState
    code: str = ""
    detail: Reason = ""


class AutomaticCallRefused(Event, frozen=True, tag="automatic_call_refused.v1"):
    """An Automatically Dialed Participant could not be dialled now."""

    automatic: int
    "Its id."
    display_name: Text
    code: str
    reason: Reason
    retry_at: datetime | None = None


class ConferenceEnded(Event, frozen=True, tag="conference_ended.v1"):
    instance: Token
    reason: Reason


ConferenceEvent = (
    ConferenceStarted
    | ParticipantJoined
    | ParticipantLeft
    | PresentationStarted
    | PresentationStopped
    | CallRequested
    | CallProgressed
    | CallConnected
    | CallEnded
    | ConferenceEnded
    | ParticipantAdmitted
    | RoleChanged
    | ParticipantMuted
    | GuestsMuted
    | ConferenceLocked
    | LayoutTransformed
    | OutsideReported
    | AnnouncementRequested
    | CallLegChanged
    | AutomaticCallRefused
)
"""What the rest of the code knows."""

Stored = ConferenceEvent
"""What the stream may hold."""


def upcast(event: Stored) -> ConferenceEvent:
    return event


_commit_decoder = msgspec.json.Decoder(list[Stored])
_command_decoder: msgspec.json.Decoder[ConferenceCommand] = msgspec.json.Decoder(ConferenceCommand)


def decode_commit(data: bytes) -> list[ConferenceEvent]:
    return [upcast(event) for event in _commit_decoder.decode(data)]


def decode_command(data: bytes) -> ConferenceCommand:
    return _command_decoder.decode(data)
