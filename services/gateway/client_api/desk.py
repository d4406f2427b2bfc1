"""Where people who come by their browser are given a token, and missed when they fall silent."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
import structlog

from kit.follow import OUTAGES
from kit.kv import Bucket
from kit.vault import Vault
from proto.base import encode
from proto.conference import Leave
from proto.seats import Seat, decode_seat, seat_key
from services.gateway.calls import Calls
from services.gateway.core import seats
from services.gateway.core.seats import LASTS, Shown
from services.gateway.live import Live
from services.gateway.problems import Problem
from services.gateway.store import Unavailable

log = structlog.get_logger()

LOOK = 3.0
"""Seconds between looks for those who have fallen silent."""

SWEEP = 200
"""Looks between two sweeps of what deleted keys leave behind."""

SILENT = "Timer expired awaiting token refresh"
"""Pexip's own words, which programs know."""


class Desk:
    def __init__(
        self,
        bucket: Bucket,
        vault: Vault,
        calls: Calls,
        live: Live,
        *,
        now: Callable[[], datetime],
        connected: Callable[[], bool],
    ) -> None:
        self._bucket = bucket
        self._watch = bucket.watch()
        self._vault = vault
        self._calls = calls
        self._live = live
        self._now = now
        self._connected = connected
        self._seats: dict[tuple[str, str], datetime] = {}
        self._seen: dict[tuple[str, str], datetime] = {}
        "Since when we could have heard of whom."

    async def follow(self) -> None:
        async for key, seat in self._watch.values(decode_seat):
            conference, _, participant = key.partition(".")
            if seat is None:
                self._seats.pop((conference, participant), None)
            else:
                self._seats[conference, participant] = seat.until

    async def give(self, conference: str, participant: str) -> str:
        """A new token, noted before anybody has it. Raises Unavailable."""
        seat = Seat(conference, participant, self._now() + LASTS)
        try:
            await self._bucket.put(seat_key(conference, participant), encode(seat))
        except OUTAGES as exc:
            raise Unavailable from exc
        self._seen.setdefault((conference, participant), self._now())
        return seats.token(seat, self._vault.sign)

    async def take_back(self, conference: str, participant: str) -> None:
        """They were not let in. It matters little if this fails: an empty seat is cleared later."""
        with suppress(*OUTAGES):
            await self._bucket.delete(seat_key(conference, participant))

    def shown(self, token: str, *, late: bool = False) -> Shown | None:
        """What a token says. `late`: also one whose time was over lately, which matters after an
        outage: as long as its bearer has not been sent away they may have a new one."""
        return seats.shown(
            token, self._now() - (LASTS if late else timedelta(0)), self._vault.is_signed
        )

    async def clear(self) -> None:
        """Send away who has fallen silent, again and again."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK)
            looks += 1
            try:
                await self._look()
                if looks % SWEEP == 0:
                    await self._bucket.sweep(self._now() - LASTS * 30)
            except (Unavailable, *OUTAGES) as exc:
                self._seen.clear()
                log.warning("look failed", error=type(exc).__name__)

    async def _look(self) -> None:
        now, views = self._now(), self._live.running()
        if not self._connected():
            # Nobody can be heard of now.
            self._seen.clear()
            return
        self._seen = {who: self._seen.get(who, now) for who in seats.present(views)}
        for missed in seats.overdue(views, self._seats, self._seen, now):
            if not await self._is_silent(missed.conference, missed.participant):
                continue
            log.info("somebody has fallen silent", participant=missed.participant)
            # Refused: they are gone, for another gateway has looked, too.
            with suppress(Problem):
                await self._calls.tell(Leave(missed.conference, missed.participant, SILENT), {})
        for who in seats.empty_seats(views, self._seats, now):
            await self._bucket.delete(seat_key(*who))

    async def _is_silent(self, conference: str, participant: str) -> bool:
        """As it is stored now: a token may have been given out meanwhile."""
        entry = await self._bucket.get(seat_key(conference, participant))
        if entry is None or not entry.value:
            return True
        try:
            return decode_seat(entry.value).until <= self._now()
        except msgspec.MsgspecError:
            return False
