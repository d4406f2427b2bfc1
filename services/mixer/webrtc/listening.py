"""What callers hear: the mix without their own voice, as Opus.

Who says nothing hears what all hear who say nothing: that is encoded once. Who speaks has an
encoder of their own for as long. Opus foretells each packet from the one before, so that a packet
of another encoder would be heard as a jump; but two encoders that were given the same sound for a
while foretell the same. Every encoder therefore hears a little of what was before its turn.
"""

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
import msgspec
from av.packet import Packet

from services.mixer.media.minus import Sound
from services.mixer.media.voice import BLOCK, RATE
from services.mixer.webrtc.tracks import PacketTrack

EVERYBODY = "*"
"""Stands for whoever says nothing; no participant is called so."""

WARM = 6
"""Blocks that an encoder hears before its first packet, and after its speaker has gone quiet."""

TAIL = 25
"""Blocks after their last word that somebody keeps an encoder of their own."""

BACKLOG = 50
"""Blocks that may wait to be encoded, a second; beyond it, they are thrown away."""

BIT_RATE = 64_000

Private = Mapping[str, Sound]

OPUS = {"application": "audio", "frame_duration": "20"}


class Opus:
    """One encoder, which always knows what was heard before."""

    def __init__(self) -> None:
        self._context = av.CodecContext.create("libopus", "w")
        self._context.bit_rate = BIT_RATE
        self._context.format, self._context.layout = "s16", "stereo"
        self._context.sample_rate = RATE
        self._context.options = OPUS
        self._next: int | None = None

    def encode(self, m: int, sound: Sound, before: "deque[tuple[int, Sound]]") -> "Packet[Any]":
        """Block `m`; `before` are those that came before it, oldest first, which are listened to
        if the encoder has missed them."""
        if self._next != m:
            for at, block in before:
                if at < m:
                    self._pass(at, block)
        self._next = m + 1
        packet = Packet(self._pass(m, sound))
        packet.pts = packet.dts = m * BLOCK
        packet.time_base = Fraction(1, RATE)
        return packet

    def _pass(self, m: int, sound: Sound) -> bytes:
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE, m * BLOCK
        frame.time_base = Fraction(1, RATE)
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class Packets(msgspec.Struct, frozen=True, eq=False):
    """Of one block."""

    everybody: "Packet[Any] | None"
    own: dict[str, "Packet[Any]"]


class Booth:
    """Encodes block by block. For one thread."""

    def __init__(self) -> None:
        self._everybody = Opus()
        self._own: dict[str, Opus] = {}
        self._spoke: dict[str, int] = {}
        "In which block each of those last said something."
        self._before: deque[tuple[int, Sound]] = deque(maxlen=WARM)

    @property
    def encoders(self) -> int:
        return len(self._own) + 1

    def encode(self, m: int, private: Private, listeners: frozenset[str]) -> Packets:
        everybody = private.get(EVERYBODY)
        if everybody is None:
            return Packets(None, {})
        heard = {who: private[who] for who in listeners if who in private}
        self._spoke |= {who: m for who, sound in heard.items() if sound is not everybody}
        speaking = {who for who, at in self._spoke.items() if who in heard and m - at < TAIL}
        self._spoke = {who: self._spoke[who] for who in speaking}
        self._own = {who: self._own.get(who) or Opus() for who in speaking}
        own = {who: enc.encode(m, heard[who], self._before) for who, enc in self._own.items()}
        shared = None
        if len(speaking) < len(heard):
            shared = self._everybody.encode(m, everybody, self._before)
        self._before.append((m, everybody))
        return Packets(shared, own)


class Listening:
    """The thread that encodes, and the tracks that it feeds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tracks: dict[str, PacketTrack] = {}
        self._names: frozenset[str] = frozenset()
        self._blocks: queue.SimpleQueue[tuple[int, Private] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def names(self) -> frozenset[str]:
        return self._names

    def add(self, who: str, track: PacketTrack) -> None:
        self._tracks = {**self._tracks, who: track}
        self._names = frozenset(self._tracks)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="opus", daemon=True)
            self._thread.start()

    def leave(self, who: str, track: PacketTrack) -> None:
        if self._tracks.get(who) is track:
            self._tracks = {name: one for name, one in self._tracks.items() if name != who}
            self._names = frozenset(self._tracks)

    def hear(self, m: int, private: Private) -> None:
        """One block, from the mix's thread, which waits for nothing."""
        if self._blocks.qsize() < BACKLOG:
            self._blocks.put((m, private))

    def close(self) -> None:
        self._blocks.put(None)

    def _run(self) -> None:
        booth = Booth()
        while (block := self._blocks.get()) is not None:
            packets = booth.encode(*block, self._names)
            self._loop.call_soon_threadsafe(self._deliver, packets)

    def _deliver(self, packets: Packets) -> None:
        for who, track in self._tracks.items():
            packet = packets.own.get(who) or packets.everybody
            if packet is not None:
                track.give(packet)
