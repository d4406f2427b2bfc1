"""Traces of what other processes did."""

import time

from kit import trace
from kit.stage import Stage
from tests.support.tracing import Spans, ids, parent_of, spans

__all__ = ["spans"]


def test_what_a_child_did_is_part_of_the_call_it_did_it_for(spans: Spans) -> None:
    with trace.span("call"):
        carried = trace.outgoing()

    now = time.monotonic()
    parts = [Stage("connect", now - 2, now - 1), Stage("publish", now - 1, now)]
    trace.record(Stage("dial", now - 2, now), parts, headers=carried)

    call, dial, connect = (spans.named(name) for name in ("call", "dial", "connect"))
    assert parent_of(dial) == ids(call)[1]
    assert parent_of(connect) == ids(dial)[1]
    assert {ids(span)[0] for span in spans.all()} == {ids(call)[0]}


def test_it_is_told_when_it_was_done(spans: Spans) -> None:
    begun = time.monotonic() - 5
    trace.record(Stage("dial", begun, begun + 2), headers={})

    dial = spans.named("dial")
    assert dial.start_time is not None
    assert dial.end_time is not None
    assert dial.end_time - dial.start_time == 2_000_000_000
    assert abs(dial.start_time / 1e9 - (time.time() - 5)) < 60


def test_a_failure_is_told_by_its_code(spans: Spans) -> None:
    trace.record(Stage("dial", 0, 1), headers={}, failure="connect-refused")

    assert spans.named("dial").status.description == "connect-refused"
    assert not spans.named("dial").status.is_ok


def test_another_trace_says_what_it_comes_of(spans: Spans) -> None:
    with trace.span("call"):
        carried = trace.outgoing()
        later = trace.anew("recover", because=carried)

    call, recover = spans.named("call"), spans.named("recover")
    assert recover.parent is None
    assert ids(recover)[0] != ids(call)[0]
    assert [link.context.trace_id for link in recover.links] == [ids(call)[0]]
    assert trace.id_of(later) == format(ids(recover)[0], "032x")


def test_within_a_trace_what_is_sent_belongs_to_it(spans: Spans) -> None:
    with trace.span("call"):
        carried = trace.outgoing()

    with trace.span("other"):
        with trace.within(carried):
            assert trace.outgoing() == carried
        with trace.within({}):
            assert trace.outgoing() == {}
