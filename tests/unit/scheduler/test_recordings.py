"""What is to be kept goes to who can keep it, and nobody else's stream waits for that."""

from datetime import UTC, datetime

from msgspec.structs import replace

from proto.media import Rendition
from proto.routing import CallRouted
from proto.scheduler import (
    Bid,
    Declined,
    DestinationAssigned,
    Offer,
    SchedulerEvent,
    SessionAssigned,
    SessionRefused,
)
from proto.urls import SealedUrl
from proto.views import WorkerView
from services.scheduler.core import (
    Work,
    assign_call,
    evolve,
    is_mixed,
    is_recording,
    unfit,
    wish,
    without,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
TUBE = SealedUrl("tube.destination", "rtmp://ingest.example.com/live/***", "rtmp")
KEPT = SealedUrl("kept.destination", "record://talk", "record")
STREAM = wish(CallRouted(NOW, "c1", "tube", TUBE, ""), "hd", Rendition())
CALL = CallRouted(NOW, "c1", "kept", KEPT, "")
RECORDING = wish(CALL, "hd", Rendition())
SESSION = SessionAssigned(NOW, "c1", "s1", "plain", STREAM.feed, STREAM.rendition)
TO_TUBE = DestinationAssigned(NOW, "c1", "s1", "plain", "tube", TUBE)
TO_KEPT = DestinationAssigned(NOW, "c1", "s1", "plain", "kept", KEPT)
PLAIN = WorkerView("plain", "egress", "default", "here", 8, 1)
KEEPER = WorkerView("keeper", "egress", "default", "here", 8, 0, records=True)
WORKERS = {"plain": PLAIN, "keeper": KEEPER}


def after(*events: SchedulerEvent) -> Work:
    work = Work()
    for event in events:
        work = evolve(work, event)
    return work


def test_a_recording_says_that_it_is_one() -> None:
    assert (STREAM.recording, RECORDING.recording) == (False, True)
    assert is_recording(after(SESSION, TO_TUBE, TO_KEPT).sessions["s1"])
    assert not is_recording(after(SESSION, TO_TUBE).sessions["s1"])


def test_a_session_whose_worker_keeps_nothing_is_not_given_a_recording() -> None:
    work = after(SESSION, TO_TUBE)
    not_there = unfit(work, RECORDING, WORKERS)
    assert not_there == {"s1"}
    bids: list[Bid] = [Declined("plain", "no-recordings"), Offer("keeper", 7)]
    commit = assign_call(work, CALL, RECORDING, bids, 2, lambda: "s2", NOW, unfit=not_there)
    assert [(type(e), getattr(e, "worker", "")) for e in commit] == [
        (SessionAssigned, "keeper"),
        (DestinationAssigned, "keeper"),
    ]
    [refused] = assign_call(work, CALL, RECORDING, bids[:1], 1, lambda: "s2", NOW, unfit=not_there)
    assert isinstance(refused, SessionRefused)
    assert "plain: no-recordings" in refused.reason


def test_one_whose_worker_does_keep_is_and_streams_may_be_anywhere() -> None:
    work = after(replace(SESSION, worker="keeper"), replace(TO_TUBE, worker="keeper"))
    assert unfit(work, RECORDING, WORKERS) == frozenset()
    assert unfit(after(SESSION, TO_TUBE), STREAM, WORKERS) == frozenset()
    [event] = assign_call(work, CALL, RECORDING, [], 2, lambda: "s2", NOW)
    assert isinstance(event, DestinationAssigned)
    assert event.session == "s1"


def test_streams_beside_a_recording_are_told_apart_from_one_alone() -> None:
    both = after(SESSION, TO_TUBE, TO_KEPT).sessions["s1"]
    assert is_mixed(both)
    assert not is_mixed(without(both, ["tube"]))
    assert not is_mixed(without(both, ["kept"]))
