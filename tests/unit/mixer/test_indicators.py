"""Given what happens to a conference and when, which indicators are seen and how far texts are out.

`>>` is what happens, `<<` what is seen.
"""

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from proto.conference import StreamingTransforms, Transforms
from proto.media import FeedSpec
from proto.views import ConferenceView
from services.mixer.core.indicators import Indicator, State, follow, in_feed, indicators
from services.mixer.core.theme import Badge, Look, Manner
from tests.unit.mixer.people import person, room

MANNER = Manner(text_every=120, text_for=5, slide_for=0.5, fade_for=0.4)
BADGES = {
    "streaming": Badge(text="Streaming enabled"),
    "public_streaming": Badge(text="Streaming publicly"),
    "recording": Badge(text="Recording"),
    "transcribing": Badge(text=""),
    "live_captions": Badge(text="Captions"),
    "ai_enabled": Badge(enabled=False, text="AI"),
}
ANN, BOB, CAT = person("ann"), person("bob"), person("cat")
FPS = 30


class Watching:
    """A conference, and whoever looks at it thirty times a second."""

    def __init__(self, manner: Manner = MANNER) -> None:
        self.look = Look(manner, BADGES)  # type: ignore[arg-type]
        self.state, self.now = State(), 1000.0
        self.view = room(ANN, BOB)
        self.happens()

    def happens(self, **changes: Any) -> None:
        """>>"""
        self.view = msgspec.structs.replace(self.view, **changes)
        self.state = follow(self.state, self.view, self.look.manner, self.now)

    def sees(self) -> dict[str, Indicator]:
        """<<"""
        return {one.kind: one for one in indicators(self.state, self.look, self.now)}

    def out(self, kind: str = "streaming") -> float:
        return round(self.sees()[kind].out, 3)

    def wait(self, seconds: float) -> list[float]:
        """How far the text of streaming was out, picture by picture."""
        until, outs = self.now + seconds, []
        while self.now < until - 1e-6:
            self.now += 1 / FPS
            self.state = follow(self.state, self.view, self.look.manner, self.now)
            if one := self.sees().get("streaming"):
                outs.append(one.out)
        return outs


def smooth(outs: list[float]) -> bool:
    """No step is larger than one that an eased movement of half a second makes."""
    return max(abs(b - a) for a, b in pairwise(outs)) <= 1.5 / (0.5 * FPS) + 1e-9


def test_nothing_is_seen_while_nothing_is_on() -> None:
    watching = Watching()
    assert watching.sees() == {}
    watching.wait(300)
    assert watching.sees() == {}


def test_it_is_there_within_a_second_and_gone_within_a_second() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    watching.wait(0.9)
    assert watching.sees()["streaming"] == Indicator("streaming", 1.0, 1.0, 1.0)
    watching.wait(20)
    watching.happens(streaming_indicator=False)
    watching.wait(0.2)
    assert 0 < watching.sees()["streaming"].opacity + watching.sees()["streaming"].room < 2
    watching.wait(0.7)
    assert watching.sees() == {}


def test_the_text_slides_out_stays_and_slides_back_smoothly() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    outs = watching.wait(8)
    assert smooth(outs)
    assert outs[FPS] == 1.0
    assert outs[5 * FPS] == 1.0
    assert outs[6 * FPS + 1] == 0.0
    assert watching.sees()["streaming"].opacity == 1.0


def test_it_slides_out_again_every_two_minutes() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    watching.wait(119.9)
    assert watching.out() == 0.0
    outs = watching.wait(3)
    assert (outs[0], outs[-1], smooth(outs)) == (0.0, 1.0, True)
    watching.wait(5)
    assert watching.out() == 0.0
    watching.wait(111)
    assert watching.out() == 0.0
    watching.wait(3)
    assert watching.out() == 1.0


def test_it_slides_out_when_somebody_joins_and_two_minutes_after_that() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    watching.wait(60)
    watching.happens(participants=[ANN, BOB, CAT])
    watching.wait(1)
    assert watching.out() == 1.0
    watching.wait(60)
    assert watching.out() == 0.0, "two minutes count from the last time"
    watching.wait(61)
    assert watching.out() == 1.0


def test_who_leaves_or_calls_a_stream_makes_nothing_slide() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    watching.wait(10)
    watching.happens(participants=[ANN])
    watching.wait(1)
    assert watching.out() == 0.0


def test_who_joins_while_the_text_is_out_keeps_it_out() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    outs = watching.wait(4)
    watching.happens(participants=[ANN, BOB, CAT])
    outs += watching.wait(5)
    assert watching.out() == 1.0
    outs += watching.wait(2)
    assert watching.out() == 0.0
    assert smooth(outs)


@pytest.mark.parametrize("after", [0.1, 0.3, 5.6, 5.75, 5.95])
def test_who_joins_while_the_text_moves_turns_it_where_it_is(after: float) -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    outs = watching.wait(after)
    watching.happens(participants=[ANN, BOB, CAT])
    outs += watching.wait(2)
    assert watching.out() == 1.0
    assert smooth(outs)


def test_several_are_seen_at_once_in_a_fixed_order() -> None:
    watching = Watching()
    watching.happens(recording_indicator=True)
    watching.wait(1)
    watching.happens(streaming_indicator=True, transcribing_indicator=True)
    watching.wait(1)
    assert list(watching.sees()) == ["streaming", "recording", "transcribing"]
    assert watching.sees()["transcribing"].out == 0.0, "it has no text"


def test_one_that_goes_and_comes_back_at_once_goes_on_from_where_it_is() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    watching.wait(10)
    watching.happens(streaming_indicator=False)
    watching.wait(0.1)
    faded = watching.sees()["streaming"].opacity
    watching.happens(streaming_indicator=True)
    assert 0 < faded < 1
    assert watching.sees()["streaming"].opacity == faded


def test_public_streaming_takes_the_place_of_streaming() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True, public_streaming=True)
    watching.wait(1)
    assert list(watching.sees()) == ["public_streaming"]


def test_transforms_show_what_nobody_can_know_and_themes_hide_what_they_like() -> None:
    watching = Watching()
    watching.happens(transforms=Transforms(live_captions_indicator=True, ai_enabled_indicator=True))
    watching.wait(1)
    assert list(watching.sees()) == ["live_captions"]
    watching.look = msgspec.structs.replace(watching.look, manner=Manner(enabled=False))
    assert watching.sees() == {}


def test_a_theme_sets_the_times() -> None:
    watching = Watching(Manner(text_on_join=False, text_every=10, text_for=1, slide_for=0.1))
    watching.happens(streaming_indicator=True)
    watching.wait(3)
    watching.happens(participants=[ANN, BOB, CAT])
    watching.wait(1)
    assert watching.out() == 0.0
    watching.wait(6.6)
    assert watching.out() == 1.0
    never = Watching(Manner(text_every=0, text_for=1))
    never.happens(streaming_indicator=True)
    assert sum(never.wait(3)) > 0
    assert sum(never.wait(500)) == 0


def test_a_theme_that_is_put_on_sets_them_at_once() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    watching.wait(20)
    watching.look = Look(msgspec.structs.replace(MANNER, text_every=10), BADGES)  # type: ignore[arg-type]
    watching.wait(11)
    assert watching.out() == 1.0


def test_after_a_pause_of_the_mix_texts_keep_their_beat() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    watching.wait(10)
    watching.now += 3 * 120
    watching.wait(1)
    assert watching.out() == 0.0
    watching.wait(110)
    assert watching.out() == 1.0


def test_when_the_conference_is_over_they_go() -> None:
    watching = Watching()
    watching.happens(streaming_indicator=True)
    watching.wait(1)
    watching.happens(running=False, participants=[])
    watching.wait(1)
    assert watching.sees() == {}


def quiet(on: bool | None) -> ConferenceView:
    transforms = Transforms(streaming=StreamingTransforms(indicators_enabled=on))
    return msgspec.structs.replace(room(ANN), transforms=transforms)


@pytest.mark.parametrize(
    ("view", "feed", "seen"),
    [
        (room(ANN), FeedSpec("c"), True),
        (room(ANN), FeedSpec("c", streaming=True), True),
        (quiet(False), FeedSpec("c", streaming=True), False),
        (quiet(False), FeedSpec("c"), True),
        (quiet(True), FeedSpec("c", streaming=True), True),
        (quiet(None), FeedSpec("c", "main", streaming=True), True),
        (room(ANN), FeedSpec("c", "presentation"), False),
    ],
)
def test_which_feeds_have_them(view: ConferenceView, feed: FeedSpec, seen: bool) -> None:
    assert in_feed(view, feed) is seen
