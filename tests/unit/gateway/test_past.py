"""What is remembered of conferences that are over."""

from datetime import UTC, datetime, timedelta

from proto.conference import (
    CallConnected,
    CallEnded,
    CallRequested,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceStarted,
    ParticipantJoined,
    ParticipantLeft,
    RoleChanged,
)
from proto.urls import SealedUrl
from services.gateway.core.past import Change, ConferenceHistory, ParticipantHistory, Past

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


class Told:
    """All that was handed out as being over, by id."""

    def __init__(self) -> None:
        self.past = Past()
        self.changes: list[Change] = []

    def learn(self, key: str, *events: ConferenceEvent) -> None:
        for event in events:
            self.changes += self.past.learn(key, event)

    def conferences(self) -> dict[str, ConferenceHistory]:
        over = [change.record for change in self.changes if change.record.end_time]
        return {one.id: one for one in over if isinstance(one, ConferenceHistory)}

    def participants(self) -> dict[str, ParticipantHistory]:
        over = [change.record for change in self.changes if change.record.end_time]
        return {one.id: one for one in over if isinstance(one, ParticipantHistory)}


def a_meeting(instance: str = "i1", key: str = "town-hall-1") -> list[ConferenceEvent]:
    return [
        ConferenceStarted(at(0), key, instance, "Town Hall"),
        ParticipantJoined(at(0), f"ada-{instance}", "Ada", "guest"),
        RoleChanged(at(1), f"ada-{instance}", "chair"),
        called(f"tube-{instance}", 10),
        CallConnected(at(12), f"tube-{instance}", True),
        CallEnded(at(72), f"tube-{instance}", "publish-rejected", "The name is in use"),
        ParticipantLeft(at(100), f"ada-{instance}", "Disconnected"),
        ConferenceEnded(at(100), instance, "Nobody is left"),
    ]


def test_a_gateway_call_is_remembered_with_how_its_caller_came_in() -> None:
    told = Told()
    told.learn(
        "call_1",
        ConferenceStarted(at(0), "call_1", "i1", "Out to the tube", service_type="gateway"),
        ParticipantJoined(
            at(0), "ann", "Ann", "chair", protocol="sip", called="sip:***", location="Oslo"
        ),
        called("tube", 0),
        CallEnded(at(3), "tube", "dns", "The name is unknown"),
        ParticipantLeft(at(3), "ann", "Gateway dial out failed"),
        ConferenceEnded(at(3), "i1", "Gateway dial out failed"),
    )
    call = told.conferences()["i1"]
    ann, tube = told.participants()["ann"], told.participants()["tube"]

    assert (call.service_type, call.disconnect_reason) == ("gateway", "Gateway dial out failed")
    assert (ann.protocol, ann.local_alias, ann.call_direction) == ("SIP", "sip:***", "in")
    assert ann.disconnect_reason == "Gateway dial out failed"
    assert (tube.protocol, tube.call_direction, tube.disconnect_code) == ("RTMP", "out", "dns")


def test_a_conference_is_past_once_it_is_over() -> None:
    told = Told()
    told.learn("k", ConferenceStarted(at(0), "k", "i1", "Town Hall"))
    assert told.conferences() == {}
    told.learn("k", ConferenceEnded(at(61), "i1", "Nobody is left"))
    found = told.conferences()["i1"]
    assert (found.duration, found.disconnect_reason) == (61, "Nobody is left")


def test_a_call_lasts_from_its_answer_to_its_end() -> None:
    told = Told()
    told.learn("town-hall-1", *a_meeting())
    tube = told.participants()["tube-i1"]
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
    told = Told()
    told.learn("k", ConferenceStarted(at(0), "k", "i1", "Town Hall"), called("tube", 5))
    told.learn("k", CallEnded(at(30), "tube", "connect-refused", "Nobody is there"))
    tube = told.participants()["tube"]
    assert (tube.connect_time, tube.duration, tube.end_time) == (None, 0, at(30))


def test_who_is_there_at_the_end_leaves_with_the_conference() -> None:
    told = Told()
    told.learn("k", ConferenceStarted(at(0), "k", "i1", "Town Hall"))
    told.learn("k", ParticipantJoined(at(0), "ada", "Ada", "chair"))
    told.learn("k", ConferenceEnded(at(9), "i1", "Nobody is left"))
    ada = told.participants()["ada"]
    assert (ada.duration, ada.disconnect_reason) == (9, "Nobody is left")


def test_a_role_is_the_last_one() -> None:
    told = Told()
    told.learn("town-hall-1", *a_meeting())
    assert told.participants()["ada-i1"].role == "chair"


def test_who_came_is_counted() -> None:
    told = Told()
    told.learn("town-hall-1", *a_meeting())
    assert told.conferences()["i1"].participant_count == 2


def test_what_began_before_the_log_does_is_passed_over() -> None:
    told = Told()
    told.learn("k", ParticipantLeft(at(0), "ada", "Disconnected"))
    told.learn("k", ConferenceEnded(at(0), "i0", "Nobody is left"))
    assert told.changes == []


def test_one_whose_end_could_not_be_read_is_over_when_the_next_one_begins() -> None:
    told = Told()
    told.learn("k", ConferenceStarted(at(0), "k", "i1", "Town Hall"))
    told.learn("k", ParticipantJoined(at(0), "ada", "Ada", "chair"))
    told.learn("k", ConferenceStarted(at(50), "k", "i2", "Town Hall"))
    assert list(told.conferences()) == ["i1"]
    assert told.participants()["ada"].end_time == at(50)
