"""The first rule that matches, and what it makes of the call."""

import msgspec

from proto.conference import Quality
from proto.config import GatewayRoutingRule
from proto.patterns import Groups
from proto.routing import Encryption, Verdict
from services.routing.core.table import Call, Ready, Table, Text, why_skipped


class Route(msgspec.Struct, frozen=True):
    """Where the call goes. `alias` may hold a key: not for showing."""

    rule: str
    alias: str
    location: str = ""
    "Empty: from anywhere."
    crypto_mode: Encryption = ""
    theme: int = 0
    quality: Quality | None = None
    max_callrate_out: int | None = None


class NoRoute(msgspec.Struct, frozen=True):
    code: str
    reason: str
    rule: str = ""
    "The rule that matched and cannot be carried out; empty if none matched."


class Tried(msgspec.Struct, frozen=True):
    """One rule, and what came of it."""

    rule: GatewayRoutingRule
    verdict: Verdict


def route(table: Table, call: Call) -> Route | NoRoute:
    """The first match is applied; that it cannot be dialled does not bring the next one in."""
    text = _text(call)
    if isinstance(text, NoRoute):
        return text
    for ready in table.candidates(call, text):
        groups = text.match(ready)
        if groups is not None:
            return apply(ready, groups, call)
    return NO_RULE


NO_RULE = NoRoute("no-rule", "no call routing rule matches this alias")


def _text(call: Call) -> Text | NoRoute:
    try:
        call.alias.encode()
    except UnicodeEncodeError:
        return NoRoute("no-rule", "the alias holds half a character, which no rule matches")
    return Text(call.alias)


def explain(table: Table, call: Call) -> tuple[list[Tried], Route | NoRoute]:
    """What `route` answers, with every rule in order and why it was or was not the one."""
    tried: list[Tried] = []
    text = _text(call)
    outcome: Route | NoRoute | None = text if isinstance(text, NoRoute) else None
    for ready in table.rules:
        verdict: Verdict = why_skipped(ready, call) or "alias"
        if outcome is not None:
            verdict = "not-reached"
        elif verdict == "alias" and isinstance(text, Text):
            groups = text.match(ready)
            if groups is not None:
                verdict = "matched"
                outcome = apply(ready, groups, call)
        tried.append(Tried(ready.rule, verdict))
    return tried, outcome or NO_RULE


def apply(ready: Ready, groups: Groups, call: Call) -> Route | NoRoute:
    """What a rule that matched makes of a call; no reason quotes the alias."""
    rule = ready.rule
    if rule.called_device_type != "external":
        kind = rule.called_device_type.replace("_", " ")
        return _no(rule, "target", f"calls a {kind}, only external systems can be called")
    if rule.outgoing_protocol != "rtmp":
        return _no(rule, "protocol", f"dials by {rule.outgoing_protocol}, only rtmp can be")
    if ready.bad_transform:
        name = rule.name
        why = f"invalid gateway routing rule transform: “{name}”"
        return NoRoute("bad-transform", why, name)
    alias = ready.expand(groups) if ready.expand else call.alias
    if rule.crypto_mode == "on" and alias.lower().startswith("rtmp://"):
        why = "requires media encryption, which rtmp:// does not have; use rtmps://"
        return _no(rule, "encryption-required", why)
    return Route(
        rule.name,
        alias,
        rule.outgoing_location or "",
        rule.crypto_mode or "",
        rule.ivr_theme or 0,
        rule.max_pixels_per_second,
        None if call.outgoing else rule.max_callrate_out,
    )


def _no(rule: GatewayRoutingRule, code: str, why: str) -> NoRoute:
    return NoRoute(code, f"rule “{rule.name}” {why}", rule.name)
