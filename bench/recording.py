"""Whether a stream's pictures move: one that is sent once more costs an encoder next to nothing."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from services.mixer.core.layouts import Rect

STRIDE = 4
"""Only every fourth pixel of every fourth line is looked at."""

STILL = 0.4
"""Mean change of luma: sent again and only encoded better it is below 0.1, footage is over 1."""


def moving(recording: Path, rect: Rect) -> list[bool]:
    """For each picture, whether that place in it is not as it was in the one before."""
    return [True, *(change >= STILL for change in changes(recording, rect))]


def changes(recording: Path, rect: Rect) -> list[float]:
    """By how much, on average, each picture but the first differs from the one before it."""
    with av.open(str(recording)) as source:
        looks = (_look(frame, rect) for frame in source.decode(video=0))
        return [float(np.abs(later - earlier).mean()) for earlier, later in pairwise(looks)]


def _look(frame: av.VideoFrame, rect: Rect) -> NDArray[np.int16]:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows[rect.y : rect.bottom : STRIDE, rect.x : rect.right : STRIDE].astype(np.int16)
