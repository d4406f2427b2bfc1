"""`…/events`: a conference as one of its people sees it happen."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar.response import ServerSentEventMessage

from services.gateway.calls import Calls
from services.gateway.client_api.desk import Desk
from services.gateway.client_api.here import Here, stands
from services.gateway.core import client
from services.gateway.core.happening import Seen, news, seen
from services.gateway.live import Live
from services.gateway.records import Records

HEARTBEAT = 15.0
"""Seconds of silence after which a comment shows that the connection lives."""

HEARSAY = 10
"""Looks for the reason why somebody is gone, which the log tells about when the view does."""

HEARSAY_PAUSE = 0.05

GONE = "Participant left"
"""If the log does not tell in time."""


class Audience:
    """Who listens: of each participant one stream only, the newest."""

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}
        self._count = 0

    def enter(self, participant: str) -> int:
        """A number by which the stream can be told from a later one of the same participant."""
        self._count += 1
        self._turns[participant] = self._count
        return self._count

    def is_newest(self, participant: str, turn: int) -> bool:
        return self._turns.get(participant) == turn

    def leave(self, participant: str, turn: int) -> None:
        if self.is_newest(participant, turn):
            del self._turns[participant]


async def told(
    me: Here, live: Live, desk: Desk, records: Records, calls: Calls, audience: Audience
) -> AsyncIterator[ServerSentEventMessage]:
    """Until they are gone, or listen by another stream; who reads slowly gets the newest only."""
    who, known, last = me.who.participant, None, me
    turn = audience.enter(who)
    await live.nudge()
    try:
        while not live.closed and audience.is_newest(who, turn):
            changes = live.changes
            now = stands(me.alias, me.key, who, live)
            if now is None:
                async for message in _farewell(last, live, desk, records, calls):
                    yield message
                return
            current = _seen(now, live)
            fresh = news(known, current)
            for event, data in fresh:
                yield _message(event, data)
            known, last = current, now
            if not fresh and not await live.news(changes, HEARTBEAT):
                yield ServerSentEventMessage(comment="still here")
    finally:
        audience.leave(who, turn)


def _seen(me: Here, live: Live) -> Seen:
    flags = client.flags(me.view, me.who.role)
    if me.who.state == "waiting":
        return Seen({one.uuid: one for one in me.people(live)}, flags)
    stage, levels = live.stage(me.key), live.levels(me.key)
    return seen(me.view, me.people(live), flags, stage, levels, live.layouts(me.key))


async def _farewell(
    last: Here, live: Live, desk: Desk, records: Records, calls: Calls
) -> AsyncIterator[ServerSentEventMessage]:
    """Where to go on, for somebody who was transferred; else why they are out."""
    asked = last.who.transfer
    if asked is not None and live.arrived(asked.target, asked.successor):
        alias = calls.alias_of(asked.target)
        token = await desk.give(asked.target, asked.successor)
        there = {"alias": alias, "token": token, "participant_uuid": asked.successor}
        yield _message("refer", there | {"breakout_name": None, "target": None})
        return
    yield _message("disconnect", {"reason": await _reason(last, live, records)})


async def _reason(last: Here, live: Live, records: Records) -> str:
    for _ in range(HEARSAY):
        if why := records.why_left(last.who.participant):
            return why
        await asyncio.sleep(HEARSAY_PAUSE)
    view = live.views.get(last.key)
    return (view.end_reason if view and not view.running else "") or GONE


def _message(event: str, data: Any) -> ServerSentEventMessage:
    return ServerSentEventMessage(event=event, data=msgspec.json.encode(data).decode())
