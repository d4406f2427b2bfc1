"""Somebody is moved: here they are asked for, there they are let in, and here they are let go."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from proto.base import Refused
from proto.conference import (
    ConferenceEnded,
    ConferenceEvent,
    EndConference,
    Join,
    Leave,
    Lock,
    Origin,
    ParticipantJoined,
    ParticipantLeft,
    SettleTransfer,
    StartPresenting,
    Transfer,
)
from services.conference_state.core import TRANSFERRED, Vmr, decide
from services.conference_state.core.view import ARRIVALS
from tests.support.conference import CLIP, HOSTED, OPEN, START, Story, dial, join, kinds

STUDIO = Vmr("Studio")
PINNED = Vmr("Studio", pin="1234", guest_pin="5678", allow_guests=True)
ORIGIN = Origin("c1", "ann")


def transfer(who: str = "ann", **more: Any) -> Transfer:
    given: dict[str, Any] = {"target": "c2", "successor": "ann2", "instance": "i9"} | more
    return Transfer("c1", who, **given)


def settle(code: str = "", successor: str = "ann2") -> SettleTransfer:
    return SettleTransfer("c1", "ann", successor, code, f"it is {code}" if code else "")


def arrive(who: str = "ann2", **more: Any) -> Join:
    return Join("c1", who, "Ann", "i9", media=CLIP, origin=ORIGIN, **more)


def here() -> Story:
    """A story with Ann, Bob and a stream in it."""
    story = Story()
    story.tell(join("ann", "chair"), join("bob"), dial("tube"))
    return story


def asked(
    story: Story, command: Transfer, there: Vmr | None = STUDIO
) -> list[ConferenceEvent] | Refused:
    return decide(story.view, command, story.now, there)


def requested(**more: Any) -> Story:
    story = here()
    story.vmr = STUDIO
    story.tell(transfer(**more))
    return story


@pytest.mark.parametrize(
    ("command", "there", "code", "field"),
    [
        pytest.param(transfer("nobody"), STUDIO, "unknown", "participant", id="nobody"),
        pytest.param(transfer("tube"), STUDIO, "invalid", "participant", id="a-call"),
        pytest.param(transfer(), None, "unknown", "target", id="to-nowhere"),
        pytest.param(transfer(target="c1"), STUDIO, "invalid", "target", id="to-here"),
        pytest.param(transfer(pin="9999"), PINNED, "pin", "pin", id="wrong-pin"),
        pytest.param(transfer(pin=""), Vmr("S", pin="1"), "pin", "pin", id="no-pin"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    command: Transfer, there: Vmr | None, code: str, field: str
) -> None:
    outcome = asked(here(), command, there)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.field) == (code, field)


@pytest.mark.parametrize(
    ("given", "there", "role"),
    [
        pytest.param({}, PINNED, "guest", id="guest-unless-said"),
        pytest.param({"role": "chair"}, PINNED, "chair", id="as-said"),
        pytest.param({"pin": "1234"}, PINNED, "chair", id="the-host-pin"),
        pytest.param({"pin": "5678", "role": "chair"}, PINNED, "guest", id="the-guest-pin-decides"),
        pytest.param({"pin": ""}, STUDIO, "chair", id="where-no-pin-is-needed"),
    ],
)
def test_the_role_is_settled_when_it_is_asked_for(
    given: dict[str, Any], there: Vmr, role: str
) -> None:
    outcome = asked(here(), transfer(**given), there)
    assert not isinstance(outcome, Refused)
    [event] = outcome
    assert getattr(event, "role", "") == role
    assert b"1234" not in msgspec.json.encode(event)
    assert b"5678" not in msgspec.json.encode(event)


def test_who_is_asked_for_stays_until_they_are_let_in() -> None:
    story = requested()
    assert story.who() == ["ann", "bob", "tube"]
    ann = story.view.find("ann")
    assert ann is not None
    assert ann.transfer is not None
    assert ann.transfer.pending()


def test_the_same_wish_again_changes_nothing_and_another_one_is_refused() -> None:
    story = requested()
    assert story.tell(transfer()) == []
    assert story.refused(transfer(successor="ann3")) == ("invalid", "participant")


def test_who_has_been_let_in_there_is_let_go_here() -> None:
    story = requested()
    [left] = story.tell(settle())
    assert left == ParticipantLeft(START, "ann", TRANSFERRED)
    assert story.tell(settle()) == []


def test_who_presented_stops_here() -> None:
    story = here()
    story.tell(StartPresenting("c1", "ann"))
    story.vmr = STUDIO
    assert kinds(story.tell(transfer(), settle())) == [
        "TransferRequested",
        "PresentationStopped",
        "ParticipantLeft",
    ]


def test_the_last_one_who_goes_ends_the_conference() -> None:
    story = Story()
    story.tell(join("ann", "chair"), dial("tube"), transfer())
    assert isinstance(story.tell(settle())[-1], ConferenceEnded)


def test_who_is_refused_there_stays_with_the_reason() -> None:
    story = requested()
    story.tell(settle("full"))
    ann = story.view.find("ann")
    assert ann is not None
    assert ann.transfer is not None
    assert (ann.transfer.code, ann.transfer.reason) == ("full", "it is full")
    assert story.tell(transfer(successor="ann3")), "they may be asked for anew"


@pytest.mark.parametrize(
    ("first", "then", "outcome"),
    [
        pytest.param(settle(), settle("full"), "gone", id="let-in-and-then-refused"),
        pytest.param(settle("full"), settle("locked"), "full", id="refused-twice"),
        pytest.param(settle("full"), settle(), "refused", id="refused-and-then-let-in"),
        pytest.param(settle("full", "old"), settle(), "gone", id="what-is-said-of-another-one"),
    ],
)
def test_of_two_answers_the_first_is_right(
    first: SettleTransfer, then: SettleTransfer, outcome: str
) -> None:
    story = requested()
    story.tell(first)
    if outcome == "refused":
        assert story.refused(then) == ("invalid", "participant")
        return
    story.tell(then)
    ann = story.view.find("ann")
    assert (ann.transfer.code if ann and ann.transfer else "gone") == outcome


@pytest.mark.parametrize("meanwhile", [Leave("c1", "ann"), EndConference("c1")], ids=repr)
@pytest.mark.parametrize("answer", [settle(), settle("full")], ids=["let-in", "refused"])
def test_who_is_gone_meanwhile_needs_no_answer(meanwhile: Any, answer: SettleTransfer) -> None:
    story = requested()
    story.tell(meanwhile)
    assert story.tell(answer) == []


def test_who_arrives_is_known_to_have_arrived_whatever_comes_then() -> None:
    story = Story()
    joined = story.tell(arrive())[-1]
    assert isinstance(joined, ParticipantJoined)
    assert joined.origin == ORIGIN
    assert story.tell(arrive()) == []
    story.tell(Leave("c1", "ann2"))
    assert not story.view.running
    assert story.tell(arrive()) == [], "a second delivery of the request brings nobody back"
    story.tell(join("bob"))
    assert story.tell(arrive()) == [], "nor does it in a later instance"


def test_only_so_many_arrivals_are_kept_in_mind() -> None:
    story = Story()
    story.tell(*(arrive(f"ann-{n}") for n in range(ARRIVALS + 5)))
    assert len(story.view.arrived) == ARRIVALS
    assert story.view.arrived[-1] == f"ann-{ARRIVALS + 4}"


def test_the_rules_of_where_they_come_hold() -> None:
    full = Story(Vmr("Studio", participant_limit=1))
    full.tell(join("bob"))
    assert full.refused(arrive()) == ("full", "conference")

    locked = Story(OPEN)
    locked.tell(join("bob"), Lock("c1"), arrive())
    assert locked.state_of("ann2") == "waiting"

    hosted = Story(HOSTED)
    hosted.tell(arrive(role="guest"))
    assert hosted.state_of("ann2") == "waiting"
    hosted.wait(timedelta(seconds=HOSTED.waiting_for_chair_timeout).total_seconds())
    assert hosted.state_of("ann2") == "gone"
