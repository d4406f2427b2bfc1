"""An encoder made of paper and two destinations of what it gives, without a process around them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from proto.egress import OnAir
from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Bus, Limits
from services.rtmp_egress.media.flv import AUDIO, SCRIPT, VIDEO, FlvTag
from services.rtmp_egress.media.publisher import Deadlines, Publisher
from services.rtmp_egress.outlet import Outlet
from tests.support.tags import target

FPS, GOP = 30, 15
PICTURE = 10_000
"""Bytes; 2.4 Mbit/s."""


class Clockwork:
    """A paper encoder: a bus that gets a picture each thirtieth of a second."""

    def __init__(self) -> None:
        self.bus = Bus(Limits(milliseconds=1500, bytes=600_000))
        self.pictures = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self.bus.put(FlvTag(kind, 0, b"\x17\0head", header=True) for kind in (SCRIPT, VIDEO, AUDIO))
        begun = loop.time()
        while True:
            due = begun + self.pictures / FPS
            await asyncio.sleep(max(0.0, due - loop.time()))
            n = self.pictures
            payload = b"\x17\x01\0\0\0" + n.to_bytes(4, "big") + bytes(PICTURE)
            self.bus.put([FlvTag(VIDEO, n * 1000 // FPS, payload, key_frame=n % GOP == 0)])
            self.pictures += 1


class Watched:
    """A destination, and what it has told."""

    def __init__(self, bus: Bus, url: str, deadlines: Deadlines = Deadlines()) -> None:  # noqa: B008, it is frozen
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


@asynccontextmanager
async def stage(
    url_of_a: str, url_of_b: str, deadlines: Deadlines
) -> AsyncIterator[tuple[Clockwork, Watched, Watched]]:
    clockwork = Clockwork()
    a, b = Watched(clockwork.bus, url_of_a, deadlines), Watched(clockwork.bus, url_of_b)
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
