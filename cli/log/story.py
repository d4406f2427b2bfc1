"""What one run of a conference came to, as lanes: what is said in one is in order, what is said in
two of them is not, because which of two services was faster is chance."""

from typing import Any

import msgspec

from cli.log.alike import Alike, shown
from cli.log.read import Log
from proto.base import Event
from proto.conference import (
    CallConnected,
    CallEnded,
    CallLegChanged,
    CallProgressed,
    CallRequested,
    ParticipantJoined,
)
from proto.egress import DestinationChanged, SessionStarted, SessionStopped
from proto.mixer import LayoutChanged, MixStarted, MixStopped, SourceChanged, StageChanged
from proto.routing import CallRefused, CallRouted
from proto.scheduler import (
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixRefused,
    MixReleased,
    SessionAssigned,
    SessionRefused,
    SessionReleased,
)

Lane = tuple[str, ...]
"""What it is about, e.g. `("destination", "participant#2", "single")`."""


class Told(msgspec.Struct, frozen=True):
    """One thing that happened."""

    line: str
    "For people; equal lines are equal things."
    event: dict[str, Any]


class Story(msgspec.Struct, frozen=True):
    conference: str
    name: str
    lanes: dict[Lane, list[Told]]
    view: dict[str, Any]
    names: dict[str, str] = {}
    "Of the participants, as people know them."


def story(log: Log) -> Story:
    alike = Alike(log)
    lanes: dict[Lane, list[Told]] = {}
    for entry in log.entries:
        for event in entry.events:
            lane = _lane(event, alike)
            told = _told(event, lane, alike)
            known = lanes.setdefault(lane, [])
            if not (known and known[-1] == told and lane[0] in SAID_AGAIN):
                known.append(told)
    names = {
        alike.of(event.participant): event.display_name
        for entry in log.entries
        for event in entry.events
        if isinstance(event, ParticipantJoined | CallRequested)
    }
    lanes = dict(sorted(lanes.items()))
    return Story(log.conference, log.view.name, lanes, alike(log.view), names)


SAID_AGAIN = frozenset({"layout", "destination", "stage", "source"})
"""Reports of how things are: that they are still so is no news."""


def _lane(event: Event, alike: Alike) -> Lane:
    match event:
        case CallRequested() | CallProgressed() | CallConnected() | CallEnded():
            return ("call", alike.of(event.participant))
        case CallLegChanged(participant=who):
            return ("call", alike.of(who), "presentation")
        case CallRouted(participant=who, leg=leg) | CallRefused(participant=who, leg=leg):
            return ("routing", alike.of(who), leg)
        case DestinationChanged(participant=who, leg=leg):
            return ("destination", alike.of(who), leg)
        case (
            DestinationAssigned(participant=who, leg=leg)
            | DestinationReleased(participant=who, leg=leg)
            | SessionRefused(participant=who, leg=leg)
        ):
            return ("assignment", alike.of(who), leg)
        case SessionAssigned() | SessionReleased() | SessionStarted() | SessionStopped():
            return ("session", alike.of(event.session))
        case MixAssigned() | MixRefused() | MixReleased() | MixStarted() | MixStopped():
            return ("mix",)
        case StageChanged():
            return ("stage",)
        case SourceChanged(participant=who, content=content):
            return ("source", alike.of(who), content)
        case LayoutChanged(feed=feed):
            what = [feed.content, f"{feed.width}x{feed.height}", str(feed.fps), feed.audience]
            more = [feed.layout, "for streams" * feed.streaming, alike.of(feed.listener)]
            return ("layout", " ".join(filter(None, [*what, *more])))
    return ("conference",)


def _told(event: Event, lane: Lane, alike: Alike) -> Told:
    told = alike(event)
    if isinstance(event, LayoutChanged):
        slots = " ".join(f"{slot['kind']}={slot['participant']}" for slot in told["slots"])
        return Told(f"{event.view} {slots}".strip(), told)
    hidden = ("at", "conference", *(("participant", "leg") if len(lane) > 1 else ()))
    return Told(shown(told, hidden), told)
