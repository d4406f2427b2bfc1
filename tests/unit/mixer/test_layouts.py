"""Where the places of a layout are."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.layouts import ALL
from services.mixer.core import layouts
from services.mixer.core.layouts import Places, Rect, inset, places

NAMES = [names.client for names in ALL]
IN_FRONT = ("1:1",)
"""Layouts whose small picture lies in the large one."""

CAPACITY = {
    "1:0": 1, "1:1": 2, "1:7": 8, "1:21": 22, "2:21": 23, "1:33": 34, "4:0": 4, "9:0": 9,
    "16:0": 16, "25:0": 25, "ac": 12, "one_main_nine_around": 10, "one_main_twelve_around": 13,
    "two_mains_eight_around": 10, "teams": 16,
}  # fmt: skip
BESIDE = {
    "1:0": 1, "1:1": 1, "1:7": 7, "1:21": 21, "2:21": 22, "1:33": 33, "4:0": 4, "9:0": 9,
    "16:0": 16, "25:0": 25, "ac": 9, "one_main_nine_around": 9, "one_main_twelve_around": 12,
    "two_mains_eight_around": 9, "teams": 4,
}  # fmt: skip
"""People beside a presentation."""

sides = st.integers(8, 2048).map(lambda half: 2 * half)
usual = st.sampled_from(
    [(1280, 720), (1920, 1080), (848, 480), (640, 360), (720, 1280), (320, 180), (1080, 1080)]
)
names = st.sampled_from([*NAMES, "unheard-of"])
shapes = st.lists(st.sampled_from([9 / 16, 3 / 4, 1.0, 4 / 3, 16 / 9, 2.4]), max_size=25)


def rectangles(found: Places) -> list[Rect]:
    shown = [] if found.presentation is None else [found.presentation]
    return [*shown, *found.people]


def assert_sound(found: Places, width: int, height: int, *, in_front: bool) -> None:
    for rect in rectangles(found):
        assert all(part % 2 == 0 for part in (rect.x, rect.y, rect.width, rect.height))
        assert rect.width >= 2
        assert rect.height >= 2
        assert rect.x >= 0
        assert rect.y >= 0
        assert rect.right <= width
        assert rect.bottom <= height
    if not in_front:
        assert not any(one.overlaps(other) for one, other in combinations(rectangles(found), 2))


@given(names, st.integers(0, 45), sides, sides, st.booleans(), shapes, st.booleans())
def test_places_are_even_inside_and_apart_on_any_canvas(
    layout: str,
    people: int,
    width: int,
    height: int,
    presentation: bool,
    shapes: list[float],
    extended: bool,
) -> None:
    kind = {"presentation": presentation, "extended": extended}
    found = places(layout, people, width, height, shapes=shapes, **kind)
    assert_sound(found, width, height, in_front=layout in IN_FRONT)
    assert found == places(layout, people, width, height, shapes=shapes, **kind)


@given(st.sampled_from(NAMES), st.integers(1, 45), usual)
def test_everybody_has_a_place_up_to_the_layouts_number(
    layout: str, people: int, size: tuple[int, int]
) -> None:
    assert len(places(layout, people, *size).people) == min(people, CAPACITY[layout])
    beside = places(layout, people, *size, presentation=True)
    assert beside.presentation is not None
    upright = layout == "ac" and size[0] < size[1]
    assert len(beside.people) == min(people, BESIDE[layout]) or upright


@given(st.integers(1, 30))
def test_extended_composition_has_23_places(people: int) -> None:
    assert len(places("ac", people, 1280, 720, extended=True).people) == min(people, 23)


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


@given(st.integers(2, 40), sides, sides)
def test_places_keep_their_size_when_somebody_comes(people: int, width: int, height: int) -> None:
    before, after = (places("1:7", n, width, height) for n in (people, people + 1))
    assert {(r.width, r.height) for r in before.pips} == {(r.width, r.height) for r in after.pips}
    if width >= height:
        assert before.main == after.main


GROWING = {
    "4:0": {2},
    "9:0": {2, 5},
    "16:0": {2, 5, 10},
    "25:0": {2, 5, 10, 17},
    "1:7": {2},
    "1:21": {2, 9, 16},
    "2:21": {2, 17},
    "1:33": {2, 16},
    "one_main_nine_around": {2},
    "one_main_twelve_around": {2, 6},
    "two_mains_eight_around": {2},
    "ac": {2, 3, 6},
}
"""With which person anybody who is there already changes size; 2: nobody is alone any more."""


@pytest.mark.parametrize("layout", GROWING)
def test_people_change_size_only_where_a_row_or_a_column_is_needed(layout: str) -> None:
    found = set()
    for people in range(1, 40):
        before, after = (places(layout, n, 1280, 720) for n in (people, people + 1))
        old = [(r.width, r.height) for r in before.people]
        new = [(r.width, r.height) for r in after.people]
        if old != new[: len(old)]:
            found.add(people + 1)
    assert found == GROWING[layout]


@pytest.mark.parametrize("layout", [name for name in NAMES if name not in IN_FRONT])
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_gaps_are_all_the_same(layout: str, size: tuple[int, int]) -> None:
    """Between neighbours of a row; a presentation, which keeps its shape, may have more."""
    space = layouts.gap(*size)
    for people in range(2, 40):
        for presentation in (False, True):
            found = places(layout, people, *size, presentation=presentation)
            rects = rectangles(found)
            for one in rects:
                right = [o for o in rects if o.x >= one.right and level(o, one)]
                if right:
                    nearest = min(right, key=lambda rect: rect.x)
                    apart = nearest.x - one.right
                    assert apart >= space
                    assert apart <= space + 2 or found.presentation in (one, nearest)


def level(one: Rect, other: Rect) -> bool:
    return one.y < other.bottom and other.y < one.bottom


@pytest.mark.parametrize("layout", NAMES)
@pytest.mark.parametrize("people", [1, 2, 3, 5, 8, 12, 25, 40])
def test_what_is_shown_stands_in_the_middle(layout: str, people: int) -> None:
    if layout in IN_FRONT:
        return
    rects = rectangles(places(layout, people, 1280, 720))
    left, right = min(r.x for r in rects), 1280 - max(r.right for r in rects)
    top, bottom = min(r.y for r in rects), 720 - max(r.bottom for r in rects)
    assert abs(left - right) <= 4
    assert abs(top - bottom) <= 4


def test_a_portrait_picture_has_a_narrow_place_in_a_composition() -> None:
    wide = places("ac", 6, 1280, 720)
    found = places("ac", 6, 1280, 720, shapes=[9 / 16])
    assert found.mains[0].width < wide.mains[0].width * 0.5
    assert found.mains[0].height == wide.mains[0].height
    assert found.mains[1].width == wide.mains[1].width


def test_who_is_alone_has_the_whole_picture() -> None:
    for layout in NAMES:
        assert places(layout, 1, 1280, 720).people == (Rect(0, 0, 1280, 720),)


def test_the_usual_canvas() -> None:
    """The figures that recordings of 720p are measured against."""
    found = places("1:7", 8, 1280, 720)
    assert found.main == Rect(106, 8, 1066, 600)
    assert found.pips[0] == Rect(14, 616, 172, 96)
    assert found.pips[6] == Rect(1094, 616, 172, 96)
    assert inset(1280, 720) == Rect(944, 16, 320, 180)


def test_a_letterbox_is_centred_and_as_large_as_it_can_be() -> None:
    assert layouts.fit(Rect(0, 0, 1280, 720), 4, 3) == Rect(160, 0, 960, 720)


@pytest.mark.parametrize(
    ("aspect", "place", "crops"),
    [
        pytest.param(16 / 9, (160, 90), True, id="same-shape"),
        pytest.param(4 / 3, (160, 90), True, id="a-quarter"),
        pytest.param(16 / 9, (120, 100), True, id="a-third"),
        pytest.param(1.0, (160, 90), False, id="square-in-wide"),
        pytest.param(9 / 16, (160, 90), False, id="telephone-in-wide"),
        pytest.param(16 / 9, (90, 160), False, id="wide-in-upright"),
    ],
)
def test_a_picture_is_cropped_unless_a_third_were_lost(
    aspect: float, place: tuple[int, int], crops: bool
) -> None:
    assert layouts.crops(aspect, *place) is crops
