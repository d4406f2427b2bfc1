"""Answers who asks how a service is, on the port `ROSTRUM_HEALTH_PORT`.

GET /health/live     200 for as long as the event loop turns: without the bus, too, media goes on
GET /health/ready    200 while the bus is there and the service is not stopping; else 503
GET /metrics         gauges, as Prometheus reads them
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

PATIENCE = 5.0
"""Seconds for a question; who asks is on the same machine or next to it."""

LONGEST = 8192
"""Bytes of a question, with its headers."""

MOST = 32
"""Connections at a time: one for each who asks, and room for those that hang."""


class Answer(NamedTuple):
    status: str
    body: str


class Probe:
    def __init__(self) -> None:
        self.ready: Callable[[], bool] = lambda: False
        "Whether new work would be taken."
        self.gauges: dict[str, Callable[[], float]] = {}
        "By name; without labels, of which the one who scrapes has enough."
        self._talking = 0

    def answer(self, path: str) -> Answer:
        match path:
            case "/health/live":
                return Answer("200 OK", "live\n")
            case "/health/ready" if self.ready():
                return Answer("200 OK", "ready\n")
            case "/health/ready":
                return Answer("503 Service Unavailable", "not ready\n")
            case "/metrics":
                gauges = {"rostrum_ready": self.ready, **self.gauges}
                lines = (f"# TYPE {n} gauge\n{n} {float(read())}\n" for n, read in gauges.items())
                return Answer("200 OK", "".join(lines))
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
        known = self.answer(path) if method == b"GET" else Answer("405 Method Not Allowed", "")
        writer.write(
            f"HTTP/1.1 {known.status}\r\nContent-Type: text/plain; version=0.0.4\r\n"
            f"Content-Length: {len(known.body)}\r\nConnection: close\r\n\r\n{known.body}".encode()
        )
        await writer.drain()
