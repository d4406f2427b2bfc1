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


RECORD = "record"
"""Scheme of what is kept here instead of being sent anywhere."""

NOT_IN_THE_CLEAR = frozenset({"rtmps", RECORD})
"""Schemes of what may be dialled where media encryption is required."""


Purpose = Literal["media", "presentation", "destination", "routed", "secondrouted"]
"""`secondrouted` is what a rule made of the second address of a dual stream."""
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


def secret_of(participant: str, purpose: Purpose) -> str:
    """Key in KV `secrets` of one of a participant's URLs, so that all of them can be found."""
    return f"{participant}.{purpose}"


def secrets_of(participant: str) -> list[str]:
    return [secret_of(participant, purpose) for purpose in PURPOSES]
