"""Snapshots of one conference for all who ask: one picture of a kind in two seconds serves all."""

import asyncio
from collections.abc import Callable

from proto.mixer import SnapshotKind

FRESH = 2.0
"""Seconds for which a picture is given again."""

PATIENCE = 1.5
"""Seconds to wait for a picture; a mix that does not draw one by then does not run."""


class Album:
    def __init__(
        self, take: Callable[[int, SnapshotKind], None], clock: Callable[[], float]
    ) -> None:
        """`take` asks the conference's process for a picture with a number."""
        self._take = take
        self._clock = clock
        self._number = 0
        self._newest: dict[tuple[SnapshotKind, str], tuple[float, asyncio.Future[bytes | None]]]
        self._newest = {}
        self._awaited: dict[int, asyncio.Future[bytes | None]] = {}

    async def picture(self, kind: SnapshotKind, of: str = "") -> bytes | None:
        """The newest JPEG of a kind, `of` whom it is part of what it is. None: there is nothing to
        show. Raises TimeoutError."""
        key, now = (kind, of), self._clock()
        at, wanted = self._newest.get(key, (0.0, None))
        if wanted is None or now - at >= FRESH or wanted.cancelled():
            self._number += 1
            wanted = asyncio.get_running_loop().create_future()
            self._newest = {k: v for k, v in self._newest.items() if k[0] != kind}
            self._newest[key] = now, wanted
            self._awaited[self._number] = wanted
            self._take(self._number, kind)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.shield(wanted)
        except asyncio.CancelledError:
            if wanted.cancelled():
                raise TimeoutError from None
            raise

    def took(self, number: int, jpeg: bytes | None) -> None:
        """A picture came."""
        wanted = self._awaited.pop(number, None)
        if wanted is not None and not wanted.done():
            wanted.set_result(jpeg)

    def lost(self) -> None:
        """The process is gone; what was asked of it will not come."""
        for wanted in self._awaited.values():
            wanted.cancel()
        self._awaited.clear()
