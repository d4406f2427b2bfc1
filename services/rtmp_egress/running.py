"""One session's process, and what the world is told of it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from kit import trace
from kit.child import Child, Kept
from kit.stage import Stage
from proto.egress import (
    DestinationChanged,
    EgressEvent,
    Measure,
    SessionDegraded,
    SessionStarted,
)
from proto.media import Content
from proto.scheduler import (
    SessionAssigned,
)
from proto.urls import Codec
from services.rtmp_egress import wire
from services.rtmp_egress.archive.archive import Archive
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
