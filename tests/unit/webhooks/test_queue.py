"""Order, at least once, back-off: whatever a sink does, and wherever its replica dies."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.webhooks import DEAD_KEPT, DOWN_AFTER, Notice, SinkState, Trouble, decode_state
from services.webhooks.core import queue

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOBODY: frozenset[str] = frozenset()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def notice(ident: str = "i-1_1", conference: str = "a") -> Notice:
    return Notice(ident, "conference_started", START, conference, "i-1", 1, {})


def waiting(*conferences: str) -> SinkState:
    """Something new of each, in this order."""
    state = SinkState(1)
    for sequence, conference in enumerate(conferences, 1):
        state = queue.came(state, conference, sequence, START)
    return state


def fail(state: SinkState, conference: str, seconds: float, *, asked: float = 0.0) -> SinkState:
    trouble = Trouble("status", at(seconds), 500)
    return queue.failed(state, conference, notice(conference=conference), trouble, asked, 0.0)


def test_each_conference_goes_by_itself_and_one_after_the_other() -> None:
    state = waiting("a", "b", "a")

    assert queue.ready(state, NOBODY, START, 4) == ["a", "b"]
    assert queue.ready(state, {"a"}, START, 4) == ["b"]
    assert queue.ready(state, NOBODY, START, 1) == ["a"]
    state = queue.advanced(state, "a", 1)
    assert state.lanes["a"].after == 1
    state = queue.advanced(state, "a", 3)
    assert "a" not in state.lanes


def test_what_was_seen_is_not_taken_in_again() -> None:
    state = queue.advanced(waiting("a"), "a", 1)

    assert queue.came(state, "a", 1, START) is state


def test_what_is_done_in_part_goes_on_behind_it() -> None:
    state = queue.advanced(waiting("b", "b", "a"), "a", 3, part=2)

    assert (state.lanes["a"].after, state.lanes["a"].part) == (2, 2)
    assert "a" not in queue.advanced(state, "a", 3).lanes


def test_a_conference_whose_event_is_refused_waits_and_others_go_on() -> None:
    state = fail(waiting("a", "b"), "a", 0)

    assert queue.ready(state, NOBODY, at(0.1), 4) == ["b"]
    assert queue.wake_at(state, NOBODY) == at(0.5)
    assert queue.ready(state, NOBODY, at(0.5), 4) == ["b", "a"]


@pytest.mark.parametrize(
    ("failures", "shortest", "longest"),
    [(1, 0.5, 1), (2, 1, 2), (5, 8, 16), (12, 1024, 2048), (13, 1800, 3600), (500, 1800, 3600)],
)
def test_pauses_double_up_to_an_hour_and_half_is_chance(
    failures: int, shortest: float, longest: float
) -> None:
    assert queue.pause(failures, 0, 0.0).total_seconds() == shortest
    assert queue.pause(failures, 0, 0.9999).total_seconds() == pytest.approx(longest, rel=0.001)


def test_a_sink_may_ask_for_a_longer_pause_but_not_for_ever() -> None:
    assert queue.pause(1, 30, 0.0) == timedelta(seconds=30)
    assert queue.pause(1, 10**9, 0.0) == timedelta(hours=1)
    assert queue.pause(12, 30, 0.0) == timedelta(seconds=1024)


def test_a_sink_that_takes_nothing_is_asked_by_one_at_a_time() -> None:
    state = waiting("a", "b", "c")
    for _ in range(DOWN_AFTER):
        state = fail(state, "a", 0)

    assert queue.ready(state, NOBODY, at(7.9), 4) == []
    assert queue.wake_at(state, NOBODY) == at(8)
    assert queue.ready(state, NOBODY, at(8), 4) == ["b"], "one that has not failed yet"
    assert queue.ready(state, {"b"}, at(8), 4) == []


def test_when_it_is_back_everybody_goes_at_once() -> None:
    state = waiting("a", "b", "c")
    for _ in range(DOWN_AFTER):
        state = fail(state, "a", 0)
    state = queue.advanced(queue.succeeded(state, 1, at(8)), "b", 2)

    assert queue.ready(state, NOBODY, at(8), 4) == ["c", "a"]
    assert (state.failures, state.delivered, state.last_success_at) == (0, 1, at(8))


def test_one_bad_event_is_not_tried_more_often_because_others_succeed() -> None:
    state = fail(fail(waiting("a", "b"), "a", 0), "a", 1)
    state = queue.succeeded(state, 1, at(1))

    assert queue.ready(state, {"b"}, at(1.5), 4) == []


def test_one_bad_event_in_a_quiet_hour_does_not_hold_up_what_comes_later() -> None:
    state = waiting("a")
    for _ in range(20):
        state = fail(state, "a", 0)
    state = queue.came(state, "b", 2, at(1))

    assert queue.ready(state, NOBODY, at(30), 4) == ["b"]
    assert queue.wake_at(state, NOBODY) == at(30)
    assert queue.wake_at(queue.advanced(state, "b", 2), NOBODY) == at(1800)


def test_what_is_given_up_is_remembered_but_not_without_end() -> None:
    state = fail(waiting("a"), "a", 0)
    many = [notice(f"i-1_{n}") for n in range(DEAD_KEPT + 1)]
    state = queue.given_up(state, "a", 1, many)

    assert (state.given_up, len(state.dead)) == (DEAD_KEPT + 1, DEAD_KEPT)
    assert (state.dead[-1].id, state.dead[-1].code) == (many[-1].id, "status")
    state = queue.redelivered(state, {many[-1].id}, 1, at(9))
    assert state.dead[-1].id == many[-2].id
    assert state.delivered == 1


def test_a_sink_that_is_gone_is_tried_again_when_it_is_configured_anew() -> None:
    state = queue.disabled(fail(waiting("a"), "a", 0), 7, at(0))

    assert queue.enabled(state, 7) is state
    again = queue.enabled(state, 8)
    assert again.disabled_at is None
    assert queue.ready(again, NOBODY, at(0), 4) == ["a"]


def test_too_many_conferences_that_wait_hold_up_what_is_new() -> None:
    names = [f"c{n}" for n in range(queue.LANES)]

    assert queue.full(waiting(*names))
    assert not queue.full(waiting(*names[1:]))


def test_what_the_stream_has_no_more_is_waited_for_no_more() -> None:
    assert queue.emptied(waiting("a", "a"), "a").lanes == {}


class Simulation:
    """A sink, its stream, and a replica that may die between any two steps."""

    def __init__(self) -> None:
        self.stream: list[tuple[str, int]] = []
        "Conference of each message, and how many events are in it."
        self.now = START
        self.state = self.stored = SinkState(1)
        self.received: list[str] = []

    def event(self, sequence: int, index: int) -> str:
        conference, _ = self.stream[sequence - 1]
        return f"{conference}:{sequence}:{index}"

    def take_in(self) -> None:
        sequence = self.state.cursor + 1
        if sequence <= len(self.stream):
            conference, _ = self.stream[sequence - 1]
            self.state = queue.came(self.state, conference, sequence, self.now)

    def deliver(self, *, answer: str) -> None:
        """One try; `lost` is taken by the sink, whose answer nobody hears."""
        for conference in queue.ready(self.state, NOBODY, self.now, 1):
            lane = self.state.lanes[conference]
            sequence, count = next(
                (n, count)
                for n, (whose, count) in enumerate(self.stream, 1)
                if n > lane.after and whose == conference
            )
            part = lane.part if sequence == lane.after + 1 else 0
            if answer in ("taken", "lost"):
                self.received.append(self.event(sequence, part))
            if answer == "taken":
                done = 0 if part + 1 == count else part + 1
                state = queue.succeeded(self.state, 1, self.now)
                self.state = queue.advanced(state, conference, sequence, done)
            else:
                trouble = Trouble("timeout", self.now)
                first = notice(conference=conference)
                self.state = queue.failed(self.state, conference, first, trouble, 0, 0.5)

    def write(self) -> None:
        self.stored = self.state

    def die(self) -> None:
        self.state = decode_state(msgspec.json.encode(self.stored))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("happens"), st.sampled_from("abc"), st.integers(1, 3)),
        st.tuples(st.sampled_from(["take in", "write", "die"])),
        st.tuples(st.just("deliver"), st.sampled_from(["taken", "lost", "failed"])),
        st.tuples(st.just("wait"), st.integers(1, 4000)),
    ),
    max_size=60,
)


@given(STEPS)
def test_everything_arrives_at_least_once_and_for_the_first_time_in_order(
    steps: list[tuple[str, *tuple[str | int, ...]]],
) -> None:
    one = Simulation()
    for name, *given_ in steps:
        match name, given_:
            case "happens", [str(conference), int(count)]:
                one.stream.append((conference, count))
            case "take in", []:
                one.take_in()
            case "deliver", [str(answer)]:
                one.deliver(answer=answer)
            case "wait", [int(seconds)]:
                one.now += timedelta(seconds=seconds)
            case "write", []:
                one.write()
            case "die", []:
                one.die()
    one.die()
    while one.state.cursor < len(one.stream):
        one.take_in()
    while one.state.lanes:
        one.now += timedelta(hours=2)
        one.deliver(answer="taken")

    firsts = list(dict.fromkeys(one.received))
    for conference in "abc":
        assert [e for e in firsts if e.startswith(conference)] == [
            one.event(n, index)
            for n, (whose, count) in enumerate(one.stream, 1)
            if whose == conference
            for index in range(count)
        ]
