"""A session moves while it goes on: at no moment is a call carried by nobody."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.egress import DestinationChanged, DestinationState
from proto.media import Content, Rendition
from proto.routing import CallRouted
from proto.scheduler import (
    Bid,
    Declined,
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixReleased,
    Offer,
    SchedulerEvent,
    SessionAssigned,
    SessionReleased,
    SessionWanted,
)
from proto.urls import SealedUrl
from proto.views import ConferenceView, ParticipantView, WorkerView
from services.scheduler.core import (
    Session,
    Work,
    assign_call,
    best,
    bury,
    can_follow,
    evolve,
    hand_over,
    heard,
    leaving,
    movable,
    move_mix,
    move_session,
    orphans,
    release_call,
    room,
    seen,
    staying,
    stranded,
    wish,
    without,
)

replace = msgspec.structs.replace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TUBE = SealedUrl("tube.destination", "rtmp://ingest.example.com/live/***", "rtmp")
WANTED = wish(CallRouted(NOW, "c1", "tube", TUBE, ""), "hd", Rendition())
SESSION = SessionAssigned(NOW, "c1", "s1", "egress-1", WANTED.feed, WANTED.rendition)
TO_TUBE = DestinationAssigned(NOW, "c1", "s1", "egress-1", "tube", TUBE)
TO_FACE = DestinationAssigned(NOW, "c1", "s1", "egress-1", "face", TUBE)
Leg = tuple[str, Content]
IN_USE = "stream-key-in-use-or-invalid"


def after(*events: SchedulerEvent, work: Work | None = None) -> Work:
    work = work or Work()
    for event in events:
        work = evolve(work, event)
    return work


def worker(name: str, *, draining: bool = False, host: str = "here") -> WorkerView:
    return WorkerView(name, "egress", "default", host, 8, 0, draining)


def moved(work: Work, *bids: Bid, session: str = "s1", new: str = "s2") -> list[SchedulerEvent]:
    one = work.sessions[session]
    return hand_over(
        work, "c1", one, WANTED, bids, {session}, {("tube", "single")}, lambda: new, NOW
    )


def told(
    state: DestinationState, session: str = "s2", code: str = "", who: str = "tube"
) -> DestinationChanged:
    return DestinationChanged(NOW, "c1", session, "any", who, state, code)


HANDED = after(SESSION, TO_TUBE, *moved(after(SESSION, TO_TUBE), Offer("egress-2", 1)))


def carriers(work: Work, who: str = "tube") -> list[str]:
    return [session.session for session in work.sessions_of(who)]


@pytest.mark.parametrize(
    ("workers", "host", "left"),
    [
        pytest.param([worker("egress-1")], "here", set(), id="stays"),
        pytest.param([worker("egress-1", draining=True)], "here", {"s1"}, id="drained"),
        pytest.param([worker("egress-1", host="there")], "here", {"s1"}, id="far-from-the-mixer"),
        pytest.param([worker("egress-1", host="there")], "", set(), id="no-mixer-known"),
        pytest.param([], "here", set(), id="lost-is-another-matter"),
    ],
)
def test_who_has_to_leave(workers: list[WorkerView], host: str, left: set[str]) -> None:
    known = {one.worker: one for one in workers}
    assert leaving(after(SESSION, TO_TUBE), known, host) == left


def test_the_new_one_is_assigned_before_the_old_one_is_released() -> None:
    assert moved(after(SESSION, TO_TUBE, TO_FACE), Offer("egress-2", 1)) == [
        SessionAssigned(NOW, "c1", "s2", "egress-2", WANTED.feed, WANTED.rendition),
        DestinationAssigned(NOW, "c1", "s2", "egress-2", "tube", TUBE, takes_over="s1", seen=True),
        DestinationAssigned(NOW, "c1", "s2", "egress-2", "face", TUBE, takes_over="s1"),
    ]
    assert carriers(HANDED) == ["s1", "s2"]


def test_what_is_being_handed_over_is_not_handed_over_again() -> None:
    assert moved(HANDED, Offer("egress-3", 1)) == []
    assert moved(HANDED, Offer("egress-3", 1), session="s2", new="s3") == []
    assert movable(HANDED, HANDED.sessions["s1"]) == []


def test_a_session_with_nowhere_to_go_stays() -> None:
    assert moved(after(SESSION, TO_TUBE), Declined("egress-2", "is full")) == []


def test_a_call_that_comes_meanwhile_goes_to_the_new_session() -> None:
    call = CallRouted(NOW, "c1", "face", TUBE, "")
    [event] = assign_call(HANDED, call, WANTED, [], 2, lambda: "s3", NOW, {"s1"})
    assert isinstance(event, DestinationAssigned)
    assert event.session == "s2"
    assert room(after(SESSION, TO_TUBE), WANTED, {"s1"}) is None


def test_a_session_that_makes_the_same_already_takes_it_over() -> None:
    there = SessionAssigned(NOW, "c1", "s9", "egress-2", WANTED.feed, WANTED.rendition)
    work = after(SESSION, TO_TUBE, there)
    [event] = moved(work)
    assert isinstance(event, DestinationAssigned)
    assert (event.session, event.takes_over) == ("s9", "s1")


def test_nobody_who_leaves_himself_is_asked_to_take_it() -> None:
    bids: list[Bid] = [Offer("a", 9, leaving=True), Offer("b", 1), Declined("c", "is full")]
    assert staying(bids) == bids[1:]
    assert moved(after(SESSION, TO_TUBE), bids[0]) == []
    assert best(bids) == bids[1]


def test_what_only_a_worker_that_leaves_can_do_it_does() -> None:
    call = CallRouted(NOW, "c1", "face", TUBE, "")
    leaving = Offer("egress-1", 4, leaving=True)
    [new, _] = assign_call(Work(), call, WANTED, [leaving], 1, lambda: "s3", NOW)
    assert isinstance(new, SessionAssigned)
    [event] = assign_call(
        after(SESSION, TO_TUBE), call, WANTED, [leaving], 1, lambda: "s3", NOW, {"s1"}
    )
    assert isinstance(event, DestinationAssigned)
    assert event.session == "s1", "what runs is not encoded twice"


def test_a_mix_goes_where_its_sessions_can_follow() -> None:
    work = after(SESSION, TO_TUBE)
    there, full = worker("egress-2", host="b"), replace(worker("egress-3", host="c"), used=8)
    assert can_follow(work, "b", [there, full])
    assert not can_follow(work, "c", [there, full])
    assert not can_follow(work, "b", [replace(there, draining=True)])
    assert can_follow(Work(), "nowhere", [])
    assert can_follow(work, "c", [replace(full, worker="egress-1")]), "it is there already"
    nailed = after(replace(SESSION, node="egress-1"), TO_TUBE)
    assert not can_follow(nailed, "b", [there])
    elsewhere = after(replace(SESSION, location="dmz"), TO_TUBE)
    assert not can_follow(elsewhere, "b", [there])
    assert can_follow(elsewhere, "b", [replace(there, location="dmz")])


RELEASED = [
    DestinationReleased(NOW, "c1", "s1", "egress-1", "tube", handed_on=True),
    SessionReleased(NOW, "c1", "s1", "egress-1"),
]
ALONE = DestinationAssigned(NOW, "c1", "s2", "egress-2", "tube", TUBE, seen=True)
NOT_THERE = [
    DestinationReleased(NOW, "c1", "s2", "egress-2", "tube", handed_on=True),
    SessionReleased(NOW, "c1", "s2", "egress-2"),
]


@pytest.mark.parametrize(
    ("report", "commit"),
    [
        pytest.param(told("publishing"), RELEASED, id="it-publishes"),
        pytest.param(told("recovering", code=IN_USE), [*RELEASED, ALONE], id="key-in-use"),
        pytest.param(told("connecting", code="rejected"), [*RELEASED, ALONE], id="turned-away"),
        pytest.param(told("recovering"), [], id="it-connects"),
        pytest.param(told("recovering", code="refused"), [], id="no-way-to-the-server"),
        pytest.param(told("failed", code=IN_USE), NOT_THERE, id="it-has-given-up"),
        pytest.param(told("failed", code="tls-authority"), NOT_THERE, id="it-cannot"),
        pytest.param(told("publishing", session="s1"), [], id="the-old-one-is-well"),
        pytest.param(told("recovering", "s1", "reset"), [], id="the-old-one-is-not"),
        pytest.param(told("publishing", session="s7"), [], id="one-that-is-gone"),
        pytest.param(told("publishing", who="face"), [], id="somebody-else"),
    ],
)
def test_when_the_old_one_lets_go(report: DestinationChanged, commit: list[SchedulerEvent]) -> None:
    assert heard(HANDED, report) == commit


def test_the_old_one_keeps_what_has_not_moved_yet() -> None:
    old = after(SESSION, TO_TUBE, TO_FACE)
    work = after(*moved(old, Offer("egress-2", 1)), work=old)
    assert heard(work, told("publishing")) == RELEASED[:1]


def test_a_word_that_comes_twice_means_nothing_more() -> None:
    for report in (told("publishing"), told("recovering", code=IN_USE)):
        work = after(*heard(HANDED, report), work=HANDED)
        assert heard(work, report) == []
        assert carriers(work) == ["s2"]


def test_a_call_that_is_hung_up_meanwhile_is_released_on_both_sides() -> None:
    work = after(*release_call(HANDED, "c1", "tube", NOW), work=HANDED)
    assert work.sessions == {}


def test_who_dies_before_it_has_let_go_is_buried() -> None:
    """The other has it alone then, whichever of the two it was."""
    alive = frozenset({"egress-2"})
    assert stranded(HANDED, HANDED.sessions["s1"], alive) == []
    assert bury(HANDED, "c1", HANDED.sessions["s1"], NOW) == [RELEASED[1], ALONE]
    work = after(*bury(HANDED, "c1", HANDED.sessions["s2"], NOW), work=HANDED)
    assert carriers(work) == ["s1"]
    assert movable(work, work.sessions["s1"]) == ["tube"]


def test_a_mix_that_moves_stays_the_same_instance() -> None:
    work = after(MixAssigned(NOW, "c1", "i1", "mixer-1"))
    assert move_mix(work, "c1", Offer("mixer-2", 1), NOW) == [
        MixReleased(NOW, "c1", "i1", "mixer-1"),
        MixAssigned(NOW, "c1", "i1", "mixer-2"),
    ]


def test_what_viewers_have_seen() -> None:
    people = [
        ParticipantView(
            "tube", "Tube", "guest", state="connected", presentation_state="connecting"
        ),
        ParticipantView("face", "Face", "guest", state="connecting"),
    ]
    view = ConferenceView("c1", 1, "i1", participants=people)
    assert seen(view) == {("tube", "single"), ("tube", "main")}
    assert seen(None) == frozenset()


CALLS = ("tube", "face", "twit")
WORKERS = ("a", "b", "c")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("dial"), st.sampled_from(CALLS)),
        st.tuples(st.just("hang-up"), st.sampled_from(CALLS)),
        st.tuples(st.sampled_from(["drain", "die", "return"]), st.sampled_from(WORKERS)),
        st.tuples(st.sampled_from(["publishing", "in-use", "failed"]), st.sampled_from(CALLS)),
        st.tuples(st.just("look"), st.just("")),
    ),
    max_size=40,
)


class World:
    """What the shell does, with workers of which any may go at any time."""

    def __init__(self) -> None:
        self.work = Work()
        self.alive = {name: worker(name) for name in WORKERS}
        self.wanted: set[str] = set()
        self._ids = count()

    def bids(self) -> list[Bid]:
        return [
            Declined(w.worker, "is being drained") if w.draining else Offer(w.worker, 1)
            for w in self.alive.values()
        ]

    def commit(self, events: list[SchedulerEvent]) -> None:
        self.work = after(*events, work=self.work)

    def new_id(self) -> str:
        return f"s{next(self._ids)}"

    def left(self) -> frozenset[str]:
        return leaving(self.work, self.alive, "")

    def look(self) -> None:
        for session in orphans(self.work, frozenset(self.alive)):
            self._lost(session)
        for ident in self.left():
            session = self.work.sessions[ident]
            wanted = again(session)
            commit = hand_over(
                self.work, "c1", session, wanted, self.bids(), self.left(), set(), self.new_id, NOW
            )
            self.commit(commit)

    def _lost(self, session: Session) -> None:
        lost = stranded(self.work, session, frozenset(self.alive))
        if not lost:
            self.commit(bury(self.work, "c1", session, NOW))
        elif offer := next((b for b in self.bids() if isinstance(b, Offer)), None):
            rest = without(session, lost)
            self.commit(move_session(rest, "c1", offer, self.new_id(), NOW))

    def step(self, what: str, which: str) -> None:
        if what == "dial":
            call = CallRouted(NOW, "c1", which, TUBE, "")
            bids, left = self.bids(), self.left()
            self.commit(
                assign_call(self.work, call, WANTED, bids, len(bids), self.new_id, NOW, left)
            )
            if carriers(self.work, which):
                self.wanted.add(which)
        elif what == "hang-up":
            self.commit(release_call(self.work, "c1", which, NOW))
            self.wanted.discard(which)
        elif what == "drain" and which in self.alive:
            self.alive[which] = worker(which, draining=True)
        elif what == "die":
            self.alive.pop(which, None)
        elif what == "return":
            self.alive.setdefault(which, worker(which))
        elif what == "look":
            self.look()
        elif what in REPORTS:
            for session in self.work.sessions_of(which):
                self.commit(heard(self.work, report(REPORTS[what], session.session, which)))


REPORTS: Mapping[str, tuple[DestinationState, str]] = {
    "publishing": ("publishing", ""),
    "in-use": ("recovering", IN_USE),
    "failed": ("failed", "tls-authority"),
}


def report(what: tuple[DestinationState, str], session: str, who: str) -> DestinationChanged:
    return told(what[0], session, what[1], who)


def again(session: Session) -> SessionWanted:
    return SessionWanted("c1", session.feed, session.rendition)


@given(STEPS)
def test_whatever_happens_a_call_is_carried_by_one_or_for_a_moment_by_two(
    steps: list[tuple[str, str]],
) -> None:
    world = World()
    for what, which in steps:
        world.step(what, which)
        for who in CALLS:
            assert bool(carriers(world.work, who)) == (who in world.wanted)
            assert len(carriers(world.work, who)) <= 2
        assert all(session.destinations for session in world.work.sessions.values())

    for name in WORKERS:
        world.alive[name] = worker(name)
    for _ in range(3):
        world.look()
        for who in CALLS:
            world.step("publishing", who)
    for who in world.wanted:
        assert len(carriers(world.work, who)) == 1, "it settles"
