"""One conference that is mixed here: its process, and what that has to know."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

import structlog

from kit import bus, trace
from kit.child import Child, Kept
from kit.follow import OUTAGES
from kit.stage import Stage
from kit.vault import Vault
from proto.base import Message, Refused
from proto.mixer import (
    CallCommand,
    ConnectCall,
    LayoutChanged,
    MixerEvent,
    MixStarted,
    MixStopped,
    Snapshot,
    SnapshotKind,
    SourceChanged,
    StageChanged,
    StageLevels,
)
from proto.scheduler import (
    MixAssigned,
)
from proto.urls import SealedUrl
from proto.views import ConferenceView, FeedOffer, LentFeeds
from services.mixer import wire
from services.mixer.album import Album
from services.mixer.config import Config
from services.mixer.core.announcing import Announced, announce
from services.mixer.core.scene import Content
from services.mixer.figures import Figures
from services.mixer.switchboard import NOT_NOW, Switchboard
from services.mixer.wardrobe import Wardrobe

log = structlog.get_logger()

Write = Callable[[str, MixerEvent], Awaitable[None]]
Offering = Callable[[FeedOffer], Awaitable[None]]
Withdrawing = Callable[[MixAssigned], Awaitable[None]]
Telling = Callable[[StageLevels], Awaitable[None]]
"""Tells whoever looks on just now."""

CONFERENCE = "services.mixer.conference"

BOTH: tuple[Content, ...] = ("main", "presentation")

NOBODY_PRESENTS = Refused("no-presentation", "nobody presents at the moment")
FETCH_AGAIN = 2.0
"""Seconds after which a theme is fetched again that could not be."""


class Mix:
    """One conference's process and what it has to know."""

    def __init__(
        self,
        assigned: MixAssigned,
        config: Config,
        vault: Vault,
        wardrobe: Wardrobe,
        write: Write,
        offer: Offering,
        withdraw: Withdrawing,
        tell: Telling,
        lent: LentFeeds | None,
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
        self._tell = tell
        self._lent = lent
        self.socket = ""
        "Where its feeds are taken; empty: its process has not begun."
        self._now = now
        self._view: ConferenceView | None = None
        self._sources: dict[tuple[str, Content], wire.Source] = {}
        self._announced = Announced()
        self._switchboard = Switchboard(lambda order: self._kept.send(order))
        self._album = Album(lambda n, kind: self._kept.send(wire.TakeSnapshot(n, kind)), clock)
        self._wardrobe = wardrobe
        self._worn: tuple[str, ...] = ()
        "Packages of the themes that the process was told to wear."
        self._look = asyncio.Event()
        "Set when it may have to wear others."
        self._figures = Figures(vault.mark(assigned.conference))
        self._traced = trace.outgoing()
        "The trace of whatever the conference began with."
        self._begun = clock()
        self._clock = clock
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
            async with asyncio.TaskGroup() as tasks:
                dressing = tasks.create_task(self._dress())
                await self._kept.run()
                dressing.cancel()

    @property
    def pid(self) -> int | None:
        return self._kept.pid

    def stop(self) -> None:
        """Ask the process to end; `run` returns when it has."""
        self._kept.end()

    async def end(self) -> None:
        """After the process is gone."""
        a = self.assigned
        self._figures.end()
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
        callers = [person.participant for person in view.participants if person.by_call()]
        self._figures.keep({*sources, *((who, content) for who in callers for content in BOTH)})
        self._view = view
        self._kept.send(wire.Show(view))
        self._look.set()
        self._announced, news = announce(self._announced, view.announcement, self._now())
        if news is not None:
            self._kept.send(wire.Announce(news.announcement, news.platform))

    async def snapshot(self, kind: SnapshotKind) -> Snapshot | Refused:
        """A picture of now, or at most two seconds old."""
        presenter = self._view.presenter if self._view is not None else ""
        if kind != "preview" and not presenter:
            return NOBODY_PRESENTS
        try:
            jpeg = await self._album.picture(kind, "" if kind == "preview" else presenter)
        except TimeoutError:
            return Refused("unavailable", "the conference's process draws no picture")
        return NOBODY_PRESENTS if jpeg is None else Snapshot(jpeg)

    async def call(self, command: CallCommand) -> Message:
        """Somebody's call."""
        person = self._view.find(command.participant) if self._view is not None else None
        if isinstance(command, ConnectCall):
            if person is None or not person.by_call():
                return Refused("unknown", "who calls is not in the conference", "participant")
            if not person.present():
                return Refused("waiting", "who calls has not been let in yet", "participant")
        if not self.socket:
            return NOT_NOW
        return await self._switchboard.ask(command)

    def stage(self, stage: list[str]) -> None:
        """Replay: who is heard, as it was recorded."""
        self._kept.send(wire.Stage(stage))

    async def _dress(self) -> None:
        """Have the conference wear what its view says; to fetch it holds nothing else up."""
        while True:
            await self._look.wait()
            self._look.clear()
            themes = self._view.themes if self._view is not None else []
            wanted = tuple(theme.package for theme in themes) if not self._config.replay else ()
            if wanted == self._worn:
                continue
            try:
                found = [await self._wardrobe.fetch(package) for package in wanted]
            except OUTAGES as exc:
                log.warning("themes cannot be fetched", error=type(exc).__name__)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), FETCH_AGAIN)
                self._look.set()
                continue
            self._worn = wanted
            self._kept.send(wire.Dress([str(path) for path in found if path is not None]))

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
        self._figures.hear(report)
        match report:
            case wire.Ready(socket=socket):
                whole = Stage("start mix", self._begun, self._clock())
                trace.record(whole, headers=self._traced)
                # A process that has just begun wears our own theme.
                self._worn = ()
                self._look.set()
                self.socket = socket
                host = self._config.host
                await self._offer(
                    FeedOffer(a.conference, a.instance, a.worker, host, socket, self._lent)
                )
            case wire.SourceChanged(participant=who, content=content, state=state, reason=reason):
                log.info("source", participant=who, content=content, state=state)
                await self._write(
                    a.conference,
                    SourceChanged(at, a.conference, who, content, state, reason),
                )
            case wire.StageChanged(stage=stage, vad=vad):
                await self._write(a.conference, StageChanged(at, a.conference, stage, vad))
                await self._tell(StageLevels(a.conference, stage, vad))
            case wire.StageLevels(stage=stage, vad=vad):
                await self._tell(StageLevels(a.conference, stage, vad))
            case wire.Snapshot(number=number, jpeg=jpeg):
                self._album.took(number, jpeg)
            case wire.CallAnswer():
                self._switchboard.answered(report)
            case wire.LayoutChanged(feed=feed, view=view, slots=slots):
                await self._write(a.conference, LayoutChanged(at, a.conference, feed, view, slots))
            case wire.Stats():
                log.debug("mix", late=report.late)

    async def _died(self) -> None:
        self.socket = ""
        self._begun = self._clock()
        self._traced = trace.anew("restart mix", because=self._traced)
        self._album.lost()
        self._switchboard.lost()
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
