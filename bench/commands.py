"""What a command to one replica of conference_state costs, by how long the conference's history is.

The same question every time: take the floor, give it back. Each is one commit.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import msgspec
import nats
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from bench.common import cpu_of_tree
from kit import bus
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from proto import subjects
from proto.base import Accepted, decode_reply, encode
from proto.conference import (
    ConferenceEvent,
    ConferenceStarted,
    ParticipantJoined,
    PresentationStarted,
    PresentationStopped,
    StartPresenting,
    StopPresenting,
)
from proto.config import Conference
from proto.urls import SealedUrl

LENGTHS = (10, 1_000, 10_000)
"""Commits before the first command; each round adds its own."""

SETTLED = 120.0
"""Seconds for the replica to have looked through what was written behind its back."""

VIEWS = "conference-state-views"
"""The replica's own reader of what it has committed."""

SLIDES = SealedUrl("ann.presentation", "***", "file")


class Cost(msgspec.Struct, frozen=True):
    """Of one round at one length."""

    seconds: float
    "Wall time of one command, one after another."
    cpu: float
    "CPU seconds of the replica for one."


def key(length: int) -> str:
    return f"bench-{length}"


async def write_histories(nc: Client) -> None:
    """Before the service starts: conferences that have gone on for so many commits."""
    js = nc.jetstream()
    logs = await JetStreamLog.ensure_all(js)
    config = await Bucket.ensure(js, subjects.CONFIG)
    for n, length in enumerate(LENGTHS, 1):
        vmr = Conference(f"Bench {length}", n, key(length))
        await config.put(f"conference.{n}", encode(vmr))
        subject = subjects.events("conference", key(length))
        for commit in history(length):
            await logs["conference"].append(subject, encode(commit), expected=None)


def history(length: int) -> list[list[ConferenceEvent]]:
    """So many commits: somebody comes in, then takes the floor and gives it back."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    name = key(length)
    opening: list[ConferenceEvent] = [
        ConferenceStarted(at, name, f"i-{length}", f"Bench {length}"),
        ParticipantJoined(at, "ann", "Ann", "chair", presentation=SLIDES),
    ]
    floor: list[list[ConferenceEvent]] = [
        [PresentationStarted(at, "ann")],
        [PresentationStopped(at, "ann")],
    ]
    return [opening, *(floor[n % 2] for n in range((length - 1) // 2 * 2))]


async def settle(nc: Client) -> None:
    """Wait until the replica has seen all commits, so that nothing else is measured."""
    js = nc.jetstream()
    async with asyncio.timeout(SETTLED):
        while True:
            with suppress(NotFoundError):
                seen = await js.consumer_info(subjects.stream("conference"), VIEWS)
                if not (seen.num_pending or seen.num_ack_pending):
                    return
            await asyncio.sleep(0.2)


async def measure(nc: Client, pid: int, length: int, commands: int) -> Cost:
    """One round."""
    subject = subjects.conference_commands(key(length))
    cpu, start = cpu_of_tree(pid), time.perf_counter()
    for n in range(commands):
        command = (StartPresenting, StopPresenting)[n % 2](key(length), "ann")
        reply = decode_reply(await bus.ask(nc, subject, command))
        if not isinstance(reply, Accepted):
            raise AssertionError(reply.code)
    seconds = time.perf_counter() - start
    await settle(nc)
    return Cost(seconds / commands, (cpu_of_tree(pid) - cpu) / commands)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    async def waiting(_: Exception) -> None:
        """The server is only just starting."""

    client = await nats.connect(url, error_cb=waiting)
    try:
        yield client
    finally:
        await client.close()
