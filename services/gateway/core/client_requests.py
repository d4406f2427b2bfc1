"""The bodies of requests of Pexip's client API. What we do not know in them is left alone, as
clients of all ages send more than we have."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from proto.base import Text
from proto.conference import KeepAlive, Role
from proto.mixer import CallKind, Sdp
from services.gateway.core.requests import DialRequest, Errors, check, json_object
from services.gateway.core.transforms import LayoutTransforms

T = TypeVar("T")

RoleWord = Literal["HOST", "GUEST", "host", "guest", "chair"]

ROLE: dict[RoleWord, Role] = {
    "HOST": "chair",
    "GUEST": "guest",
    "host": "chair",
    "guest": "guest",
    "chair": "chair",
}

KINDS: dict[str | None, CallKind] = {
    None: "main",
    "main": "main",
    "send": "send_presentation",
    "receive": "receive_presentation",
}


class TokenRequest(msgspec.Struct, frozen=True):
    """`request_token`; the PIN is in the header `pin`, `none` for a Guest who has none."""

    display_name: Text = ""
    "As others see it."
    call_tag: Text = ""
    "Without effect."


class ReleaseRequest(msgspec.Struct, frozen=True):
    """`release_token`."""

    token: str = ""
    "Instead of the header, which a page that is being closed cannot set; ours."
    reason: Text = ""
    "Without effect."


class ClientDial(msgspec.Struct, frozen=True):
    """`dial`. Beside these, all of `participant/dial/` that is about the stream may be given."""

    destination: str
    role: RoleWord = "GUEST"
    protocol: Literal["auto", "rtmp", "sip", "h323", "mssip"] = "auto"
    "`auto`: a call routing rule decides; `rtmp`: dialled as it is; the others are refused."
    streaming: Literal["yes", "no"] | bool = "no"
    presentation_url: str = ""
    "A second address makes it a dual stream."
    remote_display_name: Text = ""
    text: Text = ""
    "The name, where `remote_display_name` is not given."
    keep_conference_alive: KeepAlive | None = None


class ClientRole(msgspec.Struct, frozen=True):
    role: RoleWord


class ClientTransfer(msgspec.Struct, frozen=True):
    """Move somebody to another conference."""

    conference_alias: str
    role: RoleWord = "guest"
    pin: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    "Of that conference: decides on the role, where it is given."


class ClientTransform(msgspec.Struct, frozen=True):
    """What is to change; the fields may also stand by themselves."""

    transforms: LayoutTransforms


class NewCall(msgspec.Struct, frozen=True):
    """A browser's offer of media."""

    sdp: Sdp
    call_type: Literal["WEBRTC"] = "WEBRTC"
    present: Literal["send", "receive", "main"] | None = None
    "`send`, `receive`: a presentation alone; not given: camera and microphone, and the mix."


class NewOffer(msgspec.Struct, frozen=True):
    """Another offer for the same call."""

    sdp: Sdp
    present: Literal["send", "receive", "main"] | None = None
    "As the call was begun."


class NewCandidate(msgspec.Struct, frozen=True):
    """Where else a browser can be reached; an empty candidate: there are no more."""

    candidate: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    mid: Annotated[str, msgspec.Meta(max_length=64)] = ""


def read(body: bytes, kind: type[T]) -> T | Errors:
    """Decode a body; none at all is an empty object."""
    given = json_object(body or b"{}")
    return {"__all__": ["The body must be a JSON object."]} if given is None else check(given, kind)


OURS = frozenset(DialRequest.__struct_fields__) - {
    "conference_alias",
    "destination",
    "protocol",
    "routing",
    "role",
    "streaming",
    "presentation_url",
    "remote_display_name",
    "keep_conference_alive",
}
"""What of `participant/dial/` is understood here in the same way."""

UNKNOWN_PROTOCOL: Errors = {"protocol": ["Only auto and rtmp can be dialled."]}


def dial(body: bytes, alias: str) -> DialRequest | Errors:
    """What is to be dialled from the conference that has this alias."""
    wanted = read(body, ClientDial)
    if isinstance(wanted, dict):
        return wanted
    if wanted.protocol not in ("auto", "rtmp"):
        return dict(UNKNOWN_PROTOCOL)
    given: dict[str, Any] = json_object(body) or {}
    more = {name: value for name, value in given.items() if name in OURS}
    return check(
        {
            **more,
            "conference_alias": alias,
            "destination": wanted.destination,
            "protocol": "rtmp",
            "routing": "manual" if wanted.protocol == "rtmp" else "routing_rule",
            "role": ROLE[wanted.role],
            "streaming": wanted.streaming in ("yes", True),
            "presentation_url": wanted.presentation_url,
            "remote_display_name": wanted.remote_display_name or wanted.text,
            "keep_conference_alive": wanted.keep_conference_alive,
        },
        DialRequest,
    )
