"""Snapshots in KV `conferences`, `workers`, `feeds`: followers read these and fold no events."""

from datetime import datetime
from typing import Literal

import msgspec

from proto.base import Reason, Text, Token
from proto.conference import CallStep, KeepAlive, Quality, Role
from proto.scheduler import WorkerKind
from proto.urls import SealedUrl

ParticipantState = Literal[
    "requested", "routed", "assigned", "connecting", "connected", "recovering"
]


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
    "The streaming indicator is on: a streaming participant is connected, or being reconnected."

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
    used: int
    draining: bool = False
    encoders: list[str] = []
    "Proven by trial, best first."


class FeedOffer(msgspec.Struct, frozen=True):
    """Where the feeds of a conference can be taken; KV `feeds`, key `<conference>`."""

    conference: Token
    instance: Token
    worker: Token
    host: str
    socket: str
    "Path of a Unix socket on that host."


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
}
