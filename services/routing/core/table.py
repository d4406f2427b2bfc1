"""The rules made ready: compiled once, in order, sorted out by what a call is."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from proto.conference import IncomingProtocol
from proto.config import GatewayRoutingRule
from proto.patterns import Bad, Expand, Groups, Pattern, compile_pattern, compile_replacement
from proto.routing import Verdict
from services.routing.core.alias import bare
from services.routing.core.needle import needle


class Call(msgspec.Struct, frozen=True):
    """What a rule is asked about. `alias` may hold a key: not for showing."""

    alias: str
    outgoing: bool = True
    location: str = ""
    "The source location; empty if none is known."
    protocol: IncomingProtocol = "webrtc"
    "Of an incoming call."
    registered: bool = False
    "Whether an incoming call comes from a registered device."


class Ready(msgspec.Struct, frozen=True):
    """A rule and all that can be known of it before a call comes."""

    rule: GatewayRoutingRule
    pattern: Pattern | None
    "None: it cannot be read; such rules cannot be stored any more, but could be once."
    expand: Expand | None
    "None: the alias stays as it is."
    bad_transform: bool
    needle: str


def prepare(rule: GatewayRoutingRule) -> Ready:
    pattern = compile_pattern(rule.match_string)
    if isinstance(pattern, Bad):
        return Ready(rule, None, None, False, "")
    expand: Expand | Bad | None = None
    if rule.replace_string:
        expand = compile_replacement(rule.replace_string, pattern.groups)
    if isinstance(expand, Bad):
        return Ready(rule, pattern, None, True, needle(rule.match_string))
    return Ready(rule, pattern, expand, False, needle(rule.match_string))


def ordered(rules: Iterable[Ready]) -> list[Ready]:
    """By priority, then name: Pexip leaves ties open, we do not."""
    return sorted(rules, key=lambda ready: (ready.rule.priority, ready.rule.name, ready.rule.id))


class Text:
    """An alias in the forms that patterns are run on."""

    def __init__(self, alias: str) -> None:
        self.full = alias
        self.bare = bare(alias)
        self.plain = alias.isascii()
        "Whether lower case says all about case: a long s matches `s`."
        self.full_low, self.bare_low = self.full.lower(), self.bare.lower()

    def match(self, ready: Ready) -> Groups | None:
        """The groups if the rule's pattern matches; asks for its needle first."""
        full = ready.rule.match_string_full
        if ready.pattern is None:
            return None
        if self.plain and ready.needle not in (self.full_low if full else self.bare_low):
            return None
        return ready.pattern.match(self.full if full else self.bare)


GRAM = 3
"""Characters of a piece by which a needle is looked up; shorter needles are always looked for."""


def grams(text: str) -> set[str]:
    return {text[n : n + GRAM] for n in range(len(text) - GRAM + 1)}


class Index:
    """The rules that an alias may match, found by the rarest piece of each rule's needle."""

    def __init__(self, rules: list[Ready]) -> None:
        self._rules = rules
        pieces = [grams(ready.needle) for ready in rules]
        counts = Counter(piece for of_one in pieces for piece in of_one)
        self._always: list[int] = []
        self._by_piece: dict[str, list[int]] = {}
        for n, of_one in enumerate(pieces):
            if of_one:
                rarest = min(of_one, key=lambda piece: (counts[piece], piece))
                self._by_piece.setdefault(rarest, []).append(n)
            else:
                self._always.append(n)

    def candidates(self, text: Text) -> list[Ready]:
        """In order. A bare alias is a part of the full one, so that is where pieces are sought."""
        if not text.plain:
            return self._rules
        found = list(self._always)
        for piece in grams(text.full_low):
            found += self._by_piece.get(piece, ())
        return [self._rules[n] for n in sorted(found)]


class Table:
    """All rules in order. Never changes; a changed configuration makes a new one."""

    def __init__(self, rules: Iterable[Ready]) -> None:
        self.rules = ordered(rules)
        self._places = {r.rule.match_source_location or "" for r in self.rules}
        self._indices: dict[tuple[object, ...], Index] = {}

    def candidates(self, call: Call, text: Text) -> list[Ready]:
        """The rules that concern such a call and may match its alias, in order."""
        place = call.location if call.location in self._places else ""
        kind: tuple[object, ...] = (True, place)
        if not call.outgoing:
            kind = (False, place, call.protocol, call.registered)
        index = self._indices.get(kind)
        if index is None:
            index = Index([ready for ready in self.rules if why_skipped(ready, call) is None])
            self._indices[kind] = index
        return index.candidates(text)


FLAGS: Mapping[IncomingProtocol, str] = {
    "webrtc": "match_incoming_webrtc",
    "rtmp": "match_incoming_webrtc",
    "sip": "match_incoming_sip",
    "mssip": "match_incoming_mssip",
    "h323": "match_incoming_h323",
    "teams": "match_incoming_teams",
}
"""Pexip's one flag for WebRTC is for RTMP as well."""


def why_skipped(ready: Ready, call: Call) -> Verdict | None:
    """Why a rule does not concern a call, before its pattern is run; None if it does."""
    rule = ready.rule
    if not rule.enable:
        return "disabled"
    if not (rule.match_outgoing_calls if call.outgoing else rule.match_incoming_calls):
        return "direction"
    if not call.outgoing and not getattr(rule, FLAGS[call.protocol]):
        return "source-protocol"
    if not call.outgoing and rule.match_incoming_only_if_registered and not call.registered:
        return "unregistered"
    if rule.match_source_location and rule.match_source_location != call.location:
        return "source-location"
    if ready.pattern is None:
        return "bad-pattern"
    return None
