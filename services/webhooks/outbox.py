"""Everything that one sink is sent, by the replica that delivers to it."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from kit import bus
from kit.follow import OUTAGES, Follower
from kit.kv import Stale
from kit.streams import message
from kit.tasks import end
from proto.base import encode
from proto.config import EventSink
from proto.subjects import CONFIG, WEBHOOK_STREAM, webhook_notices
from proto.webhooks import (
    Notice,
    SinkState,
    Trouble,
    decode_notices,
    state_key,
)
from services.webhooks.core import letters, queue
from services.webhooks.core.letters import Letter
from services.webhooks.desk import Desk, load_state, send
from services.webhooks.moved import Moved
from services.webhooks.sinks import Known

log = structlog.get_logger()


LOOK_BACK = 100
"""Messages that may have come between a sink's configuration and our hearing of it."""


class Displaced(Exception):
    """Somebody else has written the state of the sink: it has to be read anew."""


class Outbox:
    def __init__(self, number: int, desk: Desk) -> None:
        self._number = number
        self._desk = desk
        self._poster = desk.poster()
        self._state = SinkState(number)
        self._written = self._state
        self._revision = 0
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved = Moved()
        self._dirty = Moved()
        self._room = Moved()

    @property
    def waiting(self) -> int:
        """Conferences of which something waits."""
        return len(self._state.lanes)

    def look(self) -> None:
        """The configuration has changed."""
        self._moved.set()

    async def run(self) -> None:
        """Deliver, until cancelled. Raises Displaced, in a group, if another replica does it."""
        try:
            await bus.persist(self._begin)
            async with asyncio.TaskGroup() as group:
                for job in (self._follow(), self._write(), self._pump(group)):
                    self._start(group, job)
                try:
                    await asyncio.Event().wait()
                finally:
                    # A group tells its tasks only once to end.
                    await end(list(self._tasks))
        finally:
            if self._state is not self._written:
                with suppress(Displaced, *OUTAGES):
                    await self._put(self._state)
            await self._poster.close()

    def _start(self, group: asyncio.TaskGroup, job: Coroutine[Any, Any, None]) -> None:
        task = group.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self) -> None:
        state, self._revision = await load_state(self._desk.bucket, self._number)
        if state is None:
            state = SinkState(self._number, await self._first())
            self._revision = await self._put(state)
        self._state = self._written = state

    async def _first(self) -> int:
        """Where a new sink begins: with what has happened since it was configured."""
        js, known = self._desk.js, self._desk.sinks.known.get(self._number)
        last = int((await js.stream_info(WEBHOOK_STREAM)).state.last_seq)
        if known is None:
            return last
        first = max(0, last - LOOK_BACK)
        configured = await message(js, f"KV_{CONFIG}", known.revision)
        since = configured.time if configured else None
        for sequence in range(last, first, -1):
            found = await message(js, WEBHOOK_STREAM, sequence)
            if found is None or found.time is None or since is None or found.time < since:
                return sequence
        return first

    async def _put(self, state: SinkState) -> int:
        key = state_key(self._number)
        try:
            return await self._desk.bucket.write(key, encode(state), revision=self._revision)
        except Stale as exc:
            raise Displaced from exc

    async def _follow(self) -> None:
        """Take in what is new."""
        follower = Follower(
            self._desk.js, WEBHOOK_STREAM, webhook_notices(), after=self._state.cursor
        )
        async for msg in follower.messages():
            while queue.full(self._state):
                await self._room.wait()
            conference = msg.subject.rsplit(".", 1)[-1]
            sequence = msg.metadata.sequence.stream
            self._become(queue.came(self._state, conference, sequence, msg.metadata.timestamp))

    def _become(self, state: SinkState) -> None:
        self._state = state
        for waiting in (self._dirty, self._moved, self._room):
            waiting.set()

    async def _write(self) -> None:
        """Keep what was reached; several steps may come together."""
        while True:
            await self._dirty.wait()
            state = self._state
            if state is not self._written:
                self._revision = await bus.persist(partial(self._put, state))
                self._written = state

    async def _pump(self, group: asyncio.TaskGroup) -> None:
        """Start whatever is due."""
        while True:
            known = self._desk.sinks.known.get(self._number)
            wait: float | None = None
            if known is not None and self._may_send(known):
                now = self._desk.now()
                room = self._desk.at_once - len(self._busy)
                for conference in queue.ready(self._state, self._busy, now, room):
                    self._busy.add(conference)
                    self._start(group, self._deliver(conference))
                if (due := queue.wake_at(self._state, self._busy)) is not None:
                    wait = max(0.0, (due - now).total_seconds())
            await self._moved.wait(wait)

    def _may_send(self, known: Known) -> bool:
        state = queue.enabled(self._state, known.revision)
        if state is not self._state:
            log.info("event sink is tried again", sink=self._number)
            self._become(state)
        return known.sink.enable and state.disabled_at is None

    async def _deliver(self, conference: str) -> None:
        """The next that there is of one conference."""
        try:
            await self._next(conference)
        finally:
            self._busy.discard(conference)
            self._moved.set()

    async def _next(self, conference: str) -> None:
        lane = self._state.lanes[conference]
        found = await bus.persist(lambda: self._after(conference, lane.after))
        known = self._desk.sinks.known.get(self._number)
        if known is None:
            return
        if found is None or found[0] > lane.newest:
            self._become(queue.emptied(self._state, conference))
            return
        sequence, notices = found
        part = lane.part if sequence == lane.after + 1 else 0
        scope = self._desk.sinks.scope(known.sink)
        letter, reached = letters.next_letter(notices, part, known.sink, scope)
        done = 0 if reached >= len(notices) else reached
        if letter is None:
            self._become(queue.advanced(self._state, conference, sequence))
        elif self._too_old(known.sink, letter.notices):
            log.error("event given up", sink=self._number, events=len(letter.notices))
            state = queue.given_up(self._state, conference, sequence, letter.notices)
            self._become(queue.advanced(state, conference, sequence, done))
        else:
            await self._send(known, conference, sequence, done, letter)

    async def _send(
        self, known: Known, conference: str, sequence: int, done: int, letter: Letter
    ) -> None:
        outcome = await send(self._poster, self._desk.sealer, known.sink, letter, self._desk.now())
        now = self._desk.now()
        if not outcome.code:
            state = queue.succeeded(self._state, len(letter.notices), now)
            self._become(queue.advanced(state, conference, sequence, done))
            return
        trouble = Trouble(outcome.code, now, outcome.status, letter.notices[0].id)
        log.warning("event not taken", sink=self._number, code=outcome.code, status=outcome.status)
        state = queue.failed(
            self._state, conference, letter.notices[0], trouble, outcome.asked, self._desk.chance()
        )
        if outcome.code == "gone":
            log.error("event sink disabled", sink=self._number)
            # Told first: who dies in between tells it twice.
            await bus.persist(lambda: self._desk.announce(known.sink, trouble))
            state = queue.disabled(state, known.revision, now)
        self._become(state)

    def _too_old(self, sink: EventSink, notices: Sequence[Notice]) -> bool:
        return notices[0].at < self._desk.now() - timedelta(hours=sink.max_age_hours)

    async def _after(self, conference: str, sequence: int) -> tuple[int, list[Notice]] | None:
        """The next message of the conference behind `sequence`."""
        subject = webhook_notices(conference)
        found = await message(self._desk.js, WEBHOOK_STREAM, sequence + 1, subject, after=True)
        return (
            None if found is None else (found.seq or 0, decode_notices(found.data or b"").notices)
        )
