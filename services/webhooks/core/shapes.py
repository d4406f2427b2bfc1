"""Conferences, participants and streams as event sinks are told of them.

The first two have the names of Pexip's event sinks, version 2; what Rostrum knows nothing of is
empty, for ever. What is ours stands at the end.
"""

from typing import Literal

import msgspec

from proto.conference import CALLERS, IncomingProtocol, LegState, Role, ServiceType
from proto.urls import SealedUrl

Protocol = Literal["RTMP", "RECORD", "API", "WebRTC", "SIP", "MSSIP", "H323", "TEAMS"]


class ConferenceData(msgspec.Struct, frozen=True):
    name: str
    service_type: ServiceType
    start_time: float
    is_started: bool = False
    is_locked: bool = False
    guests_muted: bool = False
    tag: str = ""
    uuid: str = ""
    "Of this instance; ours, as all below."
    streaming: bool = False
    recording: bool = False
    presenter: str = ""
    "Uuid of the participant who presents."


class ParticipantData(msgspec.Struct, frozen=True):
    """Somebody in a conference, or a stream that is connected."""

    uuid: str
    call_id: str
    conversation_id: str
    conference: str
    "Its name."
    display_name: str
    role: Role
    protocol: Protocol
    call_direction: Literal["in", "out"]
    service_type: ServiceType | Literal["waiting_room"]
    connect_time: float
    source_alias: str = ""
    destination_alias: str = ""
    "Both redacted."
    encryption: Literal["On", "Off"] = "Off"
    has_media: bool = False
    is_muted: bool = False
    is_presenting: bool = False
    is_streaming: bool = False
    is_client_muted: bool = False
    is_idp_authenticated: bool = False
    call_tag: str = ""
    service_tag: str = ""
    vendor: str = ""
    system_location: str = ""
    media_node: str = ""
    proxy_node: str = ""
    signalling_node: str = ""
    remote_address: str = ""
    rx_bandwidth: int = 0
    tx_bandwidth: int = 0
    related_uuids: list[str] = []
    is_recording: bool = False
    "Ours, as all below: what is sent is kept here."
    spotlight: bool = False
    fingerprint: str = ""
    "Keyed hash of the whole address, to tell two apart that look the same."


class StreamData(msgspec.Struct, frozen=True):
    """A call to a streaming service, from the moment when it is asked for; ours."""

    uuid: str
    "Of the participant that it is, or becomes."
    conference: str
    "Its name."
    display_name: str
    state: LegState
    url: str
    "Redacted."
    fingerprint: str
    scheme: str
    request_time: float
    connect_time: float | None = None
    "Since when it is connected, for the first time."
    encryption: Literal["On", "Off"] = "Off"
    recording: bool = False
    "It goes to no service, but is kept here."
    detail: str = ""
    "What there is to say about the state."
    presentation_url: str = ""
    presentation_fingerprint: str = ""
    presentation_state: LegState | Literal[""] = ""
    presentation_detail: str = ""
    backup_url: str = ""
    automatic: int = 0
    "Id of the Automatically Dialed Participant; 0: somebody asked for the call."
    system_location: str = ""
    "Where it is dialled from; empty: anywhere."


def protocol_of(caller: IncomingProtocol | Literal[""]) -> Protocol:
    """`API`: nobody called, their media is fetched."""
    return CALLERS[caller] if caller else "API"


def shown(url: SealedUrl | None) -> str:
    return url.redacted if url else ""


def fingerprint(url: SealedUrl | None) -> str:
    return url.fingerprint if url else ""
