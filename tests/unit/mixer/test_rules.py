"""What applies to a feed."""

from typing import Any

import msgspec
import pytest

from proto.conference import StreamingTransforms, Transforms
from proto.media import FeedSpec
from proto.views import ConferenceView
from services.mixer.core.rules import rules
from tests.unit.mixer.people import room

PEOPLE = FeedSpec("c")
STREAM = FeedSpec("c", streaming=True)
GUESTS = FeedSpec("c", audience="guests")
GUEST_STREAM = FeedSpec("c", audience="guests", streaming=True)


def view(layout: str = "1:7", guest: str = "", **transforms: Any) -> ConferenceView:
    streaming = transforms.pop("streaming", None)
    said = Transforms(
        **transforms, streaming=StreamingTransforms(**streaming) if streaming else None
    )
    return msgspec.structs.replace(room(layout=layout), guest_layout=guest, transforms=said)


@pytest.mark.parametrize(
    ("conference", "feed", "layout"),
    [
        pytest.param(view("9:0"), PEOPLE, "9:0", id="the-conferences"),
        pytest.param(view("9:0"), STREAM, "9:0", id="a-stream-of-which-nothing-is-said"),
        pytest.param(view(streaming={"layout": "1:0"}), STREAM, "1:0", id="the-streams"),
        pytest.param(view(streaming={"layout": "1:0"}), PEOPLE, "1:7", id="of-streams-only"),
        pytest.param(
            view(guest="4:0", streaming={"layout": "1:0"}), GUEST_STREAM, "1:0",
            id="whatever-the-role",
        ),
        pytest.param(view("ac", streaming={"layout": "1:0"}), STREAM, "ac", id="not-over-ac"),
        pytest.param(view("1:0", streaming={"layout": "ac"}), STREAM, "ac", id="ac-for-streams"),
        pytest.param(view(guest="4:0"), GUESTS, "4:0", id="the-guests"),
        pytest.param(view(guest="4:0"), PEOPLE, "1:7", id="of-guests-only"),
        pytest.param(view(), GUESTS, "1:7", id="guests-see-the-same"),
        pytest.param(view(guest="4:0"), GUEST_STREAM, "4:0", id="a-guest-that-is-a-stream"),
        pytest.param(
            view(streaming={"layout": "1:0"}), FeedSpec("c", layout="25:0", streaming=True), "25:0",
            id="the-feeds-own-before-all",
        ),
        pytest.param(view("unheard-of"), PEOPLE, "1:7", id="one-that-we-do-not-have"),
    ],
)  # fmt: skip
def test_which_layout(conference: ConferenceView, feed: FeedSpec, layout: str) -> None:
    assert rules(conference, feed).layout == layout


@pytest.mark.parametrize(
    ("conference", "feed", "field", "then"),
    [
        pytest.param(view(), PEOPLE, "plus_n", True, id="plus-n-unless-told-not-to"),
        pytest.param(view(plus_n_pip_enabled=False), PEOPLE, "plus_n", False, id="no-plus-n"),
        pytest.param(view(plus_n_pip_enabled=False), STREAM, "plus_n", False, id="nor-in-streams"),
        pytest.param(
            view(plus_n_pip_enabled=False, streaming={"plus_n_pip_enabled": True}), STREAM,
            "plus_n", True, id="but-in-streams",
        ),
        pytest.param(
            view(streaming={"plus_n_pip_enabled": False}), PEOPLE, "plus_n", True,
            id="not-only-in-streams",
        ),
        pytest.param(view(), PEOPLE, "in_mix", False, id="presentation-alone"),
        pytest.param(view("ac"), PEOPLE, "in_mix", True, id="in-the-mix-of-ac"),
        pytest.param(view("teams"), PEOPLE, "in_mix", True, id="in-the-mix-of-teams"),
        pytest.param(
            view(streaming={"presentation_in_mix": True}), STREAM, "in_mix", True,
            id="in-the-mix-of-streams",
        ),
        pytest.param(
            view(streaming={"presentation_in_mix": True}), PEOPLE, "in_mix", False,
            id="of-streams-only",
        ),
        pytest.param(
            view("ac", streaming={"presentation_in_mix": False}), STREAM, "in_mix", False,
            id="not-in-the-mix-of-streams",
        ),
        pytest.param(
            view(streaming={"waiting_screen_enabled": True}), STREAM, "waiting_screen", True,
            id="waiting-screen",
        ),
        pytest.param(
            view(streaming={"waiting_screen_enabled": True}), PEOPLE, "waiting_screen", False,
            id="people-do-not-wait",
        ),
        pytest.param(view(enable_extended_ac=True), PEOPLE, "extended", True, id="extended"),
    ],
)  # fmt: skip
def test_what_applies(conference: ConferenceView, feed: FeedSpec, field: str, then: object) -> None:
    assert getattr(rules(conference, feed), field) == then
