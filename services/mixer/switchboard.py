"""Calls on their way to a conference's process: what was asked, and who waits for the answer."""

import asyncio
from collections.abc import Callable

from proto.base import Message, Refused
from proto.mixer import AddCandidate, CallAnswered, CallCommand, CallHeard, ConnectCall, EndCall
from services.mixer import wire

PATIENCE = 10.0
"""Seconds; an answer takes some tens of milliseconds."""

AT_ONCE = 100
"""Questions that may wait for an answer."""

NOT_NOW = Refused("unavailable", "the conference takes no calls at the moment")


class Switchboard:
    """Of one conference's process."""

    def __init__(self, send: Callable[[wire.AnyOrder], None]) -> None:
        self._send = send
        self._number = 0
        self._waiting: dict[int, asyncio.Future[wire.CallAnswer]] = {}

    async def ask(self, command: CallCommand) -> Message:
        if isinstance(command, EndCall):
            self._send(wire.EndCall(command.participant, command.call))
            return CallHeard()
        if len(self._waiting) >= AT_ONCE:
            return NOT_NOW
        self._number += 1
        number = self._number
        future: asyncio.Future[wire.CallAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._send(_order(number, command))
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait([future])
        except TimeoutError:
            return NOT_NOW
        finally:
            del self._waiting[number]
        if future.cancelled():
            return NOT_NOW
        answer = future.result()
        if answer.problem:
            return Refused("offer", answer.problem, "sdp")
        return CallAnswered(answer.sdp) if answer.sdp else CallHeard()

    def answered(self, answer: wire.CallAnswer) -> None:
        """One that nobody waits for any more is of no interest."""
        if (future := self._waiting.get(answer.number)) is not None and not future.done():
            future.set_result(answer)

    def lost(self) -> None:
        """The process is gone; what was asked of it will not come."""
        for future in self._waiting.values():
            future.cancel()


def _order(number: int, command: ConnectCall | AddCandidate) -> wire.AnyOrder:
    who, call = command.participant, command.call
    if isinstance(command, ConnectCall):
        return wire.Connect(number, who, call, command.kind, command.sdp)
    return wire.Candidate(number, who, call, command.candidate, command.mid)
