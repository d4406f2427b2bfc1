"""What every media worker does on the bus: bid, carry out what is assigned to it, be alive."""

from typing import Protocol

import msgspec
from opentelemetry.trace import SpanKind

from kit import bus, trace
from kit.boot import App
from kit.eventlog import EventLog
from kit.follow import Follower
from kit.heartbeat import beat
from kit.kv import Bucket
from proto import scheduler, subjects
from proto.base import Event, Message, encode
from proto.scheduler import SchedulerEvent, Wanted, WorkerKind


class Worker(Protocol):
    draining: bool
    "Takes no new work."

    def view(self) -> msgspec.Struct:
        """The heartbeat."""
        ...

    async def bid(self, wanted: Wanted) -> Message:
        """An offer, or why not."""
        ...

    async def carry_out(self, event: SchedulerEvent) -> None:
        """One event of SCHEDULER, whoever it is for."""
        ...


async def serve(app: App, kind: WorkerKind, name: str, worker: Worker) -> None:
    """Work until the service is stopped."""
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
    async with beat(workers, f"{kind}.{name}", worker.view):
        await app.stopped.wait()
        worker.draining = True


async def report(log: EventLog, family: subjects.Family, conference: str, event: Event) -> None:
    """Append what happened to the media; nobody else could say it again, so it waits for NATS."""
    subject, commit = subjects.events(family, conference), encode([event])
    await bus.persist(lambda: log.append(subject, commit, expected=None))


async def _follow(assignments: Follower, worker: Worker) -> None:
    async for msg, commit in assignments.commits(scheduler.decode_commit):
        with trace.span("process scheduler.events.*", SpanKind.CONSUMER, headers=msg.headers):
            for event in commit:
                await worker.carry_out(event)
