"""What is done with files once they are closed: measured, uploaded, and deleted when it is time.

It looks at the catalogue, does what its machine can, and says there what it has done; so a restart
goes on where it was, and several workers of one machine do the same twice at worst.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from kit import metrics
from kit.metrics import declared
from kit.objects import ObjectStore, StoreError
from proto.recording import CHAPTERS, MANIFEST, Part, Recording
from services.rtmp_egress.archive import story
from services.rtmp_egress.archive.archive import BEAT, Archive
from services.rtmp_egress.archive.catalogue import Catalogue
from services.rtmp_egress.archive.files import Files
from services.rtmp_egress.archive.retention import Retention, expired

log = structlog.get_logger()

EVERY = 10.0
"""Seconds between looks when nothing changes: for what has become due by time."""

LOOK = 0.5
"""Seconds between looks whether all is uploaded, at the end."""

ABANDONED = 3 * BEAT
"""Seconds without a sign of life after which a recording is over."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds between tries to upload to a store that fails."""


class Keeper:
    def __init__(
        self,
        catalogue: Catalogue,
        archive: Archive,
        files: Files,
        store: ObjectStore | None,
        retention: Retention,
        host: str,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._catalogue = catalogue
        self._archive = archive
        self._files = files
        self._store = store
        self._retention = retention
        self._host = host
        self._now = now
        self._unreadable: set[tuple[str, int]] = set()
        self._pause = FIRST_PAUSE
        self._not_before: datetime | None = None
        "For the store."

    async def run(self) -> None:
        await self._catalogue.ready()
        while True:
            self._catalogue.news.clear()
            await self.round()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._catalogue.news.wait()

    async def emptied(self, patience: float) -> None:
        """Wait until the store has all that is closed, for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while True:
                    if not self.waiting():
                        return
                    await asyncio.sleep(LOOK)
        if left := self.waiting():
            log.warning("not uploaded in time", parts=left)

    def waiting(self) -> int:
        """Closed files that are on this machine alone."""
        if self._store is None:
            return 0
        known = self._catalogue.known.values()
        kept = (one for one in known if one.state != "deleting")
        return sum(self._is_here(part) and part.ended for one in kept for part in one.parts)

    def stored(self) -> int:
        """Bytes of the closed files that are here."""
        return sum(part.size for part in self._parts() if self._is_here(part))

    def _parts(self) -> Iterator[Part]:
        return (part for one in self._catalogue.known.values() for part in one.parts)

    async def round(self) -> None:
        """All that is to be done now."""
        await self._expire()
        for recording in list(self._catalogue.known.values()):
            if recording.state == "deleting":
                await self._delete(recording)
                continue
            if self._is_abandoned(recording):
                log.warning("recording abandoned", recording=recording.recording)
                await self._archive.abandoned(recording.recording)
            for part in recording.parts:
                if self._is_here(part) and part.ended and not part.sha256:
                    await self._measure(recording, part)
        for recording in list(self._catalogue.known.values()):
            await self._upload(recording)

    def _is_here(self, part: Part) -> bool:
        return part.host == self._host and not part.stored

    def _is_abandoned(self, recording: Recording) -> bool:
        if recording.state != "recording" or recording.host != self._host:
            return False
        since = self._now() - (recording.seen_at or self._now())
        held = self._archive.holds(recording.recording)
        return not held and since > timedelta(seconds=ABANDONED)

    async def _measure(self, recording: Recording, part: Part) -> None:
        ident = recording.recording
        try:
            if not self._files.is_settled(ident, part, self._now().timestamp()):
                return
            found = await asyncio.to_thread(self._files.measure, ident, part)
        except OSError as exc:
            if (ident, part.number) not in self._unreadable:
                self._unreadable.add((ident, part.number))
                log.warning("part cannot be read", recording=ident, error=exc.strerror)
            return
        changed = await self._catalogue.amend(
            ident, lambda known: story.measured(known, part.number, *found)
        )
        if changed is not None:
            await self._describe(changed)

    async def _upload(self, recording: Recording) -> None:
        if self._store is None or (self._not_before and self._now() < self._not_before):
            return
        ident = recording.recording
        here = [p for p in recording.parts if self._is_here(p) and p.sha256]
        try:
            for part in here:
                path = self._files.path(ident, part)
                await self._store.put(f"{ident}/{part.file}", path)
                log.info("part uploaded", recording=ident, part=part.number, size=part.size)
                await self._catalogue.amend(ident, partial(story.stored, number=part.number))
                path.unlink(missing_ok=True)
            await self._upload_rest(self._store, ident)
        except (StoreError, OSError) as exc:
            metrics.add(declared.UPLOAD_FAILURES)
            self._not_before = self._now() + timedelta(seconds=self._pause)
            log.warning("not uploaded", recording=ident, error=str(exc), pause=self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        else:
            self._pause = FIRST_PAUSE

    async def _upload_rest(self, store: ObjectStore, ident: str) -> None:
        """Once all parts of a finished recording are there: what describes it."""
        known = self._catalogue.known.get(ident)
        if known is None or known.state != "complete" or not self._files.folder(ident).is_dir():
            return
        if not all(part.stored for part in known.parts):
            return
        await self._describe(known)
        for name in (MANIFEST, CHAPTERS):
            await store.put(f"{ident}/{name}", self._files.folder(ident) / name)
        await asyncio.to_thread(self._files.remove, ident)

    async def _expire(self) -> None:
        known = self._catalogue.known
        for ident, reason in expired(known.values(), self._retention, self._now()):
            if any(p.host == self._host or p.stored for p in known[ident].parts):
                log.info("recording expired", recording=ident, reason=reason)
                await self._catalogue.amend(ident, _deleting)

    async def _delete(self, recording: Recording) -> None:
        """Whatever of it this machine, or the store, has."""
        ident = recording.recording
        within_reach = (p.host == self._host or (p.stored and self._store) for p in recording.parts)
        left = [p for p, ours in zip(recording.parts, within_reach, strict=True) if not ours]
        try:
            if self._store is not None and any(p.stored for p in recording.parts):
                for name in [p.file for p in recording.parts if p.stored] + [MANIFEST, CHAPTERS]:
                    await self._store.delete(f"{ident}/{name}")
        except StoreError as exc:
            log.warning("not deleted", recording=ident, error=str(exc))
            return
        await asyncio.to_thread(self._files.remove, ident)
        if left:
            await self._catalogue.amend(ident, partial(msgspec.structs.replace, parts=left))
        else:
            log.info("recording deleted", recording=ident)
            await self._catalogue.forget(ident)

    async def _describe(self, recording: Recording) -> None:
        try:
            await asyncio.to_thread(self._files.describe, recording)
        except OSError as exc:
            log.warning("manifest not written", recording=recording.recording, error=exc.strerror)


def _deleting(recording: Recording) -> Recording:
    return msgspec.structs.replace(recording, state="deleting")
