"""Aliases as rules see them, and ports that nobody wrote."""

import ipaddress
import re

from proto.config import GatewayRoutingRule

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://|(?:sips?|h323|tel|callto|xmpp|im|mailto):", re.I)
"""`name:` alone is a scheme only where one is usual: `example.com:5061` has none."""

_AUTHORITY = re.compile(r"(rtmps://)([^/?#]*)(.*)", re.I | re.DOTALL)

RTMPS_PORT = 443
"""Where a worker connects to if `rtmps://` has no port."""


def seen(alias: str, rule: GatewayRoutingRule) -> str:
    """The part of an alias that a rule is matched against."""
    return alias if rule.match_string_full else bare(alias)


def bare(alias: str) -> str:
    """Without scheme, parameters and host IP: `alice` of `sip:alice@192.0.2.1;transport=tls`.

    An address with nothing before it is what was dialled, and stays.
    """
    found = _SCHEME.match(alias)
    rest = alias[found.end() :] if found else alias
    rest = re.split(r"[;?]", rest, maxsplit=1)[0]
    user, at, host = rest.rpartition("@")
    return user if at and user and _is_address(host) else rest


def _is_address(host: str) -> bool:
    """`192.0.2.1`, `192.0.2.1:5060`, `[2001:db8::1]:5060` or `2001:db8::1`."""
    found = re.fullmatch(r"\[([^\]]*)\](?::\d*)?|([^:]*):\d*", host)
    try:
        ipaddress.ip_address((found[1] or found[2]) if found else host)
    except ValueError:
        return False
    return True


def with_port(url: str, port: int) -> str:
    """An `rtmps://` URL with the port that is meant where none is written."""
    found = _AUTHORITY.fullmatch(url)
    if found is None or port == RTMPS_PORT:
        return url
    scheme, authority, rest = found.groups()
    place = authority.rpartition("@")[2]
    if re.search(r":\d*$", place.rpartition("]")[2] if place.startswith("[") else place):
        return url
    return f"{scheme}{authority}:{port}{rest}"
