"""What routing decided about a call. Stream `ROUTING`, subject `routing.events.<conference>`."""

import msgspec

from proto.base import Event, Reason, Text, Token
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


class CallRefused(Event, frozen=True, tag="call_refused.v1"):
    conference: Token
    participant: Token
    code: str
    reason: Reason


RoutingEvent = CallRouted | CallRefused
Stored = RoutingEvent

_commit_decoder = msgspec.json.Decoder(list[Stored])


def decode_commit(data: bytes) -> list[RoutingEvent]:
    return list(_commit_decoder.decode(data))
