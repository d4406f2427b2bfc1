"""The chart's own pods, with the settings, secrets and users that it gives them."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from cli.ingest import Ingest
from tests.deploy.chart import rendered
from tests.deploy.generate import CHART
from tests.deploy.kubelet import Container, Node, until_ready
from tests.support.nginx import rtmp_server  # noqa: F401
from tests.support.system import System, until

pytestmark = [pytest.mark.nats, pytest.mark.nginx]

PATIENCE = 120.0

MEDIA = ("mixer", "egress")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(rendered(CHART / "ci" / "minimal.yaml"), tmp_path)


@pytest.fixture
async def containers(node: Node) -> AsyncIterator[dict[str, Container]]:
    server = node.nats()
    try:
        server.start()
        async with asyncio.timeout(PATIENCE):
            assert await node.once("provision", ROSTRUM_NATS_URL=server.url) == 0
            async with node.running(server.url) as there:
                for container in there.values():
                    await until_ready(container)
                yield there
    finally:
        server.kill()


def address(containers: dict[str, Container]) -> str:
    return f"http://{urlsplit(containers['gateway'].ready).netloc}"


async def test_it_all_comes_up_and_the_charts_own_test_says_so(
    node: Node, containers: dict[str, Container]
) -> None:
    assert await node.once("test", GATEWAY=address(containers)) == 0
    assert scaled_by() <= await exported(containers)
    elsewhere = {"LOCATIONS": '["Oslo"]', "PATIENCE": "0"}
    assert await node.once("test", GATEWAY=address(containers), **elsewhere) == 1

    assert await stop(containers) == dict.fromkeys(containers, 0)


async def test_a_media_pod_that_is_told_to_go_stays_until_its_stream_is_over(
    node: Node,
    containers: dict[str, Container],
    rtmp_server: Ingest,  # noqa: F811
) -> None:
    token = node.secret("admin-token")
    with httpx.Client(base_url=address(containers), auth=("admin", token)) as http:
        system = System(http, Path(), 0)
        system.configure()
        stream = system.dial(rtmp_server.url("CHART-KEY"))
        await asyncio.to_thread(system.streams, stream)

        media = {name: containers[name] for name in MEDIA}
        ending = asyncio.ensure_future(stop(media))
        await asyncio.wait([ending], timeout=3)
        assert not ending.done()
        found = system.participant(stream)
        assert found is not None
        assert found["state"] == "connected"
        second = system.dial(rtmp_server.url("LATER-KEY"))
        await asyncio.to_thread(system.streams, second)

        for one in (stream, second):
            system.hang_up(one)
        assert await ending == dict.fromkeys(MEDIA, 0)
        recordings = await asyncio.to_thread(until, lambda: rtmp_server.recorded("CHART-KEY"))
        moves = [event["type"] for event in system.log() if event["type"] == "session_assigned.v1"]

    assert len(recordings) == 1, "nothing was interrupted"
    assert len(moves) == 1


def scaled_by() -> set[str]:
    """Metrics by which the chart scales."""
    template = (CHART / "templates" / "autoscaling.yaml").read_text()
    return set(re.findall(r"rostrum_[a-z_]+", template))


async def exported(containers: dict[str, Container]) -> set[str]:
    found: set[str] = set()
    async with httpx.AsyncClient() as client:
        for container in containers.values():
            answer = await client.get(container.metrics)
            found |= set(re.findall(r"^(\w+)(?:{.*})? [\d.]+$", answer.text, re.MULTILINE))
    return found


async def stop(containers: dict[str, Container]) -> dict[str, int]:
    for container in containers.values():
        container.process.terminate()
    return {name: await one.process.wait() for name, one in containers.items()}
