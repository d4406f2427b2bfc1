"""What callers see: each picture that somebody wants is encoded once, however many look on."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from typing import Any, Literal, cast

import av
import msgspec
import structlog
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from kit.link import FeedError, FeedReader, Picture, Seat
from proto.media import FeedSpec
from services.mixer.webrtc.tracks import PacketTrack

log = structlog.get_logger()

VideoCodec = Literal["H264", "VP8"]

KEY_FRAMES_APART = 0.5
"""Seconds; many who ask at once get the same one."""

KEY_FRAME_AFTER = 300
"""Pictures: whoever needs one sooner asks."""

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 0.5
"""Seconds after which a thread looks whether it is still wanted."""


class Wanted(msgspec.Struct, frozen=True):
    """One encoding of one feed."""

    feed: FeedSpec
    kbps: int
    codec: VideoCodec = "H264"


class Counts(msgspec.Struct):
    """Since the conference began."""

    pictures: int = 0
    key_frames: int = 0


class Studio:
    """For the event loop's thread."""

    def __init__(
        self, open_feed: Callable[[FeedSpec], Seat | str], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._open_feed = open_feed
        self._loop = loop
        self._shown: dict[Wanted, Showing] = {}
        self._tracks: dict[PacketTrack, Wanted] = {}
        self._complaint = ""
        self.counts = Counts()

    @property
    def encodings(self) -> int:
        return len(self._shown)

    def watch(self, track: PacketTrack, wanted: Wanted) -> None:
        """From now on this is seen on that track, beginning with a key frame."""
        if self._tracks.get(track) == wanted:
            return
        self.leave(track)
        self._tracks[track] = wanted
        track.begin_anew()
        self._show(track, wanted)

    def leave(self, track: PacketTrack) -> None:
        wanted = self._tracks.pop(track, None)
        if wanted is None or (showing := self._shown.get(wanted)) is None:
            return
        showing.tracks.discard(track)
        if not showing.tracks:
            del self._shown[wanted]
            showing.close()

    def key_frame(self, track: PacketTrack) -> None:
        """The browser cannot go on without one."""
        wanted = self._tracks.get(track)
        if wanted is not None and (showing := self._shown.get(wanted)) is not None:
            showing.key_frame()

    def tend(self) -> None:
        """Now and then: what could not be had, or has ended, is asked for again."""
        for wanted, showing in list(self._shown.items()):
            if showing.ended:
                del self._shown[wanted]
        for track, wanted in self._tracks.items():
            if wanted not in self._shown or track not in self._shown[wanted].tracks:
                track.begin_anew()
                self._show(track, wanted)

    def close(self) -> None:
        for showing in self._shown.values():
            showing.close()
        self._shown.clear()
        self._tracks.clear()

    def _show(self, track: PacketTrack, wanted: Wanted) -> None:
        showing = self._shown.get(wanted)
        if showing is None:
            seat = self._open_feed(wanted.feed)
            if isinstance(seat, str):
                if seat != self._complaint:
                    log.warning("no picture for callers", why=seat)
                self._complaint = seat
                return
            showing = self._shown[wanted] = Showing(wanted, seat, self._loop, self.counts)
        showing.tracks.add(track)
        showing.key_frame()


class Showing:
    """One encoding, in a thread of its own; `tracks` is the event loop's."""

    def __init__(
        self, wanted: Wanted, seat: Seat, loop: asyncio.AbstractEventLoop, counts: Counts
    ) -> None:
        self.tracks: set[PacketTrack] = set()
        self.ended = False
        self._wanted = wanted
        self._loop = loop
        self._counts = counts
        self._wants_key = threading.Event()
        self._closing = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        seat.add(theirs)
        threading.Thread(target=self._run, args=(ours,), name="callers", daemon=True).start()

    def key_frame(self) -> None:
        self._wants_key.set()

    def close(self) -> None:
        self._closing = True

    def _run(self, sock: socket.socket) -> None:
        try:
            with closing(FeedReader.welcomed(sock, CONNECT_TIMEOUT)) as reader:
                self._encode(reader)
        except (FeedError, OSError) as exc:
            log.info("picture for callers ended", kind=type(exc).__name__)
        finally:
            # Whatever it died of: `tend` begins another one only where this is known.
            self.ended = True

    def _encode(self, reader: FeedReader) -> None:
        context, key_at = encoder(self._wanted), 0.0
        while not self._closing:
            picture = reader.read(READ_TIMEOUT)
            if not isinstance(picture, Picture):
                continue
            frame = av.VideoFrame.from_numpy_buffer(picture.canvas, format="yuv420p")
            frame.pts, frame.time_base = picture.n, Fraction(1, reader.format.fps)
            now = time.monotonic()
            if self._wants_key.is_set() and now - key_at >= KEY_FRAMES_APART:
                self._wants_key.clear()
                frame.pict_type = PictureType.I
                key_at = now
            packets = context.encode(frame)
            # x264 has copied it by now, and libvpx as well.
            picture.release()
            self._counts.pictures += 1
            for packet in packets:
                self._counts.key_frames += packet.is_keyframe
                self._loop.call_soon_threadsafe(self._deliver, packet)

    def _deliver(self, packet: "Packet[Any]") -> None:
        for track in self.tracks:
            track.give(packet)


def encoder(wanted: Wanted) -> VideoCodecContext:
    """It gives each picture out at once: those who see it talk to each other."""
    name = "libx264" if wanted.codec == "H264" else "libvpx"
    context = cast(VideoCodecContext, av.CodecContext.create(name, "w"))
    feed = wanted.feed
    context.width, context.height, context.pix_fmt = feed.width, feed.height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, feed.fps), Fraction(feed.fps)
    context.bit_rate = wanted.kbps * 1000
    context.thread_count = 1
    rates = {"maxrate": f"{wanted.kbps}k", "bufsize": f"{wanted.kbps // 2}k"}
    context.options = rates | (H264 if wanted.codec == "H264" else VP8)
    return context


H264 = {
    "preset": "superfast",
    "tune": "zerolatency",
    "profile": "baseline",
    "level": "3.1",
    "forced-idr": "1",
    "g": str(KEY_FRAME_AFTER),
    "x264-params": "scenecut=0:repeat-headers=1:annexb=1",
}
VP8 = {
    "deadline": "realtime",
    "cpu-used": "8",
    "lag-in-frames": "0",
    "error-resilient": "default",
    "g": str(KEY_FRAME_AFTER),
}
