"""What the event log says about the past, kept on disk, and about who sends what, in memory."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from nats.js import JetStreamContext

from kit.follow import OUTAGES, Follower
from kit.newer import readable
from proto import conference, scheduler, subjects
from proto.scheduler import (
    DestinationAssigned,
    DestinationReleased,
    SchedulerEvent,
    SessionAssigned,
    SessionReleased,
)
from services.gateway.archive import Archive, log_of
from services.gateway.store import Unavailable

FORGET = 3600.0
"""Seconds between looks at what the log no longer holds; it is kept for days."""

LEFT = 1000
"""People who have left whose reason is remembered; who looks on is told it at once."""


class Records:
    def __init__(self, archive: Archive, conferences: Follower, schedule: Follower) -> None:
        self._archive = archive
        self._conferences = conferences
        self._schedule = schedule
        self._past = archive.past()
        self._sessions: dict[str, dict[str, SessionAssigned]] = {}
        "By conference and session."
        self._legs: dict[str, dict[tuple[str, str], str]] = {}
        "By conference, then participant and leg: the session."
        self._left: OrderedDict[str, str] = OrderedDict()

    async def follow_conferences(self) -> None:
        try:
            async for msg in self._conferences.messages():
                key, where = _key(msg), msg.metadata
                for event in _read(msg, conference.decode_commit):
                    self._archive.keep(self._past.learn(key, event), where.sequence.stream)
                    if isinstance(event, conference.ParticipantLeft):
                        self._left[event.participant] = event.reason
                        if len(self._left) > LEFT:
                            self._left.popitem(last=False)
                self._archive.reached(where.sequence.stream, pending=where.num_pending)
        finally:
            self._archive.close()

    async def forget(self, js: JetStreamContext, period: float = FORGET) -> None:
        """Hold no more of the past than the log does."""
        while True:
            with suppress(*OUTAGES):
                self._archive.forget((await log_of(js, subjects.stream("conference"))).first)
            await asyncio.sleep(period)

    async def follow_schedule(self) -> None:
        async for msg in self._schedule.messages():
            for event in _read(msg, scheduler.decode_commit):
                self._learn(_key(msg), event)

    def past(self) -> Archive:
        """Raises Unavailable until all that was stored at the start has been read."""
        if not self._conferences.caught_up.is_set():
            raise Unavailable
        return self._archive

    def why_left(self, participant: str) -> str:
        """Of somebody who has left lately; empty while that is not known."""
        return self._left.get(participant, "")

    def sessions(self, key: str, participant: str) -> list[tuple[str, SessionAssigned]]:
        """The sessions of a call, by leg."""
        known = self._sessions.get(key, {})
        legs = sorted(self._legs.get(key, {}).items())
        return [(leg, known[s]) for (who, leg), s in legs if who == participant and s in known]

    def _learn(self, key: str, event: SchedulerEvent) -> None:
        sessions = self._sessions.setdefault(key, {})
        legs = self._legs.setdefault(key, {})
        match event:
            case SessionAssigned(session=session):
                sessions[session] = event
            case SessionReleased(session=session, worker=worker):
                # One that was moved has been assigned anew before it is released where it was.
                if session in sessions and sessions[session].worker == worker:
                    del sessions[session]
            case DestinationAssigned(participant=who, leg=leg, session=session):
                legs[(who, leg)] = session
            case DestinationReleased(participant=who, leg=leg, session=session):
                if legs.get((who, leg)) == session:
                    del legs[(who, leg)]
            case _:
                pass
        if not sessions and not legs:
            del self._sessions[key], self._legs[key]


def _key(msg: Any) -> str:
    return str(msg.subject).rsplit(".", 1)[-1]


def _read(msg: Any, decode: Any) -> list[Any]:
    """What is of a newer version is a gap in what is shown, and the rest goes on."""
    return readable(msg.data, decode, str(msg.metadata.stream))
