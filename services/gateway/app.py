"""The parts put together: everything that one gateway is, given its connections."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
import uvicorn
from litestar import Litestar
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.trace import SpanKind

from kit import metrics, trace
from kit.blobs import Blobs
from kit.boot import App
from kit.eventlog import JetStreamLog
from kit.follow import Follower
from kit.kv import Bucket
from kit.metrics import declared
from kit.objects import ObjectStore
from kit.parking import ensure_parked
from kit.secrets import Sealer
from kit.vault import Vault
from proto import subjects
from services.gateway.accounts import Accounts
from services.gateway.archive import Archive, log_of
from services.gateway.calls import Calls
from services.gateway.client_api.conference import ConferenceController
from services.gateway.client_api.desk import Desk
from services.gateway.client_api.door import DoorController
from services.gateway.client_api.events import Audience
from services.gateway.client_api.given import Door
from services.gateway.client_api.media import MediaCalls
from services.gateway.client_api.participants import ParticipantController
from services.gateway.config import Config
from services.gateway.core.ice import ice_servers
from services.gateway.core.throttle import Throttle
from services.gateway.guard import Guard
from services.gateway.history import Exporter
from services.gateway.incoming import Incoming
from services.gateway.live import LOOK_BACK, Live
from services.gateway.management.command import ConferenceCommands, ParticipantCommands
from services.gateway.management.configuration import ConfigurationController
from services.gateway.management.editor import Editor
from services.gateway.management.history import HistoryController
from services.gateway.management.packages import PackagesController
from services.gateway.management.rules_test import rules_test
from services.gateway.management.status import StatusController
from services.gateway.parked import ParkedMessages
from services.gateway.parked_api import ParkedController
from services.gateway.problems import HANDLERS
from services.gateway.recordings import Recordings
from services.gateway.recordings_api import RecordingsController
from services.gateway.records import Records
from services.gateway.rostrum_api import RostrumController
from services.gateway.sinks import SinkStates
from services.gateway.sinks_api import SinksController
from services.gateway.snapshots import SnapshotController, Snapshots
from services.gateway.store import Store
from services.gateway.themes import Themes
from services.gateway.users_api import UsersController
from services.gateway.web import pages
from services.gateway.workers import Workers

log = structlog.get_logger()

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

LARGEST_BODY = 1_000_000
"""Bytes; the largest sensible request is a conference with a few hundred aliases."""

PIN_TRIES, PIN_PAUSE = 5, 10.0
"""Wrong PINs of one address for one conference at once, and seconds until one more."""

LAST_WORDS = 2
"""Seconds for running requests at the end; event streams are told to go before."""


def traced(app: ASGIApp) -> ASGIApp:
    """Each request is a span, named for its pattern; the commands that it causes continue it."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        method, pattern = scope["method"], scope.get("path_template", "/")

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                request["status"] = str(message["status"])
            await send(message)

        with (
            trace.span(f"{method} {pattern}", SpanKind.SERVER, headers=headers),
            metrics.timed(
                declared.API,
                method=method if method in METHODS else "other",
                route=pattern,
                status="none",
            ) as request,
        ):
            await app(scope, receive, answer)

    return handle


async def assemble(
    app: App,
    config: Config,
    sealer: Sealer,
    new_id: Callable[[], str],
    clock: Callable[[], float],
    now: Callable[[], datetime],
) -> tuple[ASGIApp, Live]:
    """Connect to everything, start to follow it, and build the application in front.

    `clock` counts seconds and never goes back.
    """
    await JetStreamLog.ensure_all(app.js)
    await ensure_parked(app.js)
    info = await app.js.stream_info(subjects.stream("mixer"))
    mixer = Follower(
        app.js,
        subjects.stream("mixer"),
        subjects.events("mixer"),
        after=max(0, (info.state.last_seq or 0) - LOOK_BACK),
    )
    stream = subjects.stream("conference")
    archive = Archive(config.history_dir, await log_of(app.js, stream))
    app.directories["history"] = archive.directory
    everything = Follower(app.js, stream, subjects.events("conference"), after=archive.sequence)
    schedule = Follower(app.js, subjects.stream("scheduler"), subjects.events("scheduler"))
    settings = await Bucket.ensure(app.js, subjects.CONFIG)
    store = Store(app.js, settings.watch(), new_id)
    token = config.admin_token.reveal() if config.admin_token else None
    accounts = Accounts(settings, token, now=clock)
    records = Records(archive, everything, schedule)
    vault = Vault(await Bucket.ensure(app.js, subjects.SECRETS), sealer)
    live = Live((await Bucket.ensure(app.js, subjects.CONFERENCES)).watch(), mixer, vault.mark)
    workers = Workers(app.nc, app.js)
    calls = Calls(
        app.nc, vault, store, live, workers, new_id=new_id, allow_files=config.allow_files
    )
    themes = Themes(store, await Blobs.ensure(app.js, subjects.THEMES))
    incoming = Incoming(app.nc, sealer, vault, store, workers, calls, new_id)
    feeds = await Bucket.ensure(app.js, subjects.FEEDS)
    snapshots = Snapshots(app.nc, feeds)
    desk = Desk(
        await Bucket.ensure(app.js, subjects.SEATS),
        vault,
        calls,
        live,
        now=now,
        connected=lambda: app.nc.is_connected,
    )
    stun, turn = config.stun(), config.turn()
    door = Door(
        Throttle(PIN_TRIES, PIN_PAUSE),
        new_id,
        clock,
        lambda who: ice_servers(stun, turn, config.turn_secret, who, int(now().timestamp())),
    )
    kept = await Bucket.ensure(app.js, subjects.RECORDINGS)
    recordings = Recordings(kept, kept.watch(), config.recordings_dir, ObjectStore.of(config))
    sink_states = await Bucket.ensure(app.js, subjects.WEBHOOKS)
    exporter = Exporter(app.js, store, live.views, now)
    editor = Editor(store, vault, workers, themes, new_id)
    for job in (
        store.follow(),
        accounts.follow(),
        live.follow_views(),
        live.follow_mixer(),
        records.follow_conferences(),
        records.follow_schedule(),
        records.forget(app.js),
        live.tell_levels(),
        recordings.follow(),
        desk.follow(),
        desk.clear(),
    ):
        app.start(job)
    await app.nc.subscribe(subjects.STAGE_LEVELS, cb=live.hear)
    await store.ready()
    await accounts.ready()
    await live.ready()
    await recordings.ready()

    def given(part: Any) -> Provide:
        return Provide(lambda: part, sync_to_thread=False)

    web = Litestar(
        [
            ConfigurationController,
            ParticipantCommands,
            ConferenceCommands,
            StatusController,
            HistoryController,
            UsersController,
            RostrumController,
            SnapshotController,
            PackagesController,
            RecordingsController,
            SinksController,
            ParkedController,
            DoorController,
            ConferenceController,
            ParticipantController,
            rules_test(app.nc, sealer),
            *pages(config, lambda: app.nc.is_connected),
        ],
        dependencies={
            "store": given(store),
            "live": given(live),
            "calls": given(calls),
            "incoming": given(incoming),
            "workers": given(workers),
            "editor": given(editor),
            "records": given(records),
            "recordings": given(recordings),
            "accounts": given(accounts),
            "snapshots": given(snapshots),
            "themes": given(themes),
            "sinks": given(SinkStates(app.nc, store, sink_states, sealer)),
            "parked": given(ParkedMessages(app.nc, app.js)),
            "exporter": given(exporter),
            "desk": given(desk),
            "door": given(door),
            "media": given(MediaCalls(app.nc, feeds, new_id)),
            "audience": given(Audience()),
        },
        exception_handlers=HANDLERS,
        middleware=[traced],
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
    )
    return Guard(web, config, accounts), live


class Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: kit.boot has them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(config: Config) -> socket.socket:
    """The socket to serve on. Raises OSError if the address cannot be had."""
    family = socket.AF_INET6 if ":" in config.http_host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((config.http_host, config.http_port))
        sock.set_inheritable(False)
    except OSError:
        sock.close()
        raise
    return sock


async def serve(web: ASGIApp, live: Live, sock: socket.socket, stopped: asyncio.Event) -> None:
    """Answer requests until `stopped`."""
    server = Server(
        uvicorn.Config(
            web,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=LAST_WORDS,
        )
    )
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve([sock]))
        log.info("listening", port=sock.getsockname()[1])
        stopping = group.create_task(stopped.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await live.close()
        server.should_exit = True
