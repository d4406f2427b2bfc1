"""What a process counts, and how it is told."""

import math
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from kit.metrics import Distribution, Growth, Registry, Tally, declared, otlp, prometheus
from kit.metrics.declared import ALL, ATTRIBUTES
from kit.metrics.page import page
from kit.metrics.registry import LINGER_NS, OVERFLOW

ROOT = Path(__file__).parents[3]
RETRIES = declared.RETRIES
TUBE = {"conference": "c0ffee00", "destination": "tube", "leg": "single"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        return self.now


def samples(registry: Registry, content_type: str = prometheus.PLAIN) -> list[str]:
    lines = prometheus.page(registry.collect(), content_type).splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_the_page_of_metrics_is_made_of_what_is_declared() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == page(), "make metrics"


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_every_metric_is_declared_whole(metric: declared.Metric) -> None:
    assert metric.name.startswith("rostrum.")
    assert metric.about
    assert set(metric.attributes) <= set(ATTRIBUTES)
    assert metric.unit in ("s", "By") or (metric.unit[0], metric.unit[-1]) == ("{", "}")
    assert (metric.kind == "histogram") == bool(metric.buckets)
    assert list(metric.buckets) == sorted(metric.buckets)


def test_no_two_metrics_have_one_name() -> None:
    assert len({metric.sample for metric in ALL}) == len(ALL)


def test_names_that_scalers_rest_on_stay() -> None:
    names = {metric.sample for metric in ALL}
    kinds = [f"rostrum_{kind}_{what}" for kind in ("mixer", "egress") for what in WORKER]

    assert {"rostrum_ready", "rostrum_scheduler_unassigned_sessions", *kinds} <= names


WORKER = ("capacity", "used", "draining")


def test_counts_add_up_by_their_attributes() -> None:
    registry = Registry()

    registry.add(RETRIES, **TUBE, reason="dns")
    registry.add(RETRIES, 2, **TUBE, reason="dns")
    registry.add(RETRIES, 0, **TUBE, reason="tls")

    labels = 'conference="c0ffee00",destination="tube",leg="single"'
    assert samples(registry) == [
        f'rostrum_egress_retries_total{{{labels},reason="dns"}} 3.0',
        f'rostrum_egress_retries_total{{{labels},reason="tls"}} 0.0',
    ]


def test_an_attribute_that_is_not_declared_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        Registry().add(RETRIES, **TUBE, reason="dns", url="rtmp://a/b/key")


def test_what_a_label_may_not_hold_is_escaped() -> None:
    registry = Registry()
    registry.add(declared.CALLS_ENDED, reason='a"b\\c\nd')

    assert samples(registry) == [
        'rostrum_conference_calls_ended_total{reason="a\\"b\\\\c\\nd"} 1.0'
    ]


def test_more_series_than_are_allowed_are_counted_together() -> None:
    registry = Registry(most=2)
    for number in range(5):
        registry.add(declared.CALLS_ENDED, reason=str(number))

    [(_, points)] = registry.collect()
    assert {point.key: point.value for point in points} == {
        ("0",): 1,
        ("1",): 1,
        (OVERFLOW,): 3,
    }


def test_what_is_over_is_shown_until_it_has_been_read() -> None:
    clock = Clock()
    registry = Registry(clock)
    registry.add(declared.SENT, 9, **TUBE)
    registry.put(declared.QUEUE, 1, **TUBE)

    registry.drop(declared.QUEUE, **TUBE)
    registry.forget(conference="c0ffee00")
    assert [family.metric for family in registry.collect()] == [declared.SENT]

    clock.now += LINGER_NS
    assert registry.collect() == []


def test_what_was_forgotten_and_is_counted_again_stays() -> None:
    clock = Clock()
    registry = Registry(clock)
    registry.add(declared.SENT, 9, **TUBE)
    registry.forget(conference="c0ffee00")

    registry.add(declared.SENT, 1, **TUBE)
    clock.now += LINGER_NS

    assert [point.value for point in registry.collect()[0].points] == [10]


def test_a_value_falls_into_the_first_bucket_that_holds_it() -> None:
    registry = Registry()
    for seconds in (0.25, 0.26, 100):
        registry.observe(declared.ON_AIR, seconds)

    counted = samples(registry)

    assert counted[:2] == [
        'rostrum_egress_start_duration_seconds_bucket{le="0.25"} 1',
        'rostrum_egress_start_duration_seconds_bucket{le="0.5"} 2',
    ]
    assert counted[-3:] == [
        'rostrum_egress_start_duration_seconds_bucket{le="+Inf"} 3',
        "rostrum_egress_start_duration_seconds_sum 100.51",
        "rostrum_egress_start_duration_seconds_count 3",
    ]


def test_a_child_counts_as_its_parent_would_have() -> None:
    one, other = Registry(), Registry()
    tally, grown = Tally(declared.ON_AIR.buckets), Growth()
    for values in ([0.1, 0.25], [3.3, 1000], []):
        for seconds in values:
            one.observe(declared.ON_AIR, seconds)
            tally.add(seconds)
        other.merge(declared.ON_AIR, grown.spread("air", tally.look()))

    [(_, [mine])], [(_, [theirs])] = one.collect(), other.collect()
    assert theirs.counts == mine.counts
    assert math.isclose(theirs.value, mine.value)


def test_a_child_that_was_started_again_takes_nothing_back() -> None:
    grown = Growth()
    assert grown.of("bytes", 100) == 100
    assert grown.of("bytes", 130) == 30

    grown.begin()

    assert grown.of("bytes", 20) == 20
    assert grown.spread("encode", Distribution([1, 0], 0.5)) == Distribution([1, 0], 0.5)


def test_a_measured_value_knows_its_trace() -> None:
    registry = Registry(Clock())
    tracer = TracerProvider().get_tracer("test")

    registry.observe(declared.ON_AIR, 0.1)
    with tracer.start_as_current_span("call") as span:
        registry.observe(declared.ON_AIR, 0.2)
    ids = span.get_span_context()

    first = samples(registry, prometheus.OPEN_METRICS)[0]
    assert first == (
        'rostrum_egress_start_duration_seconds_bucket{le="0.25"} 2'
        f' # {{trace_id="{ids.trace_id:032x}",span_id="{ids.span_id:016x}"}} 0.2 1700000000.000'
    )
    assert "#" not in samples(registry)[0]


def test_open_metrics_name_their_units_and_their_end() -> None:
    registry = Registry()
    registry.add(declared.SENT, **TUBE)

    lines = prometheus.page(registry.collect(), prometheus.OPEN_METRICS).splitlines()

    assert lines[1] == "# TYPE rostrum_egress_sent_bytes counter"
    assert lines[2] == "# UNIT rostrum_egress_sent_bytes bytes"
    assert lines[3].startswith("rostrum_egress_sent_bytes_total{")
    assert lines[-1] == "# EOF"


def test_open_metrics_are_given_to_who_asks_for_them() -> None:
    browser, scraper = "text/html", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"

    assert prometheus.wanted(browser) == prometheus.PLAIN
    assert prometheus.wanted(scraper) == prometheus.OPEN_METRICS


def test_a_collector_is_sent_what_prometheus_reads() -> None:
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    registry = Registry(Clock())
    registry.add(declared.SENT, 7, **TUBE)
    registry.put(declared.QUEUE, 0.5, **TUBE)
    registry.observe(declared.ON_AIR, 0.2)

    made = otlp.data(registry.collect(), Resource({}), registry.begun_ns, registry.now_ns())

    [resource] = encode_metrics(made).resource_metrics
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    sent = found["rostrum.egress.sent"]
    assert (sent.unit, sent.sum.is_monotonic) == ("By", True)
    assert sent.sum.data_points[0].as_double == 7
    assert found["rostrum.egress.queue"].gauge.data_points[0].as_double == 0.5
    spread = found["rostrum.egress.start.duration"].histogram.data_points[0]
    assert spread.bucket_counts[0] == 1
    assert len(spread.bucket_counts) == len(declared.ON_AIR.buckets) + 1
