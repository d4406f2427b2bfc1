"""KV `recordings`: read as a whole, changed by compare-and-set, whoever else writes it."""

import asyncio
from collections.abc import Callable

import structlog

from kit import bus
from kit.kv import Bucket, Stale, Watch
from proto.base import encode
from proto.recording import Recording, decode_recording

log = structlog.get_logger()

Change = Callable[[Recording | None], Recording | None]
"""What a recording becomes; None: nothing, or it stays unknown."""


class Catalogue:
    def __init__(self, bucket: Bucket, watch: Watch) -> None:
        self._bucket = bucket
        self._watch = watch
        self.known: dict[str, Recording] = {}
        self.news = asyncio.Event()
        "Something has changed; whoever waits for it clears it."

    async def follow(self) -> None:
        async for key, recording in self._watch.values(decode_recording):
            if recording is None:
                self.known.pop(key, None)
            else:
                self.known[key] = recording
            self.news.set()

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def change(self, ident: str, change: Change) -> Recording | None:
        """What it is afterwards. Waits for NATS as long as that takes."""
        return await bus.persist(lambda: self._change(ident, change))

    async def _change(self, ident: str, change: Change) -> Recording | None:
        while True:
            entry = await self._bucket.get(ident)
            before = decode_recording(entry.value) if entry and entry.value else None
            after = change(before)
            if after is None or after == before:
                return before
            revision = entry.revision if entry else 0
            try:
                await self._bucket.write(ident, encode(after), revision=revision)
            except Stale:
                continue
            self.known[ident] = after
            self.news.set()
            return after

    async def amend(self, ident: str, change: Callable[[Recording], Recording]) -> Recording | None:
        """The same for one that is known; nothing is made of one that is not."""
        return await self.change(ident, lambda r: None if r is None else change(r))

    async def forget(self, ident: str) -> None:
        await bus.persist(lambda: self._bucket.delete(ident))
        self.known.pop(ident, None)
