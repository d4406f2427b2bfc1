"""The places of every layout, by its client API name."""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from proto.layouts import DEFAULT, ClientName, client_name
from services.mixer.core.layouts import around, beside, composition
from services.mixer.core.layouts.cells import Cells
from services.mixer.core.layouts.found import Places
from services.mixer.core.layouts.grid import grid
from services.mixer.core.layouts.presented import presented
from services.mixer.core.layouts.rect import WIDEST, Rect, even, fit, gap, inset, moved, whole
from services.mixer.core.layouts.stack import stack

PIPS = 7
"""Places in one row."""

TEAMS_SIDE, TEAMS_PEOPLE = 3, 4
"""Columns and rows of people, and how many stand beside a presentation."""


class _Finder(Protocol):
    def __call__(self, people: int, width: int, height: int, /) -> Places: ...


def places(
    layout: str,
    people: int,
    width: int,
    height: int,
    *,
    presentation: bool = False,
    shapes: Sequence[float] = (),
    extended: bool = False,
) -> Places:
    """The places for so many people; fewer than asked for where the layout has no more.

    `presentation`: with a place for one among them. `shapes`: what Adaptive Composition goes by,
    in its order, width to height. A layout that we do not have is the usual one.
    """
    name = client_name(layout) or DEFAULT
    if presentation:
        if people < 1:
            return Places(presentation=whole(width, height))
        return _PRESENTED[name](people, width, height)
    if people <= 1:
        return Places((whole(width, height),))
    if name == "ac":
        known = [*shapes, *[WIDEST] * people][:people]
        return composition.composition(known, width, height, extended=extended)
    return _ALONE[name](people, width, height)


def _one(people: int, width: int, height: int) -> Places:  # noqa: ARG001 - as all finders
    return Places((whole(width, height),))


def _one_and_one(people: int, width: int, height: int) -> Places:  # noqa: ARG001
    """The one picture lies in the other, lower right: names are on the left."""
    small, space = inset(width, height), 2 * gap(width, height)
    low = Rect(small.x, even(height - space - small.height), small.width, small.height)
    return Places((whole(width, height),), (low,))


def _stack(mains: int, pips: int, people: int, width: int, height: int) -> Places:
    return stack(mains, people - mains, pips, width, height)


def _grid(side: int, people: int, width: int, height: int) -> Places:
    return grid(people, side, width, height)


def _nine(people: int, width: int, height: int) -> Places:
    return around.one_main_nine(people - 1, width, height)


def _twelve(people: int, width: int, height: int) -> Places:
    return around.one_main_twelve(people - 1, width, height)


def _two_and_eight(people: int, width: int, height: int) -> Places:
    return around.two_mains_eight(people - 2, width, height)


def _thirty_three(people: int, width: int, height: int) -> Places:
    return around.one_main_thirty_three(people - 1, width, height)


def _teams(people: int, width: int, height: int) -> Places:
    """Equals that fill the canvas; those beyond nine in a row of small ones below."""
    if people <= TEAMS_SIDE**2:
        return grid(people, TEAMS_SIDE, width, height, filling=True)
    strip = stack(1, people - TEAMS_SIDE**2, PIPS, width, height).pips
    space = gap(width, height)
    down = strip[-1].bottom - strip[0].y
    cells = Cells(TEAMS_SIDE, TEAMS_SIDE, width, even(height - down - space), space=space)
    equals = cells.filled(0, TEAMS_SIDE**2)
    top = even((height - (equals[-1].bottom - equals[0].y) - space - down) / 2)
    equals = moved(equals, top - equals[0].y)
    return Places(tuple(equals), tuple(moved(strip, equals[-1].bottom + space - strip[0].y)))


def _instead(finder: _Finder, people: int, width: int, height: int) -> Places:
    """A presentation takes the first large place, as much of it as has the shape of slides."""
    found = finder(people + 1, width, height)
    return Places(found.mains[1:], found.pips, fit(found.mains[0], 16, 9))


def _full(people: int, width: int, height: int) -> Places:  # noqa: ARG001
    return Places(pips=(inset(width, height),), presentation=whole(width, height))


def _beside(most: int, people: int, width: int, height: int) -> Places:
    return beside.beside(min(people, most), width, height)


def _beside_one(people: int, width: int, height: int) -> Places:  # noqa: ARG001
    return beside.alone(width, height)


_ROWS: dict[ClientName, _Finder] = {
    "1:7": partial(_stack, 1, 7),
    "1:21": partial(_stack, 1, 21),
    "2:21": partial(_stack, 2, 21),
    "1:33": _thirty_three,
    "one_main_nine_around": _nine,
    "one_main_twelve_around": _twelve,
    "two_mains_eight_around": _two_and_eight,
}
_SIDES: dict[ClientName, int] = {"4:0": 2, "9:0": 3, "16:0": 4, "25:0": 5}

_ALONE: dict[ClientName, _Finder] = {
    "1:0": _one,
    "1:1": _one_and_one,
    **_ROWS,
    **{name: partial(_grid, side) for name, side in _SIDES.items()},
    "teams": _teams,
}
_PRESENTED: dict[ClientName, _Finder] = {
    "1:0": _beside_one,
    "1:1": _full,
    **{name: partial(_instead, finder) for name, finder in _ROWS.items()},
    **{name: partial(_beside, side**2) for name, side in _SIDES.items()},
    "teams": partial(_beside, TEAMS_PEOPLE),
    "ac": presented,
}
