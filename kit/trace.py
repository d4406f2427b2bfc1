"""Traces over NATS: the W3C `traceparent` rides in message headers.

Spans are named for the subject pattern, never for an id. Exported by OTLP when
`OTEL_EXPORTER_OTLP_ENDPOINT` is set; without it trace ids still connect the log lines.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

_tracer = trace.get_tracer("rostrum")


def configure(service: str) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": f"rostrum-{service}"}))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
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
    headers: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Do something as part of the trace that `headers` carry, or of the current one."""
    context = propagate.extract(dict(headers)) if headers else None
    with _tracer.start_as_current_span(
        name, context, kind, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as exc:
            # The type alone: an exception's text may hold what must not be seen.
            current.set_status(Status(StatusCode.ERROR, type(exc).__name__))
            raise
