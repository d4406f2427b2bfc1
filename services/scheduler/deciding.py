"""What becomes of work when workers have to be asked for it; nothing is committed here."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import msgspec
from nats.aio.client import Client

from kit import bus
from proto.media import Rendition
from proto.places import mixing, sending
from proto.routing import CallRouted
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
from services.scheduler import core
from services.scheduler.figures import count_bids
from services.scheduler.places import Places
from services.scheduler.roster import Conferences, Roster

LONGEST = 1.0
"""Seconds that workers may take to answer before they count as silent."""

VIEW_PATIENCE = 2.0
"""Seconds to wait for the first view of a conference; it is written when its start has been."""


class Decider:
    """All of it is asked again when another replica has written first."""

    def __init__(
        self,
        nc: Client,
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
        self._roster = roster
        self._conferences = conferences
        self._rendition = rendition
        self._patience = patience
        self._places = places
        self._now = now
        self._new_id = new_id
        self._complained: set[str] = set()
        "Instances of which it has been said that nobody mixes them."

        self._homes: dict[str, str] = {}
        "By instance, where it began: no view tells where a call was dialled from."

    def forget(self, instance: str) -> None:
        """That instance is over."""
        self._homes.pop(instance, None)
        self._complained.discard(instance)

    async def mix(
        self, conference: str, instance: str, work: core.Work, *, home: str = ""
    ) -> list[SchedulerEvent]:
        """`home`: where its first participant came in, if that is known already."""
        mixers = self._roster.alive("mixer")
        lost = core.lost_mix(work, conference, frozenset(mixers), self._now())
        for event in lost:
            work = core.evolve(work, event)
        if work.instance == instance and work.mixer:
            return []
        offers = await self._ask(MixWanted(conference), len(mixers))
        if home:
            self._homes[instance] = home
        view = self._conferences.by_key.get(conference)
        home = self._homes.get(instance) or core.home_now(view, work, instance)
        order = mixing(home, self._places.known)
        assigned = core.assign_mix(
            work, conference, instance, offers, len(mixers), self._now(), home, order
        )
        refused = any(isinstance(event, MixRefused) for event in assigned)
        if refused and instance in self._complained:
            # Said once, tried at every look: a worker may come.
            return lost
        (self._complained.add if refused else self._complained.discard)(instance)
        return [*lost, *assigned]

    async def move_mix(self, conference: str, work: core.Work) -> list[SchedulerEvent]:
        mixers = self._roster.alive("mixer")
        old = mixers.get(work.mixer)
        if old is None or not old.draining:
            return []
        bids = core.staying(await self._ask(MixWanted(conference), len(mixers)))
        egress = self._roster.alive("egress").values()
        hosts = {bid.worker: mixers[bid.worker].host for bid in bids if bid.worker in mixers}
        known = self._places.known
        near = {name for name, host in hosts.items() if host == old.host}
        can = near | {
            name
            for name, host in hosts.items()
            if mixers[name].lends or core.can_follow(work, host, egress, known)
        }
        offers = [
            msgspec.structs.replace(bid, same_host=bid.worker in near)
            for bid in bids
            if bid.worker in can
        ]
        home = core.home_now(self._conferences.by_key.get(conference), work, work.instance)
        order = mixing(home, known)
        offer = core.best(offers, order)
        if offer is None:
            return []
        return core.move_mix(work, conference, offer, self._now(), bids, home, order)

    async def call(self, call: CallRouted, work: core.Work) -> list[SchedulerEvent]:
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
        left, unfit = self.left(work), core.unfit(work, wanted, egress)
        found = core.room(work, wanted, left | unfit) or work.session_of(call.participant, call.leg)
        if found is None:
            wanted = self._near(wanted, work)
            offers = await self._ask(wanted, len(egress))
        return core.assign_call(
            work, call, wanted, offers, len(egress), self._new_id, self._now(), left, unfit
        )

    async def move(self, conference: str, ident: str, work: core.Work) -> list[SchedulerEvent]:
        session = work.sessions.get(ident)
        egress = self._roster.alive("egress")
        if session is None or session.worker in egress:
            return []
        stranded = core.stranded(work, session, frozenset(egress))
        if not stranded:
            return core.bury(work, conference, session, self._now())
        rest = core.without(session, stranded)
        wanted = self._again(conference, rest, work)
        order = core.order_of(wanted)
        bids = await self._ask(wanted, len(egress))
        offer = core.best(bids, order)
        if offer is None and core.is_mixed(rest):
            # Nobody who is left can record; the streams beside it are not to wait for that.
            wanted = msgspec.structs.replace(wanted, recording=False)
            bids = await self._ask(wanted, len(egress))
            offer = core.best(bids, order)
        if offer is None:
            return []
        live = core.seen(self._conferences.by_key.get(conference))
        reason = core.why_there(bids, offer, order, wanted.host)
        return core.move_session(rest, conference, offer, self._new_id(), self._now(), live, reason)

    async def hand_over(self, conference: str, ident: str, work: core.Work) -> list[SchedulerEvent]:
        left, egress = self.left(work), self._roster.alive("egress")
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

    def left(self, work: core.Work) -> frozenset[str]:
        """The sessions that may not stay where they are."""
        mixer = self._roster.alive("mixer").get(work.mixer)
        egress = self._roster.alive("egress")
        return core.leaving(work, egress, mixer.host if mixer and not mixer.lends else "")

    def _near(self, wanted: SessionWanted, work: core.Work) -> SessionWanted:
        """Say where the mixer is: who is there takes the feed at no cost. And where else than it
        should a stream may leave from; one that names its node leaves from there or not at all."""
        places = () if wanted.node else sending(wanted.location, self._places.known)[1:]
        mixer = self._roster.alive("mixer").get(work.mixer)
        return msgspec.structs.replace(
            wanted,
            host=mixer.host if mixer else "",
            lent=mixer is not None and mixer.lends,
            overflow=list(places),
        )

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
