"""Figures as Prometheus reads them: its old text format, or OpenMetrics, which has exemplars."""

from collections.abc import Iterator, Sequence

from kit.metrics.declared import Metric
from kit.metrics.registry import Example, Family, Point

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def wanted(accept: str) -> str:
    """Which of the two whoever asks can read."""
    return OPEN_METRICS if "application/openmetrics-text" in accept else PLAIN


def page(families: Sequence[Family], content_type: str = PLAIN) -> str:
    open_metrics = content_type == OPEN_METRICS
    lines: list[str] = []
    for metric, points in families:
        # The old format knows a counter by its whole name, the new one by its family's.
        name = metric.prometheus if open_metrics else metric.sample
        lines.append(f"# HELP {name} {_escaped(metric.about)}")
        lines.append(f"# TYPE {name} {metric.kind}")
        unit = {"s": "seconds", "By": "bytes"}.get(metric.unit)
        if open_metrics and unit:
            lines.append(f"# UNIT {name} {unit}")
        for point in points:
            lines.extend(_samples(metric, point, open_metrics))
    if open_metrics:
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines)


def _samples(metric: Metric, point: Point, open_metrics: bool) -> Iterator[str]:
    labels = [f'{n}="{_quoted(v)}"' for n, v in zip(metric.attributes, point.key, strict=True)]
    if metric.kind != "histogram":
        yield f"{metric.sample}{_braced(labels)} {float(point.value)}"
        return
    so_far = 0
    bounds = [*(repr(float(bound)) for bound in metric.buckets), "+Inf"]
    for bucket, (bound, count) in enumerate(zip(bounds, point.counts, strict=True)):
        so_far += count
        example = point.examples.get(bucket) if open_metrics else None
        within = _braced([*labels, f'le="{bound}"'])
        yield f"{metric.prometheus}_bucket{within} {so_far}{_exemplar(example)}"
    yield f"{metric.prometheus}_sum{_braced(labels)} {point.value}"
    yield f"{metric.prometheus}_count{_braced(labels)} {so_far}"


def _exemplar(example: Example | None) -> str:
    if example is None:
        return ""
    ids = f'trace_id="{example.trace_id:032x}",span_id="{example.span_id:016x}"'
    return f" # {{{ids}}} {example.value} {example.at_ns / 1e9:.3f}"


def _braced(labels: list[str]) -> str:
    return f"{{{','.join(labels)}}}" if labels else ""


def _quoted(value: str) -> str:
    return _escaped(value).replace('"', '\\"')


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
