"""What one request to a sink holds, and how it is signed.

Signatures are those of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 of
`<id>.<timestamp>.<body>` in base64, one for each secret that holds at the moment.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from proto.base import encode
from proto.config import EventSink
from proto.webhooks import Notice

VERSION = 2
"""Of Pexip's event sinks, whose words the envelope has."""

NODE = "rostrum"
BULK_NODE = "127.0.0.1"
"""Pexip's sign that what is inside an envelope has envelopes of its own."""


class Letter(msgspec.Struct, frozen=True):
    """The body of one request."""

    id: str
    body: bytes
    notices: list[Notice]


class Scope(msgspec.Struct, frozen=True):
    """What a sink is told of, as far as it is not said in the sink itself."""

    keys: frozenset[str] = frozenset()
    "Conferences that it names, by their names on the bus."
    places: frozenset[str] | None = None
    "System locations that name it; None: no one does, and it is told of all."


def wanted(notice: Notice, sink: EventSink, scope: Scope) -> bool:
    """Whether the sink is to be told. What is of no certain location is everybody's."""
    if sink.events and notice.type not in sink.events:
        return False
    if scope.places is not None and notice.locations and scope.places.isdisjoint(notice.locations):
        return False
    return not sink.conferences or notice.conference in scope.keys


def next_letter(
    notices: Sequence[Notice], part: int, sink: EventSink, scope: Scope
) -> tuple[Letter | None, int]:
    """The next request out of what happened at once, of which `part` is done; and what is then."""
    left = list(enumerate(notices))[part:]
    chosen = [(index, n) for index, n in left if wanted(n, sink, scope)]
    if not chosen:
        return None, len(notices)
    if sink.bulk_support and len(chosen) > 1:
        return bulk([n for _, n in chosen]), len(notices)
    index, first = chosen[0]
    return letter(first), index + 1


def letter(notice: Notice) -> Letter:
    return Letter(notice.id, encode(envelope(notice)), [notice])


def bulk(notices: list[Notice]) -> Letter:
    """All of them in one; its id says which, so that the same id is always the same letter."""
    body = {
        "event": "eventsink_bulk",
        "node": BULK_NODE,
        "seq": 0,
        "version": VERSION,
        "time": notices[-1].at.timestamp(),
        "data": [envelope(one) for one in notices],
    }
    ids = ".".join(one.id for one in notices)
    digest = hashlib.sha256(ids.encode()).hexdigest()[:16]
    return Letter(f"{notices[0].id}_bulk_{digest}", encode(body), notices)


def envelope(notice: Notice) -> dict[str, Any]:
    """Pexip's, and what Standard Webhooks recommends beside it."""
    return {
        "id": notice.id,
        "type": notice.type,
        "event": notice.type,
        "timestamp": notice.at,
        "time": notice.at.timestamp(),
        "node": NODE,
        "version": VERSION,
        "seq": notice.seq,
        "conference": notice.conference,
        "instance": notice.instance,
        "data": notice.data,
    }


def headers(ident: str, body: bytes, at: datetime, secrets: Sequence[bytes]) -> dict[str, str]:
    """Of a request that is sent `at` that moment."""
    stamp = str(int(at.timestamp()))
    signed = b".".join([ident.encode(), stamp.encode(), body])
    signatures = [
        "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": ident,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signatures),
    }
