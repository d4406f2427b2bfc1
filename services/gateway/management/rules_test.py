"""`/api/rostrum/v1/rules/test/`: what the call routing rules would make of a call.

Routing itself is asked, so the answer comes from the rules that decide about calls. The alias goes
there sealed and comes back redacted.
"""

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from nats.aio.client import Client

from kit.bus import Unanswered, ask
from kit.follow import OUTAGES
from kit.secrets import Sealer
from kit.urls import redact
from proto.base import Refused
from proto.places import sending
from proto.routing import RulesTried, TryRules, decode_tried
from proto.subjects import ROUTING_TRIALS
from services.gateway.core.relations import location_name
from services.gateway.core.requests import read
from services.gateway.core.trials import TestRules, answer, is_conference
from services.gateway.given import TheStore, TheWorkers
from services.gateway.problems import AnyRequest, Problem, json
from services.gateway.store import Unavailable

PATIENCE = 5.0
"""Seconds for routing to answer; ten thousand rules take it a tenth of one."""


def rules_test(nc: Client, sealer: Sealer) -> HTTPRouteHandler:
    @post("/api/rostrum/v1/rules/test", status_code=200)
    async def test(request: AnyRequest, store: TheStore, workers: TheWorkers) -> Response[bytes]:
        """Test the call routing rules with an alias; nothing is called."""
        wanted = read(await request.body(), TestRules)
        if isinstance(wanted, dict):
            raise Problem(wanted, "rules")
        if problem := wanted.problem():
            raise Problem(problem, "rules")
        alive = await workers.alive()
        location = ""
        if wanted.location:
            live = frozenset(worker.location for worker in alive)
            named = location_name(wanted.location, store.now, live)
            if named is None:
                raise Problem({"location": ["There is no such system location."]}, "rules")
            location = named
        called = store.now.by_alias(wanted.alias) if wanted.direction == "incoming" else None
        if called is not None:
            found = is_conference(called.name, store.now.rules)
        else:
            found = await _try(nc, sealer, wanted, location)
        shown = redact(wanted.alias)
        known = {place.name: place for place in store.now.locations.values()}
        places = sending(found.location, known)
        return json(answer(wanted, shown, location, found, store.now.rules, alive, places))

    return test


async def _try(nc: Client, sealer: Sealer, wanted: TestRules, location: str) -> RulesTried:
    command = TryRules(
        sealer.seal(wanted.alias), wanted.direction == "outgoing", location, wanted.protocol
    )
    try:
        found = decode_tried(await ask(nc, ROUTING_TRIALS, command, patience=PATIENCE))
    except (Unanswered, *OUTAGES) as exc:
        raise Unavailable from exc
    if isinstance(found, Refused):
        raise Unavailable
    return found
