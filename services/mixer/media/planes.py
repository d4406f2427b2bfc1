"""The planes of I420, and parts of them, always in place."""

import numpy as np
import numpy.typing as npt

from services.mixer.core.layouts import Rect
from services.mixer.core.palette import Yuv

Plane = npt.NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]


def split(canvas: Plane) -> Planes:
    """The planes of a contiguous I420 canvas."""
    rows, width = canvas.shape
    height = rows * 2 // 3
    flat, luma, chroma = canvas.reshape(-1), width * height, width * height // 4
    half = (height // 2, width // 2)
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma : luma + 2 * chroma].reshape(half),
    )


def cut(planes: Planes, rect: Rect) -> Planes:
    """A rectangle of even position and size."""
    x, y, right, bottom = rect.x, rect.y, rect.right, rect.bottom
    rows, columns = slice(y // 2, bottom // 2), slice(x // 2, right // 2)
    return planes[0][y:bottom, x:right], planes[1][rows, columns], planes[2][rows, columns]


def fill(planes: Planes, yuv: Yuv) -> None:
    for plane, value in zip(planes, yuv, strict=True):
        plane[:] = value
