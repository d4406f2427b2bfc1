"""A certificate for `localhost` that nobody trusts but the stack it is made for."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from kit.certificate import self_signed

LIFE = timedelta(days=1)


class Certificate(msgspec.Struct, frozen=True):
    file: Path
    "PEM; its own authority."
    key: Path


def certificate(directory: Path, now: datetime) -> Certificate:
    made = self_signed("localhost", now, LIFE)
    one = Certificate(directory / "sink.pem", directory / "sink.key")
    one.file.write_bytes(made.certificate)
    one.key.touch(mode=0o600)
    one.key.write_bytes(made.key)
    return one
