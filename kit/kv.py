"""Key-value buckets on JetStream: read, compare-and-set, watch for ever."""

from collections.abc import AsyncIterator
from typing import NamedTuple, Self

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.kv import KeyValue

from kit.follow import Follower


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
        prefix = self._subject.removesuffix(">")
        async for msg in self.messages():
            gone = (msg.headers or {}).get("KV-Operation") in ("DEL", "PURGE")
            yield Entry(
                msg.subject.removeprefix(prefix),
                None if gone else msg.data,
                msg.metadata.sequence.stream,
            )


class Bucket:
    def __init__(self, js: JetStreamContext, name: str, store: KeyValue) -> None:
        self._js = js
        self._name = name
        self._store = store

    @classmethod
    async def ensure(cls, js: JetStreamContext, name: str, *, ttl: float | None = None) -> Self:
        """Create the bucket unless it is there already; `ttl` in seconds."""
        config = KeyValueConfig(bucket=name, ttl=ttl, history=1)
        return cls(js, name, await js.create_key_value(config))

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

    def watch(self) -> Watch:
        return Watch(
            self._js,
            f"KV_{self._name}",
            f"$KV.{self._name}.>",
            last_per_subject=True,
        )

    async def everything(self) -> dict[str, bytes]:
        """All keys and values as they are now."""
        found: dict[str, bytes] = {}
        watch = self.watch()
        entries = watch.entries()
        info = await self._js.stream_info(f"KV_{self._name}")
        if info.state.messages == 0:
            return found
        async for entry in entries:
            if entry.value is not None:
                found[entry.key] = entry.value
            if entry.revision >= (info.state.last_seq or 0):
                break
        await entries.aclose()  # type: ignore[attr-defined]
        return found
