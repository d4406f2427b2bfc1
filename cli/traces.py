"""`rostrum traces`: a collector that prints. Services send to it by OTLP over HTTP."""

import gzip
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from cli.spans import Span, tree

LARGEST = 64 * 1024 * 1024
"""Bytes of one export."""

PREFIX = "rostrum-"


class Collector:
    """What has been sent to it; for any thread."""

    def __init__(self, port: int = 0) -> None:
        self._changed = threading.Condition()
        self.spans: list[Span] = []
        self.metrics: set[tuple[str, str]] = set()
        "Service and name of each metric."
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def collecting(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def take(self, path: str, body: bytes) -> None:
        with self._changed:
            if path == "/v1/traces":
                self.spans.extend(spans_of(body))
            else:
                self.metrics.update(metrics_of(body))
            self._changed.notify_all()


def spans_of(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _service(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                failed = span.status.code == span.status.STATUS_CODE_ERROR
                yield Span(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    service,
                    span.name,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    span.status.message or "failed" if failed else "",
                    tuple(link.trace_id.hex() for link in span.links),
                )


def metrics_of(body: bytes) -> Iterator[tuple[str, str]]:
    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        service = _service(resource.resource.attributes)
        for scope in resource.scope_metrics:
            yield from ((service, metric.name) for metric in scope.metrics)


def _service(attributes: "Iterator[object]") -> str:
    named = [a for a in attributes if getattr(a, "key", "") == "service.name"]
    return str(named[0].value.string_value).removeprefix(PREFIX) if named else ""  # type: ignore[attr-defined]


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", 0)), LARGEST)
            body = self.rfile.read(length)
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody wants to read who sends."""

    return Handler


def follow(port: int, quiet: float) -> None:
    """Print each trace once nothing has come of it for a while, until Ctrl-C."""
    collector = Collector(port)
    print(f"waiting for traces: OTEL_EXPORTER_OTLP_ENDPOINT={collector.url}", file=sys.stderr)
    waiting: dict[str, tuple[float, list[Span]]] = {}
    with collector.collecting():
        while True:
            time.sleep(0.5)
            taken, collector.spans = collector.spans, []
            now = time.monotonic()
            for span in taken:
                known = waiting.get(span.trace, (now, []))[1]
                waiting[span.trace] = now, [*known, span]
            for trace, (heard, spans) in list(waiting.items()):
                if now - heard > quiet:
                    del waiting[trace]
                    print("\n".join(tree(spans)), flush=True)
