"""The walk of a call through conference_state, routing and scheduler, as processes.

Media workers are played by the test: what they bid and report is all that the others know of them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from kit import bus
from proto import subjects
from proto.base import Accepted
from proto.conference import Join, Leave
from proto.scheduler import (
    Declined,
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixReleased,
    Offer,
    SessionAssigned,
    SessionReleased,
)
from tests.support.nats import NatsServer
from tests.support.services import environment, running
from tests.support.walk import SERVICES, Stage

pytestmark = pytest.mark.nats


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


async def test_what_a_drained_worker_does_is_elsewhere_before_it_is_gone(stage: Stage) -> None:
    await stage.worker("mixer", "mixer-a", Offer("mixer-a", 4))
    drained = asyncio.Event()
    await stage.worker("egress", "egress-a", Offer("egress-a", 4, same_host=True), drained)
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await stage.dial("tube")
    before = (await stage.assigned(SessionAssigned, DestinationAssigned))[-1]
    assert isinstance(before, DestinationAssigned)
    await stage.report("publishing", before.session)
    await stage.view("connected")
    await stage.worker("egress", "egress-b", Offer("egress-b", 4))

    drained.set()
    await stage.restart("scheduler")
    events = await stage.assigned(
        SessionAssigned, DestinationAssigned, SessionAssigned, DestinationAssigned
    )
    after = events[-1]
    assert isinstance(after, DestinationAssigned)
    assert (after.worker, after.takes_over, after.seen) == ("egress-b", before.session, True)
    await stage.restart("scheduler")
    await stage.report("recovering", after.session, "stream-key-in-use-or-invalid")

    events = await stage.assigned(DestinationReleased, SessionReleased, DestinationAssigned)
    assert isinstance(events[-3], DestinationReleased)
    assert (events[-3].session, events[-3].handed_on) == (before.session, True)
    await stage.view("recovering")
    await stage.report("publishing", after.session)
    view = await stage.view("connected")
    assert view.streaming


async def test_a_conference_moves_from_a_mixer_that_is_drained(stage: Stage) -> None:
    drained = asyncio.Event()
    await stage.worker("mixer", "mixer-a", Offer("mixer-a", 9), drained)
    await stage.tell(Join("town-hall-1", "ann", "Ann", "i1"))
    await stage.assigned(MixAssigned)
    drained.set()
    await stage.worker("mixer", "mixer-b", Offer("mixer-b", 1))

    moved = (await stage.assigned(MixReleased, MixAssigned))[-1]

    assert isinstance(moved, MixAssigned)
    assert moved.worker == "mixer-b"


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
