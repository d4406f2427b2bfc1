"""Who keeps a conference alive, and what its timers do."""

from typing import get_args

import msgspec
import pytest

from proto.conference import ConferenceEnded, KeepAlive, Leave, Role, SetRole
from services.conference_state.core import (
    ALONE,
    HOSTS_LEFT,
    LAST_LEFT,
    WAITED_TOO_LONG,
    Vmr,
    deadline,
    keeps,
)
from tests.support.conference import HOSTED, OPEN, Story, changed, dial, join, kinds

YES: KeepAlive = "keep_conference_alive"
MULTIPLE: KeepAlive = "keep_conference_alive_if_multiple"
NEVER: KeepAlive = "keep_conference_alive_never"

CALLS = [
    # role, streaming, keep alive; does one of them keep it, and do two?
    ("guest", True, YES, False, False),
    ("guest", True, MULTIPLE, False, False),
    ("guest", True, NEVER, False, False),
    ("guest", False, YES, False, False),
    ("guest", False, MULTIPLE, False, False),
    ("guest", False, NEVER, False, False),
    ("chair", True, YES, True, True),
    ("chair", True, MULTIPLE, False, True),
    ("chair", True, NEVER, False, False),
    ("chair", False, YES, True, True),
    ("chair", False, MULTIPLE, False, True),
    ("chair", False, NEVER, False, False),
]


def call_id(row: tuple[Role, bool, KeepAlive, bool, bool]) -> str:
    role, streaming, keep, *_ = row
    return f"{role}-{'stream' if streaming else 'call'}-{keep.removeprefix('keep_conference_')}"


def ended(story: Story) -> str:
    """Why the conference ended; empty while it runs."""
    last = story.events[-1]
    return last.reason if isinstance(last, ConferenceEnded) else ""


@pytest.mark.parametrize("vmr", [OPEN, HOSTED], ids=["open", "hosted"])
@pytest.mark.parametrize("row", CALLS, ids=call_id)
def test_when_the_last_person_has_left_calls_keep_it_as_they_were_told_to(
    row: tuple[Role, bool, KeepAlive, bool, bool], vmr: Vmr
) -> None:
    role, streaming, keep, alone, two = row
    for count, kept in ((1, alone), (2, two)):
        story = Story(vmr)
        story.tell(join("ann", "chair"))
        story.tell(*(dial(f"call{n}", role, keep, streaming=streaming) for n in range(count)))
        story.tell(Leave("c1", "ann"))

        assert story.view.running is kept
        assert ended(story) == ("" if kept else LAST_LEFT)


@pytest.mark.parametrize("first", get_args(KeepAlive))
@pytest.mark.parametrize("second", get_args(KeepAlive))
def test_a_streaming_guest_beside_a_host_that_is_called_counts_for_nothing(
    first: KeepAlive, second: KeepAlive
) -> None:
    story = Story()
    story.tell(join("ann", "chair"), dial("host", "chair", first), dial("tube", "guest", second))
    story.tell(Leave("c1", "ann"))

    assert story.view.running is (first == YES)


def test_two_if_multiple_need_a_host_among_them_and_end_with_the_second_last() -> None:
    story = Story()
    story.tell(join("ann", "chair"))
    story.tell(dial("a", "chair", MULTIPLE), dial("b", "guest", MULTIPLE, streaming=False))
    story.tell(Leave("c1", "ann"))
    assert story.view.running

    story.tell(Leave("c1", "b"))
    assert ended(story) == LAST_LEFT


@pytest.mark.parametrize("code", ["server-closed", "connect-refused"])
def test_a_call_that_kept_it_alive_and_fails_ends_it(code: str) -> None:
    story = Story()
    story.tell(join("ann", "chair"), dial("host", "chair", YES), Leave("c1", "ann"))
    story.hear(changed("host", "failed", code=code, reason=code))

    assert kinds(story.events[-2:]) == ["CallEnded", "ConferenceEnded"]


# who is there, who leaves, what is then; None: nothing is due
LEFT = [
    (OPEN, [("ann", "chair"), ("bob", "guest")], "ann", "runs", None),
    (OPEN, [("ann", "chair"), ("bob", "guest")], "bob", "runs", None),
    (OPEN, [("bob", "guest")], "bob", LAST_LEFT, None),
    (HOSTED, [("ann", "chair"), ("bob", "guest")], "bob", "runs", None),
    (HOSTED, [("ann", "chair"), ("bob", "guest")], "ann", "runs", 60),
    (HOSTED, [("ann", "chair"), ("bob", "guest"), ("cat", "chair")], "ann", "runs", None),
    (HOSTED, [("ann", "chair")], "ann", LAST_LEFT, None),
    (HOSTED, [("bob", "guest"), ("cat", "guest")], "bob", "runs", 900),
    (HOSTED, [("bob", "guest")], "bob", LAST_LEFT, None),
]


@pytest.mark.parametrize(("vmr", "there", "goes", "then", "due"), LEFT)
def test_who_leaves_decides_what_comes_next(
    vmr: Vmr, there: list[tuple[str, Role]], goes: str, then: str, due: int | None
) -> None:
    story = Story(vmr)
    story.tell(*(join(who, role) for who, role in there))
    story.tell(Leave("c1", goes))
    next_ = deadline(story.view, vmr)

    assert (ended(story) or "runs") == then
    assert (next_ and (next_ - story.now).total_seconds()) == due


def test_guests_stay_a_minute_without_a_host() -> None:
    story = Story(HOSTED)
    story.tell(join("ann", "chair"), join("bob"), dial("tube"), Leave("c1", "ann"))

    assert story.wait(59.9) == []
    assert kinds(story.wait(0.1)) == ["ParticipantLeft", "CallEnded", "ConferenceEnded"]
    assert ended(story) == HOSTS_LEFT


def test_a_host_who_comes_back_in_time_stops_the_clock() -> None:
    story = Story(HOSTED)
    story.tell(join("ann", "chair"), join("bob"), Leave("c1", "ann"))
    story.wait(59)
    story.tell(join("ann", "chair"))

    assert story.wait(10_000) == []


def test_a_host_who_is_made_a_guest_starts_it() -> None:
    story = Story(HOSTED)
    story.tell(join("ann", "chair"), join("bob"), SetRole("c1", "ann", "guest"))

    story.wait(60)
    assert ended(story) == HOSTS_LEFT


def test_a_host_that_is_called_to_keep_it_keeps_it_for_guests_too() -> None:
    story = Story(HOSTED)
    story.tell(join("ann", "chair"), join("bob"), dial("room", "chair", YES), Leave("c1", "ann"))

    assert story.wait(10_000) == []


def test_each_guest_waits_a_quarter_of_an_hour_for_a_host() -> None:
    story = Story(HOSTED)
    story.tell(join("bob"))
    story.wait(100)
    story.tell(join("cat"))

    first = story.wait(800)
    assert [(type(e).__name__, getattr(e, "reason", "")) for e in first] == [
        ("ParticipantLeft", WAITED_TOO_LONG)
    ]
    assert kinds(story.wait(100)) == ["ParticipantLeft", "ConferenceEnded"]


def test_streams_that_nobody_comes_to_watch_over_are_given_up() -> None:
    story = Story()
    story.tell(dial("tube"), dial("face"))
    story.hear(changed("tube", "failed", code="dns", reason="no such host"))
    assert story.who() == ["face"]

    assert story.wait(899) == []
    story.wait(1)
    assert ended(story) == LAST_LEFT


@pytest.mark.parametrize(
    ("timeout", "others", "reason"),
    [(0, (), ""), (30, (), ALONE), (30, (join("bob"),), ""), (30, (dial("tube"),), "")],
    ids=["never", "alone", "two-people", "streams-count"],
)
def test_one_may_not_stay_alone_for_ever(timeout: int, others: tuple[object], reason: str) -> None:
    story = Story(msgspec.structs.replace(OPEN, last_participant_timeout=timeout))
    story.tell(join("ann", "chair"), *others)  # type: ignore[arg-type]
    story.wait(40)

    assert ended(story) == reason


def test_a_conference_may_be_used_again_and_remembers_nothing() -> None:
    story = Story(HOSTED)
    story.tell(join("ann", "chair"), join("bob"), Leave("c1", "ann"))
    story.wait(60)
    first = story.view.instance
    story.tell(msgspec.structs.replace(join("ann", "chair"), instance="i2"))

    assert (first, story.view.instance) == ("i1", "i2")
    assert keeps(story.view)
    assert deadline(story.view, HOSTED) is None
