"""The words that commands, events and views of a conference are made of."""

from typing import Literal

import msgspec

from proto.base import Text

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
