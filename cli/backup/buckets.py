"""Key-value buckets and object stores, off the bus and onto it."""

from typing import NamedTuple

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import Header

from cli.failure import Failure
from kit.eventlog import WRONG_LAST_SEQUENCE
from kit.follow import reading

READ_TIMEOUT = 5.0
"""Seconds for one fetch of what is known to be there."""

READ_AHEAD = 256

TRIES = 20
"""Readings of a bucket into which others write; a reading takes a tenth of a second."""

LONGEST_LEAP = 2_000_000
"""Revisions that are made up at most, a minute of them."""

LEAP = "restored"
"""A key of no kind, that is written and deleted until the bucket's revisions are high enough."""


class Contents(NamedTuple):
    """A bucket at one moment."""

    values: dict[str, tuple[int, bytes]]
    "Revision and value by key."
    revision: int
    "The last one of the bucket, deletions counted."

    def plain(self) -> dict[str, bytes]:
        return {key: value for key, (_, value) in self.values.items()}


async def read(js: JetStreamContext, bucket: str) -> Contents:
    """All of a bucket, as it was at one moment: read again if anybody wrote meanwhile."""
    for _ in range(TRIES):
        before = await last(js, bucket)
        values = await _values(js, bucket)
        if await last(js, bucket) == before:
            return Contents(values, before)
    raise Failure(f"somebody writes into {bucket} all the time; try again", 2)


async def last(js: JetStreamContext, bucket: str) -> int:
    return int((await js.stream_info(f"KV_{bucket}")).state.last_seq or 0)


async def _values(js: JetStreamContext, bucket: str) -> dict[str, tuple[int, bytes]]:
    prefix = f"$KV.{bucket}."
    found: dict[str, tuple[int, bytes]] = {}
    stream, subject = f"KV_{bucket}", f"{prefix}>"
    async with reading(js, stream, subject, after=0, last_per_subject=True) as sub:
        left = (await sub.consumer_info()).num_pending or 0
        while left:
            some = await sub.fetch(min(left, READ_AHEAD), timeout=READ_TIMEOUT)
            for msg in some:
                key = msg.subject.removeprefix(prefix)
                found.pop(key, None)
                if (msg.headers or {}).get("KV-Operation") not in ("DEL", "PURGE"):
                    found[key] = (msg.metadata.sequence.stream, msg.data)
            left = some[-1].metadata.num_pending
    return found


class Crossed(Exception):
    """Somebody else wrote into the bucket while it was restored."""


class Onto:
    """Writes into a bucket; with a revision, nobody else may meanwhile, else it is Crossed."""

    def __init__(self, js: JetStreamContext, bucket: str, revision: int | None) -> None:
        self._js = js
        self._bucket = bucket
        self._revision = revision

    async def put(self, key: str, value: bytes | None) -> None:
        """None deletes it."""
        headers: dict[str, str] = {}
        if self._revision is not None:
            headers[Header.EXPECTED_LAST_SEQUENCE.value] = str(self._revision)
        if value is None:
            headers["KV-Operation"] = "DEL"
        try:
            ack = await self._js.publish(f"$KV.{self._bucket}.{key}", value or b"", headers=headers)
        except nats.js.errors.APIError as exc:
            if exc.err_code in WRONG_LAST_SEQUENCE:
                raise Crossed from exc
            raise
        if self._revision is not None:
            self._revision = ack.seq

    async def leap(self, revision: int) -> None:
        """Go on counting above `revision`: ids of resources are revisions, and none comes twice."""
        assert self._revision is not None
        if revision - self._revision > LONGEST_LEAP:
            raise Failure(f"the archive's revisions are {revision}; this is no backup of ours", 2)
        while self._revision < revision:
            await self.put(LEAP, b"" if self._revision + 1 < revision else None)
