"""The worker: what the scheduler assigns is mixed by one process per conference."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from typing import Any

import structlog

from kit.capacity import Capacity, Job
from kit.cost import Room
from kit.link import FeedRefused, Hello
from kit.vault import Vault
from proto.base import Message, Refused
from proto.mixer import CallCommand, TakeSnapshot
from proto.scheduler import (
    Declined,
    MixAssigned,
    MixReleased,
    MixWanted,
    Offer,
    SchedulerEvent,
    Wanted,
)
from proto.views import ConferenceView, LentFeeds, WorkerView
from services.mixer.config import Config
from services.mixer.mix import Mix, Offering, Telling, Withdrawing, Write
from services.mixer.wardrobe import Wardrobe

log = structlog.get_logger()


PRIOR = 0.21
"""Cores per conference: of eight participants in `bench-mixer`."""


class Worker:
    """Answers bids, and runs the mixes that are assigned to it."""

    def __init__(
        self,
        name: str,
        config: Config,
        vault: Vault,
        wardrobe: Wardrobe,
        write: Write,
        offer: Offering,
        withdraw: Withdrawing,
        tell: Telling,
        capacity: Capacity,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        lent: LentFeeds | None = None,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._name = name
        self._config = config
        self._vault = vault
        self._wardrobe = wardrobe
        self._write = write
        self._offer = offer
        self._withdraw = withdraw
        self._tell = tell
        self._capacity = capacity
        self._start = start
        self._lent = lent
        self._now = now
        self._clock = clock
        self._mixes: dict[str, tuple[Mix, asyncio.Task[None]]] = {}
        self._views: dict[str, ConferenceView] = {}
        self._ending = 0
        "Mixes that have been released, and are not gone yet."
        self.draining = False

    @property
    def idle(self) -> bool:
        return not self._mixes and not self._ending

    def missed(self, others: Collection[WorkerView]) -> bool:
        """A conference may begin on any host."""
        del others
        return False

    def jobs(self) -> dict[str, Job]:
        """What runs, each mix as large as any other: it becomes dearer with who comes."""
        return {key: Job(1.0, mix.pid) for key, (mix, _) in self._mixes.items()}

    def view(self) -> WorkerView:
        jobs = self.jobs()
        return WorkerView(
            self._name,
            "mixer",
            self._config.location,
            self._config.host,
            len(jobs) + self._capacity.free(jobs),
            len(jobs),
            self.draining,
            cost=round(self._capacity.budget.cost(1.0), 3),
            load=round(self._capacity.used(jobs), 3),
            lends=self._lent is not None,
        )

    def room(self) -> Room:
        return self._capacity.room(self.jobs())

    async def bid(self, wanted: Wanted) -> Message:
        """An offer, or why not."""
        assert isinstance(wanted, MixWanted)
        here, jobs = self._config.location, self.jobs()
        if self.draining:
            return Declined(self._name, "is being drained", "draining", here)
        if wanted.location and wanted.location != here:
            return Declined(self._name, f"is in location “{here}”", "location", here)
        if reason := self._capacity.shortage(jobs):
            return Declined(self._name, reason, "full", here)
        return Offer(self._name, self._capacity.free(jobs), location=here)

    async def carry_out(self, event: SchedulerEvent) -> None:
        """One event of SCHEDULER, whoever it is for."""
        match event:
            case MixAssigned(worker=self._name):
                await self._begin(event)
            case MixReleased(worker=self._name):
                self._release(event.conference)
            case _:
                pass

    async def _begin(self, assigned: MixAssigned) -> None:
        self._release(assigned.conference)
        mix = Mix(
            assigned,
            self._config,
            self._vault,
            self._wardrobe,
            self._write,
            self._offer,
            self._withdraw,
            self._tell,
            self._lent,
            now=self._now,
            clock=self._clock,
        )
        self._mixes[assigned.conference] = (mix, self._start(mix.run()))
        if view := self._views.get(assigned.conference):
            await mix.show(view)

    def _release(self, conference: str) -> None:
        if found := self._mixes.pop(conference, None):
            self._start(self._end(*found))

    async def _end(self, mix: Mix, task: asyncio.Task[None]) -> None:
        self._ending += 1
        mix.stop()
        await asyncio.wait([task])
        await mix.end()
        self._ending -= 1

    async def show(self, view: ConferenceView) -> None:
        """Some conference has changed."""
        self._views[view.conference] = view
        if found := self._mixes.get(view.conference):
            await found[0].show(view)

    def forget(self, conference: str) -> None:
        """A gateway call that has been."""
        self._views.pop(conference, None)

    def stage(self, conference: str, stage: list[str]) -> None:
        if found := self._mixes.get(conference):
            found[0].stage(stage)

    def admit(self, hello: Hello) -> str:
        """Where somebody on another host takes the feeds that they ask for; from any thread.
        Raises FeedRefused."""
        if not self._vault.is_feed_token(hello.token, hello.name):
            raise FeedRefused("the token is not of this installation (ROSTRUM_SECRET_KEY)")
        found = self._mixes.get(hello.name)
        if found is None or not found[0].socket:
            raise FeedRefused("the conference is not mixed here")
        return found[0].socket

    async def call(self, asked: CallCommand) -> Message:
        """Somebody's call into a conference that is mixed here."""
        if found := self._mixes.get(asked.conference):
            return await found[0].call(asked)
        return Refused("unavailable", "the conference is not mixed here")

    async def snapshot(self, asked: TakeSnapshot) -> Message:
        """A picture of a conference that is mixed here."""
        if found := self._mixes.get(asked.conference):
            return await found[0].snapshot(asked.kind)
        return Refused("unavailable", "the conference is not mixed here")
