"""Call routing rules. Pure. Semantics: Pexip's, docs/architecture.md “Call routing”."""

import re
from collections.abc import Iterable

import msgspec

from proto.config import GatewayRoutingRule


class Call(msgspec.Struct, frozen=True):
    """What a rule is asked about. `alias` may hold a key: not for showing."""

    alias: str
    outgoing: bool = True
    location: str = ""
    "The source location; empty if none is known."


class Route(msgspec.Struct, frozen=True):
    """The first rule that matched, and what it makes of the call."""

    rule: str
    alias: str
    location: str


class NoRoute(msgspec.Struct, frozen=True):
    code: str
    reason: str


def ordered(rules: Iterable[GatewayRoutingRule]) -> list[GatewayRoutingRule]:
    """By priority, then name: Pexip leaves ties open, we do not."""
    return sorted(rules, key=lambda rule: (rule.priority, rule.name))


def route(rules: Iterable[GatewayRoutingRule], call: Call) -> Route | NoRoute:
    """The first match is applied; that it cannot be dialled does not bring the next one in."""
    for rule in ordered(rules):
        if match := matches(rule, call):
            return _apply(rule, match, call)
    return NoRoute("no-rule", "no call routing rule matches this alias")


def matches(rule: GatewayRoutingRule, call: Call) -> re.Match[str] | None:
    if not rule.enable:
        return None
    if not (rule.match_outgoing_calls if call.outgoing else rule.match_incoming_calls):
        return None
    if rule.match_source_location and rule.match_source_location != call.location:
        return None
    alias = call.alias if rule.match_string_full else bare(call.alias)
    try:
        return re.fullmatch(rule.match_string, alias, re.IGNORECASE)
    except re.error:
        return None


def bare(alias: str) -> str:
    """Without scheme and parameters: `alice@example.com` of `sip:alice@example.com;a=b`."""
    return re.sub(r"^[a-z][a-z0-9+.-]*:(//)?", "", alias, flags=re.IGNORECASE).split(";", 1)[0]


def _apply(rule: GatewayRoutingRule, match: re.Match[str], call: Call) -> Route | NoRoute:
    if rule.outgoing_protocol != "rtmp":
        return NoRoute(
            "protocol", f"rule “{rule.name}” dials by {rule.outgoing_protocol}, only rtmp can be"
        )
    alias = call.alias
    if rule.replace_string:
        try:
            alias = match.expand(rule.replace_string)
        except (re.error, IndexError):
            return NoRoute(
                "bad-transform", f"invalid gateway routing rule transform: “{rule.name}”"
            )
    return Route(rule.name, alias, rule.outgoing_location or "")
