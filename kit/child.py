"""A child process that is talked to in JSON lines: messages in on stdin, reports out on stdout.

Media work runs in children: a native crash costs one session, and a child has no NATS, no HTTP
and nothing on its command line. Its stderr is the parent's, so its log lines go the same way.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

import msgspec
import structlog

log = structlog.get_logger()

LINE_LIMIT = 4 * 1024 * 1024
"""A view of a very large conference still fits."""

GRACE = 5.0
"""Seconds a child has to end after its stdin was closed, before it is killed."""

Report = TypeVar("Report")
Order = TypeVar("Order")

_encode = msgspec.json.Encoder().encode


class Child(Generic[Report]):
    """The parent's end of `python -m <module>`."""

    def __init__(
        self, process: asyncio.subprocess.Process, decode: Callable[[bytes], Report]
    ) -> None:
        self._process = process
        self._decode = decode

    @classmethod
    async def spawn(
        cls, module: str, decode: Callable[[bytes], Report], env: dict[str, str] | None = None
    ) -> "Child[Report]":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **(env or {})},
            limit=LINE_LIMIT,
            start_new_session=True,
        )
        return cls(process, decode)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, order: msgspec.Struct) -> None:
        """Tell the child; lost without a sound if it has just died (its restart tells it anew)."""
        stdin = self._process.stdin
        assert stdin is not None
        if not stdin.is_closing():
            stdin.write(_encode(order) + b"\n")

    async def reports(self) -> AsyncIterator[Report]:
        """What the child says, until it ends."""
        stdout = self._process.stdout
        assert stdout is not None
        while line := await stdout.readline():
            yield self._decode(line)

    async def wait(self) -> int:
        return await self._process.wait()

    async def stop(self) -> int:
        """Close its stdin, which asks it to end; kill it if it does not. Returns the exit code."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        try:
            return await asyncio.wait_for(self._process.wait(), GRACE)
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()


class Parent(Generic[Order]):
    """The child's end. Reports may come from any thread."""

    def __init__(self, decode: Callable[[bytes], Order]) -> None:
        self._decode = decode
        self._lock = threading.Lock()
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        # Whatever a library prints must not end up among the reports.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def report(self, report: Any) -> None:
        with self._lock:
            self._out.write(_encode(report) + b"\n")

    async def orders(self) -> AsyncIterator[Order]:
        """What the parent says; ends when the parent closes the pipe or is gone."""
        reader = asyncio.StreamReader(limit=LINE_LIMIT)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
        while line := await reader.readline():
            yield self._decode(line)


FIRST_PAUSE = 0.2
"""Seconds before a child that died is started again; a viewer should not notice much."""

LONGEST_PAUSE = 5.0
"""Seconds between tries to start one that dies again and again; each try costs CPU."""

STEADY = 30.0
"""Seconds that a child has to live for its earlier deaths to be forgotten."""


class Kept(Generic[Report]):
    """A child that is started again whenever it dies, and told anew what it has to know."""

    def __init__(
        self,
        module: str,
        decode: Callable[[bytes], Report],
        *,
        greet: Callable[["Child[Report]"], None],
        hear: Callable[[Report], Awaitable[None]],
        died: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._module = module
        self._decode = decode
        self._greet = greet
        self._hear = hear
        self._died = died
        self._clock = clock
        self._child: Child[Report] | None = None
        self._retired = False

    def send(self, order: msgspec.Struct) -> None:
        """Tell the child that runs now; one that is started later is told by `greet`."""
        if self._child is not None:
            self._child.send(order)

    def retire(self) -> None:
        """Do not start it again: it has said that it cannot do what it is for."""
        self._retired = True

    def _gone(self) -> bool:
        return self._retired

    async def run(self) -> None:
        """Keep it alive until cancelled or retired, then end it cleanly."""
        pause = FIRST_PAUSE
        while True:
            born = self._clock()
            child = await Child.spawn(self._module, self._decode)
            self._child = child
            try:
                self._greet(child)
                async for report in child.reports():
                    await self._hear(report)
            finally:
                self._child = None
                code = await child.stop()
            if self._gone():
                return
            if self._clock() - born > STEADY:
                pause = FIRST_PAUSE
            log.warning("child died", module=self._module, code=code, pause=pause)
            await self._died()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
