"""What the mixer sees and shows. Stream `MIXER`, subject `mixer.events.<conference>`."""

from typing import Annotated, Literal

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


CallKind = Literal["main", "send_presentation", "receive_presentation"]
"""`main`: a person's camera and microphone one way, the mix the other; the others carry a
presentation alone."""

Sdp = Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)]
"""A session description (RFC 8866). It holds the ICE password: never to be logged or stored."""


class ConnectCall(Command, frozen=True, tag="connect_call.v1"):
    """A person's browser offers media. Asked of the worker that mixes the conference; answered
    with a `CallAnswered` or refused. The same call again is a new offer for it."""

    conference: Token
    participant: Token
    call: Token
    sdp: Sdp
    kind: CallKind = "main"


class CallAnswered(Message, frozen=True, tag="call_answered.v1"):
    """All candidates are in the description; there are no later ones."""

    sdp: Sdp


class AddCandidate(Command, frozen=True, tag="add_candidate.v1"):
    """Where else the browser can be reached. Answered with a `CallHeard` or refused."""

    conference: Token
    participant: Token
    call: Token
    candidate: Annotated[str, msgspec.Meta(max_length=1024)]
    "An ICE candidate (RFC 8839), `candidate:…`; empty: there are no more."
    mid: Annotated[str, msgspec.Meta(max_length=64)] = ""


class EndCall(Command, frozen=True, tag="end_call.v1"):
    """The call is over. Answered with a `CallHeard`, also if there is no such call."""

    conference: Token
    participant: Token
    call: Token


class CallHeard(Message, frozen=True, tag="call_heard.v1"):
    """That is done."""


CallCommand = ConnectCall | AddCandidate | EndCall


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
_call_decoder: msgspec.json.Decoder[CallCommand] = msgspec.json.Decoder(CallCommand)
_call_answer_decoder: msgspec.json.Decoder[CallAnswered | CallHeard | Refused] = (
    msgspec.json.Decoder(CallAnswered | CallHeard | Refused)
)
_levels_decoder = msgspec.json.Decoder(StageLevels)

decode_take_snapshot = _ask_decoder.decode
decode_snapshot = _snapshot_decoder.decode
decode_call = _call_decoder.decode
decode_call_answer = _call_answer_decoder.decode
decode_levels = _levels_decoder.decode

_commit_decoder = msgspec.json.Decoder(list[Stored])


def decode_commit(data: bytes) -> list[MixerEvent]:
    return list(_commit_decoder.decode(data))
