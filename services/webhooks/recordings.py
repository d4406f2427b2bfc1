"""From the catalogue of recordings to what there is to tell: KV `recordings` in, WEBHOOKS out.

Every replica looks; what one has told is in KV `webhooks` for the others. Who dies between the two
tells it again by the same id, which JetStream leaves out if it comes within two minutes.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

import msgspec
import structlog

from kit import bus
from kit.kv import Bucket, Stale, Watch
from kit.notices import KEPT
from proto.base import encode
from proto.recording import Recording, decode_recording
from services.webhooks.core.recorded import Told, news, notice, settled
from services.webhooks.moved import Moved
from services.webhooks.teller import Teller

log = structlog.get_logger()

PREFIX = "recording."

SINCE = "recordings"
"""Key of the moment since when recordings are told of."""

EVERY = 10.0
"""Seconds between looks at those whose end waits for a file."""


class Recordings:
    def __init__(
        self, teller: Teller, bucket: Bucket, watch: Watch, *, now: Callable[[], datetime]
    ) -> None:
        self._teller = teller
        self._bucket = bucket
        self._watch = watch
        self._now = now
        self._told: dict[str, Told] = {}
        self._new: dict[str, Recording | None] = {}
        self._moved = Moved()

    async def follow(self) -> None:
        async for ident, recording in self._watch.values(decode_recording):
            self._new[ident] = recording
            self._moved.set()

    async def run(self) -> None:
        since = await bus.persist(self._begin)
        while True:
            for ident, recording in list(self._new.items()):
                done = await bus.persist(partial(self._look, ident, recording, since))
                if done and self._new.get(ident) is recording:
                    del self._new[ident]
            await self._moved.wait(EVERY if self._new else None)

    async def _begin(self) -> datetime:
        """What is known already; and since when."""
        for key, value in (await self._bucket.everything()).items():
            if key.startswith(PREFIX):
                self._told[key.removeprefix(PREFIX)] = decode_told(value)
        while (entry := await self._bucket.get(SINCE)) is None:
            with suppress(Stale):
                await self._bucket.write(SINCE, encode(self._now()), revision=0)
        return decode_moment(entry.value or b"")

    async def _look(self, ident: str, recording: Recording | None, since: datetime) -> bool:
        """Whether it need not be looked at again before it changes."""
        if recording is None:
            self._told.pop(ident, None)
            await self._bucket.delete(f"{PREFIX}{ident}")
            return True
        if recording.ended_at is not None and recording.ended_at < since:
            return True
        while news(recording, self._told.get(ident, Told()), self._now())[0]:
            with suppress(Stale):
                await self._tell(ident, recording)
        return settled(recording, self._told.get(ident, Told()))

    async def _tell(self, ident: str, recording: Recording) -> None:
        """Raises Stale if another replica did it meanwhile."""
        key = f"{PREFIX}{ident}"
        entry = await self._bucket.get(key)
        before = decode_told(entry.value or b"") if entry else Told()
        found, told = news(recording, before, self._now())
        for one in found:
            if one.at > self._now() - KEPT:
                await self._teller.add(
                    recording.conference, one.id, partial(notice, recording, one)
                )
        if found:
            revision = entry.revision if entry else 0
            await self._bucket.write(key, encode(told), revision=revision)
            log.info("recording told", recording=ident, events=[one.type for one in found])
        self._told[ident] = told


decode_told = msgspec.json.Decoder(Told).decode
decode_moment = msgspec.json.Decoder(datetime).decode
