"""Keeps count of those who take part by browser, and sends away who is gone without a word.

Gateways tell each other who was heard of, so that any of them may be asked. One that has just
begun gives everybody the time of a whole token.
"""

import asyncio
from collections.abc import Callable

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from kit.follow import OUTAGES
from proto.base import encode
from proto.conference import Leave
from proto.seats import SeatKept, decode_seat
from proto.subjects import SEATS
from services.gateway.calls import Calls
from services.gateway.core.seats import OVERDUE, Seat, overdue
from services.gateway.live import Live
from services.gateway.problems import Problem
from services.gateway.store import Unavailable

log = structlog.get_logger()

LOOK = 5.0
"""Seconds between two looks."""


class Seats:
    def __init__(self, nc: Client, live: Live, calls: Calls, clock: Callable[[], float]) -> None:
        self._nc = nc
        self._live = live
        self._calls = calls
        self._clock = clock
        self._since = clock()
        self._kept: dict[Seat, float] = {}

    async def keep(self, conference: str, participant: str) -> None:
        """They have shown that they are there."""
        self._kept[Seat(conference, participant)] = self._clock()
        try:
            await self._nc.publish(SEATS, encode(SeatKept(conference, participant)))
        except OUTAGES as exc:
            log.warning("seat not told", error=type(exc).__name__)

    async def hear(self, msg: Msg) -> None:
        """Another gateway was shown it, or this one."""
        try:
            seat = decode_seat(msg.data)
        except msgspec.MsgspecError:
            return  # of a newer version, perhaps: they are sent away later, or never
        self._kept[Seat(seat.conference, seat.participant)] = self._clock()

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            running = self._live.running()
            for seat in overdue(running, self._kept, self._clock(), self._since):
                await self._send_away(seat)
            there = {Seat(v.conference, p.participant) for v in running for p in v.participants}
            self._kept = {seat: at for seat, at in self._kept.items() if seat in there}

    async def _send_away(self, seat: Seat) -> None:
        log.info("seat not kept", conference=seat.conference, participant=seat.participant)
        try:
            await self._calls.tell(Leave(seat.conference, seat.participant, OVERDUE), {})
        except (Problem, Unavailable):
            return  # gone already, or it is tried again at the next look
