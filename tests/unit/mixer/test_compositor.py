"""Judged on the pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.mixer.core import layouts, palette
from services.mixer.core.layouts import Rect
from services.mixer.core.scene import Scene, SourceId, Tile
from services.mixer.media.cards import Cards, initials
from services.mixer.media.compositor import Compositor
from services.mixer.media.marks import Marks
from services.mixer.media.picture import Picture
from services.mixer.media.scaling import Scaler, crop
from tests.support.watch import Box, Rgb, is_near, mean_colour, rgb
from tests.unit.mixer.people import source

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 160, 60), (40, 60, 190), (120, 120, 120)
SIZE = (640, 360)
ANN, BOB = source("ann"), source("bob")

Canvas = npt.NDArray[np.uint8]


def flat(colour: Rgb, width: int = 320, height: int = 180) -> Picture:
    return Picture.flat(palette.yuv(colour), width, height)


def blank(width: int = SIZE[0], height: int = SIZE[1]) -> Canvas:
    return np.zeros((height * 3 // 2, width), np.uint8)


def tile(rect: Rect, who: SourceId | None, **kind: Any) -> Tile:
    return Tile(rect, who, "Ann Bee", **kind)


def drawn(scene: Scene, pictures: dict[SourceId, Picture]) -> npt.NDArray[np.uint8]:
    canvas = blank(scene.width, scene.height)
    Compositor(Cards()).draw(0, canvas, scene, pictures)
    return rgb(canvas)


def colour(picture: npt.NDArray[np.uint8], rect: Rect) -> Rgb:
    box: Box = (rect.x, rect.y, rect.width, rect.height)
    return mean_colour(picture, box)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (640, 360), (720, 1280)])
def test_each_participant_is_in_their_tile(size: tuple[int, int]) -> None:
    """Up to the edges, and nowhere else."""
    places = layouts.places("1:7", 8, *size)
    rects = [places.main, *places.pips]
    people = [source(f"p{n}") for n in range(8)]
    colours = [(25 * n + 30, 220 - 20 * n, 90) for n in range(8)]
    scene = Scene(*size, tiles=tuple(map(tile, rects, people)))
    picture = drawn(scene, {who: flat(c) for who, c in zip(people, colours, strict=True)})
    for rect, expected in zip(rects, colours, strict=True):
        assert is_near(colour(picture, rect), expected, within=3)
        corners = picture[
            rect.y : rect.bottom : rect.height - 1, rect.x : rect.right : rect.width - 1
        ]
        assert np.abs(corners.astype(int) - expected).max() <= 3
    outside = np.ones(picture.shape[:2], bool)
    for rect in rects:
        outside[rect.y : rect.bottom, rect.x : rect.right] = False
    assert np.abs(picture[outside].astype(int) - palette.BACKDROP).max() <= 3


def test_a_presentation_is_whole_on_black() -> None:
    scene = Scene(*SIZE, tiles=(tile(layouts.whole(*SIZE), ANN, whole=True),))
    picture = drawn(scene, {ANN: flat(RED, 400, 300)})
    assert is_near(colour(picture, Rect(80, 0, 480, 360)), RED, 3)
    assert is_near(colour(picture, Rect(0, 0, 80, 360)), (0, 0, 0), 3)
    assert is_near(colour(picture, Rect(560, 0, 80, 360)), (0, 0, 0), 3)


def test_people_are_cropped_to_fill_their_tile() -> None:
    left_red = flat(RED, 400, 300)
    left_red.planes[0][:, :20] = 16
    scene = Scene(*SIZE, tiles=(tile(Rect(0, 0, 360, 360), ANN),))
    picture = drawn(scene, {ANN: left_red})
    assert np.abs(picture[180, 2].astype(int) - RED).max() <= 4


def test_pixels_that_are_not_square_are_made_square() -> None:
    anamorphic = Picture(flat(RED, 720, 576).planes, 16 / 9)
    scene = Scene(*SIZE, tiles=(tile(layouts.whole(*SIZE), ANN, whole=True),))
    assert is_near(colour(drawn(scene, {ANN: anamorphic}), Rect(0, 0, 20, 20)), RED, 3)
    assert crop(anamorphic, 160, 90) == Rect(0, 0, 720, 576)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_the_inset_lies_in_the_corner_in_front(size: tuple[int, int]) -> None:
    inset = layouts.inset(*size)
    scene = Scene(*size, tiles=(tile(layouts.whole(*size), ANN, whole=True), tile(inset, BOB)))
    picture = drawn(scene, {ANN: flat(GREY, *size), BOB: flat(RED)})
    red = np.flatnonzero((picture[:, :, 0] > 160).any(axis=0))
    rows = np.flatnonzero((picture[:, :, 0] > 160).any(axis=1))
    assert (red[0], red[-1] + 1, rows[0], rows[-1] + 1) == pytest.approx(
        (inset.x, inset.right, inset.y, inset.bottom), abs=2
    )


def test_only_what_has_changed_is_drawn() -> None:
    left, right = Rect(0, 0, 320, 360), Rect(320, 0, 320, 360)
    scene = Scene(*SIZE, tiles=(tile(left, ANN), tile(right, BOB)))
    compositor, canvas = Compositor(Cards()), blank()
    ann, bob = flat(RED), flat(GREEN)
    assert compositor.draw(0, canvas, scene, {ANN: ann, BOB: bob}) == 2
    assert compositor.draw(0, canvas, scene, {ANN: ann, BOB: bob}) == 0
    assert compositor.draw(0, canvas, scene, {ANN: ann, BOB: flat(BLUE)}) == 1
    assert is_near(colour(rgb(canvas), right), BLUE, 3)
    assert is_near(colour(rgb(canvas), left), RED, 3)


def test_each_slot_of_the_ring_remembers_what_it_shows() -> None:
    scene = Scene(*SIZE, tiles=(tile(layouts.whole(*SIZE), ANN),))
    compositor, first, second = Compositor(Cards()), blank(), blank()
    red, green = {ANN: flat(RED)}, {ANN: flat(GREEN)}
    compositor.draw(0, first, scene, red)
    compositor.draw(1, second, scene, green)
    assert compositor.draw(0, first, scene, green) == 1
    assert is_near(colour(rgb(first), Rect(0, 0, *SIZE)), GREEN, 3)


def test_what_lies_in_front_is_drawn_again_with_what_lies_behind() -> None:
    inset = layouts.inset(*SIZE)
    scene = Scene(*SIZE, tiles=(tile(layouts.whole(*SIZE), ANN, whole=True), tile(inset, BOB)))
    compositor, canvas, bob = Compositor(Cards()), blank(), flat(RED)
    compositor.draw(0, canvas, scene, {ANN: flat(GREY), BOB: bob})
    assert compositor.draw(0, canvas, scene, {ANN: flat(GREEN), BOB: bob}) == 2
    assert is_near(colour(rgb(canvas), inset), RED, 3)


def test_a_new_scene_leaves_nothing_of_the_old_one() -> None:
    compositor, canvas = Compositor(Cards()), blank()
    compositor.draw(
        0, canvas, Scene(*SIZE, tiles=(tile(Rect(0, 0, 320, 180), ANN),)), {ANN: flat(RED)}
    )
    compositor.draw(
        0, canvas, Scene(*SIZE, tiles=(tile(Rect(320, 180, 320, 180), ANN),)), {ANN: flat(RED)}
    )
    assert is_near(colour(rgb(canvas), Rect(0, 0, 320, 180)), palette.BACKDROP, 3)


def test_a_source_may_change_its_size() -> None:
    scene = Scene(*SIZE, tiles=(tile(layouts.whole(*SIZE), ANN, whole=True),))
    compositor, canvas = Compositor(Cards()), blank()
    compositor.draw(0, canvas, scene, {ANN: flat(RED, 640, 360)})
    compositor.draw(0, canvas, scene, {ANN: flat(GREEN, 360, 360)})
    assert is_near(colour(rgb(canvas), Rect(0, 0, 140, 360)), (0, 0, 0), 3)
    assert is_near(colour(rgb(canvas), Rect(140, 0, 360, 360)), GREEN, 3)


def test_a_name_card_has_letters_and_the_participants_colour() -> None:
    picture = drawn(Scene(*SIZE, tiles=(tile(layouts.whole(*SIZE), None),)), {})
    assert (picture.min(axis=2) > 200).sum() > 200
    disc = palette.colour("Ann Bee")
    assert (np.abs(picture.astype(int) - disc).max(axis=2) < 8).sum() > 4000


def test_a_slate_fills_the_picture_and_says_something() -> None:
    picture = drawn(Scene(*SIZE, slate="Town hall\nSoon"), {})
    assert (picture.min(axis=2) > 200).sum() > 200
    assert picture[5, 5].max() < 60


def test_a_label_is_written_in_the_lower_left_and_letters_are_opaque() -> None:
    scene = Scene(*SIZE, tiles=(tile(layouts.whole(*SIZE), ANN, label=True),))
    picture = drawn(scene, {ANN: flat((235, 235, 235))})
    corner = picture[-40:, :110]
    assert corner.min() < 120
    assert corner.max() > 220
    assert is_near(colour(picture, Rect(0, 0, 640, 300)), (235, 235, 235), 3)


def test_the_speaker_has_a_frame_on_the_tiles_edge_and_nowhere_else() -> None:
    place = Rect(100, 60, 320, 180)
    picture = drawn(Scene(*SIZE, tiles=(tile(place, ANN, speaks=True),)), {ANN: flat(GREY)})
    for row, column in ((60, 200), (239, 200), (150, 100), (150, 419)):
        assert np.abs(picture[row, column].astype(int) - palette.ACCENT).max() <= 4
    assert is_near(colour(picture, Rect(104, 64, 312, 172)), GREY, 3)
    assert np.abs(picture[58, 200].astype(int) - palette.BACKDROP).max() <= 3


def test_how_many_are_not_seen_is_written_in_the_upper_right() -> None:
    everything = layouts.whole(*SIZE)
    picture = drawn(Scene(*SIZE, tiles=(tile(everything, ANN, more=12),)), {ANN: flat(GREY)})
    changed = (np.abs(picture.astype(int) - GREY).max(axis=2) > 20).nonzero()
    assert changed[0].max() < 60
    assert changed[1].min() > 560
    assert picture[:60, 560:].max() > 220


def test_marks_cost_nothing_while_nothing_changes() -> None:
    everything = layouts.whole(*SIZE)
    scene = Scene(*SIZE, tiles=(tile(everything, ANN, label=True, speaks=True, more=3),))
    compositor, canvas, ann = Compositor(Cards()), blank(), flat((235, 235, 235))
    assert compositor.draw(0, canvas, scene, {ANN: ann}) == 1
    once = canvas.copy()
    assert compositor.draw(0, canvas, scene, {ANN: ann}) == 0
    assert compositor.draw(0, canvas, scene, {ANN: flat((235, 235, 235))}) == 1
    assert np.array_equal(canvas, once)


def test_a_telephones_picture_is_shown_whole_beside_a_plain_ground() -> None:
    scene = Scene(*SIZE, tiles=(tile(layouts.whole(*SIZE), ANN),))
    picture = drawn(scene, {ANN: flat(RED, 270, 480)})
    assert is_near(colour(picture, Rect(222, 0, 196, 360)), RED, 3)
    assert is_near(colour(picture, Rect(0, 0, 210, 360)), palette.PAD, 3)


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Lovelace", "AL"), ("ada", "A"), ("Jean-Luc von Picard", "JP"), ("", "?"), ("…", "?")],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


@given(st.text(max_size=250), st.sampled_from([(16, 16), (172, 96), (640, 360)]))
@example("x" * 250, (640, 360))
@example("a\nb\0c", (640, 360))
@settings(max_examples=40, deadline=None)
def test_any_name_can_be_drawn_at_any_size(text: str, size: tuple[int, int]) -> None:
    cards = Cards()
    assert cards.name(text, *size).width == size[0]
    assert cards.slate(text, *size).height == size[1]
    marked = Tile(Rect(0, 0, *size), ANN, text, label=True, speaks=True, more=7)
    for mark in Marks().of(marked, min(size)):
        mark.draw(flat(GREY, *size).planes)


def test_texts_are_drawn_once() -> None:
    cards = Cards()
    assert cards.name("Ann", 100, 60) is cards.name("Ann", 100, 60)
    assert cards.name("Ann", 100, 60) is not cards.name("Ann", 100, 62)


def test_fine_lines_do_not_flicker_when_made_small() -> None:
    """Lines of one pixel become an even grey whatever their position."""
    lines = np.zeros((360, 640), np.uint8)
    lines[:, ::2] = 255
    small = np.zeros((90, 160), np.uint8)
    Scaler().fill(small, lines)
    assert small.min() > 120
    assert small.max() < 135


def test_scaling_writes_into_its_target() -> None:
    """OpenCV would quietly make a new array if the target did not fit."""
    source_plane = np.full((90, 160), 200, np.uint8)
    for size in ((90, 160), (60, 100), (45, 80), (20, 31), (300, 500)):
        canvas = np.zeros((400, 600), np.uint8)
        Scaler().fill(canvas[10 : 10 + size[0], 20 : 20 + size[1]], source_plane)
        assert (canvas == 200).sum() == size[0] * size[1]
