"""Composition root: the only place that names concrete adapters."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from kit import boot, bus
from kit.config import from_env
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from proto import conference, egress, routing, scheduler, subjects
from proto.base import Event
from services.conference_state.config import Config
from services.conference_state.shell import ConferenceState, Views, Vmrs

HEARD: dict[subjects.Family, Callable[[bytes], Sequence[Event]]] = {
    "routing": routing.decode_commit,
    "scheduler": scheduler.decode_commit,
    "egress": egress.decode_commit,
}


async def main() -> None:
    config = from_env(Config)
    async with boot.started("conference-state", config) as app:
        logs = await JetStreamLog.ensure_all(app.js)
        views = Views(await Bucket.ensure(app.js, subjects.CONFERENCES))
        vmrs = Vmrs((await Bucket.ensure(app.js, subjects.CONFIG)).watch("conference.*"))
        secrets = await Bucket.ensure(app.js, subjects.SECRETS)
        service = ConferenceState(
            logs["conference"], views, secrets, vmrs.by_key, now=lambda: datetime.now(UTC)
        )
        app.start(vmrs.follow())
        await vmrs.ready()
        app.start(
            bus.consume(
                app.js,
                "conference",
                durable="conference-state-views",
                decode=conference.decode_commit,
                handle=service.project,
            )
        )
        for family, decode in HEARD.items():
            app.start(
                bus.consume(
                    app.js,
                    family,
                    durable="conference-state",
                    decode=decode,
                    handle=service.learn,
                )
            )
        await bus.answer(
            app.nc,
            subjects.CONFERENCE_COMMANDS,
            queue="conference-state",
            decode=conference.decode_command,
            handle=service.handle,
            group=app.group,
        )
        await app.stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
