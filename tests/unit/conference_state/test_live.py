"""People who are here by their browser: their media comes by calls, so that they have no URL."""

from typing import Any

import pytest

from proto.conference import Join, Role, StartPresenting
from proto.views import ParticipantView
from services.conference_state.core import Vmr
from tests.support.conference import CLIP, HOSTED, RTMPS, Story, kinds

NO_SHOWING = Vmr("Town Hall", pin="1234", allow_guests=True, guests_can_present=False)


def live(who: str, role: Role = "guest", **more: Any) -> Join:
    return Join("c1", who, who.title(), "i1", role, protocol="webrtc", **more)


@pytest.mark.parametrize(
    ("person", "is_live"),
    [
        (ParticipantView("ann", "Ann", "guest", protocol="webrtc"), True),
        (ParticipantView("ann", "Ann", "guest", protocol="webrtc", media=CLIP), False),
        (ParticipantView("ann", "Ann", "guest"), False),
        (ParticipantView("tube", "Tube", "guest", protocol="webrtc", destination=RTMPS), False),
    ],
)
def test_live_is_who_came_by_browser_and_is_read_from_nowhere(
    person: ParticipantView, is_live: bool
) -> None:
    assert person.by_call() == is_live


def test_they_may_present_without_an_address() -> None:
    story = Story()
    story.tell(live("ann"))
    assert kinds(story.tell(StartPresenting("c1", "ann"))) == ["PresentationStarted"]
    assert story.view.presenter == "ann"


def test_they_may_come_in_presenting() -> None:
    story = Story()
    story.tell(live("ann", presenting=True))
    assert story.view.presenter == "ann"


def test_as_guests_they_present_where_guests_may() -> None:
    story = Story(NO_SHOWING)
    story.tell(live("bob", "chair"), live("ann"))
    assert story.refused(StartPresenting("c1", "ann")) == ("forbidden", "participant")


def test_they_wait_for_a_host_as_everybody() -> None:
    story = Story(HOSTED)
    story.tell(live("ann", pin=""))
    assert story.state_of("ann") == "waiting"
    assert story.refused(StartPresenting("c1", "ann")) == ("invalid", "participant")
    story.tell(live("bob", pin="1234"))
    assert story.state_of("ann") == "connected"


def test_whoever_is_read_from_somewhere_must_say_where_their_presentation_is() -> None:
    outcome = Story().refused(live("ann", media=CLIP, presenting=True))
    assert outcome == ("invalid", "presentation")
