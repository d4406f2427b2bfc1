"""Tasks that end for certain."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any

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
