"""Pictures and samples into an MP4 that a camera might have sent."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain, cycle, islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SECONDS = 24
"""Length of a clip; played in a loop."""

FPS = 30
SLIDE_FPS = 5
"""What a shared screen is usually sent at."""

RATE = 48_000

CAMERA_BITS = 700_000
"""Bits per second of a participant's picture: what browsers give to 640x360 at most."""

CAMERA = {"preset": "veryfast", "tune": "zerolatency", "g": "60", "sc_threshold": "0"}
"""Like a conference endpoint: no B-frames, no look-ahead, a key frame every two seconds."""


def write_clip(
    path: Path,
    make: Callable[[], list[av.VideoFrame]],
    samples: NDArray[np.float32] | None,
    fps: int,
    bits: int = CAMERA_BITS,
) -> None:
    """Write what `make` gives, played to and fro until the clip is full; whole or not at all."""
    partial = path.with_suffix(".partial")
    pictures = make()
    with av.open(str(partial), "w", format="mp4") as out:
        video = out.add_stream("libx264", rate=fps, options=CAMERA)
        video.width, video.height = pictures[0].width, pictures[0].height
        video.pix_fmt = "yuv420p"
        video.bit_rate = bits
        video.thread_count = 1
        audio = None
        if samples is not None:
            audio = out.add_stream("aac", rate=RATE, layout="stereo")
            audio.bit_rate = 96_000
        sound = _sound(samples) if samples is not None else iter(())
        for n, picture in enumerate(islice(to_and_fro(pictures), fps * SECONDS)):
            if audio is not None and n % fps == 0:
                out.mux(audio.encode(next(sound)))
            picture.pts, picture.time_base = n, Fraction(1, fps)
            picture.pict_type = av.video.frame.PictureType.NONE
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        if audio is not None:
            out.mux(audio.encode(None))
    partial.replace(path)


def to_and_fro(pictures: list[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The pictures forth and back without end, so that nothing jumps."""
    return cycle(chain(pictures, pictures[-2:0:-1]))


def _sound(samples: NDArray[np.float32]) -> Iterator[av.AudioFrame]:
    """Frames of a second each."""
    stereo = np.ascontiguousarray(np.tile(samples, (2, 1)))
    for start in range(0, stereo.shape[1], RATE):
        block = np.ascontiguousarray(stereo[:, start : start + RATE])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate = RATE
        frame.pts, frame.time_base = start, Fraction(1, RATE)
        yield frame
