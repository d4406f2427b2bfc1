"""People who take part by browser, for a measurement: `python -m bench.callers COUNT CLIP|-`.

Says an offer for each on stdout, one JSON line each, and reads the answers on stdin; then sends a
clip's own packets and looks on, as long as stdin is open. `-`: they look on and send nothing.
"""

import asyncio
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
import msgspec
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.contrib.media import MediaBlackhole
from av.bitstream import BitStreamFilterContext
from av.packet import Packet

from bench.inputs import FPS

RATE, BLOCK = 48_000, 960


class Film(MediaStreamTrack):
    """A clip's pictures as they are encoded, for ever."""

    kind = "video"

    def __init__(self, packets: list[bytes], began: float) -> None:
        super().__init__()
        self._packets, self._began, self._n = packets, began, 0

    async def recv(self) -> "Packet[Any]":
        n, self._n = self._n, self._n + 1
        await asyncio.sleep(self._began + n / FPS - time.monotonic())
        packet: Packet[Any] = Packet(self._packets[n % len(self._packets)])
        packet.pts, packet.time_base = n, Fraction(1, FPS)
        return packet


class Voice(Film):
    """The same for Opus."""

    kind = "audio"

    async def recv(self) -> "Packet[Any]":
        n, self._n = self._n, self._n + 1
        await asyncio.sleep(self._began + n * BLOCK / RATE - time.monotonic())
        packet: Packet[Any] = Packet(self._packets[n % len(self._packets)])
        packet.pts, packet.time_base = n * BLOCK, Fraction(1, RATE)
        return packet


def film(path: Path) -> list[bytes]:
    """With the parameter sets in front of each key frame, as browsers send them."""
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        annex = BitStreamFilterContext("h264_mp4toannexb", stream)
        return [
            bytes(done)
            for packet in clip.demux(stream)
            if packet.dts is not None
            for done in annex.filter(packet)
        ]


def voice() -> list[bytes]:
    """A second of a tone that is no word to anybody."""
    context = av.CodecContext.create("libopus", "w")
    context.format, context.layout, context.sample_rate = "s16", "stereo", RATE
    found = []
    for m in range(RATE // BLOCK):
        wave = 400 * np.sin(2 * np.pi * 300 * (np.arange(BLOCK) + m * BLOCK) / RATE)
        block = np.repeat(wave.astype(np.int16), 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = RATE, m * BLOCK
        found += [bytes(packet) for packet in context.encode(frame)]
    return found


async def offered(packets: list[bytes], sounds: list[bytes]) -> RTCPeerConnection:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    began = time.monotonic() + 1
    if packets:
        pc.addTrack(Voice(sounds, began))
        video = pc.addTransceiver(Film(packets, began), "sendrecv")
    else:
        pc.addTransceiver("audio", "recvonly")
        video = pc.addTransceiver("video", "recvonly")
    known = RTCRtpReceiver.getCapabilities("video")
    assert known is not None
    video.setCodecPreferences([one for one in known.codecs if "H264" in one.mimeType])
    sink = MediaBlackhole()
    pc.on("track", sink.addTrack)
    await pc.setLocalDescription(await pc.createOffer())
    return pc


async def main() -> None:
    count, clip = int(sys.argv[1]), sys.argv[2]
    packets = [] if clip == "-" else film(Path(clip))
    sounds = voice()
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    pcs = [await offered(packets, sounds) for _ in range(count)]
    for pc in pcs:
        print(msgspec.json.encode(pc.localDescription.sdp).decode(), flush=True)
    for pc in pcs:
        answer = msgspec.json.decode(await lines.readline(), type=str)
        await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await lines.read()
    for pc in pcs:
        await pc.close()


if __name__ == "__main__":
    av.logging.set_level(None)
    asyncio.run(main())
