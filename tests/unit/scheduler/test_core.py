"""Who gets the work, and why nobody does."""

from datetime import UTC, datetime

import msgspec
import pytest

from proto.base import Event
from proto.conference import LegState, Quality, Role, ServiceType
from proto.media import Content, Rendition
from proto.routing import CallRouted
from proto.scheduler import (
    Bid,
    Declined,
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixRefused,
    MixReleased,
    Offer,
    Refusal,
    SchedulerEvent,
    SessionAssigned,
    SessionRefused,
    SessionReleased,
)
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView
from services.scheduler.core import (
    Work,
    assign_call,
    assign_mix,
    audience_of,
    best,
    evolve,
    give_up,
    is_streaming,
    lost_mix,
    move_session,
    orphans,
    release_all,
    release_call,
    room,
    still_wanted,
    wish,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVICE = SealedUrl("tube.destination", "rtmp://ingest.example.com/live/***", "rtmp")
CALL = CallRouted(NOW, "c1", "tube", SERVICE, "")
SECOND = CallRouted(NOW, "c1", "face", SERVICE, "")
WANTED = wish(CALL, "hd", Rendition())
ONE = Offer("egress-1", 2)


def after(*events: SchedulerEvent) -> Work:
    work = Work()
    for event in events:
        work = evolve(work, event)
    return work


MIXED = MixAssigned(NOW, "c1", "i1", "mixer-1")
SESSION = SessionAssigned(NOW, "c1", "s1", "egress-1", WANTED.feed, WANTED.rendition)
DESTINATION = DestinationAssigned(NOW, "c1", "s1", "egress-1", "tube", SERVICE)
ANOTHER = DestinationAssigned(NOW, "c1", "s1", "egress-1", "face", SERVICE)


@pytest.mark.parametrize(
    ("bids", "winner"),
    [
        pytest.param([Offer("a", 1), Offer("b", 5)], "b", id="most-room"),
        pytest.param([Offer("a", 5, hardware=False), Offer("b", 1, hardware=True)], "b", id="gpu"),
        pytest.param([Offer("a", 5), Offer("b", 1, same_host=True)], "b", id="same-host"),
        pytest.param(
            [Offer("a", 1, hardware=True), Offer("b", 5, same_host=True)], "a", id="gpu-elsewhere"
        ),
        pytest.param([Offer("b", 2), Offer("a", 2)], "a", id="ties-by-name"),
        pytest.param([Offer("a", 0), Declined("b", "draining")], None, id="nobody"),
        pytest.param([], None, id="silence"),
    ],
)
def test_the_best_offer_wins(bids: list[Bid], winner: str | None) -> None:
    offer = best(bids)

    assert (offer and offer.worker) == winner


@pytest.mark.parametrize(
    ("asked", "pinned", "shared"),
    [
        pytest.param("", "", True, id="anywhere"),
        pytest.param("", "egress-1", True, id="where-another-call-is-pinned"),
        pytest.param("egress-1", "", True, id="on-the-worker-that-has-it-by-chance"),
        pytest.param("host-1", "host-1", True, id="on-the-same-host"),
        pytest.param("egress-2", "", False, id="on-another-worker"),
        pytest.param("host-1", "", False, id="on-a-host-that-may-be-another"),
    ],
)
def test_a_session_is_shared_where_the_call_may_be(asked: str, pinned: str, shared: bool) -> None:
    call = msgspec.structs.replace(SECOND, node=asked)
    session = msgspec.structs.replace(SESSION, node=pinned)
    wanted = wish(call, "hd", Rendition())
    assert wanted.node == asked
    assert (room(after(session, DESTINATION), wanted) is not None) == shared


def test_a_session_that_is_moved_stays_pinned() -> None:
    pinned = msgspec.structs.replace(SESSION, node="host-1")
    [session] = after(pinned, DESTINATION).sessions.values()
    assigned = move_session(session, "c1", Offer("egress-2", 1), "s2", NOW)[1]
    assert isinstance(assigned, SessionAssigned)
    assert assigned.node == "host-1"


def test_a_mix_is_assigned_once() -> None:
    offers = [Offer("mixer-1", 3)]

    assert assign_mix(Work(), "c1", "i1", offers, 1, NOW) == [MIXED]
    assert assign_mix(after(MIXED), "c1", "i1", offers, 1, NOW) == []


def test_a_new_instance_gets_a_mix_of_its_own() -> None:
    assert assign_mix(after(MIXED), "c1", "i2", [Offer("mixer-2", 3)], 1, NOW) == [
        MixReleased(NOW, "c1", "i1", "mixer-1"),
        MixAssigned(NOW, "c1", "i2", "mixer-2"),
    ]


def test_the_late_end_of_an_instance_leaves_the_next_one_alone() -> None:
    again = after(MIXED, MixAssigned(NOW, "c1", "i2", "mixer-2"), SESSION, DESTINATION)

    assert release_all(again, "c1", "i1", NOW) == []


def test_a_call_that_nobody_can_carry_any_more_is_given_up() -> None:
    assert give_up(Work(), "c1", "tube", "no room", NOW) == [
        SessionRefused(NOW, "c1", "tube", "no room", code="lost")
    ]
    assert give_up(after(SESSION, DESTINATION), "c1", "tube", "no room", NOW) == [
        DestinationReleased(NOW, "c1", "s1", "egress-1", "tube"),
        SessionReleased(NOW, "c1", "s1", "egress-1"),
        SessionRefused(NOW, "c1", "tube", "no room", code="lost"),
    ]


@pytest.mark.parametrize(
    ("bids", "asked", "words"),
    [
        pytest.param([], 0, "no egress worker runs", id="none"),
        pytest.param([], 2, "none of 2 egress workers answered", id="silence"),
        pytest.param(
            [Declined("a", "is being drained"), Offer("b", 0)],
            2,
            "no egress worker has room: a: is being drained; b: full",
            id="refusals",
        ),
    ],
)
def test_a_refusal_says_why(bids: list[Bid], asked: int, words: str) -> None:
    [event] = assign_call(Work(), CALL, WANTED, bids, asked, lambda: "s1", NOW)

    assert isinstance(event, SessionRefused)
    assert event.reason == words


def test_a_mix_refusal_has_every_workers_reason() -> None:
    [event] = assign_mix(Work(), "c1", "i1", [Declined("a", "full up")], 1, NOW)

    assert isinstance(event, MixRefused)
    assert event.refusals == [Refusal("a", "full up")]


def test_a_call_gets_a_session() -> None:
    assert assign_call(Work(), CALL, WANTED, [ONE], 1, lambda: "s1", NOW) == [
        SESSION,
        DESTINATION,
    ]


def test_a_call_that_wants_the_same_shares_the_session() -> None:
    work = after(SESSION, DESTINATION)

    assert assign_call(work, SECOND, WANTED, [], 0, lambda: "s2", NOW) == [ANOTHER]


def test_a_call_that_wants_another_size_gets_its_own() -> None:
    work = after(SESSION, DESTINATION)
    larger = wish(SECOND, "fullhd", Rendition())

    [session, _] = assign_call(work, SECOND, larger, [ONE], 1, lambda: "s2", NOW)

    assert isinstance(session, SessionAssigned)
    assert (session.session, session.feed.height, session.rendition.video_kbps) == (
        "s2",
        1080,
        4500,
    )


def test_a_call_told_twice_is_assigned_once() -> None:
    work = after(SESSION, DESTINATION)

    assert assign_call(work, CALL, WANTED, [ONE], 1, lambda: "s2", NOW) == []


def test_the_last_call_takes_its_session_with_it() -> None:
    both = after(SESSION, DESTINATION, ANOTHER)
    released = DestinationReleased(NOW, "c1", "s1", "egress-1", "tube")

    assert release_call(both, "c1", "tube", NOW) == [released]
    assert release_call(after(SESSION, DESTINATION), "c1", "tube", NOW) == [
        released,
        SessionReleased(NOW, "c1", "s1", "egress-1"),
    ]
    assert release_call(Work(), "c1", "tube", NOW) == []


def test_the_end_of_a_conference_releases_everything() -> None:
    work = after(MIXED, SESSION, DESTINATION)
    released = release_all(work, "c1", "i1", NOW)

    assert released == [
        SessionReleased(NOW, "c1", "s1", "egress-1"),
        MixReleased(NOW, "c1", "i1", "mixer-1"),
    ]
    assert after(MIXED, SESSION, DESTINATION, *released) == Work("i1")


def test_a_lost_mixer_is_let_go() -> None:
    assert lost_mix(after(MIXED), "c1", frozenset({"mixer-1"}), NOW) == []
    assert lost_mix(after(MIXED), "c1", frozenset({"mixer-2"}), NOW) == [
        MixReleased(NOW, "c1", "i1", "mixer-1")
    ]


def test_a_session_whose_worker_is_lost_moves_with_its_destinations() -> None:
    work = after(SESSION, DESTINATION, ANOTHER)
    [orphan] = orphans(work, frozenset({"egress-2"}))

    moved = move_session(orphan, "c1", Offer("egress-2", 1), "s2", NOW)

    expected: list[Event] = [
        SessionReleased(NOW, "c1", "s1", "egress-1"),
        SessionAssigned(NOW, "c1", "s2", "egress-2", WANTED.feed, WANTED.rendition),
        DestinationAssigned(NOW, "c1", "s2", "egress-2", "tube", SERVICE),
        DestinationAssigned(NOW, "c1", "s2", "egress-2", "face", SERVICE),
    ]
    assert moved == expected
    assert orphans(after(SESSION, DESTINATION, ANOTHER, *moved), frozenset({"egress-2"})) == []


MAIN = CallRouted(NOW, "c1", "tube", SERVICE, "", leg="main")
SLIDES = CallRouted(NOW, "c1", "tube", SERVICE, "", leg="presentation")


def dual() -> Work:
    """Both legs of a dual stream, each in a session of its own."""
    work = Work()
    ids = iter(("s1", "s2"))
    for call in (MAIN, SLIDES):
        wanted = wish(call, "hd", Rendition())
        for event in assign_call(work, call, wanted, [ONE], 1, lambda: next(ids), NOW):
            work = evolve(work, event)
    return work


def test_a_dual_stream_is_two_sessions() -> None:
    work = dual()

    assert {s.session: s.feed.content for s in work.sessions.values()} == {
        "s1": "main",
        "s2": "presentation",
    }
    assert assign_call(work, SLIDES, wish(SLIDES, "hd", Rendition()), [], 0, str, NOW) == []


def test_one_leg_may_go_and_the_other_stay() -> None:
    gone = release_call(dual(), "c1", "tube", NOW, leg="presentation")

    assert gone == [
        DestinationReleased(NOW, "c1", "s2", "egress-1", "tube", leg="presentation"),
        SessionReleased(NOW, "c1", "s2", "egress-1"),
    ]
    assert [type(e) for e in release_call(dual(), "c1", "tube", NOW)] == [
        DestinationReleased,
        SessionReleased,
    ] * 2


@pytest.mark.parametrize(
    ("quality", "cap", "callrate", "gateway_rate", "height", "kbps"),
    [
        ("fullhd", None, None, None, 1080, 4500),
        ("fullhd", "hd", None, None, 720, 3000),
        ("sd", "hd", None, None, 480, 1500),
        ("hd", None, 2000, None, 720, 1872),
        ("hd", None, 4128, None, 720, 3000),
        ("hd", None, 2000, 1000, 720, 872),
        ("hd", None, 128, None, 720, 100),
    ],
)
def test_quality_and_bit_rate_are_the_least_that_anybody_asks_for(
    quality: Quality,
    cap: Quality | None,
    callrate: int | None,
    gateway_rate: int | None,
    height: int,
    kbps: int,
) -> None:
    call = CallRouted(NOW, "c1", "tube", SERVICE, "", quality=cap, max_callrate_out=gateway_rate)
    wanted = wish(call, quality, Rendition(), callrate)

    assert (wanted.feed.height, wanted.rendition.video_kbps) == (height, kbps)


def test_a_stream_is_sent_what_streams_see_and_another_call_is_not() -> None:
    calls = [
        ParticipantView(who, who, "guest", destination=SERVICE, is_streaming=streaming)
        for who, streaming in (("tube", True), ("room", False))
    ]
    view = ConferenceView("c1", 1, participants=calls)

    assert is_streaming(view, "tube")
    assert not is_streaming(view, "room")
    assert is_streaming(None, "tube")
    assert [wish(CALL, "hd", Rendition(), streaming=on).feed.streaming for on in (True, False)] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("service", "role", "audience"),
    [
        ("conference", "guest", "all"),
        ("conference", "chair", "all"),
        ("lecture", "guest", "guests"),
        ("lecture", "chair", "all"),
    ],
)
def test_a_guest_of_a_virtual_auditorium_is_sent_what_guests_see(
    service: ServiceType, role: Role, audience: str
) -> None:
    tube = ParticipantView("tube", "Tube", role, destination=SERVICE, is_streaming=True)
    view = ConferenceView("c1", 1, service_type=service, participants=[tube])

    assert audience_of(view, "tube") == audience
    assert audience_of(view, "nobody") == audience_of(None, "tube") == "all"


@pytest.mark.parametrize(
    ("leg", "state", "wanted"),
    [
        ("main", "connected", True),
        ("main", "failed", True),
        ("presentation", "connected", True),
        ("presentation", "failed", False),
    ],
)
def test_a_leg_that_failed_is_wanted_no_longer(leg: Content, state: LegState, wanted: bool) -> None:
    tube = ParticipantView("tube", "Tube", "guest", destination=SERVICE, presentation_state=state)
    view = ConferenceView("c1", 1, participants=[tube])

    assert still_wanted(view, "tube", leg) is wanted
    assert not still_wanted(view, "nobody", leg)
