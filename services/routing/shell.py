"""Calls in, routes out."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import structlog

from kit import metrics
from kit.bus import Delivered
from kit.eventlog import EventLog
from kit.metrics import declared
from kit.secrets import Sealer, Unsealable
from kit.urls import check_stream_url, redact, scheme_of
from kit.vault import Vault
from proto.base import Refused, encode
from proto.conference import CallRequested, ConferenceEvent, IncomingRoute
from proto.media import Content
from proto.routing import (
    CallRefused,
    CallRouted,
    IncomingRouted,
    RouteIncoming,
    RoutingEvent,
    RulesTried,
    Tried,
    TryRules,
)
from proto.subjects import events
from proto.urls import Purpose, SealedUrl
from services.routing.core.alias import RTMPS_PORT, with_port
from services.routing.core.route import NoRoute, Route, explain, route
from services.routing.core.table import Call
from services.routing.rules import Rules

log = structlog.get_logger()

REWRITTEN: dict[Content, Purpose] = {
    "single": "routed",
    "main": "routed",
    "presentation": "secondrouted",
}
"""Where the rewritten address of a leg is kept."""

UNENCRYPTED = NoRoute("encryption-required", "media encryption is required, and rtmp:// has none")

UNSEALABLE = Refused("unsealable", "the alias was sealed under another key", "alias")


class Routing:
    def __init__(
        self, log_: EventLog, vault: Vault, rules: Rules, *, now: Callable[[], datetime]
    ) -> None:
        self._events = log_
        self._vault = vault
        self._rules = rules
        self._now = now

    async def hear(self, commit: Sequence[ConferenceEvent], where: Delivered) -> None:
        """One commit of CONFERENCE."""
        for event in commit:
            if isinstance(event, CallRequested):
                decided = await self._decide(where.id, event)
                # A second delivery may write this twice; who reads it takes the first.
                await self._events.append(
                    events("routing", where.id), encode(decided), expected=None
                )
                for decision in decided:
                    outcome = decision.code if isinstance(decision, CallRefused) else "ok"
                    metrics.add(declared.ROUTED, outcome=outcome)
                log.info(
                    "routed",
                    participant=event.participant,
                    to=[type(decision).__name__ for decision in decided],
                )

    async def _decide(self, conference: str, call: CallRequested) -> list[RoutingEvent]:
        """Both legs of a dual stream, the second only if the first can be."""
        if call.incoming is not None:
            return [self._again(conference, call, call.incoming)]
        second = call.presentation_destination
        if second is None:
            return [await self._leg(conference, call, call.destination, "single")]
        main = await self._leg(conference, call, call.destination, "main")
        if isinstance(main, CallRefused):
            return [main]
        return [main, await self._leg(conference, call, second, "presentation")]

    def _again(self, conference: str, call: CallRequested, route: IncomingRoute) -> CallRouted:
        """What a caller was answered, for all who go by ROUTING; rules may be others by now."""
        return CallRouted(
            self._now(),
            conference,
            call.participant,
            call.destination,
            route.location,
            route.rule,
            crypto_mode=route.crypto_mode,
            theme=route.theme,
            quality=route.quality,
            max_callrate_out=route.max_callrate_out,
        )

    async def _leg(
        self, conference: str, call: CallRequested, wanted: SealedUrl, leg: Content
    ) -> RoutingEvent:
        """A leg's route, unless it would be without the encryption that is required."""
        decision = await self._route(conference, call, wanted, leg)
        if not isinstance(decision, CallRouted) or "on" not in (
            call.crypto_mode,
            decision.crypto_mode,
        ):
            return decision
        return (
            decision
            if not decision.destination.in_the_clear()
            else self._refuse(conference, call, UNENCRYPTED, leg)
        )

    async def _route(
        self, conference: str, call: CallRequested, wanted: SealedUrl, leg: Content
    ) -> RoutingEvent:
        port = self._rules.settings.rtmps_default_port
        if call.routing == "manual" and (port == RTMPS_PORT or wanted.scheme != "rtmps"):
            return CallRouted(
                self._now(),
                conference,
                call.participant,
                wanted,
                call.location,
                leg=leg,
                node=call.node,
            )
        opened = await self._vault.open(wanted)
        if opened is None:
            gone = NoRoute("gone", "the call was ended before it was routed")
            return self._refuse(conference, call, gone, leg)
        alias = opened.reveal()
        if call.routing == "manual":
            found: Route | NoRoute = Route("", with_port(alias, port), call.location)
        else:
            asked = Call(alias, location=call.location)
            found = finish(route(self._rules.table, asked), port)
        if isinstance(found, NoRoute):
            return self._refuse(conference, call, found, leg)
        if found.alias != alias:
            made = await self._vault.put(found.alias, call.participant, REWRITTEN[leg])
            wanted = msgspec.structs.replace(made, delivery=wanted.delivery)
        return CallRouted(
            self._now(),
            conference,
            call.participant,
            wanted,
            found.location,
            found.rule,
            leg,
            found.crypto_mode,
            found.theme,
            found.quality,
            found.max_callrate_out,
            picture=call.picture,
            node=call.node,
        )

    def _refuse(
        self, conference: str, call: CallRequested, why: NoRoute, leg: Content
    ) -> CallRefused:
        return CallRefused(self._now(), conference, call.participant, why.code, why.reason, leg=leg)


def finish(found: Route | NoRoute, port: int) -> Route | NoRoute:
    """A route whose alias is an address that a worker can connect to; or why it is none."""
    if isinstance(found, NoRoute):
        return found
    if problem := check_stream_url(found.alias):
        why = f"what rule “{found.rule}” makes of the alias cannot be dialled: it {problem}"
        return NoRoute("bad-url", why, found.rule)
    return Route(
        found.rule,
        with_port(found.alias, port),
        found.location,
        found.crypto_mode,
        found.theme,
        found.quality,
        found.max_callrate_out,
    )


class Reception:
    """Answers where calls to us go. Keeps nothing: the answer is committed with the call."""

    def __init__(self, rules: Rules, sealer: Sealer) -> None:
        self._rules = rules
        self._sealer = sealer

    async def handle(self, wanted: RouteIncoming) -> IncomingRouted | Refused:
        try:
            alias = self._sealer.open(wanted.sealed).reveal()
        except Unsealable:
            return UNSEALABLE
        call = Call(alias, False, wanted.location, wanted.protocol, wanted.registered)
        port = self._rules.settings.rtmps_default_port
        found = finish(route(self._rules.table, call), port)
        if isinstance(found, NoRoute):
            log.info("caller refused", code=found.code)
            return Refused(found.code, found.reason, "alias")
        return IncomingRouted(
            wanted.sealed if found.alias == alias else self._sealer.seal(found.alias),
            redact(found.alias),
            scheme_of(found.alias),
            self._sealer.fingerprint(found.alias),
            IncomingRoute(
                found.rule,
                found.location,
                found.crypto_mode,
                found.theme,
                found.quality,
                found.max_callrate_out,
            ),
        )


class Trials:
    """Answers what the rules would make of a call, with the rules that decide about calls."""

    def __init__(self, rules: Rules, sealer: Sealer) -> None:
        self._rules = rules
        self._sealer = sealer

    async def handle(self, wanted: TryRules) -> RulesTried | Refused:
        try:
            alias = self._sealer.open(wanted.sealed).reveal()
        except Unsealable:
            return UNSEALABLE
        call = Call(alias, wanted.outgoing, wanted.location, wanted.protocol)
        all_, outcome = explain(self._rules.table, call)
        tried = [Tried(one.rule.id, one.verdict) for one in all_]
        found = finish(outcome, self._rules.settings.rtmps_default_port)
        if isinstance(found, NoRoute):
            return RulesTried(tried, found.rule, found.code, found.reason)
        return RulesTried(
            tried,
            found.rule,
            "",
            "",
            redact(found.alias),
            scheme_of(found.alias),
            self._sealer.fingerprint(found.alias),
            found.location,
            found.crypto_mode,
            found.theme,
            found.quality,
            found.max_callrate_out,
        )
