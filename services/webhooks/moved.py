"""Waiting for something to do, and for somebody to be done."""

import asyncio
from collections.abc import Collection
from typing import Any

CANCEL_AGAIN = 0.5
"""Seconds that a task may take to end before it is told again."""


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel them until all have ended: on Python 3.11 `wait_for` may swallow a cancellation."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=CANCEL_AGAIN)


class Moved:
    """Something to wait for that may have moved on already."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Until it moves, or for so long; what moved before counts once."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()
