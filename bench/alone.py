"""x264 with nothing about it, on the pictures that `bench.loop` shows:
`python -m bench.alone CASE SECONDS CLIP...` prints what a second costs it, flat out and paced."""

import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.logging
from av.video.codeccontext import VideoCodecContext

from bench.inputs import CASES, FPS, Case
from bench.loop import SECONDS
from bench.reference import Canvas, canvases
from kit.link import Format
from proto.media import Rendition
from services.rtmp_egress.core.room import SOFTWARE
from services.rtmp_egress.media.codec import configure
from services.rtmp_egress.media.encoder import video_options

WARM = 60
"""Pictures before it is measured, as the session has had some."""


def cost(pictures: list[Canvas], case: Case, seconds: float, *, paced: bool) -> float:
    """CPU seconds of encoding a second of the pictures, again and again."""
    rendition = Rendition(video_kbps=case.video_kbps)
    context = cast(VideoCodecContext, av.CodecContext.create(SOFTWARE, "w"))
    configure(context, Format(case.width, case.height, FPS), rendition, ())
    context.framerate = Fraction(FPS)
    context.options = video_options(SOFTWARE, rendition, FPS)
    frames = [av.VideoFrame.from_numpy_buffer(canvas, format="yuv420p") for canvas in pictures]
    count = round(seconds * FPS)
    used = begun = 0.0
    for n in range(WARM + count):
        if n == WARM:
            used, begun = time.process_time(), time.monotonic()
        if paced and n >= WARM:
            time.sleep(max(0.0, begun + (n - WARM) / FPS - time.monotonic()))
        frame = frames[n % len(frames)]
        frame.pts, frame.time_base = n, Fraction(1, FPS)
        context.encode(frame)
    return (time.process_time() - used) / seconds


def main() -> None:
    av.logging.set_level(None)
    name, seconds, clips = sys.argv[1], float(sys.argv[2]), [Path(clip) for clip in sys.argv[3:]]
    case = next(case for case in CASES if case.name == name)
    pictures = canvases(clips, case, SECONDS * FPS)
    flat = cost(pictures, case, seconds, paced=False)
    print([flat, cost(pictures, case, seconds, paced=True)])


if __name__ == "__main__":
    main()
