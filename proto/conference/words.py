"""The words that commands, events and views of a conference are made of."""

from typing import Literal

import msgspec

from proto.base import Text, Token
from proto.config import CryptoMode

Role = Literal["chair", "guest"]
"Pexip's own words on the wire: a Host is `chair`."
Protocol = Literal["rtmp"]
Routing = Literal["manual", "routing_rule"]
Quality = Literal["sd", "hd", "fullhd"]
"Maximum call quality: 848x480, 1280x720 or 1920x1080."
KeepAlive = Literal[
    "keep_conference_alive", "keep_conference_alive_if_multiple", "keep_conference_alive_never"
]
ServiceType = Literal["conference", "lecture", "gateway"]
"""`lecture` is a Virtual Auditorium: Guests see Hosts only. `gateway` is a call from somebody
outside to somebody outside, through us."""
IncomingProtocol = Literal["webrtc", "rtmp", "sip", "mssip", "h323", "teams"]
"How somebody who calls us comes in."
GuestsSeeGuests = Literal["no_hosts", "always", "never"]
"When the Guests of a Virtual Auditorium see each other: while no Host is there, always, never."
OutsideKind = Literal["recording", "streaming", "transcribing"]
Platform = Literal["google_meet", "teams", "skype"]
"Whose the meeting is that a gateway leg stands in."

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

CallStep = Literal["routed", "assigned", "connecting", "recovering"]
LegState = Literal[
    "requested", "routed", "assigned", "connecting", "connected", "recovering", "failed"
]


class IncomingRoute(msgspec.Struct, frozen=True):
    """What a call routing rule made of a call to us: decided once, before anything is begun."""

    rule: Text
    location: Text = ""
    "Where to dial from; empty: anywhere."
    crypto_mode: CryptoMode | Literal[""] = ""
    "Empty: the rule does not say, the global setting holds."
    theme: int = 0
    "Id of the theme that the rule names; 0: none."
    quality: Quality | None = None
    "None: the global setting holds."
    max_callrate_out: int | None = None
    "Most that is sent, kbit/s, sound included; None: the global setting holds."


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


class Origin(msgspec.Struct, frozen=True):
    """Whom a participant is the successor of: somebody who was transferred."""

    conference: Token
    participant: Token
