"""The figures of one process: series by attributes, each metric as it was declared."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
from opentelemetry import trace

from kit.metrics.declared import Metric
from kit.metrics.tally import Distribution

MOST = 2000
"""Series of one metric, as OpenTelemetry's own limit; what is beyond is counted together."""

OVERFLOW = "overflow"
"""Every attribute of the series in which that is."""

LINGER_NS = 120_000_000_000
"""How long the counts of what is over stay: longer than anybody leaves between two looks."""

LONGEST = 128
"""Characters of an attribute."""

Key = tuple[str, ...]


class Example(NamedTuple):
    """One measured value and where it was measured: an exemplar."""

    value: float
    trace_id: int
    span_id: int
    at_ns: int


class Point(msgspec.Struct):
    """One series."""

    key: Key
    "Values of the metric's attributes, in their order."
    value: float = 0.0
    counts: list[int] = []
    "Of a histogram; its `value` is the sum."
    examples: dict[int, Example] = {}
    "By bucket, the newest of each that was part of a trace."


class Family(NamedTuple):
    metric: Metric
    points: Sequence[Point]


class Registry:
    """For one thread."""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns, *, most: int = MOST) -> None:
        self.now_ns = clock_ns
        self._most = most
        self.begun_ns = clock_ns()
        self._series: dict[Metric, dict[Key, Point]] = {}
        self._watched: dict[Metric, Callable[[], float | Mapping[Key, float]]] = {}
        self._leaving: dict[tuple[Metric, Key], int] = {}

    def add(self, metric: Metric, amount: float = 1, /, **attributes: str) -> None:
        """Count."""
        self._point(metric, "counter", attributes).value += amount

    def put(self, metric: Metric, value: float, /, **attributes: str) -> None:
        """Say how a gauge stands."""
        self._point(metric, "gauge", attributes).value = value

    def shift(self, metric: Metric, by: float, /, **attributes: str) -> None:
        """Change a gauge that is a count of things; one of nothing is not shown."""
        point = self._point(metric, "gauge", attributes)
        point.value += by
        if not point.value:
            self.drop(metric, **attributes)

    def observe(self, metric: Metric, value: float, /, **attributes: str) -> None:
        """Take one measured value, and the trace in which it was measured for an example."""
        point = self._point(metric, "histogram", attributes)
        bucket = bisect_left(metric.buckets, value)
        point.counts[bucket] += 1
        point.value += value
        span = trace.get_current_span().get_span_context()
        if span.is_valid and span.trace_flags.sampled:
            example = Example(value, span.trace_id, span.span_id, self.now_ns())
            point.examples[bucket] = example

    @contextmanager
    def timed(self, metric: Metric, /, **attributes: str) -> Iterator[dict[str, str]]:
        """Observe how long the body takes, in seconds; it may yet change the attributes."""
        begun = time.perf_counter()
        try:
            yield attributes
        finally:
            self.observe(metric, time.perf_counter() - begun, **attributes)

    def merge(self, metric: Metric, grown: Distribution, /, **attributes: str) -> None:
        """Take many values that somebody else has put into the same buckets."""
        if not any(grown.counts):
            return
        point = self._point(metric, "histogram", attributes)
        pairs = zip(point.counts, grown.counts, strict=True)
        point.counts = [known + new for known, new in pairs]
        point.value += grown.total

    def watch(self, metric: Metric, read: Callable[[], float | Mapping[Key, float]]) -> None:
        """A gauge that is read whenever somebody asks: one value, or one for each key."""
        assert metric.kind == "gauge", metric.name
        self._watched[metric] = read

    def drop(self, metric: Metric, /, **attributes: str) -> None:
        """Of a gauge: what has these attributes is not any more."""
        series = self._series.get(metric, {})
        for key in _having(metric, series, attributes):
            del series[key]

    def forget(self, **attributes: str) -> None:
        """What has these attributes is over: its counts go in a while, unless more is counted."""
        until = self.now_ns() + LINGER_NS
        for metric, series in self._series.items():
            if metric.kind != "gauge" and set(attributes) <= set(metric.attributes):
                for key in _having(metric, series, attributes):
                    self._leaving[metric, key] = until

    def collect(self) -> list[Family]:
        """All that there is now, by name."""
        now = self.now_ns()
        for (metric, key), until in list(self._leaving.items()):
            if until <= now:
                del self._leaving[metric, key]
                self._series[metric].pop(key, None)
        found = {metric: list(series.values()) for metric, series in self._series.items()}
        for metric, read in self._watched.items():
            value = read()
            points = value.items() if isinstance(value, Mapping) else [((), value)]
            found[metric] = [Point(key, float(one)) for key, one in points]
        families = [Family(metric, points) for metric, points in found.items() if points]
        return sorted(families, key=lambda family: family.metric.name)

    def _point(self, metric: Metric, kind: str, attributes: Mapping[str, str]) -> Point:
        assert metric.kind == kind, f"{metric.name} is a {metric.kind}"
        key = _key(metric, attributes)
        series = self._series.setdefault(metric, {})
        point = series.get(key)
        if point is None:
            if len(series) >= self._most:
                key = tuple(OVERFLOW for _ in key)
            point = series.setdefault(key, Point(key, counts=[0] * (len(metric.buckets) + 1)))
        if self._leaving:
            self._leaving.pop((metric, key), None)
        return point


def _having(metric: Metric, keys: Iterable[Key], attributes: Mapping[str, str]) -> list[Key]:
    wanted = attributes.items()
    return [k for k in keys if wanted <= dict(zip(metric.attributes, k, strict=True)).items()]


def _key(metric: Metric, attributes: Mapping[str, str]) -> Key:
    assert attributes.keys() == set(metric.attributes), (metric.name, sorted(attributes))
    return tuple(attributes[name][:LONGEST] for name in metric.attributes)
