"""What is sent: packets that are encoded already, the same for all who get them."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.packet import Packet

WAITING = {"video": 15, "audio": 25}
"""Packets that may wait for a browser's turn, half a second; more were only late."""


class PacketTrack(MediaStreamTrack):
    """For the event loop's thread."""

    def __init__(self, kind: str, lost: Callable[[], None] | None = None) -> None:
        """`lost` is told when a picture had to be left out, so that the next ones are of no use."""
        super().__init__()
        self.kind = kind
        self._lost = lost
        self._packets: deque[Packet[Any]] = deque()
        self._more = asyncio.Event()
        self._wants_key = kind == "video"

    def give(self, packet: "Packet[Any]") -> None:
        if self._wants_key:
            if not packet.is_keyframe:
                return
            self._wants_key = False
        if len(self._packets) >= WAITING[self.kind]:
            self._packets.clear()
            if self._lost is not None:
                self._wants_key = True
                self._lost()
                return
        self._packets.append(packet)
        self._more.set()

    def begin_anew(self) -> None:
        """What comes from now on is of another encoder."""
        self._wants_key = True

    async def recv(self) -> "Packet[Any]":
        while not self._packets:
            if self.readyState != "live":
                raise MediaStreamError
            self._more.clear()
            await self._more.wait()
        return self._packets.popleft()

    def stop(self) -> None:
        super().stop()
        self._more.set()
