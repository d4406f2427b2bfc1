"""Calls to us: what may be asked, and how somebody is told that it comes to nothing."""

from typing import Annotated

import msgspec

from proto.base import Refused, Text
from proto.conference import IncomingProtocol, Platform
from services.gateway.core.requests import Display, Errors
from services.gateway.core.trials import alias_problem

NO_GATEWAY = "Neither conference nor gateway found"
BAD_TRANSFORM = "invalid gateway routing rule transform"
"""Pexip's own words, which programs know."""


class CallRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`calls/`: somebody calls an alias, of a conference or of whatever the rules make of it."""

    alias: str
    display_name: Display
    media: str
    presentation: str | None = None
    presenting: bool = False
    pin: Annotated[str, msgspec.Meta(max_length=20)] = ""
    "For a conference that wants one."
    protocol: IncomingProtocol = "webrtc"
    location: Text = ""
    "Where the call came in: a location's name or URI."
    platform: Platform | None = None
    "Whose the meeting is that the caller stands in; for gateway calls."

    def problem(self) -> Errors:
        """Field to what is wrong with it, beyond its type."""
        return alias_problem(self.alias)


def told(refused: Refused) -> tuple[Errors, int]:
    """What a caller is told whom the rules send nowhere, and the HTTP status."""
    match refused.code:
        case "no-rule":
            return {"alias": [NO_GATEWAY]}, 404
        case "bad-transform":
            return {"alias": [BAD_TRANSFORM]}, 400
        case _:
            sentence = f"{refused.reason[:1].upper()}{refused.reason[1:].rstrip('.')}."
            return {"alias": [sentence]}, 400
