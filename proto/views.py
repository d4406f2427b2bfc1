"""Snapshots in KV `conferences`, `workers`, `feeds`: followers read these and fold no events."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from proto.base import Reason, Text, Token
from proto.conference import (
    Announcement,
    CallStep,
    CallType,
    GuestsSeeGuests,
    IncomingProtocol,
    KeepAlive,
    LegState,
    OutsideKind,
    Platform,
    Quality,
    Role,
    ServiceType,
    ThemeRef,
    Transforms,
)
from proto.config import CryptoMode
from proto.media import Audience, FrameRate, PictureOptions
from proto.scheduler import WorkerKind
from proto.urls import SealedUrl

ParticipantState = Literal[
    "waiting", "requested", "routed", "assigned", "connecting", "connected", "recovering"
]
"`waiting`: for a Host, or to be let into a locked conference; neither seen nor heard."


class TransferView(msgspec.Struct, frozen=True):
    """A transfer to another conference that has not come about, or not yet."""

    target: Token
    successor: Token
    "Who they are there once they have been let in."
    code: str = ""
    "Why they were not let in; empty: that is not decided yet."
    reason: Reason = ""

    def pending(self) -> bool:
        return not self.code


class ParticipantView(msgspec.Struct, frozen=True):
    participant: Token
    display_name: Text
    role: Role
    state: ParticipantState = "connected"
    detail: Reason = ""
    joined_at: datetime | None = None
    media: SealedUrl | None = None
    presentation: SealedUrl | None = None
    destination: SealedUrl | None = None
    "Set for a streaming participant."
    session: str = ""
    "The egress session that carries a call; what an earlier one still says is of no interest."
    is_streaming: bool = False
    encrypted: bool = False
    keep_conference_alive: KeepAlive = "keep_conference_alive"
    is_muted: bool = False
    crypto_mode: CryptoMode = "besteffort"
    presentation_destination: SealedUrl | None = None
    "Set for a dual stream."
    presentation_state: LegState | Literal[""] = ""
    "How the presentation leg of a dual stream is."
    presentation_detail: Reason = ""
    automatic: int = 0
    "Id of the Automatically Dialed Participant that this is; 0: it is none."
    picture: PictureOptions = PictureOptions()
    "What a call asked for."
    protocol: IncomingProtocol | Literal[""] = ""
    "How somebody who called came in."
    called: Text = ""
    "The alias that they called, as it may be shown."
    location: Text = ""
    "Where their call came in."
    transfer: TransferView | None = None
    "Where they were last to be moved to."
    spotlight: datetime | None = None
    "Since when they are in the spotlight; None: they are not."
    is_recording: bool = False
    "A streaming participant whose stream is kept here, `record://…`."

    def present(self) -> bool:
        """A person who is in, and does not wait to be."""
        return self.destination is None and self.state != "waiting"

    def by_call(self) -> bool:
        """A person whose media comes by calls from their browser, as and when they make any."""
        return self.protocol == "webrtc" and self.media is None and self.destination is None

    def can_present(self) -> bool:
        """Whether there is, or may be at any time, something of theirs to be shown."""
        return self.presentation is not None or self.by_call()


class AutomaticView(msgspec.Struct, frozen=True):
    """What this instance has done about one Automatically Dialed Participant."""

    automatic: int
    calls: int = 0
    "Made in this instance."
    failures: int = 0
    "Since one was connected."
    retry_at: datetime | None = None
    "When it is dialled again; None while it is in the conference, and when it will not be."


class Outside(msgspec.Struct, frozen=True):
    """Something that is done with the meeting of another system now."""

    kind: OutsideKind
    platform: Platform
    public: bool = False


class AnnouncementView(msgspec.Struct, frozen=True):
    """The announcement that was asked for last."""

    announcement: Announcement
    platform: Platform
    at: datetime


class ConferenceView(msgspec.Struct, frozen=True):
    """All about a conference that anyone outside conference_state may know."""

    conference: Token
    version: int
    "Stream sequence of the last commit in here; views are replaced in rising order only."
    name: Text = ""
    running: bool = False
    instance: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: Reason = ""
    layout: str = "1:7"
    quality: Quality = "hd"
    participants: list[ParticipantView] = []
    "In order of joining."
    presenter: str = ""
    "Participant who presents, or empty."
    streaming: bool = False
    "A streaming participant is connected or being reconnected, or an outside meeting is streamed."
    service_type: ServiceType = "conference"
    allow_guests: bool = False
    "Guests and Hosts are told apart."
    guest_layout: str = ""
    "What the Guests of a Virtual Auditorium see; empty: the same as everybody."
    guests_can_present: bool = True
    guests_can_see_guests: GuestsSeeGuests = "no_hosts"
    guests_muted: bool = False
    locked: bool = False
    max_callrate_out: int | None = None
    public_streaming: bool = False
    recording: bool = False
    transcribing: bool = False
    streaming_indicator: bool = False
    "Whether it is to be shown: the fact, unless a transform overrides it."
    recording_indicator: bool = False
    transcribing_indicator: bool = False
    transforms: Transforms = Transforms()
    outside: list[Outside] = []
    announcement: AnnouncementView | None = None
    automatic: list[AutomaticView] = []
    unkept_since: datetime | None = None
    "Since when nobody is there who keeps the conference alive."
    alone_since: datetime | None = None
    "Since when there is one participant only, streams counted."
    platform: Platform | Literal[""] = ""
    "Of a gateway call: whose the meeting is that the caller stands in."
    theme: int = 0
    "Id of the theme; 0: none is named."
    arrived: list[Token] = []
    "The newest of those who were transferred here, whether they are still here or not."
    enable_overlay_text: bool = False
    "Names are written into pictures: as configured, unless a transform says otherwise."
    enable_active_speaker_indication: bool = False
    call_type: CallType = "video"
    themes: list[ThemeRef] = []
    "The first decides; where it says nothing, the next does. Behind them all is our own."
    frame_rate: FrameRate = 30

    def shown_to(self, audience: Audience) -> list[ParticipantView]:
        """Whose media may be seen. Guests of a Virtual Auditorium see Hosts only."""
        people = [p for p in self.participants if p.present() and not p.is_streaming]
        if audience == "all" or self.service_type != "lecture":
            return people
        hosts = [p for p in people if p.role == "chair"]
        match self.guests_can_see_guests:
            case "always":
                return people
            case "no_hosts" if not hosts:
                return people
            case _:
                return hosts

    def find(self, participant: str) -> ParticipantView | None:
        return next((p for p in self.participants if p.participant == participant), None)


class WorkerView(msgspec.Struct, frozen=True):
    """A worker's heartbeat in KV `workers`, key `<kind>.<worker>`."""

    worker: Token
    kind: WorkerKind
    location: Text
    host: str
    "Identity of the machine: equal for processes that can share memory."
    capacity: int
    "`used`, and as many more as there is room for."
    used: int
    draining: bool = False
    encoders: list[str] = []
    "Proven by trial, best first."
    cost: float = 0.0
    "Cores that one more takes (a session of 1280x720 at 30 pictures/s, a mix), as measured there."
    load: float = 0.0
    "Cores that what it does takes."
    records: bool = False
    "It has somewhere to keep recordings."
    lends: bool = False
    "Of a mixer: other hosts can take its feeds, too."


class LentFeeds(msgspec.Struct, frozen=True):
    """Where other hosts can take the feeds of a conference."""

    host: Text
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    fingerprint: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    "SHA-256 of the certificate that is found there."


class FeedOffer(msgspec.Struct, frozen=True):
    """Where the feeds of a conference can be taken; KV `feeds`, key `<conference>`."""

    conference: Token
    instance: Token
    worker: Token
    host: str
    socket: str
    "Path of a Unix socket on that host."
    lent: LentFeeds | None = None
    "None: to this host alone."


_conference_decoder = msgspec.json.Decoder(ConferenceView)
_worker_decoder = msgspec.json.Decoder(WorkerView)
_feed_decoder = msgspec.json.Decoder(FeedOffer)

decode_conference = _conference_decoder.decode
decode_worker = _worker_decoder.decode
decode_feed = _feed_decoder.decode

STEP_STATE: dict[CallStep, ParticipantState] = {
    "routed": "routed",
    "assigned": "assigned",
    "connecting": "connecting",
    "recovering": "recovering",
    "connected": "connected",
}
