"""Given a view and a stage, who is seen where."""

from typing import Any

import msgspec
import pytest

from proto.conference import StreamingTransforms, Transforms
from proto.media import FeedSpec
from proto.mixer import Slot
from proto.views import ConferenceView
from services.mixer.core import layouts
from services.mixer.core.scene import (
    NO_PRESENTATION,
    STREAM_WAITING,
    WAITING,
    Scene,
    SourceId,
    scene,
)
from tests.unit.mixer.people import person, room, source, stream

SINGLE = FeedSpec("c")
MAIN = FeedSpec("c", content="main")
PRESENTATION = FeedSpec("c", content="presentation")
ANN, BOB, CAT = person("ann", presents=True), person("bob"), person("cat")
ALL = {source("ann"), source("bob"), source("cat"), source("ann", "presentation")}


def slots(made: Scene) -> list[tuple[str, str]]:
    return [(slot.kind, slot.participant) for slot in made.slots]


@pytest.mark.parametrize(
    ("view", "stage", "feed", "then"),
    [
        pytest.param(
            room(ANN, BOB, CAT), ("cat", "ann", "bob"), SINGLE,
            [("main", "cat"), ("pip", "ann"), ("pip", "bob")], id="speaker-large-rest-as-they-came",
        ),
        pytest.param(
            room(ANN, BOB, CAT, layout="1:0"), ("bob",), SINGLE, [("main", "bob")], id="1:0",
        ),
        pytest.param(
            room(ANN, BOB), ("bob",), FeedSpec("c", layout="1:0"), [("main", "bob")],
            id="the-feed-chooses-the-layout",
        ),
        pytest.param(
            room(ANN, BOB), (), SINGLE, [("main", "ann"), ("pip", "bob")], id="nobody-spoke-yet",
        ),
        pytest.param(
            room(ANN, stream("yt")), ("ann",), SINGLE, [("main", "ann")], id="streams-are-not-seen",
        ),
        pytest.param(
            room(ANN, person("api", media=False)), ("ann",), SINGLE, [("main", "ann")],
            id="without-media-no-tile",
        ),
        pytest.param(
            room(ANN, BOB, presenter="ann"), ("bob",), SINGLE,
            [("presentation", "ann"), ("inset", "bob")], id="presentation-with-speaker",
        ),
        pytest.param(
            room(ANN, BOB, presenter="ann"), ("bob",), MAIN,
            [("main", "bob"), ("pip", "ann")], id="main-never-shows-it",
        ),
        pytest.param(
            room(ANN, BOB, presenter="ann"), ("bob",), PRESENTATION,
            [("presentation", "ann")], id="presentation-alone",
        ),
        pytest.param(room(ANN, BOB), ("bob",), PRESENTATION, [], id="nothing-is-presented"),
        pytest.param(
            room(ANN, BOB, presenter="ann"), ("bob",), FeedSpec("c", inset=False),
            [("presentation", "ann")], id="without-the-speakers-window",
        ),
        pytest.param(
            room(ANN, BOB, CAT, presenter="ann", layout="ac"), ("bob",), SINGLE,
            [("presentation", "ann"), ("main", "bob"), ("pip", "ann"), ("pip", "cat")],
            id="ac-shows-it-with-the-speaker-beside-it",
        ),
        pytest.param(
            room(ANN, BOB, presenter="ann", layout="ac"), ("bob",), MAIN,
            [("main", "bob"), ("main", "ann")], id="main-never-shows-it-in-ac-either",
        ),
        pytest.param(
            room(ANN, BOB, CAT, presenter="ann", layout="teams"), ("bob",), SINGLE,
            [("presentation", "ann"), ("pip", "ann"), ("pip", "bob"), ("pip", "cat")],
            id="teams-shows-it-beside-equals",
        ),
        pytest.param(
            room(ANN, BOB, CAT, layout="9:0"), ("cat",), SINGLE,
            [("main", "ann"), ("main", "bob"), ("main", "cat")], id="equals-as-they-came",
        ),
        pytest.param(
            room(ANN, BOB, CAT, layout="2:21"), ("cat", "bob"), SINGLE,
            [("main", "bob"), ("main", "cat"), ("pip", "ann")], id="two-who-spoke-last",
        ),
        pytest.param(room(), (), SINGLE, [], id="nobody"),
        pytest.param(
            room(ANN, presenter="gone"), ("ann",), SINGLE, [("main", "ann")],
            id="a-presenter-who-left",
        ),
    ],
)  # fmt: skip
def test_who_is_where(
    view: ConferenceView, stage: tuple[str, ...], feed: FeedSpec, then: list[tuple[str, str]]
) -> None:
    assert slots(scene(view, stage, ALL, feed)) == then


def test_a_presentation_fills_the_picture_and_the_inset_lies_in_front_of_it() -> None:
    made = scene(room(ANN, BOB, presenter="ann"), ("bob",), ALL, SINGLE)
    back, front = made.tiles
    assert back.rect == layouts.whole(1280, 720)
    assert back.whole
    assert back.source == SourceId("ann", "presentation")
    assert front.rect == layouts.inset(1280, 720)
    assert not front.whole


def test_of_many_those_who_spoke_last_are_seen() -> None:
    people = [person(f"p{n}") for n in range(12)]
    made = scene(room(*people), ("p11", "p10", "p9"), set(), SINGLE)
    assert slots(made)[0] == ("main", "p11")
    seen = [slot.participant for slot in made.slots]
    assert seen[1:] == ["p0", "p1", "p2", "p3", "p4", "p9", "p10"]


def test_a_new_speaker_changes_places_with_the_old_one_and_moves_nobody_else() -> None:
    people = room(*(person(f"p{n}") for n in range(5)))
    before = slots(scene(people, ("p1",), set(), SINGLE))
    after = slots(scene(people, ("p2", "p1"), set(), SINGLE))
    moved = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert len(moved) == 2


def test_who_cannot_be_seen_has_a_card() -> None:
    made = scene(room(ANN, BOB), ("ann",), {source("ann")}, SINGLE)
    assert [(tile.source, tile.name) for tile in made.tiles] == [
        (source("ann"), "Ann"),
        (None, "Bob"),
    ]
    assert made.wanted() == {source("ann"), source("bob")}
    assert made.sources() == {source("ann")}


def test_labels_are_written_into_pictures_but_not_onto_cards() -> None:
    made = scene(room(ANN, BOB), ("ann",), {source("ann")}, SINGLE, labels=True)
    assert [tile.label for tile in made.tiles] == [True, False]


@pytest.mark.parametrize(
    ("view", "feed", "text"),
    [
        pytest.param(room(), SINGLE, f"Town hall\n{WAITING}", id="nobody"),
        pytest.param(room(stream("yt")), SINGLE, f"Town hall\n{WAITING}", id="only-streams"),
        pytest.param(room(ANN), PRESENTATION, f"Town hall\n{NO_PRESENTATION}", id="placeholder"),
        pytest.param(
            msgspec.structs.replace(room(), name=""), SINGLE, WAITING, id="nameless-conference"
        ),
    ],
)
def test_slates(view: ConferenceView, feed: FeedSpec, text: str) -> None:
    assert scene(view, (), ALL, feed).slate == text


def transformed(view: ConferenceView, **changes: Any) -> ConferenceView:
    return msgspec.structs.replace(view, transforms=Transforms(**changes))


STREAM = FeedSpec("c", streaming=True)


def test_a_presentation_in_the_mix_takes_the_large_place_and_the_speaker_is_below() -> None:
    streaming = StreamingTransforms(presentation_in_mix=True)
    view = transformed(room(ANN, BOB, presenter="ann"), streaming=streaming)

    made = scene(view, ("bob",), ALL, STREAM)

    assert slots(made) == [("presentation", "ann"), ("pip", "ann"), ("pip", "bob")]
    assert made.tiles[0].whole
    assert slots(scene(view, ("bob",), ALL, SINGLE))[1] == ("inset", "bob")


@pytest.mark.parametrize("content", ["single", "main", "presentation"])
def test_streams_wait_behind_a_screen_and_others_do_not(content: Any) -> None:
    streaming = StreamingTransforms(waiting_screen_enabled=True)
    view = transformed(room(ANN, BOB, presenter="ann"), streaming=streaming)

    waits = scene(view, ("bob",), ALL, FeedSpec("c", content, streaming=True))

    assert (waits.slate, waits.slots) == (f"Town hall\n{STREAM_WAITING}", ())
    assert waits.wanted() == frozenset()
    assert scene(view, ("bob",), ALL, FeedSpec("c", content)).slate is None


@pytest.mark.parametrize(
    ("layout", "people", "more"),
    [
        ("1:7", 8, 0),
        ("1:7", 9, 1),
        ("9:0", 40, 31),
        ("1:0", 9, 0),
        ("ac", 13, 1),
        ("teams", 20, 4),
    ],
)
def test_the_last_thumbnail_tells_how_many_are_not_seen(
    layout: str, people: int, more: int
) -> None:
    view = room(*(person(f"p{n}") for n in range(people)), layout=layout)

    told = [tile.more for tile in scene(view, (), set(), SINGLE).tiles]

    assert told[-1] == more
    assert not any(told[:-1])
    quiet = transformed(view, plus_n_pip_enabled=False)
    assert not any(tile.more for tile in scene(quiet, (), set(), SINGLE).tiles)


def test_the_active_speaker_has_a_frame_where_that_is_enabled_and_there_are_others() -> None:
    view = room(ANN, BOB, CAT, layout="4:0")
    assert not any(tile.speaks for tile in scene(view, ("bob",), ALL, SINGLE).tiles)

    view = msgspec.structs.replace(view, enable_active_speaker_indication=True)
    assert [tile.speaks for tile in scene(view, ("bob",), ALL, SINGLE).tiles] == [0, 1, 0]
    alone = scene(view, ("bob",), ALL, FeedSpec("c", layout="1:0"))
    assert [tile.speaks for tile in alone.tiles] == [False]


def test_names_are_written_where_overlay_text_is_enabled() -> None:
    view = msgspec.structs.replace(room(ANN, BOB), enable_overlay_text=True)

    made = scene(view, ("ann",), {source("ann")}, SINGLE)

    assert [tile.label for tile in made.tiles] == [True, False]


def test_free_texts_stand_instead_of_names_by_place_on_cards_too() -> None:
    view = transformed(room(ANN, BOB, CAT), free_form_overlay_text=("Chair", "Guest"))

    made = scene(view, ("ann",), {source("ann")}, SINGLE)

    assert [(tile.text, tile.label) for tile in made.tiles] == [
        ("Chair", True),
        ("Guest", True),
        ("", False),
    ]


def test_in_a_conference_of_sound_alone_everybody_is_a_card_and_nothing_is_decoded() -> None:
    view = msgspec.structs.replace(room(ANN, BOB, presenter="ann"), call_type="audio")

    made = scene(view, ("bob",), ALL, SINGLE)

    assert [tile.source for tile in made.tiles] == [source("ann", "presentation"), None]
    assert made.wanted() == {source("ann", "presentation")}
    assert scene(view, (), ALL, MAIN).sources() == frozenset()


def test_a_composition_goes_by_its_own_order_and_by_shapes() -> None:
    people = [person(f"p{n}") for n in range(6)]
    everybody = {source(f"p{n}") for n in range(6)}
    order = ("p4", "p3", "p5", "p0", "p1")

    made = scene(
        room(*people, layout="ac"), ("p0",), everybody, SINGLE, order=order,
        shapes={source("p3"): 9 / 16},
    )  # fmt: skip

    assert [slot.participant for slot in made.slots] == [*order, "p2"]
    assert made.tiles[1].rect.width < made.tiles[0].rect.width / 2


def test_equal_inputs_make_equal_scenes() -> None:
    """This is how a compositor knows that nothing has to be drawn."""
    assert scene(room(ANN, BOB), ("bob",), ALL, SINGLE) == scene(
        room(ANN, BOB), ("bob",), set(ALL), SINGLE
    )


def test_slots_are_words_of_the_bus() -> None:
    assert scene(room(ANN), ("ann",), ALL, SINGLE).slots == (Slot("main", "ann"),)


def lecture() -> ConferenceView:
    """A Virtual Auditorium: a Host, two Guests, a stream, and one who waits."""
    host = msgspec.structs.replace(ANN, role="chair")
    waiting = msgspec.structs.replace(person("dan"), state="waiting")
    view = room(BOB, host, CAT, stream("yt"), waiting)
    return msgspec.structs.replace(view, service_type="lecture", guest_layout="1:0")


def test_a_feed_for_guests_of_a_virtual_auditorium_shows_hosts_in_the_guests_layout() -> None:
    made = scene(lecture(), ("cat", "ann"), ALL, FeedSpec("c", audience="guests"))

    assert (made.view, slots(made)) == ("1:0", [("main", "ann")])


def test_a_feed_for_all_shows_everybody_but_those_who_wait() -> None:
    made = scene(lecture(), ("cat", "dan"), ALL | {source("dan")}, SINGLE)

    assert (made.view, [who for _, who in slots(made)]) == ("1:7", ["cat", "bob", "ann"])
