"""Settings of rtmp_egress."""

import socket
from typing import Annotated

import msgspec

from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    egress_capacity: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 8
    "Sessions that this worker takes at most."
    egress_software: bool = True
    "Whether the software encoder may stand in where no hardware encoder works."
    host: str = msgspec.field(default_factory=socket.gethostname)
    "Identity of the machine: equal for processes that can share memory and sockets."
