"""Encryption, dual streams, and those who are dialled automatically."""

from typing import Any

import msgspec
import pytest

from proto.conference import (
    AutomaticCallRefused,
    CallEnded,
    CallLegChanged,
    CallRequested,
    EndConference,
    Leave,
)
from proto.config import CryptoMode
from proto.egress import DestinationChanged, DestinationState
from proto.media import Content, PictureOptions
from proto.routing import CallRefused, CallRouted
from proto.scheduler import DestinationAssigned, SessionRefused
from proto.urls import Delivery, SealedUrl
from services.conference_state.core import Automatic, Vmr
from tests.support.conference import (
    HOSTED,
    OPEN,
    RTMP,
    RTMPS,
    START,
    Story,
    changed,
    dial,
    join,
    kinds,
)

SECOND = SealedUrl("tube.second", "rtmps://ingest.example.com/live/***", "rtmps")
SECOND_PLAIN = SealedUrl("tube.second", "rtmp://ingest.example.com/live/***", "rtmp")


def routed(who: str, url: SealedUrl, leg: Content = "single") -> CallRouted:
    return CallRouted(START, "c1", who, url, "", "Streaming", leg=leg)


@pytest.mark.parametrize(
    ("mode", "url", "allowed"),
    [
        ("on", RTMP, False),
        ("on", RTMPS, True),
        ("besteffort", RTMP, True),
        ("besteffort", RTMPS, True),
        ("off", RTMP, True),
        ("off", RTMPS, True),
    ],
)
def test_required_encryption_lets_no_rtmp_out(
    mode: CryptoMode, url: SealedUrl, allowed: bool
) -> None:
    vmr = msgspec.structs.replace(OPEN, crypto_mode=mode)
    manual, by_rule = Story(vmr), Story(vmr)
    for story in (manual, by_rule):
        story.tell(join("ann"))
    asked = dial("tube", url=url, routing="manual")
    by_rule.tell(dial("tube"))
    by_rule.hear(routed("tube", url))

    if allowed:
        manual.tell(asked)
        assert by_rule.state_of("tube") == "routed"
    else:
        assert manual.refused(asked) == ("encryption-required", "destination")
        [ended] = by_rule.events[-1:]
        assert isinstance(ended, CallEnded)
        assert ended.code == "encryption-required"


def test_a_rule_may_mend_an_alias_that_could_not_be_dialled_as_it_is() -> None:
    story = Story(msgspec.structs.replace(OPEN, crypto_mode="on"))
    story.tell(join("ann"), dial("tube", url=RTMP))
    story.hear(routed("tube", RTMPS))

    assert story.state_of("tube") == "routed"


def test_both_legs_have_to_be_encrypted() -> None:
    story = Story(msgspec.structs.replace(OPEN, crypto_mode="on"))
    story.tell(join("ann"))
    asked = dial("tube", routing="manual", presentation_destination=SECOND_PLAIN)

    assert story.refused(asked) == ("encryption-required", "presentation_destination")


@pytest.mark.parametrize("switch", ["enable_dialout", "enable_rtmp"])
def test_what_the_global_settings_forbid_is_not_dialled(switch: str) -> None:
    vmr = msgspec.structs.replace(OPEN, **{switch: False}, automatic=(ADP,))
    story = Story(vmr)
    [*_, refused] = story.tell(join("ann"))

    assert isinstance(refused, AutomaticCallRefused)
    assert (refused.code, refused.retry_at) == ("forbidden", None)
    assert story.refused(dial("tube")) == ("forbidden", "destination")


@pytest.mark.parametrize(
    ("options", "second", "field"),
    [
        (PictureOptions(content="presentation"), SECOND, "content"),
        (PictureOptions(content="main"), SECOND, "content"),
        (PictureOptions(content="presentation", layout="1:0"), None, "layout"),
    ],
)
def test_what_contradicts_itself_is_refused_by_field(
    options: PictureOptions, second: SealedUrl | None, field: str
) -> None:
    story = Story()
    story.tell(join("ann"))
    asked = dial("tube", picture=options, presentation_destination=second)

    assert story.refused(asked) == ("contradiction", field)


def test_a_call_keeps_the_picture_that_it_asked_for() -> None:
    """From the command and from the configuration, to whoever renders it."""
    slides = PictureOptions("presentation", frame_rate=60)
    story = Story(
        msgspec.structs.replace(
            OPEN, frame_rate=50, automatic=(msgspec.structs.replace(ADP, picture=slides),)
        )
    )
    story.tell(join("ann"), dial("tube", picture=PictureOptions(inset=False)))
    asked = {e.participant: e.picture for e in story.events if isinstance(e, CallRequested)}

    assert list(asked.values()) == [slides, PictureOptions(inset=False)]
    assert {p.participant: p.picture for p in story.view.participants if p.destination} == asked
    assert story.view.frame_rate == 50


def dual() -> Story:
    """A dual stream of which both legs are connected."""
    story = Story()
    story.tell(join("ann"), dial("tube", presentation_destination=SECOND))
    story.hear(routed("tube", RTMPS, "main"))
    story.hear(routed("tube", SECOND, "presentation"))
    story.hear(changed("tube", "publishing", leg="main", tls_version="TLSv1.3"))
    story.hear(changed("tube", "publishing", leg="presentation"))
    return story


def test_a_dual_stream_is_one_participant_with_two_legs() -> None:
    story = dual()
    [call] = [p for p in story.view.participants if p.is_streaming]

    assert (call.state, call.presentation_state, call.detail) == ("connected", "connected", "")


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        (changed("tube", "failed", leg="presentation", code="dns", reason="no host"), "dns"),
        (changed("tube", "stopped", leg="presentation"), "stopped"),
        (CallRefused(START, "c1", "tube", "no-rule", "no rule", leg="presentation"), "no-rule"),
        (SessionRefused(START, "c1", "tube", "nobody", leg="presentation"), "no-worker"),
    ],
)
def test_a_presentation_leg_that_fails_is_told_and_ends_nothing(fact: Any, code: str) -> None:
    story = dual()
    [event] = story.hear(fact)
    story.hear(changed("tube", "recovering", leg="main", reason="broke"))
    story.hear(changed("tube", "publishing", leg="main"))
    call = story.view.find("tube")

    assert isinstance(event, CallLegChanged)
    assert (event.state, event.code) == ("failed", code)
    assert call is not None
    assert (call.state, call.presentation_state) == ("connected", "failed")
    assert call.detail.startswith("the presentation stream failed: ")


def test_a_main_leg_that_fails_ends_the_call() -> None:
    assert kinds(dual().hear(changed("tube", "failed", leg="main", code="dns"))) == ["CallEnded"]


def test_late_news_of_a_presentation_leg_are_no_news() -> None:
    story = dual()
    assigned = DestinationAssigned(START, "c1", "s2", "e1", "tube", SECOND, leg="presentation")

    assert story.hear(routed("tube", SECOND, "presentation")) == []
    assert story.hear(assigned) == []
    story.hear(changed("tube", "failed", leg="presentation", code="dns"))
    assert story.hear(changed("tube", "publishing", leg="presentation")) == []
    assert story.hear(changed("bob", "publishing", leg="presentation")) == []


def test_a_stream_that_another_session_is_to_take_over_stays_connected_until_it_has() -> None:
    story = Story()
    story.tell(join("ann"), dial("tube"))
    story.hear(routed("tube", RTMPS))
    story.hear(DestinationAssigned(START, "c1", "s1", "egress-1", "tube", RTMPS))
    story.hear(changed("tube", "publishing"))
    new = DestinationAssigned(START, "c1", "s2", "egress-2", "tube", RTMPS, takes_over="s1")

    def says(state: DestinationState, code: str = "") -> DestinationChanged:
        return msgspec.structs.replace(changed("tube", state, code=code), session="s2")

    assert story.hear(new) == []
    assert story.hear(says("connecting")) == []
    assert story.hear(says("recovering", "stream-key-in-use-or-invalid")) == []
    assert story.hear(says("failed", "tls-authority")) == []
    assert story.state_of("tube") == "connected"

    alone = msgspec.structs.replace(new, takes_over="")
    story.hear(alone)
    assert story.state_of("tube") == "recovering"
    assert kinds(story.hear(says("publishing"))) == ["CallConnected"]
    assert story.hear(changed("tube", "failed")) == [], "the last words of the one before"


ADP = Automatic(3, "Recorder", SealedUrl("adp-3.destination", "rtmps://r/***", "rtmps"))
OTHER = Automatic(4, "Backup", SealedUrl("adp-4.destination", "rtmps://b/***", "rtmps"))


def automatic(*adps: Automatic, vmr: Vmr = OPEN, **more: Any) -> Story:
    return Story(msgspec.structs.replace(vmr, automatic=adps, **more))


def calls(story: Story) -> list[str]:
    return [e.participant for e in story.events if isinstance(e, CallRequested)]


@pytest.mark.parametrize("vmr", [OPEN, HOSTED], ids=["open", "while-the-first-one-waits"])
def test_the_first_participant_has_them_dialled_once(vmr: Vmr) -> None:
    story = automatic(ADP, OTHER, vmr=vmr)
    caused = story.tell(join("bob"))
    assert kinds(caused)[-2:] == ["CallRequested", "CallRequested"]
    story.tell(join("cat"), Leave("c1", "bob"), join("bob"))

    assert calls(story) == ["i1-a3-1", "i1-a4-1"]


def test_a_call_that_somebody_makes_has_nobody_dialled() -> None:
    story = automatic(ADP)
    story.tell(dial("tube"))
    assert calls(story) == ["tube"]

    story.tell(join("ann"))
    assert calls(story) == ["tube", "i1-a3-1"]


def sealed(secret: str, mark: str) -> SealedUrl:
    return SealedUrl(secret, "rtmps://r/***", "rtmps", mark)


@pytest.mark.parametrize(
    ("by_hand", "dialled"),
    [("aaaa0000", False), ("bbbb1111", True), ("", True)],
    ids=["the-same-address", "another-address", "nobody-knows"],
)
def test_who_has_been_called_by_hand_is_not_dialled_again(by_hand: str, dialled: bool) -> None:
    known = "aaaa0000" if by_hand else ""
    adp = msgspec.structs.replace(ADP, destination=sealed("adp-3.destination", known))
    story = automatic(adp)
    story.tell(dial("tube", url=sealed("tube.destination", by_hand)))
    story.tell(join("ann"))

    assert calls(story) == (["tube", "i1-a3-1"] if dialled else ["tube"])
    if not dialled:
        refused = story.events[-1]
        assert isinstance(refused, AutomaticCallRefused)
        assert (refused.code, refused.retry_at) == ("present", None)
    story.wait(120)
    assert len([call for call in calls(story) if call != "tube"]) == int(dialled)


def test_each_instance_dials_them_again() -> None:
    story = automatic(ADP)
    story.tell(join("ann"), Leave("c1", "ann"))
    story.tell(msgspec.structs.replace(join("ann"), instance="i2"))

    assert calls(story) == ["i1-a3-1", "i2-a3-1"]


def test_a_call_that_fails_is_made_again_and_again_less_often() -> None:
    story = automatic(ADP)
    story.tell(join("ann"))
    pauses = []
    for _ in range(7):
        [ended] = story.hear(SessionRefused(story.now, "c1", calls(story)[-1], "no worker runs"))
        assert isinstance(ended, CallEnded)
        assert ended.retry_at is not None
        pause = (ended.retry_at - story.now).total_seconds()
        pauses.append(pause)
        assert story.wait(pause - 0.1) == []
        assert kinds(story.wait(0.1)) == ["CallRequested"]

    assert pauses == [2, 4, 8, 16, 32, 60, 60]
    assert len(set(calls(story))) == 8


def test_required_encryption_holds_for_the_spare_address_too() -> None:
    vmr = msgspec.structs.replace(OPEN, crypto_mode="on")
    for spare, allowed in ((RTMP, False), (RTMPS, True)):
        url = msgspec.structs.replace(RTMPS, delivery=Delivery(backup=spare))
        story = Story(vmr)
        story.tell(join("ann"), dial("tube"))
        heard = kinds(story.hear(routed("tube", url)))
        assert heard == ["CallProgressed" if allowed else "CallEnded"]


def test_one_that_its_worker_has_given_up_is_not_made_again_soon() -> None:
    """The worker has tried for as long as trying helps; two who try would be a storm."""
    story = automatic(ADP)
    story.tell(join("ann"))
    for _ in range(3):
        [ended] = story.hear(changed(calls(story)[-1], "failed", code="auth-failed"))
        assert isinstance(ended, CallEnded)
        assert story.wait(299) == []
        assert kinds(story.wait(1)) == ["CallRequested"]


def test_one_that_its_worker_still_tries_is_left_to_it() -> None:
    story = automatic(ADP)
    story.tell(join("ann"))
    for state in ("connecting", "recovering"):
        story.hear(changed(calls(story)[-1], state, code="dns", reason="host name not found"))
        assert story.wait(600) == []
    assert len(calls(story)) == 1


def test_a_first_attempt_that_is_tried_again_says_what_stands_in_the_way() -> None:
    story = Story()
    story.tell(join("ann"), dial("tube"))
    assert kinds(story.hear(changed("tube", "connecting"))) == ["CallProgressed"]
    refused = changed("tube", "connecting", code="connect-refused", reason="nothing listens")

    assert kinds(story.hear(refused)) == ["CallProgressed"]
    assert story.hear(refused) == [], "said once"
    tube = story.view.find("tube")
    assert tube is not None
    assert (tube.state, tube.detail) == ("connecting", "nothing listens")
    assert not story.view.streaming

    story.hear(changed("tube", "publishing"))
    tube = story.view.find("tube")
    assert tube is not None
    assert (tube.state, tube.detail) == ("connected", "")


def test_a_warning_is_shown_while_it_holds_and_the_call_stays_connected() -> None:
    story = Story()
    story.tell(join("ann"), dial("tube"))
    story.hear(changed("tube", "publishing"))
    slow = changed("tube", "publishing", code="overflow", reason="bit rate too high")
    details = []
    for news in (slow, slow, changed("tube", "publishing")):
        story.hear(news)
        tube = story.view.find("tube")
        assert tube is not None
        assert tube.state == "connected"
        details.append(tube.detail)
    assert details == ["bit rate too high", "bit rate too high", ""]

    story.hear(changed("tube", "recovering", code="overflow", reason="bit rate too high"))
    assert kinds(story.hear(slow)) == ["CallConnected", "CallProgressed"]


def test_a_connection_makes_good_what_failed_before() -> None:
    story = automatic(ADP)
    story.tell(join("ann"))
    for _ in range(3):
        story.hear(SessionRefused(story.now, "c1", calls(story)[-1], "no worker runs"))
        story.wait(60)
    story.hear(changed(calls(story)[-1], "publishing"))
    [ended] = story.hear(changed(calls(story)[-1], "stopped"))

    assert isinstance(ended, CallEnded)
    assert ended.retry_at is not None
    assert (ended.retry_at - story.now).total_seconds() == 2


@pytest.mark.parametrize(
    ("adp", "end"),
    [
        (msgspec.structs.replace(ADP, retry=False), changed("i1-a3-1", "failed", code="dns")),
        (ADP, CallRefused(START, "c1", "i1-a3-1", "encryption-required", "no")),
    ],
    ids=["once", "no-attempt-can-help"],
)
def test_it_is_not_made_again(adp: Automatic, end: Any) -> None:
    story = automatic(adp)
    story.tell(join("ann"))
    story.hear(end)

    assert story.wait(1000) == []


def test_somebody_who_hangs_up_on_it_is_obeyed() -> None:
    story = automatic(ADP)
    story.tell(join("ann"), Leave("c1", "i1-a3-1"), join("bob"))

    assert story.wait(1000) == []


def test_it_is_not_made_again_once_the_conference_is_over_or_it_is_deleted() -> None:
    over, deleted = automatic(ADP), automatic(ADP)
    for story in (over, deleted):
        story.tell(join("ann"))
        story.hear(changed("i1-a3-1", "failed", code="dns"))
    over.tell(EndConference("c1"))
    deleted.vmr = OPEN

    assert over.wait(1000) == deleted.wait(1000) == []


def test_where_there_is_no_room_it_is_dialled_when_there_is() -> None:
    story = automatic(ADP, participant_limit=2)
    story.tell(dial("tube"))
    [joined, refused] = story.tell(join("ann"))
    assert kinds([joined, refused]) == ["ParticipantJoined", "AutomaticCallRefused"]
    story.tell(Leave("c1", "tube"))

    assert kinds(story.wait(2)) == ["CallRequested"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"destination": RTMP}, "encryption-required"),
        ({"presentation": RTMP}, "encryption-required"),
        ({"protocol": "sip"}, "protocol"),
    ],
)
def test_what_cannot_be_dialled_says_why_and_is_left(changes: Any, code: str) -> None:
    story = automatic(msgspec.structs.replace(ADP, **changes), crypto_mode="on")
    [*_, refused] = story.tell(join("ann"))

    assert isinstance(refused, AutomaticCallRefused)
    assert (refused.automatic, refused.code, refused.retry_at) == (3, code, None)
    assert story.who() == ["ann"]


def test_by_rule_the_rule_decides_about_protocol_and_encryption() -> None:
    adp = msgspec.structs.replace(
        ADP, destination=RTMP, protocol="sip", routing="routing_rule", location="DMZ"
    )
    story = automatic(adp, crypto_mode="on")
    [*_, call] = story.tell(join("ann"))

    assert isinstance(call, CallRequested)
    assert (call.routing, call.location, call.crypto_mode) == ("routing_rule", "DMZ", "on")
