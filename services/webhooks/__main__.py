"""Composition root: the only place that names concrete adapters."""

import asyncio
import random
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from kit import boot, bus, consumer, metrics
from kit.config import from_env
from kit.eventlog import JetStreamLog
from kit.follow import OUTAGES
from kit.heartbeat import beat
from kit.kv import Bucket
from kit.metrics import declared
from kit.notices import ensure_notices
from kit.secrets import Sealer
from proto import conference, subjects
from proto.config import EventSink
from proto.webhooks import Trouble, decode_command
from services.webhooks.config import Config
from services.webhooks.desk import Desk
from services.webhooks.members import Member, Members
from services.webhooks.post import HttpPoster
from services.webhooks.recordings import Recordings
from services.webhooks.shell import Outboxes, Questions, goodbye
from services.webhooks.sinks import Sinks
from services.webhooks.teller import Teller

SWEEP = 600.0
"""Seconds between looks for what deleted keys have left behind."""

MARKS_KEPT = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


async def sweep(bucket: Bucket) -> None:
    """Keep the bucket small: gateway calls and replicas have keys that are used once."""
    while True:
        with suppress(*OUTAGES):
            await bucket.sweep(now() - MARKS_KEPT)
        await asyncio.sleep(SWEEP)


async def main() -> None:
    config = from_env(Config)
    sealer = Sealer.from_env()
    async with boot.started("webhooks", config) as app:
        await JetStreamLog.ensure_all(app.js)
        await ensure_notices(app.js)
        bucket = await Bucket.ensure(app.js, subjects.WEBHOOKS)
        sinks = Sinks((await Bucket.ensure(app.js, subjects.CONFIG)).watch())
        teller = Teller(app.js, bucket, lambda: bool(sinks.known), now=now)

        async def announce(sink: EventSink, trouble: Trouble) -> None:
            await teller.announce(lambda seq: goodbye(sink, trouble, seq, now()))

        desk = Desk(
            app.js,
            bucket,
            sinks,
            sealer,
            partial(
                HttpPoster,
                private=config.webhooks_private,
                timeout=config.webhooks_timeout,
                ca_file=config.tls_ca_file,
                ca_dir=config.tls_ca_dir,
            ),
            announce,
            now,
            random.random,
            config.webhooks_concurrency,
        )
        own = config.webhooks_replica.replace(".", "-")
        members = Members(bucket, own, time.monotonic)
        outboxes = Outboxes(desk, members, own)
        sinks.on_change(outboxes.look)
        members.on_change(outboxes.look)
        kept = (await Bucket.ensure(app.js, subjects.RECORDINGS)).watch()
        recordings = Recordings(teller, bucket, kept, now=now)
        app.start(sinks.follow())
        app.start(members.follow())
        app.start(members.look())
        app.start(sweep(bucket))
        await sinks.ready()
        await members.ready()
        metrics.watch(declared.TELLING, outboxes.waiting)
        app.start(recordings.follow())
        app.start(recordings.run())
        await bus.answer(
            app.nc,
            subjects.WEBHOOK_COMMANDS,
            queue="webhooks",
            decode=decode_command,
            handle=Questions(desk, lambda: uuid.uuid4().hex, time.monotonic).handle,
            group=app.group,
        )

        app.start(
            consumer.consume(
                app.js,
                "conference",
                durable="webhooks",
                decode=conference.decode_commit,
                handle=teller.hear,
                nc=app.nc,
            )
        )
        async with beat(bucket, members.key(), lambda: Member(own)):
            app.start(outboxes.run(app.group))
            await app.stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
