"""From a plane of one size into a place of another, without a copy in between."""

from collections.abc import Callable
from functools import partial

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from services.mixer.core.layouts import Rect, even, fit
from services.mixer.media.picture import Picture, visible
from services.mixer.media.planes import Plane

cv2.setNumThreads(1)  # OpenCV's own threads double the cost of what threads of ours do at once.
# Intel's filters, where the build has them: two fifths cheaper, and off by a step here and there.
cv2.ipp.setUseIPP_NotExact(True)

SAME_SHAPE = 0.01
"""Two shapes this near to each other are stretched rather than cropped: nobody sees it."""

SCRATCH_LIMIT = 64
"""Buffers for halved planes that are kept; sizes are few, but a source may change its own."""


SHARP = 3
"""Luma is halved by area only while it is at least so much too large: area averages dull what lies
just above their last size, and the filter behind them has to have something to choose from."""

ALIASES = 1.35
"""Times too large from which on two neighbours are too few to weigh: fine lines would shimmer."""

NEARLY_HALF = 1.8
"""Times too large from which on, up to twice, averages by area are as good as anything behind one
halving: what that has dulled is averaged away. They cost two thirds of libswscale's bicubic."""

BICUBIC, AREA = Interpolation.BICUBIC, Interpolation.AREA


def may_halve(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether luma of that shape is halved on its way to the target's."""
    return shape[0] >= SHARP * target[0] and shape[1] >= SHARP * target[1]


class Scaler:
    """For one thread: it keeps the buffers for steps in between."""

    def __init__(self) -> None:
        self._scratch: dict[tuple[int, ...], Plane] = {}
        self._filters: dict[tuple[int, ...], VideoReformatter] = {}
        "By both sizes: tiles of equal size share one, and a new scene finds it ready."

    def luma(self, shape: tuple[int, ...], target: Plane, *, halvings: int = 0) -> "Way":
        """At least 41 dB from a Lanczos filter at any size, up to eight times smaller.

        `halvings`: what is to be scaled has been made smaller by area so often already.

        Bilinear where that does; otherwise halved by area, which costs next to nothing, and the
        rest by libswscale, whose filters grow with the ratio as OpenCV's do not; or by area once
        more where that is nearly another half.
        """
        high, wide = target.shape
        steps: list[Step] = []
        while may_halve(shape, target.shape) and _is_even(shape):
            shape = shape[0] // 2, shape[1] // 2
            steps.append((0, 0, self._buffer(shape), cv2.INTER_AREA))
        ratio = max(shape[0] / high, shape[1] / wide)
        if shape == target.shape or ratio <= ALIASES:
            return Way(target, [*steps, *_bilinear(shape, target)])
        halvings += len(steps)
        if not halvings and shape == (2 * high, 2 * wide):
            return Way(target, [(0, 0, target, cv2.INTER_AREA)])
        if halvings == 1 and NEARLY_HALF <= min(shape[0] / high, shape[1] / wide) <= ratio <= 2:
            return Way(target, [*steps, (0, 0, target, cv2.INTER_AREA)])
        scale = self._filter(shape, target.shape, BICUBIC if halvings else AREA)
        return Filtered(target, steps, scale)

    def chroma(self, shape: tuple[int, ...], target: Plane) -> "Way":
        """Halved by area as often as it goes, then bilinear: eyes are dull to colour's detail."""
        high, wide = target.shape
        steps: list[Step] = []
        while shape[0] >= 2 * high and shape[1] >= 2 * wide:
            half = shape[0] // 2, shape[1] // 2
            into = target if half == target.shape else self._buffer(half)
            odd = not _is_even(shape)
            steps.append((half[0] * 2 if odd else 0, half[1] * 2, into, cv2.INTER_AREA))
            shape = half
        return Way(target, [*steps, *_bilinear(shape, target)])

    def _filter(
        self, shape: tuple[int, ...], target: tuple[int, ...], interpolation: Interpolation
    ) -> "Scale":
        key = (*shape, *target, int(interpolation))
        if key not in self._filters:
            if len(self._filters) >= SCRATCH_LIMIT:
                self._filters.clear()
            self._filters[key] = VideoReformatter()
        return partial(
            self._filters[key].reformat,
            width=target[1],
            height=target[0],
            interpolation=interpolation,
            threads=1,
        )

    def _buffer(self, shape: tuple[int, ...]) -> Plane:
        if shape not in self._scratch:
            if len(self._scratch) >= SCRATCH_LIMIT:
                self._scratch.clear()
            self._scratch[shape] = np.empty(shape, np.uint8)
        return self._scratch[shape]


Scale = Callable[[av.VideoFrame], av.VideoFrame]

Step = tuple[int, int, Plane, int]
"""Rows and columns to use, or no rows for all of both; where to; interpolation."""


def _bilinear(shape: tuple[int, ...], target: Plane) -> list[Step]:
    return [] if shape == target.shape else [(0, 0, target, cv2.INTER_LINEAR)]


def _is_even(shape: tuple[int, ...]) -> bool:
    return not (shape[0] | shape[1]) & 1


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
        self._step(source)

    def _step(self, source: Plane) -> Plane:
        for rows, columns, into, interpolation, size in self._steps:
            whole = source[:rows, :columns] if rows else source
            cv2.resize(whole, size, into, interpolation=interpolation)
            source = into
        return source


class Filtered(Way):
    """A way that ends in libswscale."""

    __slots__ = ("_scale", "_wrapped")

    def __init__(self, target: Plane, steps: list[Step], scale: Scale) -> None:
        super().__init__(target, steps)
        self._scale = scale
        self._wrapped = _wrapped(steps[-1][2]) if steps else None
        "What libswscale reads, where that is always the same buffer."

    def go(self, source: Plane) -> None:
        frame = self._wrapped
        if frame is None:
            frame = _wrapped(source)
        else:
            self._step(source)
        np.copyto(self._target, visible(self._scale(frame).planes[0]))


def _wrapped(plane: Plane) -> av.VideoFrame:
    return av.VideoFrame.from_numpy_buffer(plane, format="gray")


def crop(picture: Picture, width: int, height: int) -> Rect:
    """The centred part of a picture that has the shape of a place of that size.

    Of a picture that has been halved it has edges that halve evenly, too.
    """
    shape = width / height
    step = 2 << len(picture.smaller)
    wide, high = even(picture.width), even(picture.height)
    if abs(picture.aspect / shape - 1) < SAME_SHAPE:
        return Rect(0, 0, wide, high)
    if picture.aspect > shape:
        part = _centred(wide, wide * shape / picture.aspect, step)
        return Rect(part[0], 0, part[1], high)
    part = _centred(high, high * picture.aspect / shape, step)
    return Rect(0, part[0], wide, part[1])


def _centred(whole: int, length: float, step: int) -> tuple[int, int]:
    """Where the middle part of about that length begins, and how long it is."""
    part = min(max(round(length / step), 1), whole // step) * step
    return (whole - part) // 2 // step * step, part


def letterbox(picture: Picture, place: Rect) -> Rect:
    """Where in a place the whole of a picture fits."""
    if abs(picture.aspect / (place.width / place.height) - 1) < SAME_SHAPE:
        return place
    return fit(place, picture.aspect, 1.0)
