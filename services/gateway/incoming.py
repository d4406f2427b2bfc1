"""Somebody calls us: into a conference, or through a call routing rule to somebody outside.

Routing is asked before anything is begun, so that a caller who gets nowhere is told at once; what
it answers goes into the command, and is committed with the call.
"""

from collections.abc import Callable

import msgspec
from nats.aio.client import Client

from kit.bus import Unanswered, ask
from kit.follow import OUTAGES
from kit.secrets import Sealer
from kit.urls import redact
from kit.vault import Vault
from proto.base import Refused
from proto.conference import CallGateway
from proto.routing import IncomingRouted, RouteIncoming, decode_incoming
from proto.subjects import ROUTING_CALLS, gateway_call
from proto.urls import SealedUrl, secret_of
from services.gateway.calls import Calls
from services.gateway.core.incoming import CallRequest, told
from services.gateway.core.relations import location_name
from services.gateway.problems import Problem
from services.gateway.store import Store, Unavailable
from services.gateway.workers import Workers

PATIENCE = 5.0
"""Seconds for routing to answer; ten thousand rules take it a tenth of one."""


class Called(msgspec.Struct, frozen=True):
    """What came of a call."""

    conference: str
    "Key of the conference, or of the gateway call."
    participant: str
    "Who called."
    stream: str | None = None
    "Who is called for them through a gateway."
    service_type: str = "gateway"


class Incoming:
    def __init__(
        self,
        nc: Client,
        sealer: Sealer,
        vault: Vault,
        store: Store,
        workers: Workers,
        calls: Calls,
        new_id: Callable[[], str],
    ) -> None:
        self._nc = nc
        self._sealer = sealer
        self._vault = vault
        self._store = store
        self._workers = workers
        self._calls = calls
        self._new_id = new_id

    async def call(self, request: CallRequest) -> Called:
        """Raises Problem, also if the alias leads nowhere."""
        try:
            return await self._call(request)
        except Problem as exc:
            raise Problem(exc.errors, "call", exc.status) from exc

    async def _call(self, request: CallRequest) -> Called:
        location = await self._location(request.location)
        conference = self._store.now.by_alias(request.alias)
        if conference is not None:
            participant = await self._calls.call_in(conference, request, location)
            return Called(conference.key, participant, None, conference.service_type)
        routed = await self._route(request, location)
        # Not before: no file is looked into for a call that leads nowhere.
        await self._calls.check_media(request.media, request.presentation)
        return await self._through(routed, request, location)

    async def _location(self, given: str) -> str:
        if not given:
            return ""
        name = location_name(given, self._store.now, await self._workers.locations())
        if name is None:
            raise Problem({"location": ["There is no such system location."]}, "call")
        return name

    async def _route(self, request: CallRequest, location: str) -> IncomingRouted:
        wanted = RouteIncoming(self._sealer.seal(request.alias), request.protocol, location)
        try:
            found = decode_incoming(await ask(self._nc, ROUTING_CALLS, wanted, patience=PATIENCE))
        except (Unanswered, *OUTAGES) as exc:
            raise Unavailable from exc
        if not isinstance(found, Refused):
            return found
        if found.code in ("unsealable", "internal"):
            raise Unavailable
        errors, status = told(found)
        raise Problem(errors, "call", status)

    async def _through(self, routed: IncomingRouted, request: CallRequest, location: str) -> Called:
        """The gateway call, with a key of its own."""
        participant, called, key = self._new_id(), self._new_id(), gateway_call(self._new_id())
        target = SealedUrl(
            secret_of(called, "destination"), routed.redacted, routed.scheme, routed.fingerprint
        )
        shown = request.presentation
        async with self._vault.provisional(participant, called):
            await self._vault.keep(target, routed.sealed)
            command = CallGateway(
                key,
                participant,
                request.display_name,
                self._new_id(),
                called,
                target,
                routed.route,
                redact(request.alias),
                request.protocol,
                location,
                await self._vault.put(request.media, participant, "media"),
                await self._vault.put(shown, participant, "presentation") if shown else None,
                request.presenting,
                request.platform or "",
            )
            await self._calls.tell(command, {"destination": "alias"})
        return Called(key, participant, called)
