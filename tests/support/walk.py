"""conference_state, routing and scheduler as processes, and media workers played by the test."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from nats.aio.client import Client

from kit import bus
from kit.boot import Jobs
from kit.eventlog import JetStreamLog
from kit.heartbeat import beat
from kit.kv import Bucket
from kit.secrets import Sealer
from kit.vault import Vault
from proto import config, subjects
from proto.base import Accepted, Message, Refused, decode_reply, encode
from proto.conference import ConferenceCommand, ConferenceEvent, Dial
from proto.conference import decode_commit as decode_conference_commit
from proto.egress import DestinationChanged, DestinationState
from proto.media import Content
from proto.scheduler import (
    Declined,
    MixAssigned,
    Offer,
    SchedulerEvent,
    Wanted,
    WorkerKind,
    decode_commit,
    decode_wanted,
)
from proto.urls import Purpose, SealedUrl
from proto.views import ConferenceView, WorkerView, decode_conference
from tests.support.services import running

Scheduled = TypeVar("Scheduled", bound=SchedulerEvent)

SERVICES = ("conference_state", "routing", "scheduler")
URL = "rtmp://ingest.example.com/live/CANARY-KEY"


class Stage:
    """The services under test and all that the test needs to talk to them."""

    def __init__(self, nc: Client, env: dict[str, str]) -> None:
        self.nc = nc
        self.own: dict[str, dict[str, str]] = {}
        "More settings, by service."
        self.js = nc.jetstream()
        self.env = env
        self.stack = AsyncExitStack()
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    async def open(self) -> None:
        self.logs = await JetStreamLog.ensure_all(self.js)
        self.config = await Bucket.ensure(self.js, subjects.CONFIG)
        self.views = await Bucket.ensure(self.js, subjects.CONFERENCES)
        self.secrets = await Bucket.ensure(self.js, subjects.SECRETS)
        self.workers = await Bucket.ensure(self.js, subjects.WORKERS, ttl=subjects.WORKERS_TTL)
        self.vault = Vault(self.secrets, Sealer.from_env(self.env))
        vmr = config.Conference("Town Hall", 1, "town-hall-1")
        await self.config.put("conference.1", encode(vmr))
        rule = config.GatewayRoutingRule(
            "Streaming",
            10,
            "rtmps?://(.*)",
            1,
            match_outgoing_calls=True,
            match_string_full=True,
            outgoing_protocol="rtmp",
        )
        await self.config.put("gateway_routing_rule.1", encode(rule))
        for name in SERVICES:
            await self.start(name)

    async def start(self, name: str) -> None:
        process = running(f"services.{name}", {**self.env, **self.own.get(name, {})})
        self.processes[name] = await self.stack.enter_async_context(process)

    async def restart(self, name: str) -> None:
        """As a crash would have it: without a goodbye."""
        self.processes[name].kill()
        await self.processes[name].wait()
        await self.start(name)

    async def worker(
        self,
        kind: str,
        name: str,
        bid: Message,
        drained: asyncio.Event | None = None,
        host: str = "here",
    ) -> AsyncExitStack:
        """A media worker that answers every bid with `bid`, until its stack is closed.

        It says that it is being drained once `drained` is set.
        """
        own = AsyncExitStack()
        await self.stack.enter_async_context(own)
        group = await own.enter_async_context(Jobs(asyncio.Event()))
        own.push_async_callback(group.stop)

        def draining() -> bool:
            return drained is not None and drained.is_set()

        async def answer(_: Wanted) -> Message:
            if isinstance(bid, Offer) and draining():
                return msgspec.structs.replace(bid, leaving=True)
            return bid

        await bus.answer(
            self.nc,
            subjects.bids("mixer" if kind == "mixer" else "egress"),
            decode=decode_wanted,
            handle=answer,
            group=group,
        )

        place = (bid.location if isinstance(bid, Offer | Declined) else "") or "default"

        def view() -> WorkerView:
            which: WorkerKind = "mixer" if kind == "mixer" else "egress"
            return WorkerView(name, which, place, host, 8, 0, draining())

        await own.enter_async_context(beat(self.workers, f"{kind}.{name}", view))
        return own

    async def tell(self, command: ConferenceCommand) -> Accepted | Refused:
        subject = subjects.conference_commands(command.conference)
        return decode_reply(await bus.ask(self.nc, subject, command, patience=10))

    async def seal(self, url: str, participant: str, purpose: Purpose = "destination") -> SealedUrl:
        return await self.vault.put(url, participant, purpose)

    async def dial(self, participant: str, url: str = URL, **more: Any) -> Accepted | Refused:
        sealed = await self.seal(url, participant)
        return await self.tell(Dial("town-hall-1", participant, sealed, "i1", **more))

    async def report(
        self,
        state: DestinationState,
        session: str,
        code: str = "",
        *,
        participant: str = "tube",
        leg: Content = "single",
        conference: str = "town-hall-1",
    ) -> None:
        event = DestinationChanged(
            datetime.now(UTC),
            conference,
            session,
            "egress-a",
            participant,
            state,
            code,
            code,
            leg=leg,
        )
        subject = subjects.events("egress", conference)
        await self.logs["egress"].append(subject, encode([event]), expected=None)

    async def history(self, conference: str = "town-hall-1") -> list[ConferenceEvent]:
        """All that has been committed about a conference."""
        history = await self.logs["conference"].load(subjects.events("conference", conference))
        return [e for commit in history.commits for e in decode_conference_commit(commit)]

    async def view(self, wanted: str, conference: str = "town-hall-1") -> ConferenceView:
        """The view as soon as the test's participant `tube` is in the `wanted` state, or gone."""
        async with asyncio.timeout(20):
            async for entry in self.views.watch(conference).entries():
                view = decode_conference(entry.value or b"")
                found = view.find("tube")
                if (found.state if found else "gone") == wanted:
                    return view
        raise AssertionError

    async def present(self, count: int) -> list[str]:
        """The participants, as soon as there are `count`."""
        async with asyncio.timeout(20):
            async for entry in self.views.watch().entries():
                view = decode_conference(entry.value or b"")
                if len(view.participants) == count:
                    return [p.participant for p in view.participants]
        raise AssertionError

    async def assigned(
        self, *kinds: type[SchedulerEvent], conference: str = "town-hall-1"
    ) -> list[SchedulerEvent]:
        """All that the scheduler has committed, as soon as the last of it are of these kinds.

        Mixes are assigned beside calls, sooner or later: left out unless they are asked for.
        """
        async with asyncio.timeout(20):
            while True:
                history = await self.logs["scheduler"].load(
                    subjects.events("scheduler", conference)
                )
                events = [e for commit in history.commits for e in decode_commit(commit)]
                if MixAssigned not in kinds:
                    events = [e for e in events if not isinstance(e, MixAssigned)]
                if [type(e) for e in events[-len(kinds) :]] == list(kinds):
                    return events
                await asyncio.sleep(0.05)

    async def first(self, kind: type[Scheduled]) -> Scheduled:
        """The first thing of a kind that the scheduler commits, whatever comes before or behind."""
        async with asyncio.timeout(20):
            while True:
                history = await self.logs["scheduler"].load(
                    subjects.events("scheduler", "town-hall-1")
                )
                for commit in history.commits:
                    for event in decode_commit(commit):
                        if isinstance(event, kind):
                            return event
                await asyncio.sleep(0.05)
