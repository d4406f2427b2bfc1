"""What every media worker does on the bus: bid, carry out what is assigned to it, be alive."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import structlog
from opentelemetry.trace import SpanKind

from kit import bus, metrics, trace
from kit.boot import App
from kit.cost import Room
from kit.eventlog import EventLog
from kit.follow import Follower
from kit.heartbeat import beat
from kit.kv import Bucket
from kit.metrics import declared
from proto import scheduler, subjects
from proto.base import Event, Message, encode
from proto.scheduler import Declined, Draining, DrainWorker, SchedulerEvent, Wanted, WorkerKind
from proto.views import WorkerView, decode_worker

log = structlog.get_logger()

PLACES: dict[WorkerKind, tuple[declared.Metric, declared.Metric, declared.Metric]] = {
    "mixer": (declared.MIXER_CAPACITY, declared.MIXER_USED, declared.MIXER_DRAINING),
    "egress": (declared.EGRESS_CAPACITY, declared.EGRESS_USED, declared.EGRESS_DRAINING),
}

LOOK = 0.25
"""Seconds between looks whether a worker that is being drained has become idle."""


class Worker(Protocol):
    draining: bool
    "Takes no new work, but what only it could do."

    @property
    def idle(self) -> bool:
        """Whether nothing runs in it, or is about to end."""
        ...

    def missed(self, others: Collection[WorkerView]) -> bool:
        """Whether something may be wanted that none of the others could do."""
        ...

    def view(self) -> WorkerView:
        """The heartbeat."""
        ...

    def room(self) -> Room:
        """What it has room for, whether or not it takes anything new."""
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

    It goes when nobody misses it any more, or after `patience` seconds.
    """
    workers = await Bucket.ensure(app.js, subjects.WORKERS, ttl=subjects.WORKERS_TTL)
    stream, subject = subjects.stream("scheduler"), subjects.events("scheduler")
    assignments = Follower(app.js, stream, subject, after=None)
    app.start(_follow(assignments, worker))
    # Nobody may hear of this worker before it can hear of its work.
    await assignments.started.wait()
    going = asyncio.Event()
    await bus.answer(
        app.nc,
        subjects.bids(kind),
        decode=scheduler.decode_wanted,
        handle=partial(_bid, worker, name, going),
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
    well = app.probe.ready
    app.probe.ready = lambda: well() and not worker.draining
    capacity, used, draining = PLACES[kind]
    metrics.watch(capacity, lambda: worker.view().capacity)
    metrics.watch(used, lambda: worker.view().used)
    metrics.watch(draining, lambda: worker.draining)
    metrics.watch(declared.ROOM, lambda: _by_place(worker, _open(worker).total))
    metrics.watch(declared.ROOM_TAKEN, lambda: _by_place(worker, worker.room().taken))
    metrics.watch(declared.ROOM_FREE, lambda: _by_place(worker, _open(worker).free))
    metrics.watch(declared.FULLNESS, lambda: _by_place(worker, fullness(worker.room())))
    others = partial(_beside, workers, name)
    async with beat(workers, f"{kind}.{name}", worker.view):
        first: set[asyncio.Future[Any]] = {app.start(_until(app.stopped)), asked}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        worker.draining = True
        log.info("draining", used=worker.view().used)
        if not app.stopped.is_set():
            await emptied(worker, others, app.stopped, asked.result())
        if app.stopped.is_set():
            await emptied(worker, others, app.hurried, patience)
        going.set()


def _open(worker: Worker) -> Room:
    """What is being drained has no room any more, only work."""
    return Room(0, 0, 0) if worker.draining else worker.room()


def fullness(room: Room) -> float:
    return room.taken / room.total if room.total else 1.0


def _by_place(worker: Worker, value: float) -> dict[tuple[str, ...], float]:
    view = worker.view()
    return {(view.kind, view.location): value}


async def _bid(worker: Worker, name: str, going: asyncio.Event, wanted: Wanted) -> Message:
    return Declined(name, "is going", "draining") if going.is_set() else await worker.bid(wanted)


async def _drain(worker: Worker, asked: asyncio.Future[float], command: DrainWorker) -> Message:
    worker.draining = True
    if not asked.done():
        asked.set_result(command.seconds)
    view = worker.view()
    return Draining(view.worker, view.used)


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _beside(workers: Bucket, name: str) -> list[WorkerView]:
    """The other workers; a heartbeat of one that died is there for some seconds."""
    found = [decode_worker(value) for value in (await workers.everything()).values()]
    return [view for view in found if view.worker != name]


async def emptied(
    worker: Worker,
    others: Callable[[], Awaitable[Collection[WorkerView]]],
    hurried: asyncio.Event,
    patience: float,
) -> None:
    """Wait until nobody misses the worker, so many seconds at most, and not if we are hurried."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not hurried.is_set():
                if worker.idle and not worker.missed(await bus.persist(others)):
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
