"""Composition root: the only place that names concrete adapters."""

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from kit import boot, metrics, procfs, work
from kit.capacity import TARGET, Capacity
from kit.config import from_env
from kit.cost import Budget
from kit.eventlog import JetStreamLog
from kit.kv import Bucket, Watch
from kit.metrics import declared
from kit.objects import ObjectStore
from kit.secrets import Sealer
from kit.vault import Vault
from proto import subjects
from proto.views import decode_feed
from services.rtmp_egress.archive.archive import Archive
from services.rtmp_egress.archive.catalogue import Catalogue
from services.rtmp_egress.archive.files import Files
from services.rtmp_egress.archive.keeper import Keeper
from services.rtmp_egress.archive.retention import Retention
from services.rtmp_egress.config import Config
from services.rtmp_egress.core.room import PRIOR, USUAL
from services.rtmp_egress.media.encoder import proven
from services.rtmp_egress.shell import Worker


async def main() -> None:
    config = from_env(Config)
    store = ObjectStore.of(config)

    def now() -> datetime:
        return datetime.now(UTC)

    async with boot.started("rtmp-egress", config) as app:
        logs = await JetStreamLog.ensure_all(app.js)
        vault = Vault(await Bucket.ensure(app.js, subjects.SECRETS), Sealer.from_env())
        feeds = (await Bucket.ensure(app.js, subjects.FEEDS)).watch()
        conferences = (await Bucket.ensure(app.js, subjects.CONFERENCES)).watch()
        recordings = await Bucket.ensure(app.js, subjects.RECORDINGS)
        catalogue = Catalogue(recordings, recordings.watch())
        files = Files(Path(config.recordings_dir))
        archive = Archive(catalogue, files, config.host, now=now, clock=time.monotonic)
        keeper = Keeper(
            catalogue,
            archive,
            files,
            store,
            Retention(config.recordings_keep_days, config.recordings_keep_gb * 1e9),
            config.host,
            now=now,
        )
        name = config.worker or f"egress-{uuid4().hex[:8]}"

        cores = config.egress_cores or TARGET * procfs.cores()
        capacity = Capacity(
            Budget(cores, PRIOR, USUAL, config.egress_capacity),
            clock=time.monotonic,
            cpu_seconds=procfs.cpu_seconds,
        )
        worker = Worker(
            name,
            config,
            await asyncio.to_thread(proven, config.egress_software),
            vault,
            archive,
            capacity,
            partial(work.report, logs["egress"], "egress"),
            app.start,
            now=now,
            clock=time.monotonic,
        )
        app.start(follow_feeds(feeds, worker))
        app.start(capacity.keep(worker.jobs))
        app.start(archive.follow(conferences))
        app.start(archive.beat())
        app.start(catalogue.follow())
        if config.recordings_dir:
            app.directories["recordings"] = config.recordings_dir
            app.start(keeper.run())
            metrics.watch(declared.RECORDING, lambda: archive.active)
            metrics.watch(declared.RECORDED, keeper.stored)
            metrics.watch(declared.UPLOADS, keeper.waiting)
            metrics.watch(declared.FREE, files.free)
            metrics.add(declared.UPLOAD_FAILURES, 0)
        await conferences.caught_up.wait()
        await feeds.caught_up.wait()
        await work.serve(app, "egress", name, worker, patience=config.drain_seconds)
        await keeper.emptied(config.upload_seconds)


async def follow_feeds(watch: Watch, worker: Worker) -> None:
    async for key, offer in watch.values(decode_feed):
        worker.feed(key, offer)


if __name__ == "__main__":
    asyncio.run(main())
