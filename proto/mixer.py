"""What the mixer sees and shows. Stream `MIXER`, subject `mixer.events.<conference>`."""

from typing import Literal

import msgspec

from proto.base import Event, Reason, Token
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

_commit_decoder = msgspec.json.Decoder(list[Stored])


def decode_commit(data: bytes) -> list[MixerEvent]:
    return list(_commit_decoder.decode(data))
