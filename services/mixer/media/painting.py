"""Brings pictures into their place: to its size and into the canvas's colours.

All that does not change from one picture to the next is found out beforehand: for small tiles,
thirty times a second, asking costs as much as scaling.
"""

from services.mixer.core.layouts import Rect
from services.mixer.media.colour import BT709, Recolour
from services.mixer.media.picture import Picture
from services.mixer.media.planes import Planes, cut
from services.mixer.media.scaling import Scaler, may_halve


class Painter:
    """What the paintings of one thread share: the buffers in between."""

    def __init__(self) -> None:
        self.scaler = Scaler()
        self.recolour = Recolour()
        self.painted = 0
        "Tiles that were made from their picture."


class Painting:
    """How pictures like a given one, of which `part` is to be seen, get into one place."""

    def __init__(self, painter: Painter, like: Picture, part: Rect, target: Planes) -> None:
        self._recolour = painter.recolour
        self._matrix = like.matrix
        self._level, part = _level(like, part, target)
        planes = _planes(like, self._level)
        everything = Rect(0, 0, planes[0].shape[1], planes[0].shape[0])
        self._part = None if part == everything else part
        source = cut(planes, part)
        self._before: Planes | None = None
        self._after: tuple[Planes, Planes] | None = None
        if like.matrix != BT709:
            # Colours are converted at the smaller of the two sizes, where it costs less.
            if source[0].size <= target[0].size:
                source = self._before = self._recolour.spare(source)
            else:
                between = self._recolour.spare(target)
                self._after, target = (between, target), between
        scaler = painter.scaler
        self._ways = (
            scaler.luma(source[0].shape, target[0], halvings=self._level),
            scaler.chroma(source[1].shape, target[1]),
            scaler.chroma(source[2].shape, target[2]),
        )

    def paint(self, picture: Picture) -> None:
        planes = _planes(picture, self._level)
        if self._part is not None:
            planes = cut(planes, self._part)
        if self._before is not None:
            self._recolour.convert(planes, self._before, self._matrix)
            planes = self._before
        y, u, v = self._ways
        y.go(planes[0])
        u.go(planes[1])
        v.go(planes[2])
        if self._after is not None:
            self._recolour.convert(*self._after, self._matrix)


def _planes(picture: Picture, level: int) -> Planes:
    return picture.smaller[level - 1] if level else picture.planes


def _level(like: Picture, part: Rect, target: Planes) -> tuple[int, Rect]:
    """How often halved a picture is best taken, and where the part is in that."""
    for level in range(len(like.smaller)):
        edges = part.x | part.y | part.width | part.height
        if edges & 3 or not may_halve((part.height, part.width), target[0].shape):
            return level, part
        part = Rect(part.x // 2, part.y // 2, part.width // 2, part.height // 2)
    return len(like.smaller), part
