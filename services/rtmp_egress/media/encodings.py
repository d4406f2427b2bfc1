"""The encodings of a feed beside H.264: one for each codec, while a destination takes it.

Each has a thread, a time line and a bus of its own, so that H.264 waits for none of them.
"""

import asyncio
from collections.abc import Callable

import structlog

from proto.urls import Codec
from services.rtmp_egress.media.bus import Bus
from services.rtmp_egress.media.encoder import NoEncoder
from services.rtmp_egress.media.programme import Programme

log = structlog.get_logger()


class Encoding:
    """One that runs."""

    def __init__(self, programme: Programme, bus: Bus) -> None:
        self.programme = programme
        self.bus = bus
        self.users = 0


class Encodings:
    def __init__(self, begin: Callable[[Codec], tuple[Programme, Bus]]) -> None:
        """`begin` opens an encoder, in another thread. Raises NoEncoder."""
        self._begin = begin
        self._group: asyncio.TaskGroup | None = None
        self._socket = ""
        self._running: dict[Codec, Encoding] = {}
        self._barred: set[Codec] = set()
        "Whose encoders have all died."
        self._opening = asyncio.Lock()

    def run_in(self, group: asyncio.TaskGroup) -> None:
        self._group = group

    def feed_at(self, socket: str) -> None:
        self._socket = socket
        for one in self._running.values():
            one.programme.feed_at(socket)

    async def take(self, codec: Codec) -> Encoding:
        """To be given back. Raises NoEncoder."""
        async with self._opening:
            one = self._running.get(codec)
            if one is None:
                one = await self._open(codec)
            one.users += 1
            return one

    def give_back(self, one: Encoding) -> None:
        one.users -= 1
        if one.users == 0:
            self._forget(one)
            one.programme.end()

    async def _open(self, codec: Codec) -> Encoding:
        assert self._group is not None
        if codec in self._barred:
            raise NoEncoder("its encoder died")
        one = Encoding(*await asyncio.to_thread(self._begin, codec))
        one.programme.feed_at(self._socket)
        self._running[codec] = one
        self._group.create_task(self._run(codec, one))
        return one

    async def _run(self, codec: Codec, one: Encoding) -> None:
        """Whatever becomes of it, the others go on."""
        try:
            await asyncio.to_thread(one.programme.run)
        except Exception as exc:  # an encoder's native library may raise anything
            log.error("encoding lost", codec=codec, why=type(exc).__name__)
            self._barred.add(codec)
        finally:
            self._forget(one)
            one.bus.end()

    def _forget(self, one: Encoding) -> None:
        self._running = {codec: other for codec, other in self._running.items() if other is not one}
