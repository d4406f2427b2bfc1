"""The bodies of requests, and what is wrong with one, field by field."""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from proto.accounts import Access
from proto.base import Text, Token
from proto.conference import KeepAlive, OutsideKind, Platform, Role

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
    keep_conference_alive: KeepAlive | None = None
    "Pexip's default is `keep_conference_alive`; a stream does not keep ours alive unasked."

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


class OutsideRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meeting of another system, behind a gateway leg, is recorded, streamed or transcribed."""

    kind: OutsideKind
    platform: Platform
    on: bool = True
    public: bool = False
    "For streaming: anybody may watch."


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
