"""What was kept of a conference: the catalogue in KV `recordings`, the manifest beside the files.

Both are this one struct. A recording is one leg of one call; its seconds are counted from
`started_at`, which the two halves of a dual recording share.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from proto.base import Message, Reason, Text, Token
from proto.conference import Role
from proto.media import Content

RecordingId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}(\.presentation)?$")]
"""The call's participant; of a presentation leg, with `.presentation` behind it."""

RecordingState = Literal["recording", "complete", "deleting"]

FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-](?:[A-Za-z0-9_-]|\.(?!\.)){0,149}$")]

MANIFEST = "manifest.json"
CHAPTERS = "chapters.vtt"


class Part(msgspec.Struct, frozen=True):
    """One file. Parts follow one another; what is between two of them was lost."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    file: FileName
    at: float
    "Second of the recording at which it begins."
    seconds: float = 0.0
    "How long it is; 0 while it is being written."
    size: int = 0
    sha256: str = ""
    "In hexadecimal; empty until it has been read again."
    stored: bool = False
    "It is in the object store, and not in the directory any more."
    lost_pictures: int = 0
    "Left out of it, because the disk was too slow."
    ended: bool = False
    host: str = ""
    "The machine in whose directory it is, or was."
    cut: bool = False
    "It was never closed, because the process died: its last second may be missing."


class Presence(msgspec.Struct, frozen=True):
    """Somebody who was in the conference, in seconds of the recording."""

    participant: Token
    display_name: Text
    role: Role
    since: float
    until: float | None = None
    "None: still there."


class Mark(msgspec.Struct, frozen=True):
    """Where a chapter begins."""

    at: float
    kind: Literal["start", "presentation_started", "presentation_stopped", "layout"]
    title: Text
    participant: str = ""
    "Who presents."


class Warned(msgspec.Struct, frozen=True):
    at: float
    code: str
    reason: Reason


class Recording(Message, frozen=True, tag="recording.v1"):
    recording: RecordingId
    participant: Token
    "The call that it is, or was."
    conference: Token
    conference_name: Text
    instance: str
    leg: Content
    host: str
    "The machine where it is made."
    state: RecordingState = "recording"
    name: Text = ""
    started_at: datetime | None = None
    "Second 0, UTC; None until there is a picture."
    started_ns: int = 0
    "The same moment on the mix's clock, CLOCK_MONOTONIC of `host`."
    ended_at: datetime | None = None
    parts: list[Part] = []
    people: list[Presence] = []
    marks: list[Mark] = []
    layout: str = ""
    "The newest."
    presenter: str = ""
    warnings: list[Warned] = []
    code: str = ""
    "Why it ended: a reason code; empty while it is being made, and for a usual end."
    reason: Reason = ""
    seen_at: datetime | None = None
    "When whoever makes it was last alive."

    @property
    def seconds(self) -> float:
        return max((part.at + part.seconds for part in self.parts), default=0.0)

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)


decode_recording = msgspec.json.Decoder(Recording).decode


def recording_id(participant: str, leg: Content) -> str:
    return f"{participant}.presentation" if leg == "presentation" else participant


def chapters(recording: Recording, part: Part | None = None) -> str:
    """The chapters as WebVTT, in seconds of the recording, or of one part of it."""
    first = part.at if part else 0.0
    last = part.at + part.seconds if part else recording.seconds
    shown = [(max(mark.at, first), mark.title) for mark in recording.marks if mark.at < last]
    # What began before a part is its first chapter; of several at one moment, the last counts.
    newest = sorted(dict(shown).items())
    ends = [at for at, _ in newest[1:]] + [last] * bool(newest)
    cues = [
        f"{_clock(at - first)} --> {_clock(end - first)}\n{_line(title)}\n"
        for (at, title), end in zip(newest, ends, strict=True)
        if end > at
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"


def _line(title: str) -> str:
    """One line that a reader of WebVTT takes for text."""
    text = " ".join(title.split()) or "-"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
