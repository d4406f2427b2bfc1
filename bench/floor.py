"""The floor: what decoding the inputs and encoding the output cost with nothing between them.

`python -m bench.floor CASE SECONDS CLIP...` measures in a process of its own and prints JSON.
"""

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.logging
import msgspec
from av.video.codeccontext import VideoCodecContext

from bench.common import ROOT
from bench.inputs import CASES, FPS, Case
from bench.reference import Canvas, canvases
from proto.media import Rendition
from services.rtmp_egress.core.room import SOFTWARE
from services.rtmp_egress.media.encoder import video_options

THREADS = 2
"""Of x264, as in the system."""


class Floor(msgspec.Struct, frozen=True):
    """CPU seconds per second of media."""

    decode: float
    "Every input, pictures and sound."
    encode: float
    "x264 as in the system's `quality` rendition; pictures in memory; no sound, no container."
    encode_default: float
    "The same pictures in the system's default rendition."
    kbps: float
    "What x264 `quality` gave out, so that one sees that it did the work."

    @property
    def total(self) -> float:
        return self.decode + self.encode

    @property
    def total_default(self) -> float:
        return self.decode + self.encode_default


def measure(case: Case, clips: list[Path], seconds: int) -> Floor:
    command = [sys.executable, "-m", "bench.floor", case.name, str(seconds), *map(str, clips)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Floor)


def decode_all(clips: list[Path], seconds: int) -> float:
    """CPU seconds of decoding so much of each clip, one thread a decoder."""
    before = time.process_time()
    for clip in clips:
        with av.open(str(clip)) as source:
            video, audio = source.streams.video[0], source.streams.audio[0]
            video.thread_count = 1
            for packet in source.demux(video, audio):
                late = packet.dts is not None and packet.dts * packet.time_base >= seconds
                if late and packet.stream is video:
                    break
                if not late:
                    packet.decode()
    return time.process_time() - before


def encode_all(
    pictures: list[Canvas],
    case: Case,
    rendition: Rendition,
    options: dict[str, str] | None = None,
) -> tuple[float, int]:
    """CPU seconds of x264 for these pictures, and the bytes it gave; `options` in place of the
    rendition's."""
    frames = [av.VideoFrame.from_numpy_buffer(canvas, format="yuv420p") for canvas in pictures]
    before = time.process_time()
    context = cast(VideoCodecContext, av.CodecContext.create(SOFTWARE, "w"))
    context.width, context.height, context.pix_fmt = case.width, case.height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    context.bit_rate = rendition.video_kbps * 1000
    context.thread_count = THREADS
    context.options = options or video_options(SOFTWARE, rendition, FPS)
    size = 0
    for n, frame in enumerate(frames):
        frame.pts = n
        size += sum(packet.size for packet in context.encode(frame))
    size += sum(packet.size for packet in context.encode(None))
    return time.process_time() - before, size


def main() -> None:
    av.logging.set_level(None)
    name, seconds, clips = sys.argv[1], int(sys.argv[2]), [Path(clip) for clip in sys.argv[3:]]
    case = next(case for case in CASES if case.name == name)
    decode = decode_all(clips, seconds)
    pictures = canvases(clips, case, seconds * FPS)
    quality, size = encode_all(pictures, case, Rendition(case.video_kbps, quality="quality"))
    default, _ = encode_all(pictures, case, Rendition(case.video_kbps))
    floor = Floor(decode / seconds, quality / seconds, default / seconds, size * 8 / seconds / 1000)
    print(msgspec.json.encode(floor).decode())


if __name__ == "__main__":
    main()
