"""`?limit=…&offset=…` of a list."""

import msgspec

from services.gateway.problems import AnyRequest, Problem

LIMIT = 20
"""Objects per page unless asked otherwise; Pexip's."""


class Window(msgspec.Struct, frozen=True):
    limit: int
    "0: all."
    offset: int

    @classmethod
    def of(cls, request: AnyRequest, resource: str) -> "Window":
        given = {"limit": LIMIT, "offset": 0}
        for name in given:
            text = request.query_params.get(name, str(given[name]))
            if not (text.isdecimal() and len(text) < 10):
                raise Problem({name: ["This must be a whole number."]}, resource)
            given[name] = int(text)
        return cls(**given)
