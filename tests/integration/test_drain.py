"""A worker's process is told to stop while a conference is mixed beside it."""

import asyncio
from pathlib import Path

import httpx
import nats
import pytest

from kit.kv import Bucket
from proto import subjects
from proto.base import encode
from proto.views import FeedOffer
from tests.support.nats import NatsServer, free_port
from tests.support.services import environment, running

pytestmark = pytest.mark.nats

FEED = FeedOffer("town-hall", "instance", "mixer-1", "pod-1", "/run/rostrum/feed")
PATIENCE = 60.0
POLL = 0.1


async def until(client: httpx.AsyncClient, path: str, status: int, text: str = "") -> None:
    while True:
        try:
            answer = await client.get(path)
        except httpx.TransportError:
            pass
        else:
            if answer.status_code == status and text in answer.text:
                return
        await asyncio.sleep(POLL)


async def test_it_is_alive_but_not_ready_until_nobody_misses_it(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    port = free_port()
    env = environment(
        nats_server.url,
        tmp_path,
        ROSTRUM_HOST="pod-1",
        ROSTRUM_HEALTH_PORT=str(port),
        ROSTRUM_DRAIN_SECONDS="3600",
    )
    nc = await nats.connect(nats_server.url)
    feeds = await Bucket.ensure(nc.jetstream(), subjects.FEEDS)
    await feeds.put("town-hall", encode(FEED))
    async with (
        asyncio.timeout(PATIENCE),
        running("services.rtmp_egress", env) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        await until(client, "/health/ready", 200)
        await until(client, "/metrics", 200, "rostrum_egress_capacity 64.0")

        process.terminate()

        await until(client, "/health/ready", 503)
        assert (await client.get("/health/live")).status_code == 200
        assert "rostrum_egress_draining 1.0" in (await client.get("/metrics")).text
        await feeds.delete("town-hall")
        assert await process.wait() == 0
    await nc.close()
