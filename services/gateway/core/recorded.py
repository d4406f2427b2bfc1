"""Recordings as our API shows them."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

import msgspec

from proto.media import Content
from proto.recording import Mark, Part, Presence, Recording, RecordingState, Warned

RECORDINGS = "/api/rostrum/v1/recordings"


class RecordedPart(msgspec.Struct, frozen=True):
    """One file of a recording."""

    number: int
    file: str
    at: float
    "Second of the recording at which it begins."
    seconds: float
    "0 while it is being written."
    size: int
    sha256: str
    "Empty until the file is finished."
    stored: bool
    "In the object store."
    cut: bool
    "Its process died: the last second may be missing."
    lost_pictures: int
    "Left out, because the disk was too slow."
    url: str


class Recorded(msgspec.Struct, frozen=True):
    """One recording: of one conference, of one half of a dual recording."""

    recording: str
    participant: str
    "The call that it is, or was."
    conference: str
    conference_name: str
    name: str
    leg: Content
    state: RecordingState
    started_at: datetime | None
    "Second 0."
    ended_at: datetime | None
    seconds: float
    size: int
    code: str
    "Why it ended: a reason code; empty for a usual end."
    reason: str
    other: str
    "The other half of a dual recording; empty: there is none."
    parts: list[RecordedPart]
    warnings: list[Warned]
    people: list[Presence] = []
    "Who was in, in seconds of the recording. Not in the list of all."
    marks: list[Mark] = []
    "Where chapters begin. Not in the list of all."


def recorded(one: Recording, known: Mapping[str, Recording], *, whole: bool = True) -> Recorded:
    halves = (i for i, r in known.items() if r.participant == one.participant and r is not one)
    return Recorded(
        one.recording,
        one.participant,
        one.conference,
        one.conference_name,
        one.name,
        one.leg,
        one.state,
        one.started_at,
        one.ended_at,
        one.seconds,
        one.size,
        one.code,
        one.reason,
        next(halves, ""),
        [_part(one, part) for part in one.parts],
        one.warnings,
        one.people if whole else [],
        one.marks if whole else [],
    )


def _part(one: Recording, part: Part) -> RecordedPart:
    return RecordedPart(
        part.number,
        part.file,
        part.at,
        part.seconds,
        part.size,
        part.sha256,
        part.stored,
        part.cut,
        part.lost_pictures,
        f"{RECORDINGS}/{quote(one.recording, safe='')}/parts/{part.number}/",
    )
