"""The worker: what the scheduler assigns is mixed by one process per conference."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from kit import bus
from kit.child import Child, Kept
from kit.vault import Vault
from proto.base import Message
from proto.mixer import (
    LayoutChanged,
    MixerEvent,
    MixStarted,
    MixStopped,
    SourceChanged,
    StageChanged,
)
from proto.scheduler import (
    Declined,
    MixAssigned,
    MixReleased,
    MixWanted,
    Offer,
    SchedulerEvent,
    Wanted,
)
from proto.urls import SealedUrl
from proto.views import ConferenceView, FeedOffer, WorkerView
from services.mixer import wire
from services.mixer.config import Config
from services.mixer.core.scene import Content

log = structlog.get_logger()

Write = Callable[[str, MixerEvent], Awaitable[None]]
Offering = Callable[[FeedOffer], Awaitable[None]]
Withdrawing = Callable[[MixAssigned], Awaitable[None]]

CONFERENCE = "services.mixer.conference"


class Mix:
    """One conference's process and what it has to know."""

    def __init__(
        self,
        assigned: MixAssigned,
        config: Config,
        vault: Vault,
        write: Write,
        offer: Offering,
        withdraw: Withdrawing,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self.assigned = assigned
        self._config = config
        self._vault = vault
        self._write = write
        self._offer = offer
        self._withdraw = withdraw
        self._now = now
        self._view: ConferenceView | None = None
        self._sources: dict[tuple[str, Content], wire.Source] = {}
        self._kept = Kept(
            CONFERENCE,
            wire.decode_report,
            greet=self._greet,
            hear=self._hear,
            died=self._died,
            clock=clock,
        )

    async def run(self) -> None:
        a = self.assigned
        with structlog.contextvars.bound_contextvars(conference=a.conference):
            await self._write(
                a.conference, MixStarted(self._now(), a.conference, a.instance, a.worker)
            )
            await self._kept.run()

    def stop(self) -> None:
        """Ask the process to end; `run` returns when it has."""
        self._kept.end()

    async def end(self) -> None:
        """After the process is gone."""
        a = self.assigned
        await self._withdraw(a)
        await self._write(a.conference, MixStopped(self._now(), a.conference, a.instance, a.worker))

    async def show(self, view: ConferenceView) -> None:
        """The conference has changed."""
        if view.instance != self.assigned.instance:
            return
        sources: dict[tuple[str, Content], wire.Source] = {}
        for participant in view.participants:
            who = participant.participant
            for content, url in _media(participant.media, participant.presentation):
                source = self._sources.get((who, content)) or await self._source(who, content, url)
                if source is not None:
                    sources[who, content] = source
        if self._view is not None and view.version < self._view.version:
            return  # A newer one came while we waited.
        for key, source in sources.items():
            if key not in self._sources:
                self._kept.send(source)
        self._sources = sources
        self._view = view
        self._kept.send(wire.Show(view))

    def stage(self, stage: list[str]) -> None:
        """Replay: who is heard, as it was recorded."""
        self._kept.send(wire.Stage(stage))

    async def _source(
        self, participant: str, content: Content, url: SealedUrl
    ) -> wire.Source | None:
        if self._config.replay:
            # There are no secrets, and nothing is opened.
            return wire.Source(participant, content, "")
        sealed = await bus.persist(partial(self._vault.sealed, url))
        return None if sealed is None else wire.Source(participant, content, sealed)

    def _greet(self, child: Child[wire.AnyReport]) -> None:
        a = self.assigned
        child.send(wire.Begin(a.conference, a.instance, self._config.replay))
        for source in self._sources.values():
            child.send(source)
        if self._view is not None:
            child.send(wire.Show(self._view))

    async def _hear(self, report: wire.AnyReport) -> None:
        at, a = self._now(), self.assigned
        match report:
            case wire.Ready(socket=socket):
                await self._offer(
                    FeedOffer(a.conference, a.instance, a.worker, self._config.host, socket)
                )
            case wire.SourceChanged(participant=who, content=content, state=state, reason=reason):
                log.info("source", participant=who, content=content, state=state)
                await self._write(
                    a.conference,
                    SourceChanged(at, a.conference, who, content, state, reason),
                )
            case wire.StageChanged(stage=stage):
                await self._write(a.conference, StageChanged(at, a.conference, stage))
            case wire.LayoutChanged(feed=feed, view=view, slots=slots):
                await self._write(a.conference, LayoutChanged(at, a.conference, feed, view, slots))
            case wire.Stats():
                log.debug("mix", late=report.late)

    async def _died(self) -> None:
        await self._withdraw(self.assigned)


def _media(
    main: SealedUrl | None, presentation: SealedUrl | None
) -> list[tuple[Content, SealedUrl]]:
    found: list[tuple[Content, SealedUrl]] = []
    if main:
        found.append(("main", main))
    if presentation:
        found.append(("presentation", presentation))
    return found


class Worker:
    """Answers bids, and runs the mixes that are assigned to it."""

    def __init__(
        self,
        name: str,
        config: Config,
        vault: Vault,
        write: Write,
        offer: Offering,
        withdraw: Withdrawing,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._name = name
        self._config = config
        self._vault = vault
        self._write = write
        self._offer = offer
        self._withdraw = withdraw
        self._start = start
        self._now = now
        self._clock = clock
        self._mixes: dict[str, tuple[Mix, asyncio.Task[None]]] = {}
        self._views: dict[str, ConferenceView] = {}
        self.draining = False

    @property
    def idle(self) -> bool:
        return not self._mixes

    def view(self) -> WorkerView:
        return WorkerView(
            self._name,
            "mixer",
            self._config.location,
            self._config.host,
            self._config.mixer_capacity,
            len(self._mixes),
            self.draining,
        )

    async def bid(self, wanted: Wanted) -> Message:
        """An offer, or why not."""
        assert isinstance(wanted, MixWanted)
        config = self._config
        if self.draining:
            return Declined(self._name, "is being drained")
        if wanted.location and wanted.location != config.location:
            return Declined(self._name, f"is in location “{config.location}”")
        if len(self._mixes) >= config.mixer_capacity:
            return Declined(self._name, f"all {config.mixer_capacity} places are taken")
        return Offer(self._name, config.mixer_capacity - len(self._mixes))

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
            self._write,
            self._offer,
            self._withdraw,
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
        mix.stop()
        await asyncio.wait([task])
        await mix.end()

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
