"""The process of one egress session: one feed, one encoding, any number of destinations.

A child of the egress worker, spoken to in JSON lines (`services.rtmp_egress.wire`). Stream URLs are
unsealed here and nowhere else. The media thread never waits for the network, the loop never for
the encoder.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from functools import partial
from typing import Any, assert_never

import av
import structlog

from kit import logs
from kit.child import Parent
from kit.config import from_env
from kit.secrets import Sealer, Unsealable
from kit.urls import scheme_of
from proto.urls import RECORD
from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Bus, Limits
from services.rtmp_egress.media.encoder import NoEncoder
from services.rtmp_egress.media.flv import FlvTag
from services.rtmp_egress.media.programme import Programme
from services.rtmp_egress.media.publisher import Publisher, TlsOptions
from services.rtmp_egress.media.push import Push
from services.rtmp_egress.recording.destination import Recording
from services.rtmp_egress.recording.errors import RecordingError
from services.rtmp_egress.recording.kind import Recordings, RecordingSettings
from services.rtmp_egress.rtmp.url import BadUrl, parse_target
from services.rtmp_egress.wire import (
    AddDestination,
    Begin,
    Changed,
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


class Settings(RecordingSettings, frozen=True, kw_only=True):
    tls_ca_file: str = ""
    "PEM file of certificate authorities that destinations may have beside the system's."


Destination = Push | Recording
"""What a destination may be, by the scheme of its URL."""


class Session:
    """Orders in, reports out; the programme runs in its own thread, each destination in a task."""

    def __init__(
        self,
        report: Callable[[Reports], None],
        sealer: Sealer,
        tls: TlsOptions,
        programme: Programme,
        bus: Bus,
        recordings: Recordings,
        *,
        stats_every: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._sealer = sealer
        self._tls = tls
        self._programme = programme
        self._bus = bus
        self._recordings = recordings
        self._stats_every = stats_every
        self._clock = clock
        self._pushes: dict[str, Destination] = {}

    async def run(self, orders: Any) -> None:
        """Carry out orders until there are no more, then hang up everywhere and end."""
        async with asyncio.TaskGroup() as group:
            media = group.create_task(asyncio.to_thread(self._programme.run))
            stats = group.create_task(self._stats())
            self._report(Started(self._programme.encoder))
            try:
                async with asyncio.TaskGroup() as pushes:
                    async for order in orders:
                        self._obey(order, pushes)
                    for push in self._pushes.values():
                        push.remove()
            finally:
                self._programme.end()
                stats.cancel()
            await media

    def _obey(self, order: Orders, pushes: asyncio.TaskGroup) -> None:
        match order:
            case FeedAt(socket):
                self._programme.feed_at(socket)
            case AddDestination():
                self._add(order, pushes)
            case RemoveDestination(participant):
                if participant in self._pushes:
                    self._pushes[participant].remove()
            case Begin():
                log.error("session begun twice")
            case _:
                assert_never(order)

    def _add(self, order: AddDestination, pushes: asyncio.TaskGroup) -> None:
        participant = order.participant
        before = self._pushes.get(participant)
        if before is not None and not before.removed:
            return
        try:
            push = self._destination(order, self._sealer.open(order.sealed).reveal())
        except Unsealable as exc:
            self._report(Changed(participant, "failed", "unsealable", f"the address is {exc}"))
            return
        except RecordingError as exc:
            self._report(Changed(participant, "failed", exc.code, exc.reason))
            return
        if isinstance(push, BadUrl):
            self._report(Changed(participant, "failed", push.code, push.reason))
            return
        self._pushes[participant] = push
        pushes.create_task(self._push(participant, push, before))

    def _destination(self, order: AddDestination, url: str) -> Destination | BadUrl:
        """What the URL's scheme says: kept here, or pushed to a service."""
        tell = partial(self._tell, order.participant)
        if scheme_of(url) == RECORD:
            return self._recordings.make(order, url, self._bus, tell)
        target = parse_target(url)
        if isinstance(target, BadUrl):
            return target
        publisher = partial(Publisher, target, tls=self._tls, clock=self._clock)
        return Push(self._bus, publisher, tell, clock=self._clock)

    async def _push(self, participant: str, push: Destination, before: Destination | None) -> None:
        """One destination to its end; not before an earlier one of its name has hung up."""
        if before is not None:
            await before.ended.wait()
        try:
            await push.run()
        finally:
            if self._pushes.get(participant) is push:
                del self._pushes[participant]

    def _tell(self, participant: str, push: Destination, told: core.Tell) -> None:
        if self._pushes.get(participant) is not push:
            return  # it was added anew; what the earlier one came to is no news
        log.debug("destination changed", participant=participant, state=told.state, code=told.code)
        self._report(
            Changed(
                participant,
                told.state,
                told.code,
                told.reason,
                told.attempt,
                bytes_out=push.bytes_out,
                dropped_frames=push.dropped_frames,
                tls_version=told.tls_version,
            )
        )

    async def _stats(self) -> None:
        while True:
            await asyncio.sleep(self._stats_every)
            counts = self._programme.counts
            sent = [
                Sent(participant, push.bytes_out, push.dropped_frames, push.backlog_ms)
                for participant, push in self._pushes.items()
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
                )
            )


async def main() -> None:
    parent: Parent[Orders] = Parent(decode_order)
    settings = from_env(Settings)
    logs.configure("rtmp-egress-session", settings.log_level)
    av.logging.set_level(None)
    tls = TlsOptions(settings.tls_ca_file)
    orders = parent.orders()
    begin = await anext(orders, None)
    if not isinstance(begin, Begin):
        return
    structlog.contextvars.bind_contextvars(conference=begin.feed.conference, session=begin.session)
    rendition = begin.rendition
    bus = Bus(Limits.of(rendition.video_kbps + rendition.audio_kbps, rendition.gop_seconds))
    loop = asyncio.get_running_loop()

    def hand_over(tags: list[FlvTag]) -> None:
        loop.call_soon_threadsafe(bus.put, tags)

    try:
        programme = await asyncio.to_thread(
            Programme, begin.feed, rendition, hand_over, software=begin.software
        )
    except NoEncoder as exc:
        log.error("no encoder", reason=str(exc))
        parent.report(Stopped("no-encoder", str(exc)))
        return
    sealer, every = Sealer.from_env(), begin.stats_every
    gc.freeze()  # what is loaded by now stays; looking through it again would halt the media
    recordings = Recordings(
        settings, begin.feed, rendition, programme.moment, parent.report, clock=time.monotonic
    )
    session = Session(parent.report, sealer, tls, programme, bus, recordings, stats_every=every)
    await session.run(orders)


if __name__ == "__main__":
    asyncio.run(main())
