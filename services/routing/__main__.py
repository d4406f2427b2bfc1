"""Composition root: the only place that names concrete adapters."""

import asyncio
from datetime import UTC, datetime

from kit import boot, bus
from kit.config import from_env
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from kit.secrets import Sealer
from kit.vault import Vault
from proto import conference, subjects
from services.routing.config import Config
from services.routing.shell import Routing, Rules


async def main() -> None:
    config = from_env(Config)
    sealer = Sealer.from_env()
    async with boot.started("routing", config) as app:
        logs = await JetStreamLog.ensure_all(app.js)
        config_bucket = await Bucket.ensure(app.js, subjects.CONFIG)
        rules = Rules(config_bucket.watch("gateway_routing_rule.*"))
        vault = Vault(await Bucket.ensure(app.js, subjects.SECRETS), sealer)
        service = Routing(logs["routing"], vault, rules.by_key, now=lambda: datetime.now(UTC))
        app.start(rules.follow())
        await rules.ready()
        app.start(
            bus.consume(
                app.js,
                "conference",
                durable="routing",
                decode=conference.decode_commit,
                handle=service.hear,
            )
        )
        await app.stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
