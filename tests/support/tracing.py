"""Spans that are made in the test's own process."""

from collections.abc import Iterator
from functools import cache

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_kept = InMemorySpanExporter()


class Spans:
    def all(self) -> list[ReadableSpan]:
        return list(_kept.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        [found] = [span for span in self.all() if span.name == name]
        return found


@cache
def _listen() -> None:
    """A process has one provider of traces; a service that ran in a test may have made it."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(_kept))


@pytest.fixture
def spans() -> Iterator[Spans]:
    _listen()
    _kept.clear()
    yield Spans()
    _kept.clear()


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def ids(span: ReadableSpan) -> tuple[int, int]:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id
