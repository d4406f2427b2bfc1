"""One call: a connection to one browser, what comes by it and what goes."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import structlog
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpCodecCapability,
    RTCRtpReceiver,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from av.audio.frame import AudioFrame
from av.error import FFmpegError
from av.video.frame import VideoFrame

from proto.mixer import CallKind
from services.mixer.core import line
from services.mixer.webrtc.network import Network, Unreachable, of_use, offered
from services.mixer.webrtc.offer import kinds
from services.mixer.webrtc.reports import Reported, watch_receiver, watch_sender
from services.mixer.webrtc.source import CallSource
from services.mixer.webrtc.tracks import PacketTrack
from services.mixer.webrtc.watching import VideoCodec

log = structlog.get_logger()

WRONG = (
    InvalidAccessError,
    InvalidStateError,
    OperationError,
    Unreachable,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    OSError,
)
"""What foreign descriptions make aiortc raise."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Refused(Exception):
    """A sentence for people."""


class Figures(msgspec.Struct):
    """How the lines of one call are, both ways."""

    received: int = 0
    received_lost: int = 0
    sent: int = 0
    sent_lost: int = 0
    jitter: float = 0.0
    "Seconds, of what comes; the worse of sound and picture."
    round_trip: float | None = None


class Peer:
    """For the event loop's thread."""

    def __init__(
        self,
        call: str,
        kind: CallKind,
        source: CallSource | None,
        network: Network,
        spawn: Spawn,
        *,
        clock: Callable[[], float],
        lost: Callable[["Peer", str], None],
        key_frame: Callable[[PacketTrack], None],
        line_changed: Callable[["Peer"], None],
    ) -> None:
        self.call = call
        self.kind = kind
        self.source = source
        self.video: PacketTrack | None = None
        self.audio: PacketTrack | None = None
        self.codec: VideoCodec = "H264"
        self.line = line.Line()
        self.connected = False
        self.counted = Figures()
        self._seen = 0
        "Pictures that had come when we last looked."
        self._network = network
        self._spawn = spawn
        self._clock = clock
        self._lost = lost
        self._key_frame = key_frame
        self._line_changed = line_changed
        self._sent_lost: dict[str, int] = {}
        self._round_trip: float | None = None
        self._over = False
        self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._pc.on("connectionstatechange", self._changed)
        self._pc.on("track", self._came)

    async def answer(self, sdp: str) -> str:
        """The answer to an offer, the first one or a later one. Raises Refused."""
        try:
            self._prepare(sdp)
            await self._pc.setRemoteDescription(RTCSessionDescription(offered(sdp), "offer"))
            await self._pc.setLocalDescription(await self._pc.createAnswer())
            self._find_codec()
            return self._network.announced(self._pc.localDescription.sdp)
        except Unreachable as exc:
            raise Refused(str(exc)) from None
        except WRONG as exc:
            # What it says may quote the description.
            log.info("offer not understood", kind=type(exc).__name__)
            raise Refused("the offer is not one that can be answered") from None

    async def add_candidate(self, candidate: str, mid: str) -> None:
        """Raises Refused."""
        try:
            if not of_use(candidate):
                return
            found = candidate_from_sdp(candidate.removeprefix("candidate:"))
            found.sdpMid = mid
            await self._pc.addIceCandidate(found)
        except WRONG as exc:
            log.info("candidate not understood", kind=type(exc).__name__)
            raise Refused("the candidate is not one that can be used") from None

    async def close(self) -> None:
        self._over = True
        if self.source is not None:
            self.source.close()
        await self._pc.close()

    async def count(self) -> None:
        """Bring `counted` up to date."""
        found = Figures(sent_lost=sum(self._sent_lost.values()), round_trip=self._round_trip)
        for transceiver in self._pc.getTransceivers():
            for stats in (await transceiver.receiver.getStats()).values():
                if stats.type == "inbound-rtp":
                    found.received += stats.packetsReceived
                    found.received_lost += max(stats.packetsLost, 0)
                    rate = 48_000 if stats.kind == "audio" else 90_000
                    found.jitter = max(found.jitter, stats.jitter / rate)
            for stats in (await transceiver.sender.getStats()).values():
                if stats.type == "outbound-rtp":
                    found.sent += stats.packetsSent
        self.counted = found
        await self._ask_for_pictures()

    async def _ask_for_pictures(self) -> None:
        """Packets without a picture that can be decoded: its key frame was lost, or came before we
        were ready for it, and aiortc asks for another only where a decoder complains."""
        if self.source is None:
            return
        before, self._seen = self._seen, self.source.pictures
        if self._seen != before:
            return
        for transceiver in self._pc.getTransceivers():
            if transceiver.kind == "video":
                for sending in transceiver.receiver.getSynchronizationSources():
                    await transceiver.receiver._send_rtcp_pli(sending.source)

    def _prepare(self, sdp: str) -> None:
        """What we send, for each kind of media that is offered first now: Opus, and H.264 before
        VP8. Of an offer that has none of them there is no answer."""
        had = {transceiver.kind for transceiver in self._pc.getTransceivers()}
        for kind in kinds(sdp):
            if kind in had:
                continue
            if self.kind == "send_presentation" or (
                self.kind == "receive_presentation" and kind == "audio"
            ):
                transceiver = self._pc.addTransceiver(kind, direction="recvonly")
            else:
                track = PacketTrack(kind, self._wish if kind == "video" else None)
                if kind == "video":
                    self.video = track
                else:
                    self.audio = track
                transceiver = self._pc.addTransceiver(track, direction="sendrecv")
            transceiver.setCodecPreferences(_preferred(kind))
            self._watch(transceiver)

    def _watch(self, transceiver: RTCRtpTransceiver) -> None:
        kind = transceiver.kind

        def reported(report: Reported) -> None:
            self._sent_lost[kind] = report.lost
            if report.round_trip is not None:
                self._round_trip = report.round_trip
            if kind == "video":
                self._judge(line.heard(self.line, self._clock(), report.loss))

        watch_sender(transceiver.sender, reported, self._wish)
        if self.source is not None:
            source = self.source
            watch_receiver(transceiver.receiver, kind, lambda began: source.told(kind, began))

    def _wish(self) -> None:
        if self.video is not None:
            self._key_frame(self.video)

    def _judge(self, judged: line.Line) -> None:
        changed = judged.small != self.line.small
        self.line = judged
        if changed:
            self._line_changed(self)

    def _find_codec(self) -> None:
        for transceiver in self._pc.getTransceivers():
            if transceiver.kind == "video" and transceiver._codecs:
                self.codec = "VP8" if transceiver._codecs[0].name == "VP8" else "H264"
                return

    def _came(self, track: MediaStreamTrack) -> None:
        self._spawn(self._take(track))

    async def _take(self, track: MediaStreamTrack) -> None:
        """Everything that comes is taken at once: aiortc's queues have no end."""
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if self.source is None:
                continue
            try:
                if isinstance(frame, VideoFrame):
                    self.source.see(frame)
                elif isinstance(frame, AudioFrame):
                    self.source.hear(frame)
            except (ValueError, FFmpegError) as exc:
                # One that cannot be shown is left out; who stopped taking would fill the queue.
                log.info("frame of a call left out", kind=type(exc).__name__)

    async def _changed(self) -> None:
        state = self._pc.connectionState
        if state == "connected":
            self.connected = True
        elif state in ("failed", "closed") and not self._over:
            lost = "the connection was lost" if self.connected else "it cannot be connected to"
            self._lost(self, lost)


CODECS = {
    "audio": ("audio/opus",),
    "video": ("video/H264", "video/VP8", "video/rtx"),
}
"""That we take, the best first; what we send is one of them."""


def _preferred(kind: str) -> list[RTCRtpCodecCapability]:
    known, order = RTCRtpReceiver.getCapabilities(kind), CODECS[kind]
    codecs = known.codecs if known is not None else []
    return sorted(
        (codec for codec in codecs if codec.mimeType in order),
        key=lambda codec: order.index(codec.mimeType),
    )
