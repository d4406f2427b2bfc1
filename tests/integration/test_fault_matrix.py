"""Each fault on destination A, measured on destination B of the same stream: B misses nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import pytest

from proto.egress import OnAir
from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Bus, Limits
from services.rtmp_egress.media.flv import AUDIO, SCRIPT, VIDEO, FlvTag
from services.rtmp_egress.media.publisher import Deadlines, Publisher
from services.rtmp_egress.outlet import Outlet
from tests.support.faulty_rtmp import FaultyServer, faulty_server
from tests.support.nats import free_port
from tests.support.tags import target

FPS, GOP = 30, 15
PICTURE = 10_000
"""Bytes; 2.4 Mbit/s."""

HASTY = Deadlines(connect=0.5, setup=0.6, write=0.8, close=0.5, ping=0.2, trial=0.2)
"""So that slow faults are seen in seconds; what they are measured against is the same."""

CALM = 0.5
"""Seconds of media before and after the fault."""


class Clockwork:
    """A paper encoder: a bus that gets a picture each thirtieth of a second."""

    def __init__(self) -> None:
        self.bus = Bus(Limits(milliseconds=1500, bytes=600_000))
        self.pictures = 0
        self.late: list[float] = []
        "Seconds that each picture was handed over after its time."

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self.bus.put(FlvTag(kind, 0, b"\x17\0head", header=True) for kind in (SCRIPT, VIDEO, AUDIO))
        begun = loop.time()
        while True:
            due = begun + self.pictures / FPS
            await asyncio.sleep(max(0.0, due - loop.time()))
            self.late.append(loop.time() - due)
            n = self.pictures
            payload = b"\x17\x01\0\0\0" + n.to_bytes(4, "big") + bytes(PICTURE)
            self.bus.put([FlvTag(VIDEO, n * 1000 // FPS, payload, key_frame=n % GOP == 0)])
            self.pictures += 1


class Watched:
    """A destination, and what it has told."""

    def __init__(self, bus: Bus, url: str, deadlines: Deadlines) -> None:
        self.told: list[core.Tell] = []
        self.at: list[float] = []
        publisher = partial(Publisher, target(url), deadlines=deadlines)
        self.outlet = Outlet(
            bus,
            [publisher],
            self._hear,
            hot=False,
            clock=time.monotonic,
            chance=lambda: 0.5,
            seen=False,
        )

    def _hear(self, outlet: Outlet, told: core.Tell, on_air: OnAir) -> None:
        self.told.append(told)
        self.at.append(time.monotonic())

    async def until(self, holds: Callable[[core.Tell], bool]) -> core.Tell:
        async with asyncio.timeout(25):
            while True:
                for told in self.told:
                    if holds(told):
                        return told
                await asyncio.sleep(0.01)


async def watched(server: FaultyServer) -> list[int]:
    """The numbers of the pictures that a server got, which was published to once."""
    [publication] = await server.pictures()
    return [number for _, number in publication]


def gapless(numbers: list[int]) -> bool:
    return all(after == before + 1 for before, after in pairwise(numbers))


@asynccontextmanager
async def stage(
    url_of_a: str,
    url_of_b: str,
    deadlines: Deadlines = HASTY,
) -> AsyncIterator[tuple[Clockwork, Watched, Watched]]:
    clockwork = Clockwork()
    a, b = (Watched(clockwork.bus, url, deadlines) for url in (url_of_a, url_of_b))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(clockwork.run())
        for one in (a, b):
            group.create_task(one.outlet.run())
        try:
            yield clockwork, a, b
        finally:
            for one in (a, b):
                one.outlet.remove()
            await asyncio.wait_for(b.outlet.ended.wait(), 5)
            running.cancel()


MATRIX = {
    "mute-at-handshake": ("connecting", "handshake-timeout"),
    "mute-at-connect": ("connecting", "handshake-timeout"),
    "mute-at-createStream": ("connecting", "handshake-timeout"),
    "mute-at-publish": ("connecting", "handshake-timeout"),
    "close-at-handshake": ("connecting", "handshake-closed"),
    "close-at-connect": ("connecting", "rejected"),
    "close-at-createStream": ("connecting", "rejected"),
    "close-at-publish": ("connecting", "rejected"),
    "close-at-live": ("recovering", "refused-after-start"),
    "mute-at-live": ("recovering", "stalled"),
    "stop-reading": ("recovering", "stalled"),
    "slow-reader": ("publishing", "overflow"),
    "reset": ("recovering", "connection-lost"),
    "close-later": ("recovering", "server-closed"),
    "kick": ("recovering", "server-closed"),
    "late-gibberish": ("recovering", "connection-lost"),
    "pongs-then-silence": ("recovering", "not-acknowledged"),
    "acks-then-silence": ("recovering", "not-acknowledged"),
    "garbage": ("failed", "not-rtmp"),
    "gibberish": ("failed", "not-rtmp"),
    "refuse-connect": ("failed", "connect-rejected"),
    "unknown-app": ("failed", "unknown-app"),
    "need-adobe": ("failed", "auth-required"),
    "auth-failed": ("failed", "auth-failed"),
    "refuse-bad-name": ("connecting", "stream-key-in-use-or-invalid"),
    "refuse-denied": ("failed", "publish-denied"),
    "refuse-otherwise": ("failed", "publish-rejected"),
    "forbid-later": ("failed", "publish-denied"),
}
"""What A is told to be first, and the reason code."""

LATER = {
    "reset": 150_000,
    "kick": 150_000,
    "late-gibberish": 150_000,
    "pongs-then-silence": 300_000,
    "acks-then-silence": 600_000,
}
"""Bytes after which it happens, so that the stream has been kept for a moment before."""


@pytest.mark.parametrize(("fault", "expected"), MATRIX.items(), ids=MATRIX)
async def test_a_fault_of_one_costs_the_other_nothing(
    fault: str, expected: tuple[str, str]
) -> None:
    enough = LATER.get(fault, 20_000)
    # A kernel that is full opens its window again in large steps.
    deadlines = Deadlines() if fault == "slow-reader" else HASTY
    async with faulty_server(fault, enough=enough) as bad, faulty_server("ok") as good:
        urls = bad.url("live/a"), good.url("live/b")
        async with stage(*urls, deadlines) as (clockwork, a, b):
            found = await a.until(lambda told: bool(told.code))
            await asyncio.sleep(CALM)
            assert b.outlet.dropped_frames == 0
        seen = await watched(good)

    assert (found.state, found.code) == expected
    assert found.reason
    assert [told.state for told in b.told] == ["connecting", "publishing", "stopped"]
    assert gapless(seen)
    # The last are still on their way when the stream is hung up.
    assert len(seen) >= clockwork.pictures - GOP - 2


async def test_a_port_where_nobody_listens_costs_the_other_nothing() -> None:
    nobody = f"rtmp://127.0.0.1:{free_port()}/live/a"
    async with faulty_server("ok") as good:
        async with stage(nobody, good.url("live/b")) as (_, a, _b):
            found = await a.until(lambda told: told.attempt == 3)
        seen = await watched(good)

    assert (found.state, found.code) == ("connecting", "connect-refused")
    assert gapless(seen)


MENDED = (
    "mute-at-handshake",
    "close-at-publish",
    "reset",
    "stop-reading",
    "pongs-then-silence",
    "refuse-bad-name",
)


@pytest.mark.parametrize("fault", MENDED)
async def test_a_fault_that_passes_is_survived(fault: str) -> None:
    """The stream is there again, from a key frame and time 0."""
    async with faulty_server(fault, times=1, enough=200_000) as bad, faulty_server("ok") as good:
        async with stage(bad.url("live/a"), good.url("live/b")) as (_, a, _b):
            await a.until(lambda told: bool(told.code))
            await a.until(lambda told: told.state == "publishing" and told.attempt > 1)
            await asyncio.sleep(CALM)
        publications = await bad.pictures()

    back = [number for _, number in publications[-1]]
    assert len(back) >= CALM * FPS / 2
    assert back[0] % GOP == 0, "a key frame first"
    assert publications[-1][0][0] == 0, "time begins anew"
    assert gapless(back)
