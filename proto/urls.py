"""URLs that may hold keys and passwords, as they may be seen on the bus: sealed and redacted."""

import msgspec

from proto.base import Token


class SealedUrl(msgspec.Struct, frozen=True):
    """A URL whose text is sealed in KV `secrets`; everything here may be shown to anyone."""

    secret: Token
    "Key in KV `secrets`."
    redacted: str
    "E.g. `rtmps://ingest.example.com:443/live/***`: no user, password, stream key or query value."
    scheme: str
    "`rtmp`, `rtmps`, `file`, `srt`, …; lower case."
    fingerprint: str = ""
    "Keyed hash, 8 hex digits: equal for equal URLs, so that people can tell two apart."
