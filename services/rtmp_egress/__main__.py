"""Composition root: the only place that names concrete adapters."""

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from opentelemetry.trace import SpanKind

from kit import boot, bus, trace
from kit.config import from_env
from kit.eventlog import JetStreamLog
from kit.follow import Follower
from kit.heartbeat import beat
from kit.kv import Bucket, Watch
from kit.secrets import Sealer
from kit.vault import Vault
from proto import scheduler, subjects
from proto.base import encode
from proto.egress import EgressEvent
from proto.views import decode_feed
from services.rtmp_egress.config import Config
from services.rtmp_egress.media.encoder import proven
from services.rtmp_egress.shell import Worker


async def main() -> None:
    config = from_env(Config)
    async with boot.started("rtmp-egress", config) as app:
        logs = await JetStreamLog.ensure_all(app.js)
        vault = Vault(await Bucket.ensure(app.js, subjects.SECRETS), Sealer.from_env())
        feeds = (await Bucket.ensure(app.js, subjects.FEEDS)).watch()
        workers = await Bucket.ensure(app.js, subjects.WORKERS, ttl=subjects.WORKERS_TTL)
        name = f"egress-{uuid4().hex[:8]}"

        async def write(conference: str, event: EgressEvent) -> None:
            subject = subjects.events("egress", conference)
            await bus.persist(
                partial(logs["egress"].append, subject, encode([event]), expected=None)
            )

        worker = Worker(
            name,
            config,
            await asyncio.to_thread(proven, config.egress_software),
            vault,
            write,
            app.start,
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
        )
        assignments = Follower(
            app.js, subjects.stream("scheduler"), subjects.events("scheduler"), after=None
        )
        app.start(follow_feeds(feeds, worker))
        await feeds.caught_up.wait()
        app.start(follow_assignments(assignments, worker))
        await assignments.started.wait()
        await bus.answer(
            app.nc,
            subjects.bids("egress"),
            decode=scheduler.decode_wanted,
            handle=worker.bid,
            group=app.group,
        )
        async with beat(workers, f"egress.{name}", worker.view):
            await app.stopped.wait()
            worker.draining = True


async def follow_assignments(follower: Follower, worker: Worker) -> None:
    async for msg, commit in follower.commits(scheduler.decode_commit):
        with trace.span("process scheduler.events.*", SpanKind.CONSUMER, headers=msg.headers):
            for event in commit:
                await worker.carry_out(event)


async def follow_feeds(watch: Watch, worker: Worker) -> None:
    async for key, offer in watch.values(decode_feed):
        worker.feed(key, offer)


if __name__ == "__main__":
    asyncio.run(main())
