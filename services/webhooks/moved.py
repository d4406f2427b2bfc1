"""Waiting for something to do."""

import asyncio


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
