"""A presentation in Adaptive Composition: a large tile, the speaker beside it, others below."""

from services.mixer.core.layouts.cells import rows_of
from services.mixer.core.layouts.composition import SMALL, UPRIGHT_ROW
from services.mixer.core.layouts.found import Places
from services.mixer.core.layouts.rect import CLASSIC, WIDEST, Rect, even, fit, gap, moved, row

SPEAKER_SHARE = 0.27
"""Of the width is for the speaker beside a presentation, at least."""

ROW_SHARE = 0.125
"""Of the height is for the row of small ones, at least."""

UPRIGHT_SHARE = 1 / 3
"""Of the height of an upright canvas is for the presentation, at most."""

UPRIGHT_ROW_SHARE = 0.1
"""And this for each row of small ones."""


def presented(people: int, width: int, height: int) -> Places:
    """The speaker and one more beside the presentation, and a row of small ones below."""
    if width < height:
        return _upright(people, width, height)
    space, below = gap(width, height), min(max(people - 2, 0), SMALL)
    room = Rect(0, 0, even(width - 3 * space - even(width * SPEAKER_SHARE)), height - 2 * space)
    shown = fit(room, 16, 9)
    slot = (width - (SMALL + 1) * space) // SMALL
    high = max(height - shown.height - 3 * space, height * ROW_SHARE)
    high = max(even(min(slot / CLASSIC, high)), 2)
    under = high + space if below else 0
    shown = fit(Rect(0, 0, shown.width, even(height - 2 * space - under)), 16, 9)
    side = even(min(width - 3 * space - shown.width, shown.height * WIDEST))
    left = even((width - shown.width - space - side) / 2)
    shown = Rect(left, even((height - shown.height - under) / 2), shown.width, shown.height)
    one, *other = _beside(shown, people, side, space)
    wide = max(even(min(slot, high * WIDEST)), 2)
    small = row([wide] * below, 0, width, shown.bottom + space, high, space)
    return Places((one,), (*other, *small), shown)


def _beside(shown: Rect, people: int, side: int, space: int) -> list[Rect]:
    """Two fill the presentation's height; one alone stands in its middle."""
    x = shown.right + space
    if people > 1:
        high = even((shown.height - space) / 2)
        return [Rect(x, shown.y + n * (shown.height - high), side, high) for n in (0, 1)]
    high = even(min(side / CLASSIC, shown.height))
    return [Rect(x, shown.y + even((shown.height - high) / 2), side, high)]


def _upright(people: int, width: int, height: int) -> Places:
    """The presentation on top, the speaker below it, and small ones below both."""
    space = gap(width, height)
    below = min(max(people - 1, 0), SMALL + 1)
    rows = rows_of(below, UPRIGHT_ROW)
    wide = max(even((width - (UPRIGHT_ROW + 1) * space) / UPRIGHT_ROW), 2)
    high = max(even(min(wide / CLASSIC, height * UPRIGHT_ROW_SHARE)), 2)
    under, inner = rows * (high + space), even(width - 2 * space)
    shown = fit(Rect(space, 0, inner, even(height * UPRIGHT_SHARE)), 16, 9)
    room = even(height - shown.height - 3 * space - under)
    speaker = fit(Rect(space, 0, inner, room), CLASSIC, 1.0)
    top = even((height - shown.height - space - speaker.height - under) / 2)
    [shown] = moved([shown], top - shown.y)
    [speaker] = moved([speaker], shown.bottom + space - speaker.y)
    small: list[Rect] = []
    for n in range(rows):
        count = min(UPRIGHT_ROW, below - n * UPRIGHT_ROW)
        y = speaker.bottom + space + n * (high + space)
        small += row([wide] * count, 0, width, y, high, space)
    return Places((speaker,), tuple(small), shown)
