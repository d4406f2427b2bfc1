"""What sessions say of their recordings, and views of their conferences, into the catalogue."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec
import structlog

from kit.kv import Watch
from proto.recording import Recording, recording_id
from proto.scheduler import DestinationAssigned, SessionAssigned
from proto.views import ConferenceView, decode_conference
from services.rtmp_egress import wire
from services.rtmp_egress.archive import story
from services.rtmp_egress.archive.catalogue import Catalogue
from services.rtmp_egress.archive.files import Files

log = structlog.get_logger()

BEAT = 20.0
"""Seconds between signs of life of a recording in the catalogue."""

CUT_OFF = ("worker-lost", "the process that recorded was lost")


class Held(msgspec.Struct, frozen=True):
    """A recording that a session of this worker makes."""

    session: str
    conference: str
    waits: bool = False
    "Another session has it still; until there is a picture here, nothing ends if this one does."
    handed_on: bool = False
    "Another session goes on with it."


class Archive:
    def __init__(
        self,
        catalogue: Catalogue,
        files: Files,
        host: str,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._catalogue = catalogue
        self._files = files
        self._host = host
        self._now = now
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._views: dict[str, ConferenceView] = {}

    @property
    def active(self) -> int:
        """How many recordings are made here."""
        return len(self._held)

    def holds(self, recording: str) -> bool:
        return recording in self._held

    def hand_on(self, recording: str) -> None:
        """Another worker goes on with it: what ends here is a part, not the recording."""
        if held := self._held.get(recording):
            self._held[recording] = msgspec.structs.replace(held, handed_on=True)

    async def begin(self, assigned: DestinationAssigned) -> wire.Keep:
        """A call is to be recorded here; it may have been before, by somebody who is gone."""
        ident = recording_id(assigned.participant, assigned.leg)
        view = self._views.get(assigned.conference)
        new = Recording(
            ident,
            assigned.participant,
            assigned.conference,
            view.name if view else "",
            view.instance if view else "",
            assigned.leg,
            self._host,
            seen_at=self._now(),
        )
        waits = bool(assigned.takes_over)
        self._held[ident] = Held(assigned.session, assigned.conference, waits)
        known = await self._catalogue.change(
            ident,
            lambda before: msgspec.structs.replace(before, seen_at=self._now()) if before else new,
        )
        last = max((part.number for part in known.parts), default=0) if known else 0
        if waits and known and known.host != self._host:
            last += 1  # that whoever has it still may begin meanwhile, out of our sight
        return wire.Keep(ident, self._now().timestamp() - self._clock(), last + 1)

    async def hear(self, session: SessionAssigned, report: wire.Reports) -> None:
        """Whatever a session says; what is not about a recording is passed over."""
        who = getattr(report, "participant", None)
        ident = "" if who is None else recording_id(who, session.feed.content)
        if ident not in self._held:
            return
        view = self._views.get(session.conference)
        match report:
            case wire.PartBegun():
                log.info("recording", recording=ident, part=report.number)
                self._held[ident] = msgspec.structs.replace(self._held[ident], waits=False)
                await self._tell(ident, partial(self._begun, report, view))
            case wire.PartEnded():
                log.info("part ended", recording=ident, part=report.number, size=report.size)
                await self._tell(ident, lambda known: story.part_ended(known, report))
            case wire.Troubled(code=code, reason=reason):
                log.warning("recording in trouble", recording=ident, code=code, reason=reason)
                at = self._now()
                await self._tell(ident, lambda known: story.warned(known, at, code, reason))
            case wire.Changed(state="failed" | "stopped" as state, code=code, reason=reason):
                said = (code, reason) if state == "failed" else ("", "")
                await self._end(ident, *said)
            case _:
                pass

    async def over(self, session: str) -> None:
        """The session's process is gone; what it has not finished it never will."""
        for ident in [i for i, held in self._held.items() if held.session == session]:
            await self._end(ident, *CUT_OFF)

    async def abandoned(self, ident: str) -> None:
        """Nobody makes it any more, and nobody has said how it ended."""
        await self._end(ident, *CUT_OFF)

    async def follow(self, views: Watch) -> None:
        async for conference, view in views.values(decode_conference):
            if view is None:
                self._views.pop(conference, None)
                continue
            self._views[conference] = view
            at = self._now()
            for ident in [i for i, held in self._held.items() if held.conference == conference]:
                await self._tell(ident, partial(_seen, view, at))

    async def beat(self) -> None:
        """Say now and then that the recordings of this worker are alive."""
        while True:
            await asyncio.sleep(BEAT)
            for ident in list(self._held):
                at = self._now()
                await self._tell(ident, partial(_alive, at))

    def _begun(
        self, report: wire.PartBegun, view: ConferenceView | None, known: Recording
    ) -> Recording:
        if view is not None and not known.instance:
            known = msgspec.structs.replace(known, instance=view.instance)
        return story.part_begun(known, report, self._host, view)

    async def _end(self, ident: str, code: str, reason: str) -> None:
        at = self._now()
        held = self._held.pop(ident, None)
        if held is not None and (held.waits or held.handed_on):
            log.info("recording goes on elsewhere", recording=ident)
            return
        log.info("recording ended", recording=ident, code=code)
        known = await self._tell(ident, lambda r: story.ended(r, at, code, reason))
        if known is not None and not known.parts:
            await self._catalogue.forget(ident)  # it never had a picture

    async def _tell(self, ident: str, change: Callable[[Recording], Recording]) -> Recording | None:
        known = await self._catalogue.amend(ident, change)
        if known is not None:
            try:
                await asyncio.to_thread(self._files.describe, known)
            except OSError as exc:
                log.warning("manifest not written", recording=ident, error=exc.strerror)
        return known


def _alive(at: datetime, recording: Recording) -> Recording:
    return msgspec.structs.replace(recording, seen_at=at)


def _seen(view: ConferenceView, at: datetime, recording: Recording) -> Recording:
    return story.seen(recording, view, at)
