"""What the worker and its conference processes say to each other, one JSON line each."""

import msgspec

from kit.libsrt import Reception
from kit.metrics import Distribution
from proto.base import Reason, Token
from proto.conference import Announcement, Platform
from proto.media import FeedSpec
from proto.mixer import CallKind, Slot, SnapshotKind, SourceState
from proto.views import ConferenceView
from services.mixer.core.line import Lines
from services.mixer.core.scene import Content as Content  # the worker says it too


class Order(msgspec.Struct, frozen=True, tag_field="order"):
    """From the worker."""


class Begin(Order, frozen=True, tag="begin"):
    """Always the first."""

    conference: Token
    instance: Token
    replay: bool = False
    "Show flat colours and sound tones instead of opening media; the stage is told, not heard."
    labels: bool = False
    "Write names into the pictures."


class Show(Order, frozen=True, tag="show"):
    """The conference is like this now."""

    view: ConferenceView


class Source(Order, frozen=True, tag="source"):
    """Where a participant's media is; may come before the view that has the participant."""

    participant: Token
    content: Content
    secret: str
    "The URL, sealed."


class Stage(Order, frozen=True, tag="stage"):
    """Who is heard, in a replay."""

    stage: list[Token]


class Announce(Order, frozen=True, tag="announce"):
    """Tell those who take part, by sound, now."""

    announcement: Announcement
    platform: Platform


class TakeSnapshot(Order, frozen=True, tag="take_snapshot"):
    """Draw one picture."""

    number: int
    kind: SnapshotKind


class Dress(Order, frozen=True, tag="dress"):
    """Wear these themes."""

    packages: list[str]
    "Paths of ZIP files, the first of which decides."


class Connect(Order, frozen=True, tag="connect"):
    """Somebody's browser offers a call."""

    number: int
    participant: Token
    call: Token
    kind: CallKind
    sdp: str


class Candidate(Order, frozen=True, tag="candidate"):
    """Where else a browser can be reached."""

    number: int
    participant: Token
    call: Token
    candidate: str
    mid: str


class EndCall(Order, frozen=True, tag="end_call"):
    participant: Token
    call: Token


class Report(msgspec.Struct, frozen=True, tag_field="report"):
    """From the conference's process."""


class Ready(Report, frozen=True, tag="ready"):
    """Feeds can be taken."""

    socket: str


class SourceChanged(Report, frozen=True, tag="source_changed"):
    participant: Token
    content: Content
    state: SourceState
    reason: Reason = ""


class StageChanged(Report, frozen=True, tag="stage_changed"):
    stage: list[Token]
    vad: list[int] = []


class StageLevels(Report, frozen=True, tag="stage_levels"):
    """The stage is as it was told, and how loud everybody is has changed."""

    stage: list[Token]
    vad: list[int]


class Snapshot(Report, frozen=True, tag="snapshot"):
    """The picture of that number; none: nobody presents."""

    number: int
    jpeg: bytes | None


class CallAnswer(Report, frozen=True, tag="call_answer"):
    """To the order of that number."""

    number: int
    sdp: str = ""
    problem: str = ""
    "Why not, for people."


class LayoutChanged(Report, frozen=True, tag="layout_changed"):
    """Of every feed that somebody takes, and always of the usual one."""

    feed: FeedSpec
    view: str
    slots: list[Slot]


class Stats(Report, frozen=True, tag="stats"):
    """Counted since the conference began."""

    seconds: float
    "How long the mix has run."
    pictures: int
    "Rendered for all feeds together."
    late: int
    "Pictures of the clock that were left out because rendering was late."
    missed: int
    "Pictures that a taker did not get because it was slow."
    feeds: int
    takers: int
    cpu_seconds: float
    "Used by the process."
    composing: Distribution = Distribution()
    "Seconds that a picture took, in `kit.metrics.declared.PICTURE`."
    srt: Reception = Reception()
    "What came over SRT, of all sources that are open or were."
    calls: Lines = Lines()
    "By WebRTC."


AnyOrder = (
    Begin | Show | Source | Stage | Announce | TakeSnapshot | Dress | Connect | Candidate | EndCall
)
AnyReport = (
    Ready
    | SourceChanged
    | StageChanged
    | StageLevels
    | LayoutChanged
    | Snapshot
    | CallAnswer
    | Stats
)

_order_decoder: msgspec.json.Decoder[AnyOrder] = msgspec.json.Decoder(AnyOrder)
_report_decoder: msgspec.json.Decoder[AnyReport] = msgspec.json.Decoder(AnyReport)


def decode_order(data: bytes) -> AnyOrder:
    return _order_decoder.decode(data)


def decode_report(data: bytes) -> AnyReport:
    return _report_decoder.decode(data)
