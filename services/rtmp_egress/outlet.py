"""One destination of a session as a whole: one address, or two that stand in for each other."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from proto.egress import OnAir
from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Bus
from services.rtmp_egress.media.publisher import Publisher
from services.rtmp_egress.media.push import OnDialled, Push, Wish


class Outlet:
    """Runs a `Push`, or two of them side by side, and tells what they come to together."""

    def __init__(
        self,
        bus: Bus,
        publishers: Sequence[Callable[[], Publisher]],
        tell: Callable[["Outlet", core.Tell, OnAir], None],
        *,
        hot: bool,
        clock: Callable[[], float],
        chance: Callable[[], float],
        seen: bool,
        wish: Wish | None = None,
        dialled: OnDialled = lambda _: None,
    ) -> None:
        """`publishers`: one for each address; `hot`: all of them publish at once; `dialled` hears
        what came of each connection."""
        self.removed = False
        self.ended = asyncio.Event()
        "It has hung up everywhere, or failed for good."
        self._tell = tell
        self._spare = len(publishers) > 1
        groups = [[publisher] for publisher in publishers] if hot else [list(publishers)]
        self._told: list[core.Tell | None] = [None for _ in groups]
        self._last: tuple[core.Tell, OnAir] | None = None
        self._pushes = [
            Push(
                bus,
                group,
                partial(self._hear, n),
                clock=clock,
                chance=chance,
                seen=seen,
                wish=wish,
                dialled=dialled,
            )
            for n, group in enumerate(groups)
        ]

    @property
    def bytes_out(self) -> int:
        return sum(push.bytes_out for push in self._pushes)

    @property
    def dropped_frames(self) -> int:
        return sum(push.dropped_frames for push in self._pushes)

    @property
    def backlog_ms(self) -> int:
        return max(push.backlog_ms for push in self._pushes)

    def remove(self) -> None:
        self.removed = True
        for push in self._pushes:
            push.remove()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for push in self._pushes:
                    group.create_task(push.run())
        finally:
            self.ended.set()

    def _hear(self, which: int, told: core.Tell) -> None:
        self._told[which] = told
        match self._told:
            case [core.Tell() as one]:
                whole = core.either(one) if self._spare else (one, "")
            case [core.Tell() as primary, core.Tell() as backup]:
                if self.removed and not core.is_over(primary, backup):
                    return  # on the way out, one after the other
                whole = core.both(primary, backup)
            case _:
                return  # the other has not begun
        if not self._repeats(whole):
            self._last = whole
            self._tell(self, *whole)

    def _repeats(self, whole: tuple[core.Tell, OnAir]) -> bool:
        """Whether the whole stays as it is, whatever has become of a part."""
        return len(self._told) > 1 and self._last is not None and _gist(whole) == _gist(self._last)


def _gist(whole: tuple[core.Tell, OnAir]) -> tuple[core.Tell, OnAir]:
    return msgspec.structs.replace(whole[0], attempt=1, next_retry_in=None), whole[1]
