"""Figures on their way to a collector, in OpenTelemetry's own words."""

import asyncio
import os
from collections.abc import Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as Exported
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from kit.metrics.declared import Metric
from kit.metrics.registry import Family, Point, Registry

log = structlog.get_logger()

INTERVAL = 15.0
"""Seconds between exports; `OTEL_METRIC_EXPORT_INTERVAL` (milliseconds) has the say."""


async def export(registry: Registry, resource: Resource) -> None:
    """Send all figures again and again; a collector that is away costs a log line and no more."""
    interval = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL * 1000)) / 1000
    exporter = OTLPMetricExporter()
    away = False
    while True:
        await asyncio.sleep(interval)
        made = data(registry.collect(), resource, registry.begun_ns, registry.now_ns())
        result = await asyncio.to_thread(exporter.export, made)
        if away != (away := result is not MetricExportResult.SUCCESS):
            log.warning("metrics not exported") if away else log.info("metrics exported again")


def data(families: Sequence[Family], resource: Resource, begun_ns: int, now_ns: int) -> MetricsData:
    metrics = [
        _exported(metric, [_point(metric, point, begun_ns, now_ns) for point in points])
        for metric, points in families
    ]
    scope = ScopeMetrics(InstrumentationScope("rostrum"), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _exported(metric: Metric, points: list[NumberDataPoint | HistogramDataPoint]) -> Exported:
    numbers = [point for point in points if isinstance(point, NumberDataPoint)]
    spread = [point for point in points if isinstance(point, HistogramDataPoint)]
    kept: Sum | Gauge | Histogram
    match metric.kind:
        case "counter":
            kept = Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        case "gauge":
            kept = Gauge(numbers)
        case "histogram":
            kept = Histogram(spread, AggregationTemporality.CUMULATIVE)
    return Exported(metric.name, metric.about, metric.unit, kept)


def _point(
    metric: Metric, point: Point, begun_ns: int, now_ns: int
) -> NumberDataPoint | HistogramDataPoint:
    attributes = dict(zip(metric.attributes, point.key, strict=True))
    if metric.kind != "histogram":
        return NumberDataPoint(attributes, begun_ns, now_ns, float(point.value))
    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=begun_ns,
        time_unix_nano=now_ns,
        count=sum(point.counts),
        sum=point.value,
        bucket_counts=list(point.counts),
        explicit_bounds=list(metric.buckets),
        # They are optional there, and we do not keep them.
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
        exemplars=[
            Exemplar({}, one.value, one.at_ns, one.span_id, one.trace_id)
            for one in point.examples.values()
        ],
    )
