"""An encoder of paper: tags at a steady pace on a bus, each picture with a time written on it."""

import asyncio
import time
from collections.abc import Callable

from services.rtmp_egress.media.bus import Bus, Limits
from services.rtmp_egress.media.flv import AUDIO, SCRIPT, VIDEO, FlvTag

FPS = 30
GOP = 60
KEY_FRAME = 6
"""How much larger than another picture a key frame is: what x264 makes of a conference."""

HEAD = b"\x17\x01\0\0\0"
"""Of an AVC key frame; of any other picture the first byte is 0x27."""

STAMPED = len(HEAD) + 8
"""Bytes of a picture before those that stand for it."""


def stamp_of(payload: bytes) -> int:
    """What is written on a picture: nanoseconds of CLOCK_MONOTONIC."""
    return int.from_bytes(payload[5:13], "big")


class Press:
    """Puts pictures of so many kbit/s on a bus, in batches as a session does: key frames by
    themselves."""

    def __init__(self, kbps: int, batch: int = 2, clock: Callable[[], int] = time.monotonic_ns):
        self.bus = Bus(Limits.of(kbps, GOP // FPS))
        self.pictures = 0
        size = kbps * 1000 // 8 * GOP // FPS // (GOP - 1 + KEY_FRAME)
        self._filler = bytes(size - STAMPED)
        self._key_filler = bytes(size * KEY_FRAME - STAMPED)
        self._batch = batch
        self._clock = clock

    async def run(self, *, due: bool = False) -> None:
        """Until cancelled. On a picture is written when its batch was ready, or, if it is to be
        `due`, when it should have been."""
        self.bus.put(FlvTag(kind, 0, b"\x17\0head", header=True) for kind in (SCRIPT, VIDEO, AUDIO))
        begun = self._clock()
        while True:
            key = self.pictures % GOP == 0
            count = 1 if key else self._batch - self.pictures % self._batch
            at = begun + (self.pictures + count) * 1_000_000_000 // FPS
            await asyncio.sleep(max(0.0, (at - self._clock()) / 1e9))
            stamp = at if due else self._clock()
            self.bus.put([self._picture(stamp) for _ in range(count)])

    def _picture(self, stamp: int) -> FlvTag:
        n = self.pictures
        self.pictures += 1
        key = n % GOP == 0
        head = HEAD if key else b"\x27" + HEAD[1:]
        payload = head + stamp.to_bytes(8, "big") + (self._key_filler if key else self._filler)
        return FlvTag(VIDEO, n * 1000 // FPS, payload, key_frame=key)
