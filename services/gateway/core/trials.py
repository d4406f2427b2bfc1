"""A test of the call routing rules: what may be asked, and the answer. Never shows an alias."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from proto.base import Text
from proto.conference import IncomingProtocol
from proto.config import GatewayRoutingRule
from proto.routing import RulesTried, Tried, Verdict
from proto.views import WorkerView
from services.gateway.core.configuration import uri

LONGEST_ALIAS = 2048
"""Characters; as much as a stream's address may have."""


class TestRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rules/test/`: a call that is only thought of."""

    __test__ = False
    alias: str
    direction: Literal["outgoing", "incoming"] = "outgoing"
    location: Text = ""
    "Where the call is handled: a location's name or URI."
    protocol: IncomingProtocol = "webrtc"
    "How an incoming call comes in."

    def problem(self) -> dict[str, list[str]]:
        """Field to what is wrong with it, beyond its type."""
        return alias_problem(self.alias)


def alias_problem(alias: str) -> dict[str, list[str]]:
    if not alias:
        return {"alias": ["This may not be empty."]}
    if len(alias) > LONGEST_ALIAS or not alias.isprintable():
        words = f"At most {LONGEST_ALIAS} characters without control characters."
        return {"alias": [words]}
    return {}


def is_conference(name: str, rules: Mapping[int, GatewayRoutingRule]) -> RulesTried:
    """What comes of an incoming call to a conference's alias: no rule is asked."""
    ordered = sorted(rules.values(), key=lambda rule: (rule.priority, rule.name, rule.id))
    reason = f"the alias is one of conference “{name}”; rules are for other aliases"
    return RulesTried(
        [Tried(rule.id, "not-reached") for rule in ordered], code="conference", reason=reason
    )


def answer(
    wanted: TestRules,
    shown_alias: str,
    location: str,
    found: RulesTried,
    rules: Mapping[int, GatewayRoutingRule],
    workers: Iterable[WorkerView],
    places: Sequence[str] = (),
) -> dict[str, Any]:
    """Each rule in order with what came of it; what would be dialled, from where, and by whom.

    `places`: the locations that will do, the best first; empty: all will.
    """
    dialled = {"url": found.redacted, "scheme": found.scheme, "fingerprint": found.fingerprint}
    carried = not found.code
    return {
        "alias": shown_alias,
        "direction": wanted.direction,
        "location": location,
        "protocol": wanted.protocol if wanted.direction == "incoming" else None,
        "rules": [_tried(one, rules.get(one.rule), wanted, location) for one in found.tried],
        "rule": found.rule or None,
        "code": found.code,
        "reason": found.reason,
        "dialled": dialled if carried else None,
        "outgoing_location": found.location,
        "crypto_mode": found.crypto_mode or None,
        "ivr_theme": uri("ivr_theme", found.theme) if found.theme else None,
        "max_pixels_per_second": found.quality,
        "max_callrate_out": found.max_callrate_out,
        "workers": [
            {
                "worker": worker.worker,
                "location": worker.location,
                "host": worker.host,
                "capacity": worker.capacity,
                "used": worker.used,
                "draining": worker.draining,
                "overflow": bool(places) and worker.location != places[0],
            }
            for worker in sorted(workers, key=lambda one: _far(one, places))
            if carried and worker.kind == "egress" and (not places or worker.location in places)
        ],
    }


def _far(worker: WorkerView, places: Sequence[str]) -> int:
    """How many locations are asked before this worker's."""
    return places.index(worker.location) if worker.location in places else 0


def _tried(
    one: Tried, rule: GatewayRoutingRule | None, wanted: TestRules, location: str
) -> dict[str, Any]:
    return {
        "id": one.rule,
        "name": rule.name if rule else "",
        "priority": rule.priority if rule else None,
        "verdict": one.verdict,
        "reason": _why(one.verdict, rule, wanted, location),
        "resource_uri": uri("gateway_routing_rule", one.rule),
    }


def _why(
    verdict: Verdict, rule: GatewayRoutingRule | None, wanted: TestRules, location: str
) -> str:
    """A verdict as a sentence."""
    if rule is None:
        return "The rule was changed just now; test again."
    calls = f"{wanted.direction} calls"
    compared = "the whole alias" if rule.match_string_full else "the alias without scheme"
    source = f"this one is from “{location}”" if location else "this one has no location"
    sentences: dict[Verdict, str] = {
        "matched": "It matches.",
        "disabled": "It is disabled.",
        "direction": f"It is not for {calls}.",
        "source-protocol": f"It is not for calls that come in by {wanted.protocol}.",
        "unregistered": "It is only for calls from registered devices.",
        "source-location": f"It is for calls from “{rule.match_source_location}”; {source}.",
        "alias": f"Its pattern does not match {compared}.",
        "bad-pattern": "Its pattern cannot be read.",
        "not-reached": "What comes before it decided.",
    }
    return sentences[verdict]
