"""Whether browsers get to the media: the mixers' ports and addresses, and the relays."""

import os
import re
import secrets
import socket
import ssl
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from cli.doctor import Finding
from kit import stun
from kit.ports import reach
from proto.presence import Reach

DEADLINE = 2.0
"""Seconds for a relay to answer; who is farther away than that cannot talk through it."""

RELAY = re.compile(
    r"(?P<secure>turns?):(\[(?P<six>[^\]]+)\]|(?P<host>[^:?]+))(:(?P<port>\d+))?"
    r"(\?transport=(?P<transport>udp|tcp))?",
    re.I,
)


def examine(env: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Of this machine, as the environment sets it up."""
    try:
        found = reach(env.get("ROSTRUM_WEBRTC_PORTS", ""), env.get("ROSTRUM_WEBRTC_ADDRESS", ""))
    except ValueError as exc:
        remedy = "ROSTRUM_WEBRTC_PORTS is MIN-MAX, ROSTRUM_WEBRTC_ADDRESS IP addresses"
        yield Finding("browsers", False, str(exc), remedy)
        return
    yield of_mixer("browsers", found)
    urls = [url.strip() for url in env.get("ROSTRUM_TURN_URLS", "").split(",")]
    yield from (of_relay(url, ask(url)) for url in urls if url)


def of_mixer(what: str, found: Reach) -> Finding:
    """Pure."""
    span = f"UDP {found.ports}" if found.ports else "any UDP port"
    free = f", {found.free} of them free" if found.free is not None else ""
    detail = f"media at {span}{free}, of {', '.join(found.addresses) or 'no address'}"
    if all(ip_address(one).is_loopback for one in found.addresses):
        remedy = "set ROSTRUM_WEBRTC_ADDRESS to the address at which browsers reach this machine"
        return Finding(what, False, f"{detail}: for nobody elsewhere", remedy, needed=False)
    remedy = "a call takes a port of each address: make ROSTRUM_WEBRTC_PORTS longer"
    return Finding(what, found.free != 0, detail, remedy, needed=False)


def of_relay(url: str, seen: str | None) -> Finding:
    """Pure."""
    remedy = "start it, and let UDP and TCP through to its port; see docs/operations.md"
    if seen is None:
        return Finding(f"relay {url}", False, f"no answer in {DEADLINE:.0f} s", remedy)
    return Finding(f"relay {url}", True, f"answers, and sees us as {seen}")


def ask(url: str) -> str | None:
    """The address as which a relay sees us; None: it does not answer."""
    found = RELAY.fullmatch(url)
    if found is None:
        return None
    secure = found["secure"].lower() == "turns"
    host, port = found["six"] or found["host"], int(found["port"] or (5349 if secure else 3478))
    transaction = secrets.token_bytes(12)
    try:
        if secure or (found["transport"] or "").lower() == "tcp":
            data = _by_tcp(host, port, stun.request(transaction), secure=secure)
        else:
            data = _by_udp(host, port, stun.request(transaction))
    except (OSError, OverflowError):
        return None
    return stun.answer(data, transaction)


def _by_udp(host: str, port: int, asked: bytes) -> bytes:
    [(family, _, _, _, where), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.settimeout(DEADLINE / 2)
        one.connect(where)
        one.send(asked)
        try:
            return one.recv(1500)
        except TimeoutError:
            one.send(asked)  # a datagram may be lost
            return one.recv(1500)


def _by_tcp(host: str, port: int, asked: bytes, *, secure: bool) -> bytes:
    with socket.create_connection((host, port), DEADLINE) as plain:
        one = plain
        if secure:
            one = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        with one, one.makefile("rb") as answers:
            one.sendall(asked)
            head = answers.read(stun.HEADER.size)
            return head + answers.read(stun.length(head)) if len(head) == stun.HEADER.size else b""
