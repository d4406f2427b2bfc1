"""Where the places of a layout are."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mixer.core import layouts
from services.mixer.core.layouts import Places, Rect, inset, places

sides = st.integers(8, 2048).map(lambda half: 2 * half)
layout_names = st.sampled_from(["1:0", "1:7", "unheard-of"])


def rectangles(found: Places) -> list[Rect]:
    return [found.main, *found.pips]


@given(layout_names, st.integers(0, 40), sides, sides)
def test_places_are_even_inside_and_apart(layout: str, tiles: int, width: int, height: int) -> None:
    found = rectangles(places(layout, tiles, width, height))
    for rect in found:
        assert all(part % 2 == 0 for part in (rect.x, rect.y, rect.width, rect.height))
        assert rect.width >= 2
        assert rect.height >= 2
        assert rect.x >= 0
        assert rect.y >= 0
        assert rect.right <= width
        assert rect.bottom <= height
    assert not any(one.overlaps(other) for one, other in combinations(found, 2))


@given(sides, sides)
def test_the_inset_is_even_inside_and_in_the_upper_right(width: int, height: int) -> None:
    rect = inset(width, height)
    assert all(part % 2 == 0 for part in (rect.x, rect.y, rect.width, rect.height))
    assert rect.width >= 2
    assert rect.height >= 2
    assert rect.right <= width
    assert rect.bottom <= height
    assert rect.x >= width // 2
    assert rect.y <= height // 2


@given(st.integers(2, 20), sides, sides)
def test_places_keep_their_size_when_somebody_comes(tiles: int, width: int, height: int) -> None:
    before, after = places("1:7", tiles, width, height), places("1:7", tiles + 1, width, height)
    assert before.main == after.main
    assert {(r.width, r.height) for r in before.pips} == {(r.width, r.height) for r in after.pips}


@pytest.mark.parametrize(
    ("layout", "tiles", "pips"),
    [
        pytest.param("1:0", 5, 0, id="one-large-only"),
        pytest.param("1:7", 1, 0, id="alone"),
        pytest.param("1:7", 2, 1, id="two"),
        pytest.param("1:7", 8, 7, id="full"),
        pytest.param("1:7", 12, 7, id="no-more-than-full"),
    ],
)
def test_how_many_places_there_are(layout: str, tiles: int, pips: int) -> None:
    assert len(places(layout, tiles, 1280, 720).pips) == pips


def test_who_is_alone_has_the_whole_picture() -> None:
    assert places("1:7", 1, 1280, 720).main == Rect(0, 0, 1280, 720)


def test_the_usual_canvas() -> None:
    """The figures that recordings of 720p are measured against."""
    found = places("1:7", 8, 1280, 720)
    assert found.main == Rect(106, 8, 1066, 600)
    assert found.pips[0] == Rect(14, 616, 172, 96)
    assert found.pips[6] == Rect(1094, 616, 172, 96)
    assert inset(1280, 720) == Rect(944, 16, 320, 180)


def test_a_letterbox_is_centred_and_as_large_as_it_can_be() -> None:
    assert layouts.fit(Rect(0, 0, 1280, 720), 4, 3) == Rect(160, 0, 960, 720)
