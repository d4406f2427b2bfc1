"""The part of a file that a request asks for. Pure."""

import re
from typing import NamedTuple


class Span(NamedTuple):
    start: int
    end: int
    "The first byte that is not in it."


class Unsatisfiable(Exception):
    """What is asked for is not in the file."""


_ONE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def span(header: str | None, size: int) -> Span | None:
    """What `Range` asks for; None: everything. What cannot be understood, or is several pieces at
    once, is answered with everything, as the standard has it. Raises Unsatisfiable."""
    found = _ONE.fullmatch((header or "").strip())
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        last = int(found[2])
        if last == 0:
            raise Unsatisfiable
        return Span(max(0, size - last), size)
    start = int(found[1])
    end = min(size, int(found[2]) + 1) if found[2] else size
    if found[2] and int(found[2]) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, end)
