"""Answers who asks how a service is, on the port `ROSTRUM_HEALTH_PORT`.

GET /health/live     200 for as long as the event loop turns: without the bus, too, media goes on
GET /health/ready    200 while the bus is there and the service is not stopping; else 503
GET /metrics         all figures, as Prometheus reads them: `docs/metrics.md`
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from kit import metrics
from kit.metrics import declared, prometheus

PATIENCE = 5.0
"""Seconds for a question; who asks is on the same machine or next to it."""

LONGEST = 8192
"""Bytes of a question, with its headers."""

MOST = 32
"""Connections at a time: one for each who asks, and room for those that hang."""


class Answer(NamedTuple):
    status: str
    body: str
    content_type: str = prometheus.PLAIN


class Probe:
    def __init__(self, registry: metrics.Registry = metrics.REGISTRY) -> None:
        self.ready: Callable[[], bool] = lambda: False
        "Whether new work would be taken."
        self._registry = registry
        registry.watch(declared.READY, lambda: self.ready())
        self._talking = 0

    def answer(self, path: str, accept: str = "") -> Answer:
        match path:
            case "/health/live":
                return Answer("200 OK", "live\n")
            case "/health/ready" if self.ready():
                return Answer("200 OK", "ready\n")
            case "/health/ready":
                return Answer("503 Service Unavailable", "not ready\n")
            case "/metrics":
                wanted = prometheus.wanted(accept)
                page = prometheus.page(self._registry.collect(), wanted)
                return Answer("200 OK", page, wanted)
            case _:
                return Answer("404 Not Found", "")

    @asynccontextmanager
    async def answering(self, port: int) -> AsyncIterator[None]:
        """Answer while the body runs, on every address of this machine; 0: nowhere."""
        if port == 0:
            yield
            return
        server = await asyncio.start_server(self._talk, None, port, limit=LONGEST)
        try:
            yield
        finally:
            server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talking += 1
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with asyncio.timeout(PATIENCE):
                    if self._talking <= MOST:
                        await self._converse(reader, writer)
        finally:
            self._talking -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
        known = Answer("405 Method Not Allowed", "")
        if method == b"GET":
            known = self.answer(path, _header(rest, b"accept"))
        body = known.body.encode()
        writer.write(
            f"HTTP/1.1 {known.status}\r\nContent-Type: {known.content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        )
        writer.write(body)
        await writer.drain()


def _header(head: bytes, name: bytes) -> str:
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.decode("latin-1")
    return ""
