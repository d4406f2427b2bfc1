"""Meetings of other systems behind gateway legs: what is done there is known and announced here."""

from datetime import datetime
from typing import TypeVar

from proto.base import Refused
from proto.conference import (
    Announcement,
    AnnouncementRequested,
    ConferenceEvent,
    LayoutTransformed,
    OutsideKind,
    OutsideReported,
    Platform,
    ReportOutside,
    Transforms,
)
from proto.config import LAYOUT_NAMES
from proto.views import ConferenceView

ANNOUNCED: dict[Platform, tuple[OutsideKind, ...]] = {
    "google_meet": ("recording", "streaming", "transcribing"),
    "teams": ("recording", "transcribing"),
    "skype": (),
}
"""What callers are told by sound; the indicators show the rest."""

T = TypeVar("T")

STARTED: dict[OutsideKind, Announcement] = {
    "recording": "recording_started",
    "streaming": "streaming_started",
    "transcribing": "transcribing_started",
}
STOPPED: dict[OutsideKind, Announcement] = {
    "recording": "recording_stopped",
    "streaming": "streaming_stopped",
    "transcribing": "transcribing_stopped",
}


def report(state: ConferenceView, said: ReportOutside, at: datetime) -> list[ConferenceEvent]:
    same = (o for o in state.outside if (o.kind, o.platform) == (said.kind, said.platform))
    known = next(same, None)
    if not said.on and known is None:
        return []
    public = known.public if known is not None and not said.on else said.public
    if said.on and known is not None and known.public == public:
        return []
    events: list[ConferenceEvent] = [OutsideReported(at, said.kind, said.platform, said.on, public)]
    if said.kind in ANNOUNCED[said.platform]:
        announcement = _announcement(said.kind, said.on, public)
        events.append(AnnouncementRequested(at, announcement, said.platform))
    return events


def _announcement(kind: OutsideKind, on: bool, public: bool) -> Announcement:
    if kind == "streaming" and public:
        return "public_streaming_started" if on else "public_streaming_stopped"
    return STARTED[kind] if on else STOPPED[kind]


def transform(
    state: ConferenceView, wanted: Transforms, at: datetime
) -> list[ConferenceEvent] | Refused:
    for field, layout in (("layout", wanted.layout), ("guest_layout", wanted.guest_layout)):
        if layout is not None and layout not in LAYOUT_NAMES.values():
            return Refused("invalid", "there is no such layout", field)
    before = state.transforms
    merged = Transforms(
        _newer(wanted.layout, before.layout),
        _newer(wanted.guest_layout, before.guest_layout),
        _newer(wanted.streaming_indicator, before.streaming_indicator),
        _newer(wanted.recording_indicator, before.recording_indicator),
        _newer(wanted.transcribing_indicator, before.transcribing_indicator),
    )
    return [] if merged == before else [LayoutTransformed(at, merged)]


def _newer(wanted: T | None, before: T | None) -> T | None:
    return before if wanted is None else wanted
