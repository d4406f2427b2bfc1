"""One frozen struct per service, filled from the environment before anything starts."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import msgspec

from kit.secrets import Secret

C = TypeVar("C", bound="BaseConfig")

PREFIX = "ROSTRUM_"


class BadConfig(Exception):
    """A setting is missing or not what it should be."""


class BaseConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What every service needs; a field `x_y` is the variable `ROSTRUM_X_Y`."""

    nats_url: str = "nats://127.0.0.1:4222"
    "Servers, comma separated; may hold user and password."
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    location: Annotated[str, msgspec.Meta(max_length=250)] = "default"
    "Name of the system location that this process is in."
    run_dir: str = "/tmp/rostrum"
    "Directory for Unix sockets; made with mode 0700."

    def nats_servers(self) -> list[str]:
        return [server.strip() for server in self.nats_url.split(",") if server.strip()]


def from_env(kind: type[C], env: Mapping[str, str] | None = None) -> C:
    """Read `kind` from the environment. Raises BadConfig naming the variable."""
    env = os.environ if env is None else env
    given = {
        field.name: env[PREFIX + field.name.upper()]
        for field in msgspec.structs.fields(kind)
        if PREFIX + field.name.upper() in env
    }
    try:
        return msgspec.convert(given, kind, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as exc:
        raise BadConfig(f"bad setting: {exc} ({PREFIX}…)") from exc


def _decode(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"a setting of type {kind.__name__}")
