"""What every media worker does on the bus: bid, carry out what is assigned to it, be alive."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import structlog
from opentelemetry.trace import SpanKind

from kit import bus, trace
from kit.boot import App
from kit.eventlog import EventLog
from kit.follow import Follower
from kit.heartbeat import beat
from kit.kv import Bucket
from proto import scheduler, subjects
from proto.base import Event, Message, encode
from proto.scheduler import Draining, DrainWorker, SchedulerEvent, Wanted, WorkerKind
from proto.views import WorkerView

log = structlog.get_logger()

LOOK = 0.25
"""Seconds between looks whether a worker that is being drained has become idle."""


class Worker(Protocol):
    draining: bool
    "Takes no new work."

    @property
    def idle(self) -> bool:
        """Whether it could go without anybody missing it."""
        ...

    def view(self) -> WorkerView:
        """The heartbeat."""
        ...

    async def bid(self, wanted: Wanted) -> Message:
        """An offer, or why not."""
        ...

    async def carry_out(self, event: SchedulerEvent) -> None:
        """One event of SCHEDULER, whoever it is for."""
        ...


async def serve(
    app: App, kind: WorkerKind, name: str, worker: Worker, *, patience: float = 0.0
) -> None:
    """Work until the service is stopped, or is asked to be drained.

    It goes when others have taken over what it did, or after `patience` seconds.
    """
    workers = await Bucket.ensure(app.js, subjects.WORKERS, ttl=subjects.WORKERS_TTL)
    stream, subject = subjects.stream("scheduler"), subjects.events("scheduler")
    assignments = Follower(app.js, stream, subject, after=None)
    app.start(_follow(assignments, worker))
    # Nobody may hear of this worker before it can hear of its work.
    await assignments.started.wait()
    await bus.answer(
        app.nc,
        subjects.bids(kind),
        decode=scheduler.decode_wanted,
        handle=worker.bid,
        group=app.group,
    )
    asked: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    await bus.answer(
        app.nc,
        subjects.drains(name),
        decode=scheduler.decode_drain,
        handle=partial(_drain, worker, asked),
        group=app.group,
    )
    async with beat(workers, f"{kind}.{name}", worker.view):
        first: set[asyncio.Future[Any]] = {app.start(_until(app.stopped)), asked}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        worker.draining = True
        log.info("draining", used=worker.view().used)
        if not app.stopped.is_set():
            await emptied(worker, app.stopped, asked.result())
        if app.stopped.is_set():
            await emptied(worker, app.hurried, patience)


async def _drain(worker: Worker, asked: asyncio.Future[float], command: DrainWorker) -> Message:
    worker.draining = True
    if not asked.done():
        asked.set_result(command.seconds)
    view = worker.view()
    return Draining(view.worker, view.used)


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def emptied(worker: Worker, hurried: asyncio.Event, patience: float) -> None:
    """Wait until the worker is idle, for so many seconds at most, and not if we are hurried."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while True:
                if worker.idle or hurried.is_set():
                    return
                await asyncio.sleep(LOOK)


async def report(log: EventLog, family: subjects.Family, conference: str, event: Event) -> None:
    """Append what happened to the media; nobody else could say it again, so it waits for NATS."""
    subject, commit = subjects.events(family, conference), encode([event])
    await bus.persist(lambda: log.append(subject, commit, expected=None))


async def _follow(assignments: Follower, worker: Worker) -> None:
    async for msg, commit in assignments.commits(scheduler.decode_commit):
        with trace.span("process scheduler.events.*", SpanKind.CONSUMER, headers=msg.headers):
            for event in commit:
                await worker.carry_out(event)
