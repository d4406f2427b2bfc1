"""The process of one egress session: one feed, one encoding, any number of destinations.

A child of the egress worker, spoken to in JSON lines (`services.rtmp_egress.wire`). Stream URLs are
unsealed here and nowhere else. The media thread never waits for the network, the loop never for
the encoder.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, assert_never

import av
import structlog

from kit import logs
from kit.child import Parent
from kit.config import from_env
from kit.secrets import Sealer
from proto.egress import Measure, OnAir
from proto.urls import Codec
from services.rtmp_egress import core, wire
from services.rtmp_egress.destinations import Destination, Destinations, Settings, Unusable
from services.rtmp_egress.media.bus import Bus, Limits
from services.rtmp_egress.media.encoder import NoEncoder
from services.rtmp_egress.media.encodings import Encodings
from services.rtmp_egress.media.flv import FlvTag
from services.rtmp_egress.media.programme import Programme
from services.rtmp_egress.recording.kind import Recordings
from services.rtmp_egress.wire import (
    AddDestination,
    Begin,
    Changed,
    Degraded,
    FeedAt,
    Orders,
    RemoveDestination,
    Reports,
    Sent,
    Started,
    Stats,
    Stopped,
    decode_order,
)

log = structlog.get_logger()


class Herald:
    """Tells the worker what the programme says."""

    def __init__(self, report: Callable[[Reports], None], codec: Codec = "h264") -> None:
        self._report = report
        self._codec = codec

    def started(self, encoder: str, reason: str) -> None:
        self._report(Started(encoder, reason, self._codec))

    def degraded(self, measures: Sequence[Measure], reason: str) -> None:
        self._report(Degraded(list(measures), reason, self._codec))


class Session:
    """Orders in, reports out; the programme runs in its own thread, each destination in a task."""

    def __init__(
        self,
        report: Callable[[Reports], None],
        programme: Programme,
        bus: Bus,
        make: Destinations,
        encodings: Encodings,
        *,
        stats_every: float,
    ) -> None:
        self._report = report
        self._programme = programme
        self._bus = bus
        self._make = make
        self._encodings = encodings
        self._stats_every = stats_every
        self._destinations: dict[str, Destination] = {}

    async def run(self, orders: Any) -> None:
        """Carry out orders until there are no more, then hang up everywhere and end."""
        async with asyncio.TaskGroup() as group:
            self._encodings.run_in(group)
            media = group.create_task(asyncio.to_thread(self._programme.run))
            stats = group.create_task(self._stats())
            self._report(Started(self._programme.encoder))
            try:
                async with asyncio.TaskGroup() as tasks:
                    async for order in orders:
                        self._obey(order, tasks)
                    for destination in self._destinations.values():
                        destination.remove()
            finally:
                self._programme.end()
                stats.cancel()
            await media

    def _obey(self, order: Orders, tasks: asyncio.TaskGroup) -> None:
        match order:
            case FeedAt(socket):
                self._programme.feed_at(socket)
                self._encodings.feed_at(socket)
            case AddDestination():
                self._add(order, tasks)
            case RemoveDestination(participant):
                if participant in self._destinations:
                    self._destinations[participant].remove()
            case Begin():
                log.error("session begun twice")
            case _:
                assert_never(order)

    def _add(self, order: AddDestination, tasks: asyncio.TaskGroup) -> None:
        participant = order.participant
        before = self._destinations.get(participant)
        if before is not None and not before.removed:
            return
        try:
            made = self._make.make(
                order,
                self._bus,
                partial(self._tell, participant),
                lambda dialled: self._report(wire.Dialled(participant, *dialled)),
            )
        except Unusable as exc:
            self._report(Changed(participant, "failed", exc.code, exc.reason))
            return
        self._destinations[participant] = made
        tasks.create_task(self._run(participant, made, before))

    async def _run(self, participant: str, made: Destination, before: Destination | None) -> None:
        """One destination to its end; not before an earlier one of its name has hung up."""
        if before is not None:
            await before.ended.wait()
        try:
            await made.run()
        finally:
            if self._destinations.get(participant) is made:
                del self._destinations[participant]

    def _tell(
        self, participant: str, destination: Destination, told: core.Tell, on_air: OnAir = ""
    ) -> None:
        if self._destinations.get(participant) is not destination:
            return  # it was added anew; what the earlier one came to is no news
        log.debug("destination changed", participant=participant, state=told.state, code=told.code)
        self._report(
            Changed(
                participant,
                told.state,
                told.code,
                told.reason,
                told.attempt,
                told.next_retry_in,
                destination.bytes_out,
                destination.dropped_frames,
                told.tls_version,
                on_air,
                told.codec,
            )
        )

    async def _stats(self) -> None:
        while True:
            await asyncio.sleep(self._stats_every)
            counts = self._programme.counts
            sent = [
                Sent(participant, one.bytes_out, one.dropped_frames, one.backlog_ms)
                for participant, one in self._destinations.items()
            ]
            self._report(
                Stats(
                    counts.pictures,
                    counts.repeated,
                    counts.slates,
                    counts.late,
                    counts.silence,
                    counts.feeds,
                    sent,
                    self._programme.encoding,
                    counts.skew,
                )
            )


async def main() -> None:
    parent: Parent[Orders] = Parent(decode_order)
    settings = from_env(Settings)
    logs.configure("rtmp-egress-session", settings.log_level)
    av.logging.set_level(None)
    orders = parent.orders()
    begin = await anext(orders, None)
    if not isinstance(begin, Begin):
        return
    structlog.contextvars.bind_contextvars(
        conference=begin.feed.conference, session=begin.session, trace_id=begin.trace_id
    )
    rendition = begin.rendition
    limits = Limits.of(rendition.video_kbps + rendition.audio_kbps, rendition.gop_seconds)
    loop = asyncio.get_running_loop()

    def encode(codec: Codec) -> tuple[Programme, Bus]:
        bus = Bus(limits)

        def hand_over(tags: list[FlvTag]) -> None:
            loop.call_soon_threadsafe(bus.put, tags)

        programme = Programme(
            begin.feed,
            rendition,
            hand_over,
            Herald(parent.report, codec),
            software=begin.software,
            codec=codec,
            measures=settings.egress_measures,
        )
        if codec != "h264":
            parent.report(Started(programme.encoder, codec=codec))
        return programme, bus

    try:
        programme, bus = await asyncio.to_thread(encode, "h264")
    except NoEncoder as exc:
        log.error("no encoder", reason=str(exc))
        parent.report(Stopped("no-encoder", str(exc)))
        return
    sealer, every = Sealer.from_env(), begin.stats_every
    gc.freeze()  # what is loaded by now stays; looking through it again would halt the media
    recordings = Recordings(
        settings, begin.feed, rendition, programme.moment, parent.report, clock=time.monotonic
    )
    encodings = Encodings(encode)
    destinations = Destinations(sealer, settings, encodings, recordings)
    session = Session(parent.report, programme, bus, destinations, encodings, stats_every=every)
    await session.run(orders)


if __name__ == "__main__":
    asyncio.run(main())
