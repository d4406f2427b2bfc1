"""Adaptive Composition: up to two large places, three middle and seven small ones, in rows.

A place has a size by its row and a width by the shape of whoever is in it, in steps, so that a
telephone held upright neither loses its sides nor stands in the middle of a wide place.
"""

from collections.abc import Sequence

from services.mixer.core.layouts.cells import rows_of
from services.mixer.core.layouts.found import Places
from services.mixer.core.layouts.rect import CLASSIC, WIDEST, Rect, even, fit, gap, row

LARGE, MIDDLE, SMALL, EXTENDED_SMALL = 2, 3, 7, 18

SHAPES = (3 / 4, 1.0, CLASSIC, WIDEST)
"""A small change of somebody's picture is none of the composition's."""

SPEAKER_SHARE = 0.27
"""Of the width is for the speaker beside a presentation."""


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
    scale = min(room / sum(one.high for one in rows), WIDEST / CLASSIC)
    highs = [max(even(one.high * scale), 2) for one in rows]
    y = even((height - sum(highs) - (len(rows) - 1) * space) / 2)
    rects: list[Rect] = []
    for one, high in zip(rows, highs, strict=True):
        rects += one.rects(width, y, high, scale)
        y += high + space
    return Places(tuple(rects[:LARGE]), tuple(rects[LARGE:]))


def presented(people: int, width: int, height: int) -> Places:
    """A presentation, the speaker and one more beside it, and a row of small ones below."""
    space = gap(width, height)
    if width < height:
        return _presented_upright(people, width, height)
    below = min(max(people - 2, 0), SMALL)
    slot = (width - (SMALL + 1) * space) // SMALL
    side = even(width * SPEAKER_SHARE)
    shown = fit(Rect(0, 0, even(width - side - 3 * space), even(height - 2 * space)), 16, 9)
    left = height - shown.height - 3 * space
    small_high = max(even(min(slot / CLASSIC, max(left, height / 8))), 2) if below else 0
    room = height - 2 * space - (small_high + space if below else 0)
    shown = fit(Rect(0, 0, shown.width, even(room)), 16, 9)
    side = even(min(width - 3 * space - shown.width, shown.height * WIDEST))
    across = shown.width + space + side
    block = shown.height + (small_high + space if below else 0)
    x, y = even((width - across) / 2), even((height - block) / 2)
    shown = Rect(x, y, shown.width, shown.height)
    beside_x = shown.right + space
    if people > 1:
        high = even((shown.height - space) / 2)
        beside = [Rect(beside_x, y + n * (shown.height - high), side, high) for n in (0, 1)]
    else:
        high = even(min(side / CLASSIC, shown.height))
        beside = [Rect(beside_x, y + even((shown.height - high) / 2), side, high)]
    wide = max(even(min(slot, small_high * WIDEST)), 2)
    small = row([wide] * below, 0, width, shown.bottom + space, small_high, space)
    return Places(tuple(beside[:1]), (*beside[1:], *small), shown)


def _presented_upright(people: int, width: int, height: int) -> Places:
    """The presentation on top, the speaker below it, and small ones below both."""
    space = gap(width, height)
    inner = even(width - 2 * space)
    slots = 4
    below = min(max(people - 1, 0), SMALL + 1)
    rows = rows_of(below, slots)
    wide = max(even((width - (slots + 1) * space) / slots), 2)
    high = max(even(min(wide * 3 / 4, height / 10)), 2)
    shown = fit(Rect(space, 0, inner, even(height / 3)), 16, 9)
    room = height - shown.height - 3 * space - rows * (high + space)
    speaker = fit(Rect(space, 0, inner, even(room)), CLASSIC, 1.0)
    y = even((height - shown.height - space - speaker.height - rows * (high + space)) / 2)
    shown = Rect(shown.x, y, shown.width, shown.height)
    speaker = Rect(speaker.x, shown.bottom + space, speaker.width, speaker.height)
    small: list[Rect] = []
    for n in range(rows):
        count = min(slots, below - n * slots)
        top = speaker.bottom + space + n * (high + space)
        small += row([wide] * count, 0, width, top, high, space)
    return Places((speaker,), tuple(small), shown)


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
        return 4
    return small if small <= SMALL else 9
