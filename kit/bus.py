"""Commands by request and reply, events by durable consumers, questions to many workers at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import ServiceUnavailableError
from opentelemetry.trace import SpanKind

from kit import metrics, trace
from kit.follow import OUTAGES, RETRY, Reconnected, next_of
from kit.metrics import declared
from kit.streams import ensure_stream
from kit.tasks import beside
from proto import parked
from proto.base import Message, Refused, encode
from proto.subjects import (
    PARKED,
    PARKED_STREAM,
    Family,
    dead_letters,
    events,
    returns,
    stream,
)

log = structlog.get_logger()

T = TypeVar("T")

MAX_DELIVER = 5
"""Tries before a message is parked: with the pauses between them a quarter of a minute."""

ANSWER = "answer"
"""Name of the tasks that answer a command: at the end of a service they may finish."""

AWAY = (nats.errors.Error, ServiceUnavailableError, OSError, TimeoutError, Reconnected)
"""The bus is not there: no fault of the message that is being handled."""

ACK_WAIT = 2.0
"""Seconds after which a message that nobody works on is given to another replica: so long does
everything behind it wait when a replica dies with it. One that is still working says so."""

LAG_EVERY = 5.0
"""Seconds between looks at how much waits for a consumer: often enough for who scrapes."""

REQUEST_TIMEOUT = 5.0
"""Seconds to wait for the answer to a command: a decision takes milliseconds, a restart seconds."""


class Delivered(NamedTuple):
    """Where a consumed message stood."""

    id: str
    "Last token of its subject: the conference."
    sequence: int
    "In its stream."


class Unanswered(Exception):
    """No service answered a command."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        super().__init__(f"nobody answers on {subject}")


def pattern(subject: str) -> str:
    """`conference.events.town-hall-1` → `conference.events.*`: spans are named without ids."""
    family, kind, *_ = subject.split(".")
    return f"{family}.{kind}.*"


async def answer(
    nc: Client,
    subject: str,
    *,
    queue: str = "",
    decode: Callable[[bytes], T],
    handle: Callable[[T], Awaitable[Message]],
    group: asyncio.TaskGroup,
) -> Subscription:
    """Answer each command on `subject`, slow ones beside others.

    One replica of `queue` gets each; without a queue everybody answers (see `scatter`).
    """

    async def respond(msg: Msg) -> None:
        with trace.span(f"process {subject}", SpanKind.SERVER, headers=msg.headers):
            reply: Message
            try:
                reply = await handle(decode(msg.data))
            except msgspec.MsgspecError as exc:
                reply = Refused("invalid", str(exc))
            except Exception as exc:
                # The one place where anything may be caught: the top of one message.
                log.exception("command failed", subject=pattern(msg.subject))
                reply = Refused("internal", f"the service failed: {type(exc).__name__}")
            try:
                await msg.respond(encode(reply))
            except OUTAGES as exc:
                log.warning("answer lost", error=type(exc).__name__)

    async def receive(msg: Msg) -> None:
        group.create_task(respond(msg), name=ANSWER)

    sub = await nc.subscribe(subject, queue=queue, cb=receive)
    group.create_task(_subscribed(sub))
    return sub


async def _subscribed(sub: Subscription) -> None:
    """Take commands in until cancelled."""
    try:
        await asyncio.Event().wait()
    finally:
        with suppress(*OUTAGES):
            await sub.unsubscribe()


async def persist(
    work: Callable[[], Awaitable[T]], outages: tuple[type[Exception], ...] = OUTAGES
) -> T:
    """Do it, again and again, however long the server is away."""
    while True:
        try:
            return await work()
        except outages as exc:
            log.warning("bus away", error=type(exc).__name__)
            await asyncio.sleep(RETRY)


async def ask(
    nc: Client, subject: str, command: Message, *, patience: float = REQUEST_TIMEOUT
) -> bytes:
    """Send a command and wait for its answer, also while the service is just starting."""
    deadline = asyncio.get_running_loop().time() + patience
    with trace.span(f"send {pattern(subject)}", SpanKind.CLIENT):
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                msg = await nc.request(
                    subject, encode(command), timeout=max(left, 0.1), headers=trace.outgoing()
                )
            except nats.errors.NoRespondersError:
                if left <= 0:
                    raise Unanswered(subject) from None
                await asyncio.sleep(0.1)
            except nats.errors.TimeoutError:
                raise Unanswered(subject) from None
            else:
                return msg.data


async def scatter(
    nc: Client,
    subject: str,
    question: Message,
    *,
    expected: int,
    patience: float,
    useful: Callable[[bytes], bool] = bool,
    longest: float = 0.0,
) -> list[bytes]:
    """Ask everybody on `subject`; the answers that came within `patience` seconds.

    While none of them is `useful` and somebody is still silent, which on a busy machine means
    little, the wait goes on for up to `longest` seconds in all.
    """
    answers: list[bytes] = []
    if expected == 0:
        return answers
    complete, found = asyncio.Event(), asyncio.Event()

    async def take(msg: Msg) -> None:
        answers.append(msg.data)
        if useful(msg.data):
            found.set()
        if len(answers) >= expected:
            complete.set()
            found.set()

    inbox = nc.new_inbox()
    sub = await nc.subscribe(inbox, cb=take)
    try:
        await nc.publish(subject, encode(question), reply=inbox, headers=trace.outgoing())
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await complete.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, longest - patience)):
                await found.wait()
    finally:
        await sub.unsubscribe()
    return answers


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
    async with beside(_take_back(nc, family, durable, decode, take)):
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
            await _park(js, msg, durable, "its handlers died")
            return
        try:
            async with beside(_hold(msg)):
                commit = decode(msg.data)
                await persist(lambda: handle(commit, where), AWAY)
        except msgspec.MsgspecError as exc:
            await _park(js, msg, durable, str(exc))
        except Exception as exc:
            log.exception("handler failed", durable=durable, subject=subject)
            if tries >= MAX_DELIVER:
                await _park(js, msg, durable, type(exc).__name__)
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


async def ensure_parked(js: JetStreamContext) -> None:
    """The stream of messages that nobody can handle."""
    await ensure_stream(js, StreamConfig(name=PARKED_STREAM, subjects=[PARKED]))


async def _park(js: JetStreamContext, msg: Msg, durable: str, why: str) -> None:
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


async def _take_back(
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
    await _subscribed(sub)


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
