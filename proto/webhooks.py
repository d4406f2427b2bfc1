"""What event sinks are told, and how far each of them is.

Stream `WEBHOOKS`, subject `webhooks.notices.<conference>`: one message has what one commit of the
conference gives to tell. KV `webhooks` has a `SinkState` for each sink, key `sink.<id>`. Questions
about a sink go to `webhooks.commands.<sink>`.
"""

import base64
import binascii
from datetime import datetime
from typing import Any

import msgspec

from proto.base import Command, Message, Reason, Refused, Token

DOWN_AFTER = 5
"""Failures in a row, without one success, after which a sink is taken for down."""

PREFIX = "whsec_"
"""Of a secret, as Standard Webhooks write it; the rest is 24 to 64 bytes in base64."""

DEAD_KEPT = 200
"""Events of one sink that are remembered as given up; of older ones only the number is."""


class Notice(msgspec.Struct, frozen=True):
    """One event, as sinks are told of it."""

    id: Token
    "The same however often it is sent."
    type: str
    "A `HookType`, or what a newer version knows."
    at: datetime
    conference: Token
    instance: str
    seq: int
    "Counts the events of the conference, whichever of them a sink wants; without gaps."
    data: dict[str, Any]
    locations: list[str] = []
    "System locations that it is of; none: it is of no certain one."


class Notices(Message, frozen=True, tag="notices.v1"):
    source: int
    "Sequence in CONFERENCE of the commit that these come from."
    notices: list[Notice]


class Trouble(msgspec.Struct, frozen=True):
    """Why a delivery did not come about."""

    code: str
    "`status`, `redirect`, `gone`, `timeout`, `connect`, `dns`, `tls`, `forbidden-address`, …"
    at: datetime
    status: int = 0
    "Of HTTP; 0: there was no answer."
    event: str = ""
    "Id of what was to be delivered."


class Lane(msgspec.Struct, frozen=True):
    """What of one conference a sink has still to be told: `after` to `newest`, in WEBHOOKS."""

    after: int
    newest: int
    part: int = 0
    "Notices of the message `after` + 1 that are done."
    since: datetime | None = None
    "When the oldest of it happened, as far as is known."
    failures: int = 0
    "Of what is next, in a row."
    retry_at: datetime | None = None


class Dead(msgspec.Struct, frozen=True):
    """An event that was given up; it can be delivered again while the stream has it."""

    id: str
    type: str
    "A `HookType`, or what a newer version knows."
    conference: Token
    sequence: int
    "In WEBHOOKS."
    at: datetime
    code: str
    failures: int


class SinkState(Message, frozen=True, tag="sink_state.v1"):
    sink: int
    cursor: int = 0
    "Up to here everything in WEBHOOKS was delivered, or is in a lane."
    lanes: dict[str, Lane] = {}
    "By conference."
    failures: int = 0
    "Deliveries that failed since one succeeded."
    retry_at: datetime | None = None
    "When the next is tried, where so many failed that the sink is taken for down."
    delivered: int = 0
    given_up: int = 0
    dead: list[Dead] = []
    "The newest of those that were given up, oldest first."
    last_error: Trouble | None = None
    last_success_at: datetime | None = None
    disabled_at: datetime | None = None
    "When the sink said that it is gone (410)."
    disabled_revision: int = 0
    "Of the configuration then: the sink is tried again when it has been configured anew."


class ProbeSink(Command, frozen=True, tag="probe_sink.v1"):
    """Send the sink a test event, now and once."""

    sink: int


class Redeliver(Command, frozen=True, tag="redeliver.v1"):
    """Try what was given up once more, oldest first, until one fails."""

    sink: int


class Probed(Message, frozen=True, tag="probed.v1"):
    status: int
    code: str
    "Empty: it was taken."
    seconds: float


class Redelivered(Message, frozen=True, tag="redelivered.v1"):
    delivered: int
    left: int
    vanished: int = 0
    "Older than what the stream keeps."
    code: str = ""
    "What stopped it; empty: nothing did."
    reason: Reason = ""


WebhookCommand = ProbeSink | Redeliver
WebhookReply = Probed | Redelivered | Refused


def state_key(sink: int) -> str:
    """Of a `SinkState` in KV `webhooks`."""
    return f"sink.{sink}"


def key_of(secret: str) -> bytes | None:
    """The bytes that `whsec_…` stands for; None if it is no such secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if secret.startswith(PREFIX) and 24 <= len(key) <= 64 else None


def secret_of(key: bytes) -> str:
    return PREFIX + base64.b64encode(key).decode()


_notices_decoder = msgspec.json.Decoder(Notices)
_state_decoder = msgspec.json.Decoder(SinkState)
_command_decoder: msgspec.json.Decoder[WebhookCommand] = msgspec.json.Decoder(WebhookCommand)
_reply_decoder: msgspec.json.Decoder[WebhookReply] = msgspec.json.Decoder(WebhookReply)

decode_notices = _notices_decoder.decode
decode_state = _state_decoder.decode
decode_command = _command_decoder.decode
decode_reply = _reply_decoder.decode
