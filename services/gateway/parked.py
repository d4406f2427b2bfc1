"""Messages that nobody could handle: looked at, given back to who parked them, or dropped."""

import asyncio
from typing import cast

import nats.js.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg

from kit.follow import OUTAGES
from kit.streams import message
from proto import subjects
from proto.base import Refused
from proto.parked import decode_reply
from proto.subjects import Family
from services.gateway.core import parked
from services.gateway.core.parked import ParkedPage, ParkedWhole, Wanted
from services.gateway.problems import Problem
from services.gateway.store import NoSuchResource, Unavailable

log = structlog.get_logger()

PATIENCE = 10.0
"""Seconds for the consumer to handle it: it takes milliseconds, or waits for another message."""

STREAM = subjects.PARKED_STREAM

LARGEST = 10**18
"""More than a stream will ever have."""


class ParkedMessages:
    def __init__(self, nc: Client, js: JetStreamContext) -> None:
        self._nc = nc
        self._js = js
        self._turn = asyncio.Lock()

    async def some(self, wanted: Wanted, after: int, limit: int) -> ParkedPage:
        """Those behind `after`, oldest first."""
        try:
            total = int((await self._js.stream_info(STREAM)).state.messages)
            found: list[parked.ParkedMessage] = []
            for _ in range(parked.SCANNED):
                stored = await message(self._js, STREAM, after + 1, subjects.PARKED, after=True)
                if stored is None:
                    return ParkedPage(found, total, None)
                one = _whole(stored)
                after = one.id
                if parked.matches(one, wanted):
                    found.append(parked.brief(one))
                if len(found) >= limit:
                    break
        except OUTAGES as exc:
            raise Unavailable from exc
        return ParkedPage(found, total, after)

    async def one(self, number: int) -> ParkedWhole:
        return _whole(await self._stored(number))

    async def give_back(self, number: int, who: str) -> None:
        """Have it handled after all. It is parked until it was, and gone when it was."""
        # One at a time: who asks twice finds the second time that it is gone.
        async with self._turn:
            stored = await self._stored(number)
            one = _whole(stored)
            if not one.service or one.sequence is None:
                raise _refused("It was parked by another version, and does not say where it stood.")
            subject = subjects.returns(cast("Family", one.family), one.durable)
            try:
                answer = await self._nc.request(
                    subject, stored.data or b"", timeout=PATIENCE, headers=stored.headers
                )
            except OUTAGES as exc:
                raise Unavailable from exc
            reply = decode_reply.decode(answer.data)
            told = {"parked": number, "durable": one.durable, "conference": one.conference}
            if isinstance(reply, Refused):
                log.warning("parked message not handled", **told, code=reply.code, user=who)
                raise _refused(f"{one.service} could not handle it: {reply.reason}")
            await self._remove(number)
            log.info("parked message returned", **told, user=who)

    async def drop(self, number: int, who: str) -> None:
        """Delete it: nobody will ever handle it."""
        async with self._turn:
            one = _whole(await self._stored(number))
            await self._remove(number)
        told = {"parked": number, "durable": one.durable, "conference": one.conference}
        log.warning("parked message dropped", **told, reason=one.reason, user=who)

    async def _stored(self, number: int) -> RawStreamMsg:
        if not 0 < number < LARGEST:
            raise NoSuchResource
        try:
            found = await message(self._js, STREAM, number)
        except OUTAGES as exc:
            raise Unavailable from exc
        if found is None:
            raise NoSuchResource
        return found

    async def _remove(self, number: int) -> None:
        """Another gateway may have done it in the same moment."""
        try:
            await self._js.delete_msg(STREAM, number)
        except nats.js.errors.APIError as exc:
            if await message(self._js, STREAM, number) is not None:
                raise Unavailable from exc
        except OUTAGES as exc:
            raise Unavailable from exc


def _whole(stored: RawStreamMsg) -> ParkedWhole:
    return parked.whole(
        stored.seq or 0,
        stored.subject or "",
        stored.headers or {},
        stored.data or b"",
        stored.time,
    )


def _refused(sentence: str) -> Problem:
    return Problem({"__all__": [sentence]}, "parked", 409)
