"""The event sinks and the conferences that they name: a mirror of KV `config`."""

from collections.abc import Callable

import msgspec
import structlog

from kit.kv import Watch
from proto.config import Conference, EventSink

log = structlog.get_logger()


class Known(msgspec.Struct, frozen=True):
    sink: EventSink
    revision: int
    "Of its configuration."


class Sinks:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._keys: dict[int, str] = {}
        self._listeners: list[Callable[[], None]] = []
        self.known: dict[int, Known] = {}

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def follow(self) -> None:
        async for key, value, revision in self._watch.entries():
            kind, _, number = key.partition(".")
            if kind in ("event_sink", "conference") and number.isdecimal():
                self._take(kind, int(number), value, revision)
                for listener in self._listeners:
                    listener()

    def keys(self, sink: EventSink) -> frozenset[str]:
        """The conferences that the sink names, by their names on the bus."""
        return frozenset(self._keys[n] for n in sink.conferences if n in self._keys)

    def _take(self, kind: str, number: int, value: bytes | None, revision: int) -> None:
        mirror = self.known if kind == "event_sink" else self._keys
        if value is None:
            mirror.pop(number, None)
            return
        try:
            if kind == "conference":
                self._keys[number] = msgspec.json.decode(value, type=Conference).key
            else:
                sink = msgspec.json.decode(value, type=EventSink)
                self.known[number] = Known(sink, revision)
        except msgspec.MsgspecError:
            log.error("configuration cannot be read", kind=kind, number=number)
