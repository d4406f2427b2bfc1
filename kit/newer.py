"""Reading what a newer version wrote: what is not known is left out, and told once."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from proto.base import encode

log = structlog.get_logger()

T = TypeVar("T")

_told: set[tuple[str, str]] = set()
"""By stream and type: what has been logged already."""


def readable(data: bytes, decode: Callable[[bytes], Sequence[T]], stream: str) -> list[T]:
    """The events of a commit that this version can read.

    For those who look on. Whoever decides by events, or takes them off the bus for good, reads all
    of a commit or nothing.
    """
    try:
        return list(decode(data))
    except msgspec.MsgspecError:
        pass
    events: list[T] = []
    for one in _parts(data):
        try:
            events += decode(encode([one]))
        except msgspec.MsgspecError:
            kind = str(one.get("type", "")) if isinstance(one, dict) else ""
            if (stream, kind) not in _told:
                _told.add((stream, kind))
                log.error("event cannot be read", stream=stream, type=kind)
    return events


def _parts(data: bytes) -> list[Any]:
    try:
        return msgspec.json.decode(data, type=list[Any])
    except msgspec.MsgspecError:
        return [None]
