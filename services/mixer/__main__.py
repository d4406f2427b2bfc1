"""Composition root: the only place that names concrete adapters."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import msgspec
from nats.aio.msg import Msg

from kit import boot, bus, ports, procfs, work
from kit.blobs import Blobs
from kit.capacity import TARGET, Capacity
from kit.config import BadConfig, from_env
from kit.cost import Budget
from kit.eventlog import JetStreamLog
from kit.follow import OUTAGES
from kit.kv import Bucket, Watch
from kit.link import Identity, Lender
from kit.secrets import Sealer
from kit.vault import Vault
from proto import subjects
from proto.base import encode
from proto.mixer import StageChanged, StageLevels, decode_call, decode_take_snapshot
from proto.scheduler import MixAssigned
from proto.views import FeedOffer, LentFeeds, decode_conference, decode_feed
from services.mixer.config import Config
from services.mixer.shell import PRIOR, Worker
from services.mixer.wardrobe import Wardrobe


async def main() -> None:
    config = from_env(Config)
    if wrong := config.wrong():
        raise BadConfig(wrong)
    async with boot.started("mixer", config) as app:
        app.reach.append(partial(ports.reach, config.webrtc_ports, config.webrtc_address))
        logs = await JetStreamLog.ensure_all(app.js)
        vault = Vault(await Bucket.ensure(app.js, subjects.SECRETS), Sealer.from_env())
        views = (await Bucket.ensure(app.js, subjects.CONFERENCES)).watch()
        feeds = await Bucket.ensure(app.js, subjects.FEEDS)
        name = f"mixer-{uuid4().hex[:8]}"

        async def offer(feed: FeedOffer) -> None:
            await bus.persist(partial(feeds.put, feed.conference, encode(feed)))

        async def withdraw(mix: MixAssigned) -> None:
            """Unless another worker, or another instance, has offered the feeds since."""
            entry = await bus.persist(partial(feeds.get, mix.conference))
            if entry is None or entry.value is None:
                return
            offered = decode_feed(entry.value)
            if (offered.worker, offered.instance) == (mix.worker, mix.instance):
                await bus.persist(partial(feeds.delete, mix.conference))

        async def tell(levels: StageLevels) -> None:
            with suppress(*OUTAGES):  # nobody misses what is old when the server is back
                await app.nc.publish(subjects.stage_levels(levels.conference), encode(levels))

        capacity = Capacity(
            Budget(
                config.mixer_cores or TARGET * procfs.cores(), PRIOR, 1.0, config.mixer_capacity
            ),
            clock=time.monotonic,
            cpu_seconds=procfs.cpu_seconds,
        )
        identity = Identity(datetime.now(UTC)) if config.link_address else None
        worker = Worker(
            name,
            config,
            vault,
            Wardrobe(await Blobs.ensure(app.js, subjects.THEMES), Path(config.run_dir) / "themes"),
            partial(work.report, logs["mixer"], "mixer"),
            offer,
            withdraw,
            tell,
            capacity,
            app.start,
            LentFeeds(config.link_address, config.link_port, identity.fingerprint)
            if identity
            else None,
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
        )
        if identity:
            Lender(config.link_port, identity, worker.admit)
        app.start(follow_views(views, worker))
        app.start(capacity.keep(worker.jobs))
        await views.caught_up.wait()
        if config.replay:
            await app.nc.subscribe(subjects.replay_stage("*"), cb=partial(replay_stage, worker))
        await bus.answer(
            app.nc,
            subjects.snapshots(name),
            decode=decode_take_snapshot,
            handle=worker.snapshot,
            group=app.group,
        )
        await bus.answer(
            app.nc, subjects.calls(name), decode=decode_call, handle=worker.call, group=app.group
        )
        await work.serve(app, "mixer", name, worker, patience=config.drain_seconds)


async def follow_views(watch: Watch, worker: Worker) -> None:
    async for conference, view in watch.values(decode_conference):
        if view is not None:
            await worker.show(view)
        else:
            worker.forget(conference)


async def replay_stage(worker: Worker, msg: Msg) -> None:
    stage = msgspec.json.decode(msg.data, type=StageChanged)
    worker.stage(msg.subject.rsplit(".", 1)[-1], list(stage.stage))


if __name__ == "__main__":
    asyncio.run(main())
