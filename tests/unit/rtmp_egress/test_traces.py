"""A call is one trace until it is on the air; what happens to it later are others."""

from kit import trace
from services.rtmp_egress import wire
from services.rtmp_egress.traces import FIRST_DIALS, Traces
from tests.support.tracing import Spans, ids, spans

__all__ = ["spans"]

REFUSED = wire.Dialled("tube", 1.0, 2.0, "connect-refused")
ON_AIR = wire.Dialled("tube", 1.0, 2.0)
LOST = wire.Changed("tube", "recovering", "connection-lost", attempt=2)


def called() -> tuple[Traces, str]:
    traces = Traces()
    with trace.span("call"):
        traces.add("tube")
        return traces, trace.id_of(trace.outgoing())


def test_the_first_dials_belong_to_the_call(spans: Spans) -> None:
    traces, call = called()

    traces.dialled(REFUSED)
    traces.changed(wire.Changed("tube", "connecting", "connect-refused", attempt=2))
    traces.dialled(ON_AIR)

    assert {format(ids(span)[0], "032x") for span in spans.all()} == {call}


def test_trouble_after_it_was_on_the_air_is_another_trace(spans: Spans) -> None:
    traces, call = called()
    traces.dialled(ON_AIR)
    assert trace.id_of(traces.of("tube")) == call

    traces.changed(LOST)
    traces.dialled(ON_AIR)

    assert trace.id_of(traces.of("tube")) != call
    recovery = spans.named("recover destination")
    assert [format(link.context.trace_id, "032x") for link in recovery.links] == [call]
    assert ids(spans.all()[-1])[0] == ids(recovery)[0]


def test_a_destination_that_is_never_reached_does_not_make_an_endless_trace(spans: Spans) -> None:
    traces, call = called()
    for _ in range(FIRST_DIALS):
        traces.dialled(REFUSED)

    traces.changed(LOST)

    assert trace.id_of(traces.of("tube")) != call


def test_one_that_is_gone_belongs_to_nothing(spans: Spans) -> None:
    traces, _ = called()
    traces.forget("tube")

    traces.dialled(ON_AIR)

    assert [span.name for span in spans.all()] == ["call"]
    assert traces.of("tube") == {}
