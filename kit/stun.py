"""The one question of STUN (RFC 8489) that needs no password: where did this come from? Pure."""

import struct
from ipaddress import ip_address

COOKIE = 0x2112A442
BINDING, SUCCESS = 0x0001, 0x0101
XOR_MAPPED = 0x0020
HEADER = struct.Struct("!HHI12s")
FAMILIES = {1: 4, 2: 16}
"""Bytes of an address, by how STUN calls its family."""


def request(transaction: bytes) -> bytes:
    """Of twelve bytes that nobody can guess."""
    return HEADER.pack(BINDING, 0, COOKIE, transaction)


def length(head: bytes) -> int:
    """Bytes that follow a header, where there are no datagrams to tell."""
    return int(HEADER.unpack(head)[1])


def answer(data: bytes, transaction: bytes) -> str | None:
    """The address that the server saw; None for what is no answer to this question."""
    if len(data) < HEADER.size:
        return None
    kind, size, cookie, theirs = HEADER.unpack_from(data)
    if (kind, cookie, theirs) != (SUCCESS, COOKIE, transaction):
        return None
    at, end = HEADER.size, min(len(data), HEADER.size + size)
    while at + 4 <= end:
        name, long = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + long]
        if name == XOR_MAPPED and len(value) >= 4 and len(value) == 4 + FAMILIES.get(value[1], -1):
            mask = (data[4:8] + transaction)[: len(value) - 4]
            return str(ip_address(bytes(a ^ b for a, b in zip(value[4:], mask, strict=True))))
        at += 4 + long + -long % 4
    return None
