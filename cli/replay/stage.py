"""What a replay is played on: streams, buckets, the clock and the sink of a stack of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import msgspec
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from cli.log.read import DECODERS, Entry, Log
from cli.replay.sink import Sink
from kit import bus
from kit.eventlog import JetStreamLog
from kit.follow import reading
from kit.kv import Bucket
from kit.secrets import Sealer
from proto import subjects
from proto.base import Accepted, Message, Refused, decode_reply, encode
from proto.conference import ConferenceCommand
from proto.export import Line, Settings
from proto.replay import SetClock
from proto.subjects import FAMILIES, Family
from proto.views import ConferenceView, decode_conference

T = TypeVar("T")

LOOK = 0.02
"""Seconds between looks for something that must come."""

PATIENCE = 30.0
"""Seconds for the stack to do anything that it did in the log."""

ANSWER = 10.0
"""Seconds for a command to be answered."""

FETCH_TIMEOUT = 5.0
"""Seconds for a fetch of what is known to be there."""


class Stage:
    def __init__(self, nc: Client, sealer: Sealer, sink: Sink) -> None:
        self._nc = nc
        self._js = nc.jetstream()
        self._sealer = sealer
        self.sink = sink

    async def ready(self) -> None:
        """Streams, buckets and both kinds of workers are there."""
        self._logs = await JetStreamLog.ensure_all(self._js)
        self._views = await Bucket.ensure(self._js, subjects.CONFERENCES)
        self._config = await Bucket.ensure(self._js, subjects.CONFIG)
        self._secrets = await Bucket.ensure(self._js, subjects.SECRETS)
        self.feeds = await Bucket.ensure(self._js, subjects.FEEDS)
        workers = await Bucket.ensure(self._js, subjects.WORKERS, ttl=subjects.WORKERS_TTL)

        async def both() -> bool:
            return {key.partition(".")[0] for key in await workers.everything()} >= {
                "mixer",
                "egress",
            }

        await until(both)

    async def configure(self, known: Settings) -> None:
        """As it was, with addresses that nobody can open."""
        if known.general is not None:
            await self._config.put("global.1", encode(known.general))
        for theme in known.themes:
            await self._config.put(f"ivr_theme.{theme.id}", encode(theme))
        for automatic in known.automatic:
            await self._config.put(f"automatic_participant.{automatic.id}", encode(automatic))
        if known.vmr is not None:
            await self._config.put(f"conference.{known.vmr.id}", encode(known.vmr))

    async def seal(self, key: str, url: str) -> None:
        await self._secrets.put(key, self._sealer.seal(url).encode())

    async def clock(self, at: datetime) -> None:
        """It is `at`, as soon as this returns."""
        await bus.ask(self._nc, subjects.REPLAY_CLOCK, SetClock(at), patience=PATIENCE)

    async def tell(self, command: ConferenceCommand) -> Accepted | Refused:
        subject = subjects.conference_commands(command.conference)
        return decode_reply(await bus.ask(self._nc, subject, command, patience=ANSWER))

    async def last(self, conference: str) -> int:
        """Sequence of the last commit."""
        subject = subjects.events("conference", conference)
        try:
            message = await self._js.get_last_msg(subjects.stream("conference"), subject)
        except nats.js.errors.NotFoundError:
            return 0
        return message.seq or 0

    async def append(self, family: Family, conference: str, commit: bytes) -> None:
        await self._logs[family].append(subjects.events(family, conference), commit, expected=None)

    async def say(self, subject: str, message: Message) -> None:
        await self._nc.publish(subject, encode(message))
        await self._nc.flush()

    async def hear(self, conference: str, hear: Callable[[Family, bytes], None]) -> None:
        """All that is stored for a conference from now on, as it comes."""
        for family in FAMILIES:

            async def heard(msg: Msg, family: Family = family) -> None:
                hear(family, msg.data)

            await self._nc.subscribe(subjects.events(family, conference), cb=heard)
        await self._nc.flush()

    async def view(self, conference: str) -> ConferenceView:
        entry = await self._views.get(conference)
        if entry is None or entry.value is None:
            return ConferenceView(conference, 0)
        return decode_conference(entry.value)

    async def log(self, conference: str) -> Log:
        """What has come out."""
        entries = []
        for family in FAMILIES:
            stream, subject = subjects.stream(family), subjects.events(family, conference)
            async with reading(self._js, stream, subject, after=0) as sub:
                left = (await sub.consumer_info()).num_pending or 0
                while left:
                    [msg] = await sub.fetch(1, timeout=FETCH_TIMEOUT)
                    left, meta = msg.metadata.num_pending, msg.metadata
                    line = Line(family, meta.sequence.stream, meta.timestamp, msgspec.Raw(msg.data))
                    entries.append(Entry(line, DECODERS[family](msg.data)))
        entries.sort(key=lambda entry: entry.line.time)
        return Log(conference, entries, await self.view(conference))


async def until(look: Callable[[], Awaitable[T | None]], patience: float = PATIENCE) -> T:
    """What `look` finds, as soon as it finds something. Raises TimeoutError."""
    async with asyncio.timeout(patience):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(LOOK)
