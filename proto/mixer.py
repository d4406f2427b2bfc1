"""What the mixer sees and shows. Stream `MIXER`, subject `mixer.events.<conference>`."""

from typing import Literal

import msgspec

from proto.base import Command, Event, Message, Reason, Refused, Token
from proto.media import FeedSpec

SourceState = Literal["connecting", "live", "stalled", "broken", "ended"]


class MixStarted(Event, frozen=True, tag="mix_started.v1"):
    conference: Token
    instance: Token
    worker: Token


class MixStopped(Event, frozen=True, tag="mix_stopped.v1"):
    conference: Token
    instance: Token
    worker: Token
    reason: Reason = ""


class SourceChanged(Event, frozen=True, tag="source_changed.v1"):
    """A participant's media came, stalled, broke or ended."""

    conference: Token
    participant: Token
    content: Literal["main", "presentation"]
    state: SourceState
    reason: Reason = ""


class StageChanged(Event, frozen=True, tag="stage_changed.v1"):
    """Who is heard, loudest or latest first."""

    conference: Token
    stage: list[Token]
    vad: list[int] = []
    "How loud each of them was then, 0 to 100 above the noise of their own line."


class StageLevels(Message, frozen=True, tag="stage_levels.v1"):
    """How loud everybody is, for those who look on now; it is not stored."""

    conference: Token
    stage: list[Token]
    vad: list[int]


SnapshotKind = Literal["preview", "presentation", "presentation_high"]
"""`preview`: what a single stream shows, small; `presentation`: what is presented, small or as
large as it is sent."""


class TakeSnapshot(Command, frozen=True, tag="take_snapshot.v1"):
    """Asked of the worker that mixes the conference; answered with a `Snapshot` or refused."""

    conference: Token
    kind: SnapshotKind = "preview"


class Snapshot(Message, frozen=True, tag="snapshot.v1"):
    jpeg: bytes


class Slot(msgspec.Struct, frozen=True):
    """One place of a layout and who is in it."""

    kind: Literal["main", "pip", "presentation", "inset"]
    participant: Token


class LayoutChanged(Event, frozen=True, tag="layout_changed.v1"):
    conference: Token
    feed: FeedSpec
    view: str
    "Client API name, e.g. `1:7`."
    slots: list[Slot]


MixerEvent = MixStarted | MixStopped | SourceChanged | StageChanged | LayoutChanged
Stored = MixerEvent

_ask_decoder = msgspec.json.Decoder(TakeSnapshot)
_snapshot_decoder: msgspec.json.Decoder[Snapshot | Refused] = msgspec.json.Decoder(
    Snapshot | Refused
)
_levels_decoder = msgspec.json.Decoder(StageLevels)

decode_take_snapshot = _ask_decoder.decode
decode_snapshot = _snapshot_decoder.decode
decode_levels = _levels_decoder.decode

_commit_decoder = msgspec.json.Decoder(list[Stored])


def decode_commit(data: bytes) -> list[MixerEvent]:
    return list(_commit_decoder.decode(data))
