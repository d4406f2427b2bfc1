"""What was configured while a log was made, as far as it says; where it does not, what it shows."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from cli.log.causes import ALONE, HOSTS_LEFT, WAITED_TOO_LONG
from cli.log.read import Log
from proto.base import Event
from proto.conference import (
    CallRequested,
    ConferenceEnded,
    ConferenceStarted,
    ParticipantJoined,
    ParticipantLeft,
    ThemesChosen,
)
from proto.config import AutomaticParticipant, Conference, Global, IvrTheme
from proto.export import Settings
from proto.layouts import ALL, ConfigName
from proto.subjects import is_gateway_call

TIMEOUTS = {
    HOSTS_LEFT: "guests_only_timeout",
    ALONE: "eject_last_participant_backstop_timeout",
}
"""Why a conference is ended by a timer, to its setting; it counts from when somebody left."""

NUMBER = 1
"""Of the conference, where the log does not say: there is one."""


def settings(log: Log) -> Settings:
    if log.settings is not None:
        return log.settings
    events = [event for entry in log.entries for event in entry.events]
    started = next((e for e in events if isinstance(e, ConferenceStarted)), None)
    if started is None or is_gateway_call(log.conference):
        return Settings(log.conference, _general(started, events))
    return Settings(
        log.conference,
        _general(started, events),
        Conference(
            started.name,
            NUMBER,
            log.conference,
            service_type="lecture" if started.service_type == "lecture" else "conference",
            host_view=_layout(started.layout),
            guest_view=_layout(started.guest_layout or started.layout),
            max_pixels_per_second=started.quality,
            pin="0000#" if started.allow_guests else "",
            allow_guests=started.allow_guests,
            guests_can_present=started.guests_can_present,
            guests_can_see_guests=started.guests_can_see_guests,
            mute_all_guests=started.guests_muted,
            max_callrate_out=started.max_callrate_out,
            call_type=started.call_type,
            enable_overlay_text=started.enable_overlay_text,
            enable_active_speaker_indication=started.enable_active_speaker_indication,
            frame_rate=started.frame_rate,
        ),
        _automatic(events),
        _themes(events),
    )


def _general(started: ConferenceStarted | None, events: Sequence[Event]) -> Global:
    general = Global(max_callrate_out=started.max_callrate_out if started else None)
    return msgspec.structs.replace(general, **_timeouts(events))


def _timeouts(events: Sequence[Event]) -> dict[str, int]:
    """What timers were set to, as far as they have gone off: the whole seconds since what they are
    counted from. They are looked at twice a second, so none of these is a second too long."""
    found: dict[str, int] = {}
    joined: dict[str, datetime] = {}
    last_left: datetime | None = None
    for event in events:
        match event:
            case ParticipantJoined(participant=who, at=at):
                joined[who] = at
            case ParticipantLeft(participant=who, at=at, reason=reason):
                if reason == WAITED_TOO_LONG and who in joined:
                    found["waiting_for_chair_timeout"] = int((at - joined[who]).total_seconds())
                elif reason not in TIMEOUTS:
                    last_left = at
            case ConferenceEnded(at=at, reason=reason) if reason in TIMEOUTS and last_left:
                found[TIMEOUTS[reason]] = int((at - last_left).total_seconds())
    return found


def _layout(client: str) -> ConfigName:
    return next((names.config for names in ALL if names.client == client), "one_main_seven_pips")


def _automatic(events: Sequence[Event]) -> list[AutomaticParticipant]:
    """Those that were called; of those that could not be, nothing is known but their names."""
    found: dict[int, AutomaticParticipant] = {}
    for event in events:
        if isinstance(event, CallRequested) and event.automatic:
            second = event.presentation_destination
            picture = event.picture
            found[event.automatic] = AutomaticParticipant(
                event.destination.redacted[:250] or "-",
                event.automatic,
                [NUMBER],
                remote_display_name=event.display_name,
                protocol=event.protocol,
                role=event.role,
                keep_conference_alive=event.keep_conference_alive,
                routing=event.routing,
                system_location=event.location or None,
                streaming=event.streaming,
                presentation_url=second.redacted if second else "",
                content=picture.content,
                inset=picture.inset,
                layout=picture.layout or None,
                max_pixels_per_second=picture.max_pixels_per_second,
                frame_rate=picture.frame_rate,
                max_video_kbps=picture.max_video_kbps,
                sealed_alias=event.destination,
                sealed_presentation=second,
            )
    return [found[ident] for ident in sorted(found)]


def _themes(events: Sequence[Event]) -> list[IvrTheme]:
    refs = {ref.theme: ref for e in events if isinstance(e, ThemesChosen) for ref in e.themes}
    return [IvrTheme(f"Theme {n}", n, package=ref.package) for n, ref in refs.items()]
