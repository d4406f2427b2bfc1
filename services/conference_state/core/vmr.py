"""What the configuration says about one conference, with the global settings worked in."""

import msgspec

from proto.conference import (
    CallType,
    GuestsSeeGuests,
    KeepAlive,
    Quality,
    Role,
    Routing,
    ServiceType,
)
from proto.config import CryptoMode
from proto.urls import SealedUrl


class Automatic(msgspec.Struct, frozen=True):
    """Somebody to be called as soon as the first participant is there."""

    id: int
    display_name: str
    destination: SealedUrl
    presentation: SealedUrl | None = None
    protocol: str = "rtmp"
    routing: Routing = "manual"
    location: str = ""
    role: Role = "guest"
    streaming: bool = True
    keep_conference_alive: KeepAlive = "keep_conference_alive_if_multiple"
    retry: bool = True
    "A call that failed is made again while the conference lives."


class Vmr(msgspec.Struct, frozen=True):
    name: str
    layout: str = "1:7"
    quality: Quality = "hd"
    participant_limit: int | None = None
    service_type: ServiceType = "conference"
    pin: str = ""
    guest_pin: str = ""
    allow_guests: bool = False
    guest_layout: str = ""
    "Empty: the same as everybody."
    guests_can_present: bool = True
    guests_can_see_guests: GuestsSeeGuests = "no_hosts"
    mute_all_guests: bool = False
    crypto_mode: CryptoMode = "besteffort"
    max_callrate_out: int | None = None
    enable_dialout: bool = True
    enable_rtmp: bool = True
    guests_only_timeout: int = 60
    "Seconds that Guests may stay without a Host."
    waiting_for_chair_timeout: int = 900
    "Seconds that a Guest may wait for a Host, and a stream for anybody at all."
    last_participant_timeout: int = 0
    "Seconds that one may be alone; 0: for ever."
    automatic: tuple[Automatic, ...] = ()
    enable_overlay_text: bool = False
    enable_active_speaker_indication: bool = False
    call_type: CallType = "video"
