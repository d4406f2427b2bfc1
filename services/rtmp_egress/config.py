"""Settings of rtmp_egress."""

import socket
from typing import Annotated

import msgspec

from kit.objects import StoreConfig


class Config(StoreConfig, frozen=True, kw_only=True):
    worker: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{0,64}$")] = ""
    "Name of this worker, for whoever started it to know it by; empty: one is made up."
    egress_capacity: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 64
    "Sessions that this worker takes at most, whatever they cost."
    egress_cores: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 0.0
    "Cores that its sessions may use together; 0: 0.7 of those that it has."
    egress_engines: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 8
    "Sessions at a time that a hardware encoder takes; drivers of consumers' cards have a limit."
    egress_software: bool = True
    "Whether the software encoder may stand in where no hardware encoder works."
    drain_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0
    "How long streams may go on after SIGTERM while others take them over; 0: they end at once."
    recordings_dir: str = ""
    "Directory of recordings; with a store, of those that are not there yet."
    recordings_keep_days: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    "Age at which a recording is deleted; 0: none is for its age."
    recordings_keep_gb: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    "Size of all together beyond which the oldest are deleted; 0: no limit."
    upload_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    "How long a worker that is told to stop waits, after that, for its closed files to be stored."
    host: str = msgspec.field(default_factory=socket.gethostname)
    "Identity of the machine: equal for processes that can share memory and sockets."
