"""What a service says of itself to who asks from outside."""

import asyncio

from kit.metrics import Registry, declared
from kit.probe import PATIENCE, Probe
from tests.support.nats import free_port


async def ask(port: int, question: bytes) -> tuple[bytes, bytes]:
    """The status line and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(question)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return head.split(b"\r\n")[0], body
    finally:
        writer.close()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 10.0.0.7:8081\r\n\r\n".encode()


async def test_without_the_bus_a_service_lives_but_is_not_ready() -> None:
    probe, port = Probe(), free_port()
    there = False
    probe.ready = lambda: there

    async with asyncio.timeout(PATIENCE), probe.answering(port):
        assert b" 200 " in (await ask(port, get("/health/live")))[0]
        assert b" 503 " in (await ask(port, get("/health/ready")))[0]
        there = True
        assert b" 200 " in (await ask(port, get("/health/ready")))[0]


async def test_gauges_are_read_when_they_are_asked_for() -> None:
    registry = Registry()
    probe, port = Probe(registry), free_port()
    used = 3
    registry.watch(declared.EGRESS_USED, lambda: used)

    async with asyncio.timeout(PATIENCE), probe.answering(port):
        used = 4
        status, body = await ask(port, get("/metrics?all"))

    assert b" 200 " in status
    assert [line for line in body.splitlines() if not line.startswith(b"# HELP")] == [
        b"# TYPE rostrum_egress_used gauge",
        b"rostrum_egress_used 4.0",
        b"# TYPE rostrum_ready gauge",
        b"rostrum_ready 0.0",
    ]


async def test_nothing_else_is_answered() -> None:
    probe, port = Probe(), free_port()

    async with asyncio.timeout(PATIENCE), probe.answering(port):
        assert b" 404 " in (await ask(port, get("/")))[0]
        assert b" 405 " in (await ask(port, b"POST /health/live HTTP/1.1\r\n\r\n"))[0]
        assert (await ask(port, b"x" * 100_000))[0] == b""


async def test_who_says_nothing_keeps_nobody_from_asking() -> None:
    probe, port = Probe(), free_port()

    async with asyncio.timeout(PATIENCE), probe.answering(port):
        _, silent = await asyncio.open_connection("127.0.0.1", port)
        assert b" 200 " in (await ask(port, get("/health/live")))[0]
        silent.close()
