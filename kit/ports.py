"""UDP ports and addresses for media, as `ROSTRUM_WEBRTC_PORTS` and `…_ADDRESS` say them."""

import re
import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple, Self

from proto.presence import Reach

LOWEST = 1024
"""Below it only root may listen."""

HIGHEST = 65535


class Ports(NamedTuple):
    """From `first` to `last`, both included."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """`MIN-MAX`; None for nothing, which is any port. Raises ValueError."""
        if not text:
            return None
        found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text)
        if found is None:
            raise ValueError(f"{text!r} is not a range of ports: MIN-MAX")
        ports = cls(int(found[1]), int(found[2]))
        if not LOWEST <= ports.first <= ports.last <= HIGHEST:
            raise ValueError(f"{text!r} is not a range within {LOWEST}-{HIGHEST}")
        return ports

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def starting_at(self, turn: int) -> list[int]:
        """Every one of them once, in a ring."""
        start = turn % len(self)
        every = range(self.first, self.last + 1)
        return [*every[start:], *every[:start]]

    def free(self, address: str) -> int:
        """How many nobody listens on. Raises OSError for what is no address of this machine."""
        family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as there:
            there.bind((address, 0))
        return sum(_free(family, address, port) for port in self.starting_at(0))


def _free(family: int, address: str, port: int) -> bool:
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        try:
            one.bind((address, port))
        except OSError:
            return False
        return True


def addresses(text: str) -> tuple[str, ...]:
    """Of `ROSTRUM_WEBRTC_ADDRESS`: IP addresses with commas between them. Raises ValueError."""
    return tuple(str(ip_address(one.strip())) for one in text.split(",") if one.strip())


COUNTED = 1000
"""Ports of which each is tried; of more than that there are enough."""

SOMEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses of nobody (RFC 5737, RFC 3849), to ask the routing table about; nothing is sent."""


def outward() -> list[str]:
    """The addresses that this machine has for others."""
    found = []
    for family, nobody in SOMEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as one:
            one.connect((nobody, 9))
            found.append(str(one.getsockname()[0]))
    return found


def reach(ports: str, address: str) -> Reach:
    """How browsers get to this machine's mixers with these settings. Raises ValueError."""
    span, wanted = Ports.parse(ports), addresses(address)
    outside = outward()
    free = None
    if span is not None and len(span) <= COUNTED:
        for one in (*wanted, *outside, "127.0.0.1"):
            # What is not this machine's own is in front of it, with the same ports behind.
            with suppress(OSError):
                free = span.free(one)
                break
    return Reach(ports, free, list(wanted or outside))
