"""IP addresses: who may reach one."""

import ipaddress

IPV4_INSIDE = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""Where the last four bytes of an address are one of IPv4, to which a router may translate it."""


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody may reach."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour
        if any(found in network for network in IPV4_INSIDE):
            inside = ipaddress.IPv4Address(found.packed[-4:])
        if inside is not None:
            return inside.is_global and not inside.is_multicast
    return found.is_global and not found.is_multicast
