"""What a destination is, by the scheme of its URL: pushed to a service, or kept here.

Stream URLs are unsealed here.
"""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Protocol

import msgspec

from kit.secrets import Sealer, Unsealable
from kit.urls import scheme_of
from proto.egress import OnAir
from proto.urls import RECORD
from services.rtmp_egress import core
from services.rtmp_egress.media.bus import Bus
from services.rtmp_egress.media.encodings import Encodings
from services.rtmp_egress.media.publisher import Publisher, TlsOptions
from services.rtmp_egress.media.push import OnDialled, Wish
from services.rtmp_egress.outlet import Outlet
from services.rtmp_egress.recording.destination import Recording
from services.rtmp_egress.recording.errors import RecordingError
from services.rtmp_egress.recording.kind import Recordings, RecordingSettings
from services.rtmp_egress.rtmp.codecs import Codec
from services.rtmp_egress.rtmp.url import BadUrl, Target, parse_target
from services.rtmp_egress.wire import AddDestination

Destination = Outlet | Recording


class Settings(RecordingSettings, frozen=True, kw_only=True):
    tls_ca_file: str = ""
    "PEM file of certificate authorities that destinations may have beside the system's."
    tls_ca_dir: str = ""
    "Directory of such files, `NAME.pem`, for destinations that ask for one by its name."
    egress_measures: Annotated[int, msgspec.Meta(ge=0, le=3)] = 3
    "How many measures there may be against an encoder's overload; see docs/reliability.md."


CODECS = {"hevc": Codec("HEVC", "hvc1"), "av1": Codec("AV1", "av01")}
"""What destinations may be asked to take beside H.264."""


class Unusable(Exception):
    """A destination that cannot be tried at all."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Hear(Protocol):
    """Hears of every change of a destination."""

    def __call__(
        self, destination: Destination, told: core.Tell, on_air: OnAir = "", /
    ) -> None: ...


class Destinations:
    def __init__(
        self,
        sealer: Sealer,
        settings: Settings,
        encodings: Encodings,
        recordings: Recordings,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._sealer = sealer
        self._settings = settings
        self._encodings = encodings
        self._recordings = recordings
        self._clock = clock
        self._chance = chance

    def make(
        self,
        order: AddDestination,
        bus: Bus,
        hear: Hear,
        dialled: OnDialled = lambda _: None,
    ) -> Destination:
        """Not begun yet. Raises Unusable."""
        url = self._open(order.sealed)
        if scheme_of(url) == RECORD:
            try:
                return self._recordings.make(order, url, bus, hear)
            except RecordingError as exc:
                raise Unusable(exc.code, exc.reason) from None
        targets = [_target(url)]
        if order.sealed_backup:
            targets.append(_target(self._open(order.sealed_backup)))
        return Outlet(
            bus,
            [self._publisher(order, target) for target in targets],
            hear,
            hot=order.delivery.backup_mode == "hot",
            clock=self._clock,
            chance=self._chance,
            seen=order.seen,
            wish=self._wish(order),
            dialled=dialled,
        )

    def _wish(self, order: AddDestination) -> Wish | None:
        codec = order.delivery.codec
        if codec not in CODECS:
            return None
        return Wish(codec, CODECS[codec].name, self._encodings, order.no_codec)

    def _publisher(self, order: AddDestination, target: Target) -> Callable[[], Publisher]:
        delivery = order.delivery
        codec = None if order.no_codec else CODECS.get(delivery.codec)
        if codec is not None:
            codec = msgspec.structs.replace(codec, unconfirmed=delivery.codec_unconfirmed)
        tls = TlsOptions(
            self._settings.tls_ca_file, self._authority(delivery.tls_ca), delivery.tls_verify
        )
        return partial(Publisher, target, tls=tls, codec=codec, clock=self._clock)

    def _authority(self, name: str) -> str:
        if not name:
            return ""
        if not self._settings.tls_ca_dir:
            reason = f"there is no directory of authorities here that could hold {name}.pem"
            raise Unusable("tls-authority", reason)
        return str(Path(self._settings.tls_ca_dir) / f"{name}.pem")

    def _open(self, sealed: str) -> str:
        try:
            return self._sealer.open(sealed).reveal()
        except Unsealable as exc:
            raise Unusable("unsealable", f"the address is {exc}") from None


def _target(url: str) -> Target:
    target = parse_target(url)
    if isinstance(target, BadUrl):
        raise Unusable(target.code, target.reason)
    return target
