"""One destination: its own task, its own backlog, its own connection.

Whatever becomes of it, nothing reaches the encoder or another destination: all it shares with them
is the bus, which never waits.
"""

import asyncio
from collections.abc import Callable
from typing import assert_never

from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Backlog, Bus
from services.rtmp_egress.media.publisher import Publisher
from services.rtmp_egress.rtmp.errors import PushError


class Push:
    """Carries out what `core` decides for one destination."""

    def __init__(
        self,
        bus: Bus,
        publisher: Callable[[], Publisher],
        tell: Callable[["Push", core.Tell], None],
        *,
        clock: Callable[[], float],
    ) -> None:
        """`publisher` makes a new connection, unconnected; `tell` hears of every change."""
        self.bytes_out = 0
        self.removed = False
        self.ended = asyncio.Event()
        "It has hung up, or failed."
        self._bus = bus
        self._new_publisher = publisher
        self._publisher: Publisher | None = None
        self._backlog: Backlog | None = None
        self._tell = tell
        self._clock = clock
        self._inbox: asyncio.Queue[core.Input] = asyncio.Queue()

    @property
    def dropped_frames(self) -> int:
        return 0 if self._backlog is None else self._backlog.dropped_frames

    @property
    def backlog_ms(self) -> int:
        return 0 if self._backlog is None else self._backlog.milliseconds

    def remove(self) -> None:
        """Nobody wants it any more; `run` ends once it has hung up."""
        self.removed = True
        self._inbox.put_nowait(core.Removed())

    async def run(self) -> None:
        """Until the destination has failed or was removed."""
        try:
            await self._live()
        finally:
            self.ended.set()

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as group:
            destination, actions = core.start(self._clock())
            attempt: asyncio.Task[None] | None = None
            while True:
                for action in actions:
                    match action:
                        case core.Dial():
                            attempt = group.create_task(self._publish())
                        case core.HangUp():
                            assert attempt is not None
                            attempt.cancel()
                            await asyncio.wait([attempt])
                        case core.Tell():
                            self._tell(self, action)
                        case _:
                            assert_never(action)
                if destination.phase == "over":
                    return
                event = await self._inbox.get()
                destination, actions = core.react(destination, event, self._clock())

    async def _publish(self) -> None:
        """One connection, from the dial to its end."""
        publisher = self._publisher = self._new_publisher()
        wake = asyncio.Event()
        try:
            await publisher.connect()
            self._backlog = backlog = self._bus.join(wake.set)
            try:
                self._inbox.put_nowait(core.Connected(publisher.tls_version))
                await self._pump(publisher, backlog, wake)
            finally:
                self._bus.leave(backlog)
        except PushError as exc:
            self._inbox.put_nowait(core.Failed(exc.code, exc.reason))
        finally:
            self.bytes_out = publisher.bytes_out
            await publisher.close()

    async def _pump(self, publisher: Publisher, backlog: Backlog, wake: asyncio.Event) -> None:
        """Send whatever there is to send, until that fails."""
        while True:
            while (tag := backlog.take()) is not None:
                await publisher.send(tag.kind, tag.timestamp, tag.payload)
            self.bytes_out = publisher.bytes_out
            wake.clear()
            await wake.wait()
