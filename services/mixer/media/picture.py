"""A decoded picture as three planes."""

from itertools import count

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from services.mixer.media.colour import BT709, Matrix, matrix
from services.mixer.media.planes import Plane, Planes, split

FULL_RANGE = int(ColorRange.JPEG)
"""A plain number: comparing enumerations would cost as much as all else that is asked here."""

QUARTER_TURNS = {
    90: cv2.ROTATE_90_COUNTERCLOCKWISE,
    180: cv2.ROTATE_180,
    -180: cv2.ROTATE_180,
    -90: cv2.ROTATE_90_CLOCKWISE,
}
"""By the degrees that a phone says its picture is to be turned, against the clock."""


_serials = count(1)


def visible(plane: VideoPlane) -> Plane:
    """The plane's visible part, in place; the array keeps the frame alive."""
    # The stubs do not say that a plane is a buffer.
    return np.ndarray((plane.height, plane.width), np.uint8, plane, 0, (plane.line_size, 1))  # type: ignore[arg-type]


LARGE_LINES = 720
"""From this height on a picture is halved as soon as it is decoded, while it still lies in the
processor's cache: to fetch it from memory for a thumbnail later costs five times as much."""

HALVINGS = 2
"""So many times: a quarter of 720 lines is enough for most thumbnails."""


class Picture:
    """I420 of limited range; views of the decoder's own memory wherever it has that already."""

    __slots__ = ("aspect", "height", "matrix", "planes", "serial", "smaller", "width")

    def __init__(self, planes: Planes, aspect: float, matrix: Matrix = BT709) -> None:
        self.planes = planes
        self.height, self.width = planes[0].shape
        self.serial = next(_serials)
        "No two pictures have the same; it is never 0."
        self.aspect = aspect
        "Width to height as it is to be seen; pixels need not be square."
        self.matrix = matrix
        self.smaller: list[Planes] = []
        "The same halved once, twice and so on, as far as somebody has done that."

    @classmethod
    def of(cls, frame: av.VideoFrame, pixel_aspect: float = 1.0) -> "Picture":
        """A decoded frame, upright, in its own matrix."""
        own, format = matrix(frame.colorspace, frame.height), frame.format
        if format.name != "yuv420p" or frame.color_range == FULL_RANGE:
            if format.is_rgb:
                own = BT709
            frame = _limited(frame)
        aspect = frame.width / frame.height * (pixel_aspect or 1.0)
        y, u, v = (visible(plane) for plane in frame.planes)
        turn = frame.rotation
        if turn in QUARTER_TURNS:
            y, u, v = (
                cv2.rotate(plane, QUARTER_TURNS[turn]).astype(np.uint8, copy=False)
                for plane in (y, u, v)
            )
            aspect = aspect if abs(turn) == 180 else 1 / aspect
        picture = cls((y, u, v), aspect, own)
        if picture.height >= LARGE_LINES:
            picture.halve()
        return picture

    def halve(self) -> None:
        """Have smaller ones at hand, as long as chroma halves evenly, too."""
        planes = self.planes
        while len(self.smaller) < HALVINGS and not (planes[0].shape[0] | planes[0].shape[1]) & 3:
            height, width = planes[0].shape[0] // 2, planes[0].shape[1] // 2
            halved = split(np.empty((height * 3 // 2, width), np.uint8))
            for plane, into in zip(planes, halved, strict=True):
                cv2.resize(plane, into.shape[::-1], into, interpolation=cv2.INTER_AREA)
            self.smaller.append(halved)
            planes = halved

    @classmethod
    def flat(cls, yuv: tuple[int, int, int], width: int, height: int) -> "Picture":
        """One colour all over."""
        y = np.full((height, width), yuv[0], np.uint8)
        u, v = (np.full((height // 2, width // 2), part, np.uint8) for part in yuv[1:])
        return cls((y, u, v), width / height)


def _limited(frame: av.VideoFrame) -> av.VideoFrame:
    """The same as limited-range I420; only RGB is brought into another matrix, BT.709."""
    full = frame.format.is_rgb or frame.format.name.startswith("yuvj")
    return frame.reformat(
        format="yuv420p",
        src_colorspace=None if frame.format.is_rgb else Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG if full else frame.color_range,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND,
        threads=1,
    )
