"""What is remembered of conferences that are over."""

from datetime import UTC, datetime, timedelta

from proto.conference import (
    CallConnected,
    CallEnded,
    CallRequested,
    ConferenceEnded,
    ConferenceStarted,
    ParticipantJoined,
    ParticipantLeft,
    RoleChanged,
)
from proto.urls import SealedUrl
from services.gateway.core.past import Past

START = datetime(2026, 1, 1, tzinfo=UTC)
URL = SealedUrl("tube.destination", "rtmps://host:443/live/***", "rtmps")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def called(who: str, when: float) -> CallRequested:
    return CallRequested(
        at(when),
        who,
        "Tube",
        "guest",
        URL,
        "rtmp",
        "manual",
        "",
        True,
        "keep_conference_alive_never",
    )


def a_meeting(past: Past, instance: str = "i1", key: str = "town-hall-1") -> None:
    for event in (
        ConferenceStarted(at(0), key, instance, "Town Hall"),
        ParticipantJoined(at(0), f"ada-{instance}", "Ada", "guest"),
        RoleChanged(at(1), f"ada-{instance}", "chair"),
        called(f"tube-{instance}", 10),
        CallConnected(at(12), f"tube-{instance}", True),
        CallEnded(at(72), f"tube-{instance}", "publish-rejected", "The name is in use"),
        ParticipantLeft(at(100), f"ada-{instance}", "Disconnected"),
        ConferenceEnded(at(100), instance, "Nobody is left"),
    ):
        past.learn(key, event)


def test_a_gateway_call_is_remembered_with_how_its_caller_came_in() -> None:
    past = Past()
    for event in (
        ConferenceStarted(at(0), "call_1", "i1", "Out to the tube", service_type="gateway"),
        ParticipantJoined(
            at(0), "ann", "Ann", "chair", protocol="sip", called="sip:***", location="Oslo"
        ),
        called("tube", 0),
        CallEnded(at(3), "tube", "dns", "The name is unknown"),
        ParticipantLeft(at(3), "ann", "Gateway dial out failed"),
        ConferenceEnded(at(3), "i1", "Gateway dial out failed"),
    ):
        past.learn("call_1", event)
    [call] = past.conferences()
    ann, tube = past.participant("ann"), past.participant("tube")

    assert (call.service_type, call.disconnect_reason) == ("gateway", "Gateway dial out failed")
    assert ann is not None
    assert tube is not None
    assert (ann.protocol, ann.local_alias, ann.call_direction) == ("SIP", "sip:***", "in")
    assert ann.disconnect_reason == "Gateway dial out failed"
    assert (tube.protocol, tube.call_direction, tube.disconnect_code) == ("RTMP", "out", "dns")


def test_a_conference_is_remembered_once_it_is_over() -> None:
    past = Past()
    past.learn("k", ConferenceStarted(at(0), "k", "i1", "Town Hall"))
    assert past.conferences() == []
    past.learn("k", ConferenceEnded(at(61), "i1", "Nobody is left"))
    [found] = past.conferences()
    assert (found.id, found.duration, found.disconnect_reason) == ("i1", 61, "Nobody is left")


def test_a_call_lasts_from_its_answer_to_its_end() -> None:
    past = Past()
    a_meeting(past)
    tube = past.participant("tube-i1")
    assert tube is not None
    assert (tube.duration, tube.encryption, tube.is_streaming) == (60, "On", True)
    assert (tube.disconnect_code, tube.disconnect_reason) == (
        "publish-rejected",
        "The name is in use",
    )
    assert (tube.remote_alias, tube.conference) == (
        URL.redacted,
        "/api/admin/history/v1/conference/i1/",
    )


def test_a_call_that_was_never_answered_lasted_no_time() -> None:
    past = Past()
    past.learn("k", ConferenceStarted(at(0), "k", "i1", "Town Hall"))
    past.learn("k", called("tube", 5))
    past.learn("k", CallEnded(at(30), "tube", "connect-refused", "Nobody is there"))
    tube = past.participant("tube")
    assert tube is not None
    assert (tube.connect_time, tube.duration, tube.end_time) == (None, 0, at(30))


def test_who_is_there_at_the_end_leaves_with_the_conference() -> None:
    past = Past()
    past.learn("k", ConferenceStarted(at(0), "k", "i1", "Town Hall"))
    past.learn("k", ParticipantJoined(at(0), "ada", "Ada", "chair"))
    past.learn("k", ConferenceEnded(at(9), "i1", "Nobody is left"))
    ada = past.participant("ada")
    assert ada is not None
    assert (ada.duration, ada.disconnect_reason) == (9, "Nobody is left")


def test_a_role_is_the_last_one() -> None:
    past = Past()
    a_meeting(past)
    ada = past.participant("ada-i1")
    assert ada is not None
    assert ada.role == "chair"


def test_the_newest_are_kept_and_shown_first() -> None:
    past = Past(remembered=2)
    for instance in ("i1", "i2", "i3"):
        a_meeting(past, instance)
    assert [one.id for one in past.conferences()] == ["i3", "i2"]
    assert [one.id for one in past.participants()] == ["ada-i3", "tube-i3"]
    assert past.conference("i1") is None


def test_what_began_before_the_log_does_is_passed_over() -> None:
    past = Past()
    past.learn("k", ParticipantLeft(at(0), "ada", "Disconnected"))
    past.learn("k", ConferenceEnded(at(0), "i0", "Nobody is left"))
    assert (past.conferences(), past.participants()) == ([], [])
