"""Looks at everything and changes nothing."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import nats.errors
import nats.js.errors

from cli import reach
from cli.bus import Bus, connected
from cli.cluster.facts import Consumer, Facts, Heard, Place, Server, Store, User
from cli.failure import Failure
from kit.config import BaseConfig, Credentials
from kit.follow import OUTAGES
from kit.kv import Bucket
from kit.secrets import Sealer, Secret, Unsealable
from proto import subjects
from proto.access import API, DURABLES, USERS, Rights
from proto.config import AutomaticParticipant, GatewayRoutingRule
from proto.views import WorkerView, decode_worker

STREAMS = (
    *map(subjects.stream, subjects.FAMILIES),
    subjects.PARKED_STREAM,
    *(f"KV_{bucket}" for bucket in subjects.BUCKETS),
    f"OBJ_{subjects.THEMES}",
)

SETTLE = 0.1
"""Seconds for the client to tell of what the server has refused."""

MONITOR = 5.0
"""Seconds for nats-server's monitoring port to answer."""


async def gather(
    config: BaseConfig, sealer: Sealer | None, passwords: Path | None, monitor: str
) -> Facts:
    """Raises Failure if there is no bus to look at."""
    async with connected(config) as bus:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await bus.nc.flush()
        known = bus.nc.connected_server_version
        version = f"{known.major}.{known.minor}.{known.patch}"
        server = Server(version, loop.time() - began)
        store = await _store(bus, monitor)
        if store is None:
            return Facts(datetime.now(UTC), server)
        heard = await _heard(bus)
        there = {name: await _info(bus, name) for name in STREAMS}
        return Facts(
            datetime.now(UTC),
            server,
            store,
            [name for name, info in there.items() if info is None],
            await _parked(bus) if there[subjects.PARKED_STREAM] else {},
            [one async for one in _consumers(bus)],
            None if passwords is None else [await _user(config, n, passwords) for n in USERS],
            heard,
            await _workers(bus) if there[f"KV_{subjects.WORKERS}"] else [],
            await _places(bus) if there[f"KV_{subjects.CONFIG}"] else [],
            await _opens(bus, sealer) if there[f"KV_{subjects.SECRETS}"] else None,
            await _relays(heard),
        )


async def _store(bus: Bus, monitor: str) -> Store | None:
    try:
        account = await bus.js.account_info()
    except OUTAGES:
        if bus.refused:
            raise Failure("this user may not look at NATS; it is `operator` who may", 2) from None
        return None
    used, most = int(account.storage), int(account.limits.max_storage)
    if monitor:
        told = await _monitored(monitor)
        return Store(int(told["storage"]), int(told["config"]["max_storage"]))
    return Store(used, most if most > 0 else None)


async def _monitored(url: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False, timeout=MONITOR) as http:
        try:
            answer = await http.get(f"{url.rstrip('/')}/jsz")
            found: dict[str, Any] = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            raise Failure(f"nats-server's monitoring does not answer at {url}", 2) from None
        return found


async def _info(bus: Bus, stream: str) -> Any:
    try:
        return await bus.js.stream_info(stream)
    except nats.js.errors.NotFoundError:
        return None


async def _parked(bus: Bus) -> dict[str, int]:
    info = await bus.js.stream_info(subjects.PARKED_STREAM, subjects_filter=subjects.PARKED)
    return {one.rpartition(".")[2]: count for one, count in (info.state.subjects or {}).items()}


async def _consumers(bus: Bus) -> Any:
    for family, durables in DURABLES.items():
        for durable, service in durables.items():
            stream = subjects.stream(family)
            try:
                info = await bus.js.consumer_info(stream, durable)
            except nats.js.errors.NotFoundError:
                yield Consumer(stream, durable, service, there=False)
            else:
                pending, waiting = info.num_pending or 0, info.num_waiting or 0
                yield Consumer(stream, durable, service, pending, waiting)


async def _heard(bus: Bus) -> list[Heard]:
    wall, mono = datetime.now(UTC), asyncio.get_running_loop().time()
    found = []
    for presence, asked, answered in await bus.presences():
        middle = (asked + answered) / 2 - mono
        skew = (presence.at - wall).total_seconds() - middle
        found.append(Heard(presence, skew, (answered - asked) / 2))
    return sorted(found, key=lambda one: (one.presence.service, one.presence.instance))


async def _relays(heard: list[Heard]) -> dict[str, str | None]:
    urls = sorted({url for one in heard for url in one.presence.relays})
    seen = await asyncio.gather(*(asyncio.to_thread(reach.ask, url) for url in urls))
    return dict(zip(urls, seen, strict=True))


async def _workers(bus: Bus) -> list[WorkerView]:
    found = (await (await Bucket.ensure(bus.js, subjects.WORKERS)).everything()).values()
    return sorted(map(decode_worker, found), key=lambda one: (one.kind, one.worker))


async def _places(bus: Bus) -> list[Place]:
    """The locations that calls are made from."""
    found: dict[str, Place] = {}
    stored = await (await Bucket.ensure(bus.js, subjects.CONFIG)).everything()
    for key, value in stored.items():
        kind = key.partition(".")[0]
        name, named_by = "", ""
        if kind == "gateway_routing_rule":
            rule = msgspec.json.decode(value, type=GatewayRoutingRule)
            if rule.enable and rule.outgoing_location:
                name, named_by = rule.outgoing_location, f"rule “{rule.name}”"
        elif kind == "automatic_participant":
            one = msgspec.json.decode(value, type=AutomaticParticipant)
            if one.routing == "manual" and one.system_location:
                name, named_by = one.system_location, f"automatic participant {one.id}"
        if name:
            found.setdefault(name, Place(name, named_by))
    return sorted(found.values(), key=lambda place: place.name)


async def _opens(bus: Bus, sealer: Sealer | None) -> bool | None:
    if sealer is None:
        return None
    stored = await (await Bucket.ensure(bus.js, subjects.SECRETS)).everything()
    for value in stored.values():
        try:
            sealer.open(value.decode())
        except (Unsealable, UnicodeDecodeError):
            return False
    return True if stored else None


def _password(directory: Path, user: str) -> Secret | None:
    """As `deploy/secrets.sh` names the files, or `rostrum up` does."""
    for name in (f"nats-{user}", user):
        if (path := directory / name).is_file():
            return Secret(path.read_text().strip())
    return None


async def _user(config: BaseConfig, name: str, passwords: Path) -> User:
    """Log in as that user and ask about streams: of all rights, these can be tried without harm."""
    password = _password(passwords, name)
    if password is None:
        return User(name, "no-password")
    try:
        async with connected(config, Credentials(name, password)) as bus:
            needs = set(_asks(USERS[name]))
            others = {f"{API}.STREAM.INFO.{stream}" for stream in STREAMS} - needs
            inbox = bus.nc.new_inbox()
            await bus.nc.subscribe(inbox)
            for subject in sorted(needs | others):
                await bus.nc.publish(subject, reply=inbox)
            # A refusal comes before the answer to this, but the client tells of it a little later.
            await bus.nc.flush()
            await asyncio.sleep(SETTLE)
            refused = {one for one in needs | others if one.lower() in bus.refused}
            return User(name, "fine", sorted(needs & refused), sorted(others - refused))
    except (Failure, nats.errors.Error):
        return User(name, "refused")


def _asks(rights: Rights) -> Iterator[str]:
    return (right for right in rights.publish if right.startswith(f"{API}.STREAM.INFO."))
