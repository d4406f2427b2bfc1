"""From what happens to what there is to tell: CONFERENCE in, WEBHOOKS out.

A commit is told once, though its handling may be repeated: what was told last of a conference says
which commit it came from, and the conference as sinks know it is written behind that. What is told
beside the log stands between two commits, and takes the next number.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import msgspec
import structlog
from nats.js import JetStreamContext

from kit.bus import Delivered
from kit.eventlog import Conflict, JetStreamLog
from kit.kv import Bucket, Stale
from kit.notices import KEPT
from kit.streams import message
from proto.base import encode
from proto.conference import ConferenceEvent
from proto.subjects import SINKS, WEBHOOK_STREAM, is_gateway_call, webhook_notices
from proto.webhooks import Notice, Notices, decode_notices
from services.webhooks.core.fold import Fold
from services.webhooks.core.tell import tell

log = structlog.get_logger()

replace = msgspec.structs.replace


def fold_key(conference: str) -> str:
    return f"conference.{conference}"


class Teller:
    def __init__(
        self,
        js: JetStreamContext,
        bucket: Bucket,
        anybody: Callable[[], bool],
        *,
        now: Callable[[], datetime],
    ) -> None:
        """`anybody` knows whether there is any sink to be told."""
        self._js = js
        self._log = JetStreamLog(js, WEBHOOK_STREAM)
        self._bucket = bucket
        self._anybody = anybody
        self._now = now

    async def hear(self, commit: Sequence[ConferenceEvent], where: Delivered) -> None:
        while not await self._heard(commit, where):
            log.debug("another replica wrote the conference first")

    async def _heard(self, commit: Sequence[ConferenceEvent], where: Delivered) -> bool:
        """Whether the commit is dealt with; else what was known of the conference was not true."""
        key = fold_key(where.id)
        entry = await self._bucket.get(key)
        before = Fold(where.id) if entry is None else decode_fold(entry.value or b"")
        if where.sequence <= before.version:
            return True
        subject = webhook_notices(where.id)
        last, version = await self._last(subject)
        number = last.notices[-1].seq if last else 0
        # What was told beside the log, of recordings, has counted on.
        known = replace(before, seq=max(before.seq, number))
        fold, notices = tell(known, commit, where.sequence)
        if last is not None and last.source >= where.sequence:
            fold = replace(fold, seq=number)
        elif notices and self._anybody() and notices[-1].at > self._now() - KEPT:
            body = encode(Notices(where.sequence, notices))
            try:
                await self._log.append(subject, body, expected=version)
            except Conflict:
                return False
        if fold.facts is None and is_gateway_call(where.id):
            await self._bucket.delete(key)
            return True
        try:
            revision = 0 if entry is None else entry.revision
            await self._bucket.write(key, encode(fold), revision=revision)
        except Stale:
            return False
        return True

    async def add(self, conference: str, ident: str, make: Callable[[int, Fold], Notice]) -> None:
        """Tell of what is not in the log of the conference, in its order all the same.

        `make` is given the number, and the conference as sinks know it.
        """
        if not self._anybody():
            return
        subject = webhook_notices(conference)
        while True:
            entry = await self._bucket.get(fold_key(conference))
            fold = Fold(conference) if entry is None else decode_fold(entry.value or b"")
            last, version = await self._last(subject)
            seq = max(fold.seq, last.notices[-1].seq if last else 0) + 1
            source = max(fold.version, last.source if last else 0)
            body = encode(Notices(source, [make(seq, fold)]))
            try:
                stored = await self._log.append(subject, body, expected=version, ident=ident)
            except Conflict:
                continue
            if stored > version:
                await self._count(conference, seq)
            return

    async def _count(self, conference: str, seq: int) -> None:
        """Remember the number for longer than the stream does."""
        while (entry := await self._bucket.get(fold_key(conference))) is not None:
            fold = decode_fold(entry.value or b"")
            if fold.seq >= seq:
                return
            with suppress(Stale):
                body = encode(replace(fold, seq=seq))
                await self._bucket.write(fold_key(conference), body, revision=entry.revision)

    async def announce(self, make: Callable[[int], Notice]) -> None:
        """Tell of a sink; `make` is given the number."""
        subject = webhook_notices(SINKS)
        while True:
            last, version = await self._last(subject)
            notice = make(last.notices[-1].seq + 1 if last else 1)
            try:
                await self._log.append(subject, encode(Notices(0, [notice])), expected=version)
            except Conflict:
                continue
            return

    async def _last(self, subject: str) -> tuple[Notices | None, int]:
        found = await message(self._js, WEBHOOK_STREAM, None, subject)
        if found is None:
            return None, 0
        return decode_notices(found.data or b""), found.seq or 0


decode_fold = msgspec.json.Decoder(Fold).decode
