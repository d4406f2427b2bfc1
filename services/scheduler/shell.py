"""Wishes in, assignments out."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Literal

import structlog
from nats.aio.client import Client

from kit.bus import Delivered
from kit.eventlog import Conflict
from proto.conference import (
    CallEnded,
    CallLegChanged,
    ConferenceEnded,
    ConferenceEvent,
    ConferenceStarted,
)
from proto.egress import DestinationChanged, EgressEvent
from proto.media import Content, Rendition
from proto.routing import CallRouted, RoutingEvent
from proto.scheduler import MixAssigned, SchedulerEvent, SessionAssigned
from proto.views import ConferenceView
from services.scheduler import core
from services.scheduler.deciding import Decider
from services.scheduler.figures import count_commit, waited
from services.scheduler.ledger import Ledger
from services.scheduler.places import Places
from services.scheduler.roster import Conferences, Roster

log = structlog.get_logger()

ATTEMPTS = 10
"""Lost races before a wish is given back to the bus, which brings it again."""

PATIENCE_TICKS = 20
"""Ticks after which a call without a session is ended, and a destination without a call."""

MOVE_TICKS = 6
"""Ticks after which workers are asked again to take what has to leave another one."""

LOST: Literal["lost"] = "lost"
"""A call that no session carries, beside the contents of the legs that one may carry."""

Odd = Content | Literal["lost"]

Decision = Callable[[core.Work], Awaitable[list[SchedulerEvent]]]


class Scheduler:
    def __init__(
        self,
        nc: Client,
        ledger: Ledger,
        roster: Roster,
        conferences: Conferences,
        rendition: Rendition,
        patience: float,
        places: Places,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._nc = nc
        self._ledger = ledger
        self._roster = roster
        self._conferences = conferences
        self._decider = Decider(
            nc, roster, conferences, rendition, patience, places, now=now, new_id=new_id
        )
        self._now = now
        self._odd: dict[str, dict[tuple[str, Odd], int]] = {}
        "By conference: calls without a session, and legs without a call; for how many ticks."
        self._looks: dict[str, int] = {}
        "How often what has to leave its worker was looked at; by session, or conference."
        self._waiting: dict[str, int] = {}
        self._met: dict[str, str] = {}
        "By conference, the instance that the last look found running."

    async def hear_conference(self, commit: Sequence[ConferenceEvent], where: Delivered) -> None:
        """One commit of CONFERENCE."""
        for event in commit:
            match event:
                case ConferenceStarted(instance=instance, at=at):
                    home = core.home_of(commit)
                    mix = partial(self._decider.mix, where.id, instance, home=home)
                    given = await self._commit(where.id, mix)
                    waited(given, at, self._now())
                case CallEnded(participant=who):
                    await self._commit(where.id, partial(self._hang_up, where.id, who))
                case CallLegChanged(participant=who, state="failed"):
                    leg = partial(self._hang_up, where.id, who, leg="presentation")
                    await self._commit(where.id, leg)
                case ConferenceEnded(instance=instance):
                    await self._commit(where.id, partial(self._close, where.id, instance))
                case _:
                    pass

    async def hear_routing(self, commit: Sequence[RoutingEvent], where: Delivered) -> None:
        """One commit of ROUTING."""
        for event in commit:
            if isinstance(event, CallRouted):
                given = await self._commit(where.id, partial(self._decider.call, event))
                waited(given, event.at, self._now())

    async def hear_egress(self, commit: Sequence[EgressEvent], where: Delivered) -> None:
        """One commit of EGRESS."""
        for event in commit:
            if isinstance(event, DestinationChanged):
                page = await self._ledger.read(where.id)
                if any(session.before for session in page.work.sessions.values()):
                    await self._commit(where.id, partial(self._heard, event))

    async def tick(self) -> None:
        """Put right what died since the last look, and move what has to leave. Called twice a
        second."""
        if not self._nc.is_connected:
            return
        self._ledger.forget(self._conferences.by_key.keys())
        known = self._conferences.by_key.keys()
        self._waiting = {key: count for key, count in self._waiting.items() if key in known}
        self._met = {key: instance for key, instance in self._met.items() if key in known}
        for conference, view in list(self._conferences.by_key.items()):
            work = (await self._ledger.read(conference)).work
            if view.running:
                await self._repair(conference, view, work)
            elif work.mixer or work.sessions:
                await self._commit(conference, partial(self._close, conference, view.instance))
            else:
                self._odd.pop(conference, None)
                self._looks.pop(conference, None)
                self._waiting.pop(conference, None)
                self._decider.forget(view.instance)

    @property
    def unassigned(self) -> int:
        """Sessions that had no living worker at the last look."""
        return sum(self._waiting.values())

    async def _repair(self, conference: str, view: ConferenceView, work: core.Work) -> None:
        mixers, egress = self._roster.alive("mixer"), self._roster.alive("egress")
        # What has just begun is heard of in a moment, and with it where it began.
        begun, self._met[conference] = self._met.get(conference) != view.instance, view.instance
        heard = work.instance == view.instance or not begun
        if heard and (work.instance != view.instance or work.mixer not in mixers):
            await self._commit(conference, partial(self._decider.mix, conference, view.instance))
        orphans = core.orphans(work, frozenset(egress))
        self._waiting[conference] = len(orphans)
        for session in orphans:
            await self._commit(conference, partial(self._decider.move, conference, session.session))
        await self._empty(conference, work)
        carried = {
            leg
            for session in work.sessions.values()
            if session.worker in egress
            for leg in session.legs.items()
        }
        unwanted = {leg for leg in carried if not core.still_wanted(view, *leg)}
        on_air = {who for who, content in carried if content != "presentation"}
        lost = {(p.participant, LOST) for p in view.participants if p.destination} - {
            (who, LOST) for who in on_air
        }
        for who, content in self._overdue(conference, unwanted | lost):
            if content == LOST:
                await self._commit(conference, partial(self._give_up, conference, who))
            else:
                hang_up = partial(self._hang_up, conference, who, leg=content)
                await self._commit(conference, hang_up)

    async def _empty(self, conference: str, work: core.Work) -> None:
        """Move what runs where it may not stay."""
        mixer = self._roster.alive("mixer").get(work.mixer)
        if mixer is not None and mixer.draining and self._due(conference):
            await self._commit(conference, partial(self._decider.move_mix, conference))
        left = self._decider.left(work)
        for ident in left:
            if core.movable(work, work.sessions[ident]) and self._due(ident):
                await self._commit(conference, partial(self._decider.hand_over, conference, ident))
        known = {*left, *self._conferences.by_key}
        self._looks = {key: looks for key, looks in self._looks.items() if key in known}

    def _due(self, key: str) -> bool:
        """At once, and then now and then."""
        looks = self._looks[key] = self._looks.get(key, -1) + 1
        return looks % MOVE_TICKS == 0

    def _overdue(self, conference: str, odd: set[tuple[str, Odd]]) -> list[tuple[str, Odd]]:
        """Those in `odd` that have been there for too many ticks to be on their way."""
        seen = self._odd.get(conference, {})
        self._odd[conference] = {one: seen.get(one, 0) + 1 for one in odd}
        return [one for one, ticks in self._odd[conference].items() if ticks > PATIENCE_TICKS]

    async def _commit(self, conference: str, decide: Decision) -> Sequence[SchedulerEvent]:
        """What was decided, and is committed."""
        page = await self._ledger.read(conference)
        for _ in range(ATTEMPTS):
            commit = await decide(page.work)
            if not commit:
                # Nothing to do, unless another replica has written what is not known here yet.
                known, page = page, await self._ledger.reread(conference)
                if page.version == known.version:
                    return []
                continue
            try:
                await self._ledger.write(conference, page, commit)
            except Conflict:
                page = await self._ledger.reread(conference)
            else:
                names = [type(event).__name__ for event in commit]
                log.info("committed", events=names, **_why(commit))
                count_commit(commit)
                return commit
        raise Conflict(conference, page.version)

    async def _heard(self, told: DestinationChanged, work: core.Work) -> list[SchedulerEvent]:
        return core.heard(work, told)

    async def _hang_up(
        self, conference: str, participant: str, work: core.Work, *, leg: Content | None = None
    ) -> list[SchedulerEvent]:
        return core.release_call(work, conference, participant, self._now(), leg=leg)

    async def _close(self, conference: str, instance: str, work: core.Work) -> list[SchedulerEvent]:
        return core.release_all(work, conference, instance, self._now())

    async def _give_up(
        self, conference: str, participant: str, work: core.Work
    ) -> list[SchedulerEvent]:
        reason = "the call was lost and no egress worker has room for it"
        return core.give_up(work, conference, participant, reason, self._now())


def _why(commit: Sequence[SchedulerEvent]) -> dict[str, list[str]]:
    """What is done elsewhere than it should be, and why; nothing if nothing is."""
    found = [one for one in commit if isinstance(one, MixAssigned | SessionAssigned)]
    reasons = [one.misplaced for one in found if one.misplaced]
    return {"misplaced": reasons} if reasons else {}
