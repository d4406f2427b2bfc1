"""Traces over NATS: the W3C `traceparent` rides in message headers.

Spans are named for the subject pattern, never for an id. Exported by OTLP when
`OTEL_EXPORTER_OTLP_ENDPOINT` is set; without it trace ids still connect the log lines.

Child processes have no spans: they say how long what took, on the machine's monotonic clock, and
the parent makes spans of that, in the trace of the call for which it was done (ADR 33).
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import context, propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from kit.stage import Stage

_tracer = trace.get_tracer("rostrum")

Headers = Mapping[str, str]
"""What carries a trace from here to there; empty: none."""


def exported() -> bool:
    """Whether there is somebody to send to."""
    return bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))


def resource(service: str) -> Resource:
    return Resource.create({"service.name": f"rostrum-{service}"})


def configure(service: str) -> None:
    provider = TracerProvider(resource=resource(service))
    if exported():
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def outgoing() -> dict[str, str]:
    """Headers that carry the current trace on."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    headers: Headers | None = None,
    links: Sequence[Headers] = (),
) -> Iterator[None]:
    """Do something as part of the trace that `headers` carry, or of the current one."""
    before = propagate.extract(dict(headers)) if headers else None
    with _tracer.start_as_current_span(
        name,
        before,
        kind,
        links=_links(links),
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield
        except BaseException as exc:
            # The type alone: an exception's text may hold what must not be seen.
            current.set_status(Status(StatusCode.ERROR, type(exc).__name__))
            raise


@contextmanager
def within(headers: Headers) -> Iterator[None]:
    """Go on with a trace without a span of our own."""
    token = context.attach(propagate.extract(dict(headers), context.Context()))
    try:
        yield
    finally:
        context.detach(token)


def id_of(headers: Headers) -> str:
    """What log lines of another process may call the trace."""
    found = trace.get_current_span(propagate.extract(dict(headers))).get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else ""


def anew(name: str, *, because: Headers) -> dict[str, str]:
    """Begin another trace, which says that it comes of an earlier one; what carries it on."""
    with within({}), span(name, links=[because]):
        return outgoing()


def record(
    whole: Stage,
    parts: Sequence[Stage] = (),
    *,
    headers: Headers,
    kind: SpanKind = SpanKind.INTERNAL,
    failure: str = "",
) -> None:
    """Make spans of what a child has done; `failure` is a reason code."""
    behind = time.time_ns() - time.monotonic_ns()
    made = _tracer.start_span(
        whole.name,
        propagate.extract(dict(headers), context.Context()),
        kind,
        start_time=behind + round(whole.begun * 1e9),
    )
    inside = trace.set_span_in_context(made, context.Context())
    for part in parts:
        _tracer.start_span(part.name, inside, start_time=behind + round(part.begun * 1e9)).end(
            behind + round(part.ended * 1e9)
        )
    if failure:
        made.set_status(Status(StatusCode.ERROR, failure))
    made.end(behind + round(whole.ended * 1e9))


def _links(carried: Sequence[Headers]) -> list[Link]:
    found = [trace.get_current_span(propagate.extract(dict(one))) for one in carried]
    return [Link(s.get_span_context()) for s in found if s.get_span_context().is_valid]
