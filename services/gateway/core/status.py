"""What is going on, as the management API shows it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from proto.conference import CALLERS, IncomingProtocol, Role
from proto.scheduler import SessionAssigned
from proto.urls import Delivery
from proto.views import ConferenceView, ParticipantView, WorkerView

STATUS = "/api/admin/status/v1"

Service = Literal["conference", "lecture", "gateway", "waiting_room", "connecting"]

Protocol = Literal["RTMP", "RECORD", "URL", "WebRTC", "SIP", "MSSIP", "H323", "TEAMS"]
"""`URL`: nobody called, their media is fetched."""

NOWHERE: Mapping[str, str] = {}


class ConferenceStatus(msgspec.Struct, frozen=True):
    """One running conference; `id` is of this instance, not of the configured conference."""

    id: str
    name: str
    service_type: str
    start_time: datetime | None
    is_started: bool
    "Somebody is in who does not wait for a Host."
    is_locked: bool
    guests_muted: bool
    tag: str
    resource_uri: str


class ParticipantStatus(msgspec.Struct, frozen=True):
    """Somebody in a running conference, or a streaming service that is called or being called."""

    id: str
    call_uuid: str
    conference: str
    display_name: str
    protocol: Protocol
    role: Role
    call_direction: Literal["in", "out"]
    connect_time: datetime | None
    encryption: Literal["On", "Off"]
    is_streaming: bool
    is_recording: bool
    is_transcribing: bool
    is_presenting: bool
    is_muted: bool
    is_disconnect_supported: bool
    is_mute_supported: bool
    is_transfer_supported: bool
    service_type: Service
    source_alias: str
    destination_alias: str
    participant_alias: str
    state: str
    "How far a call is; ours."
    detail: str
    "What there is to say about that; ours."
    media_node: str
    "The worker that sends to a streaming service; empty for somebody in person."
    signalling_node: str
    "The same: who sends does both."
    system_location: str
    "Where that worker is."
    bandwidth: int
    "kbit/s, as it was asked for, sound and both legs of a dual stream included."
    tx_bandwidth: int
    rx_bandwidth: int
    resource_uri: str
    vendor: str = ""
    proxy_node: str = ""
    call_quality: str = "0_unknown"
    license_count: int = 0
    license_type: str = "nolicense"
    transcoding_enabled: bool = True
    remote_address: str = ""
    remote_port: int = 0
    backup_alias: str = ""
    "A second address for the same stream; ours."
    tls_verify: bool = True
    "Whether the service's certificate is looked at; ours."


class MediaStream(msgspec.Struct, frozen=True):
    """What is sent to a streaming service."""

    id: str
    type: Literal["video", "audio", "presentation"]
    node: str
    "The worker that sends it."
    participant: str
    tx_codec: str
    tx_bitrate: int
    "kbit/s"
    tx_resolution: str
    tx_fps: int


class WorkerStatus(msgspec.Struct, frozen=True):
    """A worker that is alive: a mixer or an egress."""

    id: str
    name: str
    node_type: Literal["mixer", "egress"]
    system_location: str
    host: str
    media_load: int
    "Per cent."
    max_hd_calls: int
    "Conferences that a mixer takes, sessions that an egress takes."
    calls: int
    maintenance_mode: bool
    encoders: list[str]
    resource_uri: str


def conference_status(view: ConferenceView, tag: str = "") -> ConferenceStatus:
    return ConferenceStatus(
        view.instance,
        view.name,
        view.service_type,
        view.started_at,
        is_started=any(p.state != "waiting" for p in view.participants),
        is_locked=view.locked,
        guests_muted=view.guests_muted,
        tag=tag,
        resource_uri=f"{STATUS}/conference/{view.instance}/",
    )


def participant_status(
    view: ConferenceView,
    one: ParticipantView,
    sessions: Sequence[tuple[str, SessionAssigned]] = (),
    locations: Mapping[str, str] = NOWHERE,
) -> ParticipantStatus:
    """`sessions` are those that carry a call, by leg; `locations` those of the workers."""
    node = sessions[0][1].worker if sessions else ""
    sent = sum(s.rendition.video_kbps + s.rendition.audio_kbps for _, s in sessions)
    known = one.destination or one.media
    url = known.redacted if known else ""
    calling = one.destination is not None
    delivery = (one.destination.delivery if one.destination else None) or Delivery()
    there = one.state in ("connected", "recovering")
    return ParticipantStatus(
        one.participant,
        one.participant,
        view.name,
        one.display_name,
        _protocol(one),
        one.role,
        "out" if calling else "in",
        one.joined_at if there else None,
        "On" if one.encrypted else "Off",
        one.is_streaming,
        is_recording=one.is_recording,
        is_transcribing=False,
        is_presenting=view.presenter == one.participant,
        is_muted=one.is_muted,
        is_disconnect_supported=True,
        is_mute_supported=not calling,
        is_transfer_supported=not calling and view.service_type != "gateway",
        service_type=_service(view, one),
        source_alias="" if calling else url,
        destination_alias=url if calling else one.called,
        participant_alias=url,
        state=one.state,
        detail=one.detail,
        media_node=node,
        signalling_node=node,
        system_location=locations.get(node, ""),
        bandwidth=sent,
        tx_bandwidth=sent,
        rx_bandwidth=0,
        resource_uri=f"{STATUS}/participant/{one.participant}/",
        backup_alias=delivery.backup.redacted if delivery.backup else "",
        tls_verify=delivery.tls_verify,
    )


def protocol_of(caller: IncomingProtocol | Literal[""]) -> Protocol:
    return CALLERS[caller] if caller else "URL"


def _protocol(one: ParticipantView) -> Protocol:
    if one.destination is None:
        return protocol_of(one.protocol)
    return "RECORD" if one.is_recording else "RTMP"


def _service(view: ConferenceView, one: ParticipantView) -> Service:
    match one.state:
        case "waiting":
            return "waiting_room"
        case "connected" | "recovering":
            return view.service_type
        case _:
            return "connecting"


def media_streams(
    participant: str, sessions: Iterable[tuple[str, SessionAssigned]]
) -> list[MediaStream]:
    """What goes out in each leg of a call."""
    found: list[MediaStream] = []
    for leg, session in sessions:
        feed, rendition = session.feed, session.rendition
        sound = f"{participant}-{leg}-audio"
        shown: Literal["presentation", "video"] = (
            "presentation" if leg == "presentation" else "video"
        )
        found += [
            MediaStream(
                f"{participant}-{leg}-video",
                shown,
                session.worker,
                participant,
                "H.264",
                rendition.video_kbps,
                f"{feed.width}x{feed.height}",
                feed.fps,
            ),
            MediaStream(
                sound, "audio", session.worker, participant, "AAC", rendition.audio_kbps, "", 0
            ),
        ]
    return found


def worker_status(view: WorkerView) -> WorkerStatus:
    return WorkerStatus(
        view.worker,
        view.worker,
        view.kind,
        view.location,
        view.host,
        round(100 * view.used / view.capacity) if view.capacity > 0 else 100,
        view.capacity,
        view.used,
        view.draining,
        view.encoders,
        f"{STATUS}/worker_vm/{view.worker}/",
    )
