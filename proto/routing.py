"""What routing decided about a call. Stream `ROUTING`, subject `routing.events.<conference>`.

And what it would decide: whoever tests the rules asks routing itself, by request and reply.
"""

from typing import Literal

import msgspec

from proto.base import Command, Event, Message, Reason, Refused, Text, Token
from proto.conference import IncomingProtocol, IncomingRoute, Quality
from proto.media import Content
from proto.urls import SealedUrl

Encryption = Literal["", "besteffort", "on", "off"]
"""Media encryption; empty: nothing is said about it."""


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
    crypto_mode: Encryption = ""
    "Media encryption that the rule asks for; empty: it does not say."
    theme: int = 0
    "Id of the theme that the rule names; 0: none."
    quality: Quality | None = None
    "Caps the conference's; None: the rule does not say."
    max_callrate_out: int | None = None
    "Caps the bit rate of a gateway call, kbit/s; never set for a call out of a conference."
    node: Text = ""
    "The egress worker, or the host, that has to dial; empty: any."


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


Verdict = Literal[
    "matched",
    "disabled",
    "direction",
    "source-protocol",
    "unregistered",
    "source-location",
    "alias",
    "bad-pattern",
    "not-reached",
]
"""Why a rule was skipped, or that it was not."""


class TryRules(Command, frozen=True, tag="try_rules.v1"):
    """Say what the rules would make of a call; nothing is called."""

    sealed: str
    "The alias, sealed: it may hold a key."
    outgoing: bool = True
    location: Text = ""
    "The source location; empty if none is known."
    protocol: IncomingProtocol = "webrtc"
    "Of an incoming call."


class Tried(msgspec.Struct, frozen=True, array_like=True):
    """One rule and what came of it; short, because there may be thousands."""

    rule: int
    "Its id."
    verdict: Verdict


class RulesTried(Message, frozen=True, tag="rules_tried.v1"):
    tried: list[Tried]
    "Every rule, in order."
    rule: Text = ""
    "The name of the one that matched, or empty."
    code: str = ""
    "Empty: it would be dialled. Otherwise why not, e.g. `no-rule`."
    reason: Reason = ""
    redacted: str = ""
    "The alias that would be dialled, as it may be shown."
    scheme: str = ""
    fingerprint: str = ""
    location: Text = ""
    "Where it would be dialled from; empty: anywhere."
    crypto_mode: Encryption = ""
    theme: int = 0
    quality: Quality | None = None
    max_callrate_out: int | None = None


class RouteIncoming(Command, frozen=True, tag="route_incoming.v1"):
    """Somebody calls what is no conference: decide where the call goes. Nothing is kept."""

    sealed: str
    "The alias that is called, sealed: it may hold a key."
    protocol: IncomingProtocol = "webrtc"
    location: Text = ""
    "Where the call came in; empty if that is not known."
    registered: bool = False


class IncomingRouted(Message, frozen=True, tag="incoming_routed.v1"):
    """What is to be dialled; whoever asked keeps it, or nobody does."""

    sealed: str
    redacted: str
    scheme: str
    fingerprint: str
    route: IncomingRoute


_route_decoder = msgspec.json.Decoder(RouteIncoming)
_incoming_decoder: msgspec.json.Decoder[IncomingRouted | Refused] = msgspec.json.Decoder(
    IncomingRouted | Refused
)

decode_route = _route_decoder.decode
decode_incoming = _incoming_decoder.decode

_try_decoder = msgspec.json.Decoder(TryRules)
_tried_decoder: msgspec.json.Decoder[RulesTried | Refused] = msgspec.json.Decoder(
    RulesTried | Refused
)

decode_try = _try_decoder.decode
decode_tried = _tried_decoder.decode
