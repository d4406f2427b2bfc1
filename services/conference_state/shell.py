"""Commands and facts in, commits and views out. Everything impure about this service is here."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import msgspec
import structlog

from kit import metrics
from kit.bus import Delivered
from kit.eventlog import Conflict, EventLog
from kit.follow import OUTAGES
from kit.kv import Bucket, Stale, Watch
from kit.metrics import declared
from proto.base import Accepted, Event, Refused, Reply, encode
from proto.conference import (
    CallEnded,
    ConferenceCommand,
    ConferenceEvent,
    ParticipantLeft,
    Tick,
    Transfer,
    TransferRequested,
    decode_commit,
)
from proto.subjects import events, is_gateway_call
from proto.urls import RECORD, secrets_of
from proto.views import ConferenceView, decode_conference
from services.conference_state import core
from services.conference_state.transfers import Busy, Transfers

log = structlog.get_logger()

ATTEMPTS = 10
"""Two writers meet rarely and the loser re-decides at once; ten losses mean something is wrong."""

NEWER = Refused("busy", "a newer version wrote about this conference, and has to decide about it")


class Newer(Exception):
    """The conference cannot be read as a whole, so nothing may be decided about it here."""


Decision = Callable[[ConferenceView], list[ConferenceEvent] | Refused]


class Views:
    """KV `conferences`: each conference's view, replaced in rising order of version only."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def read(self, conference: str) -> ConferenceView:
        entry = await self._bucket.get(conference)
        if entry is None or entry.value is None:
            return core.empty(conference)
        try:
            return decode_conference(entry.value)
        except msgspec.MsgspecError as exc:
            raise Newer from exc

    async def write(self, view: ConferenceView) -> None:
        while True:
            entry = await self._bucket.get(view.conference)
            if entry is not None and entry.value is not None:
                if decode_conference(entry.value).version >= view.version:
                    return
                revision = entry.revision
            else:
                revision = 0
            try:
                await self._bucket.write(view.conference, encode(view), revision=revision)
            except Stale:
                log.debug("another replica wrote the view first")
            else:
                return

    async def forget(self, conference: str) -> None:
        await self._bucket.delete(conference)


class ConferenceState:
    """Decides for any conference. Any number of replicas may: the log's version keeps them true."""

    def __init__(
        self,
        events_: EventLog,
        views: Views,
        secrets: Bucket,
        vmr: Callable[[str], core.Vmr | None],
        kept: timedelta,
        *,
        now: Callable[[], datetime],
        replay: bool = False,
    ) -> None:
        """`vmr` knows what is configured; `kept` is how long gateway calls are shown when over."""
        self._events = events_
        self._views = views
        self._secrets = secrets
        self._vmr = vmr
        self._kept = kept
        self._now = now
        self._transfers = None if replay else Transfers(self.handle, self._load, secrets)
        "None: what came of a transfer is in the recording."
        self._known: dict[str, ConferenceView] = {}
        self._running: dict[str, ConferenceView] = {}
        "All that run, whichever replica decides for them."
        self._over: dict[str, datetime] = {}
        "The gateway calls that have ended and are still shown; since when."
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        "Within a replica, commands for one conference wait for each other instead of racing."

    async def handle(self, command: ConferenceCommand) -> Reply:
        """Answer one command."""
        with structlog.contextvars.bound_contextvars(conference=command.conference):
            leads_to = command.target if isinstance(command, Transfer) else command.conference
            vmr = self._vmr(leads_to)
            reply = await self._commit(
                command.conference,
                lambda state: core.decide(state, command, self._now(), vmr),
                type(command).__name__,
            )
            outcome = reply.code if isinstance(reply, Refused) else "ok"
            metrics.add(declared.COMMANDS, command=type(command).__name__, outcome=outcome)
            return reply

    async def learn(self, facts: Sequence[Event], where: Delivered) -> None:
        """Take in one commit of ROUTING, SCHEDULER or EGRESS. Raises Busy to be told again."""
        for fact in facts:
            if not isinstance(fact, core.Fact):
                continue
            reply = await self._commit(
                where.id,
                partial(core.learn, fact=fact, at=self._now(), vmr=self._vmr(where.id)),
                type(fact).__name__,
            )
            if isinstance(reply, Refused):
                raise Busy(where.id)

    async def tick(self) -> None:
        """Do what has become due in any conference. Called again and again, by every replica."""
        for conference, view in list(self._running.items()):
            vmr = self._vmr(conference) or core.Vmr(view.name)
            due = core.deadline(view, vmr)
            if due is not None and due <= self._now():
                await self.handle(Tick(conference))
        for conference, ended_at in list(self._over.items()):
            if ended_at + self._kept <= self._now():
                await self._views.forget(conference)

    async def follow(self, watch: Watch) -> None:
        """Know which conferences run; timers are kept for those. And which will not run again."""
        async for conference, view in watch.values(decode_conference):
            self._running.pop(conference, None)
            self._over.pop(conference, None)
            if view is None:
                self._known.pop(conference, None)
                self._turns.pop(conference, None)
            elif view.running:
                self._running[conference] = view
            elif view.ended_at is not None and is_gateway_call(conference):
                self._over[conference] = view.ended_at

    def people(self) -> dict[tuple[str, ...], float]:
        """How many take part in all conferences that run, by kind."""
        counts: dict[tuple[str, ...], float] = dict.fromkeys(
            [("person",), ("stream",), ("recording",)], 0.0
        )
        for view in self._running.values():
            for one in view.participants:
                url = one.destination
                recorded = url is not None and url.scheme == RECORD
                counts[("recording" if recorded else "stream" if url else "person",)] += 1
        return counts

    @property
    def running(self) -> int:
        return len(self._running)

    async def project(self, commit: Sequence[ConferenceEvent], where: Delivered) -> None:
        """See to it that what follows from a commit is done, also if its writer died in between."""
        if (await self._views.read(where.id)).version < where.sequence:
            await self._views.write(await self._load(where.id))
        for event in commit:
            match event:
                case ParticipantLeft(participant=who) | CallEnded(participant=who):
                    for secret in secrets_of(who):
                        # Deleted here and not where it was made: this is who knows that it is over.
                        await self._secrets.delete(secret)
                case TransferRequested() if self._transfers is not None:
                    await self._transfers.carry(where.id, event)

    async def _commit(self, conference: str, decide: Decision, cause: str) -> Reply:
        async with self._turns[conference]:
            try:
                return await self._race(conference, decide, cause)
            except Newer:
                log.error("written by a newer version", cause=cause)
                return NEWER

    async def _race(self, conference: str, decide: Decision, cause: str) -> Reply:
        for attempt in range(1, ATTEMPTS + 1):
            state = await self._load(conference)
            outcome = decide(state)
            if isinstance(outcome, Refused):
                log.info("refused", cause=cause, code=outcome.code, field=outcome.field)
                return outcome
            if not outcome:
                return Accepted(state.version)
            try:
                version = await self._events.append(
                    events("conference", conference), encode(outcome), expected=state.version
                )
            except Conflict:
                log.debug("lost a race", attempt=attempt)
                continue
            log.info("committed", cause=cause, events=[type(e).__name__ for e in outcome])
            for event in outcome:
                if isinstance(event, CallEnded):
                    metrics.add(declared.CALLS_ENDED, reason=event.code)
            view = self._fold(state, outcome, version)
            # The commit stands, and its answer is true, also if its view has to wait: see project.
            with suppress(*OUTAGES):
                await self._views.write(view)
            return Accepted(version)
        return Refused("busy", f"{ATTEMPTS} other writers were faster")

    async def _load(self, conference: str) -> ConferenceView:
        """The state as the log has it now: what is known, or the last view, and what came since."""
        state = self._known.get(conference) or await self._views.read(conference)
        history = await self._events.load(events("conference", conference), after=state.version)
        try:
            commits = [event for commit in history.commits for event in decode_commit(commit)]
        except msgspec.MsgspecError as exc:
            raise Newer from exc
        return self._fold(state, commits, history.version)

    def _fold(
        self, state: ConferenceView, commit: list[ConferenceEvent], version: int
    ) -> ConferenceView:
        for event in commit:
            state = core.evolve(state, event)
        state = msgspec.structs.replace(state, version=version)
        self._known[state.conference] = state
        return state
