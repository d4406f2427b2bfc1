"""A conference as Pexip's client API shows it: names, types and words of its `conference_status`
and of its participants.

What there is not is false, null or empty, for ever; programs look for the keys.
"""

from collections.abc import Collection
from typing import Any, Literal

import msgspec

from proto.conference import Role
from proto.views import ConferenceView, ParticipantView

YesNo = Literal["YES", "NO"]


class Classification(msgspec.Struct, frozen=True):
    levels: dict[str, str] = {}
    current: str | None = None


class ConferenceFlags(msgspec.Struct, frozen=True):
    """`conference_status`, and the event `conference_update`."""

    locked: bool
    "Hidden from Guests."
    guests_muted: bool
    all_muted: bool
    "Everybody who is in, and somebody is."
    started: bool
    "Somebody is in who does not wait."
    presentation_allowed: bool
    guests_can_present: bool
    recording: bool
    transcribing: bool
    streaming: bool
    public_streaming: bool
    chat_enabled: bool = False
    guests_can_unmute: bool = False
    direct_media: bool = False
    live_captions_available: bool = False
    breakout_rooms: bool = False
    pinning_config: str = ""
    message_text: str | None = None
    classification: Classification = Classification()
    ai_enabled: bool = False
    external_media_processing: bool = False
    custom_properties: dict[str, Any] | None = None


class ClientParticipant(msgspec.Struct, frozen=True):
    """A participant, streams included."""

    uuid: str
    api_url: str
    display_name: str
    overlay_text: str
    uri: str
    "Redacted; empty for Guests."
    protocol: str
    "`rtmp` for a stream, `webrtc`, the scheme of what is read, or `api`; empty for Guests."
    is_streaming_conference: bool
    role: Role
    service_type: str
    call_direction: Literal["in", "out"]
    local_alias: str
    encryption: Literal["On", "Off"]
    has_media: bool
    start_time: float | None
    "Seconds since 1970."
    is_muted: YesNo
    is_presenting: YesNo
    is_video_call: YesNo
    presentation_supported: YesNo
    mute_supported: YesNo
    transfer_supported: YesNo
    is_transferring: bool
    is_public_streaming: bool
    disconnect_supported: YesNo = "YES"
    fecc_supported: YesNo = "NO"
    is_audio_only_call: YesNo = "NO"
    vendor: str = ""
    call_tag: str = ""
    rx_presentation_policy: Literal["ALLOW", "DENY"] = "ALLOW"
    buzz_time: int = 0
    spotlight: float = 0
    "Since when, in seconds since 1970; 0: not."
    external_node_uuid: str = ""
    layout_group: str | None = None
    is_video_muted: bool = False
    is_client_muted: bool = False
    is_external: bool = False
    is_conjoined: bool = False
    is_idp_authenticated: bool = False
    is_main_video_dropped_out: bool = False
    is_video_silent: bool = False
    is_recording: bool = False
    "A stream that is kept here."
    is_transcribing: bool = False
    is_ai_enabled: bool = False
    is_on_hold: bool = False
    is_tx_muted: bool = False
    studiosound_enabled: bool = False
    needs_presentation_in_mix: bool = False
    can_receive_personal_mix: bool = False
    receive_from_video_mix: dict[str, Any] | None = None
    receive_from_audio_mix: str = "main"
    send_to_audio_mixes: list[dict[str, Any]] = []
    show_live_captions: bool = False
    streaming_state: str = ""
    "Ours, of a stream, for Hosts: `connecting`, `connected`, `recovering` …"
    detail: str = ""
    "Ours: what is the matter with a call just now. Empty for Guests."


def flags(view: ConferenceView, to: Role = "chair") -> ConferenceFlags:
    people = [p for p in view.participants if p.present()]
    return ConferenceFlags(
        locked=view.locked and to == "chair",
        guests_muted=view.guests_muted,
        all_muted=bool(people) and all(p.is_muted for p in people),
        started=any(p.state != "waiting" for p in view.participants),
        presentation_allowed=True,
        guests_can_present=view.guests_can_present,
        recording=view.recording,
        transcribing=view.transcribing,
        streaming=view.streaming,
        public_streaming=view.public_streaming,
    )


def participants(
    view: ConferenceView,
    alias: str,
    path: str,
    to: Role = "chair",
    on_air: Collection[str] = (),
) -> list[ClientParticipant]:
    """All, in order of joining. `path` is where they are found, with a slash at the end; `on_air`
    are those who are here by their browser and whose media comes in."""
    return [_participant(view, one, alias, path, to, on_air) for one in view.participants]


def _participant(
    view: ConferenceView,
    one: ParticipantView,
    alias: str,
    path: str,
    to: Role,
    on_air: Collection[str],
) -> ClientParticipant:
    calling, live = one.destination is not None, one.by_call()
    url = one.destination or one.media
    protocol = "rtmp" if calling else url.scheme if url else "webrtc" if live else "api"
    there = one.state in ("connected", "recovering")
    has_media = one.participant in on_air if live else url is not None
    return ClientParticipant(
        one.participant,
        f"{path}{one.participant}/",
        one.display_name,
        one.display_name,
        url.redacted if url and to == "chair" else "",
        protocol if to == "chair" else "",
        one.is_streaming,
        one.role,
        view.service_type if there else "waiting_room" if one.state == "waiting" else "connecting",
        "out" if calling else "in",
        alias,
        # Browsers send and take nothing that is not encrypted.
        "On" if one.encrypted or live else "Off",
        there and has_media,
        one.joined_at.timestamp() if one.joined_at else None,
        _yes(one.is_muted),
        _yes(view.presenter == one.participant),
        _yes(url is not None or live),
        _yes(one.can_present()),
        _yes(not calling),
        _yes(not calling),
        one.transfer is not None and one.transfer.pending(),
        # A service does not say who may watch; only a meeting outside does, of itself.
        is_public_streaming=False,
        spotlight=one.spotlight.timestamp() if one.spotlight else 0,
        is_recording=one.is_recording,
        streaming_state=one.state if calling and to == "chair" else "",
        detail=one.detail if to == "chair" else "",
    )


def _yes(fact: bool) -> YesNo:
    return "YES" if fact else "NO"
