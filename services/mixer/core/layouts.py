"""Where the places of a layout are. Every rectangle is even, so that its chroma is exact."""

import msgspec

DEFAULT = "1:7"
"""Client API name of the layout that stands in for one we do not have."""

GAPS_PER_CANVAS = 90
"""A gap between tiles is this part of the canvas's shorter side: 8 pixels of 720."""

PIPS = 7
"""Places in the row of `1:7`."""

INSET_SHARE = 4
"""The inset is this part of the canvas wide: small, and a face in it is still a face."""

WIDEST = (16, 9)
"""A main picture is cropped to no wider shape than people send."""

TALLEST = (3, 4)
"""On an upright canvas a main picture is cropped to no narrower shape than this."""


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


class Places(msgspec.Struct, frozen=True):
    """The places of a layout: the large one, and the small ones from left to right."""

    main: Rect
    pips: tuple[Rect, ...] = ()


def places(layout: str, tiles: int, width: int, height: int) -> Places:
    """The places for so many tiles; fewer than asked for where the layout has no more."""
    if layout == "1:0" or tiles <= 1:
        return Places(whole(width, height))
    return _one_main_seven_pips(tiles - 1, width, height)


def whole(width: int, height: int) -> Rect:
    return Rect(0, 0, width, height)


def inset(width: int, height: int) -> Rect:
    """The active speaker's small window: upper right, two gaps from the edges."""
    margin = 2 * gap(width, height)
    wide = even(width // INSET_SHARE)
    high = even(min(wide * WIDEST[1] // WIDEST[0], height // 2))
    return Rect(width - margin - wide, margin, wide, high)


def fit(outer: Rect, across: float, down: float) -> Rect:
    """The largest centred rectangle of that shape in `outer`."""
    scale = min(outer.width / across, outer.height / down)
    wide, high = _round_even(across * scale), _round_even(down * scale)
    wide, high = min(max(wide, 2), outer.width), min(max(high, 2), outer.height)
    return Rect(
        outer.x + even((outer.width - wide) // 2), outer.y + even((outer.height - high) // 2),
        wide, high,
    )  # fmt: skip


def gap(width: int, height: int) -> int:
    return even(min(width, height) // GAPS_PER_CANVAS)


def even(pixels: int) -> int:
    return pixels & ~1


def _round_even(pixels: float) -> int:
    return 2 * round(pixels / 2)


def _one_main_seven_pips(pips: int, width: int, height: int) -> Places:
    """A large picture on top and a centred row of small ones below it.

    The small ones have the size of a full row however many there are, so that nobody changes
    size when somebody comes or goes.
    """
    pips, space = min(pips, PIPS), gap(width, height)
    pip_height = max(even(min((width - (PIPS + 1) * space) // PIPS * 9 // 16, height // 4)), 2)
    pip_width = max(even(min((width - (PIPS + 1) * space) // PIPS, pip_height * 16 // 9 + 3)), 2)

    free = Rect(space, space, width - 2 * space, height - pip_height - 3 * space)
    free = Rect(free.x, free.y, even(free.width), even(free.height))
    main = _largest(free)

    row = pips * pip_width + (pips - 1) * space
    left, top = even((width - row) // 2), even(height - space - pip_height)
    return Places(
        main,
        tuple(
            Rect(left + i * (pip_width + space), top, pip_width, pip_height) for i in range(pips)
        ),
    )


def _largest(free: Rect) -> Rect:
    """The largest picture in `free` that is neither wider nor taller than people look good in."""
    shape = free.width / free.height
    if shape > WIDEST[0] / WIDEST[1]:
        return fit(free, *WIDEST)
    if shape < TALLEST[0] / TALLEST[1]:
        return fit(free, *TALLEST)
    return free
