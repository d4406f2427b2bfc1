"""The event sinks, the conferences that they name, and the locations that name them: a mirror of
KV `config`."""

from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from kit.kv import Watch
from proto.config import Conference, EventSink, SystemLocation, sinks_of
from services.webhooks.core.letters import Scope

log = structlog.get_logger()

KINDS = ("event_sink", "conference", "system_location")


class Known(msgspec.Struct, frozen=True):
    sink: EventSink
    revision: int
    "Of its configuration."


class Sinks:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._keys: dict[int, str] = {}
        self._locations: dict[int, SystemLocation] = {}
        self._listeners: list[Callable[[], None]] = []
        self.known: dict[int, Known] = {}

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def follow(self) -> None:
        async for key, value, revision in self._watch.entries():
            kind, _, number = key.partition(".")
            if kind in KINDS and number.isdecimal():
                self._take(kind, int(number), value, revision)
                for listener in self._listeners:
                    listener()

    def scope(self, sink: EventSink) -> Scope:
        keys = frozenset(self._keys[n] for n in sink.conferences if n in self._keys)
        located = (one.name for one in self._locations.values() if sink.id in sinks_of(one))
        return Scope(keys, frozenset(located) or None)

    def _take(self, kind: str, number: int, value: bytes | None, revision: int) -> None:
        mirrors: dict[str, dict[int, Any]] = {
            "event_sink": self.known,
            "conference": self._keys,
            "system_location": self._locations,
        }
        if value is None:
            mirrors[kind].pop(number, None)
            return
        try:
            if kind == "conference":
                self._keys[number] = msgspec.json.decode(value, type=Conference).key
            elif kind == "system_location":
                self._locations[number] = msgspec.json.decode(value, type=SystemLocation)
            else:
                sink = msgspec.json.decode(value, type=EventSink)
                self.known[number] = Known(sink, revision)
        except msgspec.MsgspecError:
            log.error("configuration cannot be read", kind=kind, number=number)
