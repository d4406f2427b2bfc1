"""What is assigned for a conference now, and how each event changes that."""

from collections.abc import Collection, Mapping
from typing import assert_never

import msgspec

from proto.media import Content, FeedSpec, Rendition
from proto.scheduler import (
    DestinationAssigned,
    DestinationReleased,
    MixAssigned,
    MixRefused,
    MixReleased,
    SchedulerEvent,
    SessionAssigned,
    SessionRefused,
    SessionReleased,
    SessionWanted,
)
from proto.urls import RECORD, SealedUrl
from proto.views import ConferenceView, WorkerView


class Session(msgspec.Struct, frozen=True):
    session: str
    worker: str
    feed: FeedSpec
    rendition: Rendition
    location: str = ""
    destinations: dict[str, SealedUrl] = {}
    "By participant."
    legs: dict[str, Content] = {}
    "By participant: which half of a dual stream this is for them; a call by itself is `single`."
    node: str = ""
    "The worker, or the host, that alone may run it; empty: any."
    before: dict[str, str] = {}
    "By participant: the session that has it until this one publishes."


class Work(msgspec.Struct, frozen=True):
    """All that is assigned for one conference."""

    instance: str = ""
    mixer: str = ""
    "Worker that mixes `instance`; empty while nobody does."
    sessions: dict[str, Session] = {}
    home: str = ""
    "Whose preferences say where `instance` is mixed; empty: nobody's."

    def session_of(self, participant: str, leg: Content = "single") -> Session | None:
        """The session that carries a call, or one leg of a dual stream."""
        return next((s for s in self.sessions_of(participant) if s.legs[participant] == leg), None)

    def sessions_of(self, participant: str) -> list[Session]:
        return [s for s in self.sessions.values() if participant in s.destinations]


def room(
    work: Work, wanted: SessionWanted, leaving: Collection[str] = frozenset()
) -> Session | None:
    """A session that makes exactly what is wanted already, and is not to be left."""
    for session in work.sessions.values():
        if session.session in leaving:
            continue
        same_place = wanted.location in ("", session.location) and wanted.node in (
            "",
            session.node,
            session.worker,
        )
        if same_place and (session.feed, session.rendition) == (wanted.feed, wanted.rendition):
            return session
    return None


def is_recording(session: Session) -> bool:
    return any(url.scheme == RECORD for url in session.destinations.values())


def is_mixed(session: Session) -> bool:
    """Whether it has a recording, and streams beside it."""
    return len({url.scheme == RECORD for url in session.destinations.values()}) == 2


def unfit(work: Work, wanted: SessionWanted, workers: Mapping[str, WorkerView]) -> frozenset[str]:
    """The sessions that cannot take what is to be kept: their worker has nowhere to keep it."""
    return frozenset(
        session.session
        for session in work.sessions.values()
        if wanted.recording
        and (worker := workers.get(session.worker)) is not None
        and not worker.records
    )


def orphans(work: Work, alive: frozenset[str]) -> list[Session]:
    return [session for session in work.sessions.values() if session.worker not in alive]


def stranded(work: Work, session: Session, alive: frozenset[str]) -> list[str]:
    """Whom nobody carries when that session is gone; the others are being moved already."""
    return [
        who
        for who, leg in session.legs.items()
        if not any(
            other.worker in alive and other.session != session.session
            for other in work.sessions_of(who)
            if other.legs[who] == leg
        )
    ]


def still_wanted(view: ConferenceView, participant: str, leg: Content) -> bool:
    """Whether the call is on, and this leg of it has not failed."""
    call = view.find(participant)
    return call is not None and (leg != "presentation" or call.presentation_state != "failed")


def evolve(work: Work, event: SchedulerEvent) -> Work:
    """Fold one fact in. Never judges: the log is right."""
    replace = msgspec.structs.replace
    match event:
        case MixAssigned(instance=instance, worker=worker, home=home):
            return replace(work, instance=instance, mixer=worker, home=home)
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
            destinations = {**old.destinations, who: destination}
            before = {k: b for k, b in old.before.items() if k != who}
            if event.takes_over:
                before[who] = event.takes_over
            legs = {**old.legs, who: event.leg}
            new = replace(old, destinations=destinations, legs=legs, before=before)
            return replace(work, sessions={**work.sessions, ident: new})
        case DestinationReleased(session=ident, participant=who):
            old = work.sessions[ident]
            rest_of = {k: d for k, d in old.destinations.items() if k != who}
            legs = {k: leg for k, leg in old.legs.items() if k != who}
            before = {k: b for k, b in old.before.items() if k != who}
            new = replace(old, destinations=rest_of, legs=legs, before=before)
            return replace(work, sessions={**work.sessions, ident: new})
        case MixRefused() | SessionRefused():
            return work
    assert_never(event)
