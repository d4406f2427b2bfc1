"""Given what happened, when something is wished or told, then this follows."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.base import Refused
from proto.conference import (
    CallConnected,
    CallEnded,
    CallProgressed,
    CallRequested,
    ConferenceCommand,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceStarted,
    Dial,
    EndConference,
    Join,
    Leave,
    ParticipantJoined,
    ParticipantLeft,
    PresentationStarted,
    PresentationStopped,
    StartPresenting,
    StopPresenting,
)
from proto.egress import DestinationChanged
from proto.routing import CallRefused, CallRouted
from proto.scheduler import DestinationAssigned, SessionRefused
from proto.urls import SealedUrl
from services.conference_state.core import (
    LAST_LEFT,
    Fact,
    Vmr,
    decide,
    empty,
    evolve,
    learn,
    replay,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VMR = Vmr("Town Hall", participant_limit=3)
CLIP = SealedUrl("ann.media", "file:///clips/ann.mp4", "file")
SLIDES = SealedUrl("ann.presentation", "file:///clips/slides.mp4", "file")
SERVICE = SealedUrl("tube.destination", "rtmps://ingest.example.com:443/live/***", "rtmps")

ANN_JOINS = Join("c1", "ann", "Ann", "i1", "chair", CLIP, SLIDES)
BOB_JOINS = Join("c1", "bob", "Bob", "i2")
DIAL = Dial("c1", "tube", SERVICE, "i3", "Town hall stream")

STARTED = ConferenceStarted(NOW, "c1", "i1", "Town Hall")
ANN_JOINED = ParticipantJoined(NOW, "ann", "Ann", "chair", CLIP, SLIDES)
BOB_JOINED = ParticipantJoined(NOW, "bob", "Bob", "guest")
REQUESTED = CallRequested(
    NOW,
    "tube",
    "Town hall stream",
    "guest",
    SERVICE,
    "rtmp",
    "routing_rule",
    "",
    True,
    "keep_conference_alive_never",
)
ROUTED = CallProgressed(
    *(NOW, "tube", "routed", "routed by rule “Streaming” from DMZ"), location="DMZ"
)
CONNECTED = CallConnected(NOW, "tube", True, "s1")
PRESENTING = PresentationStarted(NOW, "ann")
ENDED = ConferenceEnded(NOW, "i1", LAST_LEFT)


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param([], ANN_JOINS, [STARTED, ANN_JOINED], id="first-one-starts-it"),
        pytest.param([STARTED, ANN_JOINED], BOB_JOINS, [BOB_JOINED], id="second-one-joins"),
        pytest.param([STARTED, ANN_JOINED], ANN_JOINS, [], id="join-again-changes-nothing"),
        pytest.param([STARTED, ANN_JOINED], DIAL, [REQUESTED], id="dial"),
        pytest.param([STARTED, ANN_JOINED, REQUESTED], DIAL, [], id="dial-again-changes-nothing"),
        pytest.param(
            [],
            Dial("c1", "tube", SERVICE, "i1", "Town hall stream"),
            [STARTED, REQUESTED],
            id="dial-into-an-empty-conference-starts-it",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, REQUESTED, CONNECTED],
            Leave("c1", "tube", "bye"),
            [CallEnded(NOW, "tube", "disconnected", "bye")],
            id="hang-up",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, BOB_JOINED],
            Leave("c1", "bob", "bye"),
            [ParticipantLeft(NOW, "bob", "bye")],
            id="leave",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, REQUESTED, CONNECTED],
            Leave("c1", "ann", "bye"),
            [
                ParticipantLeft(NOW, "ann", "bye"),
                CallEnded(NOW, "tube", "conference-ended", LAST_LEFT),
                ENDED,
            ],
            id="a-stream-alone-keeps-nothing-alive",
        ),
        pytest.param(
            [STARTED, REQUESTED],
            Leave("c1", "tube", "bye"),
            [CallEnded(NOW, "tube", "disconnected", "bye"), ENDED],
            id="the-last-one-of-all-ends-it",
        ),
        pytest.param(
            [STARTED, ANN_JOINED], StartPresenting("c1", "ann"), [PRESENTING], id="present"
        ),
        pytest.param(
            [STARTED, ANN_JOINED, PRESENTING],
            StartPresenting("c1", "ann"),
            [],
            id="present-again-changes-nothing",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, PRESENTING],
            Join("c1", "cat", "Cat", "i9", "guest", CLIP, SLIDES, presenting=True),
            [
                ParticipantJoined(NOW, "cat", "Cat", "guest", CLIP, SLIDES),
                PresentationStopped(NOW, "ann"),
                PresentationStarted(NOW, "cat"),
            ],
            id="whoever-presents-next-takes-the-floor",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, PRESENTING],
            StopPresenting("c1", "ann"),
            [PresentationStopped(NOW, "ann")],
            id="stop-presenting",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, BOB_JOINED, PRESENTING],
            Leave("c1", "ann", "bye"),
            [PresentationStopped(NOW, "ann"), ParticipantLeft(NOW, "ann", "bye")],
            id="a-presenter-who-leaves-stops-presenting",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, REQUESTED],
            EndConference("c1", "over"),
            [
                ParticipantLeft(NOW, "ann", "over"),
                CallEnded(NOW, "tube", "conference-ended", "over"),
                ConferenceEnded(NOW, "i1", "over"),
            ],
            id="end",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, ParticipantLeft(NOW, "ann", "bye"), ENDED],
            Join("c1", "bob", "Bob", "i2"),
            [ConferenceStarted(NOW, "c1", "i2", "Town Hall"), BOB_JOINED],
            id="used-again-it-is-another-instance",
        ),
    ],
)
def test_accepted(
    given: list[ConferenceEvent], when: ConferenceCommand, then: list[ConferenceEvent]
) -> None:
    assert decide(replay("c1", given), when, NOW, VMR) == then


@pytest.mark.parametrize(
    ("given", "when", "vmr", "code", "field"),
    [
        pytest.param([], ANN_JOINS, None, "unknown", "conference", id="not-configured"),
        pytest.param([], DIAL, None, "unknown", "conference", id="dial-not-configured"),
        pytest.param([], Leave("c1", "ann"), VMR, "unknown", "conference", id="not-running"),
        pytest.param(
            [STARTED, ANN_JOINED],
            Leave("c1", "bob"),
            VMR,
            "unknown",
            "participant",
            id="leave-without-being-there",
        ),
        pytest.param(
            [STARTED, ANN_JOINED, BOB_JOINED, REQUESTED],
            Join("c1", "cat", "Cat", "i4"),
            VMR,
            "full",
            "conference",
            id="streaming-participants-take-places-too",
        ),
        pytest.param(
            [STARTED, BOB_JOINED],
            StartPresenting("c1", "bob"),
            VMR,
            "invalid",
            "participant",
            id="nothing-to-present",
        ),
        pytest.param(
            [],
            Join("c1", "bob", "Bob", "i2", presenting=True),
            VMR,
            "invalid",
            "presentation",
            id="join-presenting-nothing",
        ),
    ],
)
def test_refused(
    given: list[ConferenceEvent],
    when: ConferenceCommand,
    vmr: Vmr | None,
    code: str,
    field: str,
) -> None:
    outcome = decide(replay("c1", given), when, NOW, vmr)

    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.field) == (code, field)


def changed(state: Any, **more: Any) -> DestinationChanged:
    return DestinationChanged(NOW, "c1", "s1", "egress-1", "tube", state, **more)


@pytest.mark.parametrize(
    ("given", "told", "then"),
    [
        pytest.param(
            [REQUESTED],
            CallRouted(NOW, "c1", "tube", SERVICE, "DMZ", "Streaming"),
            [ROUTED],
            id="routed",
        ),
        pytest.param(
            [REQUESTED],
            CallRefused(NOW, "c1", "tube", "no-rule", "no rule"),
            [CallEnded(NOW, "tube", "no-rule", "no rule")],
            id="no-rule-ends-the-call",
        ),
        pytest.param(
            [REQUESTED, ROUTED],
            DestinationAssigned(NOW, "c1", "s1", "egress-1", "tube", SERVICE),
            [CallProgressed(NOW, "tube", "assigned", "assigned to egress-1", "s1")],
            id="assigned",
        ),
        pytest.param(
            [REQUESTED, ROUTED],
            SessionRefused(NOW, "c1", "tube", "nobody"),
            [CallEnded(NOW, "tube", "no-worker", "nobody")],
            id="no-worker-ends-the-call",
        ),
        pytest.param(
            [REQUESTED, ROUTED],
            changed("connecting"),
            [CallProgressed(NOW, "tube", "connecting", "", "s1")],
            id="connecting",
        ),
        pytest.param(
            [REQUESTED, ROUTED],
            changed("publishing", tls_version="TLSv1.3"),
            [CONNECTED],
            id="publishing-over-tls-is-encrypted",
        ),
        pytest.param([REQUESTED, CONNECTED], changed("publishing"), [], id="publishing-still"),
        pytest.param(
            [REQUESTED, CONNECTED],
            changed("recovering", reason="Connection broke"),
            [CallProgressed(NOW, "tube", "recovering", "Connection broke", "s1")],
            id="recovering",
        ),
        pytest.param(
            [REQUESTED, CONNECTED],
            changed("connecting"),
            [CallProgressed(NOW, "tube", "recovering", "", "s1")],
            id="connecting-again-is-recovering",
        ),
        pytest.param(
            [REQUESTED, CONNECTED],
            DestinationAssigned(NOW, "c1", "s2", "egress-2", "tube", SERVICE),
            [CallProgressed(NOW, "tube", "recovering", "assigned to egress-2", "s2")],
            id="moved-to-another-worker",
        ),
        pytest.param(
            [REQUESTED, CallConnected(NOW, "tube", True, "s2")],
            changed("failed", code="server-closed"),
            [],
            id="the-session-it-has-left-ends-nothing",
        ),
        pytest.param(
            [REQUESTED, CallConnected(NOW, "tube", True, "s0")],
            changed("publishing", tls_version="TLSv1.3"),
            [CONNECTED],
            id="a-new-session-may-be-heard-of-before-its-assignment",
        ),
        pytest.param(
            [REQUESTED, CONNECTED],
            changed("failed", code="server-closed", reason="Server ended the stream"),
            [CallEnded(NOW, "tube", "server-closed", "Server ended the stream")],
            id="failed",
        ),
        pytest.param(
            [REQUESTED, CONNECTED],
            CallRouted(NOW, "c1", "tube", SERVICE, "DMZ", "Streaming"),
            [],
            id="late-news-is-no-news",
        ),
        pytest.param([], changed("publishing"), [], id="a-call-that-is-gone-stays-gone"),
    ],
)
def test_learned(given: list[ConferenceEvent], told: Fact, then: list[ConferenceEvent]) -> None:
    assert learn(replay("c1", [STARTED, ANN_JOINED, *given]), told, NOW) == then


def test_the_indicator_is_on_while_a_stream_is_connected_or_recovering() -> None:
    seen = []
    view = empty("c1")
    for event in (
        STARTED,
        ANN_JOINED,
        REQUESTED,
        CONNECTED,
        CallProgressed(NOW, "tube", "recovering"),
        CONNECTED,
        CallEnded(NOW, "tube", "disconnected", "bye"),
    ):
        view = evolve(view, event)
        seen.append(view.streaming)

    assert seen == [False, False, False, True, True, True, False]


COMMANDS: list[ConferenceCommand] = [
    ANN_JOINS,
    BOB_JOINS,
    DIAL,
    Join("c1", "cat", "Cat", "i5", "guest", CLIP, SLIDES, presenting=True),
    Leave("c1", "ann"),
    Leave("c1", "bob"),
    Leave("c1", "cat"),
    Leave("c1", "tube"),
    StartPresenting("c1", "ann"),
    StopPresenting("c1", "ann"),
    EndConference("c1"),
]
FACTS: list[Fact] = [
    CallRouted(NOW, "c1", "tube", SERVICE, "", "Streaming"),
    CallRefused(NOW, "c1", "tube", "no-rule", "no rule"),
    changed("publishing"),
    changed("recovering"),
    changed("failed"),
]


@given(st.lists(st.sampled_from([*COMMANDS, *FACTS]), max_size=30))
def test_no_order_of_commands_and_facts_breaks_the_rules(told: list[Any]) -> None:
    """Whatever is accepted can be folded in; limits hold; an ended conference is empty."""
    view = empty("c1")
    for message in told:
        if isinstance(message, Fact):
            outcome: Any = learn(view, message, NOW)
        else:
            outcome = decide(view, message, NOW, VMR)
        for event in [] if isinstance(outcome, Refused) else outcome:
            view = evolve(view, event)
        present = [p.participant for p in view.participants]
        assert len(present) == len(set(present)) <= 3
        assert view.running or not present
        assert view.presenter == "" or view.presenter in present
        assert not view.running or present
