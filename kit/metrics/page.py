"""`docs/metrics.md`, made of what is declared: `python -m kit.metrics.page`."""

import sys
from collections.abc import Iterator

from kit.metrics.declared import ALL, ATTRIBUTES, Metric

HEAD = """# Metrics

Made from `kit/metrics/declared.py` by `make metrics`. How they are read, and why they are as they
are: [observability](observability.md). `/metrics` on each service's health port has them in
Prometheus' format, or as OpenMetrics with exemplars; where `OTEL_EXPORTER_OTLP_ENDPOINT` is set
they go out by OTLP as well, under the names in brackets.
"""


def page() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    for service in dict.fromkeys(metric.service for metric in ALL):
        yield f"## {_title(service)}\n"
        yield "| metric | | by |"
        yield "|---|---|---|"
        yield from (_row(metric) for metric in ALL if metric.service == service)
        yield ""
    yield "## Attributes\n"
    yield "| attribute | what it is | how many values |"
    yield "|---|---|---|"
    for one in ATTRIBUTES.values():
        yield f"| `{one.name}` | {one.about} | {one.bound} |"


def _title(service: str) -> str:
    return "All services" if service == "all" else service


def _row(metric: Metric) -> str:
    names = f"`{metric.sample}` ({metric.kind}; `{metric.name}`, {metric.unit})"
    by = ", ".join(f"`{name}`" for name in metric.attributes)
    return f"| {names} | {metric.about} | {by} |"


if __name__ == "__main__":
    sys.stdout.write(page())
