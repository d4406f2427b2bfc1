"""One or two large pictures on top, and rows of small ones below."""

from services.mixer.core.layouts.cells import rows_of
from services.mixer.core.layouts.found import Places
from services.mixer.core.layouts.rect import CLASSIC, Rect, even, fit, gap, largest, moved, row

COLUMNS = 7
"""Small places side by side."""

UPRIGHT_COLUMNS = {7: 4, 21: 5}
"""The same on an upright canvas, by how many small places there are."""

PIPS_SHARE = 0.45
"""The small ones take no more of the height than this, so that the large ones stay the large."""

ROW_SHARE = 0.25
"""Nor does one row take more than this."""


def stack(mains: int, pips: int, capacity: int, width: int, height: int) -> Places:
    """The small ones have the size of a full row however many there are, so that nobody changes
    size when somebody comes or goes; the large ones make room for a row when it is begun."""
    pips, space = min(pips, capacity), gap(width, height)
    columns = COLUMNS if width >= height else UPRIGHT_COLUMNS[capacity]
    most = rows_of(capacity, columns)
    slot = (width - (columns + 1) * space) // columns
    high = min(slot * 9 // 16, height * ROW_SHARE, height * PIPS_SHARE / most - space)
    high = max(even(high), 2)
    wide = max(even(min(slot, high * 16 // 9 + 3)), 2)
    rows = rows_of(pips, columns)
    free = Rect(
        space, space,
        even(width - 2 * space), even(height - 2 * space - rows * (high + space)),
    )  # fmt: skip
    large = _mains(mains, free, space)
    block = large[-1].bottom - large[0].y + rows * (high + space)
    large = moved(large, even((height - block) / 2) - large[0].y)
    small: list[Rect] = []
    y = large[-1].bottom + space
    for n in range(rows):
        count = min(columns, pips - n * columns)
        small += row([wide] * count, 0, width, y, high, space)
        y += high + space
    return Places(tuple(large), tuple(small))


def _mains(count: int, free: Rect, space: int) -> list[Rect]:
    if count == 1:
        return [largest(free)]
    if free.width < free.height:
        high = even((free.height - (count - 1) * space) / count)
        one = largest(Rect(free.x, free.y, free.width, high))
        return [
            Rect(one.x, free.y + n * (one.height + space), one.width, one.height)
            for n in range(count)
        ]
    wide = even((free.width - (count - 1) * space) / count)
    one = fit(Rect(0, 0, wide, free.height), *_shape(wide / free.height))
    return row([one.width] * count, free.x, free.width, free.y, one.height, space)


def _shape(shape: float) -> tuple[float, float]:
    return min(max(shape, CLASSIC), 16 / 9), 1.0
