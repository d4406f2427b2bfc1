"""What there is to tell of a conference, by what happened to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from proto.conference import (
    AutomaticCallRefused,
    CallConnected,
    CallEnded,
    CallLegChanged,
    CallProgressed,
    CallRequested,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceLocked,
    ConferenceStarted,
    GuestsMuted,
    OutsideReported,
    ParticipantAdmitted,
    ParticipantJoined,
    ParticipantLeft,
    PresentationStarted,
    PresentationStopped,
    RoleChanged,
)
from proto.urls import SealedUrl
from proto.webhooks import Notice
from services.webhooks.core.fold import Fold
from services.webhooks.core.tell import tell

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
TUBE = SealedUrl("tube.destination", "rtmps://tube/live/***", "rtmps", "0badcafe")
FILE = SealedUrl("ann.media", "https://files/***", "https", "feedbeef")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def started(seconds: float = 0) -> ConferenceStarted:
    return ConferenceStarted(at(seconds), "town-hall-1", "i-1", "Town Hall")


def joined(who: str = "ann", *, waiting: bool = False, seconds: float = 1) -> ParticipantJoined:
    return ParticipantJoined(at(seconds), who, who.title(), "guest", FILE, waiting=waiting)


def requested(**more: Any) -> CallRequested:
    return CallRequested(
        *(at(2), "tube", "Tube", "guest", TUBE, "rtmp", "routing_rule", "", True),
        keep_conference_alive="keep_conference_alive_never",
        **more,
    )


def told(*commits: list[ConferenceEvent]) -> list[Notice]:
    fold, notices = Fold("town-hall-1"), []
    for version, commit in enumerate(commits, 1):
        fold, more = tell(fold, commit, version)
        notices += more
    return notices


def types(notices: list[Notice]) -> list[str]:
    return [one.type for one in notices]


def test_a_stream_from_the_request_to_its_end() -> None:
    notices = told(
        [started(), requested()],
        [CallProgressed(at(3), "tube", "routed")],
        [CallProgressed(at(3), "tube", "assigned", session="s")],
        [CallProgressed(at(4), "tube", "connecting")],
        [CallConnected(at(5), "tube", encrypted=True)],
        [CallProgressed(at(8), "tube", "recovering", "connection lost")],
        [CallConnected(at(9), "tube", encrypted=True)],
        [CallEnded(at(15), "tube", "disconnected", "API initiated participant disconnect")],
        [ConferenceEnded(at(15), "i-1", "over")],
    )

    assert types(notices) == [
        "conference_started",
        "stream_requested",
        "stream_routed",
        "stream_assigned",
        "stream_connecting",
        "stream_connected",
        "participant_connected",
        "conference_updated",
        "stream_recovering",
        "stream_connected",
        "stream_ended",
        "participant_disconnected",
        "conference_updated",
        "conference_ended",
    ]
    connected, participant, live = notices[5:8]
    assert connected.data["connect_time"] == at(5).timestamp()
    assert participant.data["uuid"] == "tube"
    assert participant.data["protocol"] == "RTMP"
    assert participant.data["is_streaming"] is True
    assert participant.data["encryption"] == "On"
    assert participant.data["destination_alias"] == "rtmps://tube/live/***"
    assert participant.data["fingerprint"] == "0badcafe"
    assert live.data["changed"] == ["is_started", "streaming"]
    ended, gone = notices[10:12]
    assert (ended.data["code"], ended.data["duration"]) == ("disconnected", 10.0)
    assert gone.data["disconnect_reason"] == "API initiated participant disconnect"
    assert notices[-1].data["duration"] == 15.0


def test_a_call_that_is_never_connected_was_no_participant() -> None:
    notices = told(
        [started(), joined(), requested()],
        [CallEnded(at(4), "tube", "connect-refused", "refused")],
    )

    assert types(notices)[-2:] == ["stream_requested", "stream_ended"]
    assert notices[-1].data["duration"] == 0.0


def test_who_waits_for_a_host_is_in_the_waiting_room() -> None:
    notices = told(
        [started(), joined(waiting=True)],
        [ParticipantAdmitted(at(5), "ann")],
        [ParticipantLeft(at(9), "ann", "bye")],
    )

    assert types(notices) == [
        "conference_started",
        "participant_connected",
        "participant_updated",
        "conference_updated",
        "participant_disconnected",
        "conference_updated",
    ]
    assert notices[1].data["service_type"] == "waiting_room"
    assert notices[2].data["changed"] == ["service_type"]
    assert notices[3].data["changed"] == ["is_started"]
    assert notices[4].data["disconnect_reason"] == "bye"
    assert notices[4].data["duration"] == 8.0


def test_muting_all_guests_is_told_of_each_of_them() -> None:
    notices = told(
        [started(), joined("ann"), joined("bob")],
        [RoleChanged(at(2), "bob", "chair")],
        [GuestsMuted(at(3), on=True)],
        [ConferenceLocked(at(4), on=True)],
    )

    changes = [(n.type, n.data.get("uuid"), n.data.get("changed")) for n in notices[-4:]]
    assert changes == [
        ("participant_updated", "bob", ["role"]),
        ("participant_updated", "ann", ["is_muted"]),
        ("conference_updated", "i-1", ["guests_muted"]),
        ("conference_updated", "i-1", ["is_locked"]),
    ]


def test_who_presents_is_told_twice_of_the_person_and_of_the_conference() -> None:
    notices = told(
        [started(), joined("ann"), joined("bob")],
        [PresentationStarted(at(3), "ann")],
        [PresentationStarted(at(4), "bob")],
        [PresentationStopped(at(5), "bob")],
    )

    presenting = [(n.type, n.data.get("is_presenting", n.data.get("presenter"))) for n in notices]
    assert presenting[4:] == [
        ("participant_updated", True),
        ("conference_updated", "ann"),
        ("participant_updated", False),
        ("participant_updated", True),
        ("conference_updated", "bob"),
        ("participant_updated", False),
        ("conference_updated", ""),
    ]


def test_a_recording_is_no_stream() -> None:
    record = SealedUrl("tube.destination", "record://town", "record")
    call = msgspec.structs.replace(requested(), destination=record)
    notices = told([started(), call], [CallConnected(at(3), "tube")])

    assert notices[2].data["recording"] is True
    assert notices[3].data["protocol"] == "RECORD"
    assert (notices[3].data["is_streaming"], notices[3].data["is_recording"]) == (False, True)
    assert notices[4].data["changed"] == ["is_started", "recording"]


def test_a_rule_may_make_a_recording_of_a_stream() -> None:
    notices = told(
        [started(), requested()],
        [CallProgressed(at(3), "tube", "routed", recording=True)],
        [CallConnected(at(4), "tube")],
    )

    assert notices[4].data["is_recording"] is True


def test_the_presentation_of_a_dual_stream_is_told_of_the_stream() -> None:
    second = SealedUrl("tube.presentation", "rtmp://tube/slides/***", "rtmp", "0ff1ce00")
    notices = told(
        [started(), requested(presentation_destination=second)],
        [CallConnected(at(3), "tube")],
        [CallLegChanged(at(4), "tube", "failed", "connect-refused", "refused")],
    )

    assert notices[1].data["presentation_url"] == "rtmp://tube/slides/***"
    assert notices[-1].type == "stream_updated"
    assert notices[-1].data["presentation_state"] == "failed"


def test_an_automatic_call_that_cannot_be_made_is_a_stream_that_was_refused() -> None:
    refused = AutomaticCallRefused(at(2), 7, "Recorder", "full", "all places are taken", at(60))
    [notice] = told([started(), refused])[1:]

    assert notice.type == "stream_refused"
    assert notice.data["automatic"] == 7
    assert notice.data["retry_time"] == at(60).timestamp()


def test_a_meeting_outside_that_is_recorded_makes_the_conference_a_recorded_one() -> None:
    notices = told(
        [started(), joined()],
        [OutsideReported(at(2), "recording", "teams", on=True)],
        [OutsideReported(at(3), "recording", "teams", on=False)],
    )

    assert [n.data["recording"] for n in notices if n.data.get("changed") == ["recording"]] == [
        True,
        False,
    ]


def test_what_happened_before_the_log_begins_is_not_told() -> None:
    assert told([ParticipantLeft(at(1), "ann", "bye")], [ConferenceEnded(at(2), "i-0", "x")]) == []


def test_numbers_go_on_over_the_instances_of_a_conference_and_ids_are_never_the_same() -> None:
    again = msgspec.structs.replace(started(20), instance="i-2")
    notices = told(
        [started(), joined()],
        [ParticipantLeft(at(9), "ann", "x"), ConferenceEnded(at(9), "i-1", "x")],
        [again, joined("bob", seconds=21)],
    )

    assert [n.seq for n in notices] == list(range(1, len(notices) + 1))
    assert len({n.id for n in notices}) == len(notices)
    assert notices[-1].instance == "i-2"


def test_changes_that_nobody_sees_are_not_told() -> None:
    assert types(told([started(), joined()], [RoleChanged(at(2), "ann", "guest")])) == [
        "conference_started",
        "participant_connected",
        "conference_updated",
    ]


STORY: list[list[ConferenceEvent]] = [
    [started(), joined()],
    [requested()],
    [CallProgressed(at(3), "tube", "routed")],
    [CallConnected(at(4), "tube")],
    [PresentationStarted(at(5), "ann")],
    [GuestsMuted(at(6), on=True)],
    [CallEnded(at(7), "tube", "disconnected", "x")],
    [ParticipantLeft(at(8), "ann", "x"), ConferenceEnded(at(8), "i-1", "x")],
]


@given(st.lists(st.integers(0, len(STORY)), max_size=4))
def test_whoever_goes_on_from_what_was_kept_tells_the_same(deaths: list[int]) -> None:
    """The fold goes through its stored form wherever a replica dies."""
    fold, notices = Fold("town-hall-1"), []
    for version, commit in enumerate(STORY, 1):
        if version in deaths:
            fold = msgspec.json.decode(msgspec.json.encode(fold), type=Fold)
        fold, more = tell(fold, commit, version)
        notices += more

    assert notices == told(*STORY)


def located(*commits: list[ConferenceEvent]) -> list[tuple[str, list[str]]]:
    return [(one.type, one.locations) for one in told(*commits)]


def test_what_happens_is_of_the_location_where_it_happens() -> None:
    ann = msgspec.structs.replace(joined(), location="Oslo")
    bob = msgspec.structs.replace(joined("bob"), location="Bergen")
    call = msgspec.structs.replace(requested(), location="Oslo")
    found = located(
        [started(), ann],
        [bob],
        [call],
        [CallProgressed(at(3), "tube", "routed", location="Molde")],
        [ParticipantLeft(at(4), "bob", "left")],
        [ConferenceEnded(at(5), "i-1", "over")],
    )

    assert found == [
        ("conference_started", ["Oslo"]),
        ("participant_connected", ["Oslo"]),
        ("conference_updated", ["Oslo"]),
        ("participant_connected", ["Bergen"]),
        ("stream_requested", ["Oslo"]),
        ("stream_routed", ["Molde"]),
        ("participant_disconnected", ["Bergen"]),
        ("conference_ended", ["Bergen", "Molde", "Oslo"]),
    ]


def test_who_has_no_location_is_where_the_conference_is() -> None:
    ann = msgspec.structs.replace(joined(), location="Oslo")

    assert located([started()], [joined("bob")])[1] == ("participant_connected", [])
    assert located([started(), ann], [joined("bob")])[-1] == ("participant_connected", ["Oslo"])
    assert located([started(), ann, ConferenceEnded(at(5), "i-1", "over")], [started(9)])[-1] == (
        "conference_started",
        [],
    )
