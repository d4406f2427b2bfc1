"""Wishes in, assignments out."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Literal

import msgspec
import structlog
from nats.aio.client import Client

from kit import bus
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
from proto.scheduler import (
    Bid,
    MixRefused,
    MixWanted,
    SchedulerEvent,
    SessionWanted,
    Wanted,
    WorkerKind,
    decode_bid,
)
from proto.subjects import bids
from proto.views import ConferenceView
from services.scheduler import core
from services.scheduler.figures import count_bids, count_commit, waited
from services.scheduler.ledger import Ledger
from services.scheduler.roster import Conferences, Roster

log = structlog.get_logger()

ATTEMPTS = 10
"""Lost races before a wish is given back to the bus, which brings it again."""

PATIENCE_TICKS = 20
"""Ticks after which a call without a session is ended, and a destination without a call."""

MOVE_TICKS = 6
"""Ticks after which workers are asked again to take what has to leave another one."""

LONGEST = 1.0
"""Seconds that workers may take to answer before they count as silent."""

VIEW_PATIENCE = 2.0
"""Seconds to wait for the first view of a conference; it is written when its start has been."""

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
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._nc = nc
        self._ledger = ledger
        self._roster = roster
        self._conferences = conferences
        self._rendition = rendition
        self._patience = patience
        self._now = now
        self._new_id = new_id
        self._odd: dict[str, dict[tuple[str, Odd], int]] = {}
        "By conference: calls without a session, and legs without a call; for how many ticks."
        self._complained: set[str] = set()
        self._looks: dict[str, int] = {}
        "How often what has to leave its worker was looked at; by session, or conference."
        self._waiting: dict[str, int] = {}

    async def hear_conference(self, commit: Sequence[ConferenceEvent], where: Delivered) -> None:
        """One commit of CONFERENCE."""
        for event in commit:
            match event:
                case ConferenceStarted(instance=instance, at=at):
                    given = await self._commit(where.id, partial(self._mix, where.id, instance))
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
                given = await self._commit(where.id, partial(self._call, event))
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
                self._complained.discard(view.instance)

    @property
    def unassigned(self) -> int:
        """Sessions that had no living worker at the last look."""
        return sum(self._waiting.values())

    async def _repair(self, conference: str, view: ConferenceView, work: core.Work) -> None:
        mixers, egress = self._roster.alive("mixer"), self._roster.alive("egress")
        if work.instance != view.instance or work.mixer not in mixers:
            await self._commit(conference, partial(self._mix, conference, view.instance))
        orphans = core.orphans(work, frozenset(egress))
        self._waiting[conference] = len(orphans)
        for session in orphans:
            await self._commit(conference, partial(self._move, conference, session.session))
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
            await self._commit(conference, partial(self._move_mix, conference))
        left = self._left(work)
        for ident in left:
            if core.movable(work, work.sessions[ident]) and self._due(ident):
                await self._commit(conference, partial(self._hand_over, conference, ident))
        known = {*left, *self._conferences.by_key}
        self._looks = {key: looks for key, looks in self._looks.items() if key in known}

    def _due(self, key: str) -> bool:
        """At once, and then now and then."""
        looks = self._looks[key] = self._looks.get(key, -1) + 1
        return looks % MOVE_TICKS == 0

    def _left(self, work: core.Work) -> frozenset[str]:
        """The sessions that may not stay where they are."""
        mixer = self._roster.alive("mixer").get(work.mixer)
        egress = self._roster.alive("egress")
        return core.leaving(work, egress, mixer.host if mixer else "")

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
                log.info("committed", events=[type(event).__name__ for event in commit])
                count_commit(commit)
                return commit
        raise Conflict(conference, page.version)

    async def _mix(self, conference: str, instance: str, work: core.Work) -> list[SchedulerEvent]:
        mixers = self._roster.alive("mixer")
        lost = core.lost_mix(work, conference, frozenset(mixers), self._now())
        for event in lost:
            work = core.evolve(work, event)
        if work.instance == instance and work.mixer:
            return []
        offers = await self._ask(MixWanted(conference), len(mixers))
        assigned = core.assign_mix(work, conference, instance, offers, len(mixers), self._now())
        refused = any(isinstance(event, MixRefused) for event in assigned)
        if refused and instance in self._complained:
            # Said once, tried at every look: a worker may come.
            return lost
        (self._complained.add if refused else self._complained.discard)(instance)
        return [*lost, *assigned]

    async def _move_mix(self, conference: str, work: core.Work) -> list[SchedulerEvent]:
        mixers = self._roster.alive("mixer")
        old = mixers.get(work.mixer)
        if old is None or not old.draining:
            return []
        bids = core.staying(await self._ask(MixWanted(conference), len(mixers)))
        egress = self._roster.alive("egress").values()
        hosts = {bid.worker: mixers[bid.worker].host for bid in bids if bid.worker in mixers}
        near = [bid for bid in bids if hosts.get(bid.worker) == old.host]
        can = {name for name, host in hosts.items() if core.can_follow(work, host, egress)}
        far = [bid for bid in bids if bid.worker in can]
        offer = core.best(near) or core.best(far)
        return core.move_mix(work, conference, offer, self._now()) if offer else []

    async def _heard(self, told: DestinationChanged, work: core.Work) -> list[SchedulerEvent]:
        return core.heard(work, told)

    async def _call(self, call: CallRouted, work: core.Work) -> list[SchedulerEvent]:
        view = await self._conferences.view(call.conference, VIEW_PATIENCE, call.participant)
        wanted = core.wish(
            call,
            view.quality if view else "hd",
            self._rendition,
            view.max_callrate_out if view else None,
            core.audience_of(view, call.participant),
            core.is_streaming(view, call.participant),
            view.frame_rate if view else 30,
        )
        egress = self._roster.alive("egress")
        offers: list[Bid] = []
        left, unfit = self._left(work), core.unfit(work, wanted, egress)
        found = core.room(work, wanted, left | unfit) or work.session_of(call.participant, call.leg)
        if found is None:
            offers = await self._ask(self._near(wanted, work), len(egress))
        return core.assign_call(
            work, call, wanted, offers, len(egress), self._new_id, self._now(), left, unfit
        )

    async def _move(self, conference: str, ident: str, work: core.Work) -> list[SchedulerEvent]:
        session = work.sessions.get(ident)
        egress = self._roster.alive("egress")
        if session is None or session.worker in egress:
            return []
        stranded = core.stranded(work, session, frozenset(egress))
        if not stranded:
            return core.bury(work, conference, session, self._now())
        rest = core.without(session, stranded)
        wanted = self._again(conference, rest, work)
        offer = core.best(await self._ask(wanted, len(egress)))
        if offer is None and core.is_mixed(rest):
            # Nobody who is left can record; the streams beside it are not to wait for that.
            wanted = msgspec.structs.replace(wanted, recording=False)
            offer = core.best(await self._ask(wanted, len(egress)))
        if offer is None:
            return []
        live = core.seen(self._conferences.by_key.get(conference))
        return core.move_session(rest, conference, offer, self._new_id(), self._now(), live)

    async def _hand_over(
        self, conference: str, ident: str, work: core.Work
    ) -> list[SchedulerEvent]:
        left, egress = self._left(work), self._roster.alive("egress")
        session = work.sessions.get(ident)
        if session is None or ident not in left or not core.movable(work, session):
            return []
        wanted = self._again(conference, session, work)
        left |= core.unfit(work, wanted, egress)
        bids: list[Bid] = []
        if core.room(work, wanted, left) is None:
            bids = await self._ask(wanted, len(egress))
        live = core.seen(self._conferences.by_key.get(conference))
        return core.hand_over(
            work, conference, session, wanted, bids, left, live, self._new_id, self._now()
        )

    def _again(self, conference: str, session: core.Session, work: core.Work) -> SessionWanted:
        """What is to be asked for so that a session can go on elsewhere."""
        wanted = SessionWanted(
            conference,
            session.feed,
            session.rendition,
            session.location,
            node=session.node,
            recording=core.is_recording(session),
        )
        return self._near(wanted, work)

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

    def _near(self, wanted: SessionWanted, work: core.Work) -> SessionWanted:
        """Say where the mixer is: who is there takes the feed at no cost."""
        mixer = self._roster.alive("mixer").get(work.mixer)
        return msgspec.structs.replace(wanted, host=mixer.host if mixer else "")

    async def _ask(self, wanted: Wanted, expected: int) -> list[Bid]:
        kind: WorkerKind = "mixer" if isinstance(wanted, MixWanted) else "egress"
        answers = await bus.scatter(
            self._nc,
            bids(kind),
            wanted,
            expected=expected,
            patience=self._patience,
            useful=lambda answer: core.best(_bids([answer])) is not None,
            longest=LONGEST,
        )
        given = _bids(answers)
        count_bids(kind, given)
        return given


def _bids(answers: Sequence[bytes]) -> list[Bid]:
    """A worker that could not even answer, or speaks of what is not known here, is left out."""
    found = []
    for answer in answers:
        with suppress(msgspec.MsgspecError):
            found.append(decode_bid(answer))
    return found
