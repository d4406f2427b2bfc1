"""A child process that is talked to in JSON lines: messages in on stdin, reports out on stdout.

Media work runs in children: a native crash costs one session, and a child has no NATS, no HTTP,
no password of either in its environment, and nothing on its command line. Its stderr is the
parent's, so its log lines go the same way.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from kit import metrics
from kit.metrics import declared

log = structlog.get_logger()

LINE_LIMIT = 4 * 1024 * 1024
"""A view of a very large conference still fits."""

KEPT_FROM_CHILDREN = frozenset(
    {
        *("ROSTRUM_NATS_URL", "ROSTRUM_NATS_USER"),
        *("ROSTRUM_NATS_PASSWORD", "ROSTRUM_NATS_PASSWORD_FILE"),
        *("ROSTRUM_ADMIN_TOKEN", "ROSTRUM_ADMIN_TOKEN_FILE"),
        *("ROSTRUM_TURN_SECRET", "ROSTRUM_TURN_SECRET_FILE"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    }
)

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
            env={**_inherited(), **(env or {})},
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
        while (line := await stdout.readline()).endswith(b"\n"):
            yield self._decode(line)

    def close(self) -> None:
        """Close its stdin, which asks it to end."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def wait(self) -> int:
        return await self._process.wait()

    async def stop(self) -> int:
        """Close its stdin, which asks it to end; kill it if it does not. Returns the exit code."""
        self.close()
        try:
            return await asyncio.wait_for(self._process.wait(), GRACE)
        except TimeoutError:
            self._process.kill()
            return await self._process.wait()
        finally:
            # Also when we are told again to hurry: nothing may be left running.
            if self._process.returncode is None:
                self._process.kill()


def _inherited() -> dict[str, str]:
    """Our environment without the ways to the bus and the API: children decode strangers' media."""
    return {key: value for key, value in os.environ.items() if key not in KEPT_FROM_CHILDREN}


class Parent(Generic[Order]):
    """The child's end. Reports may come from any thread."""

    def __init__(self, decode: Callable[[bytes], Order]) -> None:
        self._decode = decode
        self._lock = threading.Lock()
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        # Whatever a library prints must not end up among the reports.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def report(self, report: Any) -> None:
        with self._lock, suppress(BrokenPipeError):
            # A parent that is gone hears nothing; our stdin says so, too.
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

WORKED, WORKED_PAUSE = 3.0, 1.0
"""Seconds of life that show that a child can do what it is for, and the longest pause after them:
however often something kills it, its viewers are not made to wait for what a start costs."""

STEADY = 30.0
"""Seconds that a child has to live for its earlier deaths to be forgotten."""


def pause_after(lived: float, before: float | None) -> float:
    """Seconds before the next start of a child that lived so long, after the pause before that
    life; None before its first."""
    if before is None or lived > STEADY:
        return FIRST_PAUSE
    return min(before * 2, WORKED_PAUSE if lived > WORKED else LONGEST_PAUSE)


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
        self._retired = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Of the child that runs now."""
        return None if self._child is None else self._child.pid

    def send(self, order: msgspec.Struct) -> None:
        """Tell the child that runs now; one that is started later is told by `greet`."""
        if self._child is not None:
            self._child.send(order)

    def retire(self) -> None:
        """Do not start it again: it has said that it cannot do what it is for."""
        self._retired.set()

    def end(self) -> None:
        """Ask the child to end, and do not start it again; `run` returns when it is gone."""
        self.retire()
        if self._child is not None:
            self._child.close()

    async def run(self) -> None:
        """Keep it alive until cancelled or retired, then end it cleanly."""
        pause = None
        while True:
            born = self._clock()
            try:
                code = await self._live()
            except (OSError, msgspec.MsgspecError) as exc:
                # Out of processes or memory, or it spoke nonsense: no better than dead.
                log.error("child failed", module=self._module, error=type(exc).__name__)
                code = -1
            if self._retired.is_set():
                return
            pause = pause_after(self._clock() - born, pause)
            log.warning("child died", module=self._module, code=code, pause=pause)
            metrics.add(declared.DEATHS, module=self._module.rsplit(".", 1)[-1])
            await self._died()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._retired.wait(), pause)
                return

    async def _live(self) -> int:
        """One life of the child; its exit code."""
        child = await Child.spawn(self._module, self._decode)
        self._child = child
        try:
            self._greet(child)
            if self._retired.is_set():
                child.close()
            async for report in child.reports():
                await self._hear(report)
        finally:
            self._child = None
            code = await child.stop()
        return code
