"""Rectangles of even position and size, and the shapes that they may have."""

from collections.abc import Sequence

import msgspec

GAPS_PER_CANVAS = 90
"""A gap between tiles is this part of the canvas's shorter side: 8 pixels of 720."""

INSET_SHARE = 4
"""The inset is this part of the canvas wide: small, and a face in it is still a face."""

WIDEST = 16 / 9
"""A person's place is no wider than the shape that most people send."""

CLASSIC = 4 / 3
"""Where there is room above and below, a place may become as high as this: it costs a quarter of
a wide picture, left and right, where faces seldom are."""

TALLEST = 6 / 5
"""On an upright canvas a place is no narrower than this, which still crops a wide picture."""

CROP_LIMIT = 1 / 3
"""More than this part of a picture is not cut away; see `crops`."""


class Rect(msgspec.Struct, frozen=True):
    """Pixels of the canvas from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def overlaps(self, other: "Rect") -> bool:
        return (
            self.x < other.right
            and other.x < self.right
            and self.y < other.bottom
            and other.y < self.bottom
        )


def whole(width: int, height: int) -> Rect:
    return Rect(0, 0, width, height)


def inset(width: int, height: int) -> Rect:
    """The active speaker's small window: upper right, two gaps from the edges."""
    margin = 2 * gap(width, height)
    wide = even(width // INSET_SHARE)
    high = even(min(wide * 9 // 16, height // 2))
    return Rect(width - margin - wide, margin, wide, high)


def crops(aspect: float, width: int, height: int) -> bool:
    """Whether a picture of that shape is cropped to fill such a place; else it is shown whole."""
    relation = aspect * height / width
    return 1 - min(relation, 1 / relation) <= CROP_LIMIT


def fit(outer: Rect, across: float, down: float) -> Rect:
    """The largest centred rectangle of that shape in `outer`."""
    scale = min(outer.width / across, outer.height / down)
    wide, high = _round_even(across * scale), _round_even(down * scale)
    wide, high = min(max(wide, 2), outer.width), min(max(high, 2), outer.height)
    return Rect(
        outer.x + even((outer.width - wide) // 2), outer.y + even((outer.height - high) // 2),
        wide, high,
    )  # fmt: skip


def largest(outer: Rect, tallest: float = TALLEST) -> Rect:
    """The largest picture in `outer` that is neither wider nor taller than people look good in."""
    shape = min(max(outer.width / outer.height, tallest), WIDEST)
    return outer if shape == outer.width / outer.height else fit(outer, shape, 1.0)


def row(widths: Sequence[int], x: int, width: int, y: int, height: int, space: int) -> list[Rect]:
    """Places side by side, centred between `x` and `x + width`."""
    needed = sum(widths) + (len(widths) - 1) * space
    left, rects = x + even((width - needed) // 2), []
    for wide in widths:
        rects.append(Rect(left, y, wide, height))
        left += wide + space
    return rects


def moved(rects: Sequence[Rect], down: int) -> list[Rect]:
    return [Rect(r.x, r.y + down, r.width, r.height) for r in rects]


def gap(width: int, height: int) -> int:
    return even(min(width, height) // GAPS_PER_CANVAS)


def even(pixels: float) -> int:
    return int(pixels) & ~1


def _round_even(pixels: float) -> int:
    return 2 * round(pixels / 2)
