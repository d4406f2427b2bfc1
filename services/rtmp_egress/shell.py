"""The worker: what the scheduler assigns is carried out by one process per session."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from kit import bus
from kit.capacity import Capacity, Job
from kit.cost import Room, limited
from kit.vault import Vault
from proto.base import Message
from proto.egress import SessionStopped
from proto.media import FeedSpec
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
from proto.views import FeedOffer, LentFeeds, WorkerView
from services.rtmp_egress import wire
from services.rtmp_egress.archive.archive import Archive
from services.rtmp_egress.config import Config
from services.rtmp_egress.core.room import SOFTWARE, size
from services.rtmp_egress.figures import Figures
from services.rtmp_egress.mirrors import Mirrors
from services.rtmp_egress.running import Session, Write

log = structlog.get_logger()


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
        "Of conferences that are mixed on this host."
        self._lent: dict[str, LentFeeds] = {}
        "Of conferences that are mixed on others, which lend theirs."
        self._mirrors = Mirrors(Path(config.run_dir), vault)
        self._ending: set[str] = set()
        "Sessions that have been released, and have not hung up everywhere yet."
        self.draining = False

    @property
    def idle(self) -> bool:
        return not self._sessions and not self._ending

    def missed(self, others: Collection[WorkerView]) -> bool:
        """A conference that is mixed on this host may want a stream, and from nobody but us: from
        egress beside it, or from any where its mixer lends its feeds."""
        hosts = {one.host for one in others if one.kind == "egress" and not one.draining}
        if self._config.host in hosts:
            return False
        return any(not hosts or offer.lent is None for offer in self._feeds.values())

    def jobs(self) -> dict[str, Job]:
        """What runs, by what it costs to encode."""
        return {
            ident: Job(
                size(event.feed, ["h264", *session.codecs], hardware=self._is_hardware(session)),
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

    def room(self) -> Room:
        """Without an encoder in software there are as many places as engines."""
        room = self._capacity.room(self.jobs())
        if SOFTWARE in self._encoders:
            return room
        most = self._config.egress_engines if self._encoders else 0
        taken = sum(self._is_hardware(session) for session, *_ in self._sessions.values())
        return limited(room, most, taken)

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
        same_host = wanted.host == self._config.host
        location = self._config.location
        if objection := self._objection(wanted):
            return Declined(self._name, *objection, location=location, same_host=same_host)
        engine = self._engine(wanted.rendition.encoder)
        return Offer(
            self._name,
            self._capacity.free(self.jobs(), size(wanted.feed, ["h264"], hardware=engine)),
            same_host=same_host,
            hardware=engine,
            leaving=self.draining,
            location=location,
        )

    def _objection(self, wanted: SessionWanted) -> tuple[str, str] | None:
        """Why not, and the same in a word."""
        config = self._config
        if self.draining and wanted.conference not in self._feeds:
            return "is being drained", "draining"
        if wanted.location and config.location not in (wanted.location, *wanted.overflow):
            return f"is in location “{config.location}”", "location"
        if wanted.node not in ("", self._name, config.host):
            return f"is not {wanted.node}", "node"
        if wanted.recording and not config.recordings_dir:
            return "has nowhere to keep recordings (no-recordings)", "recordings"
        encoder = wanted.rendition.encoder
        if not self._encoders or (encoder != "auto" and encoder not in self._encoders):
            has_none = f"has no encoder {encoder}" if self._encoders else "has no working encoder"
            return has_none, "encoder"
        if wanted.host and wanted.host != config.host and not wanted.lent:
            alone = "is on another host than the mixer, which has no ROSTRUM_LINK_ADDRESS"
            return alone, "host"
        engine = self._engine(encoder)
        software = encoder in ("auto", SOFTWARE) and SOFTWARE in self._encoders
        if not engine and not software:
            return f"all {config.egress_engines} sessions of its encoder are taken", "full"
        needed = size(wanted.feed, ["h264"], hardware=engine)
        short = self._capacity.shortage(self.jobs(), needed)
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
                session.feed_at(self._socket(event.conference))
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
        more = size(feed, [codec], hardware=self._is_hardware(session))
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
        if not any(other.conference == conference for _, other, _ in self._sessions.values()):
            self._mirrors.drop(conference)

    def feed(self, conference: str, offer: FeedOffer | None) -> None:
        """Where the feeds of a conference are to be taken has changed."""
        self._feeds.pop(conference, None)
        self._lent.pop(conference, None)
        if offer is not None and offer.host == self._config.host:
            self._feeds[conference] = offer
        elif offer is not None and offer.lent is not None:
            self._lent[conference] = offer.lent
        for session, assigned, _ in self._sessions.values():
            if assigned.conference == conference:
                session.feed_at(self._socket(conference))

    def _socket(self, conference: str) -> str:
        """Where a session here takes its feed; empty: nowhere. A socket of another host is none:
        the scheduler will see to it that the two come together."""
        if offer := self._feeds.get(conference):
            self._mirrors.drop(conference)
            return offer.socket
        if lent := self._lent.get(conference):
            return self._mirrors.path(conference, lent)
        return ""
