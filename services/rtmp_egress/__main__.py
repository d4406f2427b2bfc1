"""Composition root: the only place that names concrete adapters."""

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from kit import boot, work
from kit.config import from_env
from kit.eventlog import JetStreamLog
from kit.kv import Bucket, Watch
from kit.secrets import Sealer
from kit.vault import Vault
from proto import subjects
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
        name = config.worker or f"egress-{uuid4().hex[:8]}"

        worker = Worker(
            name,
            config,
            await asyncio.to_thread(proven, config.egress_software),
            vault,
            partial(work.report, logs["egress"], "egress"),
            app.start,
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
        )
        app.start(follow_feeds(feeds, worker))
        await feeds.caught_up.wait()
        await work.serve(app, "egress", name, worker, patience=config.drain_seconds)


async def follow_feeds(watch: Watch, worker: Worker) -> None:
    async for key, offer in watch.values(decode_feed):
        worker.feed(key, offer)


if __name__ == "__main__":
    asyncio.run(main())
