"""Encoders: which ones work here, and one that turns pictures and sound into FLV tags."""

import functools
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import cast

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from kit.link import Format
from proto.egress import Measure
from proto.media import Rendition
from proto.urls import Codec
from services.rtmp_egress.core.room import SOFTWARE
from services.rtmp_egress.media.codec import (
    Canvas,
    EncoderDied,
    Make,
    Packets,
    VideoEncoder,
    configure,
)
from services.rtmp_egress.media.flv import SCRIPT, VIDEO, FlvTag, TagCutter, resized
from services.rtmp_egress.media.options import CANDIDATES, video_options

__all__ = ["Encoder", "NoEncoder", "choose", "names", "proven", "video_options", "works"]

TRIAL_FRAMES = 30
"""Some hardware gives its first packet only after a pipeline's worth of pictures."""

AAC_FAST_FROM_KBPS = 96
"""Where libav's `fast` coder is as good as `twoloop` at less than half its cost."""

MUX_BUFFER = 1 << 20
"""Bytes; the largest key frame fits, so that a tag is one write."""

MUX_OPTIONS = {
    "flvflags": "no_duration_filesize+no_sequence_end",
    "max_interleave_delta": "1000000",
    "flush_packets": "1",
}
"""A live stream has no end to patch in. Microseconds that a silent track may hold the other back.
Each packet goes out at once."""

Samples = npt.NDArray[np.int16]


class NoEncoder(Exception):
    """No encoder that is wanted and allowed works on this machine."""


@functools.cache
def works(name: str) -> bool:
    """Whether an encoder opens here, takes pictures and gives a packet back. Tried once."""
    try:
        context = cast(VideoCodecContext, av.CodecContext.create(name, "w"))
        context.width, context.height, context.pix_fmt = 640, 360, "yuv420p"
        context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
        context.bit_rate, context.max_b_frames = 1_000_000, 0
        context.options = video_options(name, Rendition(video_kbps=1000), 30)
        frame = av.VideoFrame(640, 360, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for n in range(TRIAL_FRAMES):
            frame.pts = n
            if any(packet.size for packet in context.encode(frame)):
                return True
        return any(packet.size for packet in context.encode(None))
    except (av.error.FFmpegError, ValueError, OSError):
        return False


def proven(software: bool = True) -> list[str]:
    """The encoders that work here and may be used, best first."""
    return [name for name in names("auto", software) if works(name)]


def choose(wanted: str, software: bool = True) -> str:
    """The encoder to use: the one named, or for `auto` the best; `software` may stand in."""
    wanted_names = names(wanted, software)
    for name in wanted_names:
        if works(name):
            return name
    raise NoEncoder(f"none of these encoders works here: {', '.join(wanted_names)}")


def names(wanted: str, software: bool, codec: Codec = "h264") -> list[str]:
    """What may be tried, best first. A wish is for an encoder of H.264."""
    if wanted == "auto" or codec != "h264":
        *hardware, own = CANDIDATES[codec]
        return [*hardware, own] if software else hardware
    if wanted not in CANDIDATES["h264"]:
        raise NoEncoder(f"encoder {wanted} is not known")
    return [wanted, SOFTWARE] if software and wanted != SOFTWARE else [wanted]


class Encoder:
    """One encoding of one feed, also where one video encoder follows another. For one thread."""

    def __init__(
        self,
        name: str,
        format: Format,
        rendition: Rendition,
        emit: Callable[[FlvTag], None],
        make: Make = VideoEncoder,
    ) -> None:
        self._format = format
        self._rendition = rendition
        self._make = make
        self._gop = format.fps * rendition.gop_seconds
        self._emit = emit
        self._metadata = b""
        self._size = format.width, format.height
        "That the metadata tell of."
        self._container: OutputContainer = av.open(
            TagCutter(self._pass), "w", format="flv", options=MUX_OPTIONS, buffer_size=MUX_BUFFER
        )
        options = video_options(name, rendition, format.fps)
        self._video = cast(
            VideoStream, self._container.add_stream(name, rate=format.fps, options=options)
        )
        configure(self._video.codec_context, format, rendition, ())
        self._codec = make(name, self._video.codec_context, format)
        self._anew = False
        "The next packet is the first of another video encoder."
        self._audio = _audio(self._container, format, rendition)
        self._sample = Fraction(1, format.rate)
        # Opening takes long enough to miss pictures; it must not wait for the first of them.
        self._container.start_encoding()

    @property
    def name(self) -> str:
        return self._codec.name

    def picture(self, canvas: Canvas, pts: int) -> None:
        """Encode a canvas as picture `pts`; it may be drawn over afterwards. Raises EncoderDied.

        Key frames are on a grid of numbers, whichever encoder came when.

        Canvases that come again should be the same arrays, until `forget`.
        """
        self._mux_video(self._codec.picture(canvas, pts, pts % self._gop == 0))

    def use(self, measures: Sequence[Measure]) -> None:
        """Take another video encoder of the same kind. Raises EncoderDied, FFmpegError."""
        codec, before = self._open(self.name, measures), self._codec
        try:
            self._mux_video(before.flush())
        except EncoderDied:
            packets = codec.rescue(before)
        else:
            packets = []
        self._codec, self._anew = codec, True
        self._mux_video(packets)

    def replace(self, name: str, measures: Sequence[Measure]) -> None:
        """The video encoder died: take another, which does again what was lost with it.

        Raises EncoderDied, FFmpegError.
        """
        codec, dead = self._open(name, measures), self._codec
        # What it makes is kept back until all is made: if it dies, too, the next one does it all.
        packets = codec.rescue(dead)
        self._codec, self._anew = codec, True
        self._mux_video(packets)

    def sound(self, samples: Samples, pts: int) -> None:
        """Encode samples, one row each, of which the first is number `pts`."""
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = self._format.rate, pts, self._sample
        self._mux_audio(self._audio.encode(frame))

    def forget(self) -> None:
        """Let go of the canvases seen so far; call when a feed's ring is gone."""
        self._codec.forget()

    def close(self) -> None:
        """Give out what is still inside."""
        with suppress(EncoderDied):
            self._mux_video(self._codec.flush())
        self._mux_audio(self._audio.encode(None))
        self._container.close()
        self.forget()

    def _pass(self, tag: FlvTag) -> None:
        """Pictures of another size have metadata of their own, which the muxer writes but once."""
        if tag.kind == SCRIPT:
            self._metadata = tag.payload
        elif tag.kind == VIDEO and tag.header and self._size != self._codec.size:
            self._size = self._codec.size
            metadata = resized(self._metadata, *self._size)
            self._emit(FlvTag(SCRIPT, tag.timestamp, metadata, header=True))
        self._emit(tag)

    def _open(self, name: str, measures: Sequence[Measure]) -> VideoEncoder:
        context = cast(VideoCodecContext, av.CodecContext.create(name, "w"))
        configure(context, self._format, self._rendition, measures)
        context.framerate = Fraction(self._format.fps)
        context.options = video_options(name, self._rendition, self._format.fps, measures)
        context.flags |= Flags.global_header
        context.open()
        return self._make(name, context, self._format)

    def _mux_video(self, packets: Packets) -> None:
        for packet in packets:
            if self._anew:
                # The muxer puts a sequence header before it, if it is not the one that it knows.
                self._anew = False
                packet.set_sidedata(_new_extradata(self._codec.extradata))
            packet.stream = self._video
            self._container.mux_one(packet)

    def _mux_audio(self, packets: "list[av.Packet[AudioStream]]") -> None:
        """AAC's priming, from before the first sample, is left out: FLV has no negative time, and
        its muxer refuses what is older than the first packet it has written."""
        for packet in packets:
            if packet.pts is not None and packet.pts >= 0:
                self._container.mux_one(packet)


def _new_extradata(extradata: bytes) -> PacketSideData:
    kind = packet_sidedata_type_from_literal("new_extradata")
    data = PacketSideData(kind, len(extradata))  # type: ignore[call-arg]  # its stub knows no arguments
    data.update(extradata)
    return data


def _audio(container: OutputContainer, format: Format, rendition: Rendition) -> AudioStream:
    coder = "fast" if rendition.audio_kbps >= AAC_FAST_FROM_KBPS else "twoloop"
    options = {"aac_coder": coder}
    stream = container.add_stream("aac", rate=format.rate, options=options)
    stream.bit_rate = rendition.audio_kbps * 1000
    stream.codec_context.layout = "stereo"
    stream.codec_context.time_base = Fraction(1, format.rate)
    return stream
