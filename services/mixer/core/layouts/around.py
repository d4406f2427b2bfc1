"""Large pictures with small ones round them, in cells of one size."""

from services.mixer.core.layouts.cells import Cells, rows_of
from services.mixer.core.layouts.found import Places
from services.mixer.core.layouts.rect import Rect


def one_main_nine(pips: int, width: int, height: int) -> Places:
    """Four fifths of the canvas, with small ones below, and then on the right."""
    pips = min(pips, 9)
    cells = Cells(5, 5, width, height)
    below = cells.filled(4, min(pips, 5))
    if pips <= 5:
        return Places(tuple(cells.centred(0, 1, 4, 4)), tuple(below))
    right = [cells.span(4, n) for n in range(pips - 5)]
    return Places((cells.span(0, 0, 4, 4),), (*below, *right))


def one_main_twelve(pips: int, width: int, height: int) -> Places:
    """In the middle, with small ones on all four sides as they come."""
    pips = min(pips, 12)
    cells = Cells(4, 4, width, height)
    below = cells.filled(3, min(pips, 4))
    if pips <= 4:
        return Places(tuple(cells.centred(0, 1, 3, 3)), tuple(below))
    above = cells.filled(0, min(pips - 4, 4))
    sides = [cells.span(0, 1), cells.span(3, 1), cells.span(0, 2), cells.span(3, 2)]
    return Places((cells.span(1, 1, 2, 2),), (*below, *above, *sides[: max(pips - 8, 0)]))


def two_mains_eight(pips: int, width: int, height: int) -> Places:
    """Side by side in the middle, with small ones below, and then above."""
    pips = min(pips, 8)
    rows = rows_of(pips, 4)
    cells = Cells(4, 4, width, height, 2 + rows)
    first = 1 if pips > 4 else 0
    mains = cells.centred(first, 2, 2, 2)
    below = cells.filled(first + 2, min(pips, 4))
    above = cells.filled(0, pips - 4)
    return Places(tuple(mains), (*below, *above))


def one_main_thirty_three(pips: int, width: int, height: int) -> Places:
    """A main picture that becomes small when rows below it are many, and then people come to both
    sides of it."""
    if width < height:
        return _upright_thirty_three(min(pips, 33), width, height)
    pips = min(pips, 33)
    rows = rows_of(min(pips, 21), 7)
    side = 3 if rows == 3 else 4
    cells = Cells(7, 6, width, height, side + rows)
    sides = [cells.span(column, row) for column in (1, 5, 0, 6) for row in range(3)]
    below = cells.filled(side, min(pips, 21))
    main = cells.centred(0, 1, side, side)
    return Places(tuple(main), (*below, *sides[: max(pips - 21, 0)]))


def _upright_thirty_three(pips: int, width: int, height: int) -> Places:
    rows = rows_of(pips, 5)
    cells = Cells(5, 10, width, height, 3 + rows)
    main: Rect = cells.span(1, 0, 3, 3)
    return Places((main,), tuple(cells.filled(3, pips)))
