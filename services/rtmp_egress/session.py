"""The process of one egress session: one feed, one encoding, any number of destinations.

A child of the egress worker, spoken to in JSON lines (`services.rtmp_egress.wire`). Stream URLs are
unsealed here and nowhere else. The media thread never waits for the network, the loop never for
the encoder.
"""

import asyncio
import gc
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, assert_never

import av
import msgspec
import structlog

from kit import logs
from kit.child import Parent
from kit.config import BaseConfig, from_env
from kit.secrets import Sealer, Unsealable
from proto.egress import OnAir
from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Bus, Limits
from services.rtmp_egress.media.encoder import NoEncoder
from services.rtmp_egress.media.flv import FlvTag
from services.rtmp_egress.media.programme import Programme
from services.rtmp_egress.media.publisher import Publisher, TlsOptions
from services.rtmp_egress.outlet import Outlet
from services.rtmp_egress.rtmp.codecs import Codec
from services.rtmp_egress.rtmp.url import BadUrl, Target, parse_target
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


class Settings(BaseConfig, frozen=True, kw_only=True):
    tls_ca_file: str = ""
    "PEM file of certificate authorities that destinations may have beside the system's."
    tls_ca_dir: str = ""
    "Directory of such files, `NAME.pem`, for destinations that ask for one by its name."


CODECS = {"hevc": Codec("HEVC", "hvc1"), "av1": Codec("AV1", "av01")}
"""What destinations may be asked to take beside H.264."""


class Unusable(Exception):
    """A destination that cannot be tried at all."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Session:
    """Orders in, reports out; the programme runs in its own thread, each destination in a task."""

    def __init__(
        self,
        report: Callable[[Reports], None],
        sealer: Sealer,
        settings: Settings,
        programme: Programme,
        bus: Bus,
        *,
        stats_every: float,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._report = report
        self._sealer = sealer
        self._settings = settings
        self._programme = programme
        self._bus = bus
        self._stats_every = stats_every
        self._clock = clock
        self._chance = chance
        self._outlets: dict[str, Outlet] = {}

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
                    for outlet in self._outlets.values():
                        outlet.remove()
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
                if participant in self._outlets:
                    self._outlets[participant].remove()
            case Begin():
                log.error("session begun twice")
            case _:
                assert_never(order)

    def _add(self, order: AddDestination, pushes: asyncio.TaskGroup) -> None:
        before = self._outlets.get(order.participant)
        if before is not None and not before.removed:
            return
        try:
            publishers = self._publishers(order)
        except Unusable as exc:
            self._report(Changed(order.participant, "failed", exc.code, exc.reason))
            return
        outlet = self._outlets[order.participant] = Outlet(
            self._bus,
            publishers,
            partial(self._tell, order.participant),
            hot=order.delivery.backup_mode == "hot",
            clock=self._clock,
            chance=self._chance,
            seen=order.seen,
        )
        pushes.create_task(self._push(order.participant, outlet, before))

    def _publishers(self, order: AddDestination) -> list[Callable[[], Publisher]]:
        """One for each address. Raises Unusable."""
        delivery = order.delivery
        if delivery.codec != self._programme.codec:
            name = CODECS[delivery.codec].name if delivery.codec in CODECS else delivery.codec
            raise Unusable("codec-unsupported", f"this stream is not encoded as {name}")
        codec = CODECS.get(delivery.codec)
        if codec is not None:
            codec = msgspec.structs.replace(codec, unconfirmed=delivery.codec_unconfirmed)
        tls = TlsOptions(
            self._settings.tls_ca_file, self._authority(delivery.tls_ca), delivery.tls_verify
        )
        targets = [self._target(order.sealed)]
        if order.sealed_backup:
            targets.append(self._target(order.sealed_backup))
        return [
            partial(Publisher, target, tls=tls, codec=codec, clock=self._clock)
            for target in targets
        ]

    def _authority(self, name: str) -> str:
        if not name:
            return ""
        if not self._settings.tls_ca_dir:
            reason = f"there is no directory of authorities here that could hold {name}.pem"
            raise Unusable("tls-authority", reason)
        return str(Path(self._settings.tls_ca_dir) / f"{name}.pem")

    def _target(self, sealed: str) -> Target:
        try:
            target = parse_target(self._sealer.open(sealed).reveal())
        except Unsealable as exc:
            raise Unusable("unsealable", f"the address is {exc}") from None
        if isinstance(target, BadUrl):
            raise Unusable(target.code, target.reason)
        return target

    async def _push(self, participant: str, outlet: Outlet, before: Outlet | None) -> None:
        """One destination to its end; not before an earlier one of its name has hung up."""
        if before is not None:
            await before.ended.wait()
        try:
            await outlet.run()
        finally:
            if self._outlets.get(participant) is outlet:
                del self._outlets[participant]

    def _tell(self, participant: str, outlet: Outlet, told: core.Tell, on_air: OnAir) -> None:
        if self._outlets.get(participant) is not outlet:
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
                outlet.bytes_out,
                outlet.dropped_frames,
                told.tls_version,
                on_air,
            )
        )

    async def _stats(self) -> None:
        while True:
            await asyncio.sleep(self._stats_every)
            counts = self._programme.counts
            sent = [
                Sent(participant, outlet.bytes_out, outlet.dropped_frames, outlet.backlog_ms)
                for participant, outlet in self._outlets.items()
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
    session = Session(parent.report, sealer, settings, programme, bus, stats_every=every)
    await session.run(orders)


if __name__ == "__main__":
    asyncio.run(main())
