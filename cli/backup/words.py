"""What an archive says of itself, and what becomes of each bucket."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from proto import subjects
from proto.accounts import TOKEN, USER, ApiToken, ApiUser
from proto.config import RESOURCES, AutomaticParticipant
from proto.recording import decode_recording
from proto.views import decode_conference

FORMAT = 1
"""Another one for archives that an older version would misread."""

How = Literal["replaced", "merged", "sealed", "views", "passing"]

BUCKETS: dict[str, How] = {
    subjects.CONFIG: "replaced",
    subjects.SECRETS: "sealed",
    subjects.RECORDINGS: "merged",
    subjects.CONFERENCES: "views",
    subjects.WORKERS: "passing",
    subjects.FEEDS: "passing",
    subjects.WEBHOOKS: "passing",
    subjects.SEATS: "passing",
}
"""`replaced`: what is not in the archive goes; `merged`: it stays, for files are there that it is
about; `sealed`: with the addresses that the configuration refers to, of which the same is true;
`views`: belongs to the streams; `passing`: in no archive."""

WITHOUT_STREAMS: tuple[How, ...] = ("replaced", "merged", "sealed")


class Stored(msgspec.Struct, frozen=True):
    """One key of a bucket; a line of its file."""

    key: str
    revision: int
    value: bytes


class Member(msgspec.Struct, frozen=True):
    """One file of the archive."""

    size: int
    sha256: str
    count: int = 0
    "Lines, or messages."
    revision: int = 0
    "Of a bucket or stream: its last sequence when it was read."


class Snapshot(msgspec.Struct, frozen=True):
    """What nats-server says of a stream beside its contents."""

    config: dict[str, Any]
    state: dict[str, Any]


class Manifest(msgspec.Struct, frozen=True):
    format: int
    version: str
    "Of Rostrum."
    made_at: datetime
    members: dict[str, Member]
    key: str = ""
    "Fingerprint of the key that addresses are sealed under; empty: none are in here."
    streams: dict[str, Snapshot] = {}
    build: str = ""
    running: list[str] = []
    "Conferences that ran when it was made, if streams are in it."


class Unreadable(Exception):
    """The file is no archive of ours, or not what it was; the text says why, to a person."""


def bucket_file(name: str) -> str:
    return f"kv/{name}.jsonl"


def object_file(store: str, name: str) -> str:
    return f"objects/{store}/{name}"


def stream_file(name: str) -> str:
    return f"streams/{name}.snapshot"


def checked(bucket: str, key: str, value: bytes) -> Any:
    """The value as the services would read it. Raises Unreadable."""
    kind = key.partition(".")[0]
    try:
        if bucket == subjects.CONFIG:
            known = {**RESOURCES, USER: ApiUser, TOKEN: ApiToken}
            return msgspec.json.decode(value, type=known.get(kind, Any))
        if bucket == subjects.RECORDINGS:
            return decode_recording(value)
        if bucket == subjects.CONFERENCES:
            return decode_conference(value)
    except msgspec.MsgspecError as exc:
        raise Unreadable(f"{key} in {bucket} cannot be read by this version: {exc}") from None
    return value


def secrets_in(value: Any) -> set[str]:
    """Keys in KV `secrets` of the addresses that a resource dials."""
    if not isinstance(value, AutomaticParticipant):
        return set()
    urls = (value.sealed_alias, value.sealed_presentation, value.sealed_backup)
    return {url.secret for url in urls if url is not None}
