"""The chart's own pods, with the settings, secrets and users that it gives them."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.deploy.chart import rendered
from tests.deploy.generate import CHART
from tests.deploy.kubelet import Node, until_ready

pytestmark = pytest.mark.nats

PATIENCE = 90.0


async def test_it_all_comes_up_and_the_charts_own_test_says_so(tmp_path: Path) -> None:
    node = Node(rendered(CHART / "ci" / "minimal.yaml"), tmp_path)
    server = node.nats()
    try:
        server.start()
        async with asyncio.timeout(PATIENCE):
            assert await node.once("provision", ROSTRUM_NATS_URL=server.url) == 0
            async with node.running(server.url) as containers:
                for container in containers.values():
                    await until_ready(container)
                gateway = urlsplit(containers["gateway"].ready)
                address = f"http://{gateway.netloc}"
                assert await node.once("test", GATEWAY=address) == 0
                elsewhere = {"LOCATIONS": '["Oslo"]', "PATIENCE": "0"}
                assert await node.once("test", GATEWAY=address, **elsewhere) == 1

                for container in containers.values():
                    container.process.terminate()
                ended = {name: await c.process.wait() for name, c in containers.items()}
        assert ended == dict.fromkeys(containers, 0)
    finally:
        server.kill()
