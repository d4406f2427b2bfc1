"""One frozen struct per service, filled from the environment before anything starts."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec

from kit.secrets import Secret

C = TypeVar("C", bound="BaseConfig")

PREFIX = "ROSTRUM_"


class BadConfig(Exception):
    """A setting is missing or not what it should be."""


class Credentials(NamedTuple):
    """Of one user of the bus."""

    user: str
    password: Secret


class BaseConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What every service needs; a field `x_y` is the variable `ROSTRUM_X_Y`."""

    nats_url: str = "nats://127.0.0.1:4222"
    "Servers, comma separated; may hold user and password."
    nats_user: str = ""
    "User of the bus, where each service has its own; empty: what `nats_url` says."
    nats_password: Secret | None = None
    "Its password; better in a file that `ROSTRUM_NATS_PASSWORD_FILE` names."
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    location: Annotated[str, msgspec.Meta(max_length=250)] = "default"
    "Name of the system location that this process is in."
    run_dir: str = "/tmp/rostrum"
    "Directory for Unix sockets; made with mode 0700."
    health_file: str = ""
    "File that is touched while the bus is there, for `python -m kit.health`; empty: none."
    health_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    "Port on which `kit.probe` answers, without a password; 0: none."

    def nats_servers(self) -> list[str]:
        return [server.strip() for server in self.nats_url.split(",") if server.strip()]

    def nats_credentials(self) -> Credentials | None:
        if not self.nats_user:
            return None
        return Credentials(self.nats_user, self.nats_password or Secret(""))


def from_env(kind: type[C], env: Mapping[str, str] | None = None) -> C:
    """Read `kind` from the environment. Raises BadConfig naming the variable.

    What is secret may be in a file instead: `ROSTRUM_X_FILE` names one that holds `ROSTRUM_X`.
    """
    env = os.environ if env is None else env
    given: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        name = PREFIX + field.name.upper()
        if name in env:
            given[field.name] = env[name]
        elif field.type == Secret | None and (path := env.get(f"{name}_FILE")):
            given[field.name] = _read(path, f"{name}_FILE")
    try:
        return msgspec.convert(given, kind, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as exc:
        raise BadConfig(f"bad setting: {exc} ({PREFIX}…)") from exc


def _read(path: str, name: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise BadConfig(f"cannot read the file of {name}: {type(exc).__name__}") from None


def _decode(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"a setting of type {kind.__name__}")
