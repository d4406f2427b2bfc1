"""What an egress worker and the process of one session say to each other, one JSON line each."""

from datetime import datetime
from typing import Annotated

import msgspec

from kit.metrics import Distribution
from kit.stage import Stage
from proto.base import Reason, Token
from proto.egress import DestinationState, Measure, OnAir
from proto.media import FeedSpec, Rendition
from proto.recording import FileName, RecordingId
from proto.urls import Codec, Delivery


class Order(msgspec.Struct, frozen=True, tag_field="type"):
    """From the worker. `Begin` comes first and once; closing the pipe asks for a clean end."""


class Begin(Order, frozen=True, tag="begin"):
    session: Token
    feed: FeedSpec
    rendition: Rendition
    software: bool = True
    "Whether the software encoder may stand in for a hardware one."
    stats_every: Annotated[float, msgspec.Meta(ge=0.1)] = 1.0
    "Seconds; the worker has no figures but these."
    trace_id: str = ""
    "Of the call that the session began with, for log lines."


class FeedAt(Order, frozen=True, tag="feed_at"):
    """Where the feed is to be taken now; changes when the mixer is restarted."""

    socket: str
    "Path of a Unix socket; empty: the mixer is gone."


class Keep(msgspec.Struct, frozen=True):
    """What a recording has to know beside its name."""

    recording: RecordingId
    "Its folder."
    utc: float
    "Seconds that CLOCK_MONOTONIC is behind UTC since 1970."
    next_part: int = 1
    "Parts before this one are known of, wherever they are."


class AddDestination(Order, frozen=True, tag="add_destination"):
    participant: Token
    sealed: str
    "The URL, sealed; opened in this process alone."
    delivery: Delivery = Delivery()
    sealed_backup: str = ""
    "`delivery.backup`, sealed likewise; empty: there is none."
    seen: bool = False
    "It was live before, in a process that died: it is to be got back."
    keep: Keep | None = None
    "Set for a recording."
    no_codec: Reason = ""
    "Why it is to be sent H.264 after all."


class RemoveDestination(Order, frozen=True, tag="remove_destination"):
    participant: Token


class Report(msgspec.Struct, frozen=True, tag_field="type"):
    """To the worker."""


class Started(Report, frozen=True, tag="started"):
    """The encoder has been chosen and runs; again, if it died and another has taken over."""

    encoder: str
    reason: Reason = ""
    "Why it has taken over."
    codec: Codec = "h264"


class Degraded(Report, frozen=True, tag="degraded"):
    """The encoder does less than it should, or more again."""

    measures: list[Measure]
    reason: Reason
    codec: Codec = "h264"
    "Whose."


class Stopped(Report, frozen=True, tag="stopped"):
    """The session cannot be, and the process ends; destinations are not reported one by one."""

    code: str
    reason: Reason


class Changed(Report, frozen=True, tag="changed"):
    """A destination's life goes on; `proto.egress.DestinationChanged` in the session's words."""

    participant: Token
    state: DestinationState
    code: str = ""
    reason: Reason = ""
    attempt: int = 1
    next_retry_in: float | None = None
    "Seconds."
    bytes_out: int = 0
    dropped_frames: int = 0
    tls_version: str = ""
    on_air: OnAir = ""
    codec: Codec = "h264"


class PartBegun(Report, frozen=True, tag="part_begun"):
    """A recording goes on in a new file; the one before, if it was not told to be ended, is cut."""

    participant: Token
    number: int
    file: FileName
    at: float
    "Second of the recording."
    name: str
    started_at: datetime
    "Second 0."
    started_ns: int
    "The same on the mix's clock."


class PartEnded(Report, frozen=True, tag="part_ended"):
    participant: Token
    number: int
    seconds: float
    size: int
    lost_pictures: int = 0


class Troubled(Report, frozen=True, tag="troubled"):
    """A recording goes on, but somebody should look."""

    participant: Token
    code: str
    reason: Reason


class Dialled(Report, frozen=True, tag="dialled"):
    """What came of one connection to a destination."""

    participant: Token
    begun: float
    "Seconds of CLOCK_MONOTONIC, as all here."
    ended: float
    "When the first key frame was sent, or it failed."
    code: str = ""
    "Why it failed; empty: it did not."
    stages: list[Stage] = []


class Sent(msgspec.Struct, frozen=True):
    """How far a destination has got."""

    participant: Token
    bytes_out: int
    dropped_frames: int
    backlog_ms: int
    "Media that it has yet to be sent."


class Stats(Report, frozen=True, tag="stats"):
    """Every `Begin.stats_every`; all counted since the session began."""

    pictures: int
    "Encoded."
    repeated: int
    "Of these, the last picture again, because the mixer gave none."
    slates: int
    "Of these, the slate."
    late: int
    "Pictures of the mixer that came after their place was taken."
    silence: int
    "Samples of silence made up."
    feeds: int
    "Feeds taken, one after another."
    destinations: list[Sent] = []
    encoding: Distribution = Distribution()
    "Seconds that a picture took, in `kit.metrics.declared.PICTURE`."
    skew: float = 0.0
    "Seconds that the sound has got further than the picture."


Orders = Begin | FeedAt | AddDestination | RemoveDestination
Reports = (
    Started | Degraded | Stopped | Changed | Stats | Dialled | PartBegun | PartEnded | Troubled
)

decode_order = msgspec.json.Decoder(Orders).decode
decode_report = msgspec.json.Decoder(Reports).decode
