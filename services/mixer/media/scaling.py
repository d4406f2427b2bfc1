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

    def fill(self, target: Plane, source: Plane) -> None:
        """Halve by area as often as it goes, so that fine lines do not flicker, then bilinear."""
        high, wide = target.shape
        while source.shape[0] >= 2 * high and source.shape[1] >= 2 * wide:
            half = source.shape[0] // 2, source.shape[1] // 2
            into = target if half == target.shape else self._buffer(half)
            whole = source[: half[0] * 2, : half[1] * 2]
            source = cv2.resize(whole, half[::-1], into, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        if source is target:
            return
        if source.shape == target.shape:
            np.copyto(target, source)
        else:
            cv2.resize(source, (wide, high), target, interpolation=cv2.INTER_LINEAR)

    def _buffer(self, shape: tuple[int, int]) -> Plane:
        if shape not in self._scratch:
            if len(self._scratch) >= SCRATCH_LIMIT:
                self._scratch.clear()
            self._scratch[shape] = np.empty(shape, np.uint8)
        return self._scratch[shape]


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
