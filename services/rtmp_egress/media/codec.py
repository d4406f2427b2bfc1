"""One video encoder from its first picture to its last, or to its death."""

from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from kit.link import Format
from proto.egress import Measure
from proto.media import Rendition
from services.rtmp_egress.core.room import SOFTWARE
from services.rtmp_egress.media.aside import Aside, Stuck

SILENT = 90
"""Pictures without a packet after which an encoder counts as dead: thrice the longest pipeline."""

STALLED = 2.0
"""Seconds for one picture after which an encoder counts as dead. Destinations wait for longer."""

SMALL = 2 / 3
"""Of the width and the height: less than half of the pixels."""

Canvas = npt.NDArray[np.uint8]
Packets = list["Packet[VideoStream]"]


class EncoderDied(Exception):
    """It takes no more pictures, or gives none back."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} died: {why}")
        self.name = name
        self.why = why


class VideoEncoder:
    """For one thread. Pictures have rising numbers; the first one is a key frame."""

    def __init__(self, name: str, context: VideoCodecContext, format: Format) -> None:
        self.name = name
        self.copies = name == SOFTWARE
        "libx264 has copied a picture when it returns; others may read it later."
        self._context = context
        self._tick = Fraction(1, format.fps)
        self._scale = (context.width, context.height) != (format.width, format.height)
        self._seen: dict[int, av.VideoFrame] = {}
        self._inside: deque[tuple[av.VideoFrame, int, bool]] = deque()
        "Pictures taken and not given back, of an encoder that does not copy; else the one at hand."
        self._silent = 0
        self._aside: Aside[av.VideoFrame | None, Packets] | None = None
        "For a driver; libx264 never hangs."

    @property
    def size(self) -> tuple[int, int]:
        return self._context.width, self._context.height

    @property
    def extradata(self) -> bytes:
        return self._context.extradata or b""

    def picture(self, canvas: Canvas, pts: int, key: bool) -> Packets:
        """Encode a canvas, which may be drawn over afterwards. Raises EncoderDied."""
        return self._take(self._frame(canvas), pts, key)

    def rescue(self, dead: "VideoEncoder") -> Packets:
        """Encode what another had inside, and was given last, when it died. Raises EncoderDied."""
        return [p for inside in list(dead._inside) for p in self._take(*inside)]

    def flush(self) -> Packets:
        """Give out what is still inside; nothing comes after it. Raises EncoderDied."""
        return self._run(None)

    def forget(self) -> None:
        """Let go of the canvases seen so far."""
        self._seen.clear()

    def _take(self, frame: av.VideoFrame, pts: int, key: bool) -> Packets:
        self._inside.append((frame, pts, key))
        if self._scale:
            frame = frame.reformat(self._context.width, self._context.height)
        frame.pts, frame.time_base = pts, self._tick
        frame.pict_type = PictureType.I if key else PictureType.NONE
        packets = self._run(frame)
        self._silent = 0 if packets else self._silent + 1
        if self._silent > SILENT:
            self._end()
            raise EncoderDied(self.name, f"no packet for {SILENT} pictures")
        if self.copies:
            self._inside.clear()
        for packet in packets:
            while self._inside and packet.pts is not None and self._inside[0][1] <= packet.pts:
                self._inside.popleft()
        return packets

    def _run(self, frame: av.VideoFrame | None) -> Packets:
        try:
            if self.copies:
                packets = self._encode(frame)
            else:
                self._aside = self._aside or Aside(self._encode, STALLED)
                packets = self._aside.call(frame)
        except Stuck:
            raise EncoderDied(self.name, f"a picture takes over {STALLED:g} s") from None
        except (av.error.FFmpegError, OSError) as exc:
            self._end()
            raise EncoderDied(self.name, type(exc).__name__) from exc
        if frame is None:
            self._end()
        return packets

    def _encode(self, frame: av.VideoFrame | None) -> Packets:
        return list(self._context.encode(frame))

    def _end(self) -> None:
        if self._aside is not None:
            self._aside.end()

    def _frame(self, canvas: Canvas) -> av.VideoFrame:
        if not self.copies:
            return av.VideoFrame.from_numpy_buffer(canvas.copy(), format="yuv420p")
        # By identity: a frame keeps its canvas alive, so no other can take its place.
        frame = self._seen.get(id(canvas))
        if frame is None:
            frame = av.VideoFrame.from_numpy_buffer(canvas, format="yuv420p")
            self._seen[id(canvas)] = frame
        return frame


Make = Callable[[str, VideoCodecContext, Format], VideoEncoder]


def configure(
    context: VideoCodecContext, format: Format, rendition: Rendition, measures: Sequence[Measure]
) -> None:
    context.width, context.height = size(format, measures)
    context.pix_fmt = "yuv420p"
    context.bit_rate = rendition.video_kbps * 1000
    context.time_base = Fraction(1, format.fps)
    context.max_b_frames = 0
    context.gop_size = format.fps * rendition.gop_seconds
    context.thread_count = 2
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709


def size(format: Format, measures: Sequence[Measure]) -> tuple[int, int]:
    if "size" not in measures:
        return format.width, format.height
    return round(format.width * SMALL / 2) * 2, round(format.height * SMALL / 2) * 2
