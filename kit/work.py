"""What every media worker does on the bus: bid, carry out what is assigned to it, be alive."""

import asyncio
from contextlib import suppress
from typing import Protocol

from opentelemetry.trace import SpanKind

from kit import bus, metrics, trace
from kit.boot import App
from kit.eventlog import EventLog
from kit.follow import Follower
from kit.heartbeat import beat
from kit.kv import Bucket
from kit.metrics import declared
from proto import scheduler, subjects
from proto.base import Event, Message, encode
from proto.scheduler import SchedulerEvent, Wanted, WorkerKind
from proto.views import WorkerView

PLACES: dict[WorkerKind, tuple[declared.Metric, declared.Metric, declared.Metric]] = {
    "mixer": (declared.MIXER_CAPACITY, declared.MIXER_USED, declared.MIXER_DRAINING),
    "egress": (declared.EGRESS_CAPACITY, declared.EGRESS_USED, declared.EGRESS_DRAINING),
}

LOOK = 0.5
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
    """Work until the service is stopped, and then for `patience` seconds while it is missed."""
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
    capacity, used, draining = PLACES[kind]
    metrics.watch(capacity, lambda: worker.view().capacity)
    metrics.watch(used, lambda: worker.view().used)
    metrics.watch(draining, lambda: worker.draining)
    async with beat(workers, f"{kind}.{name}", worker.view):
        await app.stopped.wait()
        worker.draining = True
        await drained(worker, patience)


async def drained(worker: Worker, patience: float) -> None:
    """Wait until the worker is idle, for so many seconds at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while True:
                if worker.idle:
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
