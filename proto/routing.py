"""What routing decided about a call. Stream `ROUTING`, subject `routing.events.<conference>`."""

from typing import Literal

import msgspec

from proto.base import Event, Reason, Text, Token
from proto.conference import Quality
from proto.media import Content
from proto.urls import SealedUrl


class CallRouted(Event, frozen=True, tag="call_routed.v1"):
    conference: Token
    participant: Token
    destination: SealedUrl
    "What will be dialled: the alias as received, or as the rule replaced it."
    location: Text
    "Where to dial from; empty: anywhere."
    rule: Text = ""
    "The rule that matched; empty for a manually routed call."
    leg: Content = "single"
    "Which half of a dual stream; each is routed by itself."
    crypto_mode: Literal["", "besteffort", "on", "off"] = ""
    "Media encryption that the rule asks for; empty: it does not say."
    theme: int = 0
    "Id of the theme that the rule names; 0: none."
    quality: Quality | None = None
    "Caps the conference's; None: the rule does not say."
    max_callrate_out: int | None = None
    "Caps the bit rate of a gateway call, kbit/s; never set for a call out of a conference."


class CallRefused(Event, frozen=True, tag="call_refused.v1"):
    conference: Token
    participant: Token
    code: str
    reason: Reason
    leg: Content = "single"


RoutingEvent = CallRouted | CallRefused
Stored = RoutingEvent

_commit_decoder = msgspec.json.Decoder(list[Stored])


def decode_commit(data: bytes) -> list[RoutingEvent]:
    return list(_commit_decoder.decode(data))
