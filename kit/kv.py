"""Key-value buckets on JetStream: read, compare-and-set, watch for ever."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import NamedTuple, Self, TypeVar

import msgspec
import nats.js.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.kv import KeyValue

from kit.follow import Follower, reading
from kit.streams import ensure_bucket

log = structlog.get_logger()

T = TypeVar("T")

READ_TIMEOUT = 5.0
"""Seconds for one fetch of what is known to be there."""


class Entry(NamedTuple):
    key: str
    value: bytes | None
    "None: the key was deleted."
    revision: int


class Stale(Exception):
    """Somebody else wrote the key first."""

    def __init__(self, bucket: str, key: str) -> None:
        self.bucket = bucket
        self.key = key
        super().__init__(f"{key} in {bucket} has been written by somebody else")


class Watch(Follower):
    """The newest value of every key, and then every change; each key's in order."""

    async def entries(self) -> AsyncIterator[Entry]:
        async for msg in self.messages():
            yield Entry(
                msg.subject.split(".", 2)[2],
                None if _gone(msg) else msg.data,
                msg.metadata.sequence.stream,
            )

    async def values(self, decode: Callable[[bytes], T]) -> AsyncIterator[tuple[str, T | None]]:
        """The same, decoded. What cannot be read, as of a newer version, is left out and logged."""
        async for key, value, _ in self.entries():
            if value is None:
                yield key, None
                continue
            try:
                decoded = decode(value)
            except msgspec.MsgspecError:
                log.error("value cannot be read", bucket=self._stream, key=key)
            else:
                yield key, decoded


class Bucket:
    def __init__(self, js: JetStreamContext, name: str, store: KeyValue) -> None:
        self._js = js
        self._name = name
        self._stream = f"KV_{name}"
        self._store = store

    @classmethod
    async def ensure(cls, js: JetStreamContext, name: str, *, ttl: float | None = None) -> Self:
        """Create the bucket unless it is there already; `ttl` in seconds."""
        config = KeyValueConfig(bucket=name, ttl=ttl, history=1)
        return cls(js, name, await ensure_bucket(js, config))

    async def get(self, key: str) -> Entry | None:
        try:
            entry = await self._store.get(key)
        except (nats.js.errors.KeyNotFoundError, nats.js.errors.NotFoundError):
            return None
        assert entry.revision is not None
        return Entry(key, entry.value or b"", entry.revision)

    async def put(self, key: str, value: bytes) -> int:
        return await self._store.put(key, value)

    async def write(self, key: str, value: bytes, *, revision: int) -> int:
        """Compare and set: `revision` is the one that was read, 0 for a new key. Raises Stale."""
        try:
            if revision == 0:
                return await self._store.create(key, value)
            return await self._store.update(key, value, last=revision)
        except nats.js.errors.KeyWrongLastSequenceError as exc:
            raise Stale(self._name, key) from exc

    async def delete(self, key: str) -> None:
        """Delete the key if it is there."""
        if await self.get(key) is not None:
            await self._store.delete(key)

    def watch(self, keys: str = ">") -> Watch:
        """Of all keys, or of those that a pattern like `conference.*` names."""
        return Watch(self._js, self._stream, f"$KV.{self._name}.{keys}", last_per_subject=True)

    async def everything(self) -> dict[str, bytes]:
        """All keys and values as they are now."""
        prefix = f"$KV.{self._name}."
        found = {
            msg.subject.removeprefix(prefix): None if _gone(msg) else msg.data
            async for msg in self._newest()
        }
        return {key: value for key, value in found.items() if value is not None}

    async def sweep(self, before: datetime) -> None:
        """Take away the marks of keys that were deleted before then; all who watch have seen them.

        Without this a bucket whose keys are each used once grows for ever.
        """
        async with aclosing(self._newest()) as newest:
            async for msg in newest:
                if _gone(msg) and msg.metadata.timestamp < before:
                    # Up to this mark: a key that has come back meanwhile stays.
                    above = msg.metadata.sequence.stream + 1
                    await self._js.purge_stream(self._stream, seq=above, subject=msg.subject)

    async def _newest(self) -> AsyncGenerator[Msg, None]:
        """What there is of every key, once at least, until there is no more."""
        subject = f"$KV.{self._name}.>"
        async with reading(self._js, self._stream, subject, after=0, last_per_subject=True) as sub:
            seen = 0
            # What is written anew while it is read is behind the rest, and was not counted.
            while left := (await sub.consumer_info()).num_pending:
                # nats-server 2.9 counts what was written over for ever, so that the last one read
                # says it, too: otherwise this would read every heartbeat that is still to come.
                last = (await self._js.stream_info(self._stream)).state.last_seq
                if seen >= last:
                    break
                while left and seen < last:
                    [msg] = await sub.fetch(1, timeout=READ_TIMEOUT)
                    left, seen = msg.metadata.num_pending, msg.metadata.sequence.stream
                    yield msg


def _gone(msg: Msg) -> bool:
    return (msg.headers or {}).get("KV-Operation") in ("DEL", "PURGE")
