"""What was recorded: the catalogue in memory, and the bytes of its files wherever they are."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import structlog

from kit.kv import Bucket, Stale, Watch
from kit.objects import ObjectStore, StoreError
from proto.base import encode
from proto.recording import Part, Recording, decode_recording
from services.gateway.problems import Problem
from services.gateway.store import NoSuchResource

log = structlog.get_logger()

CHUNK = 1 << 18
"""Bytes that are read at once: a player that goes away costs no more."""

ELSEWHERE = (
    "This part is on the machine where it was recorded, and not in a store that all can read."
)


class Recordings:
    def __init__(
        self, bucket: Bucket, watch: Watch, directory: str, store: ObjectStore | None
    ) -> None:
        self._bucket = bucket
        self._watch = watch
        self._root = Path(directory) if directory else None
        self._store = store
        self.known: dict[str, Recording] = {}

    async def follow(self) -> None:
        async for key, recording in self._watch.values(decode_recording):
            if recording is None:
                self.known.pop(key, None)
            else:
                self.known[key] = recording

    async def ready(self) -> None:
        await self._watch.caught_up.wait()

    def newest_first(self) -> list[Recording]:
        return sorted(
            self.known.values(),
            key=lambda r: (r.started_at.timestamp() if r.started_at else 0.0, r.recording),
            reverse=True,
        )

    def find(self, ident: str) -> Recording:
        found = self.known.get(ident)
        if found is None:
            raise NoSuchResource
        return found

    def part(self, ident: str, number: int) -> tuple[Recording, Part]:
        recording = self.find(ident)
        for part in recording.parts:
            if part.number == number:
                return recording, part
        raise NoSuchResource

    async def size(self, recording: Recording, part: Part) -> int:
        """Bytes that can be read now. Raises Problem if they are out of reach."""
        if part.stored:
            if self._store is None:
                raise Problem({"part": [ELSEWHERE]}, "recording", 404)
            return part.size
        try:
            return (await asyncio.to_thread(self._path(recording, part).stat)).st_size
        except OSError:
            raise Problem({"part": [ELSEWHERE]}, "recording", 404) from None

    async def read(
        self, recording: Recording, part: Part, start: int, end: int
    ) -> AsyncIterator[bytes]:
        if part.stored:
            assert self._store is not None
            try:
                async for chunk in self._store.read(
                    f"{recording.recording}/{part.file}", start, end
                ):
                    yield chunk
            except StoreError as exc:
                # The answer has begun: what is missing shows in its length.
                log.warning("part not read", recording=recording.recording, error=str(exc))
            return
        file = await asyncio.to_thread(self._path(recording, part).open, "rb")
        try:
            await asyncio.to_thread(file.seek, start)
            while start < end:
                chunk = await asyncio.to_thread(file.read, min(CHUNK, end - start))
                if not chunk:
                    return
                start += len(chunk)
                yield chunk
        finally:
            file.close()

    async def delete(self, ident: str) -> None:
        """Say that it is to go; who has its files deletes them. Raises Problem."""
        self.find(ident)  # what is not known may be no key at all
        while True:
            entry = await self._bucket.get(ident)
            if entry is None or entry.value is None:
                raise NoSuchResource
            known = decode_recording(entry.value)
            if known.state == "recording":
                running = "It is being recorded; stop that first."
                raise Problem({"recording": [running]}, "recording", 409)
            deleting = msgspec.structs.replace(known, state="deleting")
            try:
                await self._bucket.write(ident, encode(deleting), revision=entry.revision)
            except Stale:
                continue
            self.known[ident] = deleting
            return

    def _path(self, recording: Recording, part: Part) -> Path:
        if self._root is None:
            raise Problem({"part": [ELSEWHERE]}, "recording", 404)
        return self._root / recording.recording / part.file
