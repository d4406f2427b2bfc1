"""Who may do what by the client API."""

from typing import get_args

import msgspec
import pytest

from proto.views import ConferenceView, ParticipantView
from services.gateway.core.rights import OfParticipant, may, may_run

HOST = ParticipantView("ann", "Ann", "chair")
GUEST = ParticipantView("bob", "Bob", "guest")
OTHER = ParticipantView("cat", "Cat", "guest")
VIEW = ConferenceView("c1", 1, running=True, participants=[HOST, GUEST, OTHER])
EVERYTHING = set(get_args(OfParticipant))
OWN = {"disconnect", "mute", "unmute", "take_floor", "release_floor", "calls"}


def waiting(person: ParticipantView) -> ParticipantView:
    return msgspec.structs.replace(person, state="waiting")


def allowed(who: ParticipantView, whom: str, view: ConferenceView = VIEW) -> set[str]:
    return {what for what in get_args(OfParticipant) if may(view, who, what, whom)}


@pytest.mark.parametrize(
    ("who", "whom", "what"),
    [
        (HOST, "ann", EVERYTHING),
        (HOST, "bob", EVERYTHING - {"calls"}),
        (GUEST, "bob", OWN),
        (GUEST, "ann", set()),
        (GUEST, "cat", set()),
        (waiting(GUEST), "bob", {"disconnect"}),
        (waiting(GUEST), "ann", set()),
        (waiting(HOST), "ann", {"disconnect"}),
        (waiting(HOST), "bob", set()),
    ],
)
def test_hosts_may_do_all_but_make_calls_of_others_and_guests_their_own(
    who: ParticipantView, whom: str, what: set[str]
) -> None:
    assert allowed(who, whom) == what


def test_guests_present_where_guests_may() -> None:
    view = msgspec.structs.replace(VIEW, guests_can_present=False)
    assert allowed(GUEST, "bob", view) == OWN - {"take_floor"}
    assert "take_floor" in allowed(HOST, "ann", view)


def test_a_guest_who_was_muted_with_all_guests_stays_so() -> None:
    view = msgspec.structs.replace(VIEW, guests_muted=True)
    assert allowed(GUEST, "bob", view) == OWN - {"unmute"}


def test_hosts_who_are_in_run_the_conference() -> None:
    assert may_run(HOST)
    assert not may_run(GUEST)
    assert not may_run(waiting(HOST))
