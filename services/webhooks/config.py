"""Settings of webhooks."""

import socket
from typing import Annotated

import msgspec

from kit.config import BaseConfig


class Config(BaseConfig, frozen=True, kw_only=True):
    webhooks_replica: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._-]{1,253}$")] = (
        msgspec.field(default_factory=socket.gethostname)
    )
    "Name of this replica; no two may have the same."
    webhooks_private: bool = False
    "Events may be sent into private networks and to this machine; else to public addresses only."
    webhooks_timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 10.0
    "Seconds for one request, from the name's look-up to the answer."
    webhooks_concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    "Requests to one sink at a time, each of another conference."
    tls_ca_file: str = ""
    "File of certificate authorities instead of the system's."
    tls_ca_dir: str = ""
    "Directory of certificate authorities that sinks may name, `<name>.pem`."
