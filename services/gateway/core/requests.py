"""The bodies of requests, and what is wrong with one, field by field."""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from proto.accounts import Access
from proto.base import Text, Token
from proto.conference import KeepAlive, OutsideKind, Platform, Role
from proto.layouts import AnyName
from proto.media import Content, FrameRate, Quality, VideoRate
from proto.urls import BackupMode, CaName, Codec

Errors = dict[str, list[str]]
"""Field to what is wrong with it. Never holds a value that was given: it could be a key."""

T = TypeVar("T")

Display = Annotated[str, msgspec.Meta(min_length=1, max_length=250)]

RoleName = Literal["host", "guest"]
ROLES: dict[RoleName, Role] = {"host": "chair", "guest": "guest"}


class DialRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`participant/dial/`; names and defaults are Pexip's, but where a line says otherwise."""

    conference_alias: str
    destination: str
    protocol: Literal["sip", "rtmp", "h323", "mssip", "gms", "teams"] = "sip"
    routing: Literal["manual", "routing_rule"] = "manual"
    role: Role = "guest"
    streaming: bool = False
    remote_display_name: Text = ""
    local_display_name: Text = ""
    system_location: Text = ""
    node: Text = ""
    "Manual: name of the egress worker, or its host, to dial from. By rule it has no effect."
    call_type: Literal["video", "video-only", "audio"] = "video"
    "Does not apply to streaming."
    dtmf_sequence: Text = ""
    custom_sip_headers: Any = None
    presentation_url: str = ""
    "A second address makes it a dual stream."
    backup_url: str = ""
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
    keep_conference_alive: KeepAlive | None = None
    "Pexip's default is `keep_conference_alive`; a stream does not keep ours alive unasked."
    content: Content = "single"
    "Ours, as all below: which picture; of a call with one address."
    inset: bool = True
    "Show the speaker's small window over a presentation."
    layout: AnyName | None = None
    "None: the conference's."
    max_pixels_per_second: Quality | None = None
    "At most; no more than the conference has."
    frame_rate: FrameRate | None = None
    "Pictures a second; None: the conference's."
    max_video_kbps: VideoRate | None = None

    def keeps_alive(self) -> KeepAlive:
        if self.keep_conference_alive is not None:
            return self.keep_conference_alive
        return "keep_conference_alive_never" if self.streaming else "keep_conference_alive"


class OfParticipant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command about one participant."""

    participant_id: str


class RoleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    participant_id: str
    role: Role


class TransferRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Move somebody to another conference."""

    participant_id: str
    conference_alias: str
    role: Role = "guest"
    pin: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    "Of that conference: decides on the role, where it is given; ours, as in the client API."


class OfConference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command about one running conference: `conference_id` is of the instance."""

    conference_id: str


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody whose media is read from a URL."""

    display_name: Display
    role: RoleName = "guest"
    media: str | None = None
    presentation: str | None = None
    presenting: bool = False


class RecordRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Record a conference; without rules, on this installation."""

    name: str = ""
    "Letters, digits, `-`, `_`, dots, `{conference}`, `{date}`, `{time}`; empty: all three."
    slides: bool = False
    "The presentation in a recording of its own, with the same time line."
    display_name: Text = ""
    "As others see it."


class OutsideRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meeting of another system, behind a gateway leg, is recorded, streamed or transcribed."""

    kind: OutsideKind
    platform: Platform
    on: bool = True
    public: bool = False
    "For streaming: anybody may watch."


class DrainRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A worker is to take no new work, and to end when others have what it did."""

    seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0
    "After which it ends all the same."


class UserRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who may use the API from now on."""

    name: Token
    access: Access = "read-write"
    password: Annotated[str, msgspec.Meta(min_length=8, max_length=250)] | None = None
    "None: a program, which gets a token."


NO_OBJECT: Errors = {"__all__": ["The body must be a JSON object."]}


def read(body: bytes, kind: type[T]) -> T | Errors:
    """Decode a body, or say which field stands in the way."""
    given = json_object(body)
    return dict(NO_OBJECT) if given is None else check(given, kind)


def json_object(body: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def check(given: dict[str, Any], kind: type[T]) -> T | Errors:
    """The same for a body that has been taken apart already."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as exc:
        return explain(str(exc))


def explain(problem: str) -> Errors:
    """msgspec's words as {field: [sentence]}; what was given is left out."""
    text, _, path = problem.partition(" - at `$")
    if found := re.fullmatch(r"Object missing required field `(\w+)`", text):
        return {_top(path) or found[1]: ["This field is required."]}
    if found := re.fullmatch(r"Object contains unknown field `(.*)`", text, re.DOTALL):
        name = found[1] if re.fullmatch(r"\w{1,64}", found[1]) else "__all__"
        return {_top(path) or name: ["There is no such field."]}
    if text.startswith("Invalid enum value"):
        text = "This is not one of the values it may have"
    return {_top(path) or "__all__": [f"{text}."]}


def _top(path: str) -> str:
    """The first field of `.aliases[...].alias`."""
    found = re.match(r"\.(\w+)", path)
    return found[1] if found else ""
