"""Indicators judged on the pixels."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from kit.theme import read
from proto.media import FeedSpec
from services.mixer.core import palette
from services.mixer.core.layouts import Rect
from services.mixer.core.scene import Scene, SourceId, Tile
from services.mixer.media.cards import Cards
from services.mixer.media.compositor import Compositor
from services.mixer.media.picture import Picture
from services.mixer.media.signs import Signs
from services.mixer.theme import Theme, built_in, default
from tests.support import signs
from tests.support.signs import ANN, BLACK, GREY, WHITE, on, one_person, painted
from tests.support.themes import packed, square
from tests.support.watch import rgb
from tests.unit.mixer.golden.sheets import HERE, LAYOUTS, accepted, mean_squared_error, sheet
from tests.unit.mixer.golden.signs import cells, path

SHEET = HERE.parents[3] / "docs" / "pictures" / "indicators.png"
STILL = 30.0
"""Seconds after it came on: the icon alone is seen."""

Pixels = npt.NDArray[np.uint8]


def changed(picture: Pixels, colour: tuple[int, int, int] = GREY) -> tuple[int, int, int, int]:
    """What is not of that colour: left, top, right and bottom."""
    apart = np.abs(picture.astype(int) - colour).max(axis=2) > 12
    rows, columns = np.flatnonzero(apart.any(axis=1)), np.flatnonzero(apart.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_the_icon_is_a_disc_at_the_top_in_the_middle_of_an_adaptive_layout() -> None:
    left, top, right, bottom = changed(painted(on("streaming"), one_person("ac"), STILL))
    assert (right - left, bottom - top) == pytest.approx((44, 44), abs=2)
    assert (left + right) / 2 == pytest.approx(640, abs=2)
    assert top == pytest.approx(8, abs=2)


def test_the_text_slides_out_on_one_side_and_nothing_else_changes() -> None:
    whole = painted(on("streaming"), one_person("1:0"), 3.0)
    icon = painted(on("streaming"), one_person("1:0"), STILL)
    left, top, right, bottom = changed(whole)
    disc = changed(icon)
    assert (top, right, bottom) == disc[1:]
    assert 180 < right - left < 300
    assert np.array_equal(whole[bottom:], icon[bottom:])


@pytest.mark.parametrize("background", [WHITE, BLACK])
def test_letters_can_be_read_on_anything(background: tuple[int, int, int]) -> None:
    picture = painted(on("recording"), one_person("1:0"), 3.0, background)
    left, top, right, bottom = changed(painted(on("recording"), one_person("1:0"), 3.0))
    text = picture[top + 8 : bottom - 8, left + 16 : right - 48].min(axis=2)
    assert text.max() > 215
    # Half of it is the capsule between the letters.
    assert np.median(text) < 90


def test_the_capsule_is_round_and_the_picture_shows_at_its_corners() -> None:
    picture = painted(on("streaming"), one_person("1:0"), 3.0, WHITE)
    left, top, right, bottom = changed(picture, WHITE)
    for y, x in ((top, left), (top, right - 1), (bottom - 1, left), (bottom - 1, right - 1)):
        assert picture[y, x].min() > 235


HIDDEN = {
    "nothing is on": (on(), None, None),
    "one presentation by itself": (on("streaming"), None, "presentation"),
    "a theme without any": (on("streaming"), {"enabled": False}, None),
    "a theme without this": (on("streaming"), {"streaming": {"enabled": False}}, None),
}


@pytest.mark.parametrize(("view", "said", "content"), HIDDEN.values(), ids=HIDDEN.keys())
def test_where_it_is_disabled_not_a_pixel_changes(view, said, content) -> None:  # type: ignore[no-untyped-def]
    theme = Theme([read(packed({"indicators": said})), built_in()]) if said else default()
    feed = FeedSpec("c", content or "single")
    picture = painted(view, one_person("1:0"), 3.0, theme=theme, feed=feed)
    plain = painted(on(), one_person("1:0"), 3.0)
    assert np.array_equal(picture, plain)


@pytest.mark.parametrize("every", [3, 1000])
def test_what_is_behind_comes_back_when_it_goes(every: int) -> None:
    """Whether or not something moves there meanwhile."""
    scene = one_person("1:0")
    compositor, canvas, again = Compositor(Cards()), blank(), blank()
    still = Picture.flat(palette.yuv(GREY), 320, 180)
    moving = Signs(default())
    moving.follow(on(), 0.0)
    moving.follow(on("streaming", "recording"), 1.0)
    for n in range(240):
        if n == 200:
            moving.follow(on(), 1 + n / 30)
        stamps = moving.stamps(on(), FeedSpec("c"), scene, 1 + n / 30)
        picture = still if n % every else Picture.flat(palette.yuv(GREY), 320, 180)
        compositor.draw(0, canvas, scene, {ANN: picture}, stamps)
    Compositor(Cards()).draw(0, again, scene, {ANN: still})
    assert np.array_equal(canvas, again)


def test_it_stays_over_a_picture_that_moves() -> None:
    scene, feed, view = one_person("1:0"), FeedSpec("c"), on("streaming")
    signs_, compositor, canvas, fresh = Signs(default()), Compositor(Cards()), blank(), blank()
    signs_.follow(on(), 0.0)
    signs_.follow(view, 1.0)
    stamps = signs_.stamps(view, feed, scene, STILL)
    last = {ANN: Picture.flat(palette.yuv(GREY), 320, 180)}
    for colour in (GREY, WHITE, BLACK):
        moved = {ANN: Picture.flat(palette.yuv(colour), 320, 180)}
        compositor.draw(0, canvas, scene, moved, stamps)
    compositor.draw(0, canvas, scene, last, stamps)
    Compositor(Cards()).draw(0, fresh, scene, last, stamps)
    assert np.array_equal(canvas, fresh)


def test_nothing_is_drawn_while_nothing_changes() -> None:
    scene, feed = one_person("1:0"), FeedSpec("c")
    signs_, compositor, canvas = Signs(default()), Compositor(Cards()), blank()
    picture = {ANN: Picture.flat(palette.yuv(GREY), 320, 180)}
    signs_.follow(on(), 0.0)
    signs_.follow(on("streaming"), 1.0)
    compositor.draw(0, canvas, scene, picture, signs_.stamps(on("streaming"), feed, scene, STILL))
    canvas[:] = 77
    for n in range(30):
        stamps = signs_.stamps(on("streaming"), feed, scene, STILL + n / 30)
        assert compositor.draw(0, canvas, scene, picture, stamps) == 0
    assert (canvas == 77).all()


def test_only_what_is_behind_is_drawn_again_when_another_tile_moves() -> None:
    left, right = Rect(0, 0, 640, 720), Rect(640, 0, 640, 720)
    bob = SourceId("bob")
    scene = Scene(1280, 720, "9:0", (Tile(left, ANN, "Ann"), Tile(right, bob, "Bob")))
    signs_, compositor, canvas = Signs(default()), Compositor(Cards()), blank()
    signs_.follow(on(), 0.0)
    signs_.follow(on("streaming"), 1.0)
    stamps = signs_.stamps(on("streaming"), FeedSpec("c"), scene, STILL)
    grey = Picture.flat(palette.yuv(GREY), 320, 180)
    compositor.draw(0, canvas, scene, {ANN: grey, bob: grey}, stamps)
    canvas[:, :] = 77
    white = Picture.flat(palette.yuv(WHITE), 320, 180)
    compositor.draw(0, canvas, scene, {ANN: white, bob: grey}, stamps)
    assert (canvas[:720, 640:] == 77).all(), "the indicator is in the right half"


def test_a_theme_that_is_put_on_shows_in_the_very_next_picture() -> None:
    scene, feed, view = one_person("1:0"), FeedSpec("c"), on("streaming")
    said = {"indicators": {"streaming": {"icon": "i.svg", "background": "0xFF00FF00"}}}
    green = Theme([read(packed(said, {"i.svg": square("#00f")})), built_in()])
    signs_, compositor, canvas = Signs(default()), Compositor(Cards()), blank()
    signs_.follow(on(), 0.0)
    signs_.follow(view, 1.0)
    picture = {ANN: Picture.flat(palette.yuv(GREY), 320, 180)}
    compositor.draw(0, canvas, scene, picture, signs_.stamps(view, feed, scene, STILL))
    signs_.dress(green)
    compositor.draw(0, canvas, scene, picture, signs_.stamps(view, feed, scene, STILL), green)
    shown = rgb(canvas)
    left, top, right, bottom = changed(shown)
    middle = shown[(top + bottom) // 2, (left + right) // 2].astype(int)
    assert np.abs(middle - (0, 0, 255)).max() < 12
    rim = shown[(top + bottom) // 2, left + 4].astype(int)
    assert np.abs(rim - (0, 255, 0)).max() < 40


@pytest.mark.parametrize("size", [(1920, 1080), (848, 480), (320, 180), (960, 720)])
def test_it_is_as_large_as_the_picture_asks_for(size: tuple[int, int]) -> None:
    picture = painted(on("streaming"), one_person("1:0", size), STILL)
    left, top, right, bottom = changed(picture)
    assert bottom - top == pytest.approx(max(min(size) / 16, 16), abs=3)
    assert right - left == pytest.approx(bottom - top, abs=2)


def test_the_sequence_in_the_docs_is_what_is_drawn() -> None:
    """`python -m tests.support.signs docs/pictures/indicators.png` accepts it anew."""
    expected = np.asarray(Image.open(SHEET).convert("RGB"), np.float32)
    now = np.asarray(signs.sheet(), np.float32)
    assert expected.shape == now.shape
    assert float(((expected - now) ** 2).mean()) <= 1.0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_indicators_look_as_they_were_accepted_in_every_layout(layout: str) -> None:
    expected, now = accepted(path(layout)), sheet(cells(layout))
    assert expected is not None
    assert mean_squared_error(expected, now) <= 1.0


def blank() -> Pixels:
    return np.zeros((1080, 1280), np.uint8)
