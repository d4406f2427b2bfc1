"""Composition root: the only place that names concrete adapters."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from kit import boot, bus, consumer, metrics
from kit.config import from_env
from kit.eventlog import JetStreamLog
from kit.follow import OUTAGES
from kit.kv import Bucket
from kit.metrics import declared
from proto import conference, egress, routing, scheduler, subjects
from proto.base import Accepted, Event
from proto.replay import SetClock, decode_set_clock
from services.conference_state.config import Config
from services.conference_state.configured import Vmrs
from services.conference_state.shell import ConferenceState, Views

log = structlog.get_logger()

TICK = 0.5
"""Seconds between looks at the timers, the shortest of which is two seconds."""

SWEEP = 600.0
"""Seconds between looks for what deleted keys have left behind."""

MARKS_KEPT = timedelta(hours=1)
"""How long a deleted key is remembered: who watches and was away for longer has to start anew."""

HEARD: dict[subjects.Family, Callable[[bytes], Sequence[Event]]] = {
    "routing": routing.decode_commit,
    "scheduler": scheduler.decode_commit,
    "egress": egress.decode_commit,
}


class LogClock:
    """What time it is in a log that is played again."""

    def __init__(self) -> None:
        self._at = datetime.fromtimestamp(0, UTC)

    def now(self) -> datetime:
        return self._at

    async def set(self, said: SetClock) -> Accepted:
        self._at = said.at
        return Accepted(0)


async def sweep(buckets: Sequence[Bucket]) -> None:
    """Keep the buckets small whose keys are used once: of gateway calls and of participants."""
    while True:
        for bucket in buckets:
            with suppress(*OUTAGES):
                await bucket.sweep(datetime.now(UTC) - MARKS_KEPT)
        await asyncio.sleep(SWEEP)


async def main() -> None:
    config = from_env(Config)
    async with boot.started("conference-state", config) as app:
        logs = await JetStreamLog.ensure_all(app.js)
        conferences = await Bucket.ensure(app.js, subjects.CONFERENCES)
        vmrs = Vmrs((await Bucket.ensure(app.js, subjects.CONFIG)).watch())
        secrets = await Bucket.ensure(app.js, subjects.SECRETS)
        clock = LogClock()
        service = ConferenceState(
            logs["conference"],
            Views(conferences),
            secrets,
            vmrs.find,
            timedelta(seconds=config.gateway_calls_kept),
            now=clock.now if config.replay else lambda: datetime.now(UTC),
            replay=config.replay,
        )
        app.start(service.follow(conferences.watch()))
        metrics.watch(declared.CONFERENCES, lambda: service.running)
        metrics.watch(declared.PARTICIPANTS, service.people)
        feeds = await Bucket.ensure(app.js, subjects.FEEDS)
        app.start(sweep([conferences, feeds, secrets]))
        app.start(vmrs.follow())
        await vmrs.ready()
        app.start(
            consumer.consume(
                app.js,
                "conference",
                durable="conference-state-views",
                decode=conference.decode_commit,
                handle=service.project,
                nc=app.nc,
            )
        )
        for family, decode in HEARD.items():
            app.start(
                consumer.consume(
                    app.js,
                    family,
                    durable="conference-state",
                    decode=decode,
                    handle=service.learn,
                    nc=app.nc,
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
        if config.replay:
            await bus.answer(
                app.nc,
                subjects.REPLAY_CLOCK,
                decode=decode_set_clock,
                handle=clock.set,
                group=app.group,
            )
        while not app.stopped.is_set():
            try:
                if not config.replay:
                    await service.tick()
            except OUTAGES as exc:
                log.warning("look failed", error=type(exc).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(app.stopped.wait(), TICK)


if __name__ == "__main__":
    asyncio.run(main())
