"""Who gets the work. Pure: what is assigned now, what is wanted, who offered → what to commit."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import assert_never

import msgspec

from proto.conference import Quality
from proto.media import Audience, Content, FeedSpec, Rendition
from proto.routing import CallRouted
from proto.scheduler import (
    Bid,
    Declined,
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixRefused,
    MixReleased,
    Offer,
    Refusal,
    SchedulerEvent,
    SessionAssigned,
    SessionRefused,
    SessionReleased,
    SessionWanted,
)
from proto.urls import SealedUrl
from proto.views import ConferenceView

SIZES: dict[Quality, tuple[int, int, int]] = {
    "sd": (848, 480, 1500),
    "hd": (1280, 720, 3000),
    "fullhd": (1920, 1080, 4500),
}
"""Width, height, kbit/s. The rates are what the large services recommend for 30 frames a second."""


LEAST_VIDEO = 100
"""kbit/s of picture that are left whatever the limit: less shows nothing."""


class Session(msgspec.Struct, frozen=True):
    session: str
    worker: str
    feed: FeedSpec
    rendition: Rendition
    location: str = ""
    destinations: dict[str, SealedUrl] = {}
    "By participant."
    node: str = ""
    "The worker, or the host, that alone may run it; empty: any."


class Work(msgspec.Struct, frozen=True):
    """All that is assigned for one conference."""

    instance: str = ""
    mixer: str = ""
    "Worker that mixes `instance`; empty while nobody does."
    sessions: dict[str, Session] = {}

    def session_of(self, participant: str, leg: Content = "single") -> Session | None:
        """The session that carries a call, or one leg of a dual stream."""
        return next((s for s in self.sessions_of(participant) if s.feed.content == leg), None)

    def sessions_of(self, participant: str) -> list[Session]:
        return [s for s in self.sessions.values() if participant in s.destinations]


def best(bids: Iterable[Bid]) -> Offer | None:
    """Same host first (the feed costs nothing there), then hardware, then who has most room."""
    offers = [bid for bid in bids if isinstance(bid, Offer) and bid.free > 0]
    if not offers:
        return None
    return min(offers, key=lambda o: (not o.same_host, not o.hardware, -o.free, o.worker))


def refusals(bids: Iterable[Bid]) -> list[Refusal]:
    found = []
    for bid in bids:
        match bid:
            case Declined(worker=worker, reason=reason):
                found.append(Refusal(worker, reason))
            case Offer(worker=worker, free=0):
                found.append(Refusal(worker, "full"))
            case Offer():
                pass
            case _:
                assert_never(bid)
    return found


def why_nobody(kind: str, asked: int, location: str, refused: Sequence[Refusal]) -> str:
    """One sentence: silence and refusal are different things."""
    where = f" in location “{location}”" if location else ""
    if asked == 0:
        return f"no {kind} worker runs{where}"
    if not refused:
        return f"none of {asked} {kind} workers{where} answered"
    return f"no {kind} worker{where} has room: " + "; ".join(
        f"{refusal.worker}: {refusal.reason}" for refusal in refused
    )


def assign_mix(
    work: Work, conference: str, instance: str, bids: Sequence[Bid], asked: int, at: datetime
) -> list[SchedulerEvent]:
    """A mixer for `instance`; nothing if it has one."""
    if work.instance == instance and work.mixer:
        return []
    old: list[SchedulerEvent] = (
        [MixReleased(at, conference, work.instance, work.mixer)] if work.mixer else []
    )
    if offer := best(bids):
        return [*old, MixAssigned(at, conference, instance, offer.worker)]
    refused = refusals(bids)
    return [
        *old,
        MixRefused(at, conference, instance, why_nobody("mixer", asked, "", refused), refused),
    ]


def wish(
    call: CallRouted,
    quality: Quality,
    like: Rendition,
    callrate: int | None = None,
    audience: Audience = "all",
    streaming: bool = True,
) -> SessionWanted:
    """The session that a call, or one leg of it, needs; `callrate` is all it may send, kbit/s."""
    if call.quality is not None:
        quality = min(quality, call.quality, key=lambda q: SIZES[q][0])
    width, height, kbps = SIZES[quality]
    for limit in (callrate, call.max_callrate_out):
        if limit is not None:
            kbps = min(kbps, max(limit - like.audio_kbps, LEAST_VIDEO))
    return SessionWanted(
        call.conference,
        FeedSpec(
            call.conference,
            call.leg,
            width=width,
            height=height,
            audience=audience,
            streaming=streaming,
        ),
        msgspec.structs.replace(like, video_kbps=kbps),
        call.location,
        node=call.node,
    )


def audience_of(view: ConferenceView | None, participant: str) -> Audience:
    """A Guest of a Virtual Auditorium is sent what Guests see."""
    called = view.find(participant) if view else None
    if view is None or called is None or view.service_type != "lecture":
        return "all"
    return "guests" if called.role == "guest" else "all"


def is_streaming(view: ConferenceView | None, participant: str) -> bool:
    """Whether it is sent what streaming participants see; a call of which nothing is known, is."""
    called = view.find(participant) if view else None
    return called is None or called.is_streaming


def room(work: Work, wanted: SessionWanted) -> Session | None:
    """A session that makes exactly what is wanted already."""
    for session in work.sessions.values():
        same_place = wanted.location in ("", session.location) and wanted.node in (
            "",
            session.node,
            session.worker,
        )
        if same_place and (session.feed, session.rendition) == (wanted.feed, wanted.rendition):
            return session
    return None


def assign_call(
    work: Work,
    call: CallRouted,
    wanted: SessionWanted,
    bids: Sequence[Bid],
    asked: int,
    new_id: Callable[[], str],
    at: datetime,
) -> list[SchedulerEvent]:
    """A session for a call: one that runs already, or a new one with the best offer."""
    if work.session_of(call.participant, call.leg):
        return []
    if session := room(work, wanted):
        return [_destination(at, call, session.session, session.worker)]
    if offer := best(bids):
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
            ),
            _destination(at, call, ident, offer.worker),
        ]
    refused = refusals(bids)
    reason = why_nobody("egress", asked, call.location, refused)
    return [SessionRefused(at, call.conference, call.participant, reason, refused, leg=call.leg)]


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
        content = session.feed.content
        if leg in (None, content):
            ident, worker = session.session, session.worker
            gone = DestinationReleased(at, conference, ident, worker, participant, leg=content)
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
        SessionRefused(at, conference, participant, reason),
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
    session: Session, conference: str, offer: Offer, new_id: str, at: datetime
) -> list[SchedulerEvent]:
    """The session's worker is gone: the same session, under a new id, somewhere else."""
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
        ),
        *(
            DestinationAssigned(
                at,
                conference,
                new_id,
                offer.worker,
                participant,
                destination,
                leg=session.feed.content,
            )
            for participant, destination in session.destinations.items()
        ),
    ]


def still_wanted(view: ConferenceView, participant: str, leg: Content) -> bool:
    """Whether the call is on, and this leg of it has not failed."""
    call = view.find(participant)
    return call is not None and (leg != "presentation" or call.presentation_state != "failed")


def orphans(work: Work, alive: frozenset[str]) -> list[Session]:
    return [session for session in work.sessions.values() if session.worker not in alive]


def evolve(work: Work, event: SchedulerEvent) -> Work:
    """Fold one fact in. Never judges: the log is right."""
    replace = msgspec.structs.replace
    match event:
        case MixAssigned(instance=instance, worker=worker):
            return replace(work, instance=instance, mixer=worker)
        case MixReleased():
            return replace(work, mixer="")
        case SessionAssigned(session=ident):
            session = Session(
                ident, event.worker, event.feed, event.rendition, event.location, node=event.node
            )
            return replace(work, sessions={**work.sessions, ident: session})
        case SessionReleased(session=ident):
            rest = {k: s for k, s in work.sessions.items() if k != ident}
            return replace(work, sessions=rest)
        case DestinationAssigned(session=ident, participant=who, destination=destination):
            old = work.sessions[ident]
            new = replace(old, destinations={**old.destinations, who: destination})
            return replace(work, sessions={**work.sessions, ident: new})
        case DestinationReleased(session=ident, participant=who):
            old = work.sessions[ident]
            rest_of = {k: d for k, d in old.destinations.items() if k != who}
            new = replace(old, destinations=rest_of)
            return replace(work, sessions={**work.sessions, ident: new})
        case MixRefused() | SessionRefused():
            return work
    assert_never(event)
