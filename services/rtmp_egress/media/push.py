"""One destination: its own task, its own backlog, its own connection.

Whatever becomes of it, nothing reaches the encoder or another destination: all it shares with them
is the bus, which never waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, assert_never

from kit.stage import Stage
from proto.base import Reason
from proto.urls import Codec
from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Backlog, Bus, Timed
from services.rtmp_egress.media.encoder import NoEncoder
from services.rtmp_egress.media.encodings import Encoding, Encodings
from services.rtmp_egress.media.publisher import Publisher
from services.rtmp_egress.rtmp.errors import PushError, Refusal

MOUTHFUL = 64 * 1024
"""Bytes of tags that are written at once, which costs as much as writing one; more would wait in
the process, where it cannot be dropped any more."""

ALWAYS = 0
"""Number of what counts whenever it is heard."""


class Wish(NamedTuple):
    """What a destination is to be sent instead of H.264, if it can be had and is taken."""

    codec: Codec
    name: str
    encodings: Encodings
    refused: Reason = ""
    "Why it cannot be had here."


class Dialled(NamedTuple):
    """What came of one connection."""

    begun: float
    ended: float
    "When the first key frame was sent, or it failed."
    code: str
    "Why it failed; empty: it did not."
    stages: list[Stage]


OnDialled = Callable[[Dialled], None]


class Push:
    """Carries out what `core` decides for one destination."""

    def __init__(
        self,
        bus: Bus,
        publishers: Sequence[Callable[[], Publisher]],
        tell: Callable[[core.Tell], None],
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
        seen: bool = False,
        wish: Wish | None = None,
        dialled: OnDialled = lambda _: None,
    ) -> None:
        """`bus` is that of H.264. `publishers` make a new connection each, unconnected, one for
        each address; `tell` hears of every change, `dialled` what came of each connection; `seen`:
        it was live before, in a process that died."""
        self.ended = asyncio.Event()
        "It has hung up, or failed."
        self._bus = bus
        self._publishers = publishers
        self._publisher: Publisher | None = None
        self._backlog: Backlog | None = None
        self._bytes_before = self._dropped_before = 0
        "On earlier connections."
        self._tell = tell
        self._clock = clock
        self._chance = chance
        self._seen = seen
        self._wish = wish
        self._dialled_is = dialled
        self._inbox: asyncio.Queue[tuple[int, core.Input]] = asyncio.Queue()
        self._numbers = self._dialled = self._alarm = ALWAYS
        self._timer: asyncio.TimerHandle | None = None

    @property
    def bytes_out(self) -> int:
        return self._bytes_before + (self._publisher.bytes_out if self._publisher else 0)

    @property
    def dropped_frames(self) -> int:
        return self._dropped_before + (self._backlog.dropped_frames if self._backlog else 0)

    @property
    def backlog_ms(self) -> int:
        return 0 if self._backlog is None else self._backlog.milliseconds

    def remove(self) -> None:
        """Nobody wants it any more; `run` ends once it has hung up."""
        self._inbox.put_nowait((ALWAYS, core.Removed()))

    async def run(self) -> None:
        """Until the destination has failed for good or was removed."""
        try:
            await self._live()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self.ended.set()

    async def _live(self) -> None:
        async with asyncio.TaskGroup() as group:
            destination, actions = core.start(
                self._clock(), addresses=len(self._publishers), seen=self._seen
            )
            attempt: asyncio.Task[None] | None = None
            while True:
                for action in actions:
                    match action:
                        case core.Dial(address):
                            self._dialled = self._number()
                            attempt = group.create_task(self._publish(address, self._dialled))
                        case core.HangUp():
                            assert attempt is not None
                            self._dialled = self._number()  # what it says on its way out is no news
                            attempt.cancel()
                            await asyncio.wait([attempt])
                        case core.WakeAt(at):
                            self._wake_at(at)
                        case core.Tell():
                            self._tell(action)
                        case _:
                            assert_never(action)
                if destination.phase == "over":
                    return
                event = await self._news()
                destination, actions = core.react(destination, event, self._clock(), self._chance())

    async def _news(self) -> core.Input:
        """What happened next; nothing of what an earlier connection or alarm had to say."""
        while True:
            number, event = await self._inbox.get()
            if number in (ALWAYS, self._dialled, self._alarm):
                return event

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _wake_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._alarm = self._number()
        self._timer = asyncio.get_running_loop().call_later(
            max(0.0, at - self._clock()), self._inbox.put_nowait, (self._alarm, core.Woken())
        )

    async def _publish(self, address: int, number: int) -> None:
        """One connection, from the dial to its end."""
        publisher = self._publisher = self._publishers[address]()
        wake = asyncio.Event()
        dial = Dial(self._clock, publisher.stages, self._dialled_is)
        try:
            await publisher.connect()
            async with self._encoding(publisher) as (bus, codec, note):
                self._backlog = backlog = bus.join(wake.set)
                connected = core.Connected(publisher.tls_version, codec, note)
                try:
                    await self._pump(publisher, bus, backlog, wake, number, connected, dial)
                finally:
                    bus.leave(backlog)
        except PushError as exc:
            dial.end(exc.code)
            self._inbox.put_nowait((number, core.Failed(exc.code, exc.reason)))
        finally:
            await publisher.close()
            self._settle(publisher)

    @asynccontextmanager
    async def _encoding(self, publisher: Publisher) -> AsyncIterator[tuple[Bus, Codec, Reason]]:
        """What this connection is sent: what was wished for, or H.264 and why."""
        wish = self._wish
        if wish is None:
            yield self._bus, "h264", ""
            return
        one: Encoding | None = None
        why = wish.refused
        if not why and not publisher.takes_codec:
            why = f"the server does not say that it takes {wish.name}"
        if not why:
            try:
                one = await wish.encodings.take(wish.codec)
            except NoEncoder as exc:
                why = f"there is no {wish.name} here: {exc}"
        if one is None:
            yield self._bus, "h264", f"sent as H.264: {why}"
            return
        try:
            yield one.bus, wish.codec, ""
        finally:
            wish.encodings.give_back(one)

    def _settle(self, publisher: Publisher) -> None:
        """Keep the counts of a connection that is over."""
        if self._publisher is publisher:
            self._bytes_before, self._dropped_before = self.bytes_out, self.dropped_frames
            self._publisher = self._backlog = None

    async def _pump(
        self,
        publisher: Publisher,
        bus: Bus,
        backlog: Backlog,
        wake: asyncio.Event,
        number: int,
        connected: core.Connected,
        dial: "Dial",
    ) -> None:
        """Send whatever there is to send, until that fails."""
        overflows = 0
        live = False
        while True:
            while tags := mouthful(backlog):
                if not live and backlog.begun:
                    # Not with the headers: an encoder that has just begun takes half a second
                    # to its first picture, and who hands a stream on goes when it is told this.
                    self._inbox.put_nowait((number, connected))
                    live = True
                await publisher.send_all(tags)
                if not dial.over and backlog.begun:
                    dial.end()
            if backlog.overflows > overflows:
                overflows = backlog.overflows
                seconds = max(1, round(backlog.dropped_ms / 1000))
                self._inbox.put_nowait((number, core.Overflowed(seconds)))
            if bus.over:
                raise PushError(Refusal("encoder-lost", "the encoder of this codec died", "live"))
            wake.clear()
            await wake.wait()


class Dial:
    """One connection, from the dial until media flows: what a trace shows of it."""

    def __init__(self, clock: Callable[[], float], stages: list[Stage], tell: OnDialled) -> None:
        """`stages` is filled while the connection is made."""
        self.over = False
        self._clock = clock
        self._stages = stages
        self._tell = tell
        self._begun = clock()

    def end(self, code: str = "") -> None:
        """The first key frame has been sent, or it failed before."""
        if self.over:
            return
        self.over = True
        now = self._clock()
        stages = list(self._stages)
        if not code:
            stages.append(Stage("first key frame", stages[-1].ended if stages else now, now))
        self._tell(Dialled(self._begun, now, code, stages))


def mouthful(backlog: Backlog) -> list[Timed]:
    """The next tags, as many as are written at once; none if none wait."""
    tags: list[Timed] = []
    size = 0
    while size < MOUTHFUL and (tag := backlog.take()) is not None:
        tags.append(tag)
        size += len(tag.payload)
    return tags
