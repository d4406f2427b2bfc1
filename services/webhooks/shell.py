"""Which sinks this replica delivers to, and what is asked about one."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from kit.kv import Stale
from kit.tasks import end
from proto.base import Refused, encode
from proto.config import EventSink
from proto.subjects import SINKS
from proto.webhooks import (
    Dead,
    Notice,
    Probed,
    ProbeSink,
    Redeliver,
    Redelivered,
    Trouble,
    WebhookCommand,
    WebhookReply,
    state_key,
)
from services.webhooks.core import letters, queue
from services.webhooks.core.letters import Letter
from services.webhooks.desk import Desk, load_state, notices_at, send
from services.webhooks.members import Members, owner
from services.webhooks.moved import Moved
from services.webhooks.outbox import Displaced, Outbox
from services.webhooks.sinks import Known

log = structlog.get_logger()

DISPLACED_PAUSE = 1.0
"""Seconds until a sink is taken again whose state somebody else wrote: lists agree by then."""

LONGEST_ANSWER = 8.0
"""Seconds that a redelivery goes on for before it says how far it came."""

ATTEMPTS = 20
"""Tries to write the state of a sink whose owner writes it, too."""


class Outboxes:
    """One for each sink that is this replica's."""

    def __init__(self, desk: Desk, members: Members, own: str) -> None:
        self._desk = desk
        self._members = members
        self._own = own
        self._running: dict[int, tuple[Outbox, asyncio.Task[None]]] = {}
        self._moved = Moved()

    def look(self) -> None:
        """Sinks or replicas have changed."""
        self._moved.set()
        for outbox, _ in self._running.values():
            outbox.look()

    def waiting(self) -> int:
        """Conferences of which something waits, over all sinks of this replica."""
        return sum(outbox.waiting for outbox, _ in self._running.values())

    async def run(self, group: asyncio.TaskGroup) -> None:
        while True:
            replicas = self._members.alive()
            ours = {n for n in self._desk.sinks.known if owner(n, replicas) == self._own}
            for number in self._running.keys() - ours:
                await self._stop(number)
            for number in ours - self._running.keys():
                outbox = Outbox(number, self._desk)
                self._running[number] = outbox, group.create_task(self._keep(number, outbox))
            await self._moved.wait()

    async def _stop(self, number: int) -> None:
        _, task = self._running.pop(number)
        await end([task])
        if number not in self._desk.sinks.known:
            await self._desk.bucket.delete(state_key(number))

    async def _keep(self, number: int, outbox: Outbox) -> None:
        while True:
            try:
                await outbox.run()
            except* Displaced:
                log.info("event sink is somebody else's", sink=number)
            await asyncio.sleep(DISPLACED_PAUSE)
            outbox = Outbox(number, self._desk)
            if number in self._running:
                self._running[number] = outbox, self._running[number][1]


class Questions:
    """Answers what is asked about a sink, whichever replica delivers to it."""

    def __init__(self, desk: Desk, new_id: Callable[[], str], clock: Callable[[], float]) -> None:
        self._desk = desk
        self._new_id = new_id
        self._clock = clock

    async def handle(self, command: WebhookCommand) -> WebhookReply:
        known = self._desk.sinks.known.get(command.sink)
        if known is None:
            return Refused("unknown", "there is no such event sink")
        match command:
            case ProbeSink():
                return await self._probe(known)
            case Redeliver():
                return await self._redeliver(known)

    async def _probe(self, known: Known) -> WebhookReply:
        body = {"type": "event_sink_test", "event": "event_sink_test", "version": letters.VERSION}
        at = self._desk.now()
        ident = f"test_{self._new_id()}"
        stamp = {"id": ident, "node": letters.NODE, "timestamp": at, "time": at.timestamp()}
        letter = Letter(ident, encode({**body, **stamp, "seq": 0, "data": {}}), [])
        poster = self._desk.poster()
        began = self._clock()
        try:
            outcome = await send(poster, self._desk.sealer, known.sink, letter, at)
        finally:
            await poster.close()
        return Probed(outcome.status, outcome.code, round(self._clock() - began, 3))

    async def _redeliver(self, known: Known) -> WebhookReply:
        state, _ = await load_state(self._desk.bucket, known.sink.id)
        dead = list(state.dead) if state else []
        taken: set[str] = set()
        vanished: set[str] = set()
        code = ""
        poster = self._desk.poster()
        began = self._clock()
        try:
            for one in dead:
                if self._clock() - began > LONGEST_ANSWER:
                    break
                letter = await self._letter(one)
                if letter is None:
                    vanished.add(one.id)
                    continue
                at = self._desk.now()
                outcome = await send(poster, self._desk.sealer, known.sink, letter, at)
                if code := outcome.code:
                    break
                taken.add(one.id)
        finally:
            await poster.close()
        if taken or vanished:
            await self._strike(known.sink.id, taken | vanished, len(taken))
        left = len(dead) - len(taken) - len(vanished)
        return Redelivered(len(taken), left, len(vanished), code)

    async def _letter(self, dead: Dead) -> Letter | None:
        notices = await notices_at(self._desk.js, dead.sequence, dead.conference)
        found = next((one for one in notices or [] if one.id == dead.id), None)
        return None if found is None else letters.letter(found)

    async def _strike(self, sink: int, ids: set[str], count: int) -> None:
        """Take them off the list. Who delivers to the sink notices and reads its state anew."""
        for _ in range(ATTEMPTS):
            state, revision = await load_state(self._desk.bucket, sink)
            if state is None:
                return
            state = queue.redelivered(state, ids, count, self._desk.now())
            try:
                await self._desk.bucket.write(state_key(sink), encode(state), revision=revision)
            except Stale:
                continue
            return


def goodbye(sink: EventSink, trouble: Trouble, seq: int, at: datetime) -> Notice:
    """What other sinks are told of one that said that it is gone."""
    data = {
        "id": sink.id,
        "name": sink.name,
        "url": sink.url,
        "code": trouble.code,
        "status": trouble.status,
        "event": trouble.event,
    }
    ident = f"{SINKS}_{sink.id}_{seq}"
    return Notice(ident, "event_sink_disabled", at, SINKS, SINKS, seq, data)
