"""Adaptive Composition: up to two large places, three middle and seven small ones, in rows.

A place has a size by its row and a width by the shape of whoever is in it, in steps, so that a
telephone held upright neither loses its sides nor stands in the middle of a wide place.
"""

from collections.abc import Sequence

from services.mixer.core.layouts.cells import rows_of
from services.mixer.core.layouts.found import Places
from services.mixer.core.layouts.rect import CLASSIC, WIDEST, Rect, even, gap, row

LARGE, MIDDLE, SMALL, EXTENDED_SMALL = 2, 3, 7, 18

SHAPES = (3 / 4, 1.0, CLASSIC, WIDEST)
"""A small change of somebody's picture is none of the composition's."""

UPRIGHT_ROW = 4
"""Small places side by side on an upright canvas."""

EXTENDED_ROW = 9

MOST_STRETCH = WIDEST / CLASSIC
"""Rows that leave room are made higher, up to the classic shape."""


class _Row:
    """So many places of equal height; `slots` of the widest shape fill the width."""

    def __init__(self, shapes: Sequence[float], slots: int, width: int, space: int) -> None:
        self._shapes, self._space = shapes, space
        self._slot = (width - (slots + 1) * space) / slots
        self.high = self._slot / WIDEST

    def rects(self, width: int, y: int, high: int, scale: float) -> list[Rect]:
        slot = self._slot * min(scale, 1.0)
        widths = [max(even(slot * shape / WIDEST), 2) for shape in self._shapes]
        return row(widths, 0, width, y, high, self._space)


def composition(
    shapes: Sequence[float], width: int, height: int, *, extended: bool = False
) -> Places:
    """Places for so many pictures of such shapes, in the order of the composition."""
    small = EXTENDED_SMALL if extended else SMALL
    steps = [step(shape) for shape in shapes[: LARGE + MIDDLE + small]]
    space = gap(width, height)
    tiers = (
        (steps[:LARGE], LARGE if width >= height else 1),
        (steps[LARGE : LARGE + MIDDLE], MIDDLE if width >= height else 2),
        (steps[LARGE + MIDDLE :], _small_slots(small, width, height)),
    )
    rows = [
        _Row(part, slots, width, space) for tier, slots in tiers for part in _parts(tier, slots)
    ]
    room = height - (len(rows) + 1) * space
    scale = min(room / sum(one.high for one in rows), MOST_STRETCH)
    highs = [max(even(one.high * scale), 2) for one in rows]
    y = even((height - sum(highs) - (len(rows) - 1) * space) / 2)
    rects: list[Rect] = []
    for one, high in zip(rows, highs, strict=True):
        rects += one.rects(width, y, high, scale)
        y += high + space
    return Places(tuple(rects[:LARGE]), tuple(rects[LARGE:]))


def step(shape: float) -> float:
    """The nearest of the shapes that make a difference."""
    return min(SHAPES, key=lambda step: max(step / shape, shape / step))


def _parts(tier: Sequence[float], slots: int) -> list[Sequence[float]]:
    """A tier in as many rows as it needs, evenly: nine and nine, not twelve and six."""
    if not tier:
        return []
    rows = rows_of(len(tier), slots)
    each = rows_of(len(tier), rows)
    return [tier[n : n + each] for n in range(0, len(tier), each)]


def _small_slots(small: int, width: int, height: int) -> int:
    if width < height:
        return UPRIGHT_ROW
    return small if small <= SMALL else EXTENDED_ROW
