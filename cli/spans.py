"""Traces as trees: what came of one request, process by process, in the order in which it began."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    trace: str
    span: str
    parent: str
    "Empty: it is the first."
    service: str
    name: str
    begun_ns: int
    ended_ns: int
    failure: str = ""
    after: tuple[str, ...] = ()
    "Traces that this one came of."


def by_trace(spans: Iterable[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda one: one.begun_ns):
        found.setdefault(span.trace, []).append(span)
    return found


def below(spans: Iterable[Span]) -> Iterator[tuple[int, Span]]:
    """The spans of one trace with their depth; one whose parent is unknown is at the top."""
    spans = sorted(spans, key=lambda one: one.begun_ns)
    known = {span.span for span in spans}

    def walk(parent: str, depth: int) -> Iterator[tuple[int, Span]]:
        for span in spans:
            if (span.parent if span.parent in known else "") == parent:
                yield depth, span
                yield from walk(span.span, depth + 1)

    return walk("", 0)


def tree(spans: list[Span]) -> list[str]:
    """Lines: when it began and how long it took, in milliseconds; what, and which service."""
    begun = min(span.begun_ns for span in spans)
    lines = [f"trace {spans[0].trace}", "   begun    took"]
    for depth, span in below(spans):
        at, took = (span.begun_ns - begun) / 1e6, (span.ended_ns - span.begun_ns) / 1e6
        what = f"{'  ' * depth}{span.name}"
        failed = f"  failed: {span.failure}" if span.failure else ""
        links = "".join(f"  after {trace}" for trace in span.after)
        lines.append(f"{at:8.1f}{took:8.1f}  {what:<58} {span.service}{failed}{links}")
    return lines
