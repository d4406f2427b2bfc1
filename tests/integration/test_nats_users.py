"""Each service with its own user of the bus: it can do what it must, and nothing else."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from kit.boot import connect as connect_service
from kit.config import Credentials
from kit.provision import provision
from kit.secrets import Secret
from proto import subjects
from proto.base import Accepted
from proto.conference import Join, Leave
from proto.scheduler import (
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixReleased,
    Offer,
    SessionAssigned,
    SessionReleased,
)
from tests.support.nats import NatsServer
from tests.support.nats_users import TESTER, connect, credentials, password
from tests.support.services import environment
from tests.support.walk import SERVICES, Stage

pytestmark = pytest.mark.nats


@asynccontextmanager
async def stage(guarded: NatsServer, directory: Path) -> AsyncIterator[Stage]:
    tester = await connect(guarded, TESTER)
    one = Stage(tester, environment(guarded.url, directory))
    one.own = {name: credentials(name) for name in SERVICES}
    try:
        async with one.stack:
            await one.open()
            yield one
    finally:
        await tester.close()


async def test_a_stream_is_walked_with_every_service_as_its_own_user(
    guarded: NatsServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await provisioned(guarded)
    async with stage(guarded, tmp_path) as one:
        await one.worker("mixer", "mixer-a", Offer("mixer-a", 4))
        first = await one.worker("egress", "egress-a", Offer("egress-a", 4))
        assert isinstance(await one.tell(Join("town-hall-1", "ann", "Ann", "i1")), Accepted)
        await one.assigned(MixAssigned)
        await one.dial("tube")
        session = (await one.assigned(SessionAssigned, DestinationAssigned))[-1]
        assert isinstance(session, DestinationAssigned)
        await one.report("publishing", session.session)
        assert (await one.view("connected")).streaming
        await first.aclose()
        await one.worker("egress", "egress-b", Offer("egress-b", 4))
        await one.assigned(SessionReleased, SessionAssigned, DestinationAssigned)
        for name in SERVICES:
            await one.restart(name)
        await one.tell(Leave("town-hall-1", "tube"))
        await one.assigned(DestinationReleased, SessionReleased)
        await one.tell(Leave("town-hall-1", "ann"))
        await one.assigned(MixReleased)
        async with asyncio.timeout(10):
            # Who deletes them hears of the end beside who gives the mixer back.
            while True:
                if not await one.secrets.everything():
                    break
                await asyncio.sleep(0.05)

    assert "nats refused" not in capfd.readouterr().err


async def provisioned(guarded: NatsServer) -> None:
    """As the provisioning step of a deployment does it."""
    env = {**os.environ, "ROSTRUM_NATS_URL": guarded.url, **credentials("provision")}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "kit.provision", env=env)
    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_what_is_there_is_left_as_it_is_by_provisioning(guarded: NatsServer) -> None:
    await provisioned(guarded)
    tester = await connect(guarded, TESTER)
    await tester.jetstream().publish(subjects.events("conference", "c"), b"[]")

    await provisioned(guarded)
    info = await tester.jetstream().stream_info("CONFERENCE")
    await tester.close()

    assert info.state.messages == 1


NOT_TO_BE_SAID = [
    ("routing", "conference.events.c"),
    ("routing", "conference.commands.c"),
    ("routing", "$KV.config.gateway_routing_rule.1"),
    ("scheduler", "egress.events.c"),
    ("scheduler", "$KV.conferences.c"),
    ("scheduler", "$JS.API.STREAM.MSG.GET.KV_secrets"),
    ("scheduler", "$JS.API.CONSUMER.CREATE.KV_secrets.mine.$KV.secrets.>"),
    ("mixer", "scheduler.events.c"),
    ("mixer", "$KV.workers.egress.egress-a"),
    ("mixer", "$JS.API.STREAM.MSG.GET.KV_config"),
    ("rtmp_egress", "mixer.events.c"),
    ("rtmp_egress", "$KV.secrets.d"),
    ("rtmp_egress", "$KV.feeds.c"),
    ("rtmp_egress", "$JS.API.CONSUMER.CREATE.CONFERENCE.mine.conference.events.*"),
    ("gateway", "conference.events.c"),
    ("gateway", "$KV.conferences.c"),
    ("gateway", "egress.bids"),
    ("gateway", "$JS.API.STREAM.DELETE.CONFERENCE"),
    ("gateway", "$JS.API.CONSUMER.MSG.NEXT.CONFERENCE.routing"),
    ("gateway", "$JS.API.CONSUMER.DELETE.CONFERENCE.scheduler"),
    ("gateway", "$JS.ACK.CONFERENCE.routing.1.1.1.1.0"),
    ("conference_state", "$JS.API.STREAM.PURGE.CONFERENCE"),
    ("conference_state", "$JS.API.STREAM.CREATE.MINE"),
    ("conference_state", "routing.events.c"),
    ("conference_state", "$KV.config.conference.1"),
    ("conference_state", "_INBOX_gateway.x"),
    ("routing", "$JS.API.STREAM.MSG.DELETE.PARKED"),
    ("scheduler", "returns.conference.routing"),
    ("gateway", "$JS.API.STREAM.MSG.DELETE.CONFERENCE"),
    ("provision", "$JS.API.STREAM.MSG.GET.KV_secrets"),
    ("provision", "$JS.API.STREAM.DELETE.KV_secrets"),
    ("provision", "$JS.API.STREAM.CREATE.MINE"),
]

NOT_TO_BE_HEARD = [
    ("mixer", "_INBOX_gateway.>"),
    ("routing", "_INBOX.>"),
    ("routing", "conference.commands.*"),
    ("gateway", "mixer.bids"),
    ("scheduler", "returns.conference.routing"),
    ("gateway", "conference.events.*"),
    ("rtmp_egress", "$KV.secrets.>"),
    ("scheduler", "$JS.API.>"),
    ("conference_state", ">"),
    ("provision", "$KV.>"),
]


ROUNDS = 300
"""Trips to the server and back; the refusals come with the first few."""


async def test_what_is_not_a_services_business_is_refused(guarded: NatsServer) -> None:
    for user in sorted({user for user, _ in NOT_TO_BE_SAID + NOT_TO_BE_HEARD}):
        refused: list[str] = []

        async def note(exc: Exception, refused: list[str] = refused) -> None:
            refused.append(str(exc))

        nc = await connect(guarded, user, error_cb=note)
        said = [subject for who, subject in NOT_TO_BE_SAID if who == user]
        heard = [subject for who, subject in NOT_TO_BE_HEARD if who == user]
        for subject in said:
            await nc.publish(subject, b"{}")
        for subject in heard:
            await nc.subscribe(subject)
        wanted = {f'publish to "{subject}"'.lower() for subject in said}
        wanted |= {f'subscription to "{subject}"'.lower() for subject in heard}
        for _ in range(ROUNDS):
            if missing(wanted, refused):
                await nc.flush()
                await asyncio.sleep(0.01)
        await nc.close()
        assert not missing(wanted, refused), user


def missing(wanted: set[str], refused: list[str]) -> set[str]:
    return {one for one in wanted if not any(one in said.lower() for said in refused)}


async def test_a_refusal_is_logged_with_what_was_tried(guarded: NatsServer) -> None:
    with structlog.testing.capture_logs() as lines:
        mine = Credentials("routing", Secret(password("routing")))
        nc = await connect_service("routing", [guarded.url], mine)
        await nc.publish(subjects.events("conference", "c"), b"[]")
        async with asyncio.timeout(5):
            while not any(line["event"] == "nats refused" for line in lines):
                await nc.flush()
        await nc.close()

    assert {
        "event": "nats refused",
        "what": "publish",
        "subject": "conference.events.c",
        "log_level": "error",
    } in lines


async def test_who_has_the_wrong_password_does_not_get_in(guarded: NatsServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded.port)
    writer.write(b'CONNECT {"user": "gateway", "pass": "guessed"}\r\nPING\r\n')
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert b"Authorization Violation" in said


async def test_a_service_without_the_right_makes_no_stream(guarded: NatsServer) -> None:
    nc = await connect(guarded, "gateway")
    with pytest.raises(TimeoutError):
        await provision(nc.jetstream(timeout=0.3))
    await nc.close()
