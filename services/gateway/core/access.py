"""What a request shows of itself, and what it may do."""

import base64
import binascii
from typing import Literal

import msgspec

from proto.accounts import Access

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

QUESTIONS = frozenset({"/api/rostrum/v1/rules/test"})
"""What changes nothing though it is POSTed."""

LONGEST = 1024
"""Bytes of a name or a password that are looked at."""


class Shown(msgspec.Struct, frozen=True):
    """A name and the proof that belongs to it."""

    scheme: Literal["basic", "bearer"]
    name: str
    proof: bytes


def shown(authorization: bytes) -> Shown | None:
    """What the header says, if anything can be understood of it."""
    scheme, _, value = authorization.partition(b" ")
    value = value.strip()
    match scheme.lower():
        case b"bearer" if value and len(value) <= LONGEST:
            name = value.partition(b".")[0].decode("latin-1")
            return Shown("bearer", name, value)
        case b"basic" if len(value) <= 3 * LONGEST:
            try:
                user, colon, password = base64.b64decode(value, validate=True).partition(b":")
                name = user.decode()
            except (binascii.Error, UnicodeDecodeError):
                return None
            if not colon or len(user) > LONGEST or len(password) > LONGEST:
                return None
            return Shown("basic", name, password)
        case _:
            return None


def may(access: Access, method: str, path: str) -> bool:
    if access == "read-write" or method in SAFE_METHODS:
        return True
    return method == "POST" and path.rstrip("/") in QUESTIONS
