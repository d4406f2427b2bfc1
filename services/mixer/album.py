"""Snapshots of one conference for all who ask: one picture of a kind in two seconds serves all."""

import asyncio
from collections.abc import Callable

import msgspec

from proto.mixer import SnapshotKind

FRESH = 2.0
"""Seconds for which a picture is given again."""

PATIENCE = 1.5
"""Seconds to wait for a picture; a mix that does not draw one by then does not run."""


class Asked(msgspec.Struct, frozen=True, eq=False):
    """The newest picture of a kind, or one that is still to come."""

    number: int
    of: str
    at: float
    picture: "asyncio.Future[bytes | None]"


class Album:
    def __init__(
        self, take: Callable[[int, SnapshotKind], None], clock: Callable[[], float]
    ) -> None:
        """`take` asks the conference's process for a picture with a number."""
        self._take = take
        self._clock = clock
        self._number = 0
        self._newest: dict[SnapshotKind, Asked] = {}

    async def picture(self, kind: SnapshotKind, of: str = "") -> bytes | None:
        """The newest JPEG of a kind, of one presenter. None: there is nothing to show. Raises
        TimeoutError."""
        asked, now = self._newest.get(kind), self._clock()
        if asked is None or asked.of != of or now - asked.at >= FRESH:
            self._number += 1
            future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
            asked = self._newest[kind] = Asked(self._number, of, now, future)
            self._take(self._number, kind)
        async with asyncio.timeout(PATIENCE):
            # Not awaited itself: who gives up must not take it away from the others.
            await asyncio.wait([asked.picture])
        if asked.picture.cancelled():
            raise TimeoutError
        return asked.picture.result()

    def took(self, number: int, jpeg: bytes | None) -> None:
        """A picture came; one that nobody waits for any more is of no interest."""
        for asked in self._newest.values():
            if asked.number == number and not asked.picture.done():
                asked.picture.set_result(jpeg)

    def lost(self) -> None:
        """The process is gone; what was asked of it will not come."""
        for asked in self._newest.values():
            asked.picture.cancel()
        self._newest.clear()
