"""What Y, U and V stand for: the matrices that sources use, and from them to the canvas's, BT.709.

Grey is the same in all of them, so only what chroma adds differs: new chroma is two weighted sums
of the old, and luma gets a correction that is worked out at the size of the chroma.
"""

import functools

import cv2
import msgspec
import numpy as np

from services.mixer.media.planes import Plane, Planes

HD_LINES = 720
"""A picture that does not say is taken for BT.709 from this height on, as players do."""

GREY = 128
"""Chroma of what has no colour."""

ROOMS_LIMIT = 32
"""Sizes for which buffers are kept; tiles have few, but a source may change its own."""

LUMA_OVER_CHROMA = 219 / 224
"""Steps of luma to steps of chroma in limited range."""


EVEN, ODD = slice(0, None, 2), slice(1, None, 2)
"""Of the rows of luma, two of which share a row of chroma."""


class Matrix(msgspec.Struct, frozen=True):
    """How much of luma is red and how much blue."""

    red: float
    blue: float

    @property
    def green(self) -> float:
        return 1.0 - self.red - self.blue


BT709 = Matrix(0.2126, 0.0722)
BT601 = Matrix(0.299, 0.114)

_TAGS = {
    1: BT709,
    4: Matrix(0.30, 0.11),
    5: BT601,
    6: BT601,
    7: Matrix(0.212, 0.087),
    9: Matrix(0.2627, 0.0593),
}
"""By libav's numbers, `AVCOL_SPC_*`: what pictures may be tagged with."""


def matrix(tag: int, lines: int) -> Matrix:
    """That of a picture with this tag and height."""
    known = _TAGS.get(tag)
    if known is not None:
        return known
    return BT709 if lines >= HD_LINES else BT601


class Sums(msgspec.Struct, frozen=True):
    """Factors of U and V from their middle: what each adds to new luma, U and V."""

    luma: tuple[float, float]
    u: tuple[float, float]
    v: tuple[float, float]


@functools.cache
def sums(source: Matrix, canvas: Matrix = BT709) -> Sums:
    blue, red = 2 * (1 - source.blue), 2 * (1 - source.red)
    blue_in_green, red_in_green = blue * source.blue / source.green, red * source.red / source.green
    by_u = canvas.blue * blue - canvas.green * blue_in_green
    by_v = canvas.red * red - canvas.green * red_in_green
    new_blue, new_red = 2 * (1 - canvas.blue), 2 * (1 - canvas.red)
    return Sums(
        (by_u * LUMA_OVER_CHROMA, by_v * LUMA_OVER_CHROMA),
        ((blue - by_u) / new_blue, -by_v / new_blue),
        (-by_u / new_red, (red - by_v) / new_red),
    )


class Recolour:
    """From a source's matrix to the canvas's. For one thread: it keeps its buffers."""

    def __init__(self) -> None:
        self._rooms: dict[tuple[int, ...], _Room] = {}

    def spare(self, like: Planes) -> Planes:
        """Planes of the same size, until the next call for that size."""
        return self._room(like[0].shape).spare

    def convert(self, source: Planes, target: Planes, matrix: Matrix) -> None:
        """Write `source`, which is in `matrix`, into `target` of the same size."""
        to = sums(matrix)
        y, u, v = source
        room = self._room(y.shape)
        # For a small tile asking costs more than adding: every call that is saved counts.
        _sum(u, v, to.luma, room.more)
        _sum(u, v, to.u, target[1])
        _sum(u, v, to.v, target[2])
        # As wide as luma: two channels that are the same lie in memory as each pixel twice.
        cv2.merge((room.more, room.more), room.paired)
        for rows in (EVEN, ODD):
            cv2.addWeighted(y[rows], 1.0, room.doubled, 1.0, -GREY, target[0][rows])

    def _room(self, shape: tuple[int, ...]) -> "_Room":
        if shape not in self._rooms:
            if len(self._rooms) >= ROOMS_LIMIT:
                self._rooms.clear()
            self._rooms[shape] = _Room(*shape)
        return self._rooms[shape]


class _Room:
    """Buffers for pictures of one size."""

    def __init__(self, height: int, width: int) -> None:
        half = height // 2, width // 2
        self.more: Plane = np.empty(half, np.uint8)
        "What luma gets, and `GREY`, since bytes cannot be negative."
        self.paired = np.empty((*half, 2), np.uint8)
        self.doubled: Plane = self.paired.reshape(half[0], width)
        y, u, v = (np.empty(shape, np.uint8) for shape in ((height, width), half, half))
        self.spare: Planes = (y, u, v)


def _sum(u: Plane, v: Plane, factors: tuple[float, float], into: Plane) -> None:
    """`GREY` and so much of U and V from theirs; below 0 and above 255 it stays there."""
    by_u, by_v = factors
    cv2.addWeighted(u, by_u, v, by_v, GREY - GREY * (by_u + by_v), into)
