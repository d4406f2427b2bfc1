"""PINs, waiting, locking, roles, muting and presenting: who may do what."""

import msgspec
import pytest

from proto.base import Refused
from proto.conference import (
    Admit,
    ConferenceCommand,
    ConferenceLocked,
    GuestsMuted,
    Leave,
    Lock,
    MuteGuests,
    MuteParticipant,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantMuted,
    PresentationStarted,
    PresentationStopped,
    Role,
    RoleChanged,
    SetRole,
    SetSpotlight,
    SpotlightChanged,
    StartPresenting,
)
from services.conference_state.core import Vmr, role_by_pin
from tests.support.conference import HOSTED, OPEN, START, Story, dial, join, kinds

PINS = Vmr("V", pin="1234", guest_pin="5678", allow_guests=True)
HASHED = Vmr("V", pin="123#", guest_pin="56789#", allow_guests=True)
HOSTS_ONLY = Vmr("V", pin="1234")


@pytest.mark.parametrize(
    ("vmr", "pin", "role"),
    [
        (OPEN, "", "chair"),
        (OPEN, "999", "chair"),
        (HOSTS_ONLY, "1234", "chair"),
        (HOSTS_ONLY, "1234#", "chair"),
        (HOSTS_ONLY, "", None),
        (HOSTS_ONLY, "4321", None),
        (HOSTED, "1234", "chair"),
        (HOSTED, "", "guest"),
        (HOSTED, "4321", None),
        (PINS, "1234", "chair"),
        (PINS, "5678", "guest"),
        (PINS, "", None),
        (PINS, "12345678", None),
        (HASHED, "123", "chair"),
        (HASHED, "56789#", "guest"),
        (HASHED, "#", None),
    ],
)
def test_the_pin_decides_on_the_role(vmr: Vmr, pin: str, role: Role | None) -> None:
    found = role_by_pin(vmr, pin)

    if role is None:
        assert isinstance(found, Refused)
        assert (found.code, found.reason, found.field) == ("pin", "Invalid PIN", "pin")
    else:
        assert found == role


def test_a_pin_that_is_given_counts_more_than_the_role_that_is_claimed() -> None:
    story = Story(PINS)
    assert story.refused(join("eve", "chair", pin="0000")) == ("pin", "pin")

    story.tell(join("eve", "chair", pin="5678"))
    assert story.view.find("eve").role == "guest"  # type: ignore[union-attr]
    assert "5678" not in msgspec.json.encode(story.events).decode()


@pytest.mark.parametrize(
    ("vmr", "locked", "host_there", "role", "waits"),
    [
        (OPEN, False, False, "guest", False),
        (OPEN, False, False, "chair", False),
        (OPEN, True, True, "guest", True),
        (OPEN, True, True, "chair", True),
        (HOSTED, False, False, "guest", True),
        (HOSTED, False, False, "chair", False),
        (HOSTED, False, True, "guest", False),
        (HOSTED, True, True, "guest", True),
        (HOSTED, True, True, "chair", False),
    ],
)
def test_who_waits(vmr: Vmr, locked: bool, host_there: bool, role: Role, waits: bool) -> None:
    story = Story(vmr)
    if host_there:
        story.tell(join("ann", "chair"))
    if locked:
        story.tell(Lock("c1"))
    story.tell(join("bob", role))

    assert (story.state_of("bob") == "waiting") is waits


def test_the_first_host_brings_in_everybody_who_waits() -> None:
    story = Story(HOSTED)
    story.tell(join("bob"), join("cat"))

    assert story.tell(join("ann", "chair"))[1:] == [
        ParticipantAdmitted(START, "bob"),
        ParticipantAdmitted(START, "cat"),
    ]


def test_who_waits_is_neither_seen_nor_heard_nor_presents() -> None:
    story = Story(HOSTED)
    story.tell(join("bob", presenting=True))

    assert story.view.shown_to("all") == []
    assert story.view.presenter == ""
    assert story.refused(StartPresenting("c1", "bob")) == ("invalid", "participant")


def test_unlocking_brings_in_everybody_and_admitting_only_one() -> None:
    story = Story(HOSTED)
    story.tell(join("ann", "chair"), Lock("c1"), join("bob"), join("cat"))

    assert story.tell(Admit("c1", "cat")) == [ParticipantAdmitted(START, "cat")]
    assert story.tell(Admit("c1", "cat")) == []
    assert story.tell(Lock("c1", on=False)) == [
        ConferenceLocked(START, False),
        ParticipantAdmitted(START, "bob"),
    ]


def test_nobody_is_let_in_before_a_host_is_there() -> None:
    story = Story(HOSTED)
    story.tell(join("bob"))

    assert story.refused(Admit("c1", "bob")) == ("invalid", "participant")


def test_a_lock_is_gone_with_the_conference() -> None:
    story = Story()
    story.tell(join("ann"), Lock("c1"), Leave("c1", "ann"), join("bob"))

    assert not story.view.locked
    assert story.state_of("bob") == "connected"


def hosted() -> Story:
    """A Host who presents, a Guest, one who waits, and a stream."""
    story = Story(msgspec.structs.replace(HOSTED, guests_can_present=False))
    story.tell(join("ann", "chair", presenting=True), join("bob"), dial("tube"))
    story.tell(Lock("c1"), join("cat"))
    return story


ACCEPTED = [
    (SetRole("c1", "bob", "chair"), [RoleChanged(START, "bob", "chair")]),
    (SetRole("c1", "bob", "guest"), []),
    (SetRole("c1", "cat", "chair"), [RoleChanged(START, "cat", "chair")]),
    (
        SetRole("c1", "ann", "guest"),
        [PresentationStopped(START, "ann"), RoleChanged(START, "ann", "guest")],
    ),
    (MuteParticipant("c1", "bob"), [ParticipantMuted(START, "bob", True)]),
    (MuteParticipant("c1", "bob", on=False), []),
    (MuteGuests("c1"), [GuestsMuted(START, True)]),
    (MuteGuests("c1", on=False), []),
    (Lock("c1"), []),
    (Admit("c1", "bob"), []),
    (StartPresenting("c1", "ann"), []),
]

REFUSED = [
    (SetRole("c1", "tube", "chair"), "invalid"),
    (SetRole("c1", "dan", "chair"), "unknown"),
    (MuteParticipant("c1", "tube"), "invalid"),
    (MuteParticipant("c1", "dan"), "unknown"),
    (Admit("c1", "dan"), "unknown"),
    (StartPresenting("c1", "bob"), "forbidden"),
    (StartPresenting("c1", "cat"), "invalid"),
    (StartPresenting("c1", "dan"), "unknown"),
    (Leave("c1", "dan"), "unknown"),
]


@pytest.mark.parametrize(("command", "then"), ACCEPTED)
def test_what_each_command_does_to_each_role(command: ConferenceCommand, then: object) -> None:
    assert hosted().tell(command) == then


@pytest.mark.parametrize(("command", "code"), REFUSED)
def test_what_cannot_be_done_to_whom(command: ConferenceCommand, code: str) -> None:
    assert hosted().refused(command) == (code, "participant")


@pytest.mark.parametrize(
    "command",
    [Lock("c1"), MuteGuests("c1"), Admit("c1", "bob"), SetRole("c1", "bob", "chair")],
    ids=lambda c: type(c).__name__,
)
def test_nothing_can_be_done_to_a_conference_that_does_not_run(command: ConferenceCommand) -> None:
    assert Story().refused(command) == ("unknown", "conference")


def test_a_guest_who_becomes_a_host_brings_in_those_who_wait() -> None:
    story = Story(HOSTED)
    story.tell(join("bob"), join("cat"))

    caused = story.tell(SetRole("c1", "bob", "chair"))

    assert kinds(caused) == ["RoleChanged", "ParticipantAdmitted", "ParticipantAdmitted"]


def test_muted_guests_stay_muted_until_all_or_one_are_heard_again() -> None:
    story = Story(msgspec.structs.replace(HOSTED, mute_all_guests=True))
    story.tell(join("ann", "chair"), join("bob"), join("cat"))
    assert muted(story) == ["bob", "cat"]
    story.tell(MuteParticipant("c1", "bob", on=False))
    assert muted(story) == ["cat"]
    story.tell(SetRole("c1", "cat", "chair"))
    assert muted(story) == []
    story.tell(MuteGuests("c1"), join("dan"))
    assert muted(story) == ["bob", "dan"]
    story.tell(MuteGuests("c1", on=False))
    assert muted(story) == []


def test_the_spotlight_is_put_on_and_taken_off_and_its_order_is_in_the_view() -> None:
    story = Story()
    story.tell(join("ann"), join("bob"), join("cat"))
    for who in ("cat", "ann"):
        story.wait(1)
        assert story.tell(SetSpotlight("c1", who)) == [SpotlightChanged(story.now, who, True)]
    assert story.tell(SetSpotlight("c1", "cat")) == []
    lit = [p for p in story.view.participants if p.spotlight is not None]
    assert [p.participant for p in sorted(lit, key=lambda p: str(p.spotlight))] == ["cat", "ann"]
    story.tell(SetSpotlight("c1", "cat", False))
    assert [p.participant for p in story.view.participants if p.spotlight is not None] == ["ann"]


def test_only_people_can_be_in_the_spotlight() -> None:
    story = Story()
    story.tell(join("ann"), dial("tube"))
    assert story.refused(SetSpotlight("c1", "tube")) == ("invalid", "participant")
    assert story.refused(SetSpotlight("c1", "eve")) == ("unknown", "participant")


def muted(story: Story) -> list[str]:
    return [p.participant for p in story.view.participants if p.is_muted]


@pytest.mark.parametrize(
    ("setting", "hosts", "seen"),
    [
        ("no_hosts", True, ["ann"]),
        ("no_hosts", False, ["bob", "cat"]),
        ("always", True, ["ann", "bob", "cat"]),
        ("never", True, ["ann"]),
        ("never", False, []),
    ],
)
def test_guests_of_a_virtual_auditorium_see_hosts(
    setting: str, hosts: bool, seen: list[str]
) -> None:
    vmr = msgspec.structs.replace(HOSTED, service_type="lecture", guests_can_see_guests=setting)
    story = Story(vmr)
    story.tell(join("ann", "chair"), join("bob"), join("cat"), dial("tube"))
    if not hosts:
        story.tell(Leave("c1", "ann"))

    assert [p.participant for p in story.view.shown_to("guests")] == seen
    everybody = ["ann", "bob", "cat"] if hosts else ["bob", "cat"]
    assert [p.participant for p in story.view.shown_to("all")] == everybody


@pytest.mark.parametrize(("limit", "room"), [(0, 0), (1, 1), (3, 3)])
def test_everybody_counts_for_the_participant_limit(limit: int, room: int) -> None:
    story = Story(msgspec.structs.replace(HOSTED, participant_limit=limit))
    wanted: list[ConferenceCommand] = [
        join("bob"),
        dial("tube"),
        join("ann", "chair"),
        dial("face"),
    ]
    story.tell(*wanted[:room])

    assert story.refused(wanted[room]) == ("full", "conference")
    assert len(story.who()) == limit


def test_joining_says_that_one_has_to_wait() -> None:
    [_, joined] = Story(HOSTED).tell(join("bob"))

    assert isinstance(joined, ParticipantJoined)
    assert joined.waiting


def test_who_comes_in_presenting_takes_the_floor() -> None:
    story = Story(HOSTED)
    caused = story.tell(join("ann", "chair", presenting=True))

    assert caused[-1] == PresentationStarted(START, "ann")
