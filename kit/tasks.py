"""Tasks that end for certain."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

log = structlog.get_logger()

CANCEL_AGAIN = 0.5
"""Seconds that a task may take to end before it is told again."""


async def end(tasks: Collection[asyncio.Task[Any]], again: float = CANCEL_AGAIN) -> None:
    """Cancel them until all have ended: on Python 3.11 `wait_for` may swallow a cancellation."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=again)


@asynccontextmanager
async def beside(job: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do this for as long as the body lasts; nobody hears of it if it fails."""
    task = asyncio.ensure_future(job)
    try:
        yield
    finally:
        await end([task])


class Errands:
    """Work on the side: one errand that fails ends nothing else, and only its kind is logged,
    since what an exception says may hold a secret."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(job)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def end(self) -> None:
        await end(list(self._tasks))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("errand failed", kind=type(failure).__name__)
