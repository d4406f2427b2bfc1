"""Calls of people's browsers, handed to the mixer worker that offers their conference's feeds.

What is said here holds ICE passwords and addresses: nothing of it is logged or put into a failure.
"""

import asyncio
from collections.abc import Callable

import msgspec
from nats.aio.client import Client

from kit.bus import Unanswered, ask
from kit.follow import OUTAGES
from kit.kv import Bucket
from proto.base import Refused
from proto.mixer import (
    AddCandidate,
    CallAnswered,
    CallCommand,
    CallHeard,
    CallKind,
    ConnectCall,
    EndCall,
    decode_call_answer,
)
from proto.subjects import calls
from proto.views import decode_feed
from services.gateway.client_api.answers import OUT, Failed

BEGINNING = 5.0
"""Seconds to wait for the conference's mix, which begins with the first who comes in."""

PAUSE = 0.1
"""Seconds between looks for it."""

PATIENCE = 8.0
"""Seconds for a mixer to answer; gathering candidates takes it a moment."""

EARLY = ("unavailable", "unknown")
"""What a mixer refuses with that has heard of somebody later than we, or begins anew."""

NO_MIXER = Refused("unavailable", "no mixer runs for the conference")

STATUS = {"unknown": 404, "waiting": 403, "invalid": 400, "offer": 400, "full": 503}
"""Of what a mixer refuses; all else is its own trouble."""


class MediaCalls:
    def __init__(self, nc: Client, feeds: Bucket, new_id: Callable[[], str]) -> None:
        self._nc = nc
        self._feeds = feeds
        self._new_id = new_id

    async def connect(self, conference: str, who: str, sdp: str, kind: CallKind) -> dict[str, str]:
        """A new call: its id and the answer. Raises Failed."""
        return await self.offer(conference, who, self._new_id(), sdp, kind)

    async def offer(
        self, conference: str, who: str, call: str, sdp: str, kind: CallKind = "main"
    ) -> dict[str, str]:
        """The same for a call that there may be already."""
        answer = await self._ask(ConnectCall(conference, who, call, sdp, kind))
        if not isinstance(answer, CallAnswered):
            raise Failed(503, OUT)
        return {"call_uuid": call, "sdp": answer.sdp}

    async def candidate(
        self, conference: str, who: str, call: str, candidate: str, mid: str
    ) -> None:
        await self._ask(AddCandidate(conference, who, call, candidate, mid))

    async def end(self, conference: str, who: str, call: str) -> None:
        await self._ask(EndCall(conference, who, call))

    async def _ask(self, command: CallCommand) -> object:
        """An offer is made again for a while where the mix, or what the mixer knows of who is
        there, is only just coming."""
        loop = asyncio.get_running_loop()
        until = loop.time() + BEGINNING
        while True:
            answer = await self._once(command)
            if not isinstance(answer, Refused):
                return answer
            early = isinstance(command, ConnectCall) and answer.code in EARLY
            if not early or loop.time() > until:
                sentence = f"{answer.reason[:1].upper()}{answer.reason[1:].rstrip('.')}."
                raise Failed(STATUS.get(answer.code, 503), sentence)
            await asyncio.sleep(PAUSE)

    async def _once(self, command: CallCommand) -> CallAnswered | CallHeard | Refused:
        try:
            entry = await self._feeds.get(command.conference)
            if entry is None or not entry.value:
                return NO_MIXER
            worker = decode_feed(entry.value).worker
            data = await ask(self._nc, calls(worker), command, patience=PATIENCE)
            return decode_call_answer(data)
        except (Unanswered, msgspec.MsgspecError, *OUTAGES):
            # Not `from`: what could not be read may be told with what it was.
            raise Failed(503, OUT) from None
