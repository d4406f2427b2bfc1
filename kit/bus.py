"""Commands by request and reply, questions to many workers at once."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import ServiceUnavailableError
from opentelemetry.trace import SpanKind

from kit import trace
from kit.follow import OUTAGES, RETRY, Reconnected
from proto.base import Message, Refused, encode

log = structlog.get_logger()

T = TypeVar("T")

ANSWER = "answer"
"""Name of the tasks that answer a command: at the end of a service they may finish."""

AWAY = (nats.errors.Error, ServiceUnavailableError, OSError, TimeoutError, Reconnected)
"""The bus is not there: no fault of the message that is being handled."""

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
                # Anything may be caught at the top of one message, and nowhere else.
                log.exception("command failed", subject=pattern(msg.subject))
                reply = Refused("internal", f"the service failed: {type(exc).__name__}")
            try:
                await msg.respond(encode(reply))
            except OUTAGES as exc:
                log.warning("answer lost", error=type(exc).__name__)

    async def receive(msg: Msg) -> None:
        group.create_task(respond(msg), name=ANSWER)

    sub = await nc.subscribe(subject, queue=queue, cb=receive)
    group.create_task(subscribed(sub))
    return sub


async def subscribed(sub: Subscription) -> None:
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
