"""`rostrum doctor --cluster` at a real nats-server, with services played by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.cluster.gather import gather
from cli.cluster.judge import SEAL, judge
from cli.doctor import Finding
from cli.failure import Failure
from kit import bus, natsconf
from kit.boot import Jobs
from kit.config import BaseConfig
from kit.kv import Bucket
from kit.provision import provision
from kit.secrets import Sealer, Secret, new_key
from proto import config, presence, subjects
from proto.access import DURABLES, SERVICES, USERS, Rights
from proto.base import encode
from proto.presence import Ping, Presence
from proto.views import WorkerView
from tests.support.nats import NatsServer
from tests.support.nats_users import TESTER, connect, password

pytestmark = pytest.mark.nats

SEALER = Sealer.from_env({"ROSTRUM_SECRET_KEY": new_key()})


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    directory = tmp_path / "passwords"
    directory.mkdir()
    for user in USERS:
        (directory / f"nats-{user}").write_text(password(user))
    return directory


@asynccontextmanager
async def cluster(server: NatsServer, **odd: Any) -> AsyncIterator[None]:
    """Every service that is not None answers with what it says here, by its own user."""
    tester = await connect(server, TESTER)
    js = tester.jetstream()
    await provision(js)
    workers = await Bucket.ensure(js, subjects.WORKERS)
    view = WorkerView("egress-1", "egress", "default", "here", 6, 0, encoders=["libx264"])
    await workers.put("egress.egress-1", encode(view))
    await workers.put("mixer.m", encode(WorkerView("m", "mixer", "default", "here", 3, 0)))
    secrets = await Bucket.ensure(js, subjects.SECRETS)
    await secrets.put("adp-1.destination", SEALER.seal("rtmp://host/live/key").encode())
    settings = await Bucket.ensure(js, subjects.CONFIG)
    rule = config.GatewayRoutingRule("North", 1, ".*", 1, outgoing_location="Oslo")
    await settings.put("gateway_routing_rule.1", encode(rule))
    clients = [tester]
    async with Jobs(asyncio.Event()) as group:
        for service in SERVICES:
            said = odd.get(service, {})
            if said is None:
                continue
            clients.append(nc := await connect(server, service))
            ahead = timedelta(seconds=said.get("ahead", 0))

            async def answer(
                _: Ping, service: str = service, said: Any = said, ahead: Any = ahead
            ) -> Presence:
                key = said.get("key", SEALER.key_fingerprint if service in SEAL else "")
                now = datetime.now(UTC) + ahead
                return Presence(service, f"{service}-1", said.get("version", "0.1.0"), now, key=key)

            await bus.answer(
                nc, subjects.PINGS, decode=presence.decode_ping, handle=answer, group=group
            )
        try:
            yield
        finally:
            await group.stop()
    for nc in clients:
        await nc.close()


def operator(server: NatsServer) -> BaseConfig:
    return as_user(server, "operator", password("operator"))


def as_user(server: NatsServer, user: str, given: str) -> BaseConfig:
    return BaseConfig(nats_url=server.url, nats_user=user, nats_password=Secret(given))


async def found(server: NatsServer, passwords: Path | None = None) -> dict[str, Finding]:
    facts = await gather(operator(server), SEALER, passwords, "")
    return {one.what: one for one in judge(facts) if not one.fine}


async def test_what_is_missing_old_late_or_apart_is_told(
    guarded: NatsServer, passwords: Path
) -> None:
    odd: dict[str, Any] = {
        "routing": None,
        "gateway": {"version": "0.0.9"},
        "mixer": {"ahead": 30.0},
        "rtmp_egress": {"key": "another"},
    }
    async with cluster(guarded, **odd):
        said = await found(guarded, passwords)

    durables = {name for name in said if " of " in name}
    assert len(durables) == sum(map(len, DURABLES.values())), "nobody has made them yet"
    assert set(said) - durables == {"routing", "versions", "clocks", "sealing key", "location Oslo"}
    assert "mixer-1 +30" in said["clocks"].detail
    assert said["routing"].needed


async def test_users_are_tried_one_by_one(guarded: NatsServer, passwords: Path) -> None:
    (passwords / "nats-mixer").write_text("mistyped")
    (passwords / "nats-scheduler").unlink()
    async with cluster(guarded):
        said = await found(guarded, passwords)

    assert {name: one.detail for name, one in said.items() if name.startswith("user")} == {
        "user mixer": "NATS does not let it in",
        "user scheduler": "no password was found",
    }


async def test_a_server_with_the_users_of_another_version_is_told(
    tmp_path: Path, passwords: Path
) -> None:
    routing = USERS["routing"]
    lost = "$JS.API.STREAM.INFO.KV_config"
    less = Rights(
        tuple(right for right in routing.publish if right != lost),
        routing.deny_publish,
        routing.subscribe,
        True,
    )
    more = Rights((*USERS["mixer"].publish, lost), (), USERS["mixer"].subscribe, True)
    everything = Rights((">",), (), (">",))
    rights = {**USERS, "routing": less, "mixer": more, TESTER: everything}
    server = NatsServer(tmp_path / "jetstream", conf := tmp_path / "nats.conf")
    conf.write_text(natsconf.users(lambda user: f'"{password(user)}"', rights))
    server.start()
    try:
        async with cluster(server):
            said = await found(server, passwords)
    finally:
        server.kill()

    assert said["user routing"].detail == f"may not use {lost}"
    assert said["user mixer"].detail == f"may use {lost}, which it does not need"


async def test_who_may_not_look_is_told_so(guarded: NatsServer) -> None:
    with pytest.raises(Failure, match="`operator`"):
        await gather(as_user(guarded, "mixer", password("mixer")), None, None, "")
    with pytest.raises(Failure, match="does not know this user"):
        await gather(as_user(guarded, "mixer", "mistyped"), None, None, "")
    guarded.kill()
    with pytest.raises(Failure, match="cannot be reached"):
        await gather(operator(guarded), None, None, "")
