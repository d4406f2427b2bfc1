"""Messages that nobody can handle: kept for a person to look at, and given back."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from opentelemetry.trace import SpanKind

from kit import metrics, trace
from kit.bus import AWAY, Delivered, pattern, persist, subscribed
from kit.follow import OUTAGES
from kit.metrics import declared
from kit.streams import ensure_stream
from proto import parked
from proto.base import Message, Refused, encode
from proto.subjects import PARKED, PARKED_STREAM, Family, dead_letters, events, returns, stream

log = structlog.get_logger()

T = TypeVar("T")


async def ensure_parked(js: JetStreamContext) -> None:
    """The stream of messages that nobody can handle."""
    await ensure_stream(js, StreamConfig(name=PARKED_STREAM, subjects=[PARKED]))


async def park(js: JetStreamContext, msg: Msg, durable: str, why: str) -> None:
    """Keep the message for a person to look at, and go on."""
    log.error("parked", durable=durable, subject=pattern(msg.subject), why=why)
    metrics.add(declared.PARKED, stream=msg.metadata.stream, durable=durable)
    headers = {
        **(msg.headers or {}),
        parked.SUBJECT: msg.subject,
        parked.REASON: why,
        parked.SEQUENCE: str(msg.metadata.sequence.stream),
    }
    headers = {k: v for k, v in headers.items() if not k.startswith("Nats-")}
    await ensure_parked(js)
    await js.publish(dead_letters(durable), msg.data, headers=headers)
    await msg.term()


async def take_back(
    nc: Client,
    family: Family,
    durable: str,
    decode: Callable[[bytes], T],
    handle: Callable[[T, Delivered], Awaitable[None]],
) -> None:
    """Answer who gives back what was parked here, until cancelled."""

    async def receive(msg: Msg) -> None:
        reply = await _again(msg, family, durable, decode, handle)
        with suppress(*OUTAGES):
            await msg.respond(encode(reply))

    subject = returns(family, durable)
    sub = await persist(lambda: nc.subscribe(subject, queue=durable, cb=receive))
    await subscribed(sub)


async def _again(
    msg: Msg,
    family: Family,
    durable: str,
    decode: Callable[[bytes], T],
    handle: Callable[[T, Delivered], Awaitable[None]],
) -> Message:
    """Handle it as if it had just come, in the trace that it belongs to."""
    headers = msg.headers or {}
    source, sequence = headers.get(parked.SUBJECT, ""), headers.get(parked.SEQUENCE, "")
    conference = source.rsplit(".", 1)[-1]
    if source != events(family, conference) or not sequence.isdecimal():
        return Refused("unknown-origin", "It does not say where it stood in its stream.")
    where = Delivered(conference, int(sequence))
    with (
        structlog.contextvars.bound_contextvars(conference=where.id),
        trace.span(f"process {pattern(source)}", SpanKind.CONSUMER, headers=headers),
        metrics.timed(declared.HANDLING, stream=stream(family), durable=durable),
    ):
        try:
            commit = decode(msg.data)
            await persist(lambda: handle(commit, where), AWAY)
        except msgspec.MsgspecError as exc:
            log.warning("returned and not read", durable=durable, sequence=where.sequence)
            return Refused("unreadable", str(exc))
        except Exception as exc:
            log.exception("handler failed", durable=durable, subject=pattern(source))
            return Refused("failed", type(exc).__name__)
        log.info("returned and handled", durable=durable, sequence=where.sequence)
        return parked.Handled()
