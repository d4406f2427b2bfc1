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

from typing import Literal

import msgspec

from proto.base import Command, Event, Reason, Text, Token
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


class EndConference(Command, frozen=True, tag="end_conference.v1"):
    conference: Token
    reason: Reason = "Conference terminated by an administrator"


ConferenceCommand = Join | Leave | StartPresenting | StopPresenting | Dial | EndConference


class ConferenceStarted(Event, frozen=True, tag="conference_started.v1"):
    conference: Token
    instance: Token
    name: Text
    layout: str = "1:7"
    "Client API name of the layout, as configured when the conference started."
    quality: Quality = "hd"


class ParticipantJoined(Event, frozen=True, tag="participant_joined.v1"):
    participant: Token
    display_name: Text
    role: Role
    media: SealedUrl | None = None
    presentation: SealedUrl | None = None


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


CallStep = Literal["routed", "assigned", "connecting", "recovering"]


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
