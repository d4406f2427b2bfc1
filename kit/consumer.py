"""Events by durable consumers: at least once, in order, one at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from opentelemetry.trace import SpanKind

from kit import metrics, parking, trace
from kit.bus import AWAY, Delivered, pattern, persist
from kit.follow import OUTAGES, RETRY, next_of
from kit.metrics import declared
from kit.tasks import beside
from proto.subjects import Family, events, stream

log = structlog.get_logger()

T = TypeVar("T")

MAX_DELIVER = 5
"""Tries before a message is parked: with the pauses between them a quarter of a minute."""

ACK_WAIT = 2.0
"""Seconds after which a message that nobody works on is given to another replica: so long does
everything behind it wait when a replica dies with it. One that is still working says so."""

LAG_EVERY = 5.0
"""Seconds between looks at how much waits for a consumer: often enough for who scrapes."""


async def consume(
    js: JetStreamContext,
    family: Family,
    *,
    durable: str,
    decode: Callable[[bytes], T],
    handle: Callable[[T, Delivered], Awaitable[None]],
    nc: Client | None = None,
) -> None:
    """Feed each commit of a family to `handle(commit, where)`: at least once, in order, always.

    With `nc`, what was parked can be given back; it is handled between two others.
    """
    turn = asyncio.Lock()

    async def take(commit: T, where: Delivered) -> None:
        async with turn:
            await handle(commit, where)

    if nc is None:
        await _consume(js, family, durable, decode, take)
        return
    async with beside(parking.take_back(nc, family, durable, decode, take)):
        await _consume(js, family, durable, decode, take)


async def _consume(
    js: JetStreamContext,
    family: Family,
    durable: str,
    decode: Callable[[bytes], T],
    handle: Callable[[T, Delivered], Awaitable[None]],
) -> None:
    config = ConsumerConfig(max_ack_pending=1, ack_wait=ACK_WAIT)
    while True:
        try:
            sub = await js.pull_subscribe(
                events(family), durable=durable, stream=stream(family), config=config
            )
            try:
                async with beside(_tell_lag(sub, stream(family), durable)):
                    async for msg in _messages(sub):
                        await _process(js, msg, durable, decode, handle)
            finally:
                with suppress(*OUTAGES):
                    await sub.unsubscribe()
        except OUTAGES as exc:
            log.warning("consumer lost", durable=durable, error=type(exc).__name__)
            await asyncio.sleep(RETRY)


async def _messages(sub: JetStreamContext.PullSubscription) -> AsyncIterator[Msg]:
    while True:
        try:
            msg = await next_of(sub)
        except nats.errors.TimeoutError:
            continue
        yield msg


async def _process(
    js: JetStreamContext,
    msg: Msg,
    durable: str,
    decode: Callable[[bytes], T],
    handle: Callable[[T, Delivered], Awaitable[None]],
) -> None:
    subject = pattern(msg.subject)
    where = Delivered(msg.subject.rsplit(".", 1)[-1], msg.metadata.sequence.stream)
    with (
        structlog.contextvars.bound_contextvars(conference=where.id),
        trace.span(f"process {subject}", SpanKind.CONSUMER, headers=msg.headers),
        metrics.timed(declared.HANDLING, stream=msg.metadata.stream, durable=durable),
    ):
        tries = msg.metadata.num_delivered or 1
        if tries > MAX_DELIVER:
            # Whoever had it did not live to say what was wrong with it.
            await parking.park(js, msg, durable, "its handlers died")
            return
        try:
            async with beside(_hold(msg)):
                commit = decode(msg.data)
                await persist(lambda: handle(commit, where), AWAY)
        except msgspec.MsgspecError as exc:
            await parking.park(js, msg, durable, str(exc))
        except Exception as exc:
            log.exception("handler failed", durable=durable, subject=subject)
            if tries >= MAX_DELIVER:
                await parking.park(js, msg, durable, type(exc).__name__)
            else:
                await msg.nak(delay=2 ** (tries - 1))
        else:
            await msg.ack()


async def _hold(msg: Msg) -> None:
    """Say again and again that the message is being worked on."""
    while True:
        await asyncio.sleep(ACK_WAIT / 3)
        with suppress(*OUTAGES):
            await msg.in_progress()


async def _tell_lag(sub: JetStreamContext.PullSubscription, name: str, durable: str) -> None:
    """Tell how much waits: also, and above all, when the handler is stuck."""
    while True:
        with suppress(*OUTAGES):
            info = await sub.consumer_info()
            left = (info.num_pending or 0) + (info.num_ack_pending or 0)
            metrics.put(declared.LAG, left, stream=name, durable=durable)
        await asyncio.sleep(LAG_EVERY)
