"""A call that one node alone may dial: from the request to the worker's own yes or no."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from kit import bus
from kit.kv import Bucket
from proto import subjects
from proto.base import encode
from proto.conference import CallRequested
from proto.conference import decode_commit as decode_conference
from proto.media import FeedSpec, Rendition
from proto.scheduler import (
    Declined,
    DestinationAssigned,
    MixAssigned,
    Offer,
    SessionAssigned,
    SessionWanted,
    decode_bid,
)
from proto.views import WorkerView, decode_worker
from tests.support.gateway import gateway
from tests.support.services import environment, running
from tests.support.walk import Stage

pytestmark = pytest.mark.nats

CONFIGURATION = "/api/admin/configuration/v1"
DIAL = "/api/admin/command/v1/participant/dial/"


async def heartbeat(nc: Client, name: str, kind: Any = "egress") -> None:
    bucket = await Bucket.ensure(nc.jetstream(), subjects.WORKERS, ttl=subjects.WORKERS_TTL)
    await bucket.put(f"{kind}.{name}", encode(WorkerView(name, kind, "DMZ", "host-1", 4, 1)))


async def dial(http: httpx.AsyncClient, **more: Any) -> httpx.Response:
    body = {
        "conference_alias": "town-hall",
        "destination": "rtmp://ingest.example.com/live/CANARY",
        "protocol": "rtmp",
        "routing": "manual",
        "streaming": True,
        "local_display_name": "Town Hall",
        "dtmf_sequence": "1,2",
        "custom_sip_headers": [{"name": "X-Room", "value": "1"}],
        **more,
    }
    return await http.post(DIAL, json=body)


async def test_a_node_is_asked_for_by_its_name_or_its_host(nc: Client) -> None:
    async with gateway(nc) as http:
        hall = {"name": "Town Hall", "aliases": [{"alias": "town-hall"}]}
        await http.post(f"{CONFIGURATION}/conference/", json=hall)
        await heartbeat(nc, "egress-1")
        await heartbeat(nc, "mixer-1", "mixer")
        refused = [await dial(http, node=node) for node in ("egress-9", "mixer-1", "10.0.0.1")]
        given = [await dial(http, node=node) for node in ("egress-1", "host-1", "")]
        ruled = await dial(http, node="egress-9", routing="routing_rule")
        stored = await nc.jetstream().get_last_msg("CONFERENCE", "conference.events.*")
        sub = await nc.jetstream().pull_subscribe("conference.events.*", stream="CONFERENCE")
        messages = await sub.fetch(stored.seq or 1)

    assert [answer.status_code for answer in refused] == [400, 400, 400]
    assert {field for answer in refused for field in answer.json()["participant"]} == {"node"}
    assert [answer.status_code for answer in (*given, ruled)] == [200] * 4
    events = [event for msg in messages for event in decode_conference(msg.data)]
    calls = [event.node for event in events if isinstance(event, CallRequested)]
    assert calls == ["egress-1", "host-1", "", ""]


async def test_only_the_node_itself_offers(nc: Client, nats_url: str, tmp_path: Path) -> None:
    env = environment(nats_url, tmp_path, ROSTRUM_HOST="here", ROSTRUM_ENCODER="libx264")
    async with (
        running("services.rtmp_egress", env),
        running("services.rtmp_egress", env),
        asyncio.timeout(60),
    ):
        bucket = await Bucket.ensure(nc.jetstream(), subjects.WORKERS, ttl=subjects.WORKERS_TTL)
        found: set[str] = set()
        async for _, worker in bucket.watch().values(decode_worker):
            found |= {worker.worker} if worker else set()
            if len(found) == 2:
                break
        one, other = sorted(found)
        bids = {}
        for node in (one, other, "here", "", "egress-9"):
            wanted = SessionWanted("c1", FeedSpec("c1"), Rendition(), node=node)
            answers = await bus.scatter(nc, subjects.bids("egress"), wanted, expected=2, patience=5)
            bids[node] = [decode_bid(answer) for answer in answers]

    def offering(node: str) -> list[str]:
        return sorted(bid.worker for bid in bids[node] if isinstance(bid, Offer))

    assert (offering(one), offering(other)) == ([one], [other])
    assert offering("here") == offering("") == [one, other]
    assert {b.reason for b in bids["egress-9"] if isinstance(b, Declined)} == {"is not egress-9"}


async def test_the_node_goes_with_the_call_and_its_session(
    nc: Client, nats_url: str, tmp_path: Path
) -> None:
    stage = Stage(nc, environment(nats_url, tmp_path))
    async with stage.stack:
        await stage.open()
        await stage.worker("mixer", "mixer-a", Offer("mixer-a", 4))
        await stage.worker("egress", "egress-a", Offer("egress-a", 4))
        await stage.dial("tube", routing="manual", node="egress-a")
        await stage.first(MixAssigned)
        session = await stage.first(SessionAssigned)
        destination = await stage.first(DestinationAssigned)

    assert (session.node, destination.worker) == ("egress-a", "egress-a")
