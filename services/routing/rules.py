"""The configured rules, always as they are now."""

import msgspec
import structlog

from kit.kv import Watch
from proto.config import GatewayRoutingRule, Global
from services.routing.core.table import Ready, Table, prepare

log = structlog.get_logger()

RULE = "gateway_routing_rule"


class Rules:
    """A rule is compiled when it comes; the table is put in order when it is next asked for."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._ready: dict[str, Ready] = {}
        self._table: Table | None = None
        self.settings = Global()

    @property
    def table(self) -> Table:
        if self._table is None:
            self._table = Table(self._ready.values())
        return self._table

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def follow(self) -> None:
        async for key, value, _ in self._watch.entries():
            self.take(key, value)

    def take(self, key: str, value: bytes | None) -> None:
        """One key of KV `config` as it is now; None: it is gone."""
        resource, _, ident = key.rpartition(".")
        if not ident.isdigit():
            return
        try:
            if resource == RULE:
                self._put(key, value)
            elif resource == "global":
                self.settings = msgspec.json.decode(value, type=Global) if value else Global()
        except msgspec.MsgspecError:
            # What was there before stays: half a configuration is worse than an old one.
            log.error("configuration cannot be read", key=key)

    def _put(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._ready.pop(key, None)
        else:
            self._ready[key] = prepare(msgspec.json.decode(value, type=GatewayRoutingRule))
        self._table = None
