"""What everybody works with who sends something to a sink."""

import base64
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
from nats.js import JetStreamContext

from kit.kv import Bucket
from kit.secrets import Sealer, Secret, Unsealable
from kit.streams import message
from proto.config import EventSink
from proto.subjects import WEBHOOK_STREAM, webhook_notices
from proto.webhooks import (
    Notice,
    SinkState,
    Trouble,
    decode_notices,
    decode_state,
    key_of,
    state_key,
)
from services.webhooks.core import letters
from services.webhooks.core.letters import Letter
from services.webhooks.post import Outcome, Poster, Tls
from services.webhooks.sinks import Sinks


class Desk(msgspec.Struct, frozen=True):
    """What all outboxes work with."""

    js: JetStreamContext
    bucket: Bucket
    sinks: Sinks
    sealer: Sealer
    poster: Callable[[], Poster]
    announce: Callable[[EventSink, Trouble], Awaitable[None]]
    now: Callable[[], datetime]
    chance: Callable[[], float]
    at_once: int


async def load_state(bucket: Bucket, sink: int) -> tuple[SinkState | None, int]:
    entry = await bucket.get(state_key(sink))
    if entry is None:
        return None, 0
    return decode_state(entry.value or b""), entry.revision


async def notices_at(js: JetStreamContext, sequence: int, conference: str) -> list[Notice] | None:
    """What is in the message; None if the stream has it no more."""
    found = await message(js, WEBHOOK_STREAM, sequence)
    if found is None or found.subject != webhook_notices(conference):
        return None
    return decode_notices(found.data or b"").notices


async def send(
    poster: Poster, sealer: Sealer, sink: EventSink, letter: Letter, now: datetime
) -> Outcome:
    """One try. What is secret about the sink is opened for it, and forgotten."""
    try:
        url = sealer.open(sink.sealed_url)
        sealed = [sink.sealed_secret, sink.sealed_old_secret]
        secrets = [sealer.open(one) for one in sealed if one]
        password = sealer.open(sink.sealed_password) if sink.sealed_password else Secret("")
    except Unsealable:
        return Outcome("unsealable")
    keys = [key for one in secrets if (key := key_of(one.reveal())) is not None]
    headers = {
        "content-type": "application/json",
        "user-agent": "Rostrum",
        **letters.headers(letter.id, letter.body, now, keys),
    }
    if sink.username or sink.sealed_password:
        known = f"{sink.username}:{password.reveal()}"
        headers["authorization"] = "Basic " + base64.b64encode(known.encode()).decode()
    tls = Tls(sink.verify_tls_certificate, sink.tls_ca)
    return await poster.post(url, headers, letter.body, tls)
