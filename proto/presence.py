"""Who runs on the bus: asked of every process of every service at once, by request and reply."""

from datetime import datetime

import msgspec

from proto.base import Message, Text


class Ping(Message, frozen=True, tag="ping.v1"):
    """Asked of everybody."""


class Disk(msgspec.Struct, frozen=True):
    """A file system that a service writes to."""

    what: Text
    "What is kept there: `recordings`, `history`."
    free: int
    "Bytes."
    total: int = 0


class Reach(msgspec.Struct, frozen=True):
    """How browsers get to a mixer, as far as it knows."""

    ports: Text = ""
    "`MIN-MAX`, of UDP; empty: any."
    free: int | None = None
    "How many of them nobody uses; None: that cannot be told."
    addresses: list[Text] = []


class Presence(Message, frozen=True, tag="presence.v1"):
    """One process of one service."""

    service: Text
    instance: Text
    "Host and process: another one for each replica."
    version: Text
    at: datetime
    "By its own clock, when it answered."
    build: Text = ""
    "Of its image, where that says."
    location: Text = ""
    key: Text = ""
    "Fingerprint of the key that it seals under; empty: it has none."
    disks: list[Disk] = []
    reach: Reach | None = None
    "Of a mixer."
    relays: list[Text] = []
    "Of a gateway: the TURN servers that it tells browsers."


_ping_decoder = msgspec.json.Decoder(Ping)
_presence_decoder = msgspec.json.Decoder(Presence)

decode_ping = _ping_decoder.decode
decode_presence = _presence_decoder.decode
