"""Start and stop of a service: logs, traces, signals, NATS."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext

from kit import bus, follow, health, logs, metrics, trace
from kit.bus import ANSWER
from kit.config import BaseConfig, Credentials
from kit.presence import Speaker
from kit.probe import Probe
from kit.tasks import end
from proto import presence, subjects
from proto.presence import Reach

log = structlog.get_logger()

RECONNECT_WAIT = 0.5
"""Seconds between tries to reach NATS, at the start and for ever after."""

CANCEL_AGAIN = 6.0
"""Seconds that a job may take to end before it is told again: a child process has five."""

STARTING = 3.0
"""Seconds that a service which is told to stop while it starts may take to get so far that it
listens; what it waits for then may never come."""

ANSWER_GRACE = 2.0
"""Seconds for commands that were taken to be answered; they take milliseconds."""

REFUSED = re.compile(r"permissions violation for (?P<what>\w+) to \W*(?P<subject>[^\"]+)", re.I)
"""How nats-server says that a user may not do that."""

JETSTREAM_TIMEOUT = 5.0
"""Seconds for one JetStream request; a restarting server answers within that."""


@dataclass(frozen=True)
class App:
    nc: Client
    js: JetStreamContext
    group: asyncio.TaskGroup
    "Everything the service does in the background; one that fails takes the process down with it."
    stopped: asyncio.Event
    "Set on SIGTERM or SIGINT."
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    "Set on the second of them, and when there is nothing left to wait for."
    probe: Probe = field(default_factory=Probe)
    "What is told to who asks from outside."
    directories: dict[str, str] = field(default_factory=dict)
    "Where it keeps what, so that who asks on the bus can be told how much room is left."
    reach: list[Callable[[], Reach]] = field(default_factory=list)
    relays: list[str] = field(default_factory=list)
    "How browsers get here, and by which relays; who asks is told that as well."

    def start(self, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self.group.create_task(job)


async def connect(name: str, servers: list[str], credentials: Credentials | None = None) -> Client:
    """Connect to NATS, waiting for it as long as it takes, and reconnect for ever.

    A user of the bus hears answers in an inbox that no other user may listen to.
    """
    own: dict[str, Any] = {}
    if credentials is not None:
        own = {
            "user": credentials.user,
            "password": credentials.password.reveal(),
            "inbox_prefix": subjects.inbox(credentials.user).encode(),
        }

    async def disconnected() -> None:
        log.warning("nats lost")

    async def reconnected() -> None:
        log.info("nats is back")
        follow.reconnected()

    async def failed(exc: Exception) -> None:
        if refused := REFUSED.search(str(exc)):
            log.error("nats refused", what=refused["what"].lower(), subject=refused["subject"])
            return
        log.debug("nats error", error=type(exc).__name__)

    waiting = False
    while True:
        try:
            return await nats.connect(
                servers,
                name=name,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_WAIT,
                connect_timeout=2,
                allow_reconnect=True,
                disconnected_cb=disconnected,
                reconnected_cb=reconnected,
                error_cb=failed,
                **own,
            )
        except (nats.errors.Error, OSError, TimeoutError) as exc:
            if not waiting:
                log.info("waiting for nats", error=type(exc).__name__)
            waiting = True
            await asyncio.sleep(RECONNECT_WAIT)


class Stop(asyncio.Event):
    """Knows whether anybody waits for it yet."""

    def __init__(self) -> None:
        super().__init__()
        self.awaited = False

    async def wait(self) -> Literal[True]:
        self.awaited = True
        return await super().wait()


@asynccontextmanager
async def started(name: str, config: BaseConfig) -> AsyncIterator[App]:
    """Logs, traces, signals and NATS for the body; the body waits for `app.stopped`.

    On the way out the jobs that were started are cancelled and the connection is drained.
    """
    logs.configure(name, config.log_level)
    trace.configure(name)
    stopped, hurried = Stop(), asyncio.Event()
    loop, body, given_up = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def stop() -> None:
        (hurried if stopped.is_set() else stopped).set()
        loop.call_later(STARTING, give_up)

    def give_up() -> None:
        if body is not None and not stopped.awaited and not given_up.is_set():
            given_up.set()
            body.cancel()

    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop)
    probe = Probe()
    async with probe.answering(config.health_port):
        nc = await _connected(name, config, stopped)
        stopped.awaited = False
        probe.ready = lambda: nc.is_connected and not stopped.is_set()
        try:
            async with Jobs(stopped, hurried) as group:
                log.info("started")
                if trace.exported():
                    from kit.metrics import otlp

                    group.create_task(otlp.export(metrics.REGISTRY, trace.resource(name)))
                if config.health_file:
                    beating = health.beat(Path(config.health_file).touch, lambda: nc.is_connected)
                    group.create_task(beating)
                speaker = Speaker(name, config.location, os.environ, _now)
                await bus.answer(
                    nc,
                    subjects.PINGS,
                    decode=presence.decode_ping,
                    handle=speaker.answer,
                    group=group,
                )
                try:
                    js = nc.jetstream(timeout=JETSTREAM_TIMEOUT)
                    told = speaker.directories, speaker.reach, speaker.relays
                    yield App(nc, js, group, stopped, hurried, probe, *told)
                except asyncio.CancelledError:
                    if body is None or not given_up.is_set():
                        raise
                    body.uncancel()
                    log.info("told to stop while it started")
                finally:
                    stopped.awaited = True
                    await group.stop()
        finally:
            if nc.is_connected:
                await nc.drain()
            else:
                await nc.close()
            log.info("stopped")
    if group.lost:
        raise SystemExit(1)


def _now() -> datetime:
    """What a service tells of its clock is for people who look for one that is wrong."""
    return datetime.now(UTC)  # noqa: TID251


async def _connected(name: str, config: BaseConfig, stopped: asyncio.Event) -> Client:
    """The bus, unless we are told to stop before it is there."""
    connecting = asyncio.ensure_future(
        connect(name, config.nats_servers(), config.nats_credentials())
    )
    stopping = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done():
        connecting.cancel()
        raise SystemExit(0)
    stopping.cancel()
    return connecting.result()


class Jobs(asyncio.TaskGroup):
    """A task group whose tasks can be ended, and in which none ends unnoticed."""

    def __init__(self, *stopped: asyncio.Event) -> None:
        """`stopped` are set when one is lost."""
        super().__init__()
        self._stopped = stopped
        self._jobs: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self.lost = False
        "A job was cancelled by nobody knows whom: the process has to begin anew."

    def create_task(self, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task = super().create_task(coro, **kwargs)
        self._jobs.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._jobs.discard(task)
        if task.cancelled() and not (self._stopping or task.cancelling()):
            log.error("job lost", job=task.get_name())
            self.lost = True
            for event in self._stopped:
                event.set()

    async def stop(self) -> None:
        """Cancel all until all have ended."""
        self._stopping = True
        answers = {job for job in self._jobs if job.get_name() == ANSWER}
        # Those that take commands in end first, so that what was taken is still answered.
        await end(self._jobs - answers, CANCEL_AGAIN)
        if answers:
            await asyncio.wait(answers, timeout=ANSWER_GRACE)
        await end(set(self._jobs), CANCEL_AGAIN)
