"""Gateway calls: what begins one, what ends it, and what cannot be done to it."""

from typing import Any

import msgspec
import pytest

from proto.base import Refused
from proto.conference import (
    Admit,
    AnnouncementRequested,
    CallEnded,
    CallRequested,
    ConferenceCommand,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceStarted,
    EndConference,
    IncomingRoute,
    Leave,
    Lock,
    MuteGuests,
    MuteParticipant,
    ParticipantJoined,
    ParticipantLeft,
    PresentationStarted,
    ReportOutside,
    SetRole,
    StartPresenting,
    StopPresenting,
    TransformLayout,
    Transforms,
)
from proto.routing import CallRefused, CallRouted
from proto.scheduler import DestinationAssigned, SessionRefused
from services.conference_state.core import (
    CALL_DISCONNECTED,
    DIAL_OUT_FAILED,
    Fact,
    Vmr,
    deadline,
    decide,
    keeps,
    replay,
)
from tests.support.conference import (
    GATEWAY,
    OPEN,
    RTMP,
    RTMPS,
    START,
    Story,
    changed,
    dial,
    join,
    kinds,
    through,
)

RICH = Vmr("", "1:7", "fullhd", service_type="gateway", max_callrate_out=4128, frame_rate=50)
POOR = Vmr("", "1:7", "sd", service_type="gateway", max_callrate_out=512)


def on_air(vmr: Vmr = GATEWAY, **more: Any) -> Story:
    story = Story(vmr)
    story.tell(through(**more))
    story.hear(changed("tube", "publishing"))
    return story


def test_a_call_is_one_commit_with_all_that_was_decided() -> None:
    route = IncomingRoute("Out", "DMZ", "besteffort", 4, "sd", 512)
    wish = through(rule=route, protocol="teams", location="Oslo", platform="teams", alias="sip:***")
    story = Story(GATEWAY)
    started, joined, requested = story.tell(wish)

    assert isinstance(started, ConferenceStarted)
    assert (started.service_type, started.name, started.layout) == ("gateway", "Out", "1:0")
    assert (started.quality, started.max_callrate_out) == ("sd", 512)
    assert (started.theme, started.platform) == (4, "teams")
    assert isinstance(joined, ParticipantJoined)
    assert (joined.role, joined.waiting) == ("chair", False)
    assert (joined.protocol, joined.called, joined.location) == ("teams", "sip:***", "Oslo")
    assert isinstance(requested, CallRequested)
    assert requested.incoming == route
    assert (requested.destination, requested.streaming) == (RTMPS, True)
    assert (requested.role, requested.keep_conference_alive) == (
        "guest",
        "keep_conference_alive_never",
    )
    assert requested.location == "Oslo"


@pytest.mark.parametrize(
    ("route", "general", "quality", "rate"),
    [
        (IncomingRoute("R"), GATEWAY, "hd", None),
        (IncomingRoute("R"), RICH, "fullhd", 4128),
        (IncomingRoute("R", quality="sd", max_callrate_out=900), RICH, "sd", 900),
        (IncomingRoute("R", quality="fullhd", max_callrate_out=8000), POOR, "fullhd", 8000),
    ],
)
def test_what_the_rule_does_not_say_the_global_settings_do(
    route: IncomingRoute, general: Vmr, quality: str, rate: int | None
) -> None:
    story = Story(general)
    story.tell(through(rule=route))

    assert (story.view.quality, story.view.max_callrate_out) == (quality, rate)
    assert story.view.frame_rate == general.frame_rate
    assert story.view.layout == "1:0"


@pytest.mark.parametrize(
    ("rule", "general", "scheme", "allowed"),
    [
        ("", "besteffort", "rtmp", True),
        ("", "off", "rtmp", True),
        ("", "on", "rtmp", False),
        ("", "on", "rtmps", True),
        ("on", "besteffort", "rtmp", False),
        ("on", "off", "rtmps", True),
        ("besteffort", "on", "rtmp", True),
        ("off", "on", "rtmp", True),
        ("off", "on", "rtmps", True),
    ],
)
def test_the_rules_encryption_comes_before_the_global_one(
    rule: Any, general: Any, scheme: str, allowed: bool
) -> None:
    story = Story(msgspec.structs.replace(GATEWAY, crypto_mode=general))
    wish = through(
        url=RTMP if scheme == "rtmp" else RTMPS, rule=IncomingRoute("R", crypto_mode=rule)
    )
    if allowed:
        story.tell(wish)
        assert story.view.running
    else:
        assert story.refused(wish) == ("encryption-required", "destination")
        assert not story.view.running


@pytest.mark.parametrize(
    ("setting", "wish", "refused"),
    [
        ({"enable_rtmp": False}, {}, ("forbidden", "destination")),
        ({"enable_dialout": False}, {}, ("forbidden", "destination")),
        ({}, {"presenting": True, "presentation": None}, ("invalid", "presentation")),
        ({"service_type": "conference"}, {}, ("invalid", "conference")),
    ],
)
def test_what_is_refused_before_anything_has_begun(
    setting: dict[str, Any], wish: dict[str, Any], refused: tuple[str, str]
) -> None:
    story = Story(msgspec.structs.replace(GATEWAY, **setting))

    assert story.refused(through(**wish)) == refused


ROUTED = CallRouted(START, "c1", "tube", RTMPS, "", "R")
ASSIGNED = DestinationAssigned(START, "c1", "s1", "egress-1", "tube", RTMPS)

ENDS: list[tuple[str, list[Fact], ConferenceCommand | Fact, str, str]] = [
    # what happened before; what ends it; code of the leg out; reason that the caller is told
    ("the-caller-goes", [], Leave("c1", "ann", "Bye"), "conference-ended", "Bye"),
    ("the-leg-is-hung-up", [], Leave("c1", "tube", "Bye"), "disconnected", "Bye"),
    ("the-call-is-ended", [], EndConference("c1", "Bye"), "conference-ended", "Bye"),
    ("nobody-can-carry-it", [ROUTED], SessionRefused(START, "c1", "tube", "none is there"),
     "no-worker", DIAL_OUT_FAILED),
    ("no-route-after-all", [], CallRefused(START, "c1", "tube", "gone", "gone"), "gone",
     DIAL_OUT_FAILED),
    ("it-would-be-unencrypted", [], CallRouted(START, "c1", "tube", RTMP, ""),
     "encryption-required", DIAL_OUT_FAILED),
    ("is-not-up-yet", [ROUTED, ASSIGNED, changed("tube", "connecting")],
     changed("tube", "connecting", code="connect-refused", reason="closed"), "connect-refused",
     DIAL_OUT_FAILED),
    ("nobody-answers", [ROUTED, ASSIGNED], changed("tube", "failed", code="dns", reason="dns"),
     "dns", DIAL_OUT_FAILED),
    ("refused-while-connecting", [ROUTED, ASSIGNED, changed("tube", "connecting")],
     changed("tube", "failed", code="publish-denied", reason="no"), "publish-denied",
     DIAL_OUT_FAILED),
    ("closed-by-the-server", [changed("tube", "publishing")],
     changed("tube", "failed", code="server-closed", reason="bye"), "server-closed",
     CALL_DISCONNECTED),
    ("not-recovered", [changed("tube", "publishing"), changed("tube", "recovering")],
     changed("tube", "failed", code="connection-lost", reason="lost"), "connection-lost",
     CALL_DISCONNECTED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "last", "code", "told"), [row[1:] for row in ENDS], ids=[row[0] for row in ENDS]
)
def test_it_ends_with_either_of_the_two_and_each_is_told_why(
    before: list[Fact], last: Any, code: str, told: str
) -> None:
    mode = "on" if code == "encryption-required" else "besteffort"
    story = Story(msgspec.structs.replace(GATEWAY, crypto_mode=mode))
    story.tell(through())
    for fact in before:
        story.hear(fact)
    caused = story.hear(last) if isinstance(last, Fact) else story.tell(last)
    [gone] = [e for e in caused if isinstance(e, CallEnded)]
    [left] = [e for e in caused if isinstance(e, ParticipantLeft)]

    assert (gone.participant, gone.code) == ("tube", code)
    assert (left.participant, left.reason) == ("ann", told)
    assert caused[-1] == ConferenceEnded(START, "i1", told)
    assert len(caused) == 3
    assert story.who() == []


@pytest.mark.parametrize(
    "command",
    [
        join("bob"),
        join("bob", "chair", pin=""),
        dial("face"),
        Lock("c1"),
        Lock("c1", False),
        Admit("c1", "ann"),
        SetRole("c1", "ann", "guest"),
        MuteGuests("c1"),
        MuteParticipant("c1", "tube"),
        TransformLayout("c1", Transforms(layout="no such")),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_cannot_be_done_to_it(command: ConferenceCommand) -> None:
    story = on_air()
    before = story.view

    assert story.refused(command)[0] == "invalid"
    assert story.view == before


def test_each_refusal_says_what_stands_in_the_way() -> None:
    story = on_air()
    for command in (join("bob"), dial("face"), Lock("c1"), MuteGuests("c1")):
        refused = decide(story.view, command, START, GATEWAY)
        assert isinstance(refused, Refused)
        assert "gateway call" in refused.reason


@pytest.mark.parametrize(
    ("command", "events"),
    [
        (MuteParticipant("c1", "ann"), ["ParticipantMuted"]),
        (StartPresenting("c1", "ann"), ["PresentationStarted"]),
        (StopPresenting("c1", "ann"), []),
        (TransformLayout("c1", Transforms(layout="1:7")), ["LayoutTransformed"]),
        (TransformLayout("c1", Transforms(streaming_indicator=False)), ["LayoutTransformed"]),
        (
            ReportOutside("c1", "recording", "google_meet"),
            ["OutsideReported", "AnnouncementRequested"],
        ),
        (through(), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_can_be_done_to_it(command: ConferenceCommand, events: list[str]) -> None:
    assert kinds(on_air().tell(command)) == events


def test_who_calls_may_present_at_once() -> None:
    story = Story(GATEWAY)
    assert story.tell(through(presenting=True))[-1] == PresentationStarted(START, "ann")
    assert "PresentationStopped" in kinds(story.tell(Leave("c1", "ann")))


def test_what_is_done_to_the_meeting_behind_it_is_known_and_announced() -> None:
    story = on_air(platform="google_meet")
    told = story.tell(ReportOutside("c1", "streaming", "google_meet", public=True))

    assert AnnouncementRequested(START, "public_streaming_started", "google_meet") in told
    assert story.view.public_streaming
    story.tell(ReportOutside("c1", "recording", "google_meet"))
    assert (story.view.recording, story.view.recording_indicator) == (True, True)
    assert story.refused(ReportOutside("c1", "recording", "teams")) == ("invalid", "platform")
    story.tell(Leave("c1", "ann"))
    assert story.view.outside == []


def test_of_what_platform_a_meeting_is_may_be_unknown() -> None:
    story = on_air()
    story.tell(ReportOutside("c1", "recording", "teams"))

    assert story.view.recording


@pytest.mark.parametrize("state", ["requested", "connecting", "publishing", "recovering"])
def test_it_has_no_time_limit(state: str) -> None:
    general = msgspec.structs.replace(
        GATEWAY, last_participant_timeout=60, guests_only_timeout=1, waiting_for_chair_timeout=1
    )
    story = Story(general)
    story.tell(through())
    if state != "requested":
        story.hear(changed("tube", state))

    assert keeps(story.view)
    assert deadline(story.view, general) is None
    assert story.wait(1_000_000) == []


def test_an_ended_call_is_not_begun_again_and_the_same_wish_twice_is_one_call() -> None:
    story = Story(GATEWAY)
    story.tell(through())
    assert story.tell(through()) == []
    story.tell(EndConference("c1"))

    assert story.refused(through()) == ("gone", "conference")
    assert story.refused(join("bob")) == ("unknown", "conference")
    assert story.refused(dial("face")) == ("unknown", "conference")
    assert story.refused(Leave("c1", "ann")) == ("unknown", "conference")


def test_a_conference_is_never_made_a_gateway_call() -> None:
    story = Story(OPEN)
    story.tell(join("bob"))

    assert story.refused(through()) == ("invalid", "conference")


def test_the_log_of_one_can_be_read_and_leads_to_the_same_view() -> None:
    story = on_air(platform="teams", protocol="sip")
    story.tell(ReportOutside("c1", "recording", "teams"), StartPresenting("c1", "ann"))
    read = msgspec.json.decode(msgspec.json.encode(story.events), type=list[ConferenceEvent])

    assert replay("c1", read) == story.view
