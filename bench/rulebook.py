"""Ten thousand call routing rules such as people write them, and aliases that are dialled."""

import random
from typing import Any

from proto.config import GatewayRoutingRule

RULES = 10_000
ALIASES = 1_000

UNMATCHED = 0.15
"""Share of aliases that no rule answers: every rule has to be asked for those."""

LOCATIONS = ("Oslo", "Rome", "Lima")

TWENTY = 20
"""Rules come in twenties: ten services by their host, four short aliases that are rewritten, two
domains, one that looks ahead, one disabled, one of another location, one that holds no text."""


def rule(n: int) -> GatewayRoutingRule:
    """Rule number `n`."""
    more: dict[str, Any] = {"match_string_full": True}
    match n % TWENTY:
        case 10 | 11 | 12 | 13:
            pattern = rf"yt{n}-(\w+)"
            more["replace_string"] = r"rtmps://ingest.example.net/live2/\1"
        case 14 | 15:
            pattern = rf"(\w+)@site{n}\.example\.org"
            more = {"replace_string": rf"rtmps://site{n}.example.net/live/\1"}
        case 16:
            pattern = rf"(?!.*@internal$)team{n}-(.*)"
            more["replace_string"] = r"rtmp://teams.example.net/live/\1"
        case 17:
            pattern, more["enable"] = r".*", False
        case 18:
            pattern = rf"rtmps?://studio{n}/(.*)"
            more["match_source_location"] = LOCATIONS[n // TWENTY % len(LOCATIONS)]
        case 19:
            pattern = rf"[a-z]{{{n % 900 + 20}}}-\d{{6}}"
        case _:
            pattern = rf"rtmps?://([^/@]+@)?ingest{n}\.example\.com(:\d+)?/(.*)"
    return GatewayRoutingRule(
        f"Rule {n}",
        n * 200 // RULES + 1,
        pattern,
        n + 1,
        match_incoming_calls=False,
        match_outgoing_calls=True,
        outgoing_protocol="rtmp",
        **more,
    )


def rules(count: int = RULES) -> list[GatewayRoutingRule]:
    return [rule(n) for n in range(count)]


def textless(count: int = RULES) -> list[GatewayRoutingRule]:
    """The worst case: patterns that hold no text at all, so that each has to be run."""
    return [
        GatewayRoutingRule(
            f"Rule {n}",
            1,
            rf"[a-z]{{{n % 900 + 20}}}[0-9]{{6}}",
            n + 1,
            match_outgoing_calls=True,
            match_string_full=True,
            outgoing_protocol="rtmp",
        )
        for n in range(count)
    ]


def aliases(count: int = ALIASES, of: int = RULES) -> list[str]:
    """Aliases whose rules are anywhere in the order, the same at every run."""
    dice = random.Random(3)
    found = []
    for n in range(count):
        if dice.random() < UNMATCHED:
            found.append(f"rtmps://nobody{n}.example.com/live/key-{n}")
            continue
        wanted = dice.randrange(of)
        match wanted % TWENTY:
            case 10 | 11 | 12 | 13:
                found.append(f"yt{wanted}-key{n}")
            case 14 | 15:
                found.append(f"sip:hall{n}@site{wanted}.example.org;transport=tls")
            case 16:
                found.append(f"team{wanted}-weekly")
            case _:
                host = wanted - wanted % TWENTY + wanted % 10
                found.append(f"rtmps://u{n}:p@ingest{host}.example.com:443/live/key-{n}?x={n}")
    return found
