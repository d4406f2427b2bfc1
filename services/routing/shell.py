"""Calls in, routes out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog

from kit.bus import Delivered
from kit.eventlog import EventLog
from kit.kv import Watch
from kit.urls import check_stream_url
from kit.vault import Vault
from proto.base import encode
from proto.conference import CallRequested, ConferenceEvent
from proto.config import GatewayRoutingRule
from proto.routing import CallRefused, CallRouted, RoutingEvent
from proto.subjects import events
from services.routing import core

log = structlog.get_logger()


class Routing:
    def __init__(
        self,
        log_: EventLog,
        vault: Vault,
        rules: Mapping[str, GatewayRoutingRule],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._events = log_
        self._vault = vault
        self._rules = rules
        self._now = now

    async def hear(self, commit: Sequence[ConferenceEvent], where: Delivered) -> None:
        """One commit of CONFERENCE."""
        for event in commit:
            if isinstance(event, CallRequested):
                decision = await self._decide(where.id, event)
                # A second delivery may write this twice; who reads it takes the first.
                await self._events.append(
                    events("routing", where.id), encode([decision]), expected=None
                )
                log.info("routed", participant=event.participant, to=type(decision).__name__)

    async def _decide(self, conference: str, call: CallRequested) -> RoutingEvent:
        if call.routing == "manual":
            return CallRouted(
                self._now(), conference, call.participant, call.destination, call.location
            )
        opened = await self._vault.open(call.destination)
        if opened is None:
            return self._refuse(conference, call, "gone", "the call was ended before it was routed")
        alias = opened.reveal()
        found = core.route(self._rules.values(), core.Call(alias, location=call.location))
        if isinstance(found, core.NoRoute):
            return self._refuse(conference, call, found.code, found.reason)
        if found.alias == alias:
            destination = call.destination
        else:
            if problem := check_stream_url(found.alias):
                why = f"what rule “{found.rule}” makes of the alias cannot be dialled: {problem}"
                return self._refuse(conference, call, "bad-url", why)
            destination = await self._vault.put(found.alias, call.participant, "routed")
        return CallRouted(
            self._now(), conference, call.participant, destination, found.location, found.rule
        )

    def _refuse(self, conference: str, call: CallRequested, code: str, reason: str) -> CallRefused:
        return CallRefused(self._now(), conference, call.participant, code, reason)


class Rules:
    """The configured rules, always as they are now."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.by_key: dict[str, GatewayRoutingRule] = {}

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    async def follow(self) -> None:
        decode = msgspec.json.Decoder(GatewayRoutingRule).decode
        async for key, rule in self._watch.values(decode):
            if rule is None:
                self.by_key.pop(key, None)
            else:
                self.by_key[key] = rule
