"""Where browsers reach a conference: the UDP ports that are bound, the addresses that are named.

aioice asks the event loop for a socket on each address of the machine; this loop gives it one of
the ports that a firewall lets through, and none on addresses that are of no use to a browser.
"""

import asyncio
import errno
import os
import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any, NamedTuple, Self

import ifaddr
import structlog

from kit.ports import Ports, addresses

log = structlog.get_logger()

INSIDE = re.compile(
    r"docker\d|br-[0-9a-f]{12}$|veth|virbr|podman\d|cni|lxcbr|lxdbr|flannel|cali|cilium|nodelocaldns"
)
"""How networks are called that lead only to containers and guests of this machine, who reach its
other addresses as well."""

SRFLX, ANY = 100, 65535
"""ICE's recommended preferences (RFC 8445, 5.1.2) of an address beyond a NAT, below the 126 of a
machine's own; and the highest among those of one kind."""

CANDIDATE = re.compile(
    r"a=candidate:\S+ (?P<component>\d+) udp \d+ (?P<host>\S+) (?P<port>\d+) typ (?P<kind>\w+)",
    re.I,
)

HIDDEN = re.compile(r"candidate:\S+ \d+ \S+ \d+ \S+\.local ", re.I)

END = "a=end-of-candidates"


class NoPort(OSError):
    """All ports of the range are taken."""

    def __init__(self, ports: Ports, host: str) -> None:
        super().__init__(errno.EADDRINUSE, f"no UDP port of {ports} is free")
        self.ports = ports
        self.host = host


class Unreachable(Exception):
    """An answer names no address at which a browser could reach us."""


class Interface(NamedTuple):
    """An address of this machine."""

    name: str
    address: str


class Network:
    """What a conference's process binds and announces."""

    def __init__(
        self,
        ports: Ports | None,
        wanted: Sequence[str],
        present: Callable[[], list[Interface]],
    ) -> None:
        self.ports = ports
        self.present = present
        "The machine's addresses, which come and go."
        here = {one.address for one in present()}
        self.own = tuple(one for one in wanted if one in here)
        "The machine's own addresses that were asked for: nothing is bound but these."
        self.beyond = tuple(one for one in wanted if one not in here)
        "What others call this machine, where their packets come through with the port unchanged."

    @classmethod
    def of(cls, ports: str, address: str) -> Self:
        """Raises ValueError."""
        return cls(Ports.parse(ports), addresses(address), interfaces)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        env = os.environ if env is None else env
        return cls.of(env.get("ROSTRUM_WEBRTC_PORTS", ""), env.get("ROSTRUM_WEBRTC_ADDRESS", ""))

    def loop_factory(self) -> asyncio.AbstractEventLoop:
        return Loop(self)

    def place(self, asked: str) -> str:
        """The address to bind where this one is asked for. Raises OSError for one to leave out."""
        present = self.present()
        if asked not in {one.address for one in present}:
            return asked  # every address, or a name: not what ICE asks for
        host = instead(asked, present, self.own)
        if host is None:
            raise OSError(errno.EADDRNOTAVAIL, "no address for browsers")
        return host

    def announced(self, sdp: str) -> str:
        """An answer with what others call this machine beside its own addresses.

        Raises Unreachable: of no candidate nothing can come.
        """
        if CANDIDATE.search(sdp) is None:
            among = f" of {self.ports}" if self.ports else ""
            raise Unreachable(f"no UDP port{among} could be had on any address of this machine")
        return announced(sdp, self.beyond)


def of_use(candidate: str) -> bool:
    """Whether a browser's candidate, `candidate:…`, says where it can be sent to.

    Without a camera a browser hides its addresses behind names that its own network alone knows
    (mDNS). To ask for one costs a second, and from a container nobody hears it.
    """
    return bool(candidate) and HIDDEN.search(candidate) is None


def offered(sdp: str) -> str:
    """An offer without candidates that are of no use, and without the word that there are no more.

    aioice gives up a call that has no candidates left. But a browser that we cannot send to first
    sends to us, and is answered; so who offers a call ends it when nothing comes.
    """
    kept = [
        line
        for line in sdp.splitlines()
        if line != END and (not line.startswith("a=candidate:") or of_use(line))
    ]
    return "".join(f"{line}\r\n" for line in kept)


def interfaces() -> list[Interface]:
    """The addresses of this machine, without those of IPv6 that need a zone."""
    found = []
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            if isinstance(one.ip, str):
                found.append(Interface(adapter.name, one.ip))
            elif one.ip[2] == 0:
                found.append(Interface(adapter.name, one.ip[0]))
    return found


def instead(asked: str, present: Sequence[Interface], own: Sequence[str]) -> str | None:
    """The address to bind where a library asks for this one; None: do without.

    Libraries ask for each address of the machine but loopback: that stands in for the first of
    them, where it is what was asked for.
    """
    outside = [one for one in present if not ip_address(one.address).is_loopback]
    if not own:
        useful = {one.address for one in outside if not _inside(one)}
        return asked if asked in useful or not useful else None
    if asked in own:
        return asked
    loopback = [one for one in own if ip_address(one).is_loopback]
    places = [one.address for one in outside if one.address not in own]
    turn = places.index(asked) if asked in places else len(loopback)
    return loopback[turn] if turn < len(loopback) else None


def _inside(one: Interface) -> bool:
    return INSIDE.match(one.name) is not None or ip_address(one.address).is_link_local


def announced(sdp: str, beyond: Sequence[str]) -> str:
    """A description in which each candidate of the machine's own is followed by the same port at
    each address beyond, of its own family.

    They rank below the machine's own: who is in the same network goes straight, who is not needs
    one check more, and a relay beside us needs our own.
    """
    if not beyond:
        return sdp
    sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)
    return "".join(_announced(section.splitlines(), beyond) for section in sections)


def _announced(lines: Sequence[str], beyond: Sequence[str]) -> str:
    """One section, in which no address is named twice."""
    there = {
        found.group("component", "host", "port") for found in map(CANDIDATE.match, lines) if found
    }
    written: list[str] = []
    for line in lines:
        written.append(line)
        found = CANDIDATE.match(line)
        if found is None or found["kind"] != "host":
            continue
        for nth, address in enumerate(beyond):
            place = (found["component"], address, found["port"])
            if place not in there and _same_family(address, found["host"]):
                there.add(place)
                written.append(_beyond(*place, nth, found["host"]))
    return "".join(f"{line}\r\n" for line in written)


def _beyond(component: str, address: str, port: str, nth: int, host: str) -> str:
    # Loaded with the first call: most conferences have none.
    from aioice.candidate import candidate_foundation

    foundation = candidate_foundation("srflx", "udp", f"{host}|{address}")
    priority = (SRFLX << 24) + ((ANY - nth) << 8) + 256 - int(component)
    return (
        f"a=candidate:{foundation} {component} udp {priority} {address} {port}"
        f" typ srflx raddr {host} rport {port}"
    )


def _same_family(one: str, other: str) -> bool:
    return ip_address(one).version == ip_address(other).version


class Loop(asyncio.SelectorEventLoop):
    """An event loop that takes a network's ports and addresses where any would do."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    async def create_datagram_endpoint(
        self, protocol_factory: Any, local_addr: Any = None, remote_addr: Any = None, **others: Any
    ) -> Any:
        """As asyncio's. What is bound to an address with port 0 is bound where the network says;
        raises NoPort, or an OSError for an address that is not to be used."""
        bind = partial(super().create_datagram_endpoint, protocol_factory, **others)
        if remote_addr is not None or not isinstance(local_addr, tuple) or local_addr[1] != 0:
            return await bind(local_addr=local_addr, remote_addr=remote_addr)
        host = self._network.place(local_addr[0])
        ports = self._network.ports
        if ports is None:
            return await bind(local_addr=(host, 0))
        # Each conference begins elsewhere, so that the first port is not what all of them try.
        for port in ports.starting_at(random.randrange(len(ports))):
            try:
                return await bind(local_addr=(host, port))
            except OSError as exc:
                if exc.errno != errno.EADDRINUSE:
                    raise
        log.warning("no free port for media", ports=str(ports))
        raise NoPort(ports, host)
