"""An export of the event log: lines of JSON, `docs/replay.md` has them one by one.

    {"export": …}       what this is, once
    {"settings": …}     what was configured for a conference, without PINs and addresses
    {"family": …}       one stored message, in order of time
    {"view": …}         the conference as it was at the end
    {"end": …}          that this is all, once

Each conference has its settings, its messages and its view in one piece. Exports of format 1,
which are read as well, have neither of the first two nor the last, and one conference.
"""

from typing import Annotated

import msgspec

from proto.base import Moment, Text, Token
from proto.config import AutomaticParticipant, Conference, Global, IvrTheme
from proto.subjects import Family
from proto.views import ConferenceView

FORMAT = 2


class Header(msgspec.Struct, frozen=True):
    format: Annotated[int, msgspec.Meta(ge=1)]
    version: Text
    "Of the product that exported it."
    at: Moment
    conferences: list[Token]
    since: Moment | None = None
    "Those that ran from then on; None: from the beginning."
    until: Moment | None = None


class Settings(msgspec.Struct, frozen=True):
    """What is configured that decisions depend on, at the time of the export."""

    conference: Token
    general: Global | None = None
    vmr: Conference | None = None
    "Its PINs are replaced by others; None: it is not configured, as a gateway call is not."
    automatic: list[AutomaticParticipant] = []
    themes: list[IvrTheme] = []


class End(msgspec.Struct, frozen=True):
    lines: int
    "Before this one."


class Line(msgspec.Struct, frozen=True):
    """One stored message."""

    family: Family
    sequence: int
    time: Moment
    commit: msgspec.Raw
    conference: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    "Format 1 says it in the view only."


class HeaderLine(msgspec.Struct, frozen=True):
    export: Header


class SettingsLine(msgspec.Struct, frozen=True):
    settings: Settings


class ViewLine(msgspec.Struct, frozen=True):
    view: ConferenceView


class EndLine(msgspec.Struct, frozen=True):
    end: End


NO_PIN_OF_ANYBODY = ("0000#", "00000#")
"""Stand for the Hosts' and the Guests' PIN: that there is one is all that decisions need."""


def without_pins(vmr: Conference) -> Conference:
    host, guest = NO_PIN_OF_ANYBODY
    return msgspec.structs.replace(
        vmr, pin=host if vmr.pin else "", guest_pin=guest if vmr.guest_pin else ""
    )
