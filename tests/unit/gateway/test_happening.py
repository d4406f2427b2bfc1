"""What a client is told of its conference as it changes."""

import msgspec
import pytest

from proto.conference import Lock, StartPresenting, StopPresenting
from proto.media import FeedSpec
from proto.mixer import LayoutChanged, Slot
from services.gateway.core.client import flags, participants
from services.gateway.core.happening import Seen, news, seen
from tests.support.conference import START, Story, join

PATH = "/api/client/v2/conferences/town-hall/participants/"


def now(story: Story, stage: tuple[str, ...] = (), layouts: tuple[LayoutChanged, ...] = ()) -> Seen:
    people = participants(story.view, "town-hall", PATH)
    levels = dict.fromkeys(stage, 50)
    return seen(story.view, people, flags(story.view), stage, levels, layouts)


def names(before: Seen | None, after: Seen) -> list[str]:
    return [name for name, _ in news(before, after)]


def change(content: str, *, streaming: bool = False, view: str = "1:7") -> LayoutChanged:
    feed = FeedSpec("c1", content, streaming=streaming)  # type: ignore[arg-type]
    return LayoutChanged(START, "c1", feed, view, [Slot("main", "ann"), Slot("pip", "bob")])


def test_at_first_all_is_told_between_two_marks() -> None:
    story = Story()
    story.tell(join("ann"), join("bob"))
    assert names(None, now(story)) == [
        "participant_sync_begin",
        "participant_create",
        "participant_create",
        "participant_sync_end",
        "conference_update",
    ]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (Lock("c1"), ["conference_update"]),
        (join("cat"), ["participant_create"]),
        (StartPresenting("c1", "ann"), ["participant_update", "presentation_start"]),
    ],
)
def test_then_what_has_changed(command: Lock | StartPresenting, told: list[str]) -> None:
    story = Story()
    story.tell(join("ann"), join("bob"))
    before = now(story)
    story.tell(command)
    assert names(before, now(story)) == told
    assert names(now(story), now(story)) == []


def test_who_presents_is_named() -> None:
    story = Story()
    story.tell(join("ann"))
    before = now(story)
    story.tell(StartPresenting("c1", "ann"))
    after = now(story)
    told = dict(news(before, after))["presentation_start"]
    assert (told["presenter_name"], told["presenter_uuid"]) == ("Ann", "ann")
    story.tell(StopPresenting("c1", "ann"))
    assert ("presentation_stop", None) in news(after, now(story))


def test_the_stage_and_the_picture_that_people_see_are_told() -> None:
    story = Story()
    story.tell(join("ann"), join("bob"))
    layouts = (change("single", streaming=True, view="1:0"), change("single"))
    told = dict(news(now(story), now(story, ("bob", "ann"), layouts)))
    assert [one["participant_uuid"] for one in told["stage"]] == ["bob", "ann"]
    assert (told["layout"]["view"], told["layout"]["participants"]) == ("1:7", ["ann", "bob"])
    assert msgspec.json.encode(told["layout"])
