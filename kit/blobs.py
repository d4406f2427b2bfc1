"""JetStream's object store: large things that never change, by the hash of what they are."""

import asyncio
import hashlib
import io
from typing import Self

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.object_store import ObjectStore

PATIENCE = 30.0
"""Seconds for one object; the largest take one."""


def digest(content: bytes) -> str:
    """The name of an object."""
    return hashlib.sha256(content).hexdigest()


class Blobs:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    async def ensure(cls, js: JetStreamContext, name: str) -> Self:
        """Create the store unless it is there already."""
        try:
            return cls(await js.object_store(name))
        except nats.js.errors.NotFoundError:
            return cls(await js.create_object_store(name))

    async def put(self, content: bytes) -> str:
        """Its name. What is there already is not written again."""
        name = digest(content)
        if not await self.has(name):
            async with asyncio.timeout(PATIENCE):
                await self._store.put(name, content)
        return name

    async def get(self, name: str) -> bytes | None:
        """None: it is not there, or not what its name says."""
        into = io.BytesIO()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._store.get(name, into)
        except (nats.js.errors.NotFoundError, nats.js.errors.DigestMismatchError):
            return None
        content = into.getvalue()
        return content if digest(content) == name else None

    async def has(self, name: str) -> bool:
        try:
            await self._store.get_info(name)
        except nats.js.errors.NotFoundError:
            return False
        return True

    async def delete(self, name: str) -> None:
        """Delete it if it is there."""
        if await self.has(name):
            await self._store.delete(name)
