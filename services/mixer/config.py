"""Settings of mixer."""

import socket
from typing import Annotated

import msgspec

from kit import ports
from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    mixer_capacity: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 64
    "Conferences that this worker mixes at most, whatever they cost."
    mixer_cores: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 0.0
    "Cores that its conferences may use together; 0: 0.7 of those that it has."
    drain_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0
    "How long conferences may go on after SIGTERM while others take them over; 0: they end at once."
    host: str = msgspec.field(default_factory=socket.gethostname)
    "Identity of the machine: equal for processes that can share memory and sockets."
    link_address: Annotated[str, msgspec.Meta(max_length=253)] = ""
    "Name or address by which egress on other hosts reaches this one; empty: feeds stay here."
    link_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 7100
    "TCP port for them, listened at only if there is an address."
    webrtc_ports: str = ""
    "UDP ports for the media of people who take part by browser, `MIN-MAX`; empty: any."
    webrtc_address: str = ""
    """IP addresses for it, with commas between them. Those of this machine: media is bound to them
    alone. Others (in front of a 1:1 NAT, or a node's): browsers are told them as well."""
    replay: bool = False
    "Show test pictures instead of opening media, and take the stage from a recording."

    def wrong(self) -> str | None:
        """Why the mixer must not start like this."""
        try:
            ports.Ports.parse(self.webrtc_ports)
            ports.addresses(self.webrtc_address)
        except ValueError as exc:
            return f"ROSTRUM_WEBRTC_PORTS or ROSTRUM_WEBRTC_ADDRESS: {exc}"
        return None
