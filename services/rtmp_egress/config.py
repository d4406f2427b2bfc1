"""Settings of rtmp_egress."""

import socket
from typing import Annotated

import msgspec

from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    worker: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{0,64}$")] = ""
    "Name of this worker, for whoever started it to know it by; empty: one is made up."
    egress_capacity: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 8
    "Sessions that this worker takes at most."
    egress_software: bool = True
    "Whether the software encoder may stand in where no hardware encoder works."
    drain_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    "How long streams may go on after SIGTERM, while no new work is taken; 0: they end at once."
    host: str = msgspec.field(default_factory=socket.gethostname)
    "Identity of the machine: equal for processes that can share memory and sockets."
