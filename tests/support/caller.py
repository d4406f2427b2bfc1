"""Somebody who takes part by browser, without the browser: aiortc with a colour and a tone."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpCodecCapability,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RTCP_PSFB_PLI, RtcpPsfbPacket

from tests.support.clips import BEEP_LEVEL, FLASH_SECONDS, Rgb
from tests.support.watch import RgbPicture, as_played

RATE, BLOCK, FPS = 48_000, 960, 30
PATIENCE = 15.0

LEVEL = 0.25

KEPT = 200
"""Blocks of sound that are kept: four seconds."""


async def true_soon(true: Callable[[], bool]) -> None:
    """What browsers see tells nobody that it has changed."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.05)


class _Paced(MediaStreamTrack):
    """Frame n is given at n * step."""

    step: float

    def __init__(self, began: float) -> None:
        super().__init__()
        self._began = began
        self._n = 0

    async def _turn(self) -> int:
        if self.readyState != "live":
            raise MediaStreamError
        n, self._n = self._n, self._n + 1
        await asyncio.sleep(self._began + n * self.step - time.monotonic())
        return n


class _Camera(_Paced):
    kind = "video"
    step = 1 / FPS

    def __init__(self, began: float, colour: Rgb, size: tuple[int, int], flash: bool) -> None:
        super().__init__(began)
        width, height = size
        plain = np.empty((height, width, 3), np.uint8)
        plain[:] = colour
        self._plain = av.VideoFrame.from_ndarray(plain, format="rgb24").reformat(format="yuv420p")
        white = np.full_like(plain, 235)
        self._white = av.VideoFrame.from_ndarray(white, format="rgb24").reformat(format="yuv420p")
        self._flash = flash

    async def recv(self) -> av.VideoFrame:
        n = await self._turn()
        frame = self._white if self._flash and n % FPS < FLASH_SECONDS * FPS else self._plain
        frame.pts, frame.time_base = n * 3000, Fraction(1, 90_000)
        return frame


class _Microphone(_Paced):
    kind = "audio"
    step = BLOCK / RATE

    def __init__(self, began: float, tone: float, beep: bool) -> None:
        super().__init__(began)
        self._tone, self._beep = tone, beep

    async def recv(self) -> av.AudioFrame:
        n = await self._turn()
        at = (np.arange(BLOCK) + n * BLOCK) / RATE
        wave = (BEEP_LEVEL if self._beep else LEVEL) * np.sin(2 * np.pi * self._tone * at)
        if self._beep:
            wave *= at % 1.0 < FLASH_SECONDS
        pair = np.repeat((wave * 32767).astype(np.int16), 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pair, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, n * BLOCK, Fraction(1, RATE)
        return frame


class Caller:
    """What came is there to be looked at: `picture`, `pictures`, `sound`."""

    def __init__(self, pc: RTCPeerConnection) -> None:
        self.pc = pc
        self.picture: RgbPicture | None = None
        "The newest, RGB."
        self.pictures = 0
        self.sound: list[npt.NDArray[np.float32]] = []
        self._tasks: list[asyncio.Task[None]] = []
        pc.on("track", self._came)

    def _came(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.ensure_future(self._take(track)))

    async def _take(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, av.VideoFrame):
                self.picture = as_played(frame)
                self.pictures += 1
            else:
                self.sound.append(frame.to_ndarray().reshape(-1, 2).mean(axis=1) / 32768)
                del self.sound[:-KEPT]

    def heard(self, seconds: float) -> npt.NDArray[np.float32]:
        """The newest sound."""
        blocks = self.sound[-round(seconds * RATE / BLOCK) :]
        return np.concatenate(blocks).astype(np.float32) if blocks else np.zeros(0, np.float32)

    def turn_camera_on(self, colour: Rgb, size: tuple[int, int] = (640, 360)) -> None:
        """From the next offer on."""
        self.pc.addTransceiver(_Camera(time.monotonic(), colour, size, False), "sendrecv")

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def accept(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def connected(self) -> None:
        await true_soon(lambda: self.pc.connectionState == "connected")

    async def ask_for_key_frame(self) -> None:
        """As a browser that has lost one (PLI)."""
        for receiver in self.pc.getReceivers():
            if receiver.track.kind == "video":
                (ssrc,) = [source.source for source in receiver.getSynchronizationSources()]
                wish = RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=ssrc)
                await receiver.transport._send_rtp(bytes(wish))

    async def close(self) -> None:
        await self.pc.close()
        await asyncio.gather(*self._tasks)


def _codecs(kind: str, name: str) -> list[RTCRtpCodecCapability]:
    known = RTCRtpReceiver.getCapabilities(kind)
    assert known is not None
    return [one for one in known.codecs if name in one.mimeType]


@asynccontextmanager
async def caller(
    colour: Rgb | None = None,
    tone: float | None = None,
    *,
    size: tuple[int, int] = (640, 360),
    flash: bool = False,
    looks: bool = True,
    codec: str = "H264",
    sound: str = "opus",
) -> AsyncIterator[Caller]:
    """`colour` is that of the camera, `tone` what the microphone hears; None: there is none.
    `flash`: it flashes, and beeps, in the first tenth of each second."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    began = time.monotonic() + 0.05
    if tone is not None:
        pc.addTrack(_Microphone(began, tone, flash))
    elif looks:
        pc.addTransceiver("audio", direction="recvonly")
    video = None
    if colour is not None:
        video = pc.addTransceiver(
            _Camera(began, colour, size, flash), "sendrecv" if looks else "sendonly"
        )
    elif looks:
        video = pc.addTransceiver("video", direction="recvonly")
    if video is not None:
        video.setCodecPreferences(_codecs("video", codec))
    for transceiver in pc.getTransceivers():
        if transceiver.kind == "audio":
            transceiver.setCodecPreferences(_codecs("audio", sound))
    one = Caller(pc)
    try:
        yield one
    finally:
        await one.close()
