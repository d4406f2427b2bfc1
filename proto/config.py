"""What is configured: KV `config`, one key `<resource>.<id>` each; names and defaults are Pexip's.

The same structs check what the management API is given and what the services read.

The management API gives related resources as URIs. What is stored is a location's *name*, because
workers know their location by it, and the *id* (`Reference`) of everything else.
An automatically dialled participant holds its conferences; a conference does not hold them.
"""

from typing import Annotated, Any, Literal

import msgspec

from proto.base import Digest, Text, Token
from proto.layouts import AnyName
from proto.layouts import ConfigName as Layout
from proto.media import Content, FrameRate, Quality, VideoRate
from proto.urls import BackupMode, CaName, Codec, SealedUrl

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=250)]

Reference = Annotated[int, msgspec.Meta(ge=1)]
"""The id of a related resource."""

Callrate = Annotated[int, msgspec.Meta(ge=128, le=8192)]
"""kbit/s."""

Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]

Pin = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4,20}|[0-9]{3,19}#)?$")]
"""4 to 20 digits, of which the last may be a #."""

CryptoMode = Literal["besteffort", "on", "off"]
"""Media encryption: if the other side can, required, or not asked for."""


class ConferenceAlias(msgspec.Struct, frozen=True):
    """A name by which a conference is called; a resource of its own, kept in its conference."""

    alias: Name
    id: int = 0
    description: Text = ""


class Conference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Virtual Meeting Room."""

    name: Name
    id: int = 0
    key: Token = "-"
    "Its name on the bus, given when it is created and never changed."
    description: Text = ""
    tag: Text = ""
    service_type: Literal["conference", "lecture"] = "conference"
    "`lecture` is a Virtual Auditorium."
    aliases: list[ConferenceAlias] = []
    host_view: Layout = "one_main_seven_pips"
    max_pixels_per_second: Literal["sd", "hd", "fullhd"] | None = None
    participant_limit: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    "Streaming participants count."
    pin: Pin = ""
    "What Hosts give; empty: nobody is asked."
    guest_pin: Pin = ""
    allow_guests: bool = False
    "Who does not give `pin` is a Guest, and waits for a Host; see `pin_problem`."
    guest_view: Layout = "one_main_seven_pips"
    "What the Guests of a Virtual Auditorium see."
    guests_can_present: bool = True
    guests_can_see_guests: Literal["no_hosts", "always", "never"] = "no_hosts"
    "In a Virtual Auditorium: while no Host is there, always, never."
    mute_all_guests: bool = False
    crypto_mode: CryptoMode | Literal[""] | None = None
    "Media encryption; empty: as the global setting says."
    max_callrate_out: Callrate | None = None
    ivr_theme: Reference | None = None
    call_type: Literal["audio", "video", "video-only"] = "video"
    "`audio`: nobody's picture is shown, but a card with the name."
    enable_overlay_text: bool = False
    "Write the participants' names into their pictures."
    enable_active_speaker_indication: bool = False
    "Draw a frame round whoever speaks."
    frame_rate: FrameRate | None = None
    "Pictures a second of what is streamed; a call may ask for another rate."
    max_callrate_in: Callrate | None = None
    "This and all below are kept for programs that set them, and have no effect."
    enable_chat: Literal["default", "yes", "no"] = "default"
    force_presenter_into_main: bool = False
    direct_media: Literal["never", "best_effort", "always"] = "never"
    denoise_enabled: bool = False
    softmute_enabled: bool = False
    live_captions_enabled: Literal["default", "yes", "no"] = "default"
    breakout_rooms: bool = False
    pinning_config: Text = ""


def pin_problem(conference: Conference) -> tuple[str, str] | None:
    """The field that is at odds with the others, and a sentence about it."""
    pin, guest = conference.pin, conference.guest_pin
    if conference.allow_guests and not pin:
        return "pin", "Guests can be told from Hosts only if there is a PIN for Hosts."
    if guest and not conference.allow_guests:
        return "guest_pin", "There is no PIN for Guests where Guests are not allowed."
    if guest and guest == pin:
        return "guest_pin", "Hosts and Guests must have different PINs."
    if guest and len(guest) != len(pin) and not (guest.endswith("#") and pin.endswith("#")):
        return "guest_pin", "Both PINs must be of the same length, or both end with #."
    return None


class AutomaticParticipant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An Automatically Dialed Participant: called when somebody joins one of its conferences."""

    alias: Name
    "As it may be shown: redacted. What is dialled is in `sealed_alias`."
    id: int = 0
    conference: list[Reference] = []
    description: Text = ""
    remote_display_name: Text = ""
    protocol: Literal["sip", "rtmp", "h323", "mssip", "teams", "gms"] = "sip"
    role: Literal["chair", "guest"] = "guest"
    keep_conference_alive: Literal[
        "keep_conference_alive", "keep_conference_alive_if_multiple", "keep_conference_alive_never"
    ] = "keep_conference_alive_if_multiple"
    routing: Literal["manual", "routing_rule"] = "manual"
    system_location: Text | None = None
    "Manual: where to dial from. By rule: the notional source location."
    streaming: bool = False
    presentation_url: Text = ""
    "Redacted, too; makes it a dual stream."
    retry: Literal["backoff", "once"] = "backoff"
    "Whether a call that failed is made again while the conference lives; Pexip's is `once`."
    content: Content = "single"
    "This and the next five are what the call is sent; see `proto.media.PictureOptions`."
    inset: bool = True
    layout: AnyName | None = None
    max_pixels_per_second: Quality | None = None
    frame_rate: FrameRate | None = None
    max_video_kbps: VideoRate | None = None
    sealed_alias: SealedUrl | None = None
    "Kept by the gateway, as is the next: never shown, nor given in a request."
    sealed_presentation: SealedUrl | None = None
    call_type: Literal["audio", "video", "video-only"] = "video"
    "This and the next are kept for programs that set them, and have no effect."
    dtmf_sequence: Text = ""
    backup_url: Text = ""
    "A second address for the same stream, dialled as it is written."
    backup_mode: BackupMode = "failover"
    "`hot`: both addresses have the stream all the time; `failover`: one when the other fails."
    tls_verify: bool = True
    "Whether the server's certificate is looked at; off, anybody in between can be the server."
    tls_ca: CaName = ""
    "Name of a file of certificate authorities in the egress workers' `ROSTRUM_TLS_CA_DIR`."
    codec: Codec = "h264"
    "`hevc` and `av1` only where the service takes them; others show no picture."
    codec_unconfirmed: bool = False
    "Send `codec` though the service does not say that it takes it."
    sealed_backup: SealedUrl | None = None
    "Kept by the gateway, too."


CallType = Literal["audio", "video", "video-only", "auto"]

Choice = Literal["default", "yes", "no"]
"""`default`: as the global setting says."""


class DisabledCodec(msgspec.Struct, frozen=True):
    value: Text


class GatewayRoutingRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Call Routing Rule; the first enabled one that matches a call decides about it."""

    name: Name
    priority: Annotated[int, msgspec.Meta(ge=1, le=200)]
    "Lower ones are tried first; among equals the name decides."
    match_string: Name
    "Regular expression for the whole alias; see proto.patterns."
    id: int = 0
    enable: bool = True
    description: Text = ""
    match_incoming_calls: bool = True
    match_outgoing_calls: bool = False
    match_source_location: Text | None = None
    match_string_full: bool = False
    replace_string: Text = ""
    "Empty: the alias is dialled as it was received."
    outgoing_location: Text | None = None
    outgoing_protocol: Literal["rtmp", "sip", "h323", "mssip", "gms", "teams"] = "sip"
    match_incoming_webrtc: bool = True
    "Calls from our own clients, and what they send by RTMP. These flags are for incoming calls."
    match_incoming_sip: bool = True
    match_incoming_mssip: bool = True
    match_incoming_h323: bool = True
    match_incoming_teams: bool = False
    match_incoming_only_if_registered: bool = False
    called_device_type: Literal[
        "external",
        "registration",
        "mssip_conference_id",
        "mssip_server",
        "gms_conference",
        "teams_conference",
        "teams_user",
        "telehealth_profile",
    ] = "external"
    crypto_mode: CryptoMode | Literal[""] | None = None
    "Media encryption of the calls that the rule makes; empty: as the global setting says."
    ivr_theme: Reference | None = None
    max_pixels_per_second: Literal["sd", "hd", "fullhd"] | None = None
    "Caps the quality of the calls that the rule makes."
    max_callrate_out: Callrate | None = None
    "Caps the bit rate of gateway calls; a call out of a conference goes by the conference's."
    tag: Text = ""
    "This and all below are kept for programs that set them, and have no effect."
    call_type: CallType = "video"
    max_callrate_in: Callrate | None = None
    sip_proxy: Text | None = None
    h323_gatekeeper: Text | None = None
    mssip_proxy: Text | None = None
    teams_proxy: Text | None = None
    stun_server: Text | None = None
    turn_server: Text | None = None
    gms_access_token: Text | None = None
    telehealth_profile: Text | None = None
    denoise_audio: bool = True
    live_captions_enabled: Choice = "default"
    external_participant_avatar_lookup: Choice = "default"
    treat_as_trusted: bool = False
    disabled_codecs: list[DisabledCodec] = []


class SystemLocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place that workers are in, by the name that they were started with (`ROSTRUM_LOCATION`)."""

    name: Name
    id: int = 0
    description: Text = ""
    event_sinks: list[Text] = []
    "URIs of event sinks that are told of this location, and of no other that does not name them."
    transcoding_location: Text | None = None
    "Where conferences are mixed whose first participant came in here; None: here."
    overflow_location1: Text | None = None
    "Where they are mixed, and streams leave from, that find no room where they should."
    overflow_location2: Text | None = None
    "The same, when there is none in the first either."
    http_proxy: Text | None = None
    "This and all below are kept for programs that set them, and have no effect."
    sip_proxy: Text | None = None
    policy_server: Text | None = None
    mtu: Annotated[int, msgspec.Meta(ge=512, le=1500)] = 1500
    media_qos: Annotated[int, msgspec.Meta(ge=0, le=63)] | None = None
    signalling_qos: Annotated[int, msgspec.Meta(ge=0, le=63)] | None = None


def sinks_of(location: SystemLocation) -> frozenset[int]:
    """Ids of the event sinks that it names; what is no URI of one, as of old, names none."""
    ends = (one.rstrip("/").rpartition("/")[2] for one in location.event_sinks)
    return frozenset(int(end) for end in ends if end.isdecimal() and end.isascii())


class IvrTheme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Icons, texts and prompts that conferences and rules may refer to."""

    name: Name
    id: int = 0
    uuid: Annotated[str, msgspec.Meta(max_length=36)] = ""
    "Given when it is created and never changed."
    package: Digest = ""
    "SHA-256 of the ZIP that was uploaded; empty: none was, and the theme changes nothing."
    package_size: int = 0
    "Bytes."


HookType = Literal[
    "conference_started",
    "conference_updated",
    "conference_ended",
    "participant_connected",
    "participant_updated",
    "participant_disconnected",
    "stream_requested",
    "stream_refused",
    "stream_routed",
    "stream_assigned",
    "stream_connecting",
    "stream_connected",
    "stream_updated",
    "stream_recovering",
    "stream_ended",
    "event_sink_disabled",
    "recording_started",
    "recording_part_finished",
    "recording_finished",
    "recording_failed",
]
"""What an event sink can be told. The first six are Pexip's."""


class EventSink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where events are sent by HTTP: signed, at least once, in the order of each conference."""

    name: Name
    url: Name
    "As it may be shown: redacted. Where events are sent to is in `sealed_url`."
    id: int = 0
    description: Text = ""
    username: Text = ""
    "For Basic authentication; empty: none."
    password: Text = ""
    "Never shown: `***` stands for one that is set, and keeps it."
    bulk_support: bool = False
    "What happened at once comes in one request, as `eventsink_bulk`."
    verify_tls_certificate: bool = True
    version: Literal[2] = 2
    "Of what is sent."
    enable: bool = True
    "Ours, as all below. What happens while it is off waits for it, and is sent if not too old."
    events: list[HookType] = []
    "Empty: all."
    conferences: list[Reference] = []
    "Empty: all."
    max_age_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 72
    "For how long an event is tried to be delivered."
    tls_ca: CaName = ""
    "Name of a file of certificate authorities in `ROSTRUM_TLS_CA_DIR` of the service webhooks."
    secret: Annotated[str, msgspec.Meta(max_length=250)] = ""
    "`whsec_` and 24 to 64 bytes in base64. Never shown: `***` stands for it, and keeps it."
    sealed_url: str = ""
    "Kept by the gateway, as are the next: never shown, nor given in a request."
    sealed_password: str = ""
    sealed_secret: str = ""
    sealed_old_secret: str = ""
    "What was the secret before; signs as well until it is dropped."


class Global(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for all conferences unless one says otherwise; there is one, with id 1."""

    id: int = 1
    crypto_mode: CryptoMode = "besteffort"
    enable_rtmp: bool = True
    "Whether streaming services may be called at all."
    enable_dialout: bool = True
    "Whether anybody may be called at all, out of conferences or through a gateway."
    guests_only_timeout: Seconds = 60
    "Seconds that Guests may stay after the last Host left."
    waiting_for_chair_timeout: Seconds = 900
    "Seconds that Guests may wait for a Host."
    eject_last_participant_backstop_timeout: Seconds = 0
    "Seconds that one may stay alone; 0: for ever."
    max_pixels_per_second: Literal["sd", "hd", "fullhd"] = "hd"
    max_callrate_out: Callrate | None = 4128
    rtmps_default_port: Literal[443, 1935] = 443
    "Where `rtmps://` without a port goes to; Pexip's own is 1935."
    default_theme: Reference | None = None
    "Theme of conferences that name none, and behind the theme of those that do."
    frame_rate: FrameRate = 30
    pin_entry_timeout: Seconds = 120
    "This and all below are kept for programs that set them, and have no effect."
    enable_legacy_dialout_api: bool = False
    max_presentation_bandwidth_ratio: Annotated[int, msgspec.Meta(ge=25, le=75)] = 75


Resource = (
    Conference
    | AutomaticParticipant
    | GatewayRoutingRule
    | SystemLocation
    | IvrTheme
    | EventSink
    | Global
)
RESOURCES: dict[str, Any] = {
    "conference": Conference,
    "automatic_participant": AutomaticParticipant,
    "gateway_routing_rule": GatewayRoutingRule,
    "system_location": SystemLocation,
    "ivr_theme": IvrTheme,
    "event_sink": EventSink,
    "global": Global,
}
"""Name in the management API and in the keys of KV `config`, to the struct."""
