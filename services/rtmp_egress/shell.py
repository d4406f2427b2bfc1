"""The worker: what the scheduler assigns is carried out by one process per session."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import structlog

from kit import bus, trace
from kit.capacity import Capacity, Job
from kit.child import Child, Kept
from kit.stage import Stage
from kit.vault import Vault
from proto.base import Message
from proto.egress import (
    DestinationChanged,
    EgressEvent,
    Measure,
    SessionDegraded,
    SessionStarted,
    SessionStopped,
)
from proto.media import Content, FeedSpec
from proto.recording import recording_id
from proto.scheduler import (
    Declined,
    DestinationAssigned,
    DestinationReleased,
    Offer,
    SchedulerEvent,
    SessionAssigned,
    SessionReleased,
    SessionWanted,
    Wanted,
)
from proto.urls import RECORD, Codec, Delivery
from proto.views import FeedOffer, WorkerView
from services.rtmp_egress import wire
from services.rtmp_egress.archive.archive import Archive
from services.rtmp_egress.config import Config
from services.rtmp_egress.figures import Figures
from services.rtmp_egress.traces import Traces

log = structlog.get_logger()

Write = Callable[[str, EgressEvent], Awaitable[None]]

SESSION = "services.rtmp_egress.session"

LESS: dict[Measure, str] = {
    "preset": "coarser pictures",
    "frame_rate": "half the frame rate",
    "size": "smaller pictures",
}
"""What a viewer sees of each measure."""


class Session:
    """One session's process and what it has to know."""

    def __init__(
        self,
        assigned: SessionAssigned,
        software: bool,
        write: Write,
        archive: Archive,
        figures: Figures,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._archive = archive
        self._assigned = assigned
        self.figures = figures
        self._traces = Traces()
        self._traced = trace.outgoing()
        "The trace of the call that it began with."
        self._clock = clock
        self._begun, self._starting = clock(), True
        self._begin = wire.Begin(
            assigned.session,
            assigned.feed,
            assigned.rendition,
            software=software,
            trace_id=trace.id_of(self._traced),
        )
        self._write = write
        self._now = now
        self._socket = ""
        self._destinations: dict[str, wire.AddDestination] = {}
        self._legs: dict[str, Content] = {}
        "Which half of a dual stream a destination is, whatever the feed shows."
        self.encoder = ""
        "That it uses for H.264; empty: it has not begun."
        self._live: dict[str, Codec] = {}
        "Destinations that are publishing, and what they are sent."
        self._degraded: dict[Codec, wire.Degraded] = {}
        self._refused: wire.Stopped | None = None
        self._kept = Kept(
            SESSION,
            wire.decode_report,
            greet=self._greet,
            hear=self._hear,
            died=self._died,
            clock=clock,
        )

    async def run(self) -> None:
        with structlog.contextvars.bound_contextvars(
            conference=self._assigned.conference, session=self._assigned.session
        ):
            await self._kept.run()

    @property
    def pid(self) -> int | None:
        return self._kept.pid

    @property
    def degraded(self) -> bool:
        return bool(self._degraded)

    def end(self) -> None:
        """Ask the process to end; `run` returns when it has."""
        self._kept.end()

    def feed_at(self, socket: str) -> None:
        if socket != self._socket:
            self._socket = socket
            self._kept.send(wire.FeedAt(socket))

    def has(self, participant: str) -> bool:
        return participant in self._destinations

    async def add(self, order: wire.AddDestination, leg: Content, at: datetime) -> None:
        self._legs[order.participant] = leg
        self.figures.add(order.participant, leg, at)
        self._traces.add(order.participant)
        if self._refused:
            # It has said that it cannot; whoever comes later is told the same.
            await self._change(self._refusal(order.participant, self._refused))
            return
        self._destinations[order.participant] = order
        self._kept.send(order)

    @property
    def codecs(self) -> set[Codec]:
        """What is encoded beside H.264, or would be if the servers took it."""
        orders = self._destinations.values()
        return {one.delivery.codec for one in orders if not one.no_codec} - {"h264"}

    def remove(self, participant: str) -> None:
        if self._destinations.pop(participant, None) is not None:
            self.figures.over(participant)
            self._traces.forget(participant)
            self._live.pop(participant, None)
            self._kept.send(wire.RemoveDestination(participant))

    def _greet(self, child: Child[wire.Reports]) -> None:
        child.send(self._begin)
        child.send(wire.FeedAt(self._socket))
        for order in self._destinations.values():
            child.send(order)

    async def _hear(self, report: wire.Reports) -> None:
        at, a = self._now(), self._assigned
        await self._archive.hear(a, report)
        with trace.within(self._traces.of(getattr(report, "participant", ""))):
            self.figures.hear(report, at)
        match report:
            case wire.Started(encoder, why, codec):
                if codec == "h264":
                    self.encoder = encoder
                if self._starting:
                    self._starting = False
                    whole = Stage("start session", self._begun, self._clock())
                    trace.record(whole, headers=self._traced)
                started = SessionStarted(at, a.conference, a.session, a.worker, encoder, why, codec)
                await self._say(started)
            case wire.Degraded():
                await self._degrade(report)
            case wire.Stopped():
                # The process cannot do it, and a new one could not either.
                self._kept.retire()
                self._refused = report
                for participant in list(self._destinations):
                    self._destinations.pop(participant, None)
                    await self._change(self._refusal(participant, report))
            case wire.Changed(participant=participant, state=state):
                if participant not in self._destinations:
                    return
                self._live.pop(participant, None)
                if state in ("failed", "stopped"):
                    del self._destinations[participant]
                elif state == "publishing":
                    self._live[participant] = report.codec
                    # A process that takes over from this one has viewers to win back.
                    order = self._destinations[participant]
                    self._destinations[participant] = msgspec.structs.replace(order, seen=True)
                await self._change(self._worse(report))
            case wire.Troubled(participant=participant, code=code, reason=reason):
                await self._change(wire.Changed(participant, "publishing", code, reason))
            case wire.PartBegun(participant=participant, number=number):
                self._goes_on(participant, number + 1)
            case wire.Dialled():
                self._traces.dialled(report)
            case wire.PartEnded():
                pass
            case wire.Stats():
                log.debug("session", pictures=report.pictures, repeated=report.repeated)

    async def _degrade(self, told: wire.Degraded) -> None:
        a, before = self._assigned, self._degraded.pop(told.codec, None)
        if told.measures:
            self._degraded[told.codec] = told
        event = SessionDegraded(
            self._now(),
            a.conference,
            a.session,
            a.worker,
            told.measures,
            told.reason,
            before.measures if before else [],
            told.codec,
        )
        log.warning("degraded", measures=event.measures, before=event.before, why=event.reason)
        await self._say(event)
        for participant, codec in list(self._live.items()):
            if codec == told.codec:
                changed = wire.Changed(participant, "publishing", codec=codec)
                await self._change(self._worse(changed))

    def _worse(self, changed: wire.Changed) -> wire.Changed:
        """What the participant list says of a stream that is worse than it should be, where there
        is nothing else to say of it."""
        degraded = self._degraded.get(changed.codec)
        if degraded is None or changed.state != "publishing" or changed.code:
            return changed
        less = ", ".join(LESS[measure] for measure in degraded.measures)
        reason = f"degraded ({less}): {degraded.reason}"
        return msgspec.structs.replace(changed, code="degraded", reason=reason)

    def _goes_on(self, participant: str, part: int) -> None:
        """With which part a process that has to take over would go on."""
        order = self._destinations.get(participant)
        if order is not None and order.keep is not None:
            keep = msgspec.structs.replace(order.keep, next_part=part)
            self._destinations[participant] = msgspec.structs.replace(order, keep=keep)

    async def _died(self) -> None:
        self._live.clear()
        self._degraded.clear()
        self.figures.died()
        self._begun, self._starting = self._clock(), True
        self._traced = trace.anew("restart session", because=self._traced)
        restarts = "worker-restart", "the encoder restarts"
        for participant in list(self._destinations):
            if participant in self._destinations:
                await self._change(wire.Changed(participant, "recovering", *restarts))

    def _refusal(self, participant: str, stopped: wire.Stopped) -> wire.Changed:
        return wire.Changed(participant, "failed", stopped.code, stopped.reason)

    async def _change(self, changed: wire.Changed) -> None:
        self.figures.changed(changed)
        self._traces.changed(changed)
        with trace.within(self._traces.of(changed.participant)):
            await self._tell(changed)
        if changed.participant not in self._destinations:
            self._traces.forget(changed.participant)

    async def _tell(self, changed: wire.Changed) -> None:
        at, a = self._now(), self._assigned
        retry_at = (
            None if changed.next_retry_in is None else at + timedelta(seconds=changed.next_retry_in)
        )
        log.info(
            "destination",
            participant=changed.participant,
            state=changed.state,
            code=changed.code,
            attempt=changed.attempt,
        )
        await self._say(
            DestinationChanged(
                at,
                a.conference,
                a.session,
                a.worker,
                changed.participant,
                changed.state,
                changed.code,
                changed.reason,
                changed.attempt,
                retry_at,
                changed.bytes_out,
                changed.dropped_frames,
                changed.tls_version,
                self._legs[changed.participant],
                changed.on_air,
                changed.codec,
            )
        )

    async def _say(self, event: EgressEvent) -> None:
        await self._write(self._assigned.conference, event)


SOFTWARE = "libx264"

USUAL = 1280 * 720 * 30 / 1e6
"""Millions of pixels per second: of the session that the heartbeat's capacity is counted in."""

PRIOR = 0.007
"""Cores per million pixels per second: 0.43 for 1920x1080 at 30 in `bench-fanout`."""

HARDWARE = 0.2
"""Of the CPU that encoding in software takes, what is left if an engine does it: taking the feed,
uploading, muxing, pushing."""

CODECS: dict[Codec, float] = {"hevc": 5.1, "av1": 1.8}
"""Times what H.264 takes, in software: x265 and SVT-AV1 as this system sets them up, measured."""


def _size(feed: FeedSpec, codecs: Collection[Codec], *, hardware: bool) -> float:
    """What encoding it as these is like, in millions of pixels per second by libx264."""
    pixels = feed.width * feed.height * feed.fps / 1e6
    if hardware:
        return pixels * HARDWARE * len(codecs)
    return pixels * sum(CODECS.get(codec, 1.0) for codec in codecs)


class Worker:
    """Answers bids, and runs the sessions that are assigned to it."""

    def __init__(
        self,
        name: str,
        config: Config,
        encoders: list[str],
        vault: Vault,
        archive: Archive,
        capacity: Capacity,
        write: Write,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._name = name
        self._config = config
        self._encoders = encoders
        self._vault = vault
        self._archive = archive
        self._capacity = capacity
        self._write = write
        self._start = start
        self._now = now
        self._clock = clock
        self._sessions: dict[str, tuple[Session, SessionAssigned, asyncio.Task[None]]] = {}
        self._feeds: dict[str, FeedOffer] = {}
        self._ending: set[str] = set()
        "Sessions that have been released, and have not hung up everywhere yet."
        self.draining = False

    @property
    def idle(self) -> bool:
        return not self._sessions and not self._ending

    def missed(self, others: Collection[WorkerView]) -> bool:
        """A conference that is mixed on this host may want a stream, and from nobody but us."""
        return bool(self._feeds) and not any(
            (one.kind, one.host, one.draining) == ("egress", self._config.host, False)
            for one in others
        )

    def jobs(self) -> dict[str, Job]:
        """What runs, by what it costs to encode."""
        return {
            ident: Job(
                _size(event.feed, ["h264", *session.codecs], hardware=self._is_hardware(session)),
                session.pid,
                session.degraded,
            )
            for ident, (session, event, _) in self._sessions.items()
        }

    def view(self) -> WorkerView:
        jobs, budget = self.jobs(), self._capacity.budget
        return WorkerView(
            self._name,
            "egress",
            self._config.location,
            self._config.host,
            len(jobs) + self._capacity.free(jobs),
            len(jobs),
            self.draining,
            self._encoders,
            round(budget.cost(budget.usual), 3),
            round(self._capacity.used(jobs), 3),
            bool(self._config.recordings_dir),
        )

    def _is_hardware(self, session: Session) -> bool:
        """Whether it uses an engine, or will as far as is known."""
        return (session.encoder or (self._encoders or [SOFTWARE])[0]) != SOFTWARE

    def _engine(self, encoder: str) -> bool:
        """Whether there is a hardware encoder for one more session."""
        found = self._encoders[0] if encoder == "auto" else encoder
        taken = sum(self._is_hardware(session) for session, *_ in self._sessions.values())
        return found != SOFTWARE and taken < self._config.egress_engines

    async def bid(self, wanted: Wanted) -> Message:
        """An offer, or why not."""
        assert isinstance(wanted, SessionWanted)
        if objection := self._objection(wanted):
            return Declined(self._name, *objection)
        engine = self._engine(wanted.rendition.encoder)
        return Offer(
            self._name,
            self._capacity.free(self.jobs(), _size(wanted.feed, ["h264"], hardware=engine)),
            same_host=wanted.host == self._config.host,
            hardware=engine,
            leaving=self.draining,
        )

    def _objection(self, wanted: SessionWanted) -> tuple[str, str] | None:
        """Why not, and the same in a word."""
        config = self._config
        if self.draining and wanted.conference not in self._feeds:
            return "is being drained", "draining"
        if wanted.location and wanted.location != config.location:
            return f"is in location “{config.location}”", "location"
        if wanted.node not in ("", self._name, config.host):
            return f"is not {wanted.node}", "node"
        if wanted.recording and not config.recordings_dir:
            return "has nowhere to keep recordings (no-recordings)", "recordings"
        encoder = wanted.rendition.encoder
        if not self._encoders or (encoder != "auto" and encoder not in self._encoders):
            has_none = f"has no encoder {encoder}" if self._encoders else "has no working encoder"
            return has_none, "encoder"
        if wanted.host and wanted.host != config.host:
            return "is on another host than the mixer", "host"
        engine = self._engine(encoder)
        software = encoder in ("auto", SOFTWARE) and SOFTWARE in self._encoders
        if not engine and not software:
            return f"all {config.egress_engines} sessions of its encoder are taken", "full"
        size = _size(wanted.feed, ["h264"], hardware=engine)
        short = self._capacity.shortage(self.jobs(), size)
        return (short, "full") if short else None

    async def carry_out(self, event: SchedulerEvent) -> None:
        """One event of SCHEDULER, whoever it is for."""
        if getattr(event, "worker", None) != self._name:
            return
        match event:
            case SessionAssigned(session=ident):
                session = Session(
                    event,
                    self._config.egress_software,
                    self._write,
                    self._archive,
                    Figures(self._vault.mark(event.conference), ident),
                    self._now,
                    self._clock,
                )
                if offer := self._feeds.get(event.conference):
                    session.feed_at(offer.socket)
                self._sessions[ident] = (session, event, self._start(session.run()))
            case DestinationAssigned():
                await self._add(event)
            case DestinationReleased(session=ident, participant=who):
                if event.handed_on:
                    self._archive.hand_on(recording_id(who, event.leg))
                if found := self._sessions.get(ident):
                    found[0].remove(who)
            case SessionReleased(session=ident):
                if found := self._sessions.pop(ident, None):
                    # A slow server makes this last seconds; the next assignment does not wait.
                    self._start(self._stop(*found))
            case _:
                pass

    async def _add(self, event: DestinationAssigned) -> None:
        participant, destination = event.participant, event.destination
        found = self._sessions.get(event.session)
        if found is not None and found[0].has(participant):
            return  # it was to take it over, and has it alone now
        delivery = destination.delivery or Delivery()
        sealed = await bus.persist(partial(self._vault.sealed, destination))
        backup: str | None = ""
        if delivery.backup is not None:
            backup = await bus.persist(partial(self._vault.sealed, delivery.backup))
        if found is None or sealed is None or backup is None:
            # Hung up while it was being assigned.
            log.info("destination is gone", participant=participant)
            return
        recorded = destination.scheme == RECORD
        keep = await self._archive.begin(event) if recorded else None
        no_codec = "" if recorded else self._no_codec(found[0], found[1].feed, delivery.codec)
        order = wire.AddDestination(
            participant, sealed, delivery, backup, seen=event.seen, keep=keep, no_codec=no_codec
        )
        await found[0].add(order, event.leg, event.at)

    def _no_codec(self, session: Session, feed: FeedSpec, codec: Codec) -> str:
        """Why a destination cannot be sent anything but H.264 here."""
        if codec == "h264" or codec in session.codecs:
            return ""
        more = _size(feed, [codec], hardware=self._is_hardware(session))
        return self._capacity.shortage(self.jobs(), more)

    async def _stop(
        self, running: Session, assigned: SessionAssigned, task: asyncio.Task[None]
    ) -> None:
        conference, session = assigned.conference, assigned.session
        self._ending.add(session)
        running.end()
        await asyncio.wait([task])
        running.figures.end()
        await self._archive.over(session)
        await self._write(conference, SessionStopped(self._now(), conference, session, self._name))
        self._ending.discard(session)

    def feed(self, conference: str, offer: FeedOffer | None) -> None:
        """Where the feeds of a conference are to be taken has changed."""
        if offer is not None and offer.host != self._config.host:
            # A socket of another host; the scheduler will see to it that the two come together.
            offer = None
        if offer is None:
            self._feeds.pop(conference, None)
        else:
            self._feeds[conference] = offer
        for session, assigned, _ in self._sessions.values():
            if assigned.conference == conference:
                session.feed_at(offer.socket if offer else "")
