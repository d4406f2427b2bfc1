"""Composition root: the only place that names concrete adapters."""

import asyncio
from datetime import UTC, datetime

from kit import boot, bus, consumer
from kit.config import from_env
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from kit.secrets import Sealer
from kit.vault import Vault
from proto import conference, subjects
from proto.routing import decode_route, decode_try
from services.routing.config import Config
from services.routing.rules import Rules
from services.routing.shell import Reception, Routing, Trials


async def main() -> None:
    config = from_env(Config)
    sealer = Sealer.from_env()
    async with boot.started("routing", config) as app:
        logs = await JetStreamLog.ensure_all(app.js)
        config_bucket = await Bucket.ensure(app.js, subjects.CONFIG)
        rules = Rules(config_bucket.watch())
        vault = Vault(await Bucket.ensure(app.js, subjects.SECRETS), sealer)
        service = Routing(logs["routing"], vault, rules, now=lambda: datetime.now(UTC))
        app.start(rules.follow())
        await rules.ready()
        app.start(
            consumer.consume(
                app.js,
                "conference",
                durable="routing",
                decode=conference.decode_commit,
                handle=service.hear,
                nc=app.nc,
            )
        )
        await bus.answer(
            app.nc,
            subjects.ROUTING_TRIALS,
            queue="routing",
            decode=decode_try,
            handle=Trials(rules, sealer).handle,
            group=app.group,
        )
        await bus.answer(
            app.nc,
            subjects.ROUTING_CALLS,
            queue="routing",
            decode=decode_route,
            handle=Reception(rules, sealer).handle,
            group=app.group,
        )
        await app.stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
