"""What programs of those who take part ask for; names are Pexip's. Fields that are not known are
passed over: those programs are written for more than us."""

from typing import Annotated, Literal

import msgspec

from proto.base import Text
from proto.conference import KeepAlive, Role
from proto.mixer import CallKind, Sdp
from services.gateway.core.requests import DialRequest, Display, RecordRequest
from services.gateway.core.transforms import LayoutTransforms

HOST: dict[str, Role] = {"host": "chair", "chair": "chair", "guest": "guest"}

NO_PIN = "none"
"""What a Guest gives who has none."""


class TokenWanted(msgspec.Struct, frozen=True):
    display_name: Display = "Guest"
    call_tag: Text = ""
    "Without effect."


class DialWanted(msgspec.Struct, frozen=True):
    destination: str
    role: Literal["GUEST", "HOST", "guest", "host", "chair"] = "GUEST"
    protocol: Literal["auto", "rtmp", "sip", "h323", "mssip", "teams", "gms"] = "auto"
    "Call routing rules decide, whatever is said here."
    streaming: Literal["yes", "no"] | bool = "no"
    presentation_url: str = ""
    remote_display_name: Text = ""
    text: Text = ""
    "The same, where `remote_display_name` is empty."
    keep_conference_alive: KeepAlive | None = None

    def streams(self) -> bool:
        return self.streaming in ("yes", True)

    def request(self, alias: str) -> DialRequest:
        return DialRequest(
            alias,
            self.destination,
            protocol="rtmp",
            routing="routing_rule",
            role=HOST[self.role.lower()],
            streaming=self.streams(),
            remote_display_name=self.remote_display_name or self.text,
            presentation_url=self.presentation_url,
            keep_conference_alive=self.keep_conference_alive,
        )

    def recording(self) -> RecordRequest | None:
        """What is to be kept here instead of sent somewhere."""
        scheme, _, name = self.destination.partition("://")
        if scheme.lower() != "record":
            return None
        return RecordRequest(name, bool(self.presentation_url), self.remote_display_name)


class TransformWanted(msgspec.Struct, frozen=True):
    transforms: LayoutTransforms


class RoleWanted(msgspec.Struct, frozen=True):
    role: Literal["chair", "guest", "host"]


class TransferWanted(msgspec.Struct, frozen=True):
    conference_alias: str
    role: Literal["host", "guest", "chair"] = "guest"
    pin: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class CallWanted(msgspec.Struct, frozen=True):
    sdp: Sdp
    call_type: Literal["WEBRTC"] = "WEBRTC"
    present: Literal["send", "receive", "main"] | None = None
    media_type: Literal["video", "video-only", "audio"] = "video"
    "Without effect: the offer says what there is."

    def kind(self) -> CallKind:
        match self.present:
            case "send":
                return "send_presentation"
            case "receive":
                return "receive_presentation"
            case _:
                return "main"


class UpdateWanted(msgspec.Struct, frozen=True):
    sdp: Sdp


class CandidateWanted(msgspec.Struct, frozen=True):
    candidate: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    mid: Annotated[str, msgspec.Meta(max_length=64)] = ""
