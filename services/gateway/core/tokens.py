"""What somebody is told who comes in by the client API. Pexip's names; what there is not is empty
or false."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from proto.config import Conference
from proto.views import ConferenceView, ParticipantView
from services.gateway.core.seats import LASTS

EXPIRES = str(int(LASTS.total_seconds()))

HostOrGuest = Literal["HOST", "GUEST"]


class Version(msgspec.Struct, frozen=True):
    """Of the API, as clients ask for it, and of Rostrum."""

    pseudo_version: str
    version_id: str = "36"


class PinWanted(msgspec.Struct, frozen=True):
    pin: Literal["required"]
    guest_pin: Literal["required", "none"]
    "`none`: whoever gives `none` for a PIN is a Guest."
    version: Version


class TokenGiven(msgspec.Struct, frozen=True):
    """`request_token`"""

    token: str
    participant_uuid: str
    display_name: str
    role: HostOrGuest
    current_service_type: str
    "`waiting_room` for whoever has to wait, else as `service_type`."
    service_type: str
    conference_name: str
    service_name: str
    call_type: str
    guests_can_present: bool
    version: Version
    ice_servers: list[Any]
    "As a browser takes them; ours."
    stun: list[dict[str, Any]]
    turn: list[dict[str, Any]]
    expires: str = EXPIRES
    "Seconds for which the token holds; to be refreshed after a third of that."
    chat_enabled: bool = False
    fecc_enabled: bool = False
    rtmp_enabled: bool = True
    vp9_enabled: bool = False
    allow_1080p: bool = False
    direct_media: bool = False
    breakout_rooms: bool = False
    call_tag: str = ""
    analytics_enabled: bool = False
    trickle_ice_enabled: bool = True
    use_relay_candidates_only: bool = False


class TokenRefreshed(msgspec.Struct, frozen=True):
    """`refresh_token`"""

    token: str
    role: HostOrGuest
    expires: str = EXPIRES


def role(person: ParticipantView) -> HostOrGuest:
    return "HOST" if person.role == "chair" else "GUEST"


def pin_wanted(conference: Conference, version: Version) -> PinWanted | None:
    """What somebody is told who gave no PIN; None: there is none to be given."""
    if not conference.pin:
        return None
    free = conference.allow_guests and not conference.guest_pin
    return PinWanted("required", "none" if free else "required", version)


def given(
    token: str,
    view: ConferenceView,
    person: ParticipantView,
    ways: Sequence[Any],
    version: Version,
) -> TokenGiven:
    servers = [msgspec.to_builtins(way) for way in ways]
    return TokenGiven(
        token,
        person.participant,
        person.display_name,
        role(person),
        "waiting_room" if person.state == "waiting" else view.service_type,
        view.service_type,
        view.name,
        view.name,
        view.call_type,
        view.guests_can_present,
        version,
        servers,
        [
            {"url": url}
            for server in servers
            if "credential" not in server
            for url in server["urls"]
        ],
        [server for server in servers if "credential" in server],
        allow_1080p=view.quality == "fullhd",
    )
