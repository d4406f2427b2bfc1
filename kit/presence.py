"""Answering who asks which services run, with what version, key and clock."""

import os
import shutil
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from importlib import metadata

from kit.secrets import BadKey, Sealer
from proto.presence import Disk, Ping, Presence, Reach


def version() -> str:
    return metadata.version("rostrum")


def key_of(env: Mapping[str, str]) -> str:
    """Fingerprint of the sealing key that a process was given; empty: none, or none that is one."""
    with suppress(BadKey, OSError):
        return Sealer.from_env(env).key_fingerprint
    return ""


class Speaker:
    """What one process says of itself."""

    def __init__(
        self, service: str, location: str, env: Mapping[str, str], now: Callable[[], datetime]
    ) -> None:
        self._now = now
        self._same = Presence(
            service.replace("-", "_"),
            f"{socket.gethostname()}-{os.getpid()}",
            version(),
            now(),
            env.get("ROSTRUM_BUILD", ""),
            location,
            key_of(env),
        )
        self.directories: dict[str, str] = {}
        "By what is kept there."
        self.reach: list[Callable[[], Reach]] = []
        "How browsers get here, where they do."
        self.relays: list[str] = []

    async def answer(self, _: Ping) -> Presence:
        same = self._same
        return Presence(
            same.service,
            same.instance,
            same.version,
            self._now(),
            same.build,
            same.location,
            same.key,
            [disk for what, where in self.directories.items() for disk in _disk(what, where)],
            next((look() for look in self.reach), None),
            self.relays,
        )


def _disk(what: str, directory: str) -> list[Disk]:
    with suppress(OSError):
        usage = shutil.disk_usage(directory)
        return [Disk(what, usage.free, usage.total)]
    return []
