"""What became of the destinations. Stream `EGRESS`, subject `egress.events.<conference>`."""

from datetime import datetime
from typing import Literal

import msgspec

from proto.base import Event, Reason, Token
from proto.media import Content
from proto.urls import Codec

DestinationState = Literal["connecting", "publishing", "recovering", "failed", "stopped"]

OnAir = Literal["", "primary", "backup", "both"]
"""Which address of a destination with two has the stream now; empty: neither, or it has one."""


Measure = Literal["preset", "frame_rate", "size"]
"""What is done about an encoder that cannot keep up: its quickest preset, half the pictures, two
thirds of the width and height."""


class SessionStarted(Event, frozen=True, tag="session_started.v1"):
    """The encoder runs; told again when another has taken over from one that died."""

    conference: Token
    session: Token
    worker: Token
    encoder: str
    reason: Reason = ""
    "Why it took over."
    codec: Codec = "h264"
    "A session has an encoder for each that a destination takes; H.264 always."


class SessionStopped(Event, frozen=True, tag="session_stopped.v1"):
    conference: Token
    session: Token
    worker: Token
    reason: Reason = ""


class SessionDegraded(Event, frozen=True, tag="session_degraded.v1"):
    """The encoder could not keep up and does less, or has time to spare and does more again."""

    conference: Token
    session: Token
    worker: Token
    measures: list[Measure] = []
    "In force from the next key frame on, in the order that they were taken; empty: recovered."
    reason: Reason = ""
    before: list[Measure] = []
    "Those that were in force until then."
    codec: Codec = "h264"
    "Whose encoder it is about."


class DestinationChanged(Event, frozen=True, tag="destination_changed.v1"):
    conference: Token
    session: Token
    worker: Token
    participant: Token
    state: DestinationState
    code: str = ""
    "Reason code of `docs/reason-codes.md`; empty while all is well."
    reason: Reason = ""
    attempt: int = 1
    "The dial that is under way, or comes next; counted since the stream was last steady."
    next_retry_at: datetime | None = None
    bytes_out: int = 0
    dropped_frames: int = 0
    tls_version: str = ""
    leg: Content = "single"
    "Which half of a dual stream."
    on_air: OnAir = ""
    codec: Codec = "h264"
    "That is sent, while it is publishing."


EgressEvent = SessionStarted | SessionStopped | SessionDegraded | DestinationChanged
Stored = EgressEvent

_commit_decoder = msgspec.json.Decoder(list[Stored])


def decode_commit(data: bytes) -> list[EgressEvent]:
    return list(_commit_decoder.decode(data))
