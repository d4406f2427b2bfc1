"""Where indicators lie."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proto.layouts import ALL
from proto.media import FeedSpec
from proto.theme import KINDS, IndicatorKind
from services.mixer.core.indicators import Indicator
from services.mixer.core.layouts import Rect, gap
from services.mixer.core.pills import Pill, disc, pills
from services.mixer.core.scene import Scene, scene
from tests.unit.mixer.people import person, room

SIZES = [(1280, 720), (1920, 1080), (640, 360), (848, 480), (720, 1280), (320, 180)]
LENGTHS: dict[IndicatorKind, int] = {kind: 150 + 20 * n for n, kind in enumerate(KINDS)}


def shown(*kinds: IndicatorKind, out: float = 1.0, room: float = 1.0) -> list[Indicator]:
    return [Indicator(kind, out, room, room) for kind in kinds]


def view_of(layout: str, people: int, size: tuple[int, int], presenter: str = "") -> Scene:
    everybody = [person(f"p{n}", presents=True) for n in range(people)]
    view = room(*everybody, layout=layout, presenter=presenter)
    return scene(view, (), frozenset(), FeedSpec("c", width=size[0], height=size[1]))


@given(
    st.sampled_from([names.client for names in ALL]),
    st.integers(0, 12),
    st.sampled_from(SIZES),
    st.booleans(),
    st.lists(st.sampled_from(KINDS), unique=True),
    st.floats(0, 1),
)
def test_none_is_off_the_canvas_or_on_another_one(
    layout: str,
    people: int,
    size: tuple[int, int],
    presents: bool,
    kinds: list[IndicatorKind],
    out: float,
) -> None:
    made = view_of(layout, people, size, "p0" if presents and people else "")
    found = pills(shown(*kinds, out=out), LENGTHS, made, disc(1 / 16, *size))
    canvas = Rect(0, 0, *size)
    for pill in found:
        rect = pill.rect
        assert not any(side & 1 for side in (rect.x, rect.y, rect.width, rect.height))
        assert rect.x >= 0
        assert rect.y >= 0
        assert rect.right <= canvas.right
        assert rect.bottom <= canvas.bottom
        assert not any(o is not pill and o.rect.overlaps(rect) for o in found)
    if min(size) >= 360:
        assert len(found) == len(kinds)


def test_in_an_adaptive_layout_they_are_a_row_at_the_top_in_the_middle() -> None:
    found = pills(shown("streaming", "recording"), LENGTHS, view_of("ac", 5, (1280, 720)), 46)
    left, right = found[0].rect, found[1].rect
    assert left.y == right.y == gap(1280, 720)
    assert abs((left.x + right.right) / 2 - 640) <= 2
    assert left.right < right.x
    assert not any(pill.leftwards for pill in found)


def test_beside_a_main_picture_with_room_at_its_right_icons_lie_outside_of_it() -> None:
    made = view_of("1:7", 8, (1280, 720))
    main = made.tiles[0].rect
    [icon] = pills(shown("streaming", out=0.0), LENGTHS, made, 46)
    assert icon.rect.x > main.right
    assert icon.rect.y == main.y
    [text] = pills(shown("streaming"), LENGTHS, made, 46)
    assert text.rect.right == icon.rect.right, "the icon stays where it is"
    assert text.leftwards


def test_where_others_are_beside_the_main_picture_they_lie_in_its_corner() -> None:
    made = view_of("one_main_twelve_around", 13, (1280, 720))
    main = made.tiles[0].rect
    assert made.slots[0].kind == "main"
    for pill in pills(shown("streaming", "recording"), LENGTHS, made, 46):
        assert main.x < pill.rect.x
        assert pill.rect.right < main.right
        assert pill.rect.y > main.y


def test_the_speakers_small_window_is_not_covered() -> None:
    made = view_of("1:7", 3, (1280, 720), presenter="p0")
    inset = made.tiles[1].rect
    found = pills(shown("streaming", "recording"), LENGTHS, made, 46)
    assert not any(pill.rect.overlaps(inset) for pill in found)
    assert [pill.rect.right for pill in found] == [inset.right] * 2


def test_one_that_comes_pushes_the_others_aside_by_and_by() -> None:
    made = view_of("ac", 5, (1280, 720))

    def places(room: float) -> list[Pill]:
        icons = [*shown("streaming", out=0.0), *shown("recording", out=0.0, room=room)]
        return list(pills(icons, LENGTHS, made, 46))

    lefts = [places(step / 20)[0].rect.x for step in range(1, 21)]
    assert lefts[0] - lefts[-1] > 20
    assert max(a - b for a, b in pairwise(lefts)) <= 4
