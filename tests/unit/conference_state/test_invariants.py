"""No order of commands, facts and waiting breaks what must always hold."""

from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.base import Refused
from proto.conference import (
    Admit,
    CallRequested,
    ConferenceEnded,
    ConferenceStarted,
    EndConference,
    KeepAlive,
    Leave,
    Lock,
    MuteGuests,
    Origin,
    ParticipantJoined,
    ParticipantLeft,
    Role,
    SetRole,
    SettleTransfer,
    StartPresenting,
    Tick,
    Transfer,
    TransferRefused,
    TransferRequested,
)
from proto.config import CryptoMode
from proto.routing import CallRouted
from proto.urls import SealedUrl
from services.conference_state.core import TRANSFERRED, Automatic, Vmr, deadline, decide, keeps
from tests.support.conference import (
    GATEWAY,
    RTMP,
    RTMPS,
    START,
    Story,
    changed,
    dial,
    join,
    through,
)

LIMIT = 4
PEOPLE = st.sampled_from(["ann", "bob", "cat"])
ARRIVING = st.sampled_from(["dan", "eve"])
"""Who is transferred here; told of twice, perhaps."""
SUCCESSORS = st.sampled_from(["there-1", "there-2"])
CALLED = st.sampled_from(["tube", "face"])
ROLES: st.SearchStrategy[Role] = st.sampled_from(["chair", "guest"])
KEEP: st.SearchStrategy[KeepAlive] = st.sampled_from(
    ["keep_conference_alive", "keep_conference_alive_if_multiple", "keep_conference_alive_never"]
)
MODES: st.SearchStrategy[CryptoMode] = st.sampled_from(["on", "besteffort"])
ADP = Automatic(1, "Recorder", SealedUrl("adp-1.destination", "rtmps://r/***", "rtmps"))

VMRS = st.builds(
    lambda guests, mode, last: Vmr(
        "V",
        pin="1234",
        allow_guests=guests,
        crypto_mode=mode,
        participant_limit=LIMIT,
        last_participant_timeout=last,
        automatic=(ADP,),
    ),
    st.booleans(),
    MODES,
    st.sampled_from([0, 300]),
)
COMMANDS = st.one_of(
    st.builds(join, PEOPLE, ROLES),
    st.builds(
        dial,
        CALLED,
        ROLES,
        KEEP,
        url=st.sampled_from([RTMP, RTMPS]),
        routing=st.sampled_from(["manual", "routing_rule"]),
        streaming=st.booleans(),
    ),
    st.builds(Leave, st.just("c1"), st.one_of(PEOPLE, CALLED, st.just("i1-a1-1"))),
    st.builds(SetRole, st.just("c1"), PEOPLE, ROLES),
    st.builds(Lock, st.just("c1"), st.booleans()),
    st.builds(Admit, st.just("c1"), PEOPLE),
    st.builds(MuteGuests, st.just("c1"), st.booleans()),
    st.builds(StartPresenting, st.just("c1"), PEOPLE),
    st.builds(lambda who, by: join(who, origin=Origin("c9", by)), ARRIVING, ARRIVING),
    st.builds(Leave, st.just("c1"), ARRIVING),
    st.builds(Transfer, st.just("c1"), PEOPLE, st.just("c2"), SUCCESSORS, st.just("i9")),
    st.builds(SettleTransfer, st.just("c1"), PEOPLE, SUCCESSORS, st.sampled_from(["", "full"])),
    st.just(EndConference("c1")),
    st.just(through()),
    st.just(Tick("c1")),
)
FACTS = st.one_of(
    st.builds(changed, CALLED, st.sampled_from(["connecting", "publishing", "failed"])),
    st.builds(
        lambda who, url: CallRouted(START, "c1", who, url, ""),
        CALLED,
        st.sampled_from([RTMP, RTMPS]),
    ),
)
STEPS = st.lists(st.one_of(COMMANDS, FACTS, st.integers(1, 1000)), max_size=25)


def play(vmr: Vmr, steps: list[object]) -> Story:
    story = Story(vmr)
    for step in steps:
        if isinstance(step, int):
            story.wait(step)
        elif hasattr(step, "leg"):
            story.hear(step)  # type: ignore[arg-type]
        else:
            outcome = decide(story.view, step, story.now, vmr)  # type: ignore[arg-type]
            if not isinstance(outcome, Refused):
                story.tell(step)  # type: ignore[arg-type]
        check(story)
    return story


def check(story: Story) -> None:
    view = story.view
    there = story.who()
    assert len(there) == len(set(there)) <= LIMIT
    assert view.running == bool(there)
    assert view.presenter in ("", *there)
    assert not any(p.is_muted and p.role == "chair" for p in view.participants)
    hosts = [p for p in view.participants if p.present() and p.role == "chair"]
    if hosts and not view.locked:
        assert all(p.state != "waiting" for p in view.participants)


@settings(deadline=None, max_examples=150)
@given(VMRS, STEPS)
def test_limits_hold_and_nobody_is_there_twice(vmr: Vmr, steps: list[object]) -> None:
    play(vmr, steps)


@settings(deadline=None, max_examples=150)
@given(VMRS, STEPS)
def test_at_most_one_instance_lives_and_an_ended_one_never_changes(
    vmr: Vmr, steps: list[object]
) -> None:
    living = False
    for event in play(vmr, steps).events:
        if isinstance(event, ConferenceStarted):
            assert not living
            living = True
        else:
            assert living, f"{type(event).__name__} without a conference"
            living = not isinstance(event, ConferenceEnded)


@settings(deadline=None, max_examples=150)
@given(VMRS, STEPS)
def test_what_does_not_keep_a_conference_alive_has_its_time_limit(
    vmr: Vmr, steps: list[object]
) -> None:
    story = play(vmr, steps)
    view = story.view
    if view.running and not keeps(view):
        due = deadline(view, vmr)
        assert due is not None
        assert due <= story.now + timedelta(seconds=vmr.waiting_for_chair_timeout)


@settings(deadline=None, max_examples=150)
@given(VMRS, STEPS)
def test_streaming_guests_that_are_left_alone_end_with_the_conference(
    vmr: Vmr, steps: list[object]
) -> None:
    """Only before anybody has come may they be alone, and then for no longer than one waits."""
    story = play(vmr, steps)
    if story.view.running and all(
        p.is_streaming and p.role == "guest" for p in story.view.participants
    ):
        assert story.view.unkept_since == story.view.started_at
        story.wait(vmr.waiting_for_chair_timeout)
        assert not story.view.running


@settings(deadline=None, max_examples=150)
@given(VMRS, STEPS)
def test_an_automatic_participant_is_never_called_twice_at_a_time(
    vmr: Vmr, steps: list[object]
) -> None:
    story = play(vmr, steps)
    calls = [e.participant for e in story.events if isinstance(e, CallRequested) and e.automatic]
    there = [p for p in story.view.participants if p.automatic]

    assert len(calls) - len(set(calls)) <= len(
        [e for e in story.events if isinstance(e, ConferenceStarted)]
    )
    assert len(there) <= 1


@settings(deadline=None, max_examples=150)
@given(MODES, STEPS)
def test_a_gateway_call_has_one_caller_ends_with_either_and_never_begins_again(
    mode: CryptoMode, steps: list[object]
) -> None:
    story = Story(msgspec.structs.replace(GATEWAY, crypto_mode=mode))
    story.tell(through())
    begun = story.events[0]
    for step in steps:
        if isinstance(step, int):
            assert story.wait(step) == []
        elif hasattr(step, "leg"):
            story.hear(step)  # type: ignore[arg-type]
        else:
            outcome = decide(story.view, step, story.now, story.vmr)  # type: ignore[arg-type]
            if not isinstance(outcome, Refused):
                story.tell(step)  # type: ignore[arg-type]
        assert story.who() == (["ann", "tube"] if story.view.running else [])
        assert story.view.service_type == "gateway"
        assert not story.view.locked
    assert [e for e in story.events if isinstance(e, ConferenceStarted)] == [begun]
    ends = [n for n, e in enumerate(story.events) if isinstance(e, ConferenceEnded)]
    assert ends in ([], [len(story.events) - 1])
    assert bool(ends) is not story.view.running


@settings(deadline=None, max_examples=150)
@given(VMRS, STEPS)
def test_who_is_transferred_comes_once_and_goes_once(vmr: Vmr, steps: list[object]) -> None:
    events = play(vmr, steps).events
    came = [e.participant for e in events if isinstance(e, ParticipantJoined) and e.origin]
    assert len(came) == len(set(came))

    pending: dict[str, str] = {}
    for event in events:
        match event:
            case TransferRequested(participant=who, successor=successor):
                assert who not in pending
                pending[who] = successor
            case TransferRefused(participant=who, successor=successor):
                assert pending.pop(who) == successor
            case ParticipantLeft(participant=who, reason=reason):
                assert pending.pop(who, "") or reason != TRANSFERRED
            case _:
                pass
