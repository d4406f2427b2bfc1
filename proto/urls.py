"""URLs that may hold keys and passwords, as they may be seen on the bus: sealed and redacted."""

from typing import Annotated, Literal, get_args

import msgspec

SecretKey = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\.[a-z]{1,32}$")]


class SealedUrl(msgspec.Struct, frozen=True):
    """A URL whose text is sealed in KV `secrets`; everything here may be shown to anyone."""

    secret: SecretKey
    "Key in KV `secrets`."
    redacted: str
    "E.g. `rtmps://ingest.example.com:443/live/***`: no user, password, stream key or query value."
    scheme: str
    "`rtmp`, `rtmps`, `file`, `srt`, …; lower case."
    fingerprint: str = ""
    "Keyed hash, 8 hex digits: equal for equal URLs, so that people can tell two apart."
    delivery: "Delivery | None" = None
    "How a destination is to be pushed to, where that differs from what is usual."

    def in_the_clear(self) -> bool:
        """Whether what is sent can be read on its way: here, or where a backup stands in."""
        spare = self.delivery.backup if self.delivery else None
        return any(url.scheme not in NOT_IN_THE_CLEAR for url in (self, spare) if url is not None)


RECORD = "record"
"""Scheme of what is kept here instead of being sent anywhere."""

NOT_IN_THE_CLEAR = frozenset({"rtmps", RECORD})
"""Schemes of what may be dialled where media encryption is required."""

Codec = Literal["h264", "hevc", "av1"]
BackupMode = Literal["failover", "hot"]
CaName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{0,64}$")]


class Delivery(msgspec.Struct, frozen=True):
    """How a destination is pushed to. What is not said is the safe way."""

    tls_verify: bool = True
    "Whether the server's certificate is looked at; off, anybody in between can be the server."
    tls_ca: CaName = ""
    "Name of a file of authorities, `NAME.pem`, in the workers' directory of them."
    backup: SealedUrl | None = None
    "A second address for the same stream."
    backup_mode: BackupMode = "failover"
    "`hot`: both addresses have the stream all the time; `failover`: the one when the other fails."
    codec: Codec = "h264"
    codec_unconfirmed: bool = False
    "Send `codec` though the server does not say that it takes it."


Purpose = Literal["media", "presentation", "destination", "routed", "secondrouted", "backup"]
"""`secondrouted` is what a rule made of the second address of a dual stream."""
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


def secret_of(participant: str, purpose: Purpose) -> str:
    """Key in KV `secrets` of one of a participant's URLs, so that all of them can be found."""
    return f"{participant}.{purpose}"


def secrets_of(participant: str) -> list[str]:
    return [secret_of(participant, purpose) for purpose in PURPOSES]
