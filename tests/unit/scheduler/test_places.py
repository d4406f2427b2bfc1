"""Where conferences are mixed and streams leave from, and what is said when it is elsewhere."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from proto.base import encode
from proto.conference import CallRequested, ParticipantJoined
from proto.config import SystemLocation
from proto.media import Rendition
from proto.places import mixing, sending
from proto.routing import CallRouted
from proto.scheduler import (
    Bid,
    Declined,
    MixAssigned,
    Offer,
    SessionAssigned,
    SessionRefused,
    decode_commit,
)
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView, WorkerView
from services.scheduler.core import (
    Work,
    assign_call,
    assign_mix,
    best,
    can_follow,
    evolve,
    hand_over,
    home_now,
    home_of,
    move_mix,
    why_there,
    wish,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
URL = SealedUrl("tube.destination", "rtmp://ingest.example.com/live/***", "rtmp")
CALL = CallRouted(NOW, "c1", "tube", URL, "Oslo")
WANTED = replace(wish(CALL, "hd", Rendition()), overflow=["Bergen", "Paris"], host="h1")
KNOWN = {
    place.name: place
    for place in (
        SystemLocation("Oslo", overflow_location1="Bergen", overflow_location2="Paris"),
        SystemLocation("Edge", transcoding_location="Oslo", overflow_location1="Paris"),
        SystemLocation("Loop", overflow_location1="Loop", overflow_location2="Bergen"),
        SystemLocation("Second", overflow_location2="Paris"),
    )
}
ORDER = ("Oslo", "Bergen", "Paris")


def at(place: str, free: int = 1, **more: bool) -> Offer:
    return Offer(place.lower(), free, location=place, **more)


def full(place: str) -> Declined:
    return Declined(place.lower(), "has no core left", "full", place)


def drained(place: str) -> Declined:
    return Declined(place.lower(), "is being drained", "draining", place)


@pytest.mark.parametrize(
    ("location", "mixed", "sent"),
    [
        pytest.param("", (), (), id="none-is-known"),
        pytest.param("Rome", ("Rome",), ("Rome",), id="not-configured"),
        pytest.param("Oslo", ORDER, ORDER, id="overflow"),
        pytest.param("Edge", ("Oslo", "Paris"), ("Edge", "Paris"), id="transcoding"),
        pytest.param("Loop", ("Loop", "Bergen"), ("Loop", "Bergen"), id="itself"),
        pytest.param("Second", ("Second", "Paris"), ("Second", "Paris"), id="second-alone"),
    ],
)
def test_which_places_are_preferred(
    location: str, mixed: tuple[str, ...], sent: tuple[str, ...]
) -> None:
    assert mixing(location, KNOWN) == mixed
    assert sending(location, KNOWN) == sent


TABLE = [
    pytest.param([at("Oslo"), at("Bergen", 9), at("Paris", 9), at("Rome", 9)], "Oslo", id="home"),
    pytest.param([full("Oslo"), at("Bergen"), at("Paris", 9), at("Rome", 9)], "Bergen", id="full"),
    pytest.param([drained("Oslo"), at("Bergen"), at("Paris", 9)], "Bergen", id="drained"),
    pytest.param([at("Oslo", 0), full("Bergen"), at("Paris"), at("Rome", 9)], "Paris", id="second"),
    pytest.param([at("Paris"), at("Rome", 9)], "Paris", id="nobody-runs-in-two"),
    pytest.param([full("Oslo"), full("Bergen"), full("Paris"), at("Rome")], "Rome", id="anywhere"),
    pytest.param([at("Oslo"), at("Bergen", hardware=True)], "Oslo", id="place-before-hardware"),
    pytest.param([at("Oslo"), at("Bergen", same_host=True)], "Oslo", id="place-before-host"),
    pytest.param([at("Oslo", leaving=True), at("Paris")], "Paris", id="who-stays-before-place"),
    pytest.param([at("Oslo", leaving=True), full("Bergen")], "Oslo", id="who-leaves-before-none"),
    pytest.param([full("Oslo"), drained("Bergen")], None, id="nobody"),
]


@pytest.mark.parametrize(("bids", "place"), TABLE)
def test_the_first_place_with_room_is_taken(bids: list[Bid], place: str | None) -> None:
    for found in (best(bids, ORDER), best(bids[::-1], ORDER)):
        assert (found and found.location) == place


@pytest.mark.parametrize(("bids", "place"), TABLE)
def test_what_is_elsewhere_says_why(bids: list[Bid], place: str | None) -> None:
    [event] = assign_mix(Work(), "c1", "i1", bids, len(bids), NOW, "Oslo", ORDER)
    if place is None:
        assert not isinstance(event, MixAssigned)
        return
    assert isinstance(event, MixAssigned)
    assert (event.place, event.home) == (place, "Oslo")
    assert bool(event.misplaced) == (place != "Oslo")
    nearer = ORDER[: ORDER.index(place)] if place in ORDER else ORDER
    assert all(f"“{one}”" in event.misplaced for one in nearer)
    assert decode_commit(encode([event])) == [event]


@pytest.mark.parametrize(
    ("bids", "said"),
    [
        pytest.param(
            [full("Oslo"), at("Bergen")],
            "overflow, in location “Bergen”: “Oslo” has nobody with room (oslo: has no core left)",
            id="overflow",
        ),
        pytest.param(
            [at("Oslo", 0), drained("Bergen"), at("Rome")],
            "anywhere, in location “Rome”: “Oslo” has nobody with room (oslo: full); "
            "“Bergen” has nobody with room (bergen: is being drained); "
            "“Paris” has nobody who answered",
            id="anywhere",
        ),
        pytest.param([at("Oslo")], "", id="home"),
    ],
)
def test_the_reason_names_every_worker_that_was_nearer(bids: list[Bid], said: str) -> None:
    offer = best(bids, ORDER)
    assert offer is not None
    assert why_there(bids, offer, ORDER) == said


@pytest.mark.parametrize(
    ("beside", "chosen", "said"),
    [
        pytest.param([], at("Oslo"), "nobody answered there", id="nobody"),
        pytest.param(
            [Declined("a", "has no core left", "full", "Oslo", same_host=True)],
            at("Oslo"),
            "a: has no core left",
            id="declined",
        ),
        pytest.param(
            [Offer("a", 3, location="Oslo", same_host=True)],
            at("Oslo", hardware=True),
            "a: has no hardware encoder free",
            id="hardware",
        ),
        pytest.param(
            [Offer("a", 3, location="Oslo", same_host=True, leaving=True)],
            at("Oslo"),
            "a: is being drained",
            id="leaving",
        ),
        pytest.param(
            [Offer("a", 3, location="Paris", same_host=True)],
            at("Oslo"),
            "a: is in location “Paris”",
            id="elsewhere",
        ),
    ],
)
def test_why_the_mixers_host_was_not_chosen(beside: list[Bid], chosen: Offer, said: str) -> None:
    bids = [*beside, chosen]
    assert best(bids, ORDER) == chosen
    [session, _] = assign_call(Work(), CALL, WANTED, bids, len(bids), lambda: "s1", NOW)
    assert isinstance(session, SessionAssigned)
    assert session.misplaced == f"not on the mixer's host: {said}"


def test_a_reason_that_many_workers_give_can_still_be_read() -> None:
    many: list[Bid] = [Declined(f"w{n}", "has no core left", "full", "Oslo") for n in range(200)]
    [event] = assign_mix(Work(), "c1", "i1", [*many, at("Paris")], 201, NOW, "Oslo", ORDER)
    assert decode_commit(encode([event])) == [event]


def test_a_stream_keeps_its_own_location_where_it_overflows() -> None:
    """So that it goes home when it has to move again, and there is room."""
    bids: list[Bid] = [full("Oslo"), at("Bergen", same_host=True)]
    [session, _] = assign_call(Work(), CALL, WANTED, bids, 2, lambda: "s1", NOW)
    assert isinstance(session, SessionAssigned)
    assert (session.worker, session.location, session.place) == ("bergen", "Oslo", "Bergen")

    work = evolve(Work(), session)
    work = evolve(work, assign_call(work, CALL, WANTED, [], 0, str, NOW)[0])
    back = [at("Oslo"), at("Paris", 9)]
    moved = hand_over(
        work, "c1", work.sessions["s1"], WANTED, back, {"s1"}, set(), lambda: "s2", NOW
    )
    assert isinstance(moved[0], SessionAssigned)
    assert (moved[0].worker, moved[0].location, moved[0].place) == ("oslo", "Oslo", "Oslo")


def test_who_is_refused_everywhere_hears_every_workers_reason() -> None:
    bids: list[Bid] = [full("Oslo"), drained("Bergen"), full("Paris")]
    [event] = assign_call(Work(), CALL, WANTED, bids, 3, lambda: "s1", NOW)
    assert isinstance(event, SessionRefused)
    assert [one.worker for one in event.refusals] == ["oslo", "bergen", "paris"]
    assert "in location “Oslo” or “Bergen” or “Paris” has room" in event.reason


def test_a_mix_that_is_drained_goes_by_the_same_preferences() -> None:
    work = evolve(Work(), MixAssigned(NOW, "c1", "i1", "old", "Oslo", "Oslo"))
    bids: list[Bid] = [full("Oslo"), at("Rome", 9), at("Bergen")]
    offer = best(bids, ORDER)
    assert offer is not None
    event = move_mix(work, "c1", offer, NOW, bids, "Oslo", ORDER)[1]
    assert isinstance(event, MixAssigned)
    assert (event.place, event.home) == ("Bergen", "Oslo")
    assert event.misplaced


def test_a_mix_may_go_where_its_streams_may_overflow() -> None:
    session = SessionAssigned(NOW, "c1", "s1", "gone", WANTED.feed, WANTED.rendition, "Oslo")
    work = evolve(Work(), session)
    bergen = WorkerView("e2", "egress", "Bergen", "h2", 8, 0)
    assert can_follow(work, "h2", [bergen], KNOWN)
    assert not can_follow(work, "h2", [replace(bergen, location="Rome")], KNOWN)
    assert not can_follow(work, "h2", [bergen], {})
    nailed = evolve(Work(), replace(session, node="h2"))
    assert not can_follow(nailed, "h2", [bergen], KNOWN), "a node's call is strict"


def joined(who: str, location: str) -> ParticipantJoined:
    return ParticipantJoined(NOW, who, who, "chair", location=location)


def called(location: str) -> CallRequested:
    return CallRequested(
        NOW,
        "tube",
        "Tube",
        "guest",
        URL,
        "rtmp",
        "manual",
        location,
        True,
        "keep_conference_alive_never",
    )


@pytest.mark.parametrize(
    ("commit", "home"),
    [
        pytest.param([], "", id="nobody"),
        pytest.param([joined("ann", ""), joined("bob", "Oslo")], "Oslo", id="first-to-have-one"),
        pytest.param([called("Paris"), joined("ann", "Oslo")], "Oslo", id="people-first"),
        pytest.param([called("Paris"), joined("ann", "")], "Paris", id="a-dialled-call"),
    ],
)
def test_the_first_who_came_in_decides(
    commit: Sequence[ParticipantJoined | CallRequested], home: str
) -> None:
    assert home_of(commit) == home


def test_what_a_conference_is_mixed_by_stays() -> None:
    people = [ParticipantView("bob", "Bob", "chair", location="Paris")]
    view = ConferenceView("c1", 1, instance="i1", participants=people)
    mixed = evolve(Work(), MixAssigned(NOW, "c1", "i1", "m", "Oslo", "Oslo"))
    assert home_now(view, mixed, "i1") == "Oslo", "though who came in there has left"
    assert home_now(None, mixed, "i1") == "Oslo"
    assert home_now(view, Work(instance="i1"), "i1") == "Paris"
    assert home_now(replace(view, instance="i2"), mixed, "i2") == "Paris", "another instance"
    assert home_now(view, mixed, "i2") == "", "its view is on its way"
    session = SessionAssigned(NOW, "c1", "s1", "e", WANTED.feed, WANTED.rendition, "Rome")
    alone = replace(view, participants=[])
    assert home_now(alone, evolve(Work(instance="i1"), session), "i1") == "Rome"
