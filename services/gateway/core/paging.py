"""One page of a list, with the addresses of its neighbours."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from services.gateway.core.requests import Errors

LIMIT = 20
"""Objects per page unless asked otherwise; Pexip's."""

WINDOW = ("limit", "offset")


class Window(msgspec.Struct, frozen=True):
    limit: int = LIMIT
    "0: all."
    offset: int = 0


def window(asked: Sequence[tuple[str, str]]) -> Window | Errors:
    given = {}
    for name, text in asked:
        if name in WINDOW:
            if not (text.isascii() and text.isdecimal() and len(text) < 10):
                return {name: ["This must be a whole number."]}
            given[name] = int(text)
    return Window(**given)


def page(
    path: str,
    objects: Sequence[Any],
    at: Window,
    asked: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The envelope of a list. What else was `asked` goes along to the neighbours."""
    shown = objects[at.offset : at.offset + at.limit] if at.limit else objects[at.offset :]
    return envelope(path, shown, len(objects), at, asked)


def envelope(
    path: str,
    shown: Sequence[Any],
    total: int,
    at: Window,
    asked: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The same of a page that has been cut out of all already."""
    limit, offset = at.limit, at.offset
    others = [(name, value) for name, value in asked if name not in WINDOW]

    def address(start: int) -> str:
        return f"{path}?{urlencode([('limit', limit), ('offset', start), *others])}"

    following = limit and offset + limit < total
    return {
        "meta": {
            "limit": limit,
            "offset": offset,
            "total_count": total,
            "next": address(offset + limit) if following else None,
            "previous": address(max(0, offset - limit)) if limit and offset else None,
        },
        "objects": list(shown),
    }
