"""A presentation as a large tile with people beside it."""

from services.mixer.core.layouts.cells import rows_of
from services.mixer.core.layouts.found import Places
from services.mixer.core.layouts.rect import CLASSIC, WIDEST, Rect, even, fit, gap, moved, row

PANELS = ((4, 1, 4), (10, 2, 5), (16, 2, 8), (27, 3, 9))
"""So many people stand beside a presentation in so many columns and rows."""

ALONE_SHARE = 0.27
"""Of the width is for one who stands beside it alone, at least."""

PANEL_SHARE = 0.4
"""Of the width is for all columns of people together, at most."""


def alone(width: int, height: int) -> Places:
    """The presentation and one person, both in the middle of the height."""
    space = gap(width, height)
    if width < height:
        return beside(1, width, height)
    high = even(height - 2 * space)
    side = even(width * ALONE_SHARE)
    shown = fit(Rect(0, 0, even(width - side - 3 * space), high), 16, 9)
    side = even(width - 3 * space - shown.width)
    person = fit(Rect(0, 0, side, high), min(max(side / high, CLASSIC), WIDEST), 1.0)
    left = even((width - shown.width - space - person.width) / 2)
    shown = Rect(left, even((height - shown.height) / 2), shown.width, shown.height)
    top = even((height - person.height) / 2)
    return Places((Rect(shown.right + space, top, person.width, person.height),), (), shown)


def beside(people: int, width: int, height: int) -> Places:
    """The presentation, and people in columns on its right or, upright, in rows below it.

    Columns are as long as each other, or the first are one longer.
    """
    people = max(min(people, PANELS[-1][0]), 1)
    _, lines, length = next(panel for panel in PANELS if people <= panel[0])
    space = gap(width, height)
    # On a canvas like a stamp there is not even room for two pixels each.
    length = min(length, max((min(width, height) - space) // (2 + space), 1))
    people = min(people, lines * length)
    lines = min(lines, rows_of(people, length))
    if width < height:
        return _below(people, lines, length, width, height)
    high = max(even((height - (length + 1) * space) / length), 2)
    wide = max(even(min(high * WIDEST, width * PANEL_SHARE / lines)), 2)
    panel = lines * (wide + space)
    shown = fit(
        Rect(space, space, even(width - 2 * space - panel), even(height - 2 * space)), 16, 9
    )
    longest = rows_of(people, lines)
    top = even((height - longest * (high + space) + space) / 2)
    rects: list[Rect] = []
    for line in range(lines):
        x = width - panel + line * (wide + space)
        count = rows_of(people - len(rects), lines - line)
        rects += [Rect(x, top + n * (high + space), wide, high) for n in range(count)]
    return Places(pips=tuple(rects), presentation=shown)


def _below(people: int, lines: int, length: int, width: int, height: int) -> Places:
    space = gap(width, height)
    wide = max(even((width - (length + 1) * space) / length), 2)
    high = max(even(wide / CLASSIC), 2)
    shown = fit(Rect(space, 0, even(width - 2 * space), even(height / 2)), 16, 9)
    block = shown.height + lines * (high + space)
    [shown] = moved([shown], even((height - block) / 2) - shown.y)
    rects: list[Rect] = []
    for line in range(lines):
        count = rows_of(people - len(rects), lines - line)
        y = shown.bottom + space + line * (high + space)
        rects += row([wide] * count, 0, width, y, high, space)
    return Places(pips=tuple(rects), presentation=shown)
