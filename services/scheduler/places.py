"""What is configured of the system locations: a mirror of a part of KV `config`."""

import msgspec
import structlog

from kit.kv import Watch
from proto.config import SystemLocation

log = structlog.get_logger()

KIND = "system_location"


class Places:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._by_number: dict[str, SystemLocation] = {}

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def follow(self) -> None:
        async for key, value, _ in self._watch.entries():
            kind, _, number = key.partition(".")
            if kind == KIND:
                self._take(number, value)

    @property
    def known(self) -> dict[str, SystemLocation]:
        """By name."""
        return {location.name: location for location in self._by_number.values()}

    def _take(self, number: str, value: bytes | None) -> None:
        if value is None:
            self._by_number.pop(number, None)
            return
        try:
            self._by_number[number] = msgspec.json.decode(value, type=SystemLocation)
        except msgspec.MsgspecError:
            # What was known of it still holds.
            log.error("configuration cannot be read", kind=KIND, number=number)
