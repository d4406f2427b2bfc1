"""Saying that one is alive, twice a second."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog

from kit.follow import OUTAGES
from kit.kv import Bucket
from kit.tasks import end
from proto.base import encode

log = structlog.get_logger()

PERIOD = 0.5
"""Seconds between heartbeats: a reader that waits for four of them notices a death in two."""


@asynccontextmanager
async def beat(bucket: Bucket, key: str, view: Callable[[], msgspec.Struct]) -> AsyncIterator[None]:
    """Put `view()` under `key` while the body runs, and take it away at the end."""

    async def beating() -> None:
        while True:
            with suppress(*OUTAGES):
                await bucket.put(key, encode(view()))
            await asyncio.sleep(PERIOD)

    async with asyncio.TaskGroup() as group:
        heart = group.create_task(beating())
        try:
            yield
        finally:
            await end([heart])
            with suppress(*OUTAGES):
                await bucket.delete(key)
