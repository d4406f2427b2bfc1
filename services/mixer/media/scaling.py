"""From a plane of one size into a place of another, without a copy in between."""

import cv2
import numpy as np

from services.mixer.core.layouts import Rect, even, fit
from services.mixer.media.picture import Picture
from services.mixer.media.planes import Plane

cv2.setNumThreads(1)  # OpenCV's own threads double the cost of what threads of ours do at once.

SAME_SHAPE = 0.01
"""Two shapes this near to each other are stretched rather than cropped: nobody sees it."""

SCRATCH_LIMIT = 64
"""Buffers for halved planes that are kept; sizes are few, but a source may change its own."""


class Scaler:
    """For one thread: it keeps the buffers for steps in between."""

    def __init__(self) -> None:
        self._scratch: dict[tuple[int, ...], Plane] = {}

    def way(self, shape: tuple[int, ...], target: Plane) -> "Way":
        """Halve by area as often as it goes, so that fine lines do not flicker, then bilinear."""
        high, wide = target.shape
        steps: list[Step] = []
        while shape[0] >= 2 * high and shape[1] >= 2 * wide:
            half = shape[0] // 2, shape[1] // 2
            into = target if half == target.shape else self._buffer(half)
            odd = (shape[0] | shape[1]) & 1
            steps.append((half[0] * 2 if odd else 0, half[1] * 2, into, cv2.INTER_AREA))
            shape = half
        if shape != target.shape:
            steps.append((0, 0, target, cv2.INTER_LINEAR))
        return Way(target, steps)

    def fill(self, target: Plane, source: Plane) -> None:
        self.way(source.shape, target).go(source)

    def _buffer(self, shape: tuple[int, int]) -> Plane:
        if shape not in self._scratch:
            if len(self._scratch) >= SCRATCH_LIMIT:
                self._scratch.clear()
            self._scratch[shape] = np.empty(shape, np.uint8)
        return self._scratch[shape]


Step = tuple[int, int, Plane, int]
"""Rows and columns to use, or no rows for all of both; where to; interpolation."""


class Way:
    """How planes of one size get into one place; found once, gone for every picture."""

    __slots__ = ("_steps", "_target")

    def __init__(self, target: Plane, steps: list[Step]) -> None:
        self._target = target
        self._steps = [(*step, step[2].shape[::-1]) for step in steps]

    def go(self, source: Plane) -> None:
        if not self._steps:
            np.copyto(self._target, source)
            return
        for rows, columns, into, interpolation, size in self._steps:
            whole = source[:rows, :columns] if rows else source
            cv2.resize(whole, size, into, interpolation=interpolation)
            source = into


def crop(picture: Picture, width: int, height: int) -> Rect:
    """The centred part of a picture that has the shape of a place of that size."""
    shape = width / height
    wide, high = even(picture.width), even(picture.height)
    if abs(picture.aspect / shape - 1) < SAME_SHAPE:
        return Rect(0, 0, wide, high)
    if picture.aspect > shape:
        part = max(even(round(wide * shape / picture.aspect)), 2)
        return Rect(even((wide - part) // 2), 0, part, high)
    part = max(even(round(high * picture.aspect / shape)), 2)
    return Rect(0, even((high - part) // 2), wide, part)


def letterbox(picture: Picture, place: Rect) -> Rect:
    """Where in a place the whole of a picture fits."""
    if abs(picture.aspect / (place.width / place.height) - 1) < SAME_SHAPE:
        return place
    return fit(place, picture.aspect, 1.0)
