"""Given a view and a stage, who is seen where."""

import msgspec
import pytest

from proto.media import FeedSpec
from proto.mixer import Slot
from proto.theme import SplashKind
from proto.views import ConferenceView
from services.mixer.core import layouts
from services.mixer.core.scene import Scene, SourceId, scene
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
    ("view", "feed", "kind"),
    [
        pytest.param(room(), SINGLE, "waiting", id="nobody"),
        pytest.param(room(stream("yt")), SINGLE, "waiting", id="only-streams"),
        pytest.param(room(ANN), PRESENTATION, "no_presentation", id="placeholder"),
        pytest.param(room(ANN), SINGLE, None, id="somebody"),
    ],
)
def test_splash_screens(view: ConferenceView, feed: FeedSpec, kind: SplashKind | None) -> None:
    made = scene(view, (), ALL, feed)
    assert (made.splash, made.name) == (kind, "Town hall" if kind else "")


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
