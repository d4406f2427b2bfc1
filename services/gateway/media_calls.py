"""Calls of browsers, handed to the worker that mixes their conference."""

import asyncio

import msgspec
from nats.aio.client import Client

from kit.bus import Unanswered, ask
from kit.kv import Bucket
from proto.base import Refused
from proto.mixer import CallAnswered, CallCommand, CallHeard, decode_call_answer
from proto.subjects import calls
from proto.views import decode_feed

PATIENCE = 11.0
"""Seconds to wait for a mixer: somewhat longer than it waits for its conference's process."""

BEGUN_IN = 5.0
"""Seconds in which the mix of a conference that has just begun is there."""

LOOK = 0.1

NO_MIXER = Refused("unavailable", "no mixer runs for the conference")


class MediaCalls:
    def __init__(self, nc: Client, feeds: Bucket) -> None:
        self._nc = nc
        self._feeds = feeds

    async def ask(self, command: CallCommand, *, wait: bool = False) -> CallAnswered | Refused:
        """`wait`: for the mix to begin. A command without an answer has an empty one."""
        worker = await self._worker(command.conference)
        loop = asyncio.get_running_loop()
        until = loop.time() + BEGUN_IN
        while wait and worker is None and loop.time() < until:
            await asyncio.sleep(LOOK)
            worker = await self._worker(command.conference)
        if worker is None:
            return NO_MIXER
        try:
            reply = decode_call_answer(
                await ask(self._nc, calls(worker), command, patience=PATIENCE)
            )
        except Unanswered:
            return Refused("unavailable", "the mixer of the conference does not answer")
        except msgspec.MsgspecError:
            return Refused("unavailable", "the mixer's answer cannot be read")
        return CallAnswered("-") if isinstance(reply, CallHeard) else reply

    async def _worker(self, conference: str) -> str | None:
        entry = await self._feeds.get(conference)
        return None if entry is None or not entry.value else decode_feed(entry.value).worker
