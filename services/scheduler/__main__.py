"""Composition root: the only place that names concrete adapters."""

import asyncio
import socket
import time
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from kit import boot, consumer, metrics
from kit.config import from_env
from kit.eventlog import Conflict, JetStreamLog
from kit.follow import OUTAGES, Follower
from kit.kv import Bucket
from kit.metrics import declared
from proto import conference, egress, routing, subjects
from proto.media import Rendition
from services.scheduler.config import Config
from services.scheduler.docker.core import Limits
from services.scheduler.docker.engine import DockerError, Engine
from services.scheduler.docker.fleet import Fleet, project_of, workers_of
from services.scheduler.ledger import Ledger
from services.scheduler.places import Places
from services.scheduler.roster import Conferences, Roster
from services.scheduler.shell import Scheduler

log = structlog.get_logger()

TICK = 0.5
"""Seconds between looks at what died; a lost worker is noticed this much later at most."""

DOCKER_TICK = 1.0
"""Seconds between looks at the containers; one takes several to start."""

DOCKER_RETRY = 10.0
"""Seconds between looks for an engine that does not say who we are."""


async def main() -> None:
    config = from_env(Config)
    async with boot.started("scheduler", config) as app:
        logs = await JetStreamLog.ensure_all(app.js)
        workers = await Bucket.ensure(app.js, subjects.WORKERS, ttl=subjects.WORKERS_TTL)
        configured = await Bucket.ensure(app.js, subjects.CONFIG)
        views = await Bucket.ensure(app.js, subjects.CONFERENCES)
        roster = Roster(
            workers.watch(),
            config.worker_silence,
            time.monotonic,
            connection=lambda: (app.nc.is_connected, app.nc.stats["reconnects"]),
        )
        conferences = Conferences(views.watch())
        places = Places(configured.watch())
        ledger = Ledger(logs["scheduler"])
        follower = Follower(
            app.js, subjects.stream("scheduler"), subjects.events("scheduler"), after=None
        )
        app.start(roster.follow())
        app.start(conferences.follow())
        app.start(places.follow())
        app.start(ledger.follow(follower))
        await roster.ready()
        await conferences.ready()
        await places.ready()
        await follower.started.wait()
        service = Scheduler(
            app.nc,
            ledger,
            roster,
            conferences,
            Rendition(quality=config.encoder_quality, encoder=config.encoder),
            config.bid_patience,
            places,
            now=lambda: datetime.now(UTC),
            new_id=lambda: uuid4().hex[:12],
        )
        app.start(
            consumer.consume(
                app.js,
                "conference",
                durable="scheduler",
                decode=conference.decode_commit,
                handle=service.hear_conference,
                nc=app.nc,
            )
        )
        app.start(
            consumer.consume(
                app.js,
                "routing",
                durable="scheduler",
                decode=routing.decode_commit,
                handle=service.hear_routing,
                nc=app.nc,
            )
        )
        app.start(
            consumer.consume(
                app.js,
                "egress",
                durable="scheduler",
                decode=egress.decode_commit,
                handle=service.hear_egress,
                nc=app.nc,
            )
        )
        metrics.watch(declared.UNASSIGNED, lambda: service.unassigned)
        metrics.watch(declared.WORKERS, roster.counts)
        if config.docker_socket:
            app.start(keep_fleet(config, roster, service))
        while not app.stopped.is_set():
            try:
                await service.tick()
            except (*OUTAGES, Conflict) as exc:
                log.warning("look failed", error=type(exc).__name__)
            try:
                await asyncio.wait_for(app.stopped.wait(), TICK)
            except TimeoutError:
                continue


async def keep_fleet(config: Config, roster: Roster, service: Scheduler) -> None:
    """Start and stop egress containers as they are needed."""
    engine = Engine(config.docker_socket)
    limits = Limits(config.docker_most, config.docker_spare, config.docker_cool_down)
    installation = config.installation
    while not installation:
        try:
            installation = await project_of(engine, socket.gethostname())
        except DockerError as exc:
            log.error("docker failed", error=str(exc))
            await asyncio.sleep(DOCKER_RETRY)
    fleet = Fleet(
        engine,
        installation,
        limits,
        clock=time.monotonic,
        wall=time.time,
        new_id=lambda: uuid4().hex[:8],
    )
    while True:
        await fleet.look(workers_of(roster.alive("egress").values()), service.unassigned)
        await asyncio.sleep(DOCKER_TICK)


if __name__ == "__main__":
    asyncio.run(main())
