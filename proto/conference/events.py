"""What happens to a conference; the rules for changing an event are in the package."""

from datetime import datetime
from typing import Literal

from proto.base import Event, Reason, Text, Token
from proto.conference.words import (
    Announcement,
    CallStep,
    CallType,
    GuestsSeeGuests,
    IncomingProtocol,
    IncomingRoute,
    KeepAlive,
    LegState,
    Origin,
    OutsideKind,
    Platform,
    Protocol,
    Quality,
    Role,
    Routing,
    ServiceType,
    ThemeRef,
    Transforms,
)
from proto.config import CryptoMode
from proto.media import FrameRate, PictureOptions
from proto.urls import SealedUrl


class ConferenceStarted(Event, frozen=True, tag="conference_started.v1"):
    conference: Token
    instance: Token
    name: Text
    layout: str = "1:7"
    "Client API name of the layout, as configured when the conference started."
    quality: Quality = "hd"
    service_type: ServiceType = "conference"
    allow_guests: bool = False
    "Guests and Hosts are told apart: Guests wait for a Host, and do not stay long without one."
    guest_layout: str = ""
    "What the Guests of a Virtual Auditorium see."
    guests_can_present: bool = True
    guests_can_see_guests: GuestsSeeGuests = "no_hosts"
    guests_muted: bool = False
    max_callrate_out: int | None = None
    "Most that is sent to each streaming service, kbit/s, sound included; None: no limit."
    platform: Platform | Literal[""] = ""
    "Of a gateway call: whose the meeting is that the caller stands in."
    theme: int = 0
    "Id of the theme; 0: none is named."
    enable_overlay_text: bool = False
    enable_active_speaker_indication: bool = False
    call_type: CallType = "video"
    frame_rate: FrameRate = 30
    "What is streamed has, unless a call asks for another one."


class ParticipantJoined(Event, frozen=True, tag="participant_joined.v1"):
    participant: Token
    display_name: Text
    role: Role
    media: SealedUrl | None = None
    presentation: SealedUrl | None = None
    waiting: bool = False
    "Neither seen nor heard until a Host comes, or lets them in."
    protocol: IncomingProtocol | Literal[""] = ""
    "How somebody who called came in; empty: they were brought in."
    called: Text = ""
    "The alias that they called, as it may be shown."
    location: Text = ""
    "Where their call came in."
    origin: Origin | None = None
    "Set for somebody who was transferred here."


class ParticipantAdmitted(Event, frozen=True, tag="participant_admitted.v1"):
    """Waiting is over."""

    participant: Token


class RoleChanged(Event, frozen=True, tag="role_changed.v1"):
    participant: Token
    role: Role


class ParticipantMuted(Event, frozen=True, tag="participant_muted.v1"):
    participant: Token
    on: bool


class SpotlightChanged(Event, frozen=True, tag="spotlight_changed.v1"):
    """Who is in the spotlight comes first on the stage, in the order of these."""

    participant: Token
    on: bool


class GuestsMuted(Event, frozen=True, tag="guests_muted.v1"):
    """All Guests are muted, or none; so are those who come later."""

    on: bool


class ConferenceLocked(Event, frozen=True, tag="conference_locked.v1"):
    on: bool


class LayoutTransformed(Event, frozen=True, tag="layout_transformed.v1"):
    transforms: Transforms
    "All that holds from now on, not only what is new."


class ThemesChosen(Event, frozen=True, tag="themes_chosen.v1"):
    """What the conference looks and sounds like from now on."""

    themes: list[ThemeRef]
    "The first decides; where it says nothing, the next does. Behind them all is our own."


class OutsideReported(Event, frozen=True, tag="outside_reported.v1"):
    """A meeting of another system began or ceased to be recorded, streamed or transcribed."""

    kind: OutsideKind
    platform: Platform
    on: bool
    public: bool = False


class AnnouncementRequested(Event, frozen=True, tag="announcement_requested.v1"):
    """The callers are to be told, by sound."""

    announcement: Announcement
    platform: Platform


class ParticipantLeft(Event, frozen=True, tag="participant_left.v1"):
    participant: Token
    reason: Reason


class PresentationStarted(Event, frozen=True, tag="presentation_started.v1"):
    participant: Token


class PresentationStopped(Event, frozen=True, tag="presentation_stopped.v1"):
    participant: Token


class CallRequested(Event, frozen=True, tag="call_requested.v1"):
    """A streaming participant is to be called; routing and scheduler take it from here."""

    participant: Token
    display_name: Text
    role: Role
    destination: SealedUrl
    protocol: Protocol
    routing: Routing
    location: Text
    streaming: bool
    keep_conference_alive: KeepAlive
    presentation_destination: SealedUrl | None = None
    "Set for a dual stream: it has two legs, `main` and `presentation`; otherwise one, `single`."
    crypto_mode: CryptoMode = "besteffort"
    "With `on`, nothing but rtmps:// may be dialled."
    automatic: int = 0
    "Id of the Automatically Dialed Participant that is called; 0: somebody asked for the call."
    picture: PictureOptions = PictureOptions()
    incoming: IncomingRoute | None = None
    "The second half of a gateway call: the rules have been asked, and `destination` is dialled."
    node: Text = ""
    "The egress worker, or the host, that a manual call has to be dialled from; empty: any."


class CallProgressed(Event, frozen=True, tag="call_progressed.v1"):
    """How far a call is that is not, or no longer, connected."""

    participant: Token
    step: CallStep
    detail: Reason = ""
    session: str = ""
    "The egress session that carries the call from now on, where that is what has changed."
    recording: bool | None = None
    "Whether it is recorded here and not streamed, where that has become known: when it is routed."
    location: Text = ""
    "Where it is dialled from, where that has become known: when it is routed."


class CallConnected(Event, frozen=True, tag="call_connected.v1"):
    """The service accepted the stream."""

    participant: Token
    encrypted: bool = False
    session: str = ""
    "The egress session that it came from."


class CallEnded(Event, frozen=True, tag="call_ended.v1"):
    """The streaming participant is gone."""

    participant: Token
    code: str
    "Reason code, e.g. `disconnected`, `connect-refused`, `tls-certificate`, `no-rule`."
    reason: Reason
    retry_at: datetime | None = None
    "When an Automatically Dialed Participant is dialled again; None: not at all."


class CallLegChanged(Event, frozen=True, tag="call_leg_changed.v1"):
    """How the presentation leg of a dual stream is; the call goes on whatever becomes of it."""

    participant: Token
    state: LegState
    code: str = ""
    detail: Reason = ""


class AutomaticCallRefused(Event, frozen=True, tag="automatic_call_refused.v1"):
    """An Automatically Dialed Participant could not be dialled now."""

    automatic: int
    "Its id."
    display_name: Text
    code: str
    reason: Reason
    retry_at: datetime | None = None


class TransferRequested(Event, frozen=True, tag="transfer_requested.v1"):
    """Somebody is to move to another conference, which has still to let them in."""

    participant: Token
    target: Token
    successor: Token
    "Who they will be there."
    instance: Token
    "Used if that conference has to be started."
    role: Role


class TransferRefused(Event, frozen=True, tag="transfer_refused.v1"):
    """The other conference did not let them in: they stay."""

    participant: Token
    successor: Token
    code: str
    reason: Reason


class ConferenceEnded(Event, frozen=True, tag="conference_ended.v1"):
    instance: Token
    reason: Reason


ConferenceEvent = (
    ConferenceStarted
    | ParticipantJoined
    | ParticipantLeft
    | PresentationStarted
    | PresentationStopped
    | CallRequested
    | CallProgressed
    | CallConnected
    | CallEnded
    | ConferenceEnded
    | ParticipantAdmitted
    | RoleChanged
    | ParticipantMuted
    | GuestsMuted
    | ConferenceLocked
    | LayoutTransformed
    | OutsideReported
    | AnnouncementRequested
    | CallLegChanged
    | AutomaticCallRefused
    | TransferRequested
    | TransferRefused
    | SpotlightChanged
    | ThemesChosen
)
"""What the rest of the code knows."""

Stored = ConferenceEvent
"""What the stream may hold."""


def upcast(event: Stored) -> ConferenceEvent:
    return event
