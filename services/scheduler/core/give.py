"""Work given, taken back and moved: what to commit for each of these."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from proto.media import FEEDS_LIMIT, Content
from proto.routing import CallRouted
from proto.scheduler import (
    Bid,
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixRefused,
    MixReleased,
    Offer,
    SchedulerEvent,
    SessionAssigned,
    SessionRefused,
    SessionReleased,
    SessionWanted,
)
from services.scheduler.core.bids import (
    best,
    in_a_word,
    order_of,
    refusals,
    why_nobody,
    why_there,
)
from services.scheduler.core.work import Session, Work, room


def assign_mix(
    work: Work,
    conference: str,
    instance: str,
    bids: Sequence[Bid],
    asked: int,
    at: datetime,
    home: str = "",
    order: Sequence[str] = (),
) -> list[SchedulerEvent]:
    """A mixer for `instance`; nothing if it has one.

    `order`: where it is to be mixed rather than anywhere, which `home` says.
    """
    if work.instance == instance and work.mixer:
        return []
    old: list[SchedulerEvent] = (
        [MixReleased(at, conference, work.instance, work.mixer)] if work.mixer else []
    )
    if offer := best(bids, order):
        return [*old, mix_with(offer, conference, instance, bids, at, home, order)]
    refused = refusals(bids)
    return [
        *old,
        MixRefused(
            at,
            conference,
            instance,
            why_nobody("mixer", asked, (), refused),
            refused,
            code=in_a_word(asked, refused),
        ),
    ]


def mix_with(
    offer: Offer,
    conference: str,
    instance: str,
    bids: Collection[Bid],
    at: datetime,
    home: str = "",
    order: Sequence[str] = (),
) -> MixAssigned:
    """That one has the mix, and this is why."""
    misplaced = why_there(bids, offer, order)
    return MixAssigned(at, conference, instance, offer.worker, offer.location, home, misplaced)


def assign_call(
    work: Work,
    call: CallRouted,
    wanted: SessionWanted,
    bids: Sequence[Bid],
    asked: int,
    new_id: Callable[[], str],
    at: datetime,
    leaving: Collection[str] = frozenset(),
    unfit: Collection[str] = frozenset(),
) -> list[SchedulerEvent]:
    """A session for a call: one that runs already, or a new one with the best offer.

    Sessions that are `leaving` are given it if nobody else can do it, those that are `unfit` never.
    """
    if work.session_of(call.participant, call.leg):
        return []
    if session := room(work, wanted, {*leaving, *unfit}):
        return [_destination(at, call, session.session, session.worker)]
    if not _has_feed_for(work, wanted):
        reason = f"the conference already has {FEEDS_LIMIT} different pictures, no more can be made"
        return [
            SessionRefused(
                at, call.conference, call.participant, reason, leg=call.leg, code="feeds"
            )
        ]
    offer = best(bids, order_of(wanted))
    if (offer is None or offer.leaving) and (session := room(work, wanted, unfit)):
        # It is to go, but nobody could do this who is not.
        return [_destination(at, call, session.session, session.worker)]
    if offer:
        ident = new_id()
        return [
            SessionAssigned(
                at,
                call.conference,
                ident,
                offer.worker,
                wanted.feed,
                wanted.rendition,
                wanted.location,
                wanted.node,
                offer.location,
                why_there(bids, offer, order_of(wanted), wanted.host),
            ),
            _destination(at, call, ident, offer.worker),
        ]
    refused = refusals(bids)
    reason = why_nobody("egress", asked, order_of(wanted), refused)
    return [
        SessionRefused(
            at,
            call.conference,
            call.participant,
            reason,
            refused,
            leg=call.leg,
            code=in_a_word(asked, refused),
        )
    ]


def _has_feed_for(work: Work, wanted: SessionWanted) -> bool:
    """The mixer renders it already, or may begin to."""
    feeds = {session.feed for session in work.sessions.values()}
    return wanted.feed in feeds or len(feeds) < FEEDS_LIMIT


def _destination(at: datetime, call: CallRouted, session: str, worker: str) -> DestinationAssigned:
    return DestinationAssigned(
        at,
        call.conference,
        session,
        worker,
        call.participant,
        call.destination,
        leg=call.leg,
    )


def release_call(
    work: Work, conference: str, participant: str, at: datetime, *, leg: Content | None = None
) -> list[SchedulerEvent]:
    """The call, or one leg of it, is over; a session without destinations goes too."""
    released: list[SchedulerEvent] = []
    for session in work.sessions_of(participant):
        theirs = session.legs[participant]
        if leg in (None, theirs):
            ident, worker = session.session, session.worker
            gone = DestinationReleased(at, conference, ident, worker, participant, leg=theirs)
            released.append(gone)
            if len(session.destinations) == 1:
                released.append(SessionReleased(at, conference, ident, worker))
    return released


def give_up(
    work: Work, conference: str, participant: str, reason: str, at: datetime
) -> list[SchedulerEvent]:
    """A call that nothing is being done for, and nobody can be found to do it."""
    return [
        *release_call(work, conference, participant, at),
        SessionRefused(at, conference, participant, reason, code="lost"),
    ]


def release_all(work: Work, conference: str, instance: str, at: datetime) -> list[SchedulerEvent]:
    """That instance of the conference is over; what a later one has been given stays."""
    if work.instance not in ("", instance):
        return []
    released: list[SchedulerEvent] = [
        SessionReleased(at, conference, session.session, session.worker)
        for session in work.sessions.values()
    ]
    if work.mixer:
        released.append(MixReleased(at, conference, work.instance, work.mixer))
    return released


def lost_mix(
    work: Work, conference: str, alive: frozenset[str], at: datetime
) -> list[SchedulerEvent]:
    """The mixer is gone: let go of it, so that another can be asked."""
    if not work.mixer or work.mixer in alive:
        return []
    return [MixReleased(at, conference, work.instance, work.mixer)]


def move_session(
    session: Session,
    conference: str,
    offer: Offer,
    new_id: str,
    at: datetime,
    seen: Collection[tuple[str, Content]] = frozenset(),
    misplaced: str = "",
) -> list[SchedulerEvent]:
    """The session's worker is gone: the same session, under a new id, somewhere else.

    `seen`: the legs that viewers have seen; `misplaced`: why it is not where it should be.
    """
    return [
        SessionReleased(at, conference, session.session, session.worker),
        SessionAssigned(
            at,
            conference,
            new_id,
            offer.worker,
            session.feed,
            session.rendition,
            session.location,
            session.node,
            offer.location,
            misplaced,
        ),
        *(
            DestinationAssigned(
                at,
                conference,
                new_id,
                offer.worker,
                participant,
                destination,
                leg=session.legs[participant],
                seen=(participant, session.legs[participant]) in seen,
            )
            for participant, destination in session.destinations.items()
        ),
    ]
