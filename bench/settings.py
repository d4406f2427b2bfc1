"""What each setting of an encoder costs and how near its pictures are to those it was given."""

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import cast

import av
import msgspec
import numpy as np
from av.video.codeccontext import VideoCodecContext

from bench.floor import THREADS
from bench.inputs import FPS, Case
from bench.reference import Canvas
from kit.link import Format
from proto.egress import Measure
from proto.media import Rendition
from services.rtmp_egress.core.room import SOFTWARE
from services.rtmp_egress.media.codec import configure
from services.rtmp_egress.media.encoder import video_options


class Setting(msgspec.Struct, frozen=True):
    name: str
    quality: str = "default"
    measures: tuple[Measure, ...] = ()

    def options(self, case: Case) -> dict[str, str]:
        rendition = msgspec.convert(
            {"video_kbps": case.video_kbps, "quality": self.quality}, Rendition
        )
        return video_options(SOFTWARE, rendition, FPS, self.measures)


SETTINGS = (
    Setting("default"),
    Setting("quality", "quality"),
    Setting("low latency", "low_latency"),
    Setting("overloaded", measures=("preset",)),
)

REFERENCE = "x264 veryfast"
"""With x264's own lookahead and B-frames, at the same rate: what most would take."""


class Seen(msgspec.Struct, frozen=True):
    """What came of one encode."""

    cpu: float
    "CPU seconds per second."
    psnr: float
    "Of luma, of all pictures together, in dB."
    worst: float
    "The same of the worst picture."
    kbps: float


def options(name: str, case: Case) -> dict[str, str]:
    for setting in SETTINGS:
        if setting.name == name:
            return setting.options(case)
    kbps = case.video_kbps
    return {
        **{"preset": "veryfast", "maxrate": f"{kbps}k", "bufsize": f"{2 * kbps}k"},
        **{"g": str(2 * FPS), "sc_threshold": "0", "profile": "high"},
    }


def encode(name: str, pictures: Sequence[Canvas], case: Case) -> Seen:
    frames = [av.VideoFrame.from_numpy_buffer(canvas, format="yuv420p") for canvas in pictures]
    context = cast(VideoCodecContext, av.CodecContext.create(SOFTWARE, "w"))
    configure(
        context, Format(case.width, case.height, FPS), Rendition(video_kbps=case.video_kbps), ()
    )
    context.framerate, context.thread_count = Fraction(FPS), THREADS
    context.options = options(name, case)
    if name == REFERENCE:
        context.max_b_frames = 3
    begun = time.process_time()
    packets = []
    for n, frame in enumerate(frames):
        frame.pts, frame.time_base = n, Fraction(1, FPS)
        packets += context.encode(frame)
    packets += context.encode(None)
    spent, seconds = time.process_time() - begun, len(pictures) / FPS
    errors = _errors(packets, pictures, case)
    size = sum(packet.size for packet in packets)
    return Seen(
        spent / seconds,
        decibels(float(np.mean(errors))),
        decibels(max(errors)),
        size * 8 / 1000 / seconds,
    )


def decibels(error: float) -> float:
    """A mean square error, as PSNR; no error at all counts as one step in a hundred samples."""
    return float(10 * np.log10(255**2 / max(error, 0.01)))


def _errors(
    packets: "list[av.Packet[av.VideoStream]]", pictures: Sequence[Canvas], case: Case
) -> list[float]:
    """The mean square error of each picture's luma."""
    decoder = av.VideoCodecContext.create("h264", "r")
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    assert len(frames) == len(pictures)
    return [
        error(luma(frame), canvas[: case.height])
        for frame, canvas in zip(frames, pictures, strict=True)
    ]


def luma(frame: av.VideoFrame) -> Canvas:
    """Of a picture in I420, as it is: any other format would be another range."""
    return frame.to_ndarray().astype(np.uint8, copy=False)[: frame.height]


def error(one: Canvas, other: Canvas) -> float:
    difference = one.astype(np.int16) - other
    return float(np.mean(np.square(difference, dtype=np.int32)))
