"""The words that commands, events and views of a conference are made of."""

from typing import Annotated, Literal

import msgspec

from proto.base import Digest, Text, Token
from proto.config import CryptoMode
from proto.media import Quality as Quality  # a word of conferences, too

Role = Literal["chair", "guest"]
"Pexip's own words on the wire: a Host is `chair`."
Protocol = Literal["rtmp"]
Routing = Literal["manual", "routing_rule"]
KeepAlive = Literal[
    "keep_conference_alive", "keep_conference_alive_if_multiple", "keep_conference_alive_never"
]
CallType = Literal["audio", "video", "video-only"]
ServiceType = Literal["conference", "lecture", "gateway"]
"""`lecture` is a Virtual Auditorium: Guests see Hosts only. `gateway` is a call from somebody
outside to somebody outside, through us."""
IncomingProtocol = Literal["webrtc", "rtmp", "sip", "mssip", "h323", "teams"]

CallersProtocol = Literal["WebRTC", "RTMP", "SIP", "MSSIP", "H323", "TEAMS"]

CALLERS: dict[IncomingProtocol, CallersProtocol] = {
    "webrtc": "WebRTC",
    "rtmp": "RTMP",
    "sip": "SIP",
    "mssip": "MSSIP",
    "h323": "H323",
    "teams": "TEAMS",
}
"""How Pexip's status and events call them."""
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

CallStep = Literal["routed", "assigned", "connecting", "recovering", "connected"]
"`connected`: it is, and there is something to be known about it."
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


OverlayText = Annotated[tuple[Text, ...], msgspec.Meta(max_length=50)]
"A text for each person who is shown, by their place, instead of the name."


class StreamingTransforms(msgspec.Struct, frozen=True):
    """What streaming participants see, whatever their role; None: the same as everybody."""

    layout: Text | None = None
    "Client API name. Not where the conference's layout is `ac`, which streams then follow."
    waiting_screen_enabled: bool | None = None
    "Show the theme's waiting screen instead of the conference."
    plus_n_pip_enabled: bool | None = None
    indicators_enabled: bool | None = None
    presentation_in_mix: bool | None = None
    "Show a presentation as a tile of the layout instead of full screen."


class ThemeRef(msgspec.Struct, frozen=True):
    """A theme that has a package."""

    theme: int
    "Its id."
    package: Digest


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
    enable_overlay_text: bool | None = None
    enable_active_speaker_indication: bool | None = None
    plus_n_pip_enabled: bool | None = None
    "Tell on the last thumbnail how many people are not seen; they are told unless this is false."
    free_form_overlay_text: OverlayText | None = None
    live_captions_indicator: bool | None = None
    ai_enabled_indicator: bool | None = None
    external_media_processing_indicator: bool | None = None
    enable_extended_ac: bool | None = None
    "Adaptive Composition shows up to 23 people instead of 12."
    streaming: StreamingTransforms | None = None


class Origin(msgspec.Struct, frozen=True):
    """Whom a participant is the successor of: somebody who was transferred."""

    conference: Token
    participant: Token
