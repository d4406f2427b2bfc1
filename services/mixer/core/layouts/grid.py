"""Equals: people in a grid that has as many columns as it needs, up to its size."""

import math

from services.mixer.core.layouts.cells import Cells, rows_of
from services.mixer.core.layouts.found import Places


def grid(people: int, side: int, width: int, height: int, *, filling: bool = False) -> Places:
    """At most `side` columns and rows; an incomplete last row stands in the middle.

    `filling`: places are as high as the rows that there are allow, at the cost of their sides.
    """
    people = min(people, side * side)
    return Places(tuple(_cells(people, width, height, filling).filled(0, people)))


def _cells(people: int, width: int, height: int, filling: bool) -> Cells:
    if width >= height:
        # Of equal columns and rows, though the last row be empty: who comes into it changes
        # nobody's size.
        columns = math.isqrt(people - 1) + 1
        rows = rows_of(people, columns)
        return Cells(columns, rows if filling else columns, width, height, rows)
    choices = []
    for columns in range(1, math.isqrt(people - 1) + 2):
        rows = rows_of(people, columns)
        choices.append(Cells(columns, rows, width, height))
    return max(choices, key=lambda cells: cells.wide * cells.high)
