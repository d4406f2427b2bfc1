"""The walk of a call through conference_state, routing and scheduler, as processes.

Media workers are played by the test: what they bid and report is all that the others know of them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from kit import bus
from kit.boot import Jobs
from kit.eventlog import JetStreamLog
from kit.heartbeat import beat
from kit.kv import Bucket
from kit.secrets import Sealer
from kit.vault import Vault
from proto import config, subjects
from proto.base import Accepted, Message, Refused, decode_reply, encode
from proto.conference import ConferenceCommand, Dial, Join, Leave
from proto.egress import DestinationChanged, DestinationState
from proto.scheduler import (
    Declined,
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixReleased,
    Offer,
    SchedulerEvent,
    SessionAssigned,
    SessionReleased,
    Wanted,
    decode_commit,
    decode_wanted,
)
from proto.views import ConferenceView, WorkerView, decode_conference
from tests.support.nats import NatsServer
from tests.support.services import environment, running

pytestmark = pytest.mark.nats

SERVICES = ("conference_state", "routing", "scheduler")
URL = "rtmp://ingest.example.com/live/CANARY-KEY"


class Stage:
    """The services under test and all that the test needs to talk to them."""

    def __init__(self, nc: Client, env: dict[str, str]) -> None:
        self.nc = nc
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
        process = running(f"services.{name}", self.env)
        self.processes[name] = await self.stack.enter_async_context(process)

    async def restart(self, name: str) -> None:
        """As a crash would have it: without a goodbye."""
        self.processes[name].kill()
        await self.processes[name].wait()
        await self.start(name)

    async def worker(self, kind: str, name: str, bid: Message) -> AsyncExitStack:
        """A media worker that answers every bid with `bid`, until its stack is closed."""
        own = AsyncExitStack()
        await self.stack.enter_async_context(own)
        group = await own.enter_async_context(Jobs(asyncio.Event()))
        own.push_async_callback(group.stop)

        async def answer(_: Wanted) -> Message:
            return bid

        await bus.answer(
            self.nc,
            subjects.bids("mixer" if kind == "mixer" else "egress"),
            decode=decode_wanted,
            handle=answer,
            group=group,
        )
        view = WorkerView(name, "mixer" if kind == "mixer" else "egress", "default", "here", 8, 0)
        await own.enter_async_context(beat(self.workers, f"{kind}.{name}", lambda: view))
        return own

    async def tell(self, command: ConferenceCommand) -> Accepted | Refused:
        subject = subjects.conference_commands(command.conference)
        return decode_reply(await bus.ask(self.nc, subject, command, patience=10))

    async def dial(self, participant: str, url: str = URL) -> Accepted | Refused:
        sealed = await self.vault.put(url, participant, "destination")
        return await self.tell(Dial("town-hall-1", participant, sealed, "i1"))

    async def report(self, state: DestinationState, session: str, code: str = "") -> None:
        event = DestinationChanged(
            datetime.now(UTC), "town-hall-1", session, "egress-a", "tube", state, code, code
        )
        subject = subjects.events("egress", "town-hall-1")
        await self.logs["egress"].append(subject, encode([event]), expected=None)

    async def view(self, wanted: str) -> ConferenceView:
        """The view as soon as the test's participant `tube` is in the `wanted` state, or gone."""
        async with asyncio.timeout(20):
            async for entry in self.views.watch().entries():
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

    async def assigned(self, *kinds: type[SchedulerEvent]) -> list[SchedulerEvent]:
        """All that the scheduler has committed, as soon as the last of it are of these kinds."""
        async with asyncio.timeout(20):
            while True:
                history = await self.logs["scheduler"].load(
                    subjects.events("scheduler", "town-hall-1")
                )
                events = [e for commit in history.commits for e in decode_commit(commit)]
                if [type(e) for e in events[-len(kinds) :]] == list(kinds):
                    return events
                await asyncio.sleep(0.05)


@pytest.fixture
async def stage(nc: Client, nats_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(nc, environment(nats_url, tmp_path))
    async with stage.stack:
        await stage.open()
        yield stage


async def test_a_call_is_routed_assigned_published_and_hung_up(stage: Stage) -> None:
    await stage.worker("mixer", "mixer-a", Offer("mixer-a", 4))
    await stage.worker("egress", "egress-a", Offer("egress-a", 4))
    assert isinstance(await stage.tell(Join("town-hall-1", "ann", "Ann", "i1")), Accepted)
    await stage.assigned(MixAssigned)

    assert isinstance(await stage.dial("tube"), Accepted)
    session = (await stage.assigned(SessionAssigned, DestinationAssigned))[-1]
    assert isinstance(session, DestinationAssigned)
    await stage.view("assigned")
    await stage.report("publishing", session.session)
    view = await stage.view("connected")
    assert view.streaming

    await stage.tell(Leave("town-hall-1", "tube"))
    assert not (await stage.view("gone")).streaming
    await stage.assigned(DestinationReleased, SessionReleased)

    await stage.tell(Leave("town-hall-1", "ann"))
    await stage.assigned(MixReleased)
    assert await stage.secrets.everything() == {}


async def test_any_service_may_die_between_any_two_steps(stage: Stage) -> None:
    await stage.worker("mixer", "mixer-a", Offer("mixer-a", 4))
    await stage.worker("egress", "egress-a", Offer("egress-a", 4))
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    for name in SERVICES:
        await stage.restart(name)
    await stage.assigned(MixAssigned)
    for name in ("routing", "scheduler"):
        stage.processes[name].kill()
        await stage.processes[name].wait()
    await stage.dial("tube")
    await stage.restart("conference_state")
    await stage.start("routing")
    await stage.view("routed")
    await stage.start("scheduler")
    [session] = [
        event
        for event in await stage.assigned(SessionAssigned, DestinationAssigned)
        if isinstance(event, SessionAssigned)
    ]
    await stage.report("publishing", session.session)
    await stage.restart("conference_state")

    assert (await stage.view("connected")).streaming


async def test_a_call_that_no_rule_matches_ends_with_the_reason(stage: Stage) -> None:
    await stage.config.delete("gateway_routing_rule.1")
    await stage.restart("routing")
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await stage.dial("tube")

    view = await stage.view("gone")
    history = await stage.logs["conference"].load(subjects.events("conference", "town-hall-1"))

    assert [p.participant for p in view.participants] == ["ann"]
    assert b'"code":"no-rule"' in history.commits[-1]
    assert not any(b"CANARY" in commit for commit in history.commits)


async def test_a_call_that_nobody_can_carry_ends_with_every_reason(stage: Stage) -> None:
    await stage.worker("egress", "egress-a", Declined("egress-a", "is being drained"))
    await stage.worker("egress", "egress-b", Declined("egress-b", "has no working encoder"))
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await stage.dial("tube")
    await stage.view("gone")

    history = await stage.logs["conference"].load(subjects.events("conference", "town-hall-1"))
    last = history.commits[-1].decode()
    assert "no-worker" in last
    assert "egress-a: is being drained" in last
    assert "egress-b: has no working encoder" in last


async def test_what_a_lost_worker_did_is_given_to_another(stage: Stage) -> None:
    await stage.worker("mixer", "mixer-a", Offer("mixer-a", 4))
    first = await stage.worker("egress", "egress-a", Offer("egress-a", 4))
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await stage.dial("tube")
    await stage.assigned(SessionAssigned, DestinationAssigned)
    await first.aclose()
    await stage.worker("egress", "egress-b", Offer("egress-b", 4))

    events = await stage.assigned(SessionReleased, SessionAssigned, DestinationAssigned)

    assert isinstance(events[-2], SessionAssigned)
    assert events[-2].worker == "egress-b"


async def test_nobody_is_taken_for_lost_because_nats_was_away(
    stage: Stage, nats_server: NatsServer
) -> None:
    await stage.worker("mixer", "mixer-a", Offer("mixer-a", 4))
    await stage.worker("egress", "egress-a", Offer("egress-a", 4))
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await stage.dial("tube")
    before = await stage.assigned(SessionAssigned, DestinationAssigned)

    nats_server.kill()
    await asyncio.sleep(4.5)  # longer than the silence after which a worker is lost
    nats_server.start()
    await bus.persist(partial(stage.tell, Join("town-hall-1", "bob", "Bob", "i1")))
    await asyncio.sleep(2)  # two ticks of the scheduler

    assert await stage.assigned(SessionAssigned, DestinationAssigned) == before


async def test_two_replicas_lose_and_double_nothing(stage: Stage) -> None:
    async with running("services.conference_state", stage.env):
        async with asyncio.timeout(10):
            both_wait = False
            while not both_wait:
                await asyncio.sleep(0.05)
                with suppress(NotFoundError):
                    consumer = await stage.js.consumer_info("CONFERENCE", "conference-state-views")
                    both_wait = (consumer.num_waiting or 0) >= 2
        await stage.tell(Join("town-hall-1", "p0", "P", "i1"))
        replies = await asyncio.gather(
            *(stage.tell(Join("town-hall-1", f"p{n}", "P", "i1")) for n in range(1, 9))
        )
        accepted = sum(isinstance(reply, Accepted) for reply in replies)
        present = await stage.present(accepted + 1)

    assert len(set(present)) == len(present) == accepted + 1
    assert accepted == 8
