"""What every message has in common.

A body says *what happened*; how it travelled (message id, trace) rides in NATS headers.
Structs check their fields on decode, not on construction, so decode at every edge.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

Token = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""A name that is safe as one token of a NATS subject."""

Text = Annotated[str, msgspec.Meta(max_length=250)]
"""A short text for people: a name, a description."""

Digest = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")]
"""SHA-256 in hexadecimal; empty: of nothing."""

Reason = Annotated[str, msgspec.Meta(max_length=1000)]
"""One sentence for a person; never holds a key or a password."""


Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its offset from UTC: one without cannot be compared with it."""


class Message(msgspec.Struct, frozen=True, tag_field="type"):
    """Anything sent over NATS. The tag is the wire name and carries the version."""


class Event(Message, frozen=True):
    """Something that happened; past tense, never refused, never edited."""

    at: Moment


class Command(Message, frozen=True):
    """A wish; imperative, may be refused."""


class Accepted(Message, frozen=True, tag="accepted.v1"):
    """The command is in the log."""

    version: int
    "Sequence of the last commit of this aggregate; a reader can wait for it."


class Refused(Message, frozen=True, tag="refused.v1"):
    """The command was not carried out, and left no trace."""

    code: str
    "Stable and machine-readable, e.g. `full`. Only `busy` and `internal` are worth another try."
    reason: str
    "One sentence for a person: what was wanted, what stood in the way."
    field: str = ""
    "The field of the request that stood in the way, where one did."


Reply = Accepted | Refused

_encoder = msgspec.json.Encoder(order="deterministic")
encode = _encoder.encode

_reply_decoder: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def decode_reply(data: bytes) -> Reply:
    return _reply_decoder.decode(data)


def tags(union: Any) -> set[str]:
    """The wire names in a union of messages."""
    return {str(kind.__struct_config__.tag) for kind in union.__args__}
