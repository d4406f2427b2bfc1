"""What a conference's process binds for browsers, and what it tells them."""

import asyncio
import re
import socket
from ipaddress import ip_address

import pytest
from aioice import Candidate, Connection
from aiortc import RTCPeerConnection, RTCSessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.config import from_env
from kit.ports import Ports
from services.mixer.config import Config
from services.mixer.webrtc.network import (
    Interface,
    Network,
    NoPort,
    Unreachable,
    announced,
    instead,
    interfaces,
    of_use,
    offered,
)

ADDRESSES = st.sampled_from(["203.0.113.7", "198.51.100.2", "2001:db8::7"])
HOSTS = ["10.0.0.5", "192.168.1.9", "fd00::5"]
CANDIDATES = st.builds(
    "a=candidate:{} 1 udp 2130706431 {} {} typ host".format,
    st.sampled_from(["f1", "f2"]),
    st.sampled_from(HOSTS),
    st.integers(40000, 40003),
)
SECTIONS = st.lists(st.lists(CANDIDATES, max_size=4, unique=True), min_size=1, max_size=3)


def answer(sections: list[list[str]]) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "a=group:BUNDLE 0 1"]
    for number, candidates in enumerate(sections):
        lines += [f"m=audio 40000 UDP/TLS/RTP/SAVPF {number}", f"a=mid:{number}", *candidates]
        lines += ["a=end-of-candidates", "a=ice-ufrag:abcd"]
    return "".join(f"{line}\r\n" for line in lines)


def told(sdp: str) -> list[list[Candidate]]:
    """By section."""
    return [
        [Candidate.from_sdp(found) for found in re.findall(r"^a=candidate:(.*)\r$", part, re.M)]
        for part in sdp.split("\r\nm=")[1:]
    ]


@settings(max_examples=40)
@given(SECTIONS, st.lists(ADDRESSES, max_size=3, unique=True))
def test_whatever_is_bound_is_told_once_at_each_address_of_its_family(
    sections: list[list[str]], beyond: list[str]
) -> None:
    for candidates in told(announced(answer(sections), beyond)):
        own = {(one.host, one.port) for one in candidates if one.type == "host"}
        others = [(one.host, one.port) for one in candidates if one.type != "host"]
        assert len(others) == len(set(others))
        assert set(others) == {
            (address, port)
            for host, port in own
            for address in beyond
            if ip_address(address).version == ip_address(host).version
        }


@settings(max_examples=40)
@given(SECTIONS, st.lists(ADDRESSES, max_size=3, unique=True))
def test_nothing_else_of_an_answer_changes(sections: list[list[str]], beyond: list[str]) -> None:
    before = answer(sections)
    after = announced(before, beyond)

    kept = [line for line in after.split("\r\n") if " typ srflx " not in line]
    assert kept == before.split("\r\n")
    assert announced(after, beyond) == after, "what is told is not told again"


@settings(max_examples=40)
@given(SECTIONS, st.lists(ADDRESSES, max_size=3, unique=True))
def test_a_browser_tries_the_way_without_a_nat_first(
    sections: list[list[str]], beyond: list[str]
) -> None:
    for candidates in told(announced(answer(sections), beyond)):
        ranks = {
            kind: {c.priority for c in candidates if c.type == kind} for kind in ("host", "srflx")
        }
        assert all(own > other > 0 for own in ranks["host"] for other in ranks["srflx"])


HIDDEN = "candidate:1 1 udp 2113937151 2276d4f0-87cb-4099-896c-3a91d8340ea1.local 38770 typ host"


@given(SECTIONS)
def test_what_a_browser_hides_is_not_asked_for(sections: list[list[str]]) -> None:
    plain = answer(sections)
    hidden = plain.replace("a=end-of-candidates", f"a={HIDDEN} generation 0\r\na=end-of-candidates")

    assert offered(hidden) == offered(plain) == plain.replace("a=end-of-candidates\r\n", "")


def test_a_candidate_that_comes_later_is_of_use_if_it_is_an_address() -> None:
    assert of_use("candidate:1 1 udp 1694498815 203.0.113.7 40001 typ srflx raddr 0.0.0.0 rport 0")
    assert not of_use(HIDDEN)
    assert not of_use(""), "that there are no more is nothing to hand on"


def test_an_answer_that_names_no_address_is_none() -> None:
    network = Network(Ports(40000, 40009), ["203.0.113.7"], interfaces)

    with pytest.raises(Unreachable, match="40000-40009"):
        network.announced(answer([[]]))


LAN = Interface("eth0", "192.168.1.9")
SIX = Interface("eth0", "fd00::5")
LOOPBACK = Interface("lo", "127.0.0.1")
BRIDGE = Interface("docker0", "172.17.0.1")
COMPOSE = Interface("br-0123456789ab", "172.18.0.1")
ZEROCONF = Interface("eth1", "169.254.3.4")


@pytest.mark.parametrize(
    ("present", "own", "bound"),
    [
        pytest.param([LOOPBACK, LAN, SIX], [], {LAN, SIX}, id="a host"),
        pytest.param([LAN, BRIDGE, COMPOSE, ZEROCONF], [], {LAN}, id="with containers in it"),
        pytest.param([BRIDGE], [], {BRIDGE}, id="nothing but a bridge"),
        pytest.param([LAN, SIX], [SIX], {SIX}, id="the one that was asked for"),
        pytest.param([LAN, BRIDGE], [BRIDGE], {BRIDGE}, id="a bridge that was asked for"),
        pytest.param([LOOPBACK, LAN, SIX], [LOOPBACK], {LOOPBACK}, id="loopback, asked for"),
        pytest.param([LOOPBACK, LAN, SIX], [LOOPBACK, LAN], {LAN, LOOPBACK}, id="both"),
    ],
)
def test_what_is_bound_is_of_use_to_a_browser(
    present: list[Interface], own: list[Interface], bound: set[Interface]
) -> None:
    asked = [one.address for one in present if one is not LOOPBACK]

    got = [instead(one, present, [it.address for it in own]) for one in asked]

    assert sorted(one for one in got if one) == sorted(one.address for one in bound)


def free_ports(length: int) -> Ports:
    for first in range(42000, 60000, length):
        ports = Ports(first, first + length - 1)
        if ports.free("127.0.0.1") == length:
            return ports
    raise AssertionError("no free ports")


async def _open(host: str = "127.0.0.1") -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=(host, 0)
    )
    return transport


def on_loopback(ports: Ports | None) -> Network:
    return Network(ports, ["127.0.0.1"], interfaces)


def test_every_port_of_the_range_is_used_and_then_it_says_so() -> None:
    ports = free_ports(3)

    async def use_all() -> set[int]:
        opened = [await _open() for _ in range(3)]
        with pytest.raises(NoPort, match=str(ports)):
            await _open()
        used = {one.get_extra_info("sockname")[1] for one in opened}
        opened.pop().close()
        await asyncio.sleep(0)
        (await _open()).close()
        for one in opened:
            one.close()
        return used

    with asyncio.Runner(loop_factory=on_loopback(ports).loop_factory) as runner:
        assert runner.run(use_all()) == set(range(ports.first, ports.last + 1))


def test_other_sockets_get_what_they_ask_for() -> None:
    ports = free_ports(1)

    async def others() -> list[int]:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as known:
            known.bind(("127.0.0.1", 0))
            wanted = known.getsockname()
        told = []
        for local, remote in ((wanted, None), (None, wanted), (("0.0.0.0", 0), None)):
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=local, remote_addr=remote
            )
            told.append(transport.get_extra_info("sockname")[1])
            transport.close()
        assert told[0] == wanted[1]
        return told

    with asyncio.Runner(loop_factory=on_loopback(ports).loop_factory) as runner:
        assert ports.first not in runner.run(others())[:2]


def test_what_aioice_offers_is_within_the_range_and_where_it_was_asked_for() -> None:
    ports = free_ports(4)

    async def gather() -> list[Candidate]:
        connection = Connection(ice_controlling=False)
        await connection.gather_candidates()
        found = connection.local_candidates
        await connection.close()
        return found

    with asyncio.Runner(loop_factory=on_loopback(ports).loop_factory) as runner:
        found = runner.run(gather())

    # aioice asks for nothing on a machine that has only loopback.
    outside = any(not ip_address(one.address).is_loopback for one in interfaces())
    assert [one.host for one in found] == (["127.0.0.1"] if outside else [])
    assert all(ports.first <= one.port <= ports.last for one in found)


def test_a_call_comes_about_by_what_is_told() -> None:
    network = Network(free_ports(8), ["127.0.0.1", "203.0.113.7"], interfaces)

    async def call() -> str:
        browser, mixer = RTCPeerConnection(), RTCPeerConnection()
        connected = asyncio.Event()

        def changed() -> None:
            if browser.connectionState == "connected":
                connected.set()

        browser.on("connectionstatechange", changed)
        browser.addTransceiver("video")
        await browser.setLocalDescription(await browser.createOffer())
        # As of a browser that shows no address: it has to send first.
        hidden = re.sub(
            r"^a=candidate:.*$", f"a={HIDDEN}", browser.localDescription.sdp, flags=re.M
        )
        await mixer.setRemoteDescription(RTCSessionDescription(offered(hidden), "offer"))
        await mixer.setLocalDescription(await mixer.createAnswer())
        sdp = network.announced(mixer.localDescription.sdp)
        await browser.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        async with asyncio.timeout(20):
            await connected.wait()
        await browser.close()
        await mixer.close()
        return sdp

    with asyncio.Runner(loop_factory=network.loop_factory) as runner:
        [candidates] = told(runner.run(call()))

    assert [one.host for one in candidates] == ["127.0.0.1", "203.0.113.7"]
    assert candidates[0].port == candidates[1].port


@pytest.mark.parametrize(
    "text", ["40000", "40010-40000", "80-90", "1-70000", "a-b", "40000-40010 "]
)
def test_a_range_that_is_none_is_refused_before_anything_starts(text: str) -> None:
    config = from_env(Config, {"ROSTRUM_WEBRTC_PORTS": text})

    assert "ROSTRUM_WEBRTC_PORTS" in (config.wrong() or "")


@pytest.mark.parametrize(
    ("text", "fine"), [("", True), ("203.0.113.7, 2001:db8::7", True), ("a.example", False)]
)
def test_so_is_an_address_that_is_a_name(text: str, fine: bool) -> None:
    assert (from_env(Config, {"ROSTRUM_WEBRTC_ADDRESS": text}).wrong() is None) is fine


def test_an_address_of_the_machine_is_bound_and_another_one_announced() -> None:
    network = Network.of("", "127.0.0.1,203.0.113.7")

    assert (network.own, network.beyond) == (("127.0.0.1",), ("203.0.113.7",))
