"""A real coturn, started as the stack starts it: who gets through it, and to whom."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from aioice import Candidate, Connection, TransportPolicy, stun, turn

from cli import reach
from kit.secrets import Secret
from services.gateway.core.ice import ice_servers
from services.mixer.webrtc.network import Network
from tests.support.nats import free_port
from tests.support.relay import Talk

SCRIPT = Path(__file__).parents[2] / "deploy" / "turn" / "turn.sh"
SECRET = "turn/CANARY+secret="
MIXERS, OTHERS = "127.0.0.1", "127.0.0.2"
PATIENCE = 20.0


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data, addr)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory = tmp_path_factory.mktemp("turn")
    (directory / "secret").write_text(SECRET)
    env = {
        **os.environ,
        "TMPDIR": str(directory),
        "TURN_SECRET_FILE": str(directory / "secret"),
        "TURN_PEERS": MIXERS,
    }
    port = free_port()
    here = [f"--{kind}-ip=127.0.0.1" for kind in ("listening", "relay")]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            ["sh", str(SCRIPT), *here, f"--listening-port={port}", "--allow-loopback-peers"],
            env=env,
            stdout=log,
            stderr=log,
        )
    try:
        asyncio.run(_answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)
    said = (directory / "log").read_text()
    assert "CANARY" not in said, "the secret is in coturn's log"
    assert (directory / "turn.conf").stat().st_mode & 0o077 == 0


async def _answers(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                transport, _ = await _allocate(port, SECRET)
            except (stun.TransactionError, ConnectionError):
                await asyncio.sleep(0.1)
                continue
            transport.close()
            return


async def _allocate(port: int, secret: str) -> tuple[turn.TurnTransport, Talk]:
    [server] = ice_servers([], ["turn:here"], Secret(secret), "p1", int(time.time()))
    return await turn.create_turn_endpoint(
        Talk, ("127.0.0.1", port), server.username, server.credential
    )


async def _heard_of(port: int, host: str) -> bytes | Exception:
    """What comes back from somebody there who says everything again."""
    loop = asyncio.get_running_loop()
    somebody, _ = await loop.create_datagram_endpoint(Echo, local_addr=(host, 0))
    transport, talk = await _allocate(port, SECRET)
    try:
        transport.sendto(b"picture", somebody.get_extra_info("sockname"))
        async with asyncio.timeout(PATIENCE):
            return await talk.heard.get()
    finally:
        transport.close()
        somebody.close()


async def test_the_gateways_credentials_lead_to_the_mixers(port: int) -> None:
    assert await _heard_of(port, MIXERS) == b"picture"


async def test_and_nowhere_else(port: int) -> None:
    refused = await _heard_of(port, OTHERS)

    assert isinstance(refused, stun.TransactionFailed)
    assert refused.response.attributes["ERROR-CODE"][0] == 403


async def test_credentials_of_another_secret_lead_nowhere(port: int) -> None:
    with pytest.raises(stun.TransactionFailed, match="401"):
        await _allocate(port, "another")


def test_a_mixer_that_cannot_send_to_the_relay_first_is_reached_through_it(port: int) -> None:
    """Its relays' ports need not be open, nor their address be one that anybody reaches."""
    [server] = ice_servers([], ["turn:here"], Secret(SECRET), "p1", int(time.time()))

    async def call() -> bytes:
        mixer = Connection(ice_controlling=False)
        browser = Connection(
            ice_controlling=True,
            turn_server=("127.0.0.1", port),
            turn_username=server.username,
            turn_password=server.credential,
            transport_policy=TransportPolicy.RELAY,
        )
        await asyncio.gather(browser.gather_candidates(), mixer.gather_candidates())
        told = [Candidate("1", 1, "udp", 1, "127.0.0.9", 9, "relay")]
        for one, other, candidates in (
            (browser, mixer, mixer.local_candidates),
            (mixer, browser, told),
        ):
            one.remote_username, one.remote_password = other.local_username, other.local_password
            for candidate in (*candidates, None):
                await one.add_remote_candidate(candidate)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(browser.connect(), mixer.connect())
            await browser.send(b"camera")
            heard = await mixer.recv()
        await asyncio.gather(browser.close(), mixer.close())
        return heard

    network = Network.of("", MIXERS)
    with asyncio.Runner(loop_factory=network.loop_factory) as runner:
        assert runner.run(call()) == b"camera"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_doctor_hears_it_by_either_way(port: int, transport: str) -> None:
    assert reach.ask(f"turn:127.0.0.1:{port}?transport={transport}") == "127.0.0.1"
