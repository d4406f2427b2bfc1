"""Work that moves while it goes on: somewhere else first, and only then no longer here.

A session that has to leave its worker is assigned elsewhere and goes on. When the new one publishes
a destination, or is told by the server that somebody publishes there already, the old one lets go
of it. At no moment is a call carried by nobody.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from proto.egress import DestinationChanged
from proto.media import Content
from proto.places import Locations, sending
from proto.scheduler import (
    Bid,
    DestinationAssigned,
    DestinationReleased,
    MixReleased,
    Offer,
    SchedulerEvent,
    SessionAssigned,
    SessionReleased,
    SessionWanted,
)
from proto.views import ConferenceView, WorkerView
from services.scheduler.core.bids import best, order_of, staying, why_there
from services.scheduler.core.give import mix_with
from services.scheduler.core.work import Session, Work, room

Leg = tuple[str, Content]
"""A participant, and which half of a dual stream."""

TAKEN = frozenset(
    {
        *("stream-key-in-use-or-invalid", "rejected", "refused-after-start"),
        *("publish-rejected", "publish-denied"),
    }
)
"""Reason codes by which a server turns a second publisher away: the first has to go for it."""


def leaving(work: Work, workers: Mapping[str, WorkerView], host: str) -> frozenset[str]:
    """Sessions that run and may not stay: their worker is being drained, or is not on `host`, where
    the mixer is now and their feed can be taken; empty: it can be taken anywhere."""
    return frozenset(
        session.session
        for session in work.sessions.values()
        if (worker := workers.get(session.worker))
        and (worker.draining or (host and worker.host != host))
    )


def seen(view: ConferenceView | None) -> frozenset[Leg]:
    """What viewers have seen, and expect to go on."""
    live = ("connected", "recovering")
    legs: set[Leg] = set()
    for one in view.participants if view else []:
        if one.state in live:
            legs |= {(one.participant, "single"), (one.participant, "main")}
        if one.presentation_state in live:
            legs.add((one.participant, "presentation"))
    return frozenset(legs)


def movable(work: Work, session: Session) -> list[str]:
    """Whose destinations can be given to another: neither on their way there, nor here."""
    return [
        who
        for who in session.destinations
        if _before(work, session, who) is None and not _followed(work, session, who)
    ]


def _before(work: Work, session: Session, who: str) -> Session | None:
    """The session that still has what this one takes over."""
    old = work.sessions.get(session.before.get(who, ""))
    return old if old is not None and who in old.destinations else None


def _followed(work: Work, session: Session, who: str) -> bool:
    return any(
        other.before.get(who) == session.session
        for other in work.sessions_of(who)
        if other.session != session.session
    )


def hand_over(
    work: Work,
    conference: str,
    session: Session,
    wanted: SessionWanted,
    bids: Collection[Bid],
    left: Collection[str],
    live: Collection[Leg],
    new_id: Callable[[], str],
    at: datetime,
) -> list[SchedulerEvent]:
    """Another session for all that can move; nothing if nobody has room, or nothing can.

    `left`: the sessions that are not to be given anything; `live`: what viewers have seen.
    """
    theirs = movable(work, session)
    if not theirs:
        return []
    commit: list[SchedulerEvent] = []
    if heir := room(work, wanted, left):
        ident, worker = heir.session, heir.worker
    elif offer := best(staying(bids), order_of(wanted)):
        ident, worker = new_id(), offer.worker
        commit.append(
            SessionAssigned(
                at,
                conference,
                ident,
                worker,
                session.feed,
                session.rendition,
                session.location,
                session.node,
                offer.location,
                why_there(bids, offer, order_of(wanted), wanted.host),
            )
        )
    else:
        return []
    for who in theirs:
        leg = session.legs[who]
        commit.append(
            DestinationAssigned(
                at,
                conference,
                ident,
                worker,
                who,
                session.destinations[who],
                leg=leg,
                takes_over=session.session,
                seen=(who, leg) in live,
            )
        )
    return commit


def heard(work: Work, told: DestinationChanged) -> list[SchedulerEvent]:
    """What a word about a destination means for one that is being handed over."""
    at, conference, who = told.at, told.conference, told.participant
    new = work.sessions.get(told.session)
    if new is None or who not in new.destinations:
        return []
    old = _before(work, new, who)
    if old is None:
        return []
    if told.state == "publishing":
        return _let_go(old, conference, who, at)
    if told.state in ("failed", "stopped"):
        # It cannot be done there; where it is, it goes on.
        return _let_go(new, conference, who, at)
    if told.code in TAKEN:
        return [*_let_go(old, conference, who, at), _alone(new, conference, who, at)]
    return []


def _let_go(session: Session, conference: str, who: str, at: datetime) -> list[SchedulerEvent]:
    ident, worker, leg = session.session, session.worker, session.legs[who]
    gone: list[SchedulerEvent] = [
        DestinationReleased(at, conference, ident, worker, who, leg=leg, handed_on=True)
    ]
    if len(session.destinations) == 1:
        gone.append(SessionReleased(at, conference, ident, worker))
    return gone


def _alone(session: Session, conference: str, who: str, at: datetime) -> DestinationAssigned:
    """What was taken over is this session's own now, though nobody sees it yet."""
    return DestinationAssigned(
        at,
        conference,
        session.session,
        session.worker,
        who,
        session.destinations[who],
        leg=session.legs[who],
        seen=True,
    )


def bury(work: Work, conference: str, session: Session, at: datetime) -> list[SchedulerEvent]:
    """A session died of which all has been handed over, or was about to be."""
    heirs = [
        _alone(other, conference, who, at)
        for who in session.destinations
        for other in work.sessions_of(who)
        if other.before.get(who) == session.session
    ]
    return [SessionReleased(at, conference, session.session, session.worker), *heirs]


def without(session: Session, stay: Collection[str]) -> Session:
    """The session as far as it is for these."""
    return msgspec.structs.replace(
        session,
        destinations={k: d for k, d in session.destinations.items() if k in stay},
    )


def can_follow(
    work: Work, host: str, egress: Collection[WorkerView], known: Locations | None = None
) -> bool:
    """Whether the sessions of a conference could run on that host, if it were mixed there."""
    there = [one for one in egress if one.host == host and not one.draining]
    names = {one.worker for one in there}
    away = [session for session in work.sessions.values() if session.worker not in names]
    places = {one.location for one in there}
    return len(away) <= sum(max(0, one.capacity - one.used) for one in there) and all(
        session.node in {"", host, *names} and _at_home(session, places, known or {})
        for session in away
    )


def _at_home(session: Session, places: Collection[str], known: Locations) -> bool:
    """Whether it may run in one of these locations; what names a node does not overflow."""
    if not session.location or session.location in places:
        return True
    return not session.node and any(one in places for one in sending(session.location, known))


def move_mix(
    work: Work,
    conference: str,
    offer: Offer,
    at: datetime,
    bids: Collection[Bid] = (),
    home: str = "",
    order: Sequence[str] = (),
) -> list[SchedulerEvent]:
    """Another mixer for the same instance; viewers see the last picture until it draws one."""
    return [
        MixReleased(at, conference, work.instance, work.mixer),
        mix_with(offer, conference, work.instance, bids, at, home, order),
    ]
