"""What operators see of a stream: figures in a real Prometheus, and one trace of the call."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from cli.ingest import Ingest
from cli.spans import Span, below, by_trace, tree
from cli.traces import Collector
from kit.metrics import declared
from kit.metrics.declared import ALL
from services.standalone import SERVICES
from tests.support.canary import Watch
from tests.support.clips import clip
from tests.support.nats import free_port
from tests.support.prometheus import Prometheus, filled, queries, scraping
from tests.support.system import ADMIN, System, system, until

pytestmark = [pytest.mark.e2e, pytest.mark.nats, pytest.mark.nginx]

WINDOW = "20s"
"""Of the queries: longer than the whole run takes."""

DIALLED = f"POST {ADMIN}/command/v1/participant/dial"

NOT_SEEN = (
    declared.PARKED,
    declared.LOST_WORKERS,
    declared.DEGRADED,
    declared.TOOK_OVER,
)
"""What there is only after faults of ours that nobody makes here."""


class Run(msgspec.Struct):
    system: System
    prometheus: Prometheus
    collector: Collector
    ports: list[int]
    conference: str
    "As metrics call it."
    stream: str
    "On the air all the time, but for a moment."


class Watched(Collector):
    """What comes is looked through for secrets, as what other stacks export."""

    watch: Watch | None = None

    def take(self, path: str, body: bytes) -> None:
        super().take(path, body)
        if self.watch is not None:
            self.watch.look("exported", path, body)


def consecutive(count: int) -> list[int]:
    """Free ports, one behind the other."""
    while True:
        first = free_port()
        ports = list(range(first, first + count))
        if first < 60_000 and all(_is_free(port) for port in ports[1:]):
            return ports


def _is_free(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}", timeout=0.2)
    except httpx.ConnectError:
        return True
    except httpx.HTTPError:
        return False
    return False


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, server: Ingest, clips: Path) -> Iterator[Run]:
    """A stream that works, one that does not, one that is refused, and a process that dies."""
    room, collector = tmp_path_factory.mktemp("observed"), Watched()
    ports = consecutive(len(SERVICES))
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "ROSTRUM_EGRESS_CAPACITY": "1",
    }
    options = ("--metrics-port", str(ports[0]))
    with (
        collector.collecting(),
        system(room / "data", env, *options) as one,
        scraping(room, ports) as prometheus,
    ):
        collector.watch = one.watch
        media = clip(clips / "seen.mp4", colour=(200, 30, 30), tone=440.0, seconds=4)
        host = one.join("Red", media, role="host")
        stream = one.dial(server.url("SEEN"))
        one.streams(stream)
        lost = one.dial("rtmp://127.0.0.1:9/live/nobody")
        refused = one.dial(server.url("REFUSED"), frame_rate=60)
        until(lambda: one.participant(refused) is None)
        until(lambda: prometheus.number(f"sum({declared.RETRIES.sample})"))
        one.hang_up(one.dial("rtmp://127.0.0.1:9/live/gone"))
        one.kill("services.rtmp_egress.session")
        conference = str(one.conference()["metrics_id"])
        publishing = f'{declared.DESTINATIONS.sample}{{destination="{stream}",state="publishing"}}'
        until(lambda: prometheus.number(f"sum({publishing})") == 1)
        growing = f'{declared.SENT.sample}{{destination="{stream}"}}'
        until(lambda: prometheus.number(f"sum(increase({growing}[5s]))") > 0)
        ended = f"min(count_over_time({declared.ENDED.sample}[{WINDOW}]))"
        until(lambda: prometheus.number(ended) > 1)
        yield Run(one, prometheus, collector, ports, conference, stream)
        one.hang_up(lost)
        one.leave(host)


def test_every_query_of_the_dashboards_has_series(run: Run) -> None:
    unseen = [metric.sample for metric in NOT_SEEN]
    empty = []
    for where, expr in queries().items():
        sent = filled(expr, WINDOW, conference=run.conference, destination=run.stream)
        found = run.prometheus.series(sent)
        if not found and not any(name in expr for name in unseen):
            empty.append((where, sent))

    assert empty == []


def test_the_alerts_are_understood_and_look_at_what_is_there(run: Run) -> None:
    [group] = run.prometheus.get("/rules")["groups"]

    assert len(group["rules"]) > 20
    until(lambda: run.prometheus.get("/rules")["groups"][0]["lastEvaluation"] > "0002")
    rules = run.prometheus.get("/rules")["groups"][0]["rules"]
    assert [(rule["name"], rule["health"]) for rule in rules if rule["health"] != "ok"] == []
    told = {rule["name"] for rule in rules if rule["alerts"]}
    assert "RostrumWorkRefused" in told
    assert "RostrumServiceGone" not in told, "each service has the figure by which it is missed"


def test_what_happened_is_counted(run: Run) -> None:
    def count(metric: declared.Metric, **labels: str) -> float:
        where = ",".join(f'{name}="{value}"' for name, value in labels.items())
        return run.prometheus.number(f"sum({metric.sample}{{{where}}})")

    assert count(declared.REFUSED, kind="session", reason="full") == 1
    assert count(declared.DEATHS, module="session") == 1
    assert count(declared.RETRIES, reason="connect-refused") >= 1
    assert count(declared.ENDED, state="stopped") == 1
    assert count(declared.CALLS_ENDED, reason="no-worker") == 1
    assert count(declared.SENT, conference=run.conference, destination=run.stream) > 10_000
    assert count(declared.SOURCES, conference=run.conference, state="live") == 1


def test_neither_names_nor_keys_are_in_the_figures(run: Run) -> None:
    pages = "".join(httpx.get(f"http://127.0.0.1:{port}/metrics").text for port in run.ports)

    assert "rostrum_egress_sent_bytes_total" in pages
    for secret in ("town-hall", "Town Hall", "SEEN", "nobody", "rtmp://", "Red"):
        assert secret not in pages


def call(run: Run) -> list[Span]:
    """The trace of the dial that came through, once it is whole."""

    def found() -> list[Span]:
        whole = [
            spans
            for spans in by_trace(run.collector.spans).values()
            if {DIALLED, "first key frame"} <= {span.name for span in spans}
        ]
        return whole[0] if whole else []

    return until(found)


def test_a_call_is_one_trace_from_the_request_to_the_first_key_frame(run: Run) -> None:
    spans = call(run)
    print("\n".join(tree(spans)))

    def way(name: str) -> list[str]:
        """Who did what on the way there, the last first."""
        by_id = {span.span: span for span in spans}
        [at] = [span for span in spans if span.name == name]
        steps = [f"{at.service}: {at.name}"]
        while at.parent in by_id:
            at = by_id[at.parent]
            steps.append(f"{at.service}: {at.name}")
        return steps

    assert way("first key frame") == [
        "rtmp-egress: first key frame",
        "rtmp-egress: dial",
        "rtmp-egress: process scheduler.events.*",
        "scheduler: process routing.events.*",
        "routing: process conference.events.*",
        "conference-state: process conference.commands.*",
        "gateway: send conference.commands.*",
        f"gateway: {DIALLED}",
    ]
    assert {"connect", "publish", "start session"} <= {span.name for span in spans}
    assert [span.name for depth, span in below(spans) if depth == 0] == [DIALLED]


def test_an_exemplar_leads_from_a_figure_to_the_trace(run: Run) -> None:
    found = run.prometheus.get(
        "/query_exemplars",
        query=f"{declared.ON_AIR.sample}_bucket",
        start=str(time.time() - 600),
        end=str(time.time()),
    )

    ids = {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}
    assert call(run)[0].trace in ids


def test_log_lines_of_the_session_name_the_trace(run: Run) -> None:
    lines = [json.loads(line) for line in _log(run, "rtmp_egress") if line.startswith("{")]
    told = [line for line in lines if line["event"] == "destination"]
    begun = [line for line in lines if line["event"] == "feed taken"]

    trace = call(run)[0].trace
    assert told[0]["trace_id"] == begun[0]["trace_id"] == trace
    assert told[0]["span_id"]


def test_a_collector_is_sent_the_same_metrics(run: Run) -> None:
    known = {metric.name for metric in ALL}

    until(lambda: ("rtmp-egress", declared.SENT.name) in run.collector.metrics)
    assert {name for _, name in run.collector.metrics} <= known
    assert len({service for service, _ in run.collector.metrics}) == len(run.ports)


def _log(run: Run, service: str) -> Any:
    return (run.system.data / "logs" / f"{service}.log").read_text().splitlines()
