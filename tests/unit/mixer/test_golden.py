"""Every layout looks as it did when it was found good.

`python -m tests.unit.mixer.golden FOLDER` writes what differs into a folder, and without one it
accepts what is drawn now.
"""

import numpy as np
import pytest

from tests.unit.mixer.golden import sheets
from tests.unit.mixer.golden.sheets import LAYOUTS, OVERVIEW_PATH, accepted, mean_squared_error

TOLERANCE = 1.0
"""Mean squared error: another version of a font's renderer, but not a pixel's move."""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_looks_as_it_was_accepted(layout: str) -> None:
    expected, now = accepted(sheets.path(layout)), sheets.sheet(sheets.cells(layout))

    assert expected is not None
    assert expected.shape == now.shape
    assert mean_squared_error(expected, now) <= TOLERANCE


def test_the_overview_in_the_docs_shows_what_is_drawn() -> None:
    expected, now = accepted(OVERVIEW_PATH), sheets.overview()

    assert expected is not None
    assert expected.shape == now.shape
    assert float(((expected.astype(np.float32) - now) ** 2).mean()) <= TOLERANCE


def test_a_place_that_moves_by_two_pixels_is_noticed() -> None:
    """So small is the tolerance."""
    now = sheets.sheet(sheets.cells("9:0"))
    moved = now.copy()
    box = slice(8, 188), slice(8, 328)
    moved[box] = np.roll(now[box], 2, axis=1)

    assert mean_squared_error(now, moved) > 10 * TOLERANCE
