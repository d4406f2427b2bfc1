"""Meetings of other systems behind gateway legs: what is done there is known and announced here."""

from datetime import datetime

from proto.conference import (
    Announcement,
    AnnouncementRequested,
    ConferenceEvent,
    OutsideKind,
    OutsideReported,
    Platform,
    ReportOutside,
)
from proto.views import ConferenceView

ANNOUNCED: dict[Platform, tuple[OutsideKind, ...]] = {
    "google_meet": ("recording", "streaming", "transcribing"),
    "teams": ("recording", "transcribing"),
    "skype": (),
}
"""What callers are told by sound; the indicators show the rest."""

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
