"""A gateway over real HTTP, with the real rules of a conference behind it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
from nats.aio.client import Client

from kit import bus, consumer
from kit.boot import App, Jobs
from kit.eventlog import JetStreamLog
from kit.kv import Bucket
from kit.secrets import Sealer
from proto import subjects
from proto.base import Message, Refused
from proto.conference import ConferenceCommand, decode_command, decode_commit
from proto.routing import decode_route
from services.conference_state import core
from services.conference_state.shell import ConferenceState, Views
from services.gateway.app import assemble, listen, serve
from services.gateway.config import Config
from services.routing.rules import Rules
from services.routing.shell import Reception

NOW = datetime(2026, 1, 1, tzinfo=UTC)


VMR = core.Vmr("Town Hall")
THROUGH = core.Vmr("", service_type="gateway")
SEALER = Sealer(b"k" * 32)
KEPT = timedelta(hours=1)


async def conference_state(app: App, vmr: core.Vmr = VMR, through: core.Vmr = THROUGH) -> None:
    """The real service but for what it hears from others: that has tests of its own.

    Any conference at all is configured.
    """
    logs = await JetStreamLog.ensure_all(app.js)
    views = Views(await Bucket.ensure(app.js, subjects.CONFERENCES))
    secrets = await Bucket.ensure(app.js, subjects.SECRETS)
    service = ConferenceState(
        logs["conference"],
        views,
        secrets,
        lambda key: through if subjects.is_gateway_call(key) else vmr,
        KEPT,
        now=lambda: datetime.now(UTC),
    )
    consuming = consumer.consume(
        app.js, "conference", durable="views", decode=decode_commit, handle=service.project
    )
    app.start(consuming)
    await _answer(app, service.handle)


async def with_routing(app: App, vmr: core.Vmr = VMR, through: core.Vmr = THROUGH) -> None:
    """The same, and routing that answers callers by the rules that are configured."""
    await conference_state(app, vmr, through)
    rules = Rules((await Bucket.ensure(app.js, subjects.CONFIG)).watch())
    app.start(rules.follow())
    await bus.answer(
        app.nc,
        subjects.ROUTING_CALLS,
        queue="routing",
        decode=decode_route,
        handle=Reception(rules, SEALER).handle,
        group=app.group,
    )


async def busy(app: App) -> None:
    """One that is never able to."""

    async def handle(_: ConferenceCommand) -> Message:
        return Refused("busy", "10 other writers were faster")

    await _answer(app, handle)


async def _answer(app: App, handle: Callable[[ConferenceCommand], Awaitable[Message]]) -> None:
    await bus.answer(
        app.nc,
        subjects.CONFERENCE_COMMANDS,
        queue="conference-state",
        decode=decode_command,
        handle=handle,
        group=app.group,
    )


@asynccontextmanager
async def gateway(
    nc: Client,
    behind: Any = conference_state,
    *,
    patience: float = 30,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    **settings: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    numbers = count(1)
    config = Config(http_port=0, **settings)
    sock = listen(config)
    stopped = asyncio.Event()
    async with asyncio.timeout(patience), Jobs(asyncio.Event()) as group:
        app = App(nc, nc.jetstream(), group, stopped)
        await behind(app)
        web, live = await assemble(
            app,
            config,
            SEALER,
            lambda: f"id-{next(numbers)}",
            time.monotonic,
            now,
        )
        serving = group.create_task(serve(web, live, sock, stopped))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, timeout=15, trust_env=False) as http:
            while True:
                try:
                    await http.get("/health/live")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.01)
            yield http
        stopped.set()
        await serving
        await group.stop()
    sock.close()
