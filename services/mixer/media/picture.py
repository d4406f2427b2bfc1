"""A decoded picture as three planes."""

from itertools import count

import av
import numpy as np
from av.video.plane import VideoPlane

from services.mixer.media.planes import Plane, Planes

FULL_RANGE = 2
"""libav's number for full-range colour, `AVCOL_RANGE_JPEG`."""


_serials = count(1)


def _view(plane: VideoPlane) -> Plane:
    """The plane's visible part, in place; the array keeps the frame alive."""
    # The stubs do not say that a plane is a buffer.
    rows = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    view: Plane = rows.reshape(plane.height, plane.line_size)[:, : plane.width]
    return view


class Picture:
    """I420 of limited range; views of the decoder's own memory wherever it has that already."""

    __slots__ = ("aspect", "height", "planes", "serial", "width")

    def __init__(self, planes: Planes, aspect: float) -> None:
        self.planes = planes
        self.height, self.width = planes[0].shape
        self.serial = next(_serials)
        "No two pictures have the same; it is never 0."
        self.aspect = aspect
        "Width to height as it is to be seen; pixels need not be square."

    @classmethod
    def of(cls, frame: av.VideoFrame, pixel_aspect: float = 1.0) -> "Picture":
        """The colour matrix is left alone: what the source calls Y, U and V is mixed as such."""
        if frame.format.name != "yuv420p" or frame.color_range == FULL_RANGE:
            frame = frame.reformat(format="yuv420p", dst_color_range="MPEG")
        aspect = frame.width / frame.height * (pixel_aspect or 1.0)
        y, u, v = (_view(plane) for plane in frame.planes)
        return cls((y, u, v), aspect)

    @classmethod
    def flat(cls, yuv: tuple[int, int, int], width: int, height: int) -> "Picture":
        """One colour all over."""
        y = np.full((height, width), yuv[0], np.uint8)
        u, v = (np.full((height // 2, width // 2), part, np.uint8) for part in yuv[1:])
        return cls((y, u, v), width / height)
