"""Keeps programs running: starts them in order, restarts what dies, stops them in reverse order.

Programs run in sessions of their own, so a Ctrl-C at the terminal reaches the supervisor alone; and
the kernel kills them when the supervisor is gone, however it went.
"""

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
import structlog

log = structlog.get_logger()

FIRST_PAUSE = 0.2
"""Seconds before the first restart: long enough not to spin, short enough not to be noticed."""

LONGEST_PAUSE = 5.0
"""Seconds between restarts of a program that cannot run at all."""

PROVEN = 30.0
"""Seconds alive after which a program's earlier deaths are forgotten."""

GRACE = 8.0
"""Seconds for all programs together to stop in; then they are killed."""

LAST_GRACE = 0.3
"""Seconds that a program gets even when the others have used up the time."""

GATEWAYS_OWN = ("ROSTRUM_ADMIN_TOKEN", "ROSTRUM_TURN_SECRET")
"""What opens the API and the relays, and the names of files that hold it."""

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Program(msgspec.Struct, frozen=True):
    name: str
    argv: list[str]
    env: dict[str, str] = {}
    log: Path | None = None
    "Where its output is appended; None: to our own stderr."
    ours: bool = True
    "One of our services: only those are given our settings."
    ready: Callable[[], Awaitable[None]] | None = None
    "Awaited before the next program is started."

    def inherited(self) -> dict[str, str]:
        """Our environment; some of it is for the gateway's own ears."""
        return {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("ROSTRUM_")
            or (self.ours and (not key.startswith(GATEWAYS_OWN) or self.name == "gateway"))
        }


def pause_after(deaths: int) -> float:
    """Seconds to wait before the restart after so many deaths in a row."""
    return float(min(FIRST_PAUSE * 2 ** min(deaths - 1, 16), LONGEST_PAUSE))


class Supervisor:
    def __init__(
        self,
        programs: Sequence[Program],
        *,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._programs = programs
        self._changed = changed
        self._clock = clock
        self._deadline = 0.0
        self.pids: dict[str, int] = {}
        "Of the programs that run at the moment; `changed` is called after each change."

    async def run(self, stopped: asyncio.Event) -> None:
        """Keep everything running until `stopped`, then stop everything."""
        async with asyncio.TaskGroup() as group:
            keepers = []
            for program in self._programs:
                stop = asyncio.Event()
                keepers.append((stop, group.create_task(self._keep(program, stop))))
                if program.ready is not None and not await _unless(stopped, program.ready()):
                    break
            await stopped.wait()
            self._deadline = self._clock() + GRACE
            for stop, keeper in reversed(keepers):
                stop.set()
                await keeper

    async def _keep(self, program: Program, stop: asyncio.Event) -> None:
        """Run one program again and again."""
        deaths = 0
        while not stop.is_set():
            born = self._clock()
            process = await _spawn(program)
            self.pids[program.name] = process.pid
            self._changed()
            ended = asyncio.ensure_future(process.wait())
            try:
                if not await _first(stop, ended):
                    await self._end(process, program.name)
                    return
            finally:
                del self.pids[program.name]
            deaths = 1 if self._clock() - born > PROVEN else deaths + 1
            pause = pause_after(deaths)
            log.warning(
                "program died", program=program.name, code=process.returncode, restart_in=pause
            )
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def _end(self, process: asyncio.subprocess.Process, name: str) -> None:
        """Ask it to end; kill it if it does not."""
        _signal(process, signal.SIGTERM)
        try:
            left = max(LAST_GRACE, self._deadline - self._clock())
            await asyncio.wait_for(process.wait(), left)
        except TimeoutError:
            log.warning("program killed", program=name)
            _signal(process, signal.SIGKILL)
            await process.wait()


async def _unless(stopped: asyncio.Event, ready: Awaitable[None]) -> bool:
    """Whether it became ready before all was told to stop."""
    becoming, stopping = asyncio.ensure_future(ready), asyncio.ensure_future(stopped.wait())
    both: set[asyncio.Future[Any]] = {becoming, stopping}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    for one in both:
        one.cancel()
    await asyncio.wait(both)
    if stopped.is_set():
        return False
    becoming.result()
    return True


async def _first(stop: asyncio.Event, ended: "asyncio.Future[int]") -> bool:
    """Whether the program ended before it was told to stop."""
    stopping = asyncio.ensure_future(stop.wait())
    try:
        both: set[asyncio.Future[Any]] = {stopping, ended}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    return ended.done() and not stop.is_set()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """To the program and to whatever it left in its process group."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


async def _spawn(program: Program) -> asyncio.subprocess.Process:
    supervisor = os.getpid()

    def die_with_supervisor() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)  # It died between the fork and here.

    output: IO[bytes] | None = None
    if program.log is not None:
        output = program.log.open("ab")
    try:
        return await asyncio.create_subprocess_exec(
            *program.argv,
            env={**program.inherited(), **program.env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_supervisor,
        )
    finally:
        if output is not None:
            output.close()
