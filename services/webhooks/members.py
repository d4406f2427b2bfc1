"""Which replicas there are, and which of them delivers to a sink.

All replicas come to the same answer from the same list; while their lists differ, two may deliver
to one sink, and the state of the sink, which is compared and set, tells one of them to stop.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec

from kit.follow import OUTAGES
from kit.kv import Bucket

SILENCE = 3.5
"""Seconds without a heartbeat after which a replica is taken for gone; there are two a second."""

FORGOTTEN = 60.0
"""Seconds after which its key is deleted."""

PREFIX = "replica."


class Member(msgspec.Struct, frozen=True):
    """The heartbeat of a replica."""

    replica: str


def owner(sink: int, replicas: Iterable[str]) -> str:
    """By rendezvous hashing: a replica that comes or goes moves its own share and no other."""
    return max(replicas, key=lambda one: hashlib.sha256(f"{one}/{sink}".encode()).digest())


class Members:
    def __init__(self, bucket: Bucket, own: str, clock: Callable[[], float]) -> None:
        self._bucket = bucket
        self._own = own
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._watch = bucket.watch(f"{PREFIX}*")
        self._seen: dict[str, float] = {}

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()

    def key(self) -> str:
        return f"{PREFIX}{self._own}"

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    def alive(self) -> list[str]:
        since = self._clock() - SILENCE
        return sorted({self._own, *(name for name, at in self._seen.items() if at > since)})

    async def follow(self) -> None:
        async for key, value, _ in self._watch.entries():
            name = key.removeprefix(PREFIX)
            new = name not in self._seen
            if value is None:
                self._seen.pop(name, None)
            else:
                self._seen[name] = self._clock()
            if new or value is None:
                self._changed()

    async def look(self) -> None:
        """Notice who has fallen silent."""
        known = self.alive()
        while True:
            await asyncio.sleep(SILENCE / 4)
            if (now := self.alive()) != known:
                known = now
                self._changed()
            for name, at in list(self._seen.items()):
                if at < self._clock() - FORGOTTEN:
                    with suppress(*OUTAGES):
                        await self._bucket.delete(f"{PREFIX}{name}")
