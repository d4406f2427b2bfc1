"""What there is to tell of a recording: its place in the catalogue, against what was told of it.

Not what has happened is looked at but what is there, so nothing is missed while nobody looks.
"""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from proto.base import Message
from proto.config import HookType
from proto.recording import Part, Recording
from proto.webhooks import Notice
from services.webhooks.core.fold import Fold

replace = msgspec.structs.replace

RECORDINGS = "/api/rostrum/v1/recordings"

GRACE = timedelta(seconds=60)
"""How long the end of a recording waits for a file that was cut to be mended and measured. That
takes seconds, unless its machine is gone."""


class Told(Message, frozen=True, tag="recording_told.v1"):
    """What sinks were told of one recording. KV `webhooks`, key `recording.<id>`."""

    started: int = 0
    "The file with which it began, as far as it was told; 0: it was not."
    parts: list[int] = []
    ended: bool = False


class News(msgspec.Struct, frozen=True):
    """A notice without its number."""

    id: str
    type: HookType
    at: datetime
    data: dict[str, Any]


def news(recording: Recording, told: Told, now: datetime) -> tuple[list[News], Told]:
    """What is to be told, in order, and what is told then."""
    if recording.started_at is None or not recording.parts:
        return [], told
    if told.ended and recording.ended_at is None:
        told = replace(told, started=0, ended=False)  # It goes on after all, somewhere else.
    found: list[News] = []
    parts = sorted(recording.parts, key=lambda part: part.number)
    new = [part for part in parts if part.number not in told.parts]
    if not told.started and not told.ended:
        first = (new or parts)[0]
        found.append(_started(recording, first))
        told = replace(told, started=first.number)
    closed = [part for part in new if part.ended and (part.sha256 or not part.cut)]
    found += [_part_finished(recording, part) for part in closed]
    told = replace(told, parts=[*told.parts, *(part.number for part in closed)])
    over = recording.ended_at
    if over is not None and not told.ended and (len(new) == len(closed) or now > over + GRACE):
        found.append(_ended(recording, parts[-1], over))
        told = replace(told, ended=True)
    return found, told


def settled(recording: Recording, told: Told) -> bool:
    """Whether there is nothing more to tell unless the catalogue changes."""
    return recording.ended_at is None or told.ended


def notice(recording: Recording, one: News, seq: int, fold: Fold) -> Notice:
    """It is where its call is, or its conference was."""
    stream = fold.streams.get(recording.participant)
    place = stream.system_location if stream else ""
    return Notice(
        *(one.id, one.type, one.at, recording.conference, recording.instance, seq, one.data),
        locations=[place] if place else fold.locations,
    )


def _started(recording: Recording, first: Part) -> News:
    assert recording.started_at is not None
    at = recording.started_at + timedelta(seconds=first.at)
    return News(_id(recording, "started", first), "recording_started", at, _whole(recording))


def _part_finished(recording: Recording, part: Part) -> News:
    assert recording.started_at is not None
    at = recording.started_at + timedelta(seconds=part.at + part.seconds)
    shown = {
        "number": part.number,
        "file": part.file,
        "start": part.at,
        "duration": round(part.seconds, 3),
        "size": part.size,
        "cut": part.cut,
        "lost_pictures": part.lost_pictures,
        "url": f"{_url(recording)}parts/{part.number}/",
    }
    data = {**_whole(recording), "part": shown}
    return News(_id(recording, "part", part), "recording_part_finished", at, data)


def _ended(recording: Recording, last: Part, at: datetime) -> News:
    kind: HookType = "recording_failed" if recording.code else "recording_finished"
    over = {
        "end_time": at.timestamp(),
        "duration": round(recording.seconds, 3),
        "size": recording.size,
        "parts": len(recording.parts),
        "code": recording.code,
        "reason": recording.reason,
    }
    return News(_id(recording, "ended", last), kind, at, {**_whole(recording), **over})


def _whole(recording: Recording) -> dict[str, Any]:
    assert recording.started_at is not None
    return {
        "recording": recording.recording,
        "uuid": recording.participant,
        "conference": recording.conference_name,
        "name": recording.name,
        "leg": recording.leg,
        "start_time": recording.started_at.timestamp(),
        "url": _url(recording),
    }


def _url(recording: Recording) -> str:
    return f"{RECORDINGS}/{quote(recording.recording, safe='')}/"


def _id(recording: Recording, what: str, part: Part) -> str:
    leg = "_p" if recording.leg == "presentation" else ""
    return f"{recording.participant[:40]}{leg}_{what}_{part.number}"
