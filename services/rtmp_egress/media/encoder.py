"""Encoders: which ones work here, and one that turns pictures and sound into FLV tags."""

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import cast

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from kit.link import Format
from proto.media import Rendition
from services.rtmp_egress.media.flv import FlvTag, TagCutter

SOFTWARE = "libx264"
CANDIDATES = ("h264_nvenc", "h264_qsv", "h264_amf", "h264_v4l2m2m", SOFTWARE)
"""In the order of `auto`: whatever takes the load off the processor first."""

TRIAL_FRAMES = 30
"""Some hardware gives its first packet only after a pipeline's worth of pictures."""

AAC_FAST_FROM_KBPS = 96
"""Where libav's `fast` coder is as good as `twoloop` at less than half its cost."""

MUX_BUFFER = 1 << 20
"""Bytes; the largest key frame fits, so that a tag is one write."""

MUX_OPTIONS = {
    "flvflags": "no_duration_filesize+no_sequence_end",
    "max_interleave_delta": "500000",
    "flush_packets": "1",
}
"""A live stream has no end to patch in. Microseconds that a silent track may hold the other back.
Each packet goes out at once."""

SOFTWARE_OPTIONS = {
    "default": {
        "preset": "superfast",
        "x264-params": "scenecut=0:mbtree=1:rc-lookahead=10:open-gop=0",
    },
    "quality": {"preset": "veryfast", "x264-params": "scenecut=0:rc-lookahead=10:open-gop=0"},
    "low_latency": {
        "preset": "superfast",
        "tune": "zerolatency",
        "x264-params": "scenecut=0:open-gop=0",
    },
}
"""By `Rendition.quality`. The default costs half of `veryfast` and looks as good; zerolatency
gives up quality for 333 ms that RTMP's viewers do not notice."""

HARDWARE_OPTIONS = {
    "h264_nvenc": {"preset": "p4", "rc": "cbr", "no-scenecut": "1", "forced-idr": "1"},
    "h264_qsv": {"preset": "veryfast", "look_ahead": "0", "adaptive_i": "0"},
    "h264_amf": {"usage": "transcoding", "rc": "cbr", "quality": "balanced"},
    "h264_v4l2m2m": {},
}

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
    return [name for name in CANDIDATES if (software or name != SOFTWARE) and works(name)]


def choose(wanted: str, software: bool = True) -> str:
    """The encoder to use: the one named, or for `auto` the best; `software` may stand in."""
    names = _names(wanted, software)
    for name in names:
        if works(name):
            return name
    raise NoEncoder(f"none of these encoders works here: {', '.join(names)}")


def open_encoder(
    format: Format, rendition: Rendition, emit: Callable[[FlvTag], None], software: bool = True
) -> "Encoder":
    """The same, opened for this format: hardware may have no session or no size left for it."""
    names = _names(rendition.encoder, software)
    for name in names:
        if works(name):
            try:
                return Encoder(name, format, rendition, emit)
            except av.error.FFmpegError:
                continue
    raise NoEncoder(f"none of these encoders works here: {', '.join(names)}")


def _names(wanted: str, software: bool) -> list[str]:
    """What may be tried, best first."""
    if wanted == "auto":
        return [name for name in CANDIDATES if software or name != SOFTWARE]
    if wanted not in CANDIDATES:
        raise NoEncoder(f"encoder {wanted} is not known")
    return [wanted, SOFTWARE] if software and wanted != SOFTWARE else [wanted]


def video_options(name: str, rendition: Rendition, fps: int) -> dict[str, str]:
    """Constant bit rate in the sense of players' buffers, and key frames by number alone."""
    gop = str(fps * rendition.gop_seconds)
    common = {
        "maxrate": f"{rendition.video_kbps}k",
        "bufsize": f"{2 * rendition.video_kbps}k",
        "g": gop,
        "bf": "0",
    }
    if name != SOFTWARE:
        return common | HARDWARE_OPTIONS.get(name, {})
    own = SOFTWARE_OPTIONS[rendition.quality]
    return common | {"keyint_min": gop, "sc_threshold": "0", "profile": "high"} | own


class Encoder:
    """One encoding of one feed. For one thread."""

    def __init__(
        self, name: str, format: Format, rendition: Rendition, emit: Callable[[FlvTag], None]
    ) -> None:
        self.name = name
        self._format = format
        self._copies = name == SOFTWARE
        "libx264 has copied a picture when encode() returns; others may read it later."
        self._frames: dict[int, av.VideoFrame] = {}
        self._container: OutputContainer = av.open(
            TagCutter(emit), "w", format="flv", options=MUX_OPTIONS, buffer_size=MUX_BUFFER
        )
        options = video_options(name, rendition, format.fps)
        self._video = _video(self._container, name, options, format, rendition)
        self._audio = _audio(self._container, format, rendition)
        self._tick = Fraction(1, format.fps)
        self._sample = Fraction(1, format.rate)
        # Opening takes long enough to miss pictures; it must not wait for the first of them.
        self._container.start_encoding()

    def picture(self, canvas: npt.NDArray[np.uint8], pts: int) -> None:
        """Encode a canvas as picture `pts`; it may be drawn over afterwards.

        Canvases that come again should be the same arrays, until `forget`.
        """
        frame = self._frame(canvas)
        frame.pts, frame.time_base = pts, self._tick
        for packet in self._video.encode(frame):
            self._container.mux_one(packet)

    def sound(self, samples: Samples, pts: int) -> None:
        """Encode samples, one row each, of which the first is number `pts`."""
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = self._format.rate, pts, self._sample
        self._mux_audio(self._audio.encode(frame))

    def forget(self) -> None:
        """Let go of the canvases seen so far; call when a feed's ring is gone."""
        self._frames.clear()

    def close(self) -> None:
        """Give out what is still inside."""
        self._container.mux(self._video.encode(None))
        self._mux_audio(self._audio.encode(None))
        self._container.close()
        self.forget()

    def _mux_audio(self, packets: "list[av.Packet[AudioStream]]") -> None:
        """AAC's priming, from before the first sample, is left out: FLV has no negative time, and
        its muxer refuses what is older than the first packet it has written."""
        for packet in packets:
            if packet.pts is not None and packet.pts >= 0:
                self._container.mux_one(packet)

    def _frame(self, canvas: npt.NDArray[np.uint8]) -> av.VideoFrame:
        if not self._copies:
            return av.VideoFrame.from_numpy_buffer(canvas.copy(), format="yuv420p")
        # By identity: a frame keeps its canvas alive, so no other can take its place.
        frame = self._frames.get(id(canvas))
        if frame is None:
            frame = av.VideoFrame.from_numpy_buffer(canvas, format="yuv420p")
            self._frames[id(canvas)] = frame
        return frame


def _video(
    container: OutputContainer,
    name: str,
    options: dict[str, str],
    format: Format,
    rendition: Rendition,
) -> VideoStream:
    stream = cast(VideoStream, container.add_stream(name, rate=format.fps, options=options))
    stream.width, stream.height, stream.pix_fmt = format.width, format.height, "yuv420p"
    stream.bit_rate = rendition.video_kbps * 1000
    context = stream.codec_context
    context.time_base = Fraction(1, format.fps)
    context.max_b_frames = 0
    context.gop_size = format.fps * rendition.gop_seconds
    context.thread_count = 2
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
    return stream


def _audio(container: OutputContainer, format: Format, rendition: Rendition) -> AudioStream:
    coder = "fast" if rendition.audio_kbps >= AAC_FAST_FROM_KBPS else "twoloop"
    options = {"aac_coder": coder}
    stream = container.add_stream("aac", rate=format.rate, options=options)
    stream.bit_rate = rendition.audio_kbps * 1000
    stream.codec_context.layout = "stereo"
    stream.codec_context.time_base = Fraction(1, format.rate)
    return stream
