"""Reading a stream: from anywhere, in order, for ever, whatever happens to the server meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import nats.errors
import nats.js.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from kit.newer import readable

log = structlog.get_logger()

T = TypeVar("T")

LINGER = 5.0
"""Seconds that one fetch waits before it is asked anew, in case it was lost on the way."""

PROMPT = 0.5
"""The same for a reader that is still catching up: what is stored comes at once, or not at all."""

EMPTY = 2
"""Fetches in a row that bring nothing, after which a reader has caught up whatever the server
counts: what is written anew while a consumer is made may be counted for it and never come (2.9)."""

READ_AHEAD = 256
"""Messages per fetch while many wait; one is a few hundred bytes."""

RETRY = 0.5
"""Seconds before a reader that lost its consumer makes another."""


class Reconnected(Exception):
    """The connection was lost and is back: what was asked of the old one will not be answered."""


OUTAGES = (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError, Reconnected)
"""What a client sees while the server is away; every one of them is worth another try."""


_fetching: set[asyncio.Future[list[Msg]]] = set()
"""Of this process; it has one connection."""


def reconnected() -> None:
    """Tell all who wait for messages that the connection is a new one."""
    for fetch in list(_fetching):
        fetch.cancel()


async def next_of(sub: JetStreamContext.PullSubscription) -> Msg:
    """The next message. Raises TimeoutError if none comes for a while, or what an outage is."""
    [msg] = await some_of(sub, 1)
    return msg


async def some_of(
    sub: JetStreamContext.PullSubscription, count: int, linger: float = LINGER
) -> list[Msg]:
    """The next ones, as many as are known to be there; the same holds."""
    fetch = asyncio.ensure_future(sub.fetch(count, timeout=linger))
    _fetching.add(fetch)
    task = asyncio.current_task()
    try:
        some = await fetch
    except asyncio.CancelledError:
        if task is not None and task.cancelling():
            raise
        raise Reconnected from None
    finally:
        _fetching.discard(fetch)
    if task is not None and task.cancelling():
        # On Python 3.11 `wait_for` swallows a cancellation that comes along with a message.
        raise asyncio.CancelledError
    return some


@asynccontextmanager
async def reading(
    js: JetStreamContext,
    stream: str,
    subject: str,
    *,
    after: int | None,
    last_per_subject: bool = False,
) -> AsyncIterator[JetStreamContext.PullSubscription]:
    """A consumer of our own on `subject`, gone when we are.

    `after` is the stream sequence to start behind; None starts with what comes from now on.
    `last_per_subject` starts with the newest message of every subject instead.
    """
    config = ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=60, mem_storage=True)
    if last_per_subject:
        config.deliver_policy = DeliverPolicy.LAST_PER_SUBJECT
    elif after is None:
        config.deliver_policy = DeliverPolicy.NEW
    elif after == 0:
        config.deliver_policy = DeliverPolicy.ALL
    else:
        config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
        config.opt_start_seq = after + 1
    sub = await js.pull_subscribe(subject, stream=stream, config=config)
    try:
        yield sub
    finally:
        with suppress(*OUTAGES):
            await sub.unsubscribe()
            assert config.name is not None
            await js.delete_consumer(stream, config.name)


class Follower:
    """What is stored on a subject and then what comes, each once, in order, for ever."""

    def __init__(
        self,
        js: JetStreamContext,
        stream: str,
        subject: str,
        *,
        after: int | None = 0,
        last_per_subject: bool = False,
    ) -> None:
        self._js = js
        self._stream = stream
        self._subject = subject
        self._after = after
        self._last_per_subject = last_per_subject
        self.started = asyncio.Event()
        "Set when the consumer exists: whatever is published from now on will be seen."
        self.caught_up = asyncio.Event()
        "Set when all that was stored at the start has been handed out and dealt with."

    async def messages(self) -> AsyncIterator[Msg]:
        while True:
            try:
                async with reading(
                    self._js,
                    self._stream,
                    self._subject,
                    after=self._after,
                    last_per_subject=self._last_per_subject,
                ) as sub:
                    if self._after is None:
                        # A later consumer must go on from here, not from its own beginning.
                        self._after = await self._last_sequence()
                    if (await sub.consumer_info()).num_pending == 0:
                        self.caught_up.set()
                    self.started.set()
                    async for msg in _each(sub, self.caught_up):
                        sequence = msg.metadata.sequence.stream
                        if self._after is not None and sequence <= self._after:
                            continue
                        yield msg
                        self._after, self._last_per_subject = sequence, False
                        if msg.metadata.num_pending == 0:
                            self.caught_up.set()
            except OUTAGES as exc:
                log.warning("reader lost", stream=self._stream, error=type(exc).__name__)
                await asyncio.sleep(RETRY)

    async def commits(
        self, decode: Callable[[bytes], Sequence[T]]
    ) -> AsyncIterator[tuple[Msg, Sequence[T]]]:
        """The same, decoded. What cannot be read, as of a newer version, is left out and logged."""
        async for msg in self.messages():
            if commit := readable(msg.data, decode, self._stream):
                yield msg, commit

    async def _last_sequence(self) -> int:
        info: Any = await self._js.stream_info(self._stream)
        return int(info.state.last_seq)


async def _each(
    sub: JetStreamContext.PullSubscription, caught_up: asyncio.Event
) -> AsyncIterator[Msg]:
    waiting = empty = 0
    while True:
        linger = LINGER if caught_up.is_set() else PROMPT
        try:
            # A fetch of many lingers until it has them all, so no more than are known to wait.
            some = await some_of(sub, max(1, min(READ_AHEAD, waiting)), linger)
        except nats.errors.TimeoutError:
            # Nothing came; a consumer that is gone raises something else here.
            waiting = (await sub.consumer_info()).num_pending or 0
            empty += 1
            if not waiting or empty >= EMPTY:
                caught_up.set()
            continue
        empty = 0
        for msg in some:
            yield msg
        waiting = some[-1].metadata.num_pending
